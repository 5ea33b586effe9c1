# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a certificate, a request or a key: plain values, read once."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from .._core.clock import iso
from .._core.errors import clean

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

    ExtensionValue = TypeVar("ExtensionValue", bound=x509.ExtensionType)


@dataclass(frozen=True)
class KeyFacts:
    """``public_key`` is the SHA-256 of the SubjectPublicKeyInfo in DER: equal for a key, its requests and its certificates."""

    public_key: str
    key_type: str
    key_size: int


@dataclass(frozen=True)
class RequestFacts:
    public_key: str
    names: tuple[str, ...]
    key_type: str
    key_size: int


@dataclass(frozen=True)
class Facts:
    """Hex is lower case; ``fingerprint`` and ``public_key`` are SHA-256. ``names``: DNS and IP, lower case, sorted.

    ``server_auth`` is true as well when no extended key usage restricts the certificate (RFC 5280 section 4.2.1.12).
    """

    serial: str
    fingerprint: str
    public_key: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    issuer: str
    subject: str
    issuer_cn: str
    key_type: str
    key_size: int
    is_ca: bool
    server_auth: bool

    def show(self) -> dict[str, object]:
        """For results: JSON types, times in ISO 8601."""
        shown = asdict(self)
        shown.update(names=list(self.names), not_before=iso(self.not_before), not_after=iso(self.not_after))
        return shown


@lru_cache(maxsize=256)  # each certificate is asked for them several times, an intermediate for each set
def facts(certificate: x509.Certificate) -> Facts:
    from cryptography.hazmat.primitives import hashes

    key = _public_key_facts(certificate.public_key())
    return Facts(
        serial=format(certificate.serial_number, "x"),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        public_key=key.public_key,
        names=_names(certificate.extensions),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        issuer=clean(certificate.issuer.rfc4514_string()),
        subject=clean(certificate.subject.rfc4514_string()),
        issuer_cn=_common_name(certificate.issuer),
        key_type=key.key_type,
        key_size=key.key_size,
        is_ca=_is_ca(certificate.extensions),
        server_auth=_server_auth(certificate.extensions),
    )


def request_facts(request: x509.CertificateSigningRequest) -> RequestFacts:
    key = _public_key_facts(request.public_key())
    return RequestFacts(key.public_key, _names(request.extensions), key.key_type, key.key_size)


def key_facts(key: PrivateKeyTypes) -> KeyFacts:
    return _public_key_facts(key.public_key())


def pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def extension(extensions: x509.Extensions, kind: type[ExtensionValue]) -> ExtensionValue | None:
    from cryptography import x509

    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _public_key_facts(key: PublicKeyTypes) -> KeyFacts:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    if isinstance(key, rsa.RSAPublicKey):
        return KeyFacts(digest, "rsa", key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyFacts(digest, "ecdsa", key.curve.key_size)
    word = type(key).__name__.lower()
    return KeyFacts(digest, word[: -len("publickey")] if word.endswith("publickey") else word, 0)


def _names(extensions: x509.Extensions) -> tuple[str, ...]:
    """Mail addresses, URIs and the like are left out: they name no TLS server that a client connects to."""
    from cryptography import x509

    alternative = extension(extensions, x509.SubjectAlternativeName)
    if alternative is None:
        return ()
    dns = {name.lower() for name in alternative.get_values_for_type(x509.DNSName)}
    return tuple(sorted(dns | {str(address) for address in alternative.get_values_for_type(x509.IPAddress)}))


def _common_name(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(found[0].value) if found else ""


def _is_ca(extensions: x509.Extensions) -> bool:
    from cryptography import x509

    constraints = extension(extensions, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _server_auth(extensions: x509.Extensions) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = extension(extensions, x509.ExtendedKeyUsage)
    return usage is None or ExtendedKeyUsageOID.SERVER_AUTH in usage
