# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of certificates and requests: which algorithm, and whether they are right.

The library's own checks refuse old digests, and say of requests that have one that the signature is wrong. Its primitives still know SHA-1 and
MD5: what is signed with them is weak, which is another thing than wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from .notes import Notes
from .words import SIGNATURES, WEAK

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

# from here on a signature is not checked: OpenSSL would take seconds for a bundle of such keys
_LARGEST_KEY = 8192
_PSS = "rsassaPss"


def fields(signed: x509.Certificate | x509.CertificateSigningRequest, notes: Notes) -> dict[str, str | None]:
    oid = notes.attempt("signature algorithm", lambda: signed.signature_algorithm_oid.dotted_string)
    name = SIGNATURES.get(oid, oid)
    word = next((each for each in WEAK if each in (name or "").lower()), None)
    # what nothing here can check has no digest for the library; the algorithm's name says which one it is
    digest = word if word in ("md2", "md4") else notes.attempt("signature algorithm", lambda: _digest(signed))
    return {"signature_algorithm": name, "signature_hash": digest}


def weak(shown: Mapping[str, Any]) -> bool:
    return shown["signature_hash"] in WEAK


def issued(certificate: x509.Certificate, issuer: x509.Certificate, size: int | None) -> bool | None:
    """Whether the signature is the issuer's; ``None`` if that cannot be checked. ``size``: of the issuer's key."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if size is None or size > _LARGEST_KEY or certificate.issuer != issuer.subject:
        return None if certificate.issuer == issuer.subject else False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _by_hand(certificate, certificate.tbs_certificate_bytes, issuer.public_key())
    return True


def request_signed(request: x509.CertificateSigningRequest, size: int | None) -> bool | None:
    """Whether a request is signed by its own key."""
    if size is None or size > _LARGEST_KEY:
        return None
    return request.is_signature_valid or _by_hand(request, request.tbs_certrequest_bytes, request.public_key())


def _by_hand(
    signed: x509.Certificate | x509.CertificateSigningRequest, body: bytes, key: PublicKeyTypes
) -> bool | None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

    try:
        digest = signed.signature_hash_algorithm
        if digest is None or SIGNATURES.get(signed.signature_algorithm_oid.dotted_string) == _PSS:
            return None
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signed.signature, body, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signed.signature, body, ec.ECDSA(digest))
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(signed.signature, body, digest)
        else:
            return None
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return True


def _digest(signed: x509.Certificate | x509.CertificateSigningRequest) -> str | None:
    digest = signed.signature_hash_algorithm
    return None if digest is None else digest.name
