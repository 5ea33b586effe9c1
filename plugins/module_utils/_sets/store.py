# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate sets on the controller: the directories, the live version, the pending one, and the switch between them.

The layout is drawn in ``docs/development/architecture.md``. Each method leaves a state that the next run understands, wherever it is cut off.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterable

from .._core import files
from .._core.clock import from_stamp, parse_iso
from .._core.errors import InvalidData, StateError
from .._core.names import file_name
from .._x509 import load
from .._x509.facts import Facts, RequestFacts, facts, key_facts, request_facts
from .._x509.verify import VerifiedSet

CURRENT, PENDING, RENEWAL = "current", "pending", "renewal.json"
KEY, REQUEST, CERT, CHAIN, FULLCHAIN, META, ORDER = (
    "privkey.pem",
    "request.csr",
    "cert.pem",
    "chain.pem",
    "fullchain.pem",
    "meta.json",
    "order.json",
)
VERSION = 1
KEPT = 2  # versions besides the live one


@dataclass(frozen=True)
class Live:
    """The version that ``current`` points to. ``damage``: what is wrong with its files, in words."""

    serial: str
    leaf: Facts
    meta: dict[str, Any]
    damage: str | None = None


@dataclass(frozen=True)
class Pending:
    """The version that is being issued. ``order``: what is known of its ACME order, if anything."""

    request: RequestFacts
    order: dict[str, Any] | None
    issued: bool  # its certificate is here already, only the switch is missing
    since: datetime | None = None  # when it was begun


