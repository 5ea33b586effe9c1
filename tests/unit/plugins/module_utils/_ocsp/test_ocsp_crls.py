# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which revocation lists are believed, and what they say of a certificate."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp import crl, model
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.support import pki
from tests.support import revocation as rev
from tests.support.pki import DAY, NOW
from tests.support.revocation import CRL_URL, HOUR, Lab

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def judge(lab: Lab, content: bytes, leaf: Any = None, issuer: Any = None) -> model.Verdict:
    """As the checker does: read, then judged for the first point of the certificate."""
    certificate = (leaf or lab.leaf).certificate
    try:
        read = crl.read(content, (issuer or lab.issuer).certificate, NOW)
        return crl.judge(read, certificate, crl.points(certificate)[0], NOW)
    except InvalidData as error:
        return model.Verdict(model.INVALID, error.message)


def pem(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(der) + b"-----END X509 CRL-----\n"


def reasons(*flags: x509.ReasonFlags) -> frozenset[x509.ReasonFlags]:
    return frozenset(flags)


RIGHT: dict[str, Callable[[Lab], bytes]] = {
    "empty": lambda lab: lab.crl(),
    "others in it": lambda lab: lab.crl([(5, None), (6, x509.ReasonFlags.superseded)]),
    "its own shard": lambda lab: lab.crl(extensions=[(rev.scope(CRL_URL), True)]),
    "its own shard and others": lambda lab: lab.crl(extensions=[(rev.scope("http://x.test/a", CRL_URL), True)]),
    "for servers": lambda lab: lab.crl(extensions=[(rev.scope(only_contains_user_certs=True), True)]),
    "PEM": lambda lab: pem(lab.crl()),
    "an unknown extension of an entry": lambda lab: lab.crl(
        [(5, None)],
        entry_extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), False)],
    ),
    "a critical reason": lambda lab: lab.crl(
        [(5, None)], entry_extensions=[(x509.CRLReason(x509.ReasonFlags.superseded), True)]
    ),
    "a critical reason beside an unknown extension": lambda lab: lab.crl(
        [(5, None)],
        entry_extensions=[
            (x509.CRLReason(x509.ReasonFlags.superseded), True),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), False),
        ],
    ),
    "an unknown extension": lambda lab: lab.crl(
        extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), False)]
    ),
    "ended 4 minutes ago": lambda lab: lab.crl(next_update=NOW - 4 * MINUTE),
    "4 minutes ahead": lambda lab: lab.crl(last_update=NOW + 4 * MINUTE),
    "without an end, new": lambda lab: rev.raw_crl(lab.issuer, NOW - HOUR, None),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right(lab: Lab, case: str) -> None:
    verdict = judge(lab, RIGHT[case](lab))
    assert (verdict.status, verdict.reason, verdict.verified) == ("good", "", True)


def test_revoked(lab: Lab) -> None:
    serial = lab.leaf.certificate.serial_number
    verdict = judge(lab, lab.crl([(5, None), (serial, x509.ReasonFlags.key_compromise)]))
    assert (verdict.status, verdict.revocation_reason, verdict.revoked_at) == ("revoked", "keyCompromise", NOW - DAY)
    assert (verdict.this_update, verdict.next_update) == (NOW - HOUR, NOW + 7 * DAY)
    assert judge(lab, lab.crl([(serial, None)])).status == "revoked"
    some = rev.scope(only_some_reasons=reasons(x509.ReasonFlags.key_compromise))
    assert judge(lab, lab.crl([(serial, None)], extensions=[(some, True)])).status == "revoked"
    old = rev.leaf(lab.issuer, not_before=NOW - 90 * DAY, not_after=NOW - DAY)
    assert judge(lab, lab.crl([(old.certificate.serial_number, None)]), old).status == "revoked"


def test_points(lab: Lab) -> None:
    """Those that a whole list of the issuer itself is at."""
    directory = x509.DirectoryName(pki.name("Shard 7"))
    two = x509.DistributionPoint([directory, x509.UniformResourceIdentifier("http://b.test/")], None, None, None)
    distribution = x509.CRLDistributionPoints(
        [
            rev.point("http://a.test/some", reasons=reasons(x509.ReasonFlags.key_compromise)),
            rev.point("http://a.test/other", crl_issuer=[directory]),
            x509.DistributionPoint(
                None,
                x509.RelativeDistinguishedName([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "x")]),
                None,
                None,
            ),
            two,
            rev.point("ldap://c.test/"),
        ]
    )
    leaf = rev.leaf(lab.issuer, urls=(None, None), more=[(distribution, False)])
    found = crl.points(leaf.certificate)
    assert [point.urls for point in found] == [("http://b.test/",), ("ldap://c.test/",)]
    assert directory in found[0].names
    assert crl.points(lab.issuer.certificate) == []
    # the list may name the point by its other name
    named = rev.scope(full_name=[directory])
    assert judge(lab, lab.crl(extensions=[(named, True)]), leaf).status == "good"


