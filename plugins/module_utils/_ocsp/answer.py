# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges an OCSP answer (pure): bytes, what was asked, and the time give a verdict.

Proven, in this order (RFC 6960 section 3.2): the answer is signed by the issuer, or by a delegate that the issuer itself certified for
that and whose certificate is valid now; nothing critical is in it that is not understood; its nonce is ours, if it has one; it
speaks about our certificate; it is of now. Whatever fails is ``invalid``. An answer without a signature ("try later") says nothing.
"""

from __future__ import annotations

import contextlib
import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._core.clock import iso
from .._core.errors import InvalidData, clean
from .._x509 import der, path
from .._x509.facts import extension
from .._x509.guard import guard
from . import times
from .model import GOOD, INVALID, NOT_CHECKABLE, REVOKED, UNKNOWN, UNREACHABLE, Verdict
from .request import Question

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

LIMIT = 64 * 1024
_MOST_CERTIFICATES = 5
_MOST_ANSWERS = 200
# Algorithms of PKCS #1 (RFC 8017) and of ECDSA (RFC 5758)
_RSA, _ECDSA = "1.2.840.113549.1.1.", "1.2.840.10045.4."
# RFC 6960 section 4.2.1
_REFUSALS = {
    "MALFORMED_REQUEST": "malformedRequest",
    "INTERNAL_ERROR": "internalError",
    "TRY_LATER": "tryLater",
    "SIG_REQUIRED": "sigRequired",
    "UNAUTHORIZED": "unauthorized",
}
# It did not like the request; another one may do.
_DISLIKED = ("malformedRequest", "unauthorized")
_WORSE = {"REVOKED": 2, "UNKNOWN": 1, "GOOD": 0}


def judge(content: bytes, question: Question, now: datetime) -> Verdict:
    try:
        if len(content) > LIMIT:
            raise InvalidData("it is larger than %d bytes" % LIMIT)
        with guard("OCSP", "it is not a readable OCSP answer"):
            return _judge(content, question, now)
    except InvalidData as error:
        return Verdict(INVALID, _words(error))


def refused(verdict: Verdict) -> bool:
    """Whether the responder turned the request down, and might answer to another one."""
    return verdict.status == UNREACHABLE and verdict.reason.endswith(_DISLIKED)


def outlived(certificate: x509.Certificate, now: datetime) -> str | None:
    """Why nothing good can be said of it. "Good" means not revoked within its validity (RFC 6960 section 2.2), CRLs forget the others."""
    if now > certificate.not_valid_after_utc:
        return "the certificate expired on %s" % iso(certificate.not_valid_after_utc)
    if now < certificate.not_valid_before_utc - times.TOLERANCE:
        return "the certificate is not valid before %s" % iso(certificate.not_valid_before_utc)
    return None


def _words(error: InvalidData) -> str:
    return error.message.partition(": ")[2] if error.message.startswith("OCSP: ") else error.message


def _judge(content: bytes, question: Question, now: datetime) -> Verdict:
    from cryptography.x509 import ocsp

    answer = ocsp.load_der_ocsp_response(content)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        word = _REFUSALS.get(answer.response_status.name, "an error")
        return Verdict(UNREACHABLE, "the responder gives no answer, but the error %s" % word)
    signer = _signer(answer, question.issuer, now)
    _check_extensions(answer)
    nonce = _nonce(answer, question.nonce)
    single = _ours(answer, question)
    this_update, next_update = times.certain(single, "this_update"), times.utc(single, "next_update")
    produced_at = times.certain(answer, "produced_at")
    times.check(this_update, next_update, now)
    if produced_at > now + times.TOLERANCE:
        raise InvalidData("it is from the future (producedAt %s)" % iso(produced_at))
    status, reason, revoked_at, why = _status(single, question, now)
    return Verdict(
        status,
        reason,
        this_update=this_update,
        next_update=next_update,
        produced_at=produced_at,
        revoked_at=revoked_at,
        revocation_reason=why,
        signer="issuer" if signer == question.issuer else clean(signer.subject.rfc4514_string()),
        nonce=nonce,
        verified=True,
        raw=content,
    )


def _status(
    single: ocsp.OCSPSingleResponse, question: Question, now: datetime
) -> tuple[str, str, datetime | None, str | None]:
    """Status, why, when and for which reason it was revoked."""
    word = single.certificate_status.name
    if word == "REVOKED":
        revoked_at = times.certain(single, "revocation_time")
        why = single.revocation_reason.value if single.revocation_reason is not None else None
        return REVOKED, revoked_words(revoked_at, why), revoked_at, why
    if word != "GOOD":
        return UNKNOWN, "the responder does not know the certificate", None, None
    reason = outlived(question.certificate, now)
    return (NOT_CHECKABLE, reason, None, None) if reason else (GOOD, "", None, None)


def revoked_words(revoked_at: datetime, why: str | None) -> str:
    return "revoked on %s%s" % (iso(revoked_at), " (%s)" % why if why else "")


# --- signature --------------------------------------------------------------------------------------------------------


def _signer(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """The certificate whose key signed the answer, and may: the issuer's, or a delegate's (RFC 6960 section 4.2.2.2)."""
    problems = []
    for candidate in [issuer, *answer.certificates[:_MOST_CERTIFICATES]]:
        if not _named(answer, candidate):
            continue
        problem = _signature_problem(answer, candidate)
        if problem is None and not _same_key(candidate, issuer):
            problem = _delegate_problem(candidate, issuer, now)
        if problem is None:
            return issuer if _same_key(candidate, issuer) else candidate
        problems.append(problem)
    raise InvalidData(
        problems[-1] if problems else "it is signed by somebody who is not the issuer, and not in the answer"
    )


def _same_key(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one == other or (one.subject == other.subject and one.public_key() == other.public_key())


def _named(answer: ocsp.OCSPResponse, candidate: x509.Certificate) -> bool:
    """Whether the answer's responder ID is this one (RFC 6960 section 4.2.2.3)."""
    from cryptography import x509

    if answer.responder_name is not None:
        return answer.responder_name == candidate.subject
    return answer.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(candidate.public_key()).digest


