# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's certificates: a root, an issuing CA for each ACME server, server certificates.

They pass the strict verification that Python 3.13 switches on (VERIFY_X509_STRICT): every CA has keyUsage and a subject
key identifier, every other certificate an authority key identifier.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certfleet_sandbox.files import write_atomic

_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, stem: Path) -> None:
        write_atomic(stem.with_suffix(".key"), self.key_pem())
        write_atomic(stem.with_suffix(".pem"), self.certificate_pem(), 0o644)

    @classmethod
    def read(cls, stem: Path) -> Pair | None:
        try:
            key = serialization.load_pem_private_key(stem.with_suffix(".key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(stem.with_suffix(".pem").read_bytes())
        except FileNotFoundError:
            return None
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key, certificate)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _sign(common_name: str, days: int, issuer: Pair | None, extensions: list[tuple[x509.ExtensionType, bool]]) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer.certificate.subject if issuer else _name(common_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Pair(key, builder.sign(signer, hashes.SHA256()))


def _authority(stem: Path, common_name: str, issuer: Pair | None) -> Pair:
    """A CA that is made once and kept: certificates of an earlier run go on verifying."""
    found = Pair.read(stem)
    if found is None:
        constraints = x509.BasicConstraints(ca=True, path_length=0 if issuer else None)
        found = _sign(common_name, 3650 if issuer is None else 3000, issuer, [(constraints, True), (_CA_USAGE, True)])
        found.write(stem)
    return found


def root(directory: Path) -> Pair:
    return _authority(directory / "root", "certfleet sandbox root", None)


def issuing(directory: Path, name: str, signer: Pair) -> Pair:
    return _authority(directory / name, f"certfleet sandbox issuing CA {name}", signer)


def responder(directory: Path, name: str, signer: Pair) -> Pair:
    """Who signs OCSP answers for an issuing CA (RFC 6960, section 4.2.2.2); made once, as the CA is."""
    stem = directory / f"{name}-ocsp"
    found = Pair.read(stem)
    if found is None:
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.OCSPNoCheck(), False),
        ]
        found = _sign(f"certfleet sandbox OCSP responder {name}", 2900, signer, extensions)
        found.write(stem)
    return found


def server(names: list[str], signer: Pair | None = None) -> Pair:
    """A TLS server certificate; self-signed without a signer."""
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return _sign(
        names[0],
        365,
        signer,
        [
            (x509.SubjectAlternativeName(general), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        ],
    )
