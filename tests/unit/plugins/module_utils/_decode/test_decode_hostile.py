# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the bytes are: values or one clean error, soon, and within bounds."""

from __future__ import annotations

import base64
import collections
import json
import random
import resource
import time
from datetime import datetime, timezone

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import document, sources
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.document import Local
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import der
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support import corpus, pki

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
MUTATIONS = 24000
SEEDS = [
    "x509/cryptography-scts.pem",
    "x509/tls-feature-ocsp-staple.pem",
    "x509/san_x400address.der",
    "x509/custom/all_supported_names.pem",
    "x509/custom/nc_permitted_excluded_2.pem",
    "x509/custom/san_email_dns_ip_dirname_uri.pem",
    "x509/custom/cp_user_notice_with_notice_reference.pem",
    "x509/custom/cdp_fullname_reasons_crl_issuer.pem",
    "x509/custom/rsa_pss_cert.pem",
    "x509/custom/two_basic_constraints.pem",
    "x509/ed25519/server-ed25519-cert.pem",
    "x509/requests/san_rsa_sha1.pem",
    "x509/requests/challenge.pem",
    "x509/requests/ec_sha256.pem",
    "x509/requests/freeipa-bad-critical.pem",
    "pkcs7/amazon-roots.der",
    "pkcs7/isrg.pem",
]


def decode(data: bytes) -> document.Document:
    with document.quiet():
        return document.decode(data, "x", Local(NOW))


def seeds() -> list[bytes]:
    """As they are, and their DER, where a changed octet goes deeper."""
    texts = [corpus.vector(name) for name in SEEDS]
    pem = pki.server(["www.example.com"]).pem
    inside = [piece.der for text in texts for piece in sources.find(text).pieces if piece.ordered]
    return [*texts, *inside, *inside, pem, pem + pki.request(["www.example.com"])]


def mutate(data: bytearray, chance: random.Random) -> None:
    place, how = chance.randrange(len(data)), chance.randrange(5)
    if how == 0:
        data[place] = chance.randrange(256)
    elif how == 1:
        data[place] ^= 1 << chance.randrange(8)
    elif how == 2:
        del data[place : place + chance.choice((1, 2, 8))]
    elif how == 3:
        data[place:place] = bytes(chance.randrange(256) for _octet in range(chance.choice((1, 2, 8))))
    else:
        other, length = chance.randrange(len(data)), chance.choice((1, 4, 16))
        data[place : place + length] = data[other : other + length]


def test_mutated_certificates_requests_and_bundles() -> None:
    chance, originals = random.Random(20261122), seeds()
    counts: collections.Counter[str] = collections.Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    longest = 0.0
    for _mutation in range(MUTATIONS):
        data = bytearray(chance.choice(originals))
        for _change in range(chance.choice((1, 1, 1, 2, 4, 16))):
            if data:
                mutate(data, chance)
        started = time.monotonic()
        found = decode(bytes(data))
        longest = max(longest, time.monotonic() - started)
        entries = [*found.certificates, *found.requests]
        json.dumps([found.show(), *entries], allow_nan=False).encode("utf-8")
        assert entries or found.errors
        assert all("Traceback" not in text and len(text) < 500 for text in found.errors)
        counts["decoded" if entries else "refused"] += 1
        counts["with problems"] += any(entry["problems"] for entry in entries)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert counts["decoded"] > MUTATIONS / 10
    assert counts["refused"] > MUTATIONS / 10
    assert longest < 2
    assert grown < 100
    print(
        f"{MUTATIONS} mutated inputs: {counts['decoded']} decoded ({counts['with problems']} with problems), "
        f"{counts['refused']} refused, 0 tracebacks, longest {longest * 1000:.0f} ms, {grown} MB more memory"
    )


# --- bombs ------------------------------------------------------------------------------------------------------------


def bounded(data: bytes, seconds: float = 2.0) -> document.Document:
    started = time.monotonic()
    found = decode(data)
    spent = time.monotonic() - started
    assert spent < seconds, f"{spent:.1f} s"
    return found


def names(count: int, length: int = 1) -> bytes:
    return pki.server(["x" * length] * count, common_name="x").pem


def test_names_beyond_a_thousand_are_counted_only() -> None:
    (shown,) = bounded(names(1500)).certificates
    assert len(shown["sans"]) == len(shown["alternative_names"]) == 1000
    assert [problem["text"] for problem in shown["problems"]] == ["names: 1500 of them, the first 1000 are shown"]


