# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OCSP answers are believed. Every forged or stale one is a case of its own, and none of them is "good"."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp import answer, model, times
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.request import (
    NONCE_LENGTH,
    Question,
    get_url,
    new_nonce,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support import pki
from tests.support import revocation as rev
from tests.support.pki import DAY, NOW
from tests.support.revocation import HOUR, Lab

NONCE = bytes(range(32))
MINUTE = timedelta(minutes=1)
CRITICAL = rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL, critical=True)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def judge(lab: Lab, content: bytes, nonce: Any = None, leaf: Any = None) -> model.Verdict:
    return answer.judge(content, Question((leaf or lab.leaf).certificate, lab.issuer.certificate, nonce), NOW)


# --- right ones -------------------------------------------------------------------------------------------------------


RIGHT: dict[str, Callable[[Lab], bytes]] = {
    "by the issuer": lambda lab: lab.answer(),
    "by the issuer, named": lambda lab: lab.answer(by_name=True),
    "by the issuer, its certificate with it": lambda lab: lab.answer(certificates=[lab.issuer]),
    "by a delegate": lambda lab: lab.answer(signer=rev.delegate(lab.issuer)),
    "by a delegate, named": lambda lab: lab.answer(signer=rev.delegate(lab.issuer), by_name=True),
    "by a delegate behind another certificate": lambda lab: lab.answer(
        signer=(one := rev.delegate(lab.issuer)), certificates=[lab.issuer, one]
    ),
    "by a delegate without key usage": lambda lab: lab.answer(signer=rev.delegate(lab.issuer, usage=None)),
    "by an RSA delegate": lambda lab: lab.answer(signer=rev.delegate(lab.issuer, key=pki.new_key("rsa", 2048))),
    "by an Ed25519 delegate": lambda lab: lab.answer(
        signer=rev.delegate(lab.issuer, key=ed25519.Ed25519PrivateKey.generate())
    ),
    "signed with RSA-PSS": lambda lab: lab.answer(
        signer=rev.delegate(lab.issuer, key=pki.new_key("rsa", 2048)), digest="pss-sha256"
    ),
    "signed with SHA-384": lambda lab: lab.answer(digest="sha384"),
    "identified with SHA-256": lambda lab: lab.answer(lab.single(digest="sha256")),
    "identified with SHA-384": lambda lab: lab.answer(lab.single(digest="sha384")),
    "second of three": lambda lab: lab.answer(
        lab.single(serial=5), lab.single(), lab.single(serial=6, status="revoked")
    ),
    "beside one with a critical extension": lambda lab: lab.answer(
        lab.single(serial=5, extensions=[CRITICAL]), lab.single()
    ),
    "among three, an unknown extension": lambda lab: lab.answer(
        lab.single(serial=5),
        lab.single(extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL)]),
        lab.single(serial=6),
    ),
    "the same twice, once stale": lambda lab: lab.answer(
        lab.single(this_update=NOW - 9 * DAY, next_update=NOW - 2 * DAY), lab.single()
    ),
    "without an end, new": lambda lab: lab.answer(lab.single(next_update=None)),
    "without an end, 23 hours old": lambda lab: lab.answer(lab.single(this_update=NOW - 23 * HOUR, next_update=None)),
    "clock 4 minutes ahead": lambda lab: lab.answer(
        lab.single(this_update=NOW + 4 * MINUTE), produced_at=NOW + 4 * MINUTE
    ),
    "ended 4 minutes ago": lambda lab: lab.answer(lab.single(next_update=NOW - 4 * MINUTE)),
    "of a year": lambda lab: lab.answer(lab.single(next_update=NOW + 360 * DAY)),
    "an unknown extension": lambda lab: lab.answer(
        extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL)],
    ),
    "an unknown extension of the single answer": lambda lab: lab.answer(
        lab.single(extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL)])
    ),
    "its nonce, critical": lambda lab: lab.answer(
        extensions=[rev.extension(rev.NONCE, rev.octets(NONCE), critical=True)]
    ),
    "its nonce": lambda lab: lab.answer(nonce=NONCE),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(lab: Lab, case: str) -> None:
    verdict = judge(lab, RIGHT[case](lab), NONCE)
    assert (verdict.status, verdict.reason, verdict.verified) == ("good", "", True)
    assert verdict.nonce == ("matched" if case.startswith("its nonce") else "absent")


