# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extensions of a certificate or a request one by one: what the library says when one of them is broken, or is there twice, is
nothing about the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._core.errors import InvalidData
from .._x509 import der
from .._x509.guard import guard

# RFC 2985 section 5.4.2, and Microsoft's name for the same
_REQUESTS = ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14")


class Part(NamedTuple):
    """``value``: the library's object, ``None`` if it cannot read the extension."""

    oid: str
    critical: bool
    value: Any


def separate(whole: bytes) -> list[Part]:
    return [_part(each) for each in _raw(whole)]


def _raw(whole: bytes) -> list[bytes]:
    inner = der.children(whole, der.children(whole, der.element(whole))[0])
    for part in inner:
        if part.tag == der.CONTEXT_3:
            return _each(whole, der.children(whole, part)[0])
    found = []
    for part in inner:
        if part.tag == der.CONTEXT_0:  # a request's attributes
            for attribute in der.children(whole, part):
                found += _asked(whole, attribute)
    return found


def _asked(whole: bytes, attribute: der.Element) -> list[bytes]:
    oid, values = der.children(whole, attribute)[:2]
    if der.dotted(der.content(whole, oid)) not in _REQUESTS:
        return []
    return [each for value in der.children(whole, values) for each in _each(whole, value)]


def _each(whole: bytes, extensions: der.Element) -> list[bytes]:
    return [der.whole(whole, each) for each in der.children(whole, extensions)]


def _part(raw: bytes) -> Part:
    members = der.children(raw, der.element(raw))
    oid = der.dotted(der.content(raw, members[0]))
    # BER has more than one way to say true, and says false where DER is silent
    critical = members[1].tag == der.BOOLEAN and any(der.content(raw, members[1]))
    plain = [der.whole(raw, members[0]), der.encode(der.BOOLEAN, b"\xff") * critical, der.whole(raw, members[-1])]
    from cryptography import x509

    try:
        with guard(oid, "cannot be read"):
            carrier = _carrier(der.encode(der.SEQUENCE, b"".join(plain)))
            (extension,) = x509.load_der_x509_certificate(carrier).extensions
            return Part(oid, critical, extension.value)
    except InvalidData:
        return Part(oid, critical, None)


def _carrier(extension: bytes) -> bytes:
    """A certificate that has nothing but this extension: the library reads extensions in certificates only. It is never shown."""

    def sequence(*parts: bytes) -> bytes:
        return der.encode(der.SEQUENCE, b"".join(parts))

    algorithm = sequence(bytes.fromhex("06082a8648ce3d040302"))
    time = der.encode(der.UTC_TIME, b"260101000000Z")
    bits = der.encode(der.BIT_STRING, b"\x00")
    extensions = der.encode(der.CONTEXT_3, sequence(extension))
    version, serial, empty = bytes.fromhex("a003020102"), bytes.fromhex("020101"), sequence()
    body = sequence(
        version, serial, algorithm, empty, sequence(time, time), empty, sequence(algorithm, bits), extensions
    )
    return sequence(body, algorithm, bits)
