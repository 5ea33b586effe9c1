# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a certificate revocation list (pure), as RFC 5280 section 6.3.3 has it, without delta and indirect lists.

A list is believed when it is the issuer's own, signed by its key, of now, and when its scope has our certificate in it. CAs cut their
lists into shards (Baseline Requirements, section 2.2.6): a shard names the distribution point it is for, and a certificate that is
missing from another one's shard is not thereby good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .._core.errors import InvalidData
from .._x509 import pem
from .._x509.facts import extension
from .._x509.guard import guard
from . import times
from .answer import outlived, revoked_words
from .model import GOOD, NOT_CHECKABLE, REVOKED, Verdict

if TYPE_CHECKING:
    from cryptography import x509

LIMIT = 16 * 1024 * 1024
_TRUE = b"\x01\x01\xff"  # as DER has it
_SOURCE = "CRL"
_FOREIGN = "it has an entry that only an indirect or delta list may have"


@dataclass(frozen=True)
class Point:
    """A distribution point of a certificate: its URLs, and all its names as the scope of a list spells them."""

    urls: tuple[str, ...]
    names: frozenset[x509.GeneralName]


def points(certificate: x509.Certificate) -> list[Point]:
    """Those whose list speaks for all reasons and is the issuer's own."""
    from cryptography import x509

    found = extension(certificate.extensions, x509.CRLDistributionPoints)
    return [
        Point(
            tuple(name.value for name in point.full_name if isinstance(name, x509.UniformResourceIdentifier)),
            frozenset(point.full_name),
        )
        for point in found or ()
        if point.full_name and not point.reasons and not point.crl_issuer
    ]


def read(content: bytes, issuer: x509.Certificate, now: datetime) -> x509.CertificateRevocationList:
    """A list that is the issuer's and of now; else ``InvalidData``."""
    if len(content) > LIMIT:
        raise InvalidData("it is larger than %d bytes" % LIMIT)
    der = _der(content)
    try:
        with guard(_SOURCE, "it is not a readable CRL"):
            return _read(der, issuer, now)
    except InvalidData as error:
        raise InvalidData(words(error)) from None


def judge(crl: x509.CertificateRevocationList, certificate: x509.Certificate, point: Point, now: datetime) -> Verdict:
    """What the list says of a certificate that names it in ``point``; ``InvalidData`` if that is nothing."""
    try:
        with guard(_SOURCE, "it is not a readable CRL"):
            return _judge(crl, certificate, point, now)
    except InvalidData as error:
        raise InvalidData(words(error)) from None


def words(error: InvalidData) -> str:
    prefix = _SOURCE + ": "
    return error.message[len(prefix) :] if error.message.startswith(prefix) else error.message


def _der(content: bytes) -> bytes:
    """DER, as RFC 5280 section 4.2.1.13 wants it; PEM is met at private CAs."""
    if not content.lstrip().startswith(b"-----BEGIN X509 CRL-----"):
        return content
    try:
        return pem.blocks(content, _SOURCE, LIMIT, 1)[0].der
    except InvalidData as error:
        raise InvalidData(words(error)) from None


def _read(der: bytes, issuer: x509.Certificate, now: datetime) -> x509.CertificateRevocationList:
    from cryptography import x509

    crl = x509.load_der_x509_crl(der)
    if crl.issuer != issuer.subject:
        raise InvalidData("it is the list of another issuer")
    usage = extension(issuer.extensions, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        raise InvalidData("the issuer may not sign lists (key usage)")
    digest = crl.signature_hash_algorithm
    if digest is not None and digest.name in ("md5", "sha1"):
        raise InvalidData("it is signed with %s" % digest.name.upper())
    # a key that signs nothing is a TypeError, which `guard` around this takes
    if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        raise InvalidData("its signature is wrong")
    for each in crl.extensions:
        if isinstance(each.value, x509.DeltaCRLIndicator):
            raise InvalidData("it is a delta list, which has the latest changes only")
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            raise InvalidData("it has the critical extension %s, which is not known" % each.oid.dotted_string)
    times.check(times.certain(crl, "last_update"), times.utc(crl, "next_update"), now)
    _check_entries(crl)
    return crl


def _check_entries(crl: x509.CertificateRevocationList) -> None:
    """A critical extension of any entry that is not understood spoils the list (RFC 5280 section 5.3): the entries may be other CAs'.

    To look at each of them takes seconds where they are many, so that is done only if there is something critical besides the list's own.
    """
    from cryptography import x509

    if crl.tbs_certlist_bytes.count(_TRUE) <= sum(each.critical for each in crl.extensions):
        return
    for entry in crl:
        for each in entry.extensions:
            if isinstance(each.value, x509.CertificateIssuer):
                raise InvalidData(_FOREIGN)
            if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
                raise InvalidData("an entry has the critical extension %s, which is not known" % each.oid.dotted_string)


def _judge(crl: x509.CertificateRevocationList, certificate: x509.Certificate, point: Point, now: datetime) -> Verdict:
    from cryptography import x509

    partial = _check_scope(crl, certificate, point)
    this_update, next_update = times.certain(crl, "last_update"), times.utc(crl, "next_update")
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        if partial:
            raise InvalidData("it is for some reasons of a revocation only")
        reason = outlived(certificate, now)
        return Verdict(
            NOT_CHECKABLE if reason else GOOD,
            reason or "",
            this_update=this_update,
            next_update=next_update,
            verified=True,
        )
    found = extension(entry.extensions, x509.CRLReason)
    why = found.reason.value if found is not None else None
    if extension(entry.extensions, x509.CertificateIssuer) is not None or why == "removeFromCRL":
        raise InvalidData(_FOREIGN)
    revoked_at = times.certain(entry, "revocation_date")
    return Verdict(
        REVOKED,
        revoked_words(revoked_at, why),
        this_update=this_update,
        next_update=next_update,
        revoked_at=revoked_at,
        revocation_reason=why,
        verified=True,
    )


def _check_scope(crl: x509.CertificateRevocationList, certificate: x509.Certificate, point: Point) -> bool:
    """``InvalidData`` if the certificate is not in its scope; whether it is for some reasons only (RFC 5280 section 5.2.5)."""
    from cryptography import x509

    scope = extension(crl.extensions, x509.IssuingDistributionPoint)
    if scope is None:
        return False
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    is_ca = constraints is not None and constraints.ca
    if scope.indirect_crl:
        raise InvalidData("it is an indirect list")
    if scope.only_contains_attribute_certs or (scope.only_contains_ca_certs and not is_ca):
        raise InvalidData("it is a list of other kinds of certificates")
    if scope.only_contains_user_certs and is_ca:
        raise InvalidData("it is a list of other kinds of certificates")
    if scope.relative_name is not None or (scope.full_name is not None and not point.names & set(scope.full_name)):
        raise InvalidData("it is the list of another distribution point")
    return scope.only_some_reasons is not None
