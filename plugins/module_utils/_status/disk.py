# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate sets on disk, of the controller and of hosts. Nothing is written here, and no private key is read."""

from __future__ import annotations

import os
from typing import Any, Iterable, Iterator, Mapping

from .._core import files
from .._core.clock import iso
from .._core.errors import CollectionError, StateError
from .._core.names import file_name
from .._hosted import job
from . import leaf
from .model import Issued

CURRENT, PENDING = "current", "pending"
# of a status record: docs/development/host_clients.md
_NOTED = ("client", "ok", "ran_at", "failing_since", "errors", "serial", "window")


def issued(sets_path: str, name: str) -> Issued:
    """One set of the controller."""
    return _read(os.path.join(sets_path, file_name(name)))


def all_issued(sets_path: str) -> Iterator[tuple[str, Issued]]:
    """All sets of the controller by the name that is noted in them; a set without one goes by its directory."""
    for directory in _directories(sets_path):
        found = _read(os.path.join(sets_path, directory))
        name = found.meta.get("name")
        yield (name if isinstance(name, str) and file_name(name) == directory else directory), found


def deployed(root: str) -> list[dict[str, Any]]:
    """The sets of a host, in the words of ``certificate_deploy``: what cannot be read has a ``reason`` instead of its facts."""
    shown = []
    for directory in _directories(root):
        found = _read(os.path.join(root, directory))
        if found.leaf is None and found.damage is None:
            continue
        name = found.meta.get("name")
        each: dict[str, Any] = {
            "name": name if isinstance(name, str) else directory,
            "path": os.path.join(root, directory),
            "serial": None,
            "reason": found.damage,
        }
        if found.leaf is not None:
            each.update(
                serial=found.leaf.serial,
                fingerprint=found.leaf.fingerprint,
                not_before=iso(found.leaf.not_before),
                not_after=iso(found.leaf.not_after),
                names=list(found.leaf.names),
            )
        shown.append(each)
    return shown


def renewals(path: str) -> list[dict[str, Any]]:
    """What a host that renews by itself has noted in ``path``, for each certificate; of one that cannot be read the ``reason`` alone."""
    directory, shown = os.path.join(path, job.STATUS), []
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    for name in (entry[: -len(".json")] for entry in names if entry.endswith(".json")):
        noted: Mapping[str, Any] = {}
        reason = None
        try:
            noted = files.read_json(os.path.join(directory, name + ".json")) or {}
        except CollectionError as error:
            reason = error.message
        shown.append({"file_name": name, "reason": reason, **{key: noted.get(key) for key in _NOTED}})
    return shown


def _read(path: str) -> Issued:
    pending = os.path.isdir(os.path.join(path, PENDING))
    version = files.read_link(os.path.join(path, CURRENT))
    if version is None:
        return Issued(None, {}, pending=pending)
    place = os.path.join(path, version)
    try:
        meta = files.read_json(os.path.join(place, "meta.json"))
        pem = files.read(os.path.join(place, "cert.pem"))
        if meta is None or pem is None:
            raise StateError("%s is missing" % ("meta.json" if meta is None else "cert.pem"))
        return Issued(leaf.of_files(pem, meta), meta, _renewal(path), pending)
    except CollectionError as error:
        return Issued(None, {}, pending=pending, damage=error.message)
    except OSError as error:
        return Issued(None, {}, pending=pending, damage="%s: %s" % (error.filename or place, error.strerror))


def _renewal(path: str) -> dict[str, Any] | None:
    """It only repeats what the server said: a damaged one is as good as none."""
    try:
        return files.read_json(os.path.join(path, "renewal.json"))
    except CollectionError:
        return None


def _directories(path: str) -> Iterable[str]:
    try:
        entries = sorted(os.scandir(path), key=_name)
    except FileNotFoundError:
        return []
    return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)]


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