# --- forged and stale ones --------------------------------------------------------------------------------------------


def namesake(lab: Lab) -> pki.Identity:
    return pki.authority("Lab Issuer")


def entry_of(lab: Lab, **options: Any) -> bytes:
    return lab.crl([(lab.leaf.certificate.serial_number, None)], **options)


def without_entry(lab: Lab) -> bytes:
    """The entry of our certificate made into one of another serial number, the signature as it was."""
    serial = rev.integer(lab.leaf.certificate.serial_number)
    content = entry_of(lab)
    assert serial in content
    return content.replace(serial, rev.flip(serial))


def by_a_delegate(lab: Lab) -> bytes:
    return rev.crl(rev.delegate(lab.issuer, usage=["digital_signature", "crl_sign"]), issuer_name="Lab Issuer")


FORGED: dict[str, tuple[str, Callable[[Lab], Any]]] = {
    "a bit of the signature": ("signature is wrong", lambda lab: rev.flip(lab.crl())),
    "our entry taken out": ("signature is wrong", without_entry),
    "another CA of the same name": ("signature is wrong", lambda lab: rev.crl(namesake(lab))),
    "another CA": ("list of another issuer", lambda lab: rev.crl(pki.authority("Other"))),
    "the root": ("list of another issuer", lambda lab: rev.crl(lab.root)),
    "the root in the issuer's name": ("signature is wrong", lambda lab: rev.crl(lab.root, issuer_name="Lab Issuer")),
    "signed by the certificate itself": ("signature is wrong", lambda lab: rev.crl(lab.leaf, issuer_name="Lab Issuer")),
    "signed by a delegate": ("signature is wrong", by_a_delegate),
    "signed with SHA-1": ("signed with SHA1", lambda lab: rev.raw_crl(lab.issuer, NOW - HOUR, NOW + DAY, "sha1")),
    "ended 6 minutes ago": ("stale (nextUpdate", lambda lab: lab.crl(next_update=NOW - 6 * MINUTE)),
    "ended last year": (
        "stale (nextUpdate",
        lambda lab: lab.crl(last_update=NOW - 372 * DAY, next_update=NOW - 365 * DAY),
    ),
    "from the future": ("from the future", lambda lab: lab.crl(last_update=NOW + 6 * MINUTE)),
    "without an end and old": ("no nextUpdate", lambda lab: rev.raw_crl(lab.issuer, NOW - 25 * HOUR, None)),
    "an end before its begin": (
        "before its thisUpdate",
        lambda lab: rev.raw_crl(lab.issuer, NOW - HOUR, NOW - 2 * HOUR),
    ),
    "good for ten years": ("absurdly late", lambda lab: lab.crl(next_update=NOW + 3650 * DAY)),
    "the list of another point": (
        "another distribution point",
        lambda lab: lab.crl(extensions=[(rev.scope("http://crl.ca.test/shard8.crl"), True)]),
    ),
    "the list of a point that has no URL": (
        "another distribution point",
        lambda lab: lab.crl(extensions=[(rev.scope(full_name=[x509.DirectoryName(pki.name("x"))]), True)]),
    ),
    "the list of a relative name": (
        "another distribution point",
        lambda lab: lab.crl(
            extensions=[
                (
                    rev.scope(
                        relative_name=x509.RelativeDistinguishedName(
                            [x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "x")]
                        )
                    ),
                    True,
                )
            ]
        ),
    ),
    "for CAs": ("other kinds", lambda lab: lab.crl(extensions=[(rev.scope(only_contains_ca_certs=True), True)])),
    "for attribute certificates": (
        "other kinds",
        lambda lab: lab.crl(extensions=[(rev.scope(only_contains_attribute_certs=True), True)]),
    ),
    "indirect": ("indirect", lambda lab: lab.crl(extensions=[(rev.scope(indirect_crl=True), True)])),
    "for some reasons": (
        "some reasons",
        lambda lab: lab.crl(extensions=[(rev.scope(only_some_reasons=reasons(x509.ReasonFlags.key_compromise)), True)]),
    ),
    "a delta list": ("delta", lambda lab: lab.crl(extensions=[(x509.DeltaCRLIndicator(6), True)])),
    "a critical extension": (
        "critical extension",
        lambda lab: lab.crl(extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]),
    ),
    "a critical extension of somebody else's entry": (
        "critical extension",
        lambda lab: lab.crl(
            [(5, None), (6, None)],
            entry_extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)],
        ),
    ),
    "indirect, and it does not say so": (
        "indirect or delta",
        lambda lab: lab.crl(
            [(5, None)], entry_extensions=[(x509.CertificateIssuer([x509.DirectoryName(pki.name("Other"))]), True)]
        ),
    ),
    "an entry of another issuer": (
        "indirect or delta",
        lambda lab: entry_of(
            lab, entry_extensions=[(x509.CertificateIssuer([x509.DirectoryName(pki.name("Other"))]), True)]
        ),
    ),
    "an entry of another issuer that is not critical": (
        "indirect or delta",
        lambda lab: entry_of(
            lab, entry_extensions=[(x509.CertificateIssuer([x509.DirectoryName(pki.name("Other"))]), False)]
        ),
    ),
    "an entry that takes itself back": (
        "indirect or delta",
        lambda lab: lab.crl([(lab.leaf.certificate.serial_number, x509.ReasonFlags.remove_from_crl)]),
    ),
    "nothing": ("not a readable CRL", lambda lab: b""),
    "a web page": ("not a readable CRL", lambda lab: b"<html><body>Please sign in</body></html>"),
    "cut off": ("not a readable CRL", lambda lab: lab.crl()[:-1]),
    "something behind it": ("not a readable CRL", lambda lab: lab.crl() + b"\0"),
    "half a PEM": ("", lambda lab: pem(lab.crl())[:-30]),
    "PEM without base64": ("not base64", lambda lab: b"-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"),
    "two lists in PEM": ("more than 1 PEM", lambda lab: pem(lab.crl()) * 2),
    "a certificate": ("not a readable CRL", lambda lab: lab.issuer.der),
    "an OCSP answer": ("not a readable CRL", lambda lab: lab.answer()),
    "larger than 16 MB": ("larger than", lambda lab: bytes(crl.LIMIT + 1)),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_or_stale(lab: Lab, case: str) -> None:
    words, make = FORGED[case]
    verdict = judge(lab, make(lab))
    assert verdict.status == "invalid"
    assert words in verdict.reason


