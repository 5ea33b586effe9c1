# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes, owners and groups: read without following links, set by descriptor."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass

from .._core import files
from .._core.errors import UsageError

ANY = -1


@dataclass(frozen=True)
class Access:
    """Permission bits and ids. As something wanted, ``ANY`` leaves an id as it is."""

    mode: int
    uid: int = ANY
    gid: int = ANY

    def allows(self, found: Access) -> bool:
        return self.mode == found.mode and self.uid in (ANY, found.uid) and self.gid in (ANY, found.gid)

    def show(self, wanted: Access) -> str:
        """As much of it as ``wanted`` cares about."""
        text = "%04o" % self.mode
        if wanted.uid != ANY:
            text += " uid=%d" % self.uid
        if wanted.gid != ANY:
            text += " gid=%d" % self.gid
        return text


def of(path: str) -> Access | None:
    """What a file or directory has; ``None`` if there is nothing. A link is not followed."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return Access(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """The numbers of a user and a group of this host, given by name or number."""
    try:
        uid = ANY if owner is None else int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise UsageError(
            "owner: this host has no user %r" % owner, hint="Correct it, or make the user before this task."
        ) from None
    try:
        gid = ANY if group is None else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(
            "group: this host has no group %r" % group, hint="Correct it, or make the group before this task."
        ) from None
    return uid, gid


def apply(path: str, wanted: Access) -> None:
    """Gives a file or directory its owner and mode, durably."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        # The mode gets tighter before the owner changes, and its final value last.
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & wanted.mode)
        if wanted.uid != ANY or wanted.gid != ANY:
            os.fchown(descriptor, wanted.uid, wanted.gid)
        os.fchmod(descriptor, wanted.mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: str, mode: int) -> None:
    """Makes a directory and its missing parents with exactly ``mode``, whatever the umask is."""
    missing = []
    parent = os.path.abspath(path)
    while not os.path.lexists(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    files.make_directory(path, mode)
    for made in reversed(missing):
        apply(made, Access(mode))
