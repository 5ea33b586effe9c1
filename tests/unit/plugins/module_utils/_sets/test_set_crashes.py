# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A renewal on disk is cut off before each call that changes something, and in the middle of each write; the next run ends it.

The process under test is a child that ends itself by `os._exit`, as SIGKILL would: no `finally`, no `except`, no flush.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import KEPT, SetStore
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.verify import verify_set
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import pki
from tests.support.issuing import call, certificate, fits, leftovers, loose, mixed

NAME = "www.example.com"
CA = pki.authority("Crash CA")
KILLED = 137
CALLS = ("mkdir", "chmod", "fchmod", "open", "write", "fsync", "rename", "symlink", "unlink", "rmdir", "close")


def run(sets: Path, serial: int, **want: Any) -> None:
    """What certificate_request, acme_order and acme_finalize do with a set, without a server."""
    wanted = certificate(NAME, **want)
    call("certificate_request", {"sets_path": str(sets), "certificates": [wanted]})
    store = SetStore(str(sets))
    with files.lock(store.directory(NAME)):
        pending = store.pending(NAME)
        if pending is None:
            return
        if not pending.issued:
            store.save_order(NAME, {"state": "intent"})
            store.save_order(NAME, {"state": "placed", "order_url": "https://acme.example/order/1"})
            request = x509.load_pem_x509_csr(store.content(NAME, "pending", "request.csr"))
            issued = pki.server(
                wanted["domains"], CA, key=Signed(request.public_key()), signing_key=CA.key, serial=serial
            )
            chain = issued.certificate.public_bytes(Encoding.PEM) + CA.pem
            key = store.content(NAME, "pending", "privkey.pem")
            verified = verify_set(key_pem=key, fullchain_pem=chain, names=[NAME], now=pki.NOW, source="test")
            store.store_issued(NAME, verified, {"name": NAME, **verified.leaf.show()})
        store.promote(NAME)
        store.save_renewal(NAME, {"serial": "x", "start": None, "end": None, "ask_again": "2026-11-22T10:00:00Z"})


class Signed:
    """The key of a request, of which only the public half is known here."""

    def __init__(self, public: Any) -> None:
        self._public = public

    def public_key(self) -> Any:
        return self._public


