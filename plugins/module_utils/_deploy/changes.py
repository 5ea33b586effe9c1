# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes to a set's directory. At every moment the link shows a whole version, the old one or the new one.

A version is built in ``.new-<serial>``, closed to others, and gets its name by a rename when all of it is on the disk. A file
below a serial number is never edited.
"""

from __future__ import annotations

import json
import os

from .._core import files
from . import access, layout
from .access import Access
from .model import LINK, SetWant, Want


def install(want: Want, wanted: SetWant, uid: int, gid: int, previous: str | None) -> None:
    """Makes a version, or puts a fresh one in the place of a damaged one. ``previous`` is where the way back leads."""
    parent = want.path(wanted)
    if not os.path.isdir(parent):
        access.make_directory(want.root, want.directory_mode)
        access.make_directory(parent, want.directory_mode)
        access.apply(parent, Access(want.directory_mode, gid=gid))
    path, link = os.path.join(parent, wanted.serial), os.path.join(parent, LINK)
    fresh = _build(want, wanted, layout.NEW, uid, gid)
    live = files.read_link(link) == wanted.serial
    if live:
        owe(want, wanted, previous)
    if not os.path.lexists(path):
        files.rename(fresh, path)
        return
    # The kernel does not rename over a directory that has files. If the damaged one is live, the link shows a spare
    # copy of the right content while the two change places.
    if live:
        spare = _build(want, wanted, layout.SPARE, uid, gid)
        files.switch_link(link, os.path.basename(spare))
    old = os.path.join(parent, layout.OLD + wanted.serial)
    files.remove_directory(old)
    files.rename(path, old)
    files.rename(fresh, path)
    if live:
        files.switch_link(link, wanted.serial)
        files.remove_directory(spare)
    files.remove_directory(old)


def switch(want: Want, wanted: SetWant, previous: str | None) -> None:
    """Makes the wanted version the live one; ``previous`` is where the way back leads."""
    owe(want, wanted, previous)
    files.switch_link(want.path(wanted, LINK), wanted.serial)


def switch_back(want: Want, wanted: SetWant, previous: str) -> None:
    link = want.path(wanted, LINK)
    if files.read_link(link) != previous:
        files.switch_link(link, previous)


def owe(want: Want, wanted: SetWant, previous: str | None) -> None:
    """Marks that services must take this version, before they can: a run that fails or is killed is not forgotten."""
    if wanted.looked_after:
        mark = {
            "serial": wanted.serial,
            "previous": previous,
            "commands": [list(command) for command in (*wanted.service.config_test, *wanted.service.reload)],
        }
        path, content = want.path(wanted, layout.OWED), json.dumps(mark, sort_keys=True).encode("utf-8") + b"\n"
        if files.read(path) != content:
            files.write(path, content)


def settle(want: Want, wanted: SetWant) -> None:
    """The services of the set have taken it."""
    files.remove(want.path(wanted, layout.OWED))


def remove(want: Want, wanted: SetWant, entry: str) -> None:
    """Removes an old version, or what a killed run left."""
    path = want.path(wanted, entry)
    if os.path.islink(path) or not os.path.isdir(path):
        files.remove(path)
        return
    if not entry.startswith("."):
        # Under another name first: half a version must not look like one.
        old = want.path(wanted, layout.OLD + entry)
        files.remove_directory(old)
        files.rename(path, old)
        path = old
    files.remove_directory(path)


def _build(want: Want, wanted: SetWant, prefix: str, uid: int, gid: int) -> str:
    path = want.path(wanted, prefix + wanted.serial)
    files.remove_directory(path)
    files.make_directory(path, files.PRIVATE_DIRECTORY)
    contents = want.contents[wanted.name]
    for name, _digest in wanted.digests:
        files.write(os.path.join(path, name), contents[name], wanted.mode_of(name), uid, gid)
    access.apply(path, Access(want.directory_mode, gid=gid))
    return path
