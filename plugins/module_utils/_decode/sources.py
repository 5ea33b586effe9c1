# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in these bytes: certificates and requests, alone, in PEM bundles and in PKCS #7. Told apart by content.

More tolerant than ``_x509/pem.py``: what is decoded is only looked at. Text between the blocks is skipped, what is neither certificate nor
request is named, and a broken block does not hide the others. Private keys are never decoded.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from .._core.errors import InvalidData
from .._x509 import der
from .._x509.guard import guard, require_library

LIMIT = 2 * 1000 * 1000
DER_LIMIT = 100 * 1000
MOST = 1000
MOST_BLOCKS = 2 * MOST

CERTIFICATE, REQUEST = "certificate", "request"
_OTHER = {"crl": "X509 CRL"}

_BEGIN, _MARK = b"-----BEGIN ", b"-----"
_LABEL = re.compile(rb"[A-Z0-9][A-Z0-9# ]{0,60}")
_DECODED = {
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "PKCS7",
    "PKCS #7 SIGNED DATA",
    "CMS",
}
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2


@dataclass(frozen=True)
class Piece:
    """``ordered``: the place among the others means something. A PKCS #7 bundle is a set."""

    kind: str
    der: bytes
    ordered: bool = True


@dataclass
class Found:
    """``form`` is ``pem``, ``der`` or ``base64``; ``others`` names what is neither; ``errors`` say what could not be taken apart."""

    form: str = "der"
    pieces: list[Piece] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def other(self, label: str) -> None:
        if label not in self.others and len(self.others) < 20:
            self.others.append(label)

    def add(self, data: bytes, where: str, label: str = "") -> None:
        try:
            self._sort(data, label)
        except InvalidData as error:
            self.errors.append(where + error.message)

    def _sort(self, data: bytes, label: str) -> None:
        kind, end = _kind(data)
        if kind == "pkcs7":
            pieces = [Piece(CERTIFICATE, each, ordered=False) for each in _unpacked(data)]
        elif kind in _OTHER:
            self.other(_OTHER[kind])
            return
        else:
            # OpenSSL's TRUSTED CERTIFICATE: behind the certificate stands what it is trusted for
            pieces = [Piece(kind, data[:end] if label == "TRUSTED CERTIFICATE" else data)]
        if any(len(piece.der) > DER_LIMIT for piece in pieces):
            raise InvalidData("larger than %d bytes" % DER_LIMIT)
        if len(self.pieces) + len(pieces) > MOST:
            raise InvalidData("more than %d certificates and requests" % MOST)
        self.pieces += pieces


def find(data: bytes) -> Found:
    """Everything in ``data``: PEM, DER, or either of them in base64."""
    if len(data) > LIMIT:
        raise InvalidData("larger than %d bytes" % LIMIT)
    found = Found()
    if _BEGIN in data:
        _pem(data, found)
    elif data[:1] == b"\x30":
        found.add(data, "")
    else:
        unpacked = _base64(b"".join(data.split()))
        if unpacked is not None and _BEGIN in unpacked:
            _pem(unpacked, found)
        elif unpacked is None or unpacked[:1] != b"\x30":
            raise InvalidData("neither PEM nor DER nor base64" if data.strip() else "empty")
        else:
            found.form = "base64"
            found.add(unpacked, "")
    if not found.pieces and not found.errors:
        others = " (but: %s)" % ", ".join(found.others) if found.others else ""
        found.errors.append("neither a certificate nor a request in it" + others)
    return found


def _pem(data: bytes, found: Found) -> None:
    """Each block is looked at up to the next beginning only, so that the work grows with the length and not with its square."""
    found.form = "pem"
    parts = data.split(_BEGIN)[1:]
    if len(parts) > MOST_BLOCKS:
        raise InvalidData("more than %d PEM blocks" % MOST_BLOCKS)
    for number, part in enumerate(parts, 1):
        label = _LABEL.match(part)
        if not label or not part.startswith(_MARK, label.end()):
            continue
        name = label.group().decode("ascii")
        if name not in _DECODED:
            found.other(name)
            continue
        where = "PEM block %d: " % number
        end = part.find(b"-----END " + label.group() + _MARK)
        body = None if end < 0 else _base64(_without_headers(part[label.end() + len(_MARK) : end]))
        if end < 0:
            found.errors.append(where + "it has no end, the file is cut short")
        elif not body:
            found.errors.append(where + "not base64")
        else:
            found.add(body, where, name)


def _without_headers(body: bytes) -> bytes:
    """Headers (RFC 1421) end at the first empty line."""
    if b":" in body:
        lines = [line.strip() for line in body.strip().splitlines()]
        body = b"".join(lines[lines.index(b"") :]) if b"" in lines else body
    return b"".join(body.split())


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except binascii.Error:
        return None


def _kind(data: bytes) -> tuple[str, int]:
    """What the outermost elements are like (RFC 5280 section 4.1, RFC 2986 section 4, RFC 2315 section 7), and where it ends."""
    if data[:2] == b"\x30\x80" and _SIGNED_DATA in data[2:13]:
        return "pkcs7", len(data)  # BER, as some programs write it
    try:
        outer = der.element(data)
        parts = der.children(data, outer)
        tags = [part.tag for part in parts]
        if tags[:1] == [der.OBJECT] and der.content(data, parts[0]) == _SIGNED_DATA:
            return "pkcs7", outer.end
        if tags == [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
            inner = [part.tag for part in der.children(data, parts[0])]
            if der.UTC_TIME in inner or der.GENERALIZED_TIME in inner:
                return "crl", outer.end
            # a request: version, subject, key, attributes; an old certificate has the validity in the fourth place
            request = inner[:1] == [der.INTEGER] and inner[3:4] in ([der.CONTEXT_0], [])
            return REQUEST if request else CERTIFICATE, outer.end
    except ValueError as error:
        raise InvalidData("neither a certificate nor a request (%s)" % error) from None
    raise InvalidData("neither a certificate nor a request")


def _unpacked(data: bytes) -> list[bytes]:
    require_library()
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    with guard("PKCS #7", "not a readable bundle"):
        certificates = pkcs7.load_der_pkcs7_certificates(data)
        return [certificate.public_bytes(Encoding.DER) for certificate in certificates[: MOST + 1]]
