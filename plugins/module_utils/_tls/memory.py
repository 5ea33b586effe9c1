# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a key and a chain fit together, said by OpenSSL: a handshake in memory, for hosts that have the standard library alone.

A server with the two meets a client that trusts the last certificate of the chain. So the key fits, every signature up to there
holds, and the dates are right; and the client tells what is in the certificate.
"""

from __future__ import annotations

import ssl
from typing import Any, Sequence

from .._core import files
from .._core.errors import clean

# ssl.VERIFY_X509_PARTIAL_CHAIN of Python 3.10: a certificate in the middle of a chain may be the one that is trusted.
_PARTIAL_CHAIN = 0x80000
# A handshake takes three turns.
_TURNS = 20


class Unfit(ValueError):
    """They do not fit together, and why, in the words of OpenSSL."""


def shake_hands(key: bytes, certificates: Sequence[bytes]) -> dict[str, Any]:
    """The leaf as ``ssl.SSLSocket.getpeercert`` shows it. ``certificates`` are PEM, the leaf first, each one issued by the next."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags = ssl.VerifyFlags(int(client.verify_flags) | _PARTIAL_CHAIN)
    try:
        # OpenSSL reads a key from a file alone; what is proven must be what was read, not what is there by now
        with files.unnamed(b"".join(certificates)) as chain_path, files.unnamed(key) as key_path:
            server.load_cert_chain(chain_path, key_path, _no_password)
        client.load_verify_locations(cadata=certificates[-1].decode("ascii"))
        return _turns(server, client)
    except ssl.SSLError as error:
        words = getattr(error, "verify_message", None) or error.reason or type(error).__name__
        raise Unfit(clean(words, 100)) from None
    except ValueError as error:
        raise Unfit(clean(error, 100)) from None


def seconds(text: str) -> int:
    """Since 1970, of a date as ``getpeercert`` has it."""
    return ssl.cert_time_to_seconds(text)


def _turns(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking, answering = client.wrap_bio(other, one), server.wrap_bio(one, other, server_side=True)
    waiting = [asking, answering]
    for _turn in range(_TURNS):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
        if not waiting:
            return dict(asking.getpeercert() or {})
    raise ValueError("no handshake")


def _no_password() -> str:
    """Instead of a question at the terminal."""
    raise ValueError("the key is encrypted")