def test_a_certificate_of_more_than_100_kb_is_not_looked_at() -> None:
    found = bounded(names(1000, 100))
    assert found.certificates == []
    assert found.errors == ["PEM block 1: larger than 100000 bytes."]


def test_a_file_of_many_names_ends() -> None:
    found = bounded(names(500) * 400)
    assert len(found.certificates) == document.MOST_NAMES // 500 + 1
    assert found.errors == ["more than 50000 names in one file."]


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN CERTIFICATE-----\n" * 70000,
        b"-----BEGIN " * 180000,
        b"-----BEGIN CERTIFICATE-----" + b"A" * 1900000,
        b"-----BEGIN CERTIFICATE-----\n" + b"A\n" * 900000 + b"-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n" + b":\n" * 900000 + b"-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----" * 1900 + b"-----END CERTIFICATE-----",
        b"A" * 2000000,
        b"\x30" * 2000000,
        b"\x30\x84\xff\xff\xff\xff" + bytes(1000000),
        b"\x30\x80" * 900000,
        b"\n" * 2000000,
        b"\x00" * 2000000,
        b"\xff" * 2000000,
        base64.b64encode(b"-----BEGIN CERTIFICATE-----" * 50000),
    ],
    ids=range(14),
)
def test_large_nonsense_is_refused_soon(data: bytes) -> None:
    found = bounded(data)
    assert not found.certificates
    assert found.errors
    assert sum(map(len, found.errors)) < 300000


def test_a_thousand_and_no_more() -> None:
    pem = pki.server(["www.example.com"]).pem
    found = bounded(pem * 1001)
    assert len(found.certificates) == 1000
    assert found.errors == ["PEM block 1001: more than 1000 certificates and requests."]
    assert found.chain is not None
    assert len(found.chain["order"]) == 1


def test_a_thousand_that_could_all_be_the_issuer() -> None:
    """Same names, other keys: each link has few candidates that are tried."""
    root = pki.authority("CA")
    cas = b"".join(pki.authority("CA", root).pem for _number in range(200))
    found = bounded(pki.server(["www.example.com"], root).pem + cas)
    assert len(found.certificates) == 201
    assert found.chain is not None
    assert found.chain["problems"]


def test_keys_that_take_long_are_not_used() -> None:
    class Large:
        def public_key(self) -> rsa.RSAPublicKey:
            return rsa.RSAPublicNumbers(65537, (1 << 8999) + 1).public_key()

    (shown,) = bounded(pki.authority("Large", key=Large(), signing_key=pki.new_key("rsa", 2048)).pem).certificates
    assert shown["key_size"] == 9000
    assert shown["self_signed"] is None


def test_a_deep_structure_is_no_recursion() -> None:
    data = b"\x05\x00"
    for _level in range(20000):
        data = der.encode(der.SEQUENCE, data[-60000:])
    assert bounded(data).errors


# --- texts ------------------------------------------------------------------------------------------------------------


def hostile(text: str) -> bytes:
    key = pki.new_key()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(pki.NOW - pki.DAY).not_valid_after(pki.NOW + pki.DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(pki.Encoding.PEM)


TEXTS = {
    "terminal": "\x1b[2J\x1b]0;owned\x07",
    "lines": "Alpha\r\nok: [localhost] => changed=0",
    "zero": "Alpha\x00.example",
    "direction": "Alpha\u202eelpha",
    "invisible": "Al\u200bpha",
    "template": "{{ lookup('pipe', 'id') }}",
    "html": "<script>alert(1)</script>",
    "equals": "=cmd|'/c calc'!A0",
    "slashes": "../../etc/passwd",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_cannot_harm_a_terminal(name: str) -> None:
    (shown,) = decode(hostile(TEXTS[name])).certificates
    text = shown["owner"]["organization"]
    assert text.isprintable()
    odd = not TEXTS[name].isprintable()
    assert odd == ("odd_text" in [problem["code"] for problem in shown["problems"]])
    assert odd or text == TEXTS[name]
    assert all(value.isprintable() for value in (shown["subject"], shown["issuer"]))


@pytest.mark.parametrize(
    "name", ["a\nb.example", "a b.example", "", "\x1b[2J.example", "*", "..", "../../etc/passwd", "a" * 300]
)
def test_odd_names_are_shown(name: str) -> None:
    found = decode(pki.server([name], common_name="x").pem)
    (shown,) = found.certificates
    assert len(shown["alternative_names"]) == 1
    assert shown["alternative_names"][0].isprintable()