def test_what_is_told(lab: Lab) -> None:
    delegate = rev.delegate(lab.issuer, common_name="Our Responder")
    content = lab.answer(lab.single(status="revoked", reason=1), signer=delegate)
    verdict = judge(lab, content)
    assert (verdict.status, verdict.signer, verdict.nonce) == ("revoked", "CN=Our Responder", "not_sent")
    assert (verdict.revoked_at, verdict.revocation_reason) == (NOW - DAY, "keyCompromise")
    assert (verdict.this_update, verdict.next_update, verdict.produced_at) == (NOW - HOUR, NOW + 7 * DAY, NOW - HOUR)
    assert "keyCompromise" in verdict.reason
    assert verdict.raw == content
    without = judge(lab, lab.answer(lab.single(status="revoked", reason=None)))
    assert (without.status, without.revocation_reason) == ("revoked", None)
    assert judge(lab, lab.answer(lab.single(status="unknown"))).status == "unknown"


def test_revoked_stays_revoked_past_the_end(lab: Lab) -> None:
    old = rev.leaf(lab.issuer, not_before=NOW - 90 * DAY, not_after=NOW - DAY)
    verdict = judge(lab, lab.answer(lab.single(certificate=old.certificate, status="revoked")), leaf=old)
    assert verdict.status == "revoked"


def test_contradiction_is_never_good(lab: Lab) -> None:
    good, revoked = lab.single(), lab.single(status="revoked")
    for singles in ((good, revoked), (revoked, good), (good, lab.single(status="revoked", digest="sha256"))):
        assert judge(lab, lab.answer(*singles)).status == "revoked"
    assert judge(lab, lab.answer(good, lab.single(status="unknown"))).status == "unknown"


# --- forged and stale ones --------------------------------------------------------------------------------------------

FORGED: dict[str, Callable[[Lab], Any]] = {}


def forged(words: str, nonce: Any = None) -> Callable[[Callable[[Lab], Any]], Callable[[Lab], Any]]:
    """A case; ``words`` are in the reason. It gives the answer, or the answer and the certificate that was asked about."""

    def keep(case: Callable[[Lab], Any]) -> Callable[[Lab], Any]:
        name = case.__name__.strip("_").replace("_", " ")
        assert name not in FORGED
        FORGED[name] = case
        WORDS[name] = (words, nonce)
        return case

    return keep


WORDS: dict[str, tuple[str, Any]] = {}


@forged("signature is wrong")
def no_signature(lab: Lab) -> bytes:
    return lab.answer(twist_signature=lambda signature: b"")


@forged("signature is wrong")
def zeros_for_a_signature(lab: Lab) -> bytes:
    return lab.answer(twist_signature=lambda signature: bytes(len(signature)))


@forged("signature is wrong")
def a_bit_of_the_signature(lab: Lab) -> bytes:
    return lab.answer(twist_signature=rev.flip)


@forged("signature is wrong")
def a_bit_of_the_time(lab: Lab) -> bytes:
    return lab.answer(twist=_later)


def _later(content: bytes) -> bytes:
    """producedAt one second later: what a replay would change."""
    old = (NOW - HOUR).strftime("%Y%m%d%H%M%SZ").encode()
    new = (NOW - HOUR + timedelta(seconds=1)).strftime("%Y%m%d%H%M%SZ").encode()
    assert old in content
    return content.replace(old, new, 1)


@forged("signature is wrong")
def revoked_turned_into_good(lab: Lab) -> bytes:
    single = lab.single(status="revoked", reason=None)
    other = lab.single()
    return lab.answer(single, twist=lambda content: _replaced(content, single.der(), other.der()))


@forged("signature is wrong")
def unknown_turned_into_good(lab: Lab) -> bytes:
    return lab.answer(lab.single(status="unknown"), twist=lambda content: content.replace(b"\x82\x00", b"\x80\x00", 1))


def _replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    """The answer with another single answer, all lengths right."""
    responder = rev.explicit(2, rev.octets(b"x" * 20))
    start = content.index(responder[:2])
    name = content[start : start + len(responder)]
    assert old in content
    return rev.seq(name, rev.moment(NOW - HOUR), rev.seq(new))


