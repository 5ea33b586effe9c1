# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for CSRs: issued, issued again with other dates, and written in the formats of the API."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certfleet_sandbox.pki import Pair
from certfleet_sandbox.sslmarket.knobs import Knobs
from certfleet_sandbox.sslmarket.orders import Issued

_PEM = serialization.Encoding.PEM
_COMMON_NAME_LENGTH = 64
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def spki_digest(key: PublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo: what two requests for one key have in common."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def csr_names(csr: x509.CertificateSigningRequest) -> set[str]:
    """The DNS names in the extension and the common name."""
    names = {str(entry.value) for entry in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        extension = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    return names | set(extension.get_values_for_type(x509.DNSName))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)


@dataclass(frozen=True)
class Wanted:
    names: list[str]
    key: PublicKey
    now: float
    end: float  # of the term
    client: bool  # not for a TLS server
    previous: int | None  # the serial number of the last certificate


class Authority:
    """The root and the intermediate; EC keys, so that a signature takes a fraction of a millisecond."""

    def __init__(self, root: Pair, issuing: Pair, pointers: Sequence[x509.ExtensionType] = ()) -> None:
        self._root, self._issuing, self._pointers = root, issuing, pointers

    def issue(self, wanted: Wanted, knobs: Knobs) -> Issued:
        names = list(wanted.names)
        if knobs.drop_name:
            names = names[:-1] or ["dropped.invalid"]
        if knobs.extra_name:
            names.append(knobs.extra_name)
        key = ec.generate_private_key(ec.SECP256R1()).public_key() if knobs.wrong_key else wanted.key
        again = knobs.same_serial and wanted.previous is not None
        serial = wanted.previous if again and wanted.previous else x509.random_serial_number()
        days = knobs.short_days or knobs.certificate_days
        begin, end = wanted.now - 3600, min(wanted.now + days * 86400, wanted.end)
        if knobs.expired:
            begin, end = wanted.now - days * 86400, wanted.now - 86400
        elif knobs.not_yet_valid:
            begin = wanted.now + 86400
        builder = self._builder(_subject(names[0]), key, serial, begin, end)
        for extension, critical in _extensions(names, key, wanted.client, knobs):
            builder = builder.add_extension(extension, critical)
        for extension in self._pointers:
            builder = builder.add_extension(extension, critical=False)
        return self._signed(builder)

    def redated(self, issued: Issued, seconds: float) -> Issued:
        """The same certificate, as if it had been issued so much earlier."""
        old = x509.load_pem_x509_certificate(issued.pem.encode())
        key = old.public_key()
        assert isinstance(key, PublicKey)
        builder = self._builder(
            old.subject, key, old.serial_number, issued.begin - seconds, issued.end - seconds, identifiers=False
        )
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return self._signed(builder)

    def _builder(
        self, subject: x509.Name, key: PublicKey, serial: int, begin: float, end: float, identifiers: bool = True
    ) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._issuing.certificate.subject)
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(_time(begin))
            .not_valid_after(max(_time(end), _time(begin) + timedelta(seconds=1)))
        )
        if not identifiers:
            return builder
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._issuing.key.public_key())
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False).add_extension(issuer, False)

    def _signed(self, builder: x509.CertificateBuilder) -> Issued:
        certificate = builder.sign(self._issuing.key, hashes.SHA256())
        return Issued(
            format(certificate.serial_number, "x"),
            certificate.public_bytes(_PEM).decode(),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )

    def text(self, issued: Issued, form: str, knobs: Knobs) -> bytes:
        """The certificate in a FORMAT of the API."""
        leaf = x509.load_pem_x509_certificate(issued.pem.encode())
        if form == "pem_server":
            return leaf.public_bytes(_PEM)
        chain = [leaf] if knobs.no_chain else [leaf, self._issuing.certificate]
        if form == "pem_intermediate":
            parts = [certificate.public_bytes(_PEM) for certificate in chain]
            return b"".join(reversed(parts) if knobs.reversed_chain else parts)
        if not knobs.no_chain:
            chain.append(self._root.certificate)
        if knobs.p7b_format == "pem":
            return pkcs7.serialize_certificates(chain, _PEM)
        encoded = pkcs7.serialize_certificates(chain, serialization.Encoding.DER)
        return encoded if knobs.p7b_format == "der" else base64.encodebytes(encoded)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if len(name) <= _COMMON_NAME_LENGTH else [])


def _extensions(names: list[str], key: PublicKey, client: bool, knobs: Knobs) -> list[tuple[x509.ExtensionType, bool]]:
    general = [x509.RFC822Name(name) if "@" in name else x509.DNSName(name) for name in names]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client or knobs.wrong_usage else ExtendedKeyUsageOID.SERVER_AUTH
    bits = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=isinstance(key, rsa.RSAPublicKey),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=knobs.is_ca,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [
        # critical where there is no subject: RFC 5280, section 4.2.1.6
        (x509.SubjectAlternativeName(general), len(names[0]) > _COMMON_NAME_LENGTH),
        (x509.BasicConstraints(ca=knobs.is_ca, path_length=None), True),
        (bits, True),
        (x509.ExtendedKeyUsage([usage]), False),
    ]
