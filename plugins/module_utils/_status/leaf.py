# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as facts, by the standard library alone where that is enough."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Mapping

from .._core.clock import parse_iso
from .._core.errors import CollectionError, InvalidData, clean
from .._deploy import glance
from .model import Leaf

# a date that nobody told
_UNKNOWN = parse_iso("1970-01-01T00:00:00Z")
_PEM = "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"


def of_der(der: bytes) -> Leaf:
    """Serial number and dates; ``InvalidData`` if it is no certificate."""
    try:
        serial = format(glance.serial_number(der), "x")
        start, end = glance.validity(der)
    except (ValueError, LookupError, OverflowError):
        raise InvalidData("it is not a readable certificate") from None
    return Leaf(serial, hashlib.sha256(der).hexdigest(), start, end)


def of_stranger(der: bytes) -> Leaf:
    """The same with names and key, as far as the library is there and can read it."""
    plain = of_der(der)
    pem = _PEM % base64.encodebytes(der).decode("ascii")
    try:
        from .._x509 import load
        from .._x509.facts import facts

        found = facts(load.certificates(pem.encode("ascii"), "the server's certificate")[0])
    except (ImportError, CollectionError):
        return plain
    return Leaf(
        serial=plain.serial,
        fingerprint=plain.fingerprint,
        not_before=found.not_before,
        not_after=found.not_after,
        names=found.names,
        ca=found.issuer_cn or found.issuer,
        key_type=found.key_type,
        key_size=found.key_size,
    )


def of_files(pem: bytes, meta: Mapping[str, Any]) -> Leaf:
    """A set's certificate with what its ``meta.json`` says of it; ``InvalidData`` if the two do not belong together."""
    leaf = of_der(_der(pem))
    if meta.get("fingerprint") not in (None, leaf.fingerprint):
        raise InvalidData("meta.json belongs to another certificate")
    names, size = meta.get("names"), meta.get("key_size")
    return Leaf(
        serial=leaf.serial,
        fingerprint=leaf.fingerprint,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        names=tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
        ca=_text(meta.get("issuer_cn")) or _text(meta.get("issuer")),
        key_type=_text(meta.get("key_type")),
        key_size=size if isinstance(size, int) else None,
    )


def of_result(shown: Mapping[str, Any]) -> Leaf | None:
    """A certificate out of a result of ours; ``None`` if it says too little."""
    try:
        return Leaf(
            serial=str(shown["serial"]),
            fingerprint=str(shown["fingerprint"]),
            not_before=parse_iso(shown["not_before"]),
            not_after=parse_iso(shown["not_after"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def only_fingerprint(fingerprint: str) -> Leaf:
    """Of an answer that says no more than which certificate it was."""
    return Leaf("", fingerprint, _UNKNOWN, _UNKNOWN)


def _der(pem: bytes) -> bytes:
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    if pem.count(begin) < 1 or end not in pem.split(begin, 1)[1]:
        raise InvalidData("cert.pem has no certificate in it")
    try:
        return base64.b64decode(pem.split(begin, 1)[1].split(end, 1)[0])
    except ValueError:
        raise InvalidData("cert.pem is damaged") from None


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value else None
