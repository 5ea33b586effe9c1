# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a TLS server shows of itself: one connection, one handshake. Nothing is trusted, and nothing is judged here.

For managed hosts as well as for the controller: the standard library alone.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Any, Callable

from .._core.clock import Deadline
from .._core.errors import clean
from . import starttls
from .stream import Refused, Stream, left

RSA, ECDSA = "rsa", "ecdsa"
# TLS 1.3 ciphers say nothing of the key, so a client that takes one type of it speaks TLS 1.2 (RFC 5246 section 7.4.2).
CIPHERS = {RSA: "aRSA", ECDSA: "aECDSA"}


@dataclass(frozen=True)
class Peer:
    """``leaf`` and ``chain`` (the leaf first) are DER; the chain has the leaf alone where this Python cannot tell more."""

    leaf: bytes
    chain: tuple[bytes, ...]
    protocol: str
    cipher: str


class Unreachable(Exception):
    """There is no certificate, and why, in a few words for people."""


def connect(
    address: str,
    port: int,
    server_name: str,
    seconds: float,
    protocol: str | None = None,
    key_type: str | None = None,
) -> Peer:
    """One handshake; ``seconds`` is the total for connection, what comes before TLS, and the handshake.

    ``protocol`` is one of ``starttls.PROTOCOLS``. With ``key_type`` the server gets to choose among keys of this type only.
    """
    deadline = Deadline(seconds)
    try:
        with _dial(address, port, deadline) as plain:
            if protocol:
                starttls.negotiate(protocol, Stream(plain, deadline), server_name)
            return _handshake(plain, server_name, key_type, deadline)
    except (socket.timeout, TimeoutError):
        raise Unreachable("no handshake within %g seconds" % seconds) from None
    except Refused as error:
        raise Unreachable("no STARTTLS: %s" % error) from None
    except ssl.SSLError as error:
        raise Unreachable("no TLS handshake: %s" % clean(error.reason or type(error).__name__, 100)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Unreachable("no connection: %s" % clean(reason, 100)) from None


def _dial(address: str, port: int, deadline: Deadline) -> socket.socket:
    failure: OSError = OSError(0, "no address")
    for family, kind, number, _name, place in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind, number)
        try:
            plain.settimeout(left(deadline))
            plain.connect(place)
            return plain
        except OSError as error:
            plain.close()
            failure = error
    raise failure


def _handshake(plain: socket.socket, server_name: str, key_type: str | None, deadline: Deadline) -> Peer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if key_type:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS[key_type])
    with context.wrap_socket(plain, server_hostname=server_name, do_handshake_on_connect=False) as tls:
        tls.settimeout(left(deadline))
        tls.do_handshake()
        leaf = tls.getpeercert(binary_form=True)
        if not leaf:
            raise Unreachable("no certificate in the handshake")
        return Peer(leaf, _chain(tls) or (leaf,), tls.version() or "", (tls.cipher() or ("",))[0])


def _chain(tls: ssl.SSLSocket) -> tuple[bytes, ...]:
    """As the server sent it: public since Python 3.13, there since 3.10."""
    inner: Any = getattr(tls, "_sslobj", None)
    ask: Callable[[], Any] | None = getattr(tls, "get_unverified_chain", None) or getattr(
        inner, "get_unverified_chain", None
    )
    found = ask() if ask else ()
    return tuple(
        each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found or ()
    )
