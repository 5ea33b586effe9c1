# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the certificates of a file belong together."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import document
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.document import Local
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.support import corpus, pki

ROOT = pki.authority("Root")
ONE = pki.authority("One", ROOT)
TWO = pki.authority("Two", ONE)
LEAF = pki.server(["www.example.com"], TWO)
OTHER = pki.server(["other.example.com"], pki.authority("Other"))
OLD = pki.authority("Old", ROOT, not_after=pki.NOW - pki.DAY)
SOON = pki.authority("Soon", ROOT, not_before=pki.NOW + pki.DAY)
NO_CA = pki.authority("No CA", ROOT, is_ca=False)
NO_SIGN = pki.authority("No sign", ROOT, usage=("digital_signature",))
SHORT = pki.authority("Short", ROOT, path_length=0)
BELOW = pki.authority("Below", SHORT)
FORGED = pki.server(["www.example.com"], TWO, signing_key=pki.new_key())
CROSS = pki.authority("Root", pki.authority("Elder"), key=ROOT.key)


def server(issuer: pki.Identity) -> bytes:
    return pki.server(["www.example.com"], issuer).pem


CASES: dict[str, tuple[bytes, list[int] | None, str | None, list[tuple[str, int]]]] = {
    "right": (LEAF.pem + TWO.pem + ONE.pem, [0, 1, 2], "ca", []),
    "with its root": (LEAF.pem + TWO.pem + ONE.pem + ROOT.pem, [0, 1, 2, 3], "root", []),
    "alone": (LEAF.pem, [0], "leaf", [("missing_intermediate", 0)]),
    "self-signed": (pki.server(["a.example"]).pem, [0], "root", []),
    "a CA alone": (ONE.pem, [0], "ca", []),
    "a root alone": (ROOT.pem, [0], "root", []),
    "CAs": (TWO.pem + ONE.pem + ROOT.pem, [0, 1, 2], "root", []),
    "a collection": (ROOT.pem + pki.authority("Other").pem + ONE.pem, None, None, []),
    "leaf last": (TWO.pem + ONE.pem + LEAF.pem, [2, 0, 1], "ca", [("wrong_order", 2)]),
    "CAs swapped": (LEAF.pem + ONE.pem + TWO.pem, [0, 2, 1], "ca", [("wrong_order", 0)]),
    "root first": (ROOT.pem + LEAF.pem + TWO.pem + ONE.pem, [1, 2, 3, 0], "root", [("wrong_order", 1)]),
    "a gap": (LEAF.pem + ONE.pem, [0], "leaf", [("foreign", 1), ("missing_intermediate", 0)]),
    "foreign": (LEAF.pem + TWO.pem + OTHER.pem, [0, 1], "ca", [("foreign", 2)]),
    "twice": (LEAF.pem + TWO.pem + TWO.pem, [0, 1], "ca", [("duplicate", 2)]),
    "leaf twice": (LEAF.pem + LEAF.pem + TWO.pem, [0, 2], "ca", [("duplicate", 1)]),
    "expired link": (server(OLD) + OLD.pem, [0, 1], "ca", [("expired_link", 1)]),
    "link not yet valid": (server(SOON) + SOON.pem, [0, 1], "ca", [("not_yet_valid_link", 1)]),
    "not a CA": (server(NO_CA) + NO_CA.pem, [0, 1], "leaf", [("not_a_ca", 1), ("missing_intermediate", 1)]),
    "may not sign": (server(NO_SIGN) + NO_SIGN.pem, [0, 1], "ca", [("not_a_ca", 1)]),
    "path length": (server(BELOW) + BELOW.pem + SHORT.pem, [0, 1, 2], "ca", [("path_length", 2)]),
    "forged": (FORGED.pem + TWO.pem, [0], "leaf", [("bad_signature", 0), ("foreign", 1), ("missing_intermediate", 0)]),
    "cross and root": (server(ROOT) + ROOT.pem + CROSS.pem, [0, 2], "ca", []),
}


def chain(data: bytes) -> Any:
    with document.quiet():
        found = document.decode(data, "x", Local(pki.NOW))
    assert found.errors == []
    return found.chain


@pytest.mark.parametrize("case", CASES)
def test_chains(case: str) -> None:
    data, order, ends_with, problems = CASES[case]
    found = chain(data)
    if order is None:
        assert found is None
        return
    assert (found["order"], found["ends_with"]) == (order, ends_with)
    assert [(problem["code"], problem["index"]) for problem in found["problems"]] == problems
    assert all(problem["text"].startswith("certificate %d: " % problem["index"]) for problem in found["problems"])


def test_a_set_has_no_order() -> None:
    """DER sorts the certificates of PKCS #7 by their bytes."""
    data = pkcs7.serialize_certificates([each.certificate for each in (ROOT, ONE, TWO, LEAF)], Encoding.PEM)
    found = chain(data)
    assert len(found["order"]) == 4
    assert found["ends_with"] == "root"
    assert found["problems"] == []


def test_old_links_are_proven_or_taken_by_name() -> None:
    """PKITS: DSA, and RSA with SHA-1 in older files."""
    for leaf, issuer in (("ValidCertificatePathTest1EE", "GoodCACert"), ("ValidDSASignaturesTest4EE", "DSACACert")):
        data = [corpus.pieces("pkits")[name + ".crt"].der for name in (leaf, issuer)]
        pem = b"".join(pki.x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in data)
        assert chain(pem)["order"] == [0, 1]
        assert "bad_signature" not in [problem["code"] for problem in chain(pem)["problems"]]


def test_names_that_cannot_be_read_are_no_link() -> None:
    bad = corpus.vector("x509/custom/invalid_utf8_common_name.pem")
    found = chain(LEAF.pem + bad)
    assert found["order"] == [0]
    assert ("foreign", 1) in [(problem["code"], problem["index"]) for problem in found["problems"]]