def _delegate_problem(delegate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str | None:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    purposes = extension(delegate.extensions, x509.ExtendedKeyUsage)
    usage = extension(delegate.extensions, x509.KeyUsage)
    if purposes is None or ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        return "it is signed with a certificate that is not for that (id-kp-OCSPSigning is missing)"
    if usage is not None and not usage.digital_signature:
        return "it is signed with a certificate that may not sign (key usage)"
    if any(each.critical and isinstance(each.value, x509.UnrecognizedExtension) for each in delegate.extensions):
        return "it is signed with a certificate that has a critical extension which is not known"
    if not path.issued(delegate, issuer):
        return "it is signed with a certificate that the issuer did not issue"
    if now > delegate.not_valid_after_utc + times.TOLERANCE:
        return "it is signed with a certificate that expired on %s" % iso(delegate.not_valid_after_utc)
    if now < delegate.not_valid_before_utc - times.TOLERANCE:
        return "it is signed with a certificate that is not valid before %s" % iso(delegate.not_valid_before_utc)
    return None


def _signature_problem(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> str | None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import SignatureAlgorithmOID

    try:
        if answer.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
            return None if _is_pss(signer.public_key(), answer) else "its signature is wrong"
        digest = answer.signature_hash_algorithm
        if digest is not None and digest.name in ("md5", "sha1"):
            return "it is signed with %s" % digest.name.upper()
        _verify(signer.public_key(), answer, digest)
    except (InvalidSignature, TypeError, ValueError):  # also for an algorithm that does not fit the key
        return "its signature is wrong"
    return None


def _verify(key: Any, answer: ocsp.OCSPResponse, digest: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
    from cryptography.x509.oid import SignatureAlgorithmOID

    signature, signed, named = answer.signature, answer.tbs_response_bytes, answer.signature_algorithm_oid
    if isinstance(key, rsa.RSAPublicKey) and named.dotted_string.startswith(_RSA):
        key.verify(signature, signed, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey) and named.dotted_string.startswith(_ECDSA):
        key.verify(signature, signed, ec.ECDSA(digest))
    elif (
        isinstance(key, ed25519.Ed25519PublicKey)
        and named == SignatureAlgorithmOID.ED25519
        or isinstance(key, ed448.Ed448PublicKey)
        and named == SignatureAlgorithmOID.ED448
    ):
        key.verify(signature, signed)
    else:
        raise TypeError("the algorithm is not for this kind of key")


def _is_pss(key: Any, answer: ocsp.OCSPResponse) -> bool:
    """The library does not tell which digest an answer names for RSASSA-PSS. Each of those that are strong enough may be it."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    if not isinstance(key, rsa.RSAPublicKey):
        return False
    for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        scheme = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
        with contextlib.suppress(InvalidSignature):
            key.verify(answer.signature, answer.tbs_response_bytes, scheme, digest)
            return True
    return False


# --- content ----------------------------------------------------------------------------------------------------------


def _check_extensions(answer: ocsp.OCSPResponse) -> None:
    """What is critical and not understood must not be ignored (RFC 6960 section 4.4)."""
    from cryptography import x509

    for each in answer.extensions:
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            raise InvalidData("it has the critical extension %s, which is not known" % each.oid.dotted_string)


def _critical(tbs: bytes) -> list[bool]:
    """For each single answer whether it has a critical extension, none of which is understood. The library shows them of an only one."""
    singles = next(part for part in der.children(tbs, der.element(tbs)) if part.tag == der.SEQUENCE)
    return [_has_critical(tbs, der.children(tbs, single)) for single in der.children(tbs, singles)]


def _has_critical(tbs: bytes, single: list[der.Element]) -> bool:
    """Behind identifier, status and thisUpdate: nextUpdate as [0], the extensions as [1]."""
    for part in single[3:]:
        if part.tag == der.CONTEXT_1:
            extensions = [der.children(tbs, each) for each in der.children(tbs, der.children(tbs, part)[0])]
            return any(each[1].tag == der.BOOLEAN and any(der.content(tbs, each[1])) for each in extensions)
    return False


def _nonce(answer: ocsp.OCSPResponse, sent: bytes | None) -> str:
    """A responder may ignore the nonce (RFC 9654 section 2.1). One that differs shows that the answer was for somebody else."""
    from cryptography import x509

    if sent is None:
        return "not_sent"
    found = extension(answer.extensions, x509.OCSPNonce)
    if found is None:
        return "absent"
    if not hmac.compare_digest(found.nonce, sent):
        raise InvalidData("its nonce is not the one that was sent")
    return "matched"


def _ours(answer: ocsp.OCSPResponse, question: Question) -> ocsp.OCSPSingleResponse:
    """The answer to our question among those in it. Of several, the worst counts, and of these the newest."""
    fitting = []
    critical = _critical(answer.tbs_response_bytes)
    for count, single in enumerate(answer.responses):
        if count >= _MOST_ANSWERS:
            raise InvalidData("it has more than %d answers" % _MOST_ANSWERS)
        if single.serial_number != question.certificate.serial_number:
            continue
        if (single.issuer_name_hash, single.issuer_key_hash) == question.identifier(single.hash_algorithm):
            if critical[count]:
                raise InvalidData("it has a critical extension for the certificate, which is not known")
            fitting.append(single)
    if not fitting:
        raise InvalidData("it is about another certificate")
    return max(fitting, key=lambda each: (_WORSE[each.certificate_status.name], times.certain(each, "this_update")))