@forged("somebody who is not the issuer")
def a_stranger(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Stranger"), certificates=[])


@forged("id-kp-OCSPSigning is missing")
def a_strange_ca_with_its_certificate(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Stranger"))


@forged("signature is wrong")
def a_stranger_named_like_the_issuer_s_key(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Stranger"), named=lab.issuer, certificates=[])


@forged("signature is wrong")
def a_stranger_with_the_issuer_s_name(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Lab Issuer"), by_name=True, certificates=[])


@forged("id-kp-OCSPSigning is missing")
def a_stranger_with_the_issuer_s_name_and_certificate(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Lab Issuer"), by_name=True)


@forged("id-kp-OCSPSigning is missing")
def the_certificate_itself(lab: Lab) -> bytes:
    return lab.answer(signer=lab.leaf)


@forged("id-kp-OCSPSigning is missing")
def a_server_of_the_same_issuer(lab: Lab) -> bytes:
    return lab.answer(signer=pki.server(["evil.test"], lab.issuer))


@forged("id-kp-OCSPSigning is missing")
def the_root(lab: Lab) -> bytes:
    return lab.answer(signer=lab.root)


@forged("id-kp-OCSPSigning is missing")
def a_ca_below_the_issuer(lab: Lab) -> bytes:
    return lab.answer(signer=pki.authority("Below", lab.issuer))


@forged("id-kp-OCSPSigning is missing")
def a_delegate_for_nothing(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, None))


@forged("id-kp-OCSPSigning is missing")
def a_delegate_for_servers(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, [ExtendedKeyUsageOID.SERVER_AUTH]))


@forged("id-kp-OCSPSigning is missing")
def a_delegate_for_anything(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]))


@forged("may not sign (key usage)")
def a_delegate_that_may_not_sign(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, usage=["key_agreement"]))


