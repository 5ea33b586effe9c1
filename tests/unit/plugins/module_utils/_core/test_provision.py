# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning without a provider: when is the one call made, and when never."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential, files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.credential import Record
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    StateError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._core.provision import CredentialResource, Want
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

HMAC = "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwPkSeg"


class Fake:
    name, noun, result = "fake", "credential", "credential"

    def __init__(self, repeatable: bool = False, script: list[Exception | None] | None = None) -> None:
        self.repeatable = repeatable
        self.script = script or []
        self.asked: list[str | None] = []
        self.sign_in_error: Exception | None = None

    def want(self, params: dict[str, Any]) -> Want:
        return Want(
            params["identity"],
            "https://api.example",
            params["path"],
            ("https://acme.example/d",),
            params.get("hmac", False),
        )

    def check_access(self, want: Want) -> None:
        if want.identity == "nobody":
            raise UsageError("no way to sign in")

    def sign_in(self, want: Want) -> str:
        if self.sign_in_error:
            raise self.sign_in_error
        return "client"

    def ask(self, client: str, want: Want, interrupted: str | None) -> Record:
        assert client == "client"
        self.asked.append(interrupted)
        self.intent_was_there = Path(want.path + ".intent").exists()
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error  # pylint: disable=raising-bad-type
        return Record(
            "fake", want.identity, want.api_url, "kid-1", Secret(HMAC), want.directory_urls, "2026-11-22T10:00:00Z"
        )

    def show(self, record: Record) -> dict[str, Any]:
        return {"name": record.identity}


def run(fake: Fake, path: Path, check: bool = False, **params: Any) -> tuple[Plan, dict[str, Any]]:
    resource = CredentialResource(fake)
    want = resource.want({"identity": "alpha", "path": str(path), **params})
    plan = resource.plan(want, resource.read(want))
    if not check:
        for step in plan.steps:
            resource.apply(step)
    return plan, resource.show(want, resource.read(want), plan)["credential"]


def test_life(tmp_path: Path) -> None:
    fake, path = Fake(), tmp_path / "state" / "eab" / "alpha.json"
    predicted, shown = run(fake, path, check=True)
    assert list(tmp_path.iterdir()) == []
    assert shown == {"provider": "fake", "path": str(path), "kid": None}
    plan, shown = run(fake, path)
    assert plan == predicted
    assert fake.asked == [None]
    assert fake.intent_was_there
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["alpha.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert shown["kid"] == "kid-1"
    assert "hmac_key" not in shown
    second, shown = run(fake, path, hmac=True)
    assert not second.changed
    assert second.reason == "the record is in place"
    assert shown["hmac_key"] == HMAC
    assert len(fake.asked) == 1
    assert HMAC not in str(plan.diff()) + str(second.diff()) + repr(plan)


def test_a_repeatable_call_needs_no_mark(tmp_path: Path) -> None:
    fake = Fake(repeatable=True)
    run(fake, tmp_path / "alpha.json")
    assert not fake.intent_was_there


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o620, 0o660, 0o777])
def test_a_loose_mode_is_mended_without_a_call(tmp_path: Path, mode: int) -> None:
    fake, path = Fake(), tmp_path / "alpha.json"
    run(fake, path)
    content = path.read_bytes()
    path.chmod(mode)
    predicted, _shown = run(fake, path, check=True)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    plan, _shown = run(fake, path)
    assert plan == predicted
    assert [step.action for step in plan.steps] == ["restrict"]
    assert plan.diff()["before"]["mode"] == f"{mode:04o}"  # type: ignore[index]
    assert plan.diff()["after"]["mode"] == "0600"  # type: ignore[index]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == content
    assert len(fake.asked) == 1
    assert not run(fake, path)[0].changed


def test_a_tighter_mode_is_left_alone(tmp_path: Path) -> None:
    fake, path = Fake(), tmp_path / "alpha.json"
    run(fake, path)
    path.chmod(0o400)
    assert not run(fake, path)[0].changed


@pytest.mark.parametrize(
    ("what", "value"), [("provider", "other"), ("identity", "beta"), ("api_url", "https://other.example")]
)
def test_a_foreign_record_is_refused(tmp_path: Path, what: str, value: str) -> None:
    fake, path = Fake(), tmp_path / "alpha.json"
    run(fake, path)
    stored = json.loads(path.read_bytes())
    path.write_text(json.dumps({**stored, what: value}))
    for check in (True, False):
        with pytest.raises(StateError, match=f"belongs to {what} '{value}'"):
            run(fake, path, check=check)
    assert len(fake.asked) == 1
    assert json.loads(path.read_bytes())[what] == value


def test_sign_in_data_is_checked_in_check_mode_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run(Fake(), tmp_path / "alpha.json", check=True, identity="nobody")


# --- no call where its result could not be kept -----------------------------------------------------------------------


def assert_no_call(fake: Fake, path: Path, match: str = ".") -> None:
    with pytest.raises((CollectionError, OSError), match=match):
        run(fake, path)
    assert fake.asked == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1}', bytes(100)])
def test_no_call_over_a_damaged_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alpha.json").write_bytes(content)
    assert_no_call(Fake(), tmp_path / "alpha.json")
    assert (tmp_path / "alpha.json").read_bytes() == content