def cut_off(work: Callable[[], None], at: int, half: bool) -> tuple[int, int]:
    """Runs `work` in a child that dies at its `at`-th call. Returns the exit code and the number of calls it came to."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            count = instrument(at, half, writer)
            work()
            real_write(writer, str(count()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    _pid, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(said or b"0")


real_write = os.write


def instrument(at: int, half: bool, writer: int) -> Callable[[], int]:
    calls = [0]

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)  # reading changes nothing
            calls[0] += 1
            if calls[0] == at:
                if half and name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os._exit(KILLED)
            return real(*arguments, **options)

        return wrapped

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
    return lambda: calls[0]


# What happens to a set: (state before, the run that is cut off, serial numbers that are live afterwards)
def first(sets: Path) -> None:
    run(sets, 0xD1)


def renewal(sets: Path) -> None:
    run(sets, 0xE9, key_size=384)


def discard(sets: Path) -> None:
    run(sets, 0xEA)


def prepare(sets: Path, versions: int, pending: bool = False) -> None:
    for number in range(versions):
        run(sets, 0xE0 + number, key_size=(256, 384)[(versions - 1 - number) % 2])
        os.utime(sets / NAME / f"{0xE0 + number:x}", (1000 + number, 1000 + number))
    if pending:
        call("certificate_request", {"sets_path": str(sets), "certificates": [certificate(NAME, key_size=384)]})


@pytest.mark.parametrize(
    ("versions", "pending", "work", "live"),
    [(0, False, first, "d1"), (1, False, renewal, "e9"), (4, True, renewal, "e9"), (3, True, discard, "e2")],
    ids=["first certificate", "first renewal", "later renewal", "request not needed any more"],
)
def test_cut_off_at_every_call(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    versions: int,
    pending: bool,
    work: Callable[[Path], None],
    live: str,
) -> None:
    before = tmp_path / "before" / "sets"
    before.parent.mkdir(0o700)
    prepare(before, versions, pending)
    old = (before / NAME / "current" / "privkey.pem").read_bytes() if versions else None
    state = tmp_path / "state"
    points = 0
    for half in (False, True):
        at = 0
        while True:
            at += 1
            shutil.rmtree(state, ignore_errors=True)
            shutil.copytree(before.parent, state, symlinks=True)
            sets = state / "sets"
            code, _calls = cut_off(partial(work, sets), at, half)
            where = f"call {at}, half {half}"
            assert code in (0, KILLED), where
            if code == 0:
                break
            points += 1
            check_at_once(state, versions, old, where)
            work(sets)
            check_in_the_end(state, live, where)
            before_second = sorted(path for path in state.rglob("*"))
            work(sets)
            assert sorted(path for path in state.rglob("*")) == before_second, where
    with capsys.disabled():
        print(f" {points} points", end="")
    assert points > 20


def check_at_once(state: Path, versions: int, old: bytes | None, where: str) -> None:
    sets = state / "sets"
    assert mixed(sets) == [], where
    assert loose(state) == [], where
    if old is not None:
        kept = [path for path in (sets / NAME).iterdir() if path.is_dir() and not path.is_symlink()]
        keys = [path / "privkey.pem" for path in kept]
        assert any(key.exists() and key.read_bytes() == old for key in keys), where
        assert fits(sets / NAME / "current"), where


def check_in_the_end(state: Path, live: str, where: str) -> None:
    sets = state / "sets"
    assert os.readlink(sets / NAME / "current") == live, where
    assert mixed(sets) == [], where
    assert loose(state) == [], where
    assert leftovers(state) == [], where
    versions = [path for path in (sets / NAME).iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(versions) <= KEPT + 1, where
    assert all(map(fits, versions)), where


def test_the_newest_versions_are_kept(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    prepare(sets, 6)
    versions = {path.name for path in (sets / NAME).iterdir() if path.is_dir() and not path.is_symlink()}
    assert versions == {"e3", "e4", "e5"}


def test_the_live_link_is_not_taken_for_an_unfinished_version(tmp_path: Path) -> None:
    """A run that is cut off just before order.json goes leaves it below `current`, too; serials may sort after that word."""
    sets = tmp_path / "sets"
    prepare(sets, 1)
    (sets / NAME / "e0" / "order.json").write_text("{}")
    (sets / NAME / "e0" / "order.json").chmod(0o600)
    store = SetStore(str(sets))
    assert store.unfinished(NAME) == "e0"
    run(sets, 1)
    assert os.readlink(sets / NAME / "current") == "e0"
    assert store.unfinished(NAME) is None


def test_a_switch_and_the_next_request_are_one_run(tmp_path: Path) -> None:
    """A run was cut off before the switch; meanwhile other names are wanted. The next run does both."""
    sets = tmp_path / "sets"
    prepare(sets, 1)
    (sets / NAME / "e0" / "order.json").write_text("{}")
    wanted = certificate(NAME, NAME, "example.com")
    result = call("certificate_request", {"sets_path": str(sets), "certificates": [wanted]})
    assert [step["action"] for step in result["steps"]] == ["switch"]
    assert result["pending"] == [NAME]
    assert (sets / NAME / "pending" / "request.csr").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"ask_again": 5, "start": null}', '{"ask_again": "soon", "start": null}', "\x00"]
)
def test_a_damaged_renewal_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    sets = tmp_path / "sets"
    prepare(sets, 1)
    (sets / NAME / "renewal.json").write_text(text)
    result = call("certificate_request", {"sets_path": str(sets), "certificates": [certificate(NAME)]})
    assert not result["changed"]
    assert SetStore(str(sets)).renewal(NAME) is None


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    prepare(sets, 1)
    with contextlib.chdir(sets / NAME):
        Path("current/meta.json").unlink()
    with pytest.raises(Exception, match="the set www.example.com is damaged"):
        call("certificate_request", {"sets_path": str(sets), "certificates": [certificate(NAME)]})


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("privkey.pem", None, "privkey.pem is missing"),
        (
            "privkey.pem",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "privkey.pem cannot be read",
        ),
        ("privkey.pem", pki.server([NAME], CA).key_pem, "the private key does not belong to the certificate"),
        ("fullchain.pem", None, "fullchain.pem is missing"),
        ("chain.pem", None, "chain.pem is missing"),
    ],
)
def test_a_set_that_cannot_be_used_is_issued_anew(
    tmp_path: Path, file: str, content: bytes | None, reason: str
) -> None:
    sets = tmp_path / "sets"
    prepare(sets, 1)
    path = sets / NAME / "current" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = call("certificate_request", {"sets_path": str(sets), "certificates": [certificate(NAME, key_size=256)]})
    assert result["changed"]
    assert result["certificates"][0]["reason"] == reason
    run(sets, 0xD1, key_size=256)
    assert fits(sets / NAME / "current")
