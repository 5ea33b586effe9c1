# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certification authorities and certificates for tests: right unless told otherwise.

    root = pki.authority("Root")
    intermediate = pki.authority("Intermediate", root)
    server = pki.server(["www.example.com"], intermediate)
    fullchain = server.pem + intermediate.pem

The right ones pass OpenSSL's strict checks (``ssl.VERIFY_X509_STRICT``, Python's default from 3.13 on). What a test wants wrong, it
asks for by keyword.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# "now" for tests of pure code; the certificates also do for handshakes while the tests run
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)


def new_key(kind: str = "ecdsa", size: int = 256) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(65537, size)
    curve: Any = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}[size]
    return ec.generate_private_key(curve())


def key_pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def name(common_name: str | None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def alternative_names(names: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([general_name(each) for each in names])


def general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def key_usage(*allowed: str) -> x509.KeyUsage:
    kinds = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{kind: kind in allowed for kind in kinds.split()})


def authority(
    common_name: str = "Test Root",
    issuer: Identity | None = None,
    *,
    is_ca: bool = True,
    path_length: int | None = None,
    usage: Sequence[str] = ("key_cert_sign", "crl_sign"),
    **options: Any,
) -> Identity:
    """A CA: self-signed, or issued by ``issuer``. For ``options`` see :func:`issue`."""
    extensions = [
        (x509.BasicConstraints(is_ca, path_length if is_ca else None), True),
        (key_usage(*usage), True),
    ]
    options.setdefault("not_before", NOW - 300 * DAY)
    options.setdefault("not_after", NOW + 3000 * DAY)
    return issue(common_name, issuer, extensions, **options)


def server(
    names: Sequence[str],
    issuer: Identity | None = None,
    *,
    common_name: str | None = "",
    is_ca: bool | None = False,
    purposes: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.SERVER_AUTH,),
    **options: Any,
) -> Identity:
    """A server's certificate. ``common_name``: the first name; None: no subject. ``is_ca``/``purposes`` None: no such extension."""
    extensions: list[tuple[x509.ExtensionType, bool]] = [(key_usage("digital_signature", "key_encipherment"), True)]
    if is_ca is not None:
        extensions.append((x509.BasicConstraints(is_ca, None), True))
    if purposes is not None:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    if names:
        extensions.append((alternative_names(names), common_name is None))
    return issue(names[0] if common_name == "" else common_name, issuer, extensions, **options)


def issue(
    subject: str | None,
    issuer: Identity | None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    *,
    key: Any = None,
    signing_key: Any = None,
    issuer_name: str | None = None,
    not_before: datetime = NOW - DAY,
    not_after: datetime = NOW + 89 * DAY,
    serial: int | None = None,
    digest: Any = None,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    authority_key: bool = True,
) -> Identity:
    """Signs anything. ``signing_key`` and ``issuer_name`` forge what otherwise comes from ``issuer``; ``more`` are more extensions."""
    key = key or new_key()
    signer = signing_key or (issuer.key if issuer else key)
    named = name(issuer_name) if issuer_name else issuer.certificate.subject if issuer else name(subject)
    builder = (
        x509.CertificateBuilder(named, name(subject), key.public_key(), serial or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority_key:
        public = issuer.key.public_key() if issuer else signer.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    for extension, critical in (*extensions, *more):
        builder = builder.add_extension(extension, critical=critical)
    return Identity(builder.sign(signer, digest or hashes.SHA256()), key)


def request(names: Sequence[str], key: Any = None, common_name: str | None = "") -> bytes:
    """A PKCS #10 request in PEM."""
    subject = names[0] if common_name == "" else common_name
    builder = x509.CertificateSigningRequestBuilder(name(subject))
    if names:
        builder = builder.add_extension(alternative_names(names), critical=subject is None)
    return builder.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.PEM)
