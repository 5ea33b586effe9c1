# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host said to ``question``, as the same states that ``layout`` reads on the host: one plan decides for both.

Whatever is not exactly as expected is ``Unfit``, and so is what the module would refuse: then the module looks, and says so.
"""

from __future__ import annotations

import base64
import binascii
import re
import stat
from dataclasses import dataclass, field
from typing import Sequence

from . import access, layout
from .access import Access
from .handshake import Served
from .layout import FileHave, SetHave, Version
from .model import LINK, SERIAL, SetWant, Want, sha256
from .question import END, START, Unfit, endpoints, files, named, paths, version

# the name in quotes or not, as GNU and busybox write it
_STAT = re.compile(r"s ([0-9a-f]+) ([0-9]+) ([0-9]+) (?:'([^']+)'|([^' ]+))(?: -> '(.*)')?")
_ENTRY = re.compile(r"e ([ldfo]) ([^/]+)/([^/]+)")
_DIGEST = re.compile(r"([0-9a-f]{64}) [ *](\S+)")
_USER = re.compile(r"u (\S+) ([0-9]+)")
_GROUP = re.compile(r"g (\S+) [^:]+:[^:]*:([0-9]+)(?::.*)?")
_SERVED = re.compile(r"t ([0-9]+) -----BEGIN CERTIFICATE----- ([A-Za-z0-9+/= ]+) -----END CERTIFICATE-----.* status 0")
_NOT_SERVED = re.compile(r"t [0-9]+ .*status [0-9]+")
_UNKNOWN = re.compile(r"[ug] (\S+) ?")


@dataclass
class _Answer:
    """The lines, sorted. ``stats`` has type and permissions, access, and where a link points."""

    asked: set[str]
    exists: bool = True
    missing: set[str] = field(default_factory=set)
    users: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    stats: dict[str, tuple[int, Access, str | None]] = field(default_factory=dict)
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    served: dict[int, str] = field(default_factory=dict)

    def is_directory(self, path: str) -> bool:
        return stat.S_ISDIR(self.stats[path][0])

    def is_file(self, path: str) -> bool:
        return stat.S_ISREG(self.stats[path][0])


def read(want: Want, output: str, asked: Want) -> tuple[SetHave, ...]:
    """The states of all sets. ``asked`` is what the question was for, which may have been more."""
    versions = [version(wanted) for wanted in asked.sets]
    answer = _parse(output, paths([wanted.directory for wanted in asked.sets], versions, files(asked)))
    served = {endpoint: answer.served.get(number) for number, endpoint in enumerate(endpoints(asked))}
    without = " and no ".join(sorted(answer.missing))
    reason = "the host has no %s" % without if without else "no handshake"
    return tuple(
        _set(
            answer,
            wanted,
            tuple(Served(each, served[each], None if served[each] else reason) for each in wanted.endpoints),
        )
        for wanted in want.sets
    )


def present(output: str, directories: Sequence[str]) -> set[str]:
    """Which of the directories that were asked for are there, whatever they are."""
    return set(_parse(output, paths(directories, (), ())).stats).intersection(directories)


def _parse(output: str, asked: set[str]) -> _Answer:
    lines = [line.rstrip("\r") for line in output.split("\n")]
    try:
        # before it a banner, perhaps
        lines = lines[lines.index(START) + 1 :]
        lines = lines[: lines.index(END)]
    except ValueError:
        raise Unfit("the host did not answer to a shell command as expected") from None
    answer = _Answer(asked)
    for line in lines:
        _sort(answer, line)
    if answer.missing & {"stat", "sha256sum"}:
        raise Unfit("the host has no %s" % " and no ".join(sorted(answer.missing)))
    if answer.exists and "." not in answer.stats:
        raise Unfit("the host's stat is another one")
    return answer


def _sort(answer: _Answer, line: str) -> None:
    """One line to its place; none is expected twice."""
    if line == "none":
        answer.exists = False
    elif line == "closed":
        raise Unfit("the root is no directory, or closed")
    elif line.startswith("no "):
        answer.missing.add(line[3:])
    elif _UNKNOWN.fullmatch(line):
        raise Unfit("the host could not tell who %s is" % line.split()[1])
    elif not any(place(answer, line) for place in (_place_stat, _place_entry, _place_digest, _place_other)):
        raise Unfit("the host's answer has a line that was not expected")


def _place_stat(answer: _Answer, line: str) -> bool:
    found = _STAT.fullmatch(line)
    if found is None:
        return False
    mode, path = int(found[1], 16), found[4] or found[5]
    if path not in answer.asked or path in answer.stats or stat.S_ISLNK(mode) != (found[6] is not None):
        return False
    answer.stats[path] = mode, Access(stat.S_IMODE(mode), int(found[2]), int(found[3])), found[6]
    return True


def _place_entry(answer: _Answer, line: str) -> bool:
    found = _ENTRY.fullmatch(line)
    if found is None or found[2] not in answer.asked:
        return False
    entries = answer.entries.setdefault(found[2], {})
    if found[3] in entries:
        return False
    entries[found[3]] = found[1]
    return True


def _place_digest(answer: _Answer, line: str) -> bool:
    found = _DIGEST.fullmatch(line)
    if found is None or found[2] not in answer.asked or found[2] in answer.digests:
        return False
    answer.digests[found[2]] = found[1]
    return True


def _place_other(answer: _Answer, line: str) -> bool:
    for pattern, place in ((_USER, answer.users), (_GROUP, answer.groups)):
        found = pattern.fullmatch(line)
        if found is not None:
            return place.setdefault(found[1], int(found[2])) == int(found[2])
    found = _SERVED.fullmatch(line)
    if found is None:
        return _NOT_SERVED.fullmatch(line) is not None
    if int(found[1]) in answer.served:
        return False
    try:
        answer.served[int(found[1])] = sha256(base64.b64decode(found[2].replace(" ", ""), validate=True))
    except binascii.Error:
        return False
    return True


def _set(answer: _Answer, wanted: SetWant, served: tuple[Served, ...]) -> SetHave:
    uid, gid = _id(wanted.owner, answer.users), _id(wanted.group, answer.groups)
    if wanted.directory not in answer.stats:
        return SetHave(uid, gid, served=served)
    if not answer.is_directory(wanted.directory):
        raise Unfit("%s is not a directory" % wanted.directory)
    link = answer.stats.get("%s/%s" % (wanted.directory, LINK))
    if link is not None and link[2] is None:
        raise Unfit("%s/%s is not a link" % (wanted.directory, LINK))
    entries = answer.entries.get(wanted.directory, {})
    if entries.get(layout.OWED, "f") != "f":
        raise Unfit("%s/%s is not a file" % (wanted.directory, layout.OWED))
    return SetHave(
        uid=uid,
        gid=gid,
        access=answer.stats[wanted.directory][1],
        current=link[2] if link else None,
        versions=tuple(_version(answer, wanted, entry, entries[entry]) for entry in entries if SERIAL.match(entry)),
        leftovers=tuple(entry for entry in entries if layout.is_leftover(entry)),
        served=served,
        owed=layout.OWED in entries,
    )


def _id(text: str | None, known: dict[str, int]) -> int:
    if text is None:
        return access.ANY
    if not named(text):
        return int(text)
    if text not in known:
        raise Unfit("the host did not tell who %s is" % text)
    return known[text]


def _version(answer: _Answer, wanted: SetWant, serial: str, kind: str) -> Version:
    path = "%s/%s" % (wanted.directory, serial)
    if kind != "d":
        raise Unfit("%s is not a directory" % path)
    # How old the others are decides which of them goes, not whether one does: that is the module's to read.
    if serial != wanted.serial:
        return Version(serial, Access(0), (0.0, 0.0))
    if path not in answer.stats or not answer.is_directory(path):
        raise Unfit("%s changed while it was looked at" % path)
    found = []
    for file, _digest in wanted.digests:
        name = "%s/%s" % (path, file)
        if name in answer.stats:
            if answer.is_file(name) and name not in answer.digests:
                raise Unfit("%s could not be read" % name)
            digest = answer.digests.get(name) if answer.is_file(name) else None
            found.append((file, FileHave(digest, answer.stats[name][1])))
    return Version(serial, answer.stats[path][1], (0.0, 0.0), tuple(found))
