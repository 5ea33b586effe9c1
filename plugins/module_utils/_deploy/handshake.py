# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate a server shows: one TLS handshake, the SHA-256 of the leaf.

Nothing is trusted here: the fingerprint is compared with the one that the controller has verified.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Iterable

from .._core.clock import Deadline
from .._core.errors import clean
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
            "address": self.endpoint.address,
            "port": self.endpoint.port,
            "server_name": self.endpoint.server_name,
            "served": self.fingerprint,
            "reason": self.reason,
            "proof": self.fingerprint in wanted,
        }


Probe = Callable[[Endpoint, float], Served]


def probe(endpoint: Endpoint, timeout: float) -> Served:
    """One handshake; ``timeout`` is the total for look-up, connection and handshake."""
    try:
        der = _leaf(endpoint, Deadline(timeout))
    except (socket.timeout, TimeoutError):
        return Served(endpoint, None, "no handshake within %g seconds" % timeout)
    except ssl.SSLError as error:
        return Served(endpoint, None, "no TLS handshake: %s" % clean(error.reason or type(error).__name__, 100))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return Served(endpoint, None, "no connection: %s" % clean(reason, 100))
    if not der:
        return Served(endpoint, None, "no certificate in the handshake")
    return Served(endpoint, hashlib.sha256(der).hexdigest())


def probe_all(endpoints: Iterable[Endpoint], timeout: float, one: Probe = probe) -> tuple[Served, ...]:
    """All of them, side by side, in their order."""
    wanted = list(endpoints)
    if not wanted:
        return ()
    with ThreadPoolExecutor(min(_WORKERS, len(wanted))) as pool:
        return tuple(pool.map(lambda endpoint: one(endpoint, timeout), wanted))


def _leaf(endpoint: Endpoint, deadline: Deadline) -> bytes | None:
    with _connect(endpoint, deadline) as plain, _wrap(plain, endpoint) as tls:
        tls.settimeout(_left(deadline))
        tls.do_handshake()
        return tls.getpeercert(binary_form=True)


def _wrap(plain: socket.socket, endpoint: Endpoint) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=endpoint.server_name, do_handshake_on_connect=False)


def _connect(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    failure: OSError = OSError(0, "no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(
        endpoint.address, endpoint.port, type=socket.SOCK_STREAM
    ):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_left(deadline))
            plain.connect(address)
            return plain
        except OSError as error:
            plain.close()
            failure = error
    raise failure


def _left(deadline: Deadline) -> float:
    if deadline.over():
        raise socket.timeout
    return deadline.left()
