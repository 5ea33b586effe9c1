# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in a certificate (RFC 5280), as plain values.

A field that cannot be read is ``None``, and ``problems`` says so; what is no certificate at all is ``InvalidData``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Mapping

from .._x509 import der
from .._x509.guard import guard
from . import signatures, times
from .extensions import fields
from .keys import PrivateKey, public_key
from .names import distinguished, owner
from .notes import Notes

if TYPE_CHECKING:
    from cryptography import x509

_UNREADABLE_NAME: tuple[None, list[dict[str, str]]] = (None, [])
# 20 octets, RFC 5280 section 4.1.2.2; some CAs forget the sign bit
_SERIAL_BITS = 160


def load(data: bytes) -> x509.Certificate:
    from cryptography import x509

    with guard("certificate", "not a readable certificate"):
        return x509.load_der_x509_certificate(data)


def decode(data: bytes, at: datetime, private: PrivateKey | None = None) -> dict[str, Any]:
    certificate, notes = load(data), Notes()
    subject, subject_parts = notes.attempt(
        "subject", lambda: distinguished(certificate.subject, notes), _UNREADABLE_NAME
    )
    issuer, issuer_parts = notes.attempt("issuer", lambda: distinguished(certificate.issuer, notes), _UNREADABLE_NAME)
    spki = _spki(data)
    shown = {
        "decoder": "local",
        "version": notes.attempt("version", lambda: certificate.version.value + 1),
        "subject": subject,
        "subject_parts": subject_parts,
        "owner": owner(subject_parts),
        "issuer": issuer,
        "issuer_parts": issuer_parts,
        **serial(certificate.serial_number, notes),
        **validity(certificate, at, notes),
        **public_key(spki, certificate.public_key, notes, private),
        "fingerprint": hashlib.sha256(data).hexdigest(),
        "fingerprint_sha1": sha1(data),
        **signatures.fields(certificate, notes),
        **fields(certificate, data, notes),
        "problems": notes.problems,
    }
    shown["self_signed"] = notes.attempt("signature", lambda: _self_signed(certificate, shown["key_size"]))
    _look(shown, notes)
    return shown


def serial(number: int, notes: Notes) -> dict[str, str | None]:
    """``serial`` as everywhere in the collection, ``serial_number`` in decimal, ``serial_number_hex`` in whole octets."""
    if number <= 0:
        notes.add("serial_not_positive", "the serial number is %s" % ("zero" if number == 0 else "negative"))
    if number.bit_length() > _SERIAL_BITS:
        notes.add("long_serial", "the serial number is longer than 20 octets")
    if number.bit_length() > 8 * _SERIAL_BITS:
        return {"serial": None, "serial_number": None, "serial_number_hex": None}
    sign, octets = "-" if number < 0 else "", format(abs(number), "X")
    return {
        "serial": format(number, "x"),
        "serial_number": str(number),
        "serial_number_hex": sign + octets.zfill(len(octets) + len(octets) % 2),
    }


def validity(certificate: x509.Certificate, at: datetime, notes: Notes) -> dict[str, Any]:
    found = notes.attempt("validity", lambda: (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    if found is None:
        return dict.fromkeys(("not_before", "not_after", "days_left", "share_left", "expired"))
    return span(found[0], found[1], at, notes)


def span(not_before: datetime, not_after: datetime, at: datetime, notes: Notes) -> dict[str, Any]:
    begin, end = times.seconds(not_before), times.seconds(not_after)
    if at > not_after:
        notes.add("expired", "expired on %s" % end)
    elif at < not_before:
        notes.add("not_yet_valid", "not valid before %s" % begin)
    return {"not_before": begin, "not_after": end, **times.remaining(not_before, not_after, at)}


def sha1(data: bytes) -> str | None:
    """Not for security. Where the system's policy has no SHA-1, there is none."""
    try:
        return hashlib.sha1(data).hexdigest()
    except ValueError:
        return None


def _self_signed(certificate: x509.Certificate, size: int | None) -> bool | None:
    return certificate.subject == certificate.issuer and signatures.issued(certificate, certificate, size)


def _spki(data: bytes) -> bytes:
    """SubjectPublicKeyInfo as it is in the certificate: it follows the subject."""
    with guard("certificate", "not a readable certificate"):
        body = der.children(data, der.children(data, der.element(data))[0])
        return der.whole(data, body[6 if body[0].tag == der.CONTEXT_0 else 5])


def _look(shown: Mapping[str, Any], notes: Notes) -> None:
    """What its fields mean together."""
    if signatures.weak(shown) and not shown["self_signed"]:
        notes.add("weak_signature", "signed with %s" % shown["signature_hash"].upper())
    serves = shown["is_ca"] is False and "serverAuth" in (shown["extended_key_usage"] or ())
    if serves and shown["sans"] == [] and not shown["precertificate"]:
        notes.add("no_names", "a server's certificate without alternative names: clients ignore its common name")
