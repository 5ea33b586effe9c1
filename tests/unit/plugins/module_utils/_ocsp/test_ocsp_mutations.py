# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of altered OCSP answers and CRLs: each ends in a verdict, soon, and none is "good" unless what was signed is untouched.

And thousands that the issuer itself signed, after they were altered: what it says then is its business, but it must not break us.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable

from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp import answer, crl
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.request import Question
from cryptography import x509
from cryptography.x509 import ocsp

from tests.support import pki
from tests.support import revocation as rev
from tests.support.pki import NOW
from tests.support.revocation import CRL_URL, Lab

SEED = 20261122
ANSWERS = 12000
LISTS = 8000
SIGNED = 4000
SLOWEST = 2.0
MEMORY = 32 * 1024 * 1024
TAGS = [0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0x81, 0x82, 0xA0, 0xA1, 0xA2]


def mutated(content: bytes, source: random.Random) -> bytes:
    """One to three changes: bits, bytes, tags, lengths, parts cut out, doubled, moved, foreign ones put in."""
    changed = bytearray(content)
    for _count in range(source.choice((1, 1, 1, 2, 3))):
        if not changed:
            break
        place, size = source.randrange(len(changed)), source.randint(1, 40)
        kind = source.randrange(8)
        if kind == 0:
            changed[place] ^= 1 << source.randrange(8)
        elif kind == 1:
            changed[place] = source.choice(TAGS)
        elif kind == 2:
            changed[place] = source.choice((0x00, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x88, 0xFF))
        elif kind == 3:
            del changed[place : place + size]
        elif kind == 4:
            changed[place:place] = changed[place : place + size]
        elif kind == 5:
            other = source.randrange(len(changed))
            changed[place : place + size] = changed[other : other + size]
        elif kind == 6:
            changed[place:place] = source.randbytes(size)
        else:
            del changed[place:]
    return bytes(changed)


def hunt(originals: list[bytes], count: int, judge: Callable[[bytes, bytes], str]) -> Counter[str]:
    """The verdicts on ``count`` mutations. ``judge`` gets the original, too."""
    source = random.Random(SEED)
    seen: Counter[str] = Counter()
    tracemalloc.start()
    slowest = 0.0
    try:
        for number in range(count):
            original = originals[number % len(originals)]
            content = mutated(original, source)
            started = time.monotonic()
            seen[judge(content, original)] += 1
            slowest = max(slowest, time.monotonic() - started)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert slowest < SLOWEST
    assert peak < MEMORY
    return seen


def test_ocsp_answers() -> None:
    lab, nonce = Lab(), bytes(range(32))
    question = Question(lab.leaf.certificate, lab.issuer.certificate, nonce)
    delegate = rev.delegate(lab.issuer)
    originals = [
        lab.answer(nonce=nonce),
        lab.answer(lab.single(status="revoked"), nonce=nonce),
        lab.answer(signer=delegate),
        lab.answer(signer=delegate, by_name=True, nonce=nonce),
        lab.answer(
            lab.single(serial=5),
            lab.single(digest="sha256"),
            signer=rev.delegate(lab.issuer, key=pki.new_key("rsa", 2048)),
        ),
        lab.answer(lab.single(status="unknown")),
    ]
    assert [answer.judge(content, question, NOW).status for content in originals] == [
        "good",
        "revoked",
        "good",
        "good",
        "good",
        "unknown",
    ]

    def judge(content: bytes, original: bytes) -> str:
        status = answer.judge(content, question, NOW).status
        assert status != "good" or tbs(content) == tbs(original)
        return status

    def tbs(content: bytes) -> bytes:
        return ocsp.load_der_ocsp_response(content).tbs_response_bytes

    seen = hunt(originals, ANSWERS, judge)
    assert seen["invalid"] > ANSWERS * 0.9

    def signed(content: bytes, _original: bytes) -> str:
        name, signature = rev.sign(lab.issuer.key, content, "sha256")
        return answer.judge(rev.wrap(rev.seq(content, name, rev.bits(signature))), question, NOW).status

    honest = hunt([tbs(content) for content in originals[:2]], SIGNED, signed)
    print("%d mutated OCSP answers, 0 exceptions, 0 falsely good: %s" % (ANSWERS, dict(seen)))
    print("%d more, signed by the issuer itself, 0 exceptions: %s" % (SIGNED, dict(honest)))


def test_crls() -> None:
    lab = Lab()
    certificate = lab.leaf.certificate
    (point,) = crl.points(certificate)
    originals = [
        lab.crl([(5, None), (6, x509.ReasonFlags.superseded)]),
        lab.crl([(certificate.serial_number, x509.ReasonFlags.key_compromise)]),
        lab.crl(extensions=[(rev.scope(CRL_URL, only_contains_user_certs=True), True)]),
    ]

    def judge(content: bytes, original: bytes = b"") -> str:
        try:
            status = crl.judge(crl.read(content, lab.issuer.certificate, NOW), certificate, point, NOW).status
        except InvalidData:
            return "invalid"
        assert status != "good" or not original or tbs(content) == tbs(original)
        return status

    def tbs(content: bytes) -> bytes:
        return x509.load_der_x509_crl(content).tbs_certlist_bytes

    assert [judge(content) for content in originals] == ["good", "revoked", "good"]
    seen = hunt(originals, LISTS, judge)
    assert seen["invalid"] > LISTS * 0.9

    def signed(content: bytes, _original: bytes) -> str:
        name, signature = rev.sign(lab.issuer.key, content, "sha256")
        return judge(rev.seq(content, name, rev.bits(signature)))

    honest = hunt([tbs(content) for content in originals], SIGNED, signed)
    print("%d mutated CRLs, 0 exceptions, 0 falsely good: %s" % (LISTS, dict(seen)))
    print("%d more, signed by the issuer itself, 0 exceptions: %s" % (SIGNED, dict(honest)))
