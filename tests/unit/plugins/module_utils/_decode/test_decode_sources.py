# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a text or a file is told by its content."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import document, sources
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.support import corpus, pki

ROOT = pki.authority("Root")
SERVER = pki.server(["www.example.com"], ROOT)
REQUEST = pki.request(["www.example.com"])
REQUEST_DER = base64.b64decode(b"".join(REQUEST.splitlines()[1:-1]))
BUNDLE = pkcs7.serialize_certificates([SERVER.certificate, ROOT.certificate], Encoding.DER)
BUNDLE_PEM = pkcs7.serialize_certificates([SERVER.certificate, ROOT.certificate], Encoding.PEM)
CERTIFICATE = ["certificate"]


def armor(label: str, der: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), base64.encodebytes(der), label.encode())


FOUND = {
    "PEM": (SERVER.pem, "pem", CERTIFICATE),
    "DER": (SERVER.der, "der", CERTIFICATE),
    "base64 of DER": (base64.b64encode(SERVER.der), "base64", CERTIFICATE),
    "base64 in lines": (base64.encodebytes(SERVER.der), "base64", CERTIFICATE),
    "base64 of PEM": (base64.b64encode(SERVER.pem), "pem", CERTIFICATE),
    "bundle": (SERVER.pem + ROOT.pem, "pem", CERTIFICATE * 2),
    "old label": (SERVER.pem.replace(b" CERT", b" X509 CERT"), "pem", CERTIFICATE),
    "trusted": (armor("TRUSTED CERTIFICATE", SERVER.der + b"\x30\x00"), "pem", CERTIFICATE),
    "CRLF": (SERVER.pem.replace(b"\n", b"\r\n"), "pem", CERTIFICATE),
    "byte order mark": (b"\xef\xbb\xbf" + SERVER.pem, "pem", CERTIFICATE),
    "no newline": (SERVER.pem.strip(), "pem", CERTIFICATE),
    "text around": (b"Bag Attributes\n\n" + SERVER.pem + b"ssl on;\n" + ROOT.pem + b"bye", "pem", CERTIFICATE * 2),
    "request": (REQUEST, "pem", ["request"]),
    "request, DER": (REQUEST_DER, "der", ["request"]),
    "request, old label": (REQUEST.replace(b" CERT", b" NEW CERT"), "pem", ["request"]),
    "request, wrong label": (armor("CERTIFICATE", REQUEST_DER), "pem", ["request"]),
    "both": (REQUEST + SERVER.pem, "pem", ["request", "certificate"]),
    "PKCS #7, DER": (BUNDLE, "der", CERTIFICATE * 2),
    "PKCS #7, PEM": (BUNDLE_PEM, "pem", CERTIFICATE * 2),
    "PKCS #7, wrong label": (armor("CERTIFICATE", BUNDLE), "pem", CERTIFICATE * 2),
    "PKCS #7, CMS": (armor("CMS", BUNDLE), "pem", CERTIFICATE * 2),
    "PKCS #7, base64": (base64.b64encode(BUNDLE), "base64", CERTIFICATE * 2),
    "version 1": (corpus.vector("x509/v1_cert.pem"), "pem", CERTIFICATE),
    "headers": (corpus.vector("x509/cryptography.io.with_headers.pem"), "pem", None),
    "garbage": (corpus.vector("x509/cryptography.io.chain_with_garbage.pem"), "pem", None),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_is_found(case: str) -> None:
    data, form, kinds = FOUND[case]
    found = sources.find(data)
    assert found.errors == []
    assert found.form == form
    assert found.pieces
    if kinds is not None:
        assert [piece.kind for piece in found.pieces] == kinds
    assert all(piece.ordered for piece in found.pieces) == ("PKCS" not in case)


def test_keys_and_other_things_are_named_and_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = SERVER.key_pem + b"-----BEGIN DH PARAMETERS-----\nnot base64 at all\n-----END DH PARAMETERS-----\n"
    seen: list[bytes] = []
    decode = base64.b64decode
    monkeypatch.setattr(base64, "b64decode", lambda text, **how: seen.append(text) or decode(text, **how))  # type: ignore[func-returns-value]
    found = sources.find(secret + SERVER.pem + SERVER.key_pem)
    assert len(found.pieces) == 1
    assert found.others == ["PRIVATE KEY", "DH PARAMETERS"]
    assert found.errors == []
    body = b"".join(SERVER.key_pem.splitlines()[1:-1])
    assert seen
    assert not any(body[:40] in text for text in seen)


LINES = SERVER.pem.splitlines(keepends=True)
BROKEN = {
    "no end": (b"".join(LINES[:-1]), 0, "PEM block 1: it has no end"),
    "cut, then another": (b"".join(LINES[:-3]) + ROOT.pem, 1, "PEM block 1: it has no end"),
    "not base64": (SERVER.pem.replace(LINES[3], b"!!!\n"), 0, "PEM block 1: not base64"),
    "not DER": (armor("CERTIFICATE", b"hello") + ROOT.pem, 1, "PEM block 1: neither a certificate nor a request"),
    "an empty block": (armor("CERTIFICATE", b""), 0, "PEM block 1: not base64"),
    "a key alone": (SERVER.key_pem, 0, r"neither a certificate nor a request in it \(but: PRIVATE KEY\)"),
    "a CRL": (corpus.vector("x509/custom/crl_empty.pem"), 0, r"\(but: X509 CRL\)"),
    "a CRL, DER": (corpus.vector("x509/PKITS_data/crls/GoodCACRL.crl"), 0, r"\(but: X509 CRL\)"),
    "PKCS #12": (corpus.vector("pkcs12/cert-key-aes256cbc.p12"), 0, "neither a certificate nor a request"),
    "enveloped": (corpus.vector("pkcs7/enveloped.pem"), 0, "neither a certificate nor a request"),
    "PKCS #7 that is cut": (BUNDLE[:-10], 0, "cut short"),
    "BER that is none": (
        b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + b"x" * 50,
        0,
        "not a readable bundle",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_told_and_hides_nothing(case: str) -> None:
    data, count, reason = BROKEN[case]
    found = sources.find(data)
    assert len(found.pieces) == count
    assert len(found.errors) == 1
    with pytest.raises(InvalidData, match=reason):
        raise InvalidData(found.errors[0])


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b" \n", "empty"), (b"<html>502</html>", "neither PEM"), (b"x" * (sources.LIMIT + 1), "larger")],
)
def test_what_is_nothing_is_one_error(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidData, match=reason):
        sources.find(data)


def test_ber_of_other_programs() -> None:
    """Indefinite lengths, as Java and Windows write them."""
    with document.quiet():
        found = sources.find(b"\x30\x80" + BUNDLE[4:] + b"\x00\x00")
    assert len(found.pieces) == 2
