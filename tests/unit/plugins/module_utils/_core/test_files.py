# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer of files: modes, power loss, full disks, links, other users, locks."""

from __future__ import annotations

import errno
import os
import pathlib
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import LockedError, StateError

OLD, NEW = b"old content\n", b"new content " * 1000


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class Trace:
    """Watches the calls of ``os`` that the writer makes; the real ones still happen, or ``fail`` decides otherwise."""

    CALLS = ("open", "write", "fchown", "fchmod", "fsync", "close", "rename")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watch: Callable[[str, int, tuple[Any, ...]], None]) -> None:
        self.calls: list[str] = []
        self._watch = watch
        for name in self.CALLS:
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            self._watch(name, len(self.calls) - 1, arguments)
            return real(*arguments, **options)

        return call


# --- modes ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o644, 0o400])
@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o600])
@pytest.mark.parametrize("directory", [0o700, 0o2775, 0o1777])
def test_the_mode_is_never_looser_than_asked(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, wanted: int, before: int | None, directory: int
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(directory)
    target = folder / "file"
    if before is not None:
        target.write_bytes(OLD)
        target.chmod(before)
    loose: list[str] = []

    def watch(name: str, number: int, arguments: tuple[Any, ...]) -> None:
        for path in folder.iterdir():
            if path != target and mode(path) & ~wanted:
                loose.append(f"{name}: {path.name} is {mode(path):o}")

    with monkeypatch.context() as patch:
        trace = Trace(patch, watch)
        files.write(str(target), NEW, wanted)
    assert not loose
    assert "rename" in trace.calls
    assert mode(target) == wanted
    assert target.read_bytes() == NEW


@pytest.mark.usefixtures("no_umask")
def test_directories_are_private(tmp_path: pathlib.Path) -> None:
    files.make_directory(str(tmp_path / "a" / "b" / "c"))
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "b"), mode(tmp_path / "a" / "b" / "c")] == [0o700] * 3
    (tmp_path / "a").chmod(0o755)
    files.make_directory(str(tmp_path / "a"))
    assert mode(tmp_path / "a") == 0o755


# --- power loss and full disks ----------------------------------------------------------------------------------------


