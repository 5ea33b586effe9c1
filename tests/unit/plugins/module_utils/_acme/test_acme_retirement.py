# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of an account: once, known afterwards, and to its end after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import modules
from tests.support.fake_acme import FakeAcme, problem


@pytest.fixture
def server() -> Iterator[FakeAcme]:
    with FakeAcme() as found:
        yield found


@pytest.fixture
def options(server: FakeAcme, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "ca.pem").write_bytes(server.ca.pem)
    account = {"directory_url": server.directory_url, "account_key_path": str(tmp_path / "alpha.key")}
    return {**account, "contact": ["tls@example.com"], "terms_agreed": True}


def retire(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = modules.run(
        "acme_account", {**{k: v for k, v in options.items() if k != "contact"}, "state": "deactivated"}, **more
    ).result
    return result


def test_deactivated_once(server: FakeAcme, options: dict[str, Any], tmp_path: Path) -> None:
    assert not retire(options)["changed"]  # there is none
    modules.run("acme_account", options)
    predicted = retire(options, check=True)
    assert predicted["changed"]
    assert server.payloads("account") == []
    done = retire(options)
    assert done["steps"] == predicted["steps"]
    assert [step["cost"] for step in done["steps"]] == ["final"]
    assert server.payloads("account") == [{"status": "deactivated"}]
    assert done["account"]["deactivated"]
    assert not retire(options)["changed"]
    assert len(server.payloads("account")) == 1
    assert (tmp_path / "alpha.key").exists()


def test_an_account_that_ended_is_not_used_any_more(options: dict[str, Any]) -> None:
    modules.run("acme_account", options)
    retire(options)
    refused = modules.run("acme_account", options).result
    assert "was deactivated on" in refused["msg"]


def test_after_a_kill(server: FakeAcme, options: dict[str, Any], tmp_path: Path) -> None:
    """The server has ended it, and nobody heard: what is not ours any more is what was wanted. Before, a refusal is one."""
    modules.run("acme_account", options)
    path = tmp_path / "alpha.json"
    before = path.read_text()
    server.answers["account"] = [problem(401, "unauthorized", "not you")]
    assert retire(options)["error"]["code"] == "unauthorized"
    assert path.read_text() == before
    path.write_text(json.dumps({**json.loads(before), "retiring": "2026-11-22T10:00:00Z"}))
    server.answers["account"] = [problem(401, "unauthorized", "account is deactivated")]
    assert retire(options)["changed"]
    assert json.loads(path.read_text())["retired"]