@pytest.mark.parametrize("name", ["alpha.json", "alpha.json.intent"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "directory", "fifo"])
def test_no_call_over_something_odd(tmp_path: Path, name: str, kind: str) -> None:
    odd = tmp_path / name
    if kind == "directory":
        odd.mkdir()
    elif kind == "fifo":
        os.mkfifo(odd)
    else:
        if kind == "link":
            (tmp_path / "target").write_text("{}")
        odd.symlink_to(tmp_path / "target")
    assert_no_call(Fake(), tmp_path / "alpha.json")
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_text() == "{}"


def test_no_call_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_no_call(Fake(), tmp_path / "file" / "alpha.json")


def test_no_call_with_a_damaged_mark(tmp_path: Path) -> None:
    (tmp_path / "alpha.json.intent").write_text("{")
    assert_no_call(Fake(), tmp_path / "alpha.json", "damaged")


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
@pytest.mark.parametrize("repeatable", [True, False])
def test_no_call_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, repeatable: bool
) -> None:
    path = tmp_path / "alpha.json"
    original = getattr(os, call)

    def fail(*arguments: Any, **options: Any) -> Any:
        if call == "open" and not arguments[1] & os.O_CREAT:
            return original(*arguments, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    assert_no_call(Fake(repeatable), path, "No space|cannot be written")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


UNWRITABLE = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
from tests.unit.plugins.module_utils._core import test_provision as here
os.setgroups([]); os.setgid(65534); os.setuid(65534)
fake = here.Fake()
try:
    here.run(fake, pathlib.Path(sys.argv[2]))
except Exception as error:
    print(type(error).__name__, error)
print(fake.asked)
"""


@pytest.mark.root
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_no_call_into_an_unwritable_directory(tmp_path: Path, mode: int) -> None:
    place = Path("/var/tmp") / f"certfleet-{os.getpid()}-{mode}"
    place.mkdir()
    try:
        place.chmod(mode)
        env = {
            **os.environ,
            "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0],
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        root = str(Path(__file__).resolve().parents[5])
        done = subprocess.run(
            [sys.executable, "-c", UNWRITABLE, root, str(place / "alpha.json")],
            env=env, cwd="/", capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, asked = done.stdout.strip().split("\n")
        assert asked == "[]"
        assert first.startswith(("StateError", "PermissionError"))
    finally:
        place.chmod(0o700)
        place.rmdir()


# --- what a failure leaves --------------------------------------------------------------------------------------------

FAILURES: list[tuple[Exception, bool]] = [
    (OutcomeUnknown("cut"), True),
    (ProtocolError("odd answer"), True),
    (KeyboardInterrupt(), True),  # type: ignore[list-item]
    (KeyError("a defect"), True),
    (NotSent("not reached"), False),
    (AuthError("refused"), False),
    (RateLimited("later"), False),
    (UsageError("nonsense"), False),
]


@pytest.mark.parametrize(("error", "left"), FAILURES, ids=[type(row[0]).__name__ for row in FAILURES])
def test_the_mark_stays_when_nobody_knows(tmp_path: Path, error: BaseException, left: bool) -> None:
    path = tmp_path / "alpha.json"
    with pytest.raises(type(error)):
        run(Fake(script=[error]), path)  # type: ignore[list-item]
    assert not path.exists()
    intent = Path(f"{path}.intent")
    assert intent.exists() is left
    fake = Fake()
    plan, _shown = run(fake, path, check=True)
    assert ("cut off" in plan.reason) is left
    run(fake, path)
    assert (fake.asked[0] is not None) is left
    assert not intent.exists()
    if left:
        assert plan.reason.endswith(f"({fake.asked[0]})")


def test_a_refusal_keeps_an_older_mark(tmp_path: Path) -> None:
    """Who asked twice and was refused the second time has to learn of the first."""
    path = tmp_path / "alpha.json"
    with pytest.raises(OutcomeUnknown):
        run(Fake(script=[OutcomeUnknown("cut")]), path)
    since = json.loads(Path(f"{path}.intent").read_bytes())["since"]
    fake = Fake(script=[AuthError("no")])
    with pytest.raises(AuthError):
        run(fake, path)
    assert fake.asked == [since]
    assert json.loads(Path(f"{path}.intent").read_bytes())["since"] == since


def test_failing_to_sign_in_leaves_no_mark(tmp_path: Path) -> None:
    """Nothing was asked for, whatever became of the token."""
    fake, path = Fake(), tmp_path / "alpha.json"
    fake.sign_in_error = OutcomeUnknown("no token")
    with pytest.raises(OutcomeUnknown):
        run(fake, path)
    assert fake.asked == []
    assert list(tmp_path.iterdir()) == []


def test_the_answer_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alpha.json"

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(credential, "save", fail)
    with pytest.raises(OSError, match="No space"):
        run(Fake(), path)
    assert Path(f"{path}.intent").exists()


def test_ten_at_once_ask_once(tmp_path: Path) -> None:
    fake, path = Fake(), tmp_path / "alpha.json"
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run(fake, path)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _unused in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(fake.asked) == 1


def test_a_held_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = files.lock
    monkeypatch.setattr(files, "lock", lambda directory: original(directory, wait=0.1))
    fake = Fake()
    with original(str(tmp_path)), pytest.raises(CollectionError, match="another run holds"):
        run(fake, tmp_path / "alpha.json")
    assert fake.asked == []
