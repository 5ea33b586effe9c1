# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS #7 bundles: read in every form that a provider sends, as strictly as PEM; written so that OpenSSL reads them."""

from __future__ import annotations

import base64
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import load, pkcs7
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import pkcs7 as library

from tests.support import pki

ROOT = pki.authority("Root")
ISSUER = pki.authority("Issuer", ROOT)
LEAF = pki.server(["www.alpha.test"], ISSUER)
CHAIN = [LEAF.certificate, ISSUER.certificate, ROOT.certificate]
DER = library.serialize_certificates(CHAIN, Encoding.DER)
PEM = library.serialize_certificates(CHAIN, Encoding.PEM)
BODY = b"".join(line for line in PEM.splitlines() if b"-----" not in line)


def labelled(label: bytes, body: bytes = BODY) -> bytes:
    lines = b"\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, lines, label)


def refused(content: bytes) -> str:
    with pytest.raises(InvalidData) as error:
        pkcs7.certificates(content, "the bundle")
    assert error.value.message.startswith("the bundle")
    return error.value.message


# --- reading ----------------------------------------------------------------------------------------------------------

FORMS = {
    "pem": PEM,
    "der": DER,
    "base64": base64.b64encode(DER),
    "base64 in lines": base64.encodebytes(DER),
    "base64 of windows": base64.encodebytes(DER).replace(b"\n", b"\r\n"),
    "blanks around": b"\n\n " + base64.b64encode(DER) + b" \r\n",
    "PKCS7": labelled(b"PKCS7"),
    "CMS": labelled(b"CMS"),
    "CERTIFICATE": labelled(b"CERTIFICATE"),  # Windows
    "pem of windows": PEM.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    assert set(pkcs7.certificates(FORMS[form], "x")) == set(CHAIN)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_some(count: int) -> None:
    made = [pki.server([f"c{number}.test"], ISSUER).certificate for number in range(count)]
    assert set(pkcs7.certificates(library.serialize_certificates(made, Encoding.DER), "x")) == set(made)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"not yet",
        b"<html></html>",
        b"\xff\xfe",
        b"AAAA",
        b"MIIB",
        b"0\x82",
        b"\x30\x00",
        DER[:100],
        DER[:-1],
        PEM[:200],
        PEM.replace(b"-----END PKCS7-----", b""),
        PEM + PEM,
        LEAF.pem,
        LEAF.pem + ISSUER.pem,
        LEAF.der,
        LEAF.key_pem,
        pki.request(["a.test"]),
        labelled(b"PKCS12"),
        labelled(b"PRIVATE KEY"),
        base64.b64encode(LEAF.der),
        base64.b64encode(DER)[:-3] + b"*==",
        DER + b"\0" * load.LIMIT,
        b"A" * (load.LIMIT + 1),
    ],
    ids=range(25),
)
def test_what_is_no_bundle(content: bytes) -> None:
    refused(content)


def test_no_certificates_and_too_many() -> None:
    many = [pki.server([f"c{number}.test"], ISSUER).certificate for number in range(11)]
    assert "11 certificates in it, not 1 to 10" in refused(library.serialize_certificates(many, Encoding.DER))


def test_each_certificate_is_read_as_strictly_as_in_pem() -> None:
    for odd in (
        pki.server(["a b.test"], ISSUER),
        pki.server([f"c{number}.test" for number in range(load.MOST_NAMES + 1)], ISSUER),
    ):
        with pytest.raises(InvalidData):
            load.certificates(odd.pem, "x")
        refused(library.serialize_certificates([odd.certificate, ISSUER.certificate], Encoding.DER))


def test_mutated_bundles() -> None:
    """No other error than ours, whatever is flipped."""
    dice, told = random.Random(20261122), Counter[str]()
    for number in range(2000):
        content = bytearray(DER if number % 2 else PEM)
        for _time in range(dice.choice([1, 1, 2, 20])):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        try:
            found = pkcs7.certificates(bytes(content), "x")
        except InvalidData:
            told["refused"] += 1
        else:
            told["read"] += 1
            assert 0 < len(found) <= load.MOST_CERTIFICATES
    print(f"\nmutated bundles {sum(told.values())}; {dict(told)}")
    assert told["refused"] > 500


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [CHAIN[:1], CHAIN[:2], CHAIN], ids=len)
def test_what_is_written_is_read(chain: list[x509.Certificate]) -> None:
    content = pkcs7.encode(chain)
    assert content.startswith(b"-----BEGIN PKCS7-----\n")
    assert set(pkcs7.certificates(content, "x")) == set(chain)


def test_openssl_reads_what_is_written(tmp_path: Path, program: Callable[[str], str]) -> None:
    path = tmp_path / "bundle.p7b"
    path.write_bytes(pkcs7.encode(CHAIN))
    command = [program("openssl"), "pkcs7", "-print_certs", "-in", str(path)]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    assert set(x509.load_pem_x509_certificates(shown)) == set(CHAIN)


@pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER")  # the set is not sorted: it is BER
def test_what_openssl_writes_is_read(tmp_path: Path, program: Callable[[str], str]) -> None:
    """Certificates of others, in the order that was wanted."""
    path = tmp_path / "chain.pem"
    path.write_bytes(LEAF.pem + ISSUER.pem)
    for form in ("PEM", "DER"):
        command = [program("openssl"), "crl2pkcs7", "-nocrl", "-certfile", str(path), "-outform", form]
        made = subprocess.run(command, capture_output=True, check=True).stdout
        assert set(pkcs7.certificates(made, "x")) == set(CHAIN[:2])


def test_the_documented_sample() -> None:
    sample = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket" / "p7b.txt"
    found = pkcs7.certificates(sample.read_bytes(), "the sample")
    assert len(found) == 3
