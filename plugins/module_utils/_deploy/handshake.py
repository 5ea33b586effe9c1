# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate a server shows: one TLS handshake, the SHA-256 of the leaf.

Nothing is trusted here: the fingerprint is compared with the one that the controller has verified.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Iterable

from .._tls import peer
from .model import Endpoint

_WORKERS = 16


@dataclass(frozen=True)
class Served:
    """What an endpoint serves: the leaf's fingerprint, or why there is none."""

    endpoint: Endpoint
    fingerprint: str | None
    reason: str | None = None

    def show(self) -> str:
        return self.fingerprint or self.reason or "nothing"

    def result(self, *wanted: str) -> dict[str, object]:
        """For the results of modules."""
        return {
            **self.endpoint.show(),
            "served": self.fingerprint,
            "reason": self.reason,
            "proof": self.fingerprint in wanted,
        }


Probe = Callable[[Endpoint, float], Served]


def probe(endpoint: Endpoint, timeout: float) -> Served:
    """One handshake; ``timeout`` is the total for all of it."""
    try:
        found = peer.connect(
            endpoint.address, endpoint.port, endpoint.server_name, timeout, endpoint.starttls, endpoint.key_type
        )
    except peer.Unreachable as error:
        return Served(endpoint, None, str(error))
    return Served(endpoint, hashlib.sha256(found.leaf).hexdigest())


def probe_all(endpoints: Iterable[Endpoint], timeout: float, one: Probe = probe) -> tuple[Served, ...]:
    """All of them, side by side, in their order."""
    wanted = list(endpoints)
    if not wanted:
        return ()
    with ThreadPoolExecutor(min(_WORKERS, len(wanted))) as pool:
        return tuple(pool.map(lambda endpoint: one(endpoint, timeout), wanted))
