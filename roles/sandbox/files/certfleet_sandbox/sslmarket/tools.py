# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decoders, and the answer about a revocation. The spelling `alghoritm` is the API's own."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from certfleet_sandbox.sslmarket import fields, views
from certfleet_sandbox.sslmarket.ca import PublicKey
from certfleet_sandbox.sslmarket.knobs import Knobs
from certfleet_sandbox.sslmarket.orders import Order
from certfleet_sandbox.strict import Refused

_SUBJECT = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}
_OCSP_LIFE = timedelta(days=7)
# The documentation types the algorithm of a certificate as a number; these are PHP's OPENSSL_KEYTYPE_RSA and _EC.
_RSA, _EC = 0, 3


def _subject(name: x509.Name, member: str) -> str | None:
    found = name.get_attributes_for_oid(_SUBJECT[member])
    return str(found[0].value) if found else None


def _names(extensions: x509.Extensions) -> list[str]:
    try:
        value = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(entry.value) for entry in value]


def _key_pem(key: PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def csr(values: dict[str, Any]) -> dict[str, Any]:
    members = fields.only(values, "csr")
    text = members.text("csr")
    members.done()
    try:
        found, key = fields.read_csr(text)
    except ValueError as error:
        raise Refused(400, {"csr": [str(error)]}) from None
    kind = "RSA" if isinstance(key, rsa.RSAPublicKey) else "EC"
    return {
        "csr": {
            "subject": {member: _subject(found.subject, member) for member in _SUBJECT},
            "pkey": {"length": key.key_size, "alghoritm": kind, "pkey": _key_pem(key)},
            "sans": _names(found.extensions),
        }
    }


def _certificate(values: dict[str, Any]) -> tuple[x509.Certificate, PublicKey]:
    """PEM, or what is between its lines."""
    text = values.get("certificate")
    members = fields.only(values, "certificate")
    if "certificate" in values and not (isinstance(text, str) and text.strip()):
        members.wrong("certificate", "must be a string with a certificate")
    members.done()
    assert isinstance(text, str)
    try:
        if "-----BEGIN" in text:
            found = x509.load_pem_x509_certificate(text.encode("ascii"))
        else:
            found = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = found.public_key()
        if isinstance(key, PublicKey):
            return found, key
    except (ValueError, binascii.Error, x509.InvalidVersion):
        pass
    raise Refused(400, {"certificate": ["is not a certificate in Base64"]})


def certificate(values: dict[str, Any], knobs: Knobs) -> dict[str, Any]:
    found, key = _certificate(values)
    return {
        "certificate": {
            "owner": {
                "domain": _subject(found.subject, "CN"),
                "organization": _subject(found.subject, "O"),
                "city": _subject(found.subject, "L"),
                "locality": _subject(found.subject, "ST"),
                "country": _subject(found.subject, "C"),
            },
            "length": key.key_size,
            "alghoritm": _RSA if isinstance(key, rsa.RSAPublicKey) else _EC,
            "pkey": _key_pem(key),
            "sans": _names(found.extensions),
            "valid_from": views.date(found.not_valid_before_utc.timestamp(), knobs),
            "valid_to": views.date(found.not_valid_after_utc.timestamp(), knobs),
            "serial_number": str(found.serial_number),
            "serial_number_hex": format(found.serial_number, "X"),
        }
    }


def ocsp(
    values: dict[str, Any], orders: list[Order], knobs: Knobs, now: float, revoked: Callable[[str], bool]
) -> dict[str, Any]:
    """good or revoked: there is no third word, so certificates from elsewhere are refused."""
    found, _key = _certificate(values)
    serial = format(found.serial_number, "x")
    for order in orders:
        if any(issued.serial == serial for issued in order.certificates):
            return {
                "status": "revoked" if order.revoked or revoked(serial) else "good",
                "this_update": views.date(now, knobs),
                "next_update": views.date(now + _OCSP_LIFE.total_seconds(), knobs),
            }
    raise Refused(400, {"certificate": ["has no OCSP responder"]})
