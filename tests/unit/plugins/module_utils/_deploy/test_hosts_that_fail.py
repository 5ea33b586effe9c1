# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full at every size and at every call, sets that are wrong, and a second user who looks for keys."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import VerifyError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import delivery

from tests.unit.plugins.module_utils._deploy.pki import issue, params, store
from tests.unit.plugins.module_utils._deploy.test_changes import assert_no_loose_key, deploy
from tests.unit.plugins.module_utils._deploy.test_rollback import Scene, again, bad
from tests.unit.plugins.module_utils._x509 import test_verify

FULL = OSError(errno.ENOSPC, "No space left on device")


# --- full disks -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """A disk that takes so many bytes more: the last write is a short one, as POSIX has it."""
    original, left = os.write, size

    def write(descriptor: int, data: Any) -> int:
        nonlocal left
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return original(descriptor, data)
        if not left:
            raise FULL
        written = original(descriptor, bytes(data)[:left])
        left -= written
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        yield


@contextlib.contextmanager
def calls_before_it_is_full(number: int) -> Iterator[None]:
    """From the ``number``-th call on that makes something, there is no room for it."""
    count = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            if original is os_open and not arguments[1] & os.O_CREAT:
                return original(*arguments, **keywords)
            count += 1
            if count >= number:
                raise FULL
            return original(*arguments, **keywords)

        return counted

    os_open = os.open
    with pytest.MonkeyPatch.context() as patch:
        for call in ("open", "mkdir", "symlink", "fsync"):
            patch.setattr(os, call, wrap(getattr(os, call)))
        yield


def attempt(scene: Scene, disk: contextlib.AbstractContextManager[None]) -> bool:
    """Whether the deployment failed. Each set is old or new then, and whole, and the service runs."""
    problem: Exception | None = None
    try:
        with disk:
            scene.deploy(scene.new)
    except Exception as error:
        problem = error
    assert problem is None or "No space left" in str(problem)
    assert_no_loose_key(scene.root)
    for seen in (scene.live(), scene.service.loaded or []):
        assert len(seen) == len(scene.names)
        for name, serial in zip(scene.names, seen):
            assert serial in (scene.old[name].serial, scene.new[name].serial)
    return problem is not None


@pytest.mark.parametrize("kind", ["bytes", "calls"])
def test_a_disk_that_is_full(tmp_path: pathlib.Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """At every size, two sets of one unit: nothing breaks, and the next run, with room, comes to its end."""
    scene = bad(tmp_path / "work", "two sets, one unit")
    start = tmp_path / "start"
    shutil.copytree(tmp_path / "work", start, symlinks=True)
    size, full, step = 0, True, 211 if kind == "bytes" else 1
    while full:
        again(scene, start)
        full = attempt(scene, room_for(size) if kind == "bytes" else calls_before_it_is_full(size + 1))
        scene.deploy(scene.new)
        scene.assert_serves(scene.new)
        size += step
    number = size // step
    assert number > 40
    with capsys.disabled():
        print(
            f"\ndisk full at {number - 1} of {number - 1} numbers of {kind}: a whole set served each time, 0 left behind"
        )


# --- wrong sets -------------------------------------------------------------------------------------------------------


def test_wrong_sets_reach_no_host(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither by the quick look nor by the module: there is no plan for them, and nothing to travel."""
    checks = set()
    for name, (expected, make) in test_verify.WRONG.items():
        issued = issue(list(test_verify.NAMES))
        bundle = make()
        leaf, end, rest = bundle.partition(b"-----END CERTIFICATE-----\n")
        files = {
            "privkey.pem": test_verify.SERVER.key_pem,
            "fullchain.pem": bundle,
            "cert.pem": leaf + end,
            "chain.pem": rest,
        }
        issued.files.update(files)
        store(tmp_path / "sets", "www.example.com", issued)
        options = {
            "sets_path": str(tmp_path / "sets"),
            "root": str(tmp_path / "root"),
            "directory_mode": "0755",
            "keep": 2,
            "proof_timeout": 1,
            "certificates": [
                {"name": "www.example.com", "domains": list(test_verify.NAMES), "endpoints": [], "reload": []}
            ],
        }
        with pytest.raises(VerifyError) as caught:
            delivery.Delivery(options, test_verify.NOW, predicting=False)
        assert caught.value.extra["check"] == expected, name
        checks.add(expected)
    assert len(test_verify.WRONG) >= 25
    assert not (tmp_path / "root").exists()
    with capsys.disabled():
        print(
            f"\n{len(test_verify.WRONG)} wrong sets refused by {len(checks)} checks before anything was asked of a host"
        )


# --- a second user ----------------------------------------------------------------------------------------------------


def look_for_keys(root: pathlib.Path, report: int) -> None:
    """Whatever opens: names, directories, files, over and over."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    looks = read = 0
    over = False

    def stop(_number: int, _frame: Any) -> None:
        nonlocal over
        over = True

    signal.signal(signal.SIGTERM, stop)
    os.write(report, b"ready\n")
    while not over:
        for folder, _folders, files in os.walk(str(root), followlinks=True):
            for file in files:
                looks += 1
                with contextlib.suppress(OSError), open(os.path.join(folder, file), "rb") as stream:
                    read += b"PRIVATE" in stream.read()
    os.write(report, b"%d %d\n" % (looks, read))
    os._exit(0)


@pytest.mark.root
def test_a_second_user_reads_no_key(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While 1,000 keys are put onto the host, in all the forms that a set has."""
    root = pathlib.Path("/dev/shm" if os.path.isdir("/dev/shm") else str(tmp_path)) / f"certfleet-{os.getpid()}"
    root.mkdir(mode=0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            look_for_keys(root, writing)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as stream:
            assert stream.readline() == b"ready\n"
            keys = 0
            while keys < 1000:
                names = [f"{number}.example" for number in range(20)]
                deploy(params(root, {name: issue([name]) for name in names}, keep=1))
                keys += len(names)
            time.sleep(0.05)
            os.kill(child, signal.SIGTERM)
            looks, read = map(int, stream.readline().split())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        shutil.rmtree(root)
    assert read == 0
    assert looks > keys
    with capsys.disabled():
        print(f"\na second user opened files {looks} times while {keys} keys were deployed, and read {read} of them")
