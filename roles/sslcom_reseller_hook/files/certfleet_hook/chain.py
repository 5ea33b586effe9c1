# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivered chains: which of the certificates is the customer's, and whether it leads to a pinned CA."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from certfleet_hook.names import normalise
from certfleet_hook.state import Leaf

MOST_CERTIFICATES = 10
LARGEST_RSA = 8192  # verifying with larger keys costs an attacker nothing, and us seconds
# What cryptography raises for the content of a certificate; the last three are no ValueErrors.
UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class BadChain(ValueError):
    """``code``: malformed, names or untrusted. The text is for whoever reads the answer, and holds nothing of the request."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def read(text: str, trusted: Sequence[x509.Certificate], now: datetime) -> Leaf:
    """The facts of a delivered certificate; BadChain when it is not one, or does not lead to a pinned CA.

    Without pinned CAs the signatures inside the chain are not looked at: they would prove nothing.
    """
    certificates = load(text)
    leaves = [each for each in certificates if not is_authority(each)]
    if len(leaves) != 1:
        raise BadChain("malformed", "The chain must have exactly one certificate that is not a CA's.")
    leaf = leaves[0]
    if trusted and not leads_to(leaf, [each for each in certificates if each is not leaf], trusted, now):
        raise BadChain("untrusted", "The certificate does not lead to the expected CA.")
    ordered = [leaf, *(each for each in certificates if each is not leaf)]
    return Leaf(
        fingerprint=leaf.fingerprint(SHA256()).hex(),
        serial=f"{leaf.serial_number:x}",
        names=dns_names(leaf),
        not_before=_ms(leaf.not_valid_before_utc),
        not_after=_ms(leaf.not_valid_after_utc),
        chain="".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in ordered),
    )


def load(text: str) -> list[x509.Certificate]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd serial numbers and the like are the CA's business
            found = list(dict.fromkeys(x509.load_pem_x509_certificates(text.encode("ascii"))))
    except UNREADABLE:  # UnicodeError is a ValueError
        raise BadChain("malformed", "The certificate cannot be read.") from None
    if len(found) > MOST_CERTIFICATES:
        raise BadChain("malformed", "The chain has too many certificates.")
    return found


def signed_part(text: str) -> bytes:
    """What the CA has signed of a chain's first certificate. A signature has other valid forms (ECDSA: s and n - s), this has not."""
    return load(text)[0].tbs_certificate_bytes


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    except UNREADABLE:
        raise BadChain("malformed", "The certificate cannot be read.") from None
    return constraints.value.ca


def dns_names(leaf: x509.Certificate) -> tuple[str, ...]:
    """All of its names; BadChain if there are others than DNS names, or none."""
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = {normalise(each) for each in alternative.get_values_for_type(x509.DNSName)}
        common = {normalise(str(each.value)) for each in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)}
    except (*UNREADABLE, x509.ExtensionNotFound):
        raise BadChain("names", "The certificate's names cannot be read.") from None
    if not names or len(list(alternative)) != len(alternative.get_values_for_type(x509.DNSName)) or not common <= names:
        raise BadChain("names", "The certificate has other names than DNS names.")
    return tuple(sorted(names))


def leads_to(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], now: datetime
) -> bool:
    """Whether signatures lead from the leaf to a pinned certificate, over CAs that may sign and are valid (RFC 5280 section 6.1).

    Level by level, each CA once: where it is nearest to the leaf, its path length allows most. Trying all orders of CAs that
    sign each other would take ten of them minutes.
    """
    level, seen = [leaf], {leaf}
    for below in range(MOST_CERTIFICATES):
        found = []
        for subject in level:
            for issuer in (*trusted, *others):
                if issuer in seen or not signs(issuer, subject, below, now):
                    continue
                if issuer in trusted:
                    return True
                seen.add(issuer)
                found.append(issuer)
        level = found
    return False


def signs(issuer: x509.Certificate, subject: x509.Certificate, below: int, now: datetime) -> bool:
    """``below``: how many CAs are between the issuer and the leaf."""
    try:
        if issuer.subject != subject.issuer or not issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc:
            return False
        key = issuer.public_key()
        strong = isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) or (
            isinstance(key, rsa.RSAPublicKey) and key.key_size <= LARGEST_RSA
        )
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = next((each.value for each in issuer.extensions if isinstance(each.value, x509.KeyUsage)), None)
        if not constraints.ca or (constraints.path_length is not None and constraints.path_length < below):
            return False
        if not strong or (usage is not None and not usage.key_cert_sign):
            return False
        subject.verify_directly_issued_by(issuer)
    except (*UNREADABLE, x509.ExtensionNotFound, InvalidSignature, TypeError):
        return False
    return True


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
