# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in processes of its own, against the sandbox."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import modules
from tests.support.sandbox import Sandbox

MODULE = "sslcom_acme_credential"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    shared.clear_faults()
    shared.clear_ledger()
    return shared


def options(sandbox: Sandbox, path: Path, **more: Any) -> dict[str, Any]:
    found = {name: sandbox.sslcom[name] for name in ("api_url", "account_key", "secret_key")}
    return {**found, "ca_path": sandbox.ca_path, "description": str(path), "path": str(path), **more}


def assert_no_secrets(sandbox: Sandbox, path: Path, *runs: modules.Run) -> None:
    secrets = [sandbox.sslcom["account_key"], sandbox.sslcom["secret_key"]]
    if path.exists():
        secrets.append(json.loads(path.read_bytes())["hmac_key"])
    for done in runs:
        assert not any(secret in done.output for secret in secrets)
        assert "Traceback" not in done.output


def test_life(sandbox: Sandbox, tmp_path: Path) -> None:
    """check, real, again, a loose mode, again."""
    path = tmp_path / "eab" / "alpha.json"
    wanted = options(sandbox, path)
    predicted = modules.run(MODULE, wanted, check=True, diff=True)
    assert sandbox.ledger() == []
    assert list(tmp_path.iterdir()) == []
    real = modules.run(MODULE, wanted, diff=True)
    for key in ("changed", "steps", "reason", "diff"):
        assert predicted.result[key] == real.result[key]
    assert real.result["changed"] is True
    assert real.result["diff"]["before"] == {}
    shown = real.result["credential"]
    assert sorted(shown) == ["created", "description", "directory_urls", "kid", "path", "provider"]
    assert shown["kid"] == json.loads(path.read_bytes())["kid"]
    assert predicted.result["credential"] == {"provider": "sslcom", "path": str(path), "kid": None}
    assert sandbox.count(service="sslcom", effect="credentials_created") == sandbox.count() == 1

    again = modules.run(MODULE, {name: wanted[name] for name in wanted if not name.endswith("_key")}, diff=True)
    assert again.result["changed"] is False
    assert again.result["credential"] == shown
    assert again.result["diff"]["before"] == again.result["diff"]["after"]
    path.chmod(0o644)
    mended = modules.run(MODULE, wanted, diff=True)
    assert [step["action"] for step in mended.result["steps"]] == ["restrict"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sandbox.count() == 1, "no request where the record is in place"
    assert_no_secrets(sandbox, path, predicted, real, again, mended)


def test_return_hmac(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    first = modules.run(MODULE, options(sandbox, path, return_hmac=True))
    second = modules.run(MODULE, options(sandbox, path, return_hmac=True))
    stored = json.loads(path.read_bytes())["hmac_key"]
    assert first.result["credential"]["hmac_key"] == second.result["credential"]["hmac_key"] == stored
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", stored)
    assert "hmac_key" not in modules.run(MODULE, options(sandbox, path)).result["credential"]


def test_keys_from_the_environment(sandbox: Sandbox, tmp_path: Path) -> None:
    wanted = options(sandbox, tmp_path / "alpha.json")
    environment = {"SSLCOM_ACCOUNT_KEY": wanted.pop("account_key"), "SSLCOM_SECRET_KEY": wanted.pop("secret_key")}
    without = modules.run(MODULE, wanted, check=True)
    assert without.failed
    assert "SSLCOM_ACCOUNT_KEY" in without.result["msg"]
    assert sandbox.count() == 0
    done = modules.run(MODULE, wanted, environment=environment)
    assert done.result["changed"] is True
    assert_no_secrets(sandbox, tmp_path / "alpha.json", without, done)


@pytest.mark.parametrize("fault", ["cut_after", "cut_before", "502", "truncate"])
def test_a_lost_answer(sandbox: Sandbox, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "alpha.json"
    sandbox.fault("sslcom", fault)
    lost = modules.run(MODULE, options(sandbox, path))
    assert lost.result["error"]["kind"] == "outcome_unknown"
    assert lost.result["changed"] is False
    assert not path.exists()
    done = modules.run(MODULE, options(sandbox, path))
    assert done.result["changed"] is True
    assert sandbox.count(effect="credentials_created") == 1
    assert_no_secrets(sandbox, path, lost, done)


def test_errors_200_and_429(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    sandbox.fault("sslcom", "errors_200")
    sandbox.fault("sslcom", "429", retry_after=30)
    refused = modules.run(MODULE, options(sandbox, path))
    assert (refused.result["error"]["kind"], refused.result["error"]["status"]) == ("provider", 200)
    limited = modules.run(MODULE, options(sandbox, path))
    assert limited.result["error"]["kind"] == "rate_limited"
    assert limited.result["error"]["retry_after"] == 30
    assert sandbox.count() == 2, "a POST is sent once"
    assert_no_secrets(sandbox, path, refused, limited)


def test_wrong_keys(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    done = modules.run(MODULE, options(sandbox, path, secret_key="cAnArY-wrong"))
    assert done.result["error"]["kind"] == "auth"
    assert "cAnArY" not in done.output
    assert_no_secrets(sandbox, path, done)


def test_killed_with_the_answer_on_its_way(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    sandbox.fault("sslcom", "slow", seconds=20)
    process = modules.start(MODULE, options(sandbox, path))
    end = time.monotonic() + 20
    while not sandbox.count(effect="credentials_created") and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert modules.finish(process).code == -signal.SIGKILL
    assert not path.exists()
    done = modules.run(MODULE, options(sandbox, path))
    assert done.result["changed"] is True
    assert sandbox.count(effect="credentials_created") == 1
    assert sandbox.count(effect="credentials_returned") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["alpha.json"]


def test_ten_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    processes = [modules.start(MODULE, options(sandbox, path)) for _unused in range(10)]
    done = [modules.finish(process) for process in processes]
    assert not any(each.failed for each in done)
    assert len({each.result["credential"]["kid"] for each in done}) == 1
    assert sandbox.count() == 1


def test_a_missing_library(sandbox: Sandbox, tmp_path: Path) -> None:
    """Decided by a record: nothing is imported. Else one sentence."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "requests.py").write_text("raise ModuleNotFoundError('no', name='requests')\n")
    path = tmp_path / "alpha.json"
    done = modules.run(MODULE, options(sandbox, path), library=library)
    assert done.result["error"]["kind"] == "missing_library"
    assert "requests" in done.result["msg"]
    assert not path.exists()
    modules.run(MODULE, options(sandbox, path))
    assert modules.run(MODULE, options(sandbox, path), library=library).result["changed"] is False
    assert_no_secrets(sandbox, path, done)


def test_another_customer_s_record(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "alpha.json"
    modules.run(MODULE, options(sandbox, path))
    before = path.read_bytes()
    done = modules.run(MODULE, options(sandbox, path, description="somebody else"))
    assert done.result["error"]["kind"] == "state"
    assert path.read_bytes() == before
    assert sandbox.count() == 1
    assert_no_secrets(sandbox, path, done)
