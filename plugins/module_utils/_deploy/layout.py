# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a host: the set's directory, its link and its versions. Nothing is written here.

``<root>/<directory>/`` has ``current -> <serial>``, the versions ``<serial>/``, and ``.new-<serial>``, ``.spare-<serial>`` and
``.old-<serial>`` while something is under way, or when a run was killed. ``reload-owed`` is there from before another key or
certificate is at the live path until the services have taken it, or the version before again: what a killed run leaves for the
next one. It names the version to go back to.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import stat
from dataclasses import dataclass
from typing import Any

from .._core import files
from .._core.clock import parse_iso
from .._core.errors import StateError
from . import access
from .access import Access
from .handshake import Served
from .model import LINK, SERIAL, SetWant, Want, sha256

NEW, SPARE, OLD = ".new-", ".spare-", ".old-"
OWED = "reload-owed"
# the temporary names of the link and of the mark
_LEFTOVERS = ("." + LINK + ".new", "." + OWED + ".new")


@dataclass(frozen=True)
class FileHave:
    digest: str | None
    access: Access


@dataclass(frozen=True)
class Version:
    """A version's directory. ``age`` orders the versions of a set; ``files`` is known for the wanted version only."""

    serial: str
    access: Access
    age: tuple[float, float]
    files: tuple[tuple[str, FileHave], ...] = ()


@dataclass(frozen=True)
class Live:
    """What is known of the certificate that the link points at."""

    fingerprint: str | None = None
    names: tuple[str, ...] = ()
    not_after: str | None = None


@dataclass(frozen=True)
class SetHave:
    """``access`` is ``None`` when there is no directory; ``uid`` and ``gid`` are what the wanted owner and group are here.

    ``owed``: a run was cut off after it switched; ``previous`` is what its services had before, where the module itself looked.
    """

    uid: int = access.ANY
    gid: int = access.ANY
    access: Access | None = None
    current: str | None = None
    live: Live = Live()
    versions: tuple[Version, ...] = ()
    leftovers: tuple[str, ...] = ()
    served: tuple[Served, ...] = ()
    owed: bool = False
    previous: str | None = None

    def version(self, serial: str) -> Version | None:
        return next((version for version in self.versions if version.serial == serial), None)


def read(want: Want, wanted: SetWant) -> SetHave:
    """Everything but what is served."""
    uid, gid = access.ids(wanted.owner, wanted.group)
    path = want.path(wanted)
    found = access.of(path)
    if found is None:
        return SetHave(uid, gid)
    if not _is_directory(path):
        raise StateError("%s is not a directory" % path, hint="Move it away and run again.")
    link = os.path.join(path, LINK)
    current = files.read_link(link)
    if current is None and os.path.lexists(link):
        raise StateError("%s is not a link" % link, hint="Move it away and run again.")
    entries = sorted(os.listdir(path))
    mark = files.read(os.path.join(path, OWED))
    return SetHave(
        uid=uid,
        gid=gid,
        access=found,
        current=current,
        live=live(os.path.join(path, current)) if current and "/" not in current else Live(),
        versions=tuple(_version(path, entry, wanted) for entry in entries if SERIAL.match(entry)),
        leftovers=tuple(entry for entry in entries if is_leftover(entry)),
        owed=mark is not None,
        previous=_previous(mark or b""),
    )


def _previous(mark: bytes) -> str | None:
    """Half a mark is one, but names nothing to go back to."""
    try:
        serial = json.loads(mark.decode("utf-8"))["previous"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return serial if isinstance(serial, str) and SERIAL.match(serial) else None


def _version(parent: str, serial: str, wanted: SetWant) -> Version:
    path = os.path.join(parent, serial)
    found = access.of(path)
    if found is None or not _is_directory(path):
        raise StateError("%s is not a directory" % path, hint="Move it away and run again.")
    # Older than all others when its dates cannot be read: such a version is the first one to go.
    age = (_not_before(path), os.lstat(path).st_mtime)
    if serial != wanted.serial:
        return Version(serial, found, age)
    return Version(serial, found, age, tuple(_files(path, wanted)))


def _files(path: str, wanted: SetWant) -> list[tuple[str, FileHave]]:
    result = []
    for name, _digest in wanted.digests:
        file = os.path.join(path, name)
        found = access.of(file)
        if found is not None:
            result.append((name, FileHave(_digest_of(file), found)))
    return result


def _digest_of(path: str) -> str | None:
    """``None`` for what is not a plain file of a sane size."""
    try:
        content = files.read(path)
    except StateError:
        return None
    return None if content is None else sha256(content)


def live(path: str) -> Live:
    """For people who read the difference: what cannot be read is left out."""
    meta = _meta(path)
    not_after, names = meta.get("not_after"), meta.get("names")
    try:
        pem = files.read(os.path.join(path, "cert.pem")) or b""
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))).hexdigest()
    except (OSError, ValueError, StateError):
        fingerprint = None
    return Live(
        fingerprint,
        tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
        not_after if isinstance(not_after, str) else None,
    )


def _not_before(path: str) -> float:
    try:
        return parse_iso(_meta(path)["not_before"]).timestamp()
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return 0.0


def _meta(path: str) -> dict[str, Any]:
    try:
        return files.read_json(os.path.join(path, "meta.json")) or {}
    except (OSError, StateError):
        return {}


def _is_directory(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def is_leftover(entry: str) -> bool:
    prefixed = (entry[len(prefix) :] for prefix in (NEW, SPARE, OLD) if entry.startswith(prefix))
    return entry in _LEFTOVERS or any(SERIAL.match(serial) for serial in prefixed)
