# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS #7 bundles of certificates (RFC 2315, "p7b")."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Sequence

from .._core.errors import InvalidData
from . import load, pem
from .facts import pem as encode_certificate
from .guard import guard, require_library

if TYPE_CHECKING:
    from cryptography import x509

_LABELS = ("PKCS7", "CMS", "CERTIFICATE")


def certificates(data: bytes, source: str) -> list[x509.Certificate]:
    """The certificates of a bundle in PEM, DER, or bare base64; each of them as strictly read as one in PEM."""
    require_library()
    from cryptography.hazmat.primitives.serialization import pkcs7

    der = _der(data, source)
    with guard(source, "not a readable PKCS #7 bundle"):
        found = pkcs7.load_der_pkcs7_certificates(der)
    if not 0 < len(found) <= load.MOST_CERTIFICATES:
        raise InvalidData("%s: %d certificates in it, not 1 to %d" % (source, len(found), load.MOST_CERTIFICATES))
    with guard(source, "not a readable PKCS #7 bundle"):
        text = b"".join(encode_certificate(each) for each in found)
    return load.certificates(text, source)


def encode(chain: Sequence[x509.Certificate]) -> bytes:
    """A bundle in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    return pkcs7.serialize_certificates(list(chain), Encoding.PEM)


def _der(data: bytes, source: str) -> bytes:
    if len(data) > load.LIMIT:
        raise InvalidData("%s: larger than %d bytes" % (source, load.LIMIT))
    if b"-----BEGIN " in data:
        found = pem.blocks(data, source, load.LIMIT, 1)
        if found[0].label not in _LABELS:
            raise InvalidData("%s: not a PKCS #7 bundle" % source)
        return found[0].der
    if data[:1] == b"\x30":  # DER: a SEQUENCE
        return data
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise InvalidData("%s: neither PEM nor DER nor base64" % source) from None