@forged("critical extension")
def a_delegate_with_a_critical_extension(lab: Lab) -> bytes:
    """RFC 5280 section 4.2: a certificate with one that is not known is not used."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(rev.UNKNOWN_EXTENSION), rev.NULL)
    return lab.answer(signer=rev.delegate(lab.issuer, more=[(unknown, True)]))


@forged("expired on")
def a_delegate_that_expired(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, not_before=NOW - 9 * DAY, not_after=NOW - 6 * MINUTE))


@forged("is not valid before")
def a_delegate_of_tomorrow(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, not_before=NOW + 6 * MINUTE, not_after=NOW + 9 * DAY))


@forged("the issuer did not issue")
def a_delegate_of_another_ca(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(pki.authority("Other CA", lab.root)))


@forged("the issuer did not issue")
def a_delegate_of_another_ca_of_the_same_name(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(pki.authority("Lab Issuer")))


@forged("the issuer did not issue")
def a_delegate_of_the_root(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.root))


@forged("the issuer did not issue")
def a_delegate_of_a_delegate(lab: Lab) -> bytes:
    first = rev.delegate(lab.issuer, usage=["digital_signature", "key_cert_sign"])
    second = rev.delegate(first)
    return lab.answer(signer=second, certificates=[second, first])


@forged("the issuer did not issue")
def a_delegate_of_itself(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(None))  # type: ignore[arg-type]


@forged("the issuer did not issue")
def a_delegate_with_a_forged_signature(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, signing_key=pki.new_key()))


@forged("the issuer did not issue")
def a_delegate_whose_certificate_was_altered(lab: Lab) -> bytes:
    delegate = rev.delegate(lab.issuer, common_name="Responder")
    altered = delegate.der.replace(b"Responder", b"Respondex")
    return lab.answer(signer=delegate, certificates=[altered])


@forged("somebody who is not the issuer")
def a_delegate_without_its_certificate(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer), certificates=[])


@forged("signature is wrong")
def a_real_delegate_named_by_somebody_else(lab: Lab) -> bytes:
    delegate = rev.delegate(lab.issuer)
    return lab.answer(signer=pki.authority("Stranger"), named=delegate, certificates=[delegate])


@forged("signed with SHA1")
def sha_1(lab: Lab) -> bytes:
    return lab.answer(digest="sha1")


@forged("signature is wrong")
def an_algorithm_of_another_kind_of_key(lab: Lab) -> bytes:
    return lab.answer(says=rev.algorithm("rsa", "sha256"))


@forged("signature is wrong")
def an_algorithm_of_elliptic_curves_by_an_rsa_key(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, key=pki.new_key("rsa", 2048)), says=rev.algorithm("ec", "sha256"))


@forged("signature is wrong")
def pss_by_a_key_of_an_elliptic_curve(lab: Lab) -> bytes:
    return lab.answer(says=rev.pss("sha256"))


@forged("signature is wrong")
def another_digest_than_it_says(lab: Lab) -> bytes:
    return lab.answer(says=rev.algorithm("ec", "sha384"))


@forged("not a readable OCSP answer")
def an_unknown_algorithm(lab: Lab) -> bytes:
    return lab.answer(says=rev.seq(rev.oid("1.2.3.4.5")))


@forged("about another certificate")
def another_serial_number(lab: Lab) -> bytes:
    return lab.answer(lab.single(serial=lab.leaf.certificate.serial_number + 1))


@forged("about another certificate")
def another_issuer_s_name(lab: Lab) -> bytes:
    return lab.answer(lab.single(name_hash=hashlib.sha1(b"other").digest()))


@forged("about another certificate")
def another_issuer_s_key(lab: Lab) -> bytes:
    return lab.answer(lab.single(key_hash=hashlib.sha1(b"other").digest()))


@forged("about another certificate")
def the_serial_number_at_another_ca(lab: Lab) -> bytes:
    other = pki.authority("Other CA", lab.root)
    twin = rev.leaf(other, serial=lab.leaf.certificate.serial_number)
    return lab.answer(rev.Single(twin.certificate, other.certificate))


@forged("about another certificate")
def several_and_none_is_ours(lab: Lab) -> bytes:
    return lab.answer(lab.single(serial=1), lab.single(serial=2), lab.single(serial=3))


@forged("about another certificate")
def hashes_of_another_digest(lab: Lab) -> bytes:
    wrong = lab.single(digest="sha256", name_hash=hashlib.sha1(lab.issuer.certificate.subject.public_bytes()).digest())
    return lab.answer(wrong)


@forged("about another certificate")
def no_answer_in_it(lab: Lab) -> bytes:
    return rev.response([], lab.issuer)


@forged("more than 200 answers")
def endless_answers(lab: Lab) -> bytes:
    return lab.answer(*[lab.single(serial=number) for number in range(1, 250)], lab.single())


@forged("from the future (thisUpdate")
def this_update_in_6_minutes(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW + 6 * MINUTE))


@forged("from the future (thisUpdate")
def this_update_next_year(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW + 365 * DAY, next_update=NOW + 372 * DAY))


@forged("from the future (producedAt")
def produced_in_6_minutes(lab: Lab) -> bytes:
    return lab.answer(produced_at=NOW + 6 * MINUTE)


@forged("stale (nextUpdate")
def ended_6_minutes_ago(lab: Lab) -> bytes:
    return lab.answer(lab.single(next_update=NOW - 6 * MINUTE))


@forged("stale (nextUpdate")
def ended_last_year(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW - 372 * DAY, next_update=NOW - 365 * DAY))


@forged("stale: it has no nextUpdate")
def without_an_end_and_25_hours_old(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW - 25 * HOUR, next_update=None))


@forged("nextUpdate is before its thisUpdate")
def an_end_before_its_begin(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW - HOUR, next_update=NOW - 2 * HOUR))


@forged("absurdly late")
def good_for_ten_years(lab: Lab) -> bytes:
    return lab.answer(lab.single(next_update=NOW + 3650 * DAY))


@forged("absurdly late")
def good_for_ever(lab: Lab) -> bytes:
    return lab.answer(lab.single(next_update=NOW.replace(year=9999)))


@forged("the certificate expired on")
def a_certificate_past_its_end(lab: Lab) -> Any:
    old = rev.leaf(lab.issuer, not_before=NOW - 90 * DAY, not_after=NOW - MINUTE)
    return lab.answer(lab.single(certificate=old.certificate)), old


@forged("the certificate is not valid before")
def a_certificate_of_tomorrow(lab: Lab) -> Any:
    new = rev.leaf(lab.issuer, not_before=NOW + DAY, not_after=NOW + 90 * DAY)
    return lab.answer(lab.single(certificate=new.certificate)), new


@forged("nonce is not the one", NONCE)
def another_nonce(lab: Lab) -> bytes:
    return lab.answer(nonce=bytes(32))


@forged("nonce is not the one", NONCE)
def an_empty_nonce(lab: Lab) -> bytes:
    return lab.answer(nonce=b"")


@forged("nonce is not the one", NONCE)
def a_part_of_the_nonce(lab: Lab) -> bytes:
    return lab.answer(nonce=NONCE[:31])


@forged("nonce is not the one", NONCE)
def the_nonce_and_more(lab: Lab) -> bytes:
    return lab.answer(nonce=NONCE + b"\0")


@forged("not a readable OCSP answer", NONCE)
def two_nonces(lab: Lab) -> bytes:
    return lab.answer(nonce=NONCE, extensions=[rev.extension(rev.NONCE, rev.octets(bytes(32)))])


@forged("the issuer did not issue")
def a_delegate_certified_with_sha_1(lab: Lab) -> bytes:
    delegate = rev.delegate(lab.issuer)
    content, _algorithm, _bits = rev.parts(delegate.der)
    weak = content.replace(rev.algorithm("ec", "sha256"), rev.algorithm("ec", "sha1"))
    assert weak != content
    name, signature = rev.sign(lab.issuer.key, rev.seq(*rev.parts(weak)), "sha1")
    return lab.answer(signer=delegate, certificates=[rev.seq(rev.seq(*rev.parts(weak)), name, rev.bits(signature))])


@forged("signature is wrong")
def sha_1_by_pss(lab: Lab) -> bytes:
    return lab.answer(signer=rev.delegate(lab.issuer, key=pki.new_key("rsa", 2048)), digest="pss-sha1")


@forged("signature is wrong")
def a_signature_for_another_answer(lab: Lab) -> bytes:
    """Of the issuer, and real: what it says of another certificate."""
    other = lab.answer(lab.single(serial=5))
    return lab.answer(twist_signature=lambda signature: ocsp.load_der_ocsp_response(other).signature)


@forged("critical extension")
def a_critical_extension_among_several_answers(lab: Lab) -> bytes:
    return lab.answer(lab.single(serial=5), lab.single(extensions=[CRITICAL]), lab.single(serial=6))


@forged("critical extension")
def a_critical_extension_of_a_newer_answer(lab: Lab) -> bytes:
    return lab.answer(lab.single(this_update=NOW - 2 * HOUR), lab.single(extensions=[CRITICAL]))


@forged("critical extension")
def a_critical_extension(lab: Lab) -> bytes:
    return lab.answer(extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL, critical=True)])


@forged("critical extension")
def a_critical_extension_of_the_single_answer(lab: Lab) -> bytes:
    return lab.answer(lab.single(extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.NULL, critical=True)]))


@forged("malformedRequest")
def malformed_request(lab: Lab) -> bytes:
    return rev.refusal(1)


@forged("internalError")
def internal_error(lab: Lab) -> bytes:
    return rev.refusal(2)


@forged("tryLater")
def try_later(lab: Lab) -> bytes:
    return rev.refusal(3)


@forged("sigRequired")
def signature_required(lab: Lab) -> bytes:
    return rev.refusal(5)


@forged("unauthorized")
def unauthorized(lab: Lab) -> bytes:
    return rev.refusal(6)


@forged("unauthorized")
def unauthorized_with_a_good_answer_in_it(lab: Lab) -> bytes:
    return lab.answer().replace(rev.enumerated(0), rev.enumerated(6), 1)


@forged("not a readable OCSP answer")
def a_status_that_does_not_exist(lab: Lab) -> bytes:
    return rev.refusal(4)


@forged("not a readable OCSP answer")
def successful_without_an_answer(lab: Lab) -> bytes:
    return rev.refusal(0)


@forged("not a readable OCSP answer")
def another_type_of_answer(lab: Lab) -> bytes:
    return rev.wrap(b"", kind="1.3.6.1.5.5.7.48.1.99")


@forged("not a readable OCSP answer")
def nothing(lab: Lab) -> bytes:
    return b""


@forged("not a readable OCSP answer")
def a_web_page(lab: Lab) -> bytes:
    return b"<html><body>Please sign in</body></html>"


@forged("not a readable OCSP answer")
def json(lab: Lab) -> bytes:
    return b'{"status": "good"}'


@forged("not a readable OCSP answer")
def cut_off(lab: Lab) -> bytes:
    return lab.answer()[:-1]


@forged("not a readable OCSP answer")
def something_behind_it(lab: Lab) -> bytes:
    return lab.answer() + b"\0"


@forged("not a readable OCSP answer")
def a_certificate(lab: Lab) -> bytes:
    return lab.leaf.der


@forged("not a readable OCSP answer")
def a_crl(lab: Lab) -> bytes:
    return lab.crl()


@forged("not a readable OCSP answer")
def a_request(lab: Lab) -> bytes:
    return Question(lab.leaf.certificate, lab.issuer.certificate).encoded


@forged("larger than 65536 bytes")
def larger_than_64_kb(lab: Lab) -> bytes:
    return lab.answer(extensions=[rev.extension(rev.UNKNOWN_EXTENSION, rev.octets(bytes(65536)))])


@forged("not a readable OCSP answer")
def nested_deeply(lab: Lab) -> bytes:
    content = rev.NULL
    for _level in range(5000):
        content = rev.seq(content)
    return content


# what is honest all the same, and nothing to rely on
HARMLESS = {
    "unauthorized": "unreachable",
    "unauthorized with a good answer in it": "unreachable",
    "malformed request": "unreachable",
    "internal error": "unreachable",
    "try later": "unreachable",
    "signature required": "unreachable",
    "a certificate past its end": "not_checkable",
    "a certificate of tomorrow": "not_checkable",
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_or_stale(lab: Lab, case: str) -> None:
    words, nonce = WORDS[case]
    made = FORGED[case](lab)
    content, leaf = made if isinstance(made, tuple) else (made, None)
    verdict = judge(lab, content, nonce, leaf)
    assert verdict.status == HARMLESS.get(case, "invalid")
    assert words in verdict.reason


def test_count(lab: Lab) -> None:
    seen: dict[str, int] = {}
    for case in FORGED:
        made = FORGED[case](lab)
        content, leaf = made if isinstance(made, tuple) else (made, None)
        status = judge(lab, content, WORDS[case][1], leaf).status
        seen[status] = seen.get(status, 0) + 1
    assert len(FORGED) >= 40
    assert "good" not in seen
    print("%d forged or stale OCSP answers, 0 good: %s" % (len(FORGED), seen))


# --- the request ------------------------------------------------------------------------------------------------------


def test_request(lab: Lab) -> None:
    nonce = new_nonce()
    assert len(nonce) == NONCE_LENGTH == 32
    assert new_nonce() != nonce
    question = Question(lab.leaf.certificate, lab.issuer.certificate, nonce)
    sent = ocsp.load_der_ocsp_request(question.encoded)
    assert sent.serial_number == lab.leaf.certificate.serial_number
    assert sent.hash_algorithm.name == "sha1"
    assert sent.issuer_key_hash == hashlib.sha1(rev.key_bits(lab.issuer.certificate)).digest()
    assert sent.issuer_name_hash == hashlib.sha1(lab.issuer.certificate.subject.public_bytes()).digest()
    assert sent.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    plain = ocsp.load_der_ocsp_request(Question(lab.leaf.certificate, lab.issuer.certificate).encoded)
    assert len(list(plain.extensions)) == 0
    assert len(plain.public_bytes(Encoding.DER)) < len(question.encoded) - NONCE_LENGTH


def test_get(lab: Lab) -> None:
    """RFC 6960 appendix A.1, and RFC 5019 section 5: 255 bytes with everything."""
    encoded = Question(lab.leaf.certificate, lab.issuer.certificate, NONCE).encoded
    short = get_url("http://ocsp.ca.test/", encoded)
    assert short is not None
    assert short.startswith("http://ocsp.ca.test/MI")
    assert len(short) <= 255
    assert rev.decoded(short) == encoded
    assert not set(short[len("http://ocsp.ca.test/") :]) & set("/+=")
    for spare in range(300):
        url = "http://ocsp.ca.test/" + "x" * spare
        made = get_url(url, encoded)
        assert made is None or len(made) <= 255
    assert get_url("http://ocsp.ca.test/" + "x" * 255, encoded) is None
    assert get_url("http://ocsp.ca.test/?ca=1", encoded) is None
    assert get_url("http://ocsp.ca.test", b"x" * 300) is None


def test_times_of_an_older_library() -> None:
    """cryptography 42 has no *_utc for OCSP."""

    class Old:
        this_update = NOW.replace(tzinfo=None)
        next_update = None

    assert times.certain(Old(), "this_update") == NOW
    assert times.utc(Old(), "next_update") is None