def test_content_is_synced_before_it_gets_its_name(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = Trace(monkeypatch, lambda *_: None)
    files.write(str(tmp_path / "file"), NEW, 0o640, os.getuid(), os.getgid())
    monkeypatch.undo()
    # the second open is the directory's: its fsync makes the new name durable
    assert trace.calls == [
        "open", "write", "fchown", "fchmod", "fsync", "close", "rename", "open", "fsync", "close",
    ]  # fmt: skip


def test_short_writes_are_continued(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = os.write, []

    def short(descriptor: int, data: memoryview) -> int:
        sizes.append(len(data))
        return real(descriptor, data[: max(1, len(data) // 3)])

    monkeypatch.setattr(os, "write", short)
    files.write(str(tmp_path / "file"), NEW)
    monkeypatch.undo()
    assert (tmp_path / "file").read_bytes() == NEW
    assert len(sizes) > 10


def test_a_write_that_writes_nothing_ends(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda descriptor, data: 0)
    with pytest.raises(OSError, match="Input/output error"):
        files.write(str(tmp_path / "file"), NEW)
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


# open, write, fchown, fchmod, fsync, close, rename, then the directory's open, fsync, close
@pytest.mark.parametrize("failing", range(10))
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failing_call_leaves_one_whole_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, failing: int, code: int, exists: bool
) -> None:
    target = tmp_path / "file"
    if exists:
        target.write_bytes(OLD)

    def fail(name: str, number: int, arguments: tuple[Any, ...]) -> None:
        if number == failing:
            raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        Trace(patch, fail)
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            files.write(str(target), NEW, 0o644, os.getuid(), os.getgid())
    renamed = failing > 6
    assert failing in (0, 7, 8, 9) or caught.value.filename == str(target)
    assert [path.name for path in tmp_path.iterdir()] == (["file"] if exists or renamed else [])
    if exists or renamed:
        assert target.read_bytes() == (NEW if renamed else OLD)


def test_a_full_disk_half_way_leaves_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(OLD)
    real, calls = os.write, []

    def fill(descriptor: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data[:100])

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space"):
        files.write(str(target), NEW)
    monkeypatch.undo()
    assert target.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_run_left_is_replaced(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".file.new").write_bytes(b"half")
    files.write(str(tmp_path / "file"), NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unwritable_place_is_told_before_anything_is_sent(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.prove_writable(str(tmp_path / "record"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(StateError, match="cannot be written"):
        files.prove_writable(str(tmp_path / "missing" / "record"))

    def full(descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StateError, match="No space"):
        files.prove_writable(str(tmp_path / "record"))
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


# --- links and other odd things ---------------------------------------------------------------------------------------


def test_links_and_devices_are_not_written(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "dangling", "pipe", "folder"):
        with pytest.raises(StateError, match="not a regular file"):
            files.write(str(tmp_path / name), NEW)
    assert victim.read_bytes() == OLD
    assert not (tmp_path / "nowhere").exists()


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    (tmp_path / ".file.new").symlink_to(victim)
    files.write(str(tmp_path / "file"), NEW)
    assert victim.read_bytes() == OLD
    assert (tmp_path / "file").read_bytes() == NEW


def test_another_name_of_the_file_keeps_the_old_content(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    os.link(tmp_path / "file", tmp_path / "other")
    files.write(str(tmp_path / "file"), NEW)
    assert (tmp_path / "other").read_bytes() == OLD


def test_links_devices_and_large_files_are_not_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert files.read(str(tmp_path / "file"), limit=5) == b"12345"
    assert files.read(str(tmp_path / "missing")) is None
    with pytest.raises(StateError, match="larger than 4"):
        files.read(str(tmp_path / "file"), limit=4)
    for name in ("link", "pipe", "."):
        with pytest.raises(StateError):
            files.read(str(tmp_path / name))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 100000, b'{"a": 1} x'], ids=range(8)
)
def test_damaged_json_is_named(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StateError, match="damaged"):
        files.read_json(str(tmp_path / "file"))


def test_json_returns_as_written(tmp_path: pathlib.Path) -> None:
    files.write_json(str(tmp_path / "file"), {"b": [1, None], "a": "ü"})
    assert files.read_json(str(tmp_path / "file")) == {"a": "ü", "b": [1, None]}
    assert files.read_json(str(tmp_path / "missing")) is None
    assert mode(tmp_path / "file") == 0o600


def test_a_link_is_switched_by_one_rename(tmp_path: pathlib.Path) -> None:
    link = tmp_path / "current"
    assert files.read_link(str(link)) is None
    files.switch_link(str(link), "1a")
    (tmp_path / ".current.new").symlink_to("left behind")
    files.switch_link(str(link), "2b")
    assert files.read_link(str(link)) == "2b"
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
    (tmp_path / "file").write_bytes(b"")
    assert files.read_link(str(tmp_path / "file")) is None


def test_removing_what_is_not_there_is_fine(tmp_path: pathlib.Path) -> None:
    files.remove(str(tmp_path / "missing"))
    files.remove(str(tmp_path / "missing" / "file"))
    files.remove_directory(str(tmp_path / "missing"))
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "below" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    files.remove_directory(str(tmp_path / "link"))
    assert (tmp_path / "folder" / "below" / "file").exists()
    files.remove_directory(str(tmp_path / "folder"))
    files.rename(str(tmp_path / "link"), str(tmp_path / "renamed"))
    assert [path.name for path in tmp_path.iterdir()] == ["renamed"]


# --- other processes --------------------------------------------------------------------------------------------------


def child(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    # Ansible's own finder makes the collection importable here; the child takes the ordinary way
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["ANSIBLE_COLLECTIONS_PATH"], *sys.path])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, **options
    )


HOLD = """
import sys, time
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
with files.lock(sys.argv[1], 5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_until_its_holder_is_killed(tmp_path: pathlib.Path) -> None:
    with child(HOLD, tmp_path) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            before = time.monotonic()
            with pytest.raises(LockedError, match="another run holds"), files.lock(str(tmp_path), 0.3):
                pytest.fail("two holders")
            assert 0.2 < time.monotonic() - before < 5
        finally:
            holder.send_signal(signal.SIGKILL)
        holder.wait()
        with files.lock(str(tmp_path), 0.0):
            pass
    assert not list(tmp_path.iterdir())


def test_a_lock_is_free_after_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ZeroDivisionError), files.lock(str(tmp_path)):
        raise ZeroDivisionError
    with files.lock(str(tmp_path), 0.0):
        pass


SPY = """
import os, sys
folder, uid = sys.argv[1], int(sys.argv[2])
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
os.set_blocking(0, False)
print("ready", flush=True)
tries = reads = 0
while True:
    try:
        if os.read(0, 1) == b"":
            break
    except BlockingIOError:
        pass
    for entry in os.listdir(folder):
        tries += 1
        try:
            with open(os.path.join(folder, entry), "rb") as stream:
                reads += len(stream.read()) > 0
        except OSError:
            pass
print(tries, reads)
"""


@pytest.mark.root
@pytest.mark.usefixtures("no_umask")
def test_another_user_never_reads_a_secret(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    for path in (folder, *list(folder.parents)[:-2]):
        path.chmod(0o755)
    with child(SPY, folder, pwd.getpwnam("nobody").pw_uid) as spy:
        assert spy.stdout is not None
        assert spy.stdout.readline() == "ready\n"
        for number in range(300):
            files.write(str(folder / f"key{number % 3}"), NEW)
        tries, reads = map(int, spy.communicate(timeout=20)[0].split())
    print(f"300 writes, another user tried {tries} times and read {reads} times")
    assert tries > 300
    assert reads == 0
