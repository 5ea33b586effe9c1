# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes from outside become objects here, or ``InvalidData``. Nothing else calls the loaders of ``cryptography``.

Many of its errors come late, when a field is read for the first time. So all fields the collection reads are read here
once: who holds an object can use it without a guard.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Union

from .._core.errors import InvalidData
from .facts import extension, facts, request_facts
from .guard import guard, require_library
from .pem import Block, blocks

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]

LIMIT = 100 * 1000
KEY_LIMIT = 20 * 1000
MOST_CERTIFICATES = 10
MOST_NAMES = 250

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
_REQUEST_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
# 20 octets, RFC 5280 section 4.1.2.2; some CAs forget the sign bit. The serial number becomes a directory's name.
_SERIAL_BITS = 160


def certificates(data: bytes, source: str) -> list[x509.Certificate]:
    """One or more certificates in PEM, in the order of the text; ``source`` names them in messages."""
    require_library()
    found = blocks(data, source, LIMIT, MOST_CERTIFICATES)
    for block in found:
        if "PRIVATE KEY" in block.label:
            raise InvalidData("%s: has a private key in it, where only certificates belong" % source)
        if block.label != "CERTIFICATE":
            raise InvalidData("%s: has a block of another kind in it, where only certificates belong" % source)
    return [_certificate(block, "%s, certificate %d" % (source, number)) for number, block in enumerate(found, 1)]


def private_key(data: bytes, source: str) -> PrivateKey:
    """One private key in PEM, not encrypted: RSA from 2048 bits on, or EC on a NIST curve."""
    require_library()
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    # ``openssl ecparam -genkey`` writes the curve's parameters before the key; the key has them too.
    found = [block for block in blocks(data, source, KEY_LIMIT, 2) if block.label != "EC PARAMETERS"]
    if [block.label for block in found] == ["ENCRYPTED PRIVATE KEY"]:
        raise InvalidData("%s: the private key is encrypted" % source, hint="Give a key without a passphrase.")
    block = _only(found, _KEY_LABELS, "private key", source)
    with guard(source, "not a readable private key"):
        key = load_der_private_key(block.der, None)
        return _accepted(key, source)


def request(data: bytes, source: str) -> x509.CertificateSigningRequest:
    """One certificate signing request (PKCS #10) in PEM, with a valid signature."""
    require_library()
    from cryptography import x509

    block = _only(blocks(data, source, LIMIT, 1), _REQUEST_LABELS, "certificate signing request", source)
    with guard(source, "not a readable certificate signing request"):
        loaded = x509.load_der_x509_csr(block.der)
        _check_names(loaded.extensions, source)
        request_facts(loaded)
        if not loaded.is_signature_valid:
            raise InvalidData("%s: the request's signature is wrong" % source)
    return loaded


def _certificate(block: Block, source: str) -> x509.Certificate:
    from cryptography import x509

    with guard(source, "not a readable certificate"):
        loaded = x509.load_der_x509_certificate(block.der)
        if not 0 <= loaded.serial_number < 1 << _SERIAL_BITS:
            raise InvalidData("%s: its serial number is negative or longer than 20 octets" % source)
        _check_names(loaded.extensions, source)
        facts(loaded)
        loaded.signature_hash_algorithm  # noqa: B018  # raises for algorithms that nothing here could check
    return loaded


def _check_names(extensions: x509.Extensions, source: str) -> None:
    """Text of certificates goes to results and into comparisons: no control characters, no spaces, no endless lists."""
    from cryptography import x509

    names = extension(extensions, x509.SubjectAlternativeName)
    if names is None:
        return
    if len(list(names)) > MOST_NAMES:
        raise InvalidData("%s: more than %d names" % (source, MOST_NAMES))
    if not all(_PRINTABLE.fullmatch(name) for name in names.get_values_for_type(x509.DNSName)):
        raise InvalidData("%s: a name with characters that no DNS name has" % source)


def _only(found: list[Block], labels: tuple[str, ...], what: str, source: str) -> Block:
    if len(found) != 1 or found[0].label not in labels:
        raise InvalidData("%s: not exactly one %s" % (source, what))
    return found[0]


def _accepted(key: object, source: str) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 2048:
            raise InvalidData("%s: an RSA key of %d bits; 2048 are the least" % (source, key.key_size))
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _CURVES:
            raise InvalidData("%s: an EC key on a curve other than P-256, P-384 and P-521" % source)
        return key
    raise InvalidData("%s: neither an RSA nor an EC key" % source)
