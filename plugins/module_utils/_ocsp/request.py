# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an OCSP responder (RFC 6960 section 4.1), and how it travels over HTTP (appendix A)."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

# RFC 9654 section 2.1 wants at least 32 octets from clients.
NONCE_LENGTH = 32
# RFC 5019 section 5: the whole URL, with scheme and host.
_LONGEST_GET = 255
# what base64 has and a path has not as it is (RFC 6960 appendix A.1)
_ESCAPED = str.maketrans({"+": "%2B", "/": "%2F", "=": "%3D"})


class Question:
    """A certificate, its issuer, and the request for it. ``nonce`` is ``None`` for an answer that others are to use, too.

    The identifiers are hashed with SHA-1, for that is what all responders know (RFC 5019 section 2.1.1). It only names the
    certificate: nothing is proven by it.
    """

    def __init__(self, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes | None = None) -> None:
        from cryptography.hazmat.primitives import hashes

        self.certificate = certificate
        self.issuer = issuer
        self.nonce = nonce
        self._ids: dict[str, tuple[bytes, bytes]] = {}
        self.encoded = self._build(hashes.SHA1(), nonce)

    def identifier(self, algorithm: HashAlgorithm) -> tuple[bytes, bytes]:
        """The hashes of the issuer's name and key, as an answer made with this algorithm must have them."""
        if algorithm.name not in self._ids:
            self._build(algorithm, None)
        return self._ids[algorithm.name]

    def _build(self, algorithm: HashAlgorithm, nonce: bytes | None) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509 import ocsp

        builder = ocsp.OCSPRequestBuilder().add_certificate(self.certificate, self.issuer, algorithm)
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        built = builder.build()
        self._ids[algorithm.name] = (built.issuer_name_hash, built.issuer_key_hash)
        return built.public_bytes(Encoding.DER)


def new_nonce() -> bytes:
    return os.urandom(NONCE_LENGTH)


def get_url(url: str, encoded: bytes) -> str | None:
    """The URL for a request by GET; ``None`` if it would be too long, or the responder's URL has a query."""
    if "?" in url or "#" in url:
        return None
    whole = "%s/%s" % (url.rstrip("/"), base64.b64encode(encoded).decode("ascii").translate(_ESCAPED))
    return whole if len(whole) <= _LONGEST_GET else None
