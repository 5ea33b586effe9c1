# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme_account, acme_renewal_info, acme_order and acme_finalize as processes: what users see of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.modules import (
    acme_account,
    acme_finalize,
    acme_order,
    acme_renewal_info,
    certificate_request,
)

from tests.support import modules
from tests.support.fake_acme import FakeAcme, problem
from tests.support.issuing import certificate

MODULES = (acme_account, acme_renewal_info, certificate_request, acme_order, acme_finalize)
# not a key of RETURN's own making: of all modules, or of failures
GENERAL = {"changed", "invocation", "warnings", "diff", "failed", "msg", "error", "done", "open"}


@pytest.fixture
def server() -> Iterator[FakeAcme]:
    with FakeAcme(renewal_info=True) as found:
        yield found


@pytest.fixture
def options(server: FakeAcme, tmp_path: Path) -> dict[str, dict[str, Any]]:
    (tmp_path / "ca.pem").write_bytes(server.ca.pem)
    directory = {"directory_url": server.directory_url}
    sets = {"sets_path": str(tmp_path / "sets"), "certificates": [certificate("www.example.com")]}
    account = {**directory, "account_key_path": str(tmp_path / "alpha.key")}
    return {
        "acme_account": {**account, "contact": ["tls@example.com"], "terms_agreed": True},
        "acme_renewal_info": {**directory, **sets},
        "certificate_request": {**directory, **sets},
        "acme_order": {**account, **sets},
        "acme_finalize": {**account, **sets, "wait_timeout": 30},
    }


ORDER = ("acme_account", "certificate_request", "acme_order", "acme_finalize", "acme_renewal_info")


def documented(name: str) -> dict[str, Any]:
    module = next(module for module in MODULES if module.__name__.rsplit(".", 1)[-1] == name)
    found: dict[str, Any] = yaml.safe_load(module.RETURN)
    return found


def test_results_are_what_the_documentation_says(options: dict[str, dict[str, Any]]) -> None:
    for name in ORDER:
        result = modules.run(name, options[name]).result
        assert not result.get("failed"), result
        returns = documented(name)
        assert set(result) - GENERAL == set(returns), name
        for key, value in result.items():
            contains = returns.get(key, {}).get("contains")
            if contains and value:
                assert set(value[0] if isinstance(value, list) else value) == set(contains), (name, key)


def test_check_mode_and_run_have_one_plan(server: FakeAcme, options: dict[str, dict[str, Any]]) -> None:
    for name in ORDER[:4]:
        predicted = modules.run(name, options[name], check=True, diff=True).result
        done = modules.run(name, options[name], diff=True).result
        again = modules.run(name, options[name]).result
        for key in ("steps", "reason", "diff", "changed"):
            assert predicted[key] == done[key], (name, key)
        assert done["changed"]
        assert not again["changed"]


def test_a_failure_has_its_parts(server: FakeAcme, options: dict[str, dict[str, Any]]) -> None:
    for name in ORDER[:2]:
        modules.run(name, options[name])
    server.answers["newOrder"] = [problem(403, "caa", "forbidden by CAA")]
    run = modules.run("acme_order", options["acme_order"])
    assert run.code != 0
    assert run.result["msg"].startswith("www.example.com: the ACME server refused: caa: forbidden by CAA. ")
    assert {name: run.result["error"][name] for name in ("kind", "status", "code", "detail")} == {
        "kind": "provider",
        "status": 403,
        "code": "caa",
        "detail": "caa: forbidden by CAA",
    }
    assert run.result["done"] == []
    assert run.result["open"] == [{"action": "order", "subject": "www.example.com", "cost": "free"}]
    assert run.result["changed"] is False


def test_no_key_and_no_token_is_shown_where_it_does_not_belong(
    options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    keys = []
    for name in ORDER:
        output = modules.run(name, options[name], diff=True).output
        keys = [path.read_text().split("\n")[1] for path in [*tmp_path.glob("*.key"), *tmp_path.rglob("privkey.pem")]]
        assert not any(key in output for key in keys), name
    assert len(keys) >= 2


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("acme_order", {"workers": 0}, "workers must be 1 or more"),
        ("acme_order", {"remaining_share": 2.0}, "between 0 and 1"),
        ("acme_order", {"remaining_days": 0}, "1 or more"),
        ("acme_order", {"directory_url": "http://acme.example/directory"}, "there is no account"),
        ("acme_account", {"directory_url": "http://acme.example/directory"}, "is not https"),
        ("acme_account", {"contact": []}, "contact is empty"),
        ("acme_account", {"ca_path": "/does/not/exist"}, "does not exist"),
        (
            "certificate_request",
            {"certificates": [{"name": "x", "domains": []}]},
            "certificates[0] (x): domains is empty",
        ),
        ("certificate_request", {"certificates": [{"name": "x"}]}, "missing required arguments: domains"),
        ("certificate_request", {"certificates": [certificate("x.test", key_size=1024)]}, "unknown kind of key"),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, dict[str, Any]], name: str, change: dict[str, Any], words: str
) -> None:
    if name == "acme_order" and "directory_url" in change:
        modules.run("certificate_request", {**options["certificate_request"], **change})
    run = modules.run(name, {**options[name], **change})
    assert run.failed
    assert words in run.result["msg"]
    assert "Internal error" not in run.result["msg"]
