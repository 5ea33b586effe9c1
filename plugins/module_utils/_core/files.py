# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one writer of files.

A file has its final mode before it has its final name: made 0600 (or tighter) with ``O_EXCL`` beside its target, filled by a loop that looks at
what ``write`` returned, given owner and mode by descriptor, synced, renamed, and the directory synced. A reader sees the old file or the
new one, a second user never sees a secret, and a power loss loses neither. Ansible's ``atomic_move`` and ``copy`` promise none of this: a new
file is 0644 for a moment (CVE-2020-1736), and nothing is synced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
import tempfile
from typing import Any, Iterator

from .clock import SYSTEM, Clock, Deadline
from .errors import LockedError, StateError

SECRET = 0o600
PUBLIC = 0o644
PRIVATE_DIRECTORY = 0o700
LIMIT = 1024 * 1024


def make_directory(path: str, mode: int = PRIVATE_DIRECTORY) -> None:
    """Makes a directory and its missing parents, each with ``mode``, durably. What exists is left as it is."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    if parent != path:
        make_directory(parent, mode)
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.mkdir(path, mode)
        os.chmod(path, mode)  # the umask may have taken bits that others need
    sync_directory(parent)


def sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: str, content: bytes, mode: int = SECRET, uid: int = -1, gid: int = -1) -> None:
    """Replaces or makes ``path`` as the module's text says. ``uid``/``gid`` -1: as the process.

    Two writers of one path need a lock between them: they share the name of the temporary file.
    """
    directory, name = os.path.split(os.path.abspath(path))
    _refuse_odd_target(path)
    # One fixed name per target: what a killed run left is replaced by the next one, and never piles up.
    temporary = os.path.join(directory, "." + name + ".new")
    _remove(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode & SECRET)
    try:
        try:
            _write_all(descriptor, content)
            if uid != -1 or gid != -1:
                os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path  # calls by descriptor do not know it
        raise
    sync_directory(directory)


def write_json(path: str, value: Any, mode: int = SECRET) -> None:
    write(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode("utf-8"), mode)


def prove_writable(path: str) -> None:
    """Fails now, not after the call whose result must be kept: makes, syncs and removes a file beside ``path``."""
    probe = path + ".probe"
    try:
        _refuse_odd_target(path)
        write(probe, b"\0" * 4096)
        remove(probe)
    except OSError as error:
        raise StateError.of_system(error, path) from None


def read(path: str, limit: int = LIMIT) -> bytes | None:
    """The content, or ``None`` if there is no such file. Links, devices and files over ``limit`` bytes are refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise StateError(
                "%s is a symbolic link" % path, hint="Give the path of the file that it leads to."
            ) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)  # fdopen refuses directories without closing them, and names a number
        raise StateError("%s is not a regular file" % path, hint="Give the path of a file.")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise StateError("%s is larger than %d bytes" % (path, limit))
    return content


def read_json(path: str) -> dict[str, Any] | None:
    """A JSON object, or ``None`` if there is no such file; anything else is a ``StateError``."""
    content = read(path)
    if content is None:
        return None
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise StateError("%s is damaged (not a JSON object)" % path, hint="Restore it from a backup, or move it away.")
    return value


def mode_of(path: str) -> int | None:
    """Permission bits, or ``None`` if there is nothing."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except FileNotFoundError:
        return None


def restrict(path: str, mode: int = SECRET) -> None:
    """Takes a file away from group and others; never follows a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def switch_link(link: str, target: str) -> None:
    """Points ``link`` at ``target`` by one rename; readers see the old or the new one."""
    if os.path.lexists(link) and not os.path.islink(link):
        raise StateError("%s is not a symbolic link" % link, hint="Move it away and run again.")
    directory, name = os.path.split(os.path.abspath(link))
    temporary = os.path.join(directory, "." + name + ".new")
    _remove(temporary)
    os.symlink(target, temporary)
    try:
        os.rename(temporary, link)
    except BaseException:
        _remove(temporary)
        raise
    sync_directory(directory)


def read_link(path: str) -> str | None:
    """Where a link points, or ``None`` if there is no link."""
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):
            return None
        raise


def rename(source: str, target: str) -> None:
    """A durable rename within one directory."""
    os.rename(source, target)
    sync_directory(os.path.dirname(os.path.abspath(target)))


def remove(path: str) -> None:
    """Removes a file, durably. Nothing there is fine."""
    if _remove(path):
        sync_directory(os.path.dirname(os.path.abspath(path)))


def remove_directory(path: str) -> None:
    """Removes a directory and what is in it. Nothing there is fine."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
        sync_directory(os.path.dirname(os.path.abspath(path)))


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A directory that nobody else can look into, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="certfleet-") as path:
        yield path


@contextlib.contextmanager
def unnamed(content: bytes) -> Iterator[str]:
    """The path of a file in memory, for libraries that take paths alone: it needs no disk, and a killed run leaves nothing behind."""
    descriptor = os.memfd_create("certfleet", os.MFD_CLOEXEC)
    try:
        _write_all(descriptor, content)
        yield "/proc/self/fd/%d" % descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def umask(value: int) -> Iterator[None]:
    """For programs that are run in the block. Our own files have the modes that they are given."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def lock(directory: str, wait: float = 60.0, clock: Clock = SYSTEM) -> Iterator[None]:
    """Keeps other runs out of ``directory``. The kernel drops the lock with the process, so none is ever stale."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = Deadline(wait, clock)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.over():
                    raise LockedError(
                        "another run holds %s since more than %d seconds" % (directory, wait),
                        hint="Wait for it to end, then run again.",
                    ) from None
                deadline.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def _refuse_odd_target(path: str) -> None:
    """A link or a device in the place of our file is not ours to replace."""
    try:
        found = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found):
        raise StateError("%s is not a regular file" % path, hint="Move it away and run again.")


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view)
        if not written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        view = view[written:]


def _remove(path: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        return True
    return False