@pytest.mark.parametrize("how", ["without key usage", "Ed25519"])
def test_issuers_of_all_kinds(lab: Lab, how: str) -> None:
    key = ed25519.Ed25519PrivateKey.generate() if how == "Ed25519" else None
    usage = [(pki.key_usage("crl_sign"), True)] if key else []
    issuer = pki.issue("Lab Issuer", lab.root, [(x509.BasicConstraints(True, None), True), *usage], key=key)
    content = rev.raw_crl(issuer, NOW - HOUR, NOW + DAY)
    assert judge(lab, content, issuer=issuer).status == "good"
    assert judge(lab, rev.flip(content), issuer=issuer).status == "invalid"


def test_an_issuer_that_may_not_sign_lists(lab: Lab) -> None:
    issuer = pki.authority("Lab Issuer", lab.root, usage=["key_cert_sign"])
    verdict = judge(lab, rev.crl(issuer), rev.leaf(issuer), issuer)
    assert verdict.status == "invalid"
    assert "may not sign lists" in verdict.reason


@pytest.mark.parametrize("what", ["only_contains_user_certs"])
def test_lists_of_servers_say_nothing_of_a_ca(lab: Lab, what: str) -> None:
    below = pki.authority("Below", lab.issuer, more=rev.pointers(None))
    assert judge(lab, lab.crl(), below).status == "good"
    verdict = judge(lab, lab.crl(extensions=[(rev.scope(**{what: True}), True)]), below)
    assert (verdict.status, "other kinds" in verdict.reason) == ("invalid", True)
    assert judge(lab, lab.crl(extensions=[(rev.scope(only_contains_ca_certs=True), True)]), below).status == "good"


@pytest.mark.parametrize("when", ["past its end", "not begun"])
def test_lists_say_nothing_of_a_certificate_outside_its_life(lab: Lab, when: str) -> None:
    dates = {"past its end": (-90, -1), "not begun": (1, 90)}[when]
    leaf = rev.leaf(lab.issuer, not_before=NOW + dates[0] * DAY, not_after=NOW + dates[1] * DAY)
    verdict = judge(lab, lab.crl(), leaf)
    assert verdict.status == "not_checkable"
    assert verdict.reason.startswith("the certificate ")


def test_count(lab: Lab) -> None:
    seen: dict[str, int] = {}
    for _words, make in FORGED.values():
        status = judge(lab, make(lab)).status
        seen[status] = seen.get(status, 0) + 1
    assert len(FORGED) >= 20
    assert "good" not in seen
    print("%d forged or stale CRLs, 0 good: %s" % (len(FORGED), seen))