class SetStore:
    def __init__(self, path: str) -> None:
        self.path = path

    def directory(self, name: str) -> str:
        return os.path.join(self.path, file_name(name))

    def file(self, name: str, *parts: str) -> str:
        return os.path.join(self.directory(name), *parts)

    # -- reading -----------------------------------------------------------------------------------------------------

    def live(self, name: str) -> Live | None:
        serial = files.read_link(self.file(name, CURRENT))
        if serial is None:
            return None
        meta = files.read_json(self.file(name, serial, META))
        if meta is None:
            raise StateError(
                "the set %s is damaged: %s is missing" % (name, self.file(name, serial, META)),
                hint="Restore it from a backup, or remove the link %s to have it issued anew."
                % self.file(name, CURRENT),
            )
        leaf = facts(load.certificates(self.content(name, serial, CERT), name)[0])
        return Live(serial, leaf, meta, self._damage(name, serial, leaf))

    def meta(self, name: str) -> dict[str, Any] | None:
        """The record of the live version, without a look at its other files; ``None`` if there is none."""
        serial = files.read_link(self.file(name, CURRENT))
        return None if serial is None else files.read_json(self.file(name, serial, META))

    def _damage(self, name: str, serial: str, leaf: Facts) -> str | None:
        for file in (FULLCHAIN, CHAIN, KEY):
            if not os.path.exists(self.file(name, serial, file)):
                return "%s is missing" % file
        try:
            key = key_facts(load.private_key(self.content(name, serial, KEY), KEY))
        except InvalidData:
            return "%s cannot be read" % KEY
        return None if key.public_key == leaf.public_key else "the private key does not belong to the certificate"

    def pending(self, name: str) -> Pending | None:
        content = files.read(self.file(name, PENDING, REQUEST))
        if content is None:
            return None
        issued = os.path.exists(self.file(name, PENDING, META))
        return Pending(request_facts(load.request(content, name)), self.order(name), issued, self._begun(name))

    def _begun(self, name: str) -> datetime | None:
        try:
            return from_stamp(os.stat(self.file(name, PENDING, REQUEST)).st_mtime)
        except FileNotFoundError:
            return None  # another run has just brought it to its end

    def unfinished(self, name: str) -> str | None:
        """The serial of a version that is complete but was not switched to: a run was cut off between two renames."""
        versions = self._versions(name)
        return next((entry for entry in versions if os.path.exists(self.file(name, entry, ORDER))), None)

    def littered(self, name: str) -> bool:
        """Whether a run that was cut off left something behind that no other step would take away."""
        return bool(self._litter(name))

    def order(self, name: str) -> dict[str, Any] | None:
        """What is known of the order of the pending version."""
        return files.read_json(self.file(name, PENDING, ORDER))

    def content(self, name: str, *parts: str) -> bytes:
        content = files.read(self.file(name, *parts))
        if content is None:
            raise StateError("%s is missing" % self.file(name, *parts))
        return content

    def renewal(self, name: str) -> dict[str, Any] | None:
        """``renewal.json``. It only repeats what the server said, so a damaged one is as good as none: the server is asked again."""
        try:
            value = files.read_json(self.file(name, RENEWAL))
            if value is not None:
                moments = [value["ask_again"]]
                moments += [value["start"], value["end"]] if value["start"] is not None else []
                for moment in moments:
                    parse_iso(moment)
            return value
        except (StateError, KeyError, TypeError, AttributeError, ValueError):
            return None

    def issued(self, names: Iterable[str], since: datetime) -> list[datetime]:
        """When the versions of these sets came into being that are not older, in no order. Only the latest versions of a set are kept.

        A damaged record does not count: whoever needs that version says so, and it must not hold up the other sets.
        """
        found = []
        for name in names:
            for version in self._versions(name):
                try:
                    meta = files.read_json(self.file(name, version, META)) or {}
                    created = parse_iso(meta["created"])
                except (StateError, KeyError, TypeError, AttributeError, ValueError):
                    continue
                if created >= since:
                    found.append(created)
        return found

    # -- writing -----------------------------------------------------------------------------------------------------

    def open_pending(self, name: str, key: bytes, request: bytes) -> None:
        """A new ``pending/`` with key and request, in place of an older one. The live version is not touched."""
        files.make_directory(self.directory(name))
        fresh = self.file(name, "." + PENDING + ".new")
        files.remove_directory(fresh)
        files.make_directory(fresh)
        files.write(os.path.join(fresh, KEY), key, files.SECRET)
        files.write(os.path.join(fresh, REQUEST), request, files.SECRET)
        self.drop_pending(name)
        files.rename(fresh, self.file(name, PENDING))

    def drop_pending(self, name: str) -> None:
        self._drop(name, PENDING)

    def tidy(self, name: str) -> None:
        """Takes away what runs that were cut off left behind. The caller holds the lock of the set, so nobody is just writing it."""
        for entry in self._litter(name):
            files.remove_directory(self.file(name, entry))
            files.remove(self.file(name, entry))

    def save_order(self, name: str, order: dict[str, Any]) -> None:
        files.write_json(self.file(name, PENDING, ORDER), {"version": VERSION, **order})

    def save_renewal(self, name: str, renewal: dict[str, Any]) -> None:
        files.write_json(self.file(name, RENEWAL), {"version": VERSION, **renewal})

    def store_issued(self, name: str, issued: VerifiedSet, meta: dict[str, Any]) -> None:
        """The certificate beside its key. ``meta.json`` comes last: its presence says that the others are complete."""
        for file, content in ((CERT, issued.cert_pem), (CHAIN, issued.chain_pem), (FULLCHAIN, issued.fullchain_pem)):
            files.write(self.file(name, PENDING, file), content, files.SECRET)
        files.write_json(self.file(name, PENDING, META), {"version": VERSION, **meta})

    def promote(self, name: str) -> str:
        """``pending/`` becomes a version, and the live one. Returns its serial."""
        meta = files.read_json(self.file(name, PENDING, META))
        if meta is None:
            raise StateError("the pending version of %s has no certificate yet" % name)
        serial = str(meta["serial"])
        if files.read_link(self.file(name, CURRENT)) == serial:  # it is live already
            self.drop_pending(name)
            return serial
        self._drop(name, serial)  # what a run that was cut off may have left
        files.rename(self.file(name, PENDING), self.file(name, serial))
        self.switch(name, serial)
        return serial

    def switch(self, name: str, serial: str) -> None:
        """Makes a version the live one. Its ``order.json`` goes last: as long as it is there, this is not finished."""
        files.switch_link(self.file(name, CURRENT), serial)
        older = [entry for entry in self._versions(name) if entry != serial]
        older.sort(key=lambda entry: os.stat(self.file(name, entry)).st_mtime, reverse=True)
        for entry in older[KEPT:]:
            self._drop(name, entry)
        files.remove(self.file(name, serial, ORDER))

    def _drop(self, name: str, entry: str) -> None:
        """By a rename first: a directory that is cut short must not be taken for a version."""
        path, doomed = self.file(name, entry), self.file(name, "." + entry + ".old")
        if os.path.isdir(path):
            files.remove_directory(doomed)
            files.rename(path, doomed)
            files.remove_directory(doomed)

    def _entries(self, name: str) -> list[str]:
        try:
            return sorted(os.listdir(self.directory(name)))
        except FileNotFoundError:
            return []

    def _versions(self, name: str) -> list[str]:
        """``current`` is a link, so it is none."""
        paths = [(entry, self.file(name, entry)) for entry in self._entries(name)]
        return [
            entry
            for entry, path in paths
            if entry != PENDING and not entry.startswith(".") and os.path.isdir(path) and not os.path.islink(path)
        ]

    def _litter(self, name: str) -> list[str]:
        return [entry for entry in self._entries(name) if entry.startswith(".") and entry.endswith((".new", ".old"))]
