# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of a run, each fetched and proven once, and their copies in a directory for the next runs."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from .._core import files
from .._core.clock import Clock
from .._core.errors import CollectionError, InvalidData, StateError, TransportError
from . import crl
from .transport import Transport

if TYPE_CHECKING:
    from cryptography import x509

_ACCEPT = "application/pkix-crl, */*;q=0.5"
# A large list from a slow server; the total time of the task ends it earlier.
_SECONDS = 60.0
# What is kept in memory. Past that a list is fetched anew for each certificate.
_MOST_BYTES = 256 * 1024 * 1024


class Found(NamedTuple):
    crl: x509.CertificateRevocationList
    cached: bool
    size: int


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: Found | None = None
        self.error: CollectionError | None = None


class CrlStore:
    """``directory``: where copies are kept. They are proven like what comes from the network, each time they are read."""

    def __init__(self, transport: Transport, clock: Clock, directory: str | None, may_write: bool) -> None:
        self._transport = transport
        self._clock = clock
        self._directory = directory
        self._may_write = may_write
        self._lock = threading.Lock()
        self._held = 0
        self._entries: dict[tuple[str, bytes], _Entry] = {}

    def get(self, url: str, issuer: x509.Certificate) -> Found:
        """The list, or the error that it was the first time: nothing is fetched twice in a run."""
        from cryptography.hazmat.primitives import hashes

        key = (url, issuer.fingerprint(hashes.SHA256()))
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            if entry.found is None and entry.error is None:
                try:
                    found = self._copy(url, issuer) or self._fetch(url, issuer)
                except CollectionError as error:
                    entry.error = error
                else:
                    return self._remembered(entry, found)
        if entry.found is None:
            raise entry.error or InvalidData("no list")
        return entry.found

    def _remembered(self, entry: _Entry, found: Found) -> Found:
        with self._lock:
            self._held += found.size
            if self._held <= _MOST_BYTES:
                entry.found = found
        return found

    def _path(self, url: str) -> str | None:
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return os.path.join(self._directory, name + ".crl") if self._directory else None

    def _copy(self, url: str, issuer: x509.Certificate) -> Found | None:
        """The copy, if there is one that still holds. One that does not, for whatever reason, is replaced."""
        path = self._path(url)
        if path is None:
            return None
        try:
            content = files.read(path, crl.LIMIT)
            if content is None:
                return None
            return Found(crl.read(content, issuer, self._clock.now()), True, len(content))
        except (InvalidData, StateError, OSError):
            return None

    def _fetch(self, url: str, issuer: x509.Certificate) -> Found:
        reply = self._transport.fetch(url, accept=_ACCEPT, limit=crl.LIMIT, seconds=_SECONDS)
        problem = reply.problem()
        if problem is not None:
            raise TransportError(problem)
        found = crl.read(reply.body, issuer, self._clock.now())
        path = self._path(url)
        if path is not None and self._may_write:
            self._keep(path, reply.body)
        return Found(found, False, len(reply.body))

    def _keep(self, path: str, content: bytes) -> None:
        directory = os.path.dirname(path)
        try:
            files.make_directory(directory)
            with files.lock(directory, clock=self._clock):
                files.write(path, content, files.PUBLIC)
        except OSError as error:
            raise StateError("crl_cache_path: %s: %s" % (error.filename or directory, error.strerror)) from None
