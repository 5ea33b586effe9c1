# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in processes of its own, against the sandbox: with both answers that a second call may get."""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import modules
from tests.support.sandbox import Sandbox

MODULE = "identrust_account"
SIGN_IN: dict[str, tuple[str, ...]] = {
    "api_key": ("api_key",),
    "oauth": ("client_id", "client_secret", "token_url", "audience"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def shared_strict() -> Iterator[Sandbox]:
    with Sandbox(duplicate_account="conflict") as sandbox:
        yield sandbox


def fresh(sandbox: Sandbox) -> Sandbox:
    sandbox.clear_faults()
    sandbox.clear_ledger()
    return sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    return fresh(shared)


@pytest.fixture
def strict(shared_strict: Sandbox) -> Sandbox:
    return fresh(shared_strict)


def options(sandbox: Sandbox, path: Path, sign_in: str = "api_key", **more: Any) -> dict[str, Any]:
    found = {name: sandbox.identrust[name] for name in ("api_url", *SIGN_IN[sign_in])}
    email = f"{hashlib.sha256(str(path).encode()).hexdigest()[:12]}@beta.example"  # each test its own
    return {**found, "ca_path": sandbox.ca_path, "customer_email": email, "path": str(path), **more}


def assert_no_secrets(sandbox: Sandbox, path: Path, *runs: modules.Run) -> None:
    secrets = [sandbox.identrust["api_key"], sandbox.identrust["client_secret"]]
    if path.exists():
        secrets.append(json.loads(path.read_bytes())["hmac_key"])
    for done in runs:
        assert not any(secret in done.output for secret in secrets)
        assert "Traceback" not in done.output


@pytest.mark.parametrize("sign_in", SIGN_IN)
def test_life(sandbox: Sandbox, tmp_path: Path, sign_in: str) -> None:
    path = tmp_path / "eab" / "beta.json"
    wanted = options(sandbox, path, sign_in)
    predicted = modules.run(MODULE, wanted, check=True, diff=True)
    assert sandbox.ledger() == []
    assert list(tmp_path.iterdir()) == []
    real = modules.run(MODULE, wanted, diff=True)
    for key in ("changed", "steps", "reason", "diff"):
        assert predicted.result[key] == real.result[key]
    assert real.result["changed"] is True
    shown = real.result["account"]
    assert shown["email"] == wanted["customer_email"]
    assert shown["reseller_code"] == "SANDBOX"
    assert (shown["revoked"], shown["deleted"]) == (False, False)
    assert "hmac_key" not in shown
    assert [entry["effect"] for entry in sandbox.ledger()] == (["token_issued"] if sign_in == "oauth" else []) + [
        "account_created"
    ]
    number = sandbox.count()
    again = modules.run(MODULE, {name: wanted[name] for name in ("api_url", "customer_email", "path")}, diff=True)
    assert again.result["changed"] is False
    assert again.result["account"] == shown
    assert sandbox.count() == number
    assert [entry.name for entry in path.parent.iterdir()] == ["beta.json"]
    assert_no_secrets(sandbox, path, predicted, real, again)


@pytest.mark.parametrize(
    ("option", "variable"), [("api_key", "IDENTRUST_API_KEY"), ("client_secret", "IDENTRUST_CLIENT_SECRET")]
)
def test_secrets_from_the_environment(sandbox: Sandbox, tmp_path: Path, option: str, variable: str) -> None:
    wanted = options(sandbox, tmp_path / "beta.json", "api_key" if option == "api_key" else "oauth")
    environment = {variable: wanted.pop(option)}
    without = modules.run(MODULE, wanted, check=True)
    assert "no way to sign in" in without.result["msg"]
    done = modules.run(MODULE, wanted, environment=environment)
    assert done.result["changed"] is True
    assert_no_secrets(sandbox, tmp_path / "beta.json", without, done)


def test_return_hmac(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "beta.json"
    done = modules.run(MODULE, options(sandbox, path, return_hmac=True))
    assert done.result["account"]["hmac_key"] == json.loads(path.read_bytes())["hmac_key"]


def test_an_obtained_token(sandbox: Sandbox, tmp_path: Path) -> None:
    wanted = options(sandbox, tmp_path / "beta.json")
    del wanted["api_key"]
    done = modules.run(MODULE, {**wanted, "access_token": "cAnArY-token"})
    assert done.result["error"]["kind"] == "auth"
    assert sandbox.count(operation="account") == 1
    assert "cAnArY" not in done.output


@pytest.mark.parametrize("fault", ["cut_after", "cut_before", "502", "truncate"])
def test_a_lost_answer(sandbox: Sandbox, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "beta.json"
    sandbox.fault("identrust", fault)
    lost = modules.run(MODULE, options(sandbox, path))
    assert lost.result["error"]["kind"] == "outcome_unknown"
    assert [entry.name for entry in tmp_path.iterdir()] == ["beta.json.intent"]
    predicted = modules.run(MODULE, options(sandbox, path), check=True)
    assert "an earlier run was cut off" in predicted.result["reason"]
    done = modules.run(MODULE, options(sandbox, path))
    assert done.result["changed"] is True
    assert sandbox.count(effect="account_created") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["beta.json"]
    assert_no_secrets(sandbox, path, lost, predicted, done)


def kill_in_flight(sandbox: Sandbox, path: Path) -> None:
    """SIGKILL when the account is booked and its answer on its way."""
    sandbox.fault("identrust", "slow", seconds=20)
    process = modules.start(MODULE, options(sandbox, path))
    end = time.monotonic() + 20
    while not sandbox.count(effect="account_created") and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert modules.finish(process).code == -signal.SIGKILL
    assert [entry.name for entry in path.parent.iterdir()] == [path.name + ".intent"]


def test_killed_with_the_answer_on_its_way(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "beta.json"
    kill_in_flight(sandbox, path)
    done = modules.run(MODULE, options(sandbox, path))
    assert done.result["changed"] is True
    assert sandbox.count(effect="account_created") == 1
    assert sandbox.count(effect="account_returned") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["beta.json"]


def test_killed_and_then_refused(strict: Sandbox, tmp_path: Path) -> None:
    """The key is lost, and the message says since when, and what to do."""
    path = tmp_path / "beta.json"
    kill_in_flight(strict, path)
    since = json.loads(Path(f"{path}.intent").read_bytes())["since"]
    for _unused in range(2):
        done = modules.run(MODULE, options(strict, path))
        assert (done.result["error"]["kind"], done.result["error"]["status"]) == ("provider", 409)
        for part in (since, f"{path}.intent", "An account with this e-mail address exists", "its key is lost"):
            assert part in done.result["msg"]
    assert strict.count(effect="account_created") == 1
    assert not path.exists()
    assert_no_secrets(strict, path, done)


def test_refused_without_an_earlier_run(strict: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "beta.json"
    assert modules.run(MODULE, options(strict, path)).result["changed"] is True
    path.rename(tmp_path / "moved.json")
    done = modules.run(MODULE, options(strict, path))
    assert done.result["error"]["status"] == 409
    assert "its key is lost" not in done.result["msg"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["moved.json"]


@pytest.mark.parametrize("flag", ["revoked", "deleted"])
def test_dead_accounts(sandbox: Sandbox, tmp_path: Path, flag: str) -> None:
    path = tmp_path / "beta.json"
    wanted = options(sandbox, path)
    modules.run(MODULE, wanted)
    path.unlink()
    sandbox.mark_identrust_account(wanted["customer_email"], **{flag: True})
    done = modules.run(MODULE, wanted)
    assert done.result["error"]["code"] == flag
    assert f"is {flag}" in done.result["msg"]
    assert "Ask IdenTrust to restore it" in done.result["msg"]
    assert not path.exists()


def test_a_failing_sign_in_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault("identrust", "cut_after", operation="token")
    done = modules.run(MODULE, options(sandbox, tmp_path / "beta.json", "oauth"))
    assert done.failed
    assert list(tmp_path.iterdir()) == []
    assert sandbox.count(operation="account") == 0


def test_http(sandbox: Sandbox, tmp_path: Path) -> None:
    for check in (True, False):
        done = modules.run(
            MODULE,
            options(sandbox, tmp_path / "beta.json", api_url="http://reseller-cms-pte.identrust.com"),
            check=check,
        )
        assert done.result["error"]["kind"] == "usage"
        assert "https://docs-cms-pte.identrust.com/acme-integration" in done.result["msg"]
        assert_no_secrets(sandbox, tmp_path / "beta.json", done)


def test_ten_at_once(strict: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "beta.json"
    processes = [modules.start(MODULE, options(strict, path)) for _unused in range(10)]
    done = [modules.finish(process) for process in processes]
    assert not any(each.failed for each in done)
    assert strict.count() == 1
