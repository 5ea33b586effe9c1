# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields say, where OpenSSL has no word for it: levels, times, problems, keys that belong."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import document, shape, times
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.document import Local
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.keys import PrivateKey
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.facts import facts
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ObjectIdentifier

from tests.support import corpus, pki

ROOT = pki.authority("Root")


def decode(data: bytes, at: datetime = pki.NOW, private: PrivateKey | None = None) -> dict[str, Any]:
    with document.quiet():
        found = document.decode(data, None, Local(at, private))
    assert found.errors == []
    (shown,) = [*found.certificates, *found.requests]
    return dict(shown)


def codes(shown: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in shown["problems"]]


def test_the_fields_are_those_of_the_shape() -> None:
    assert set(decode(ROOT.pem)) == {"source", *shape.CERTIFICATE}
    assert set(decode(pki.request(["a.example"]))) == {"source", *shape.REQUEST}


def test_the_words_of_the_collection_mean_the_same() -> None:
    for identity in (ROOT, pki.server(["b.example", "a.example", "192.0.2.1"], ROOT, key=pki.new_key("rsa", 2048))):
        shown, known = decode(identity.pem), facts(identity.certificate).show()
        for field in ("serial", "fingerprint", "public_key", "not_before", "not_after", "issuer", "subject", "is_ca"):
            assert shown[field] == known[field], field
        assert (shown["key_type"], shown["key_size"]) == (known["key_type"], known["key_size"])
        assert sorted(shown["sans"]) == known["names"]


# --- times ------------------------------------------------------------------------------------------------------------

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LIFE = [
    (-1.0, 101, 1.0, False, ["not_yet_valid"]),
    (0.0, 100, 1.0, False, []),
    (0.5, 99, 0.995, False, []),
    (75.0, 25, 0.25, False, []),
    (99.5, 0, 0.005, False, []),
    (100.0, 0, 0.0, False, []),
    (100.5, -1, 0.0, True, ["expired"]),
    (300.0, -200, 0.0, True, ["expired"]),
]


@pytest.mark.parametrize(("day", "left", "share", "expired", "problems"), LIFE)
def test_what_is_left(day: float, left: int, share: float, expired: bool, problems: list[str]) -> None:
    pem = pki.server(["a.example"], ROOT, not_before=START, not_after=START + timedelta(days=100)).pem
    shown = decode(pem, START + timedelta(days=day))
    assert (shown["days_left"], shown["share_left"], shown["expired"]) == (left, share, expired)
    assert codes(shown) == problems
    assert (shown["not_before"], shown["not_after"]) == ("2026-01-01T00:00:00Z", "2026-04-11T00:00:00Z")


def test_a_life_without_length_and_one_without_end() -> None:
    assert decode(pki.server(["a.example"], ROOT, not_before=START, not_after=START).pem, START)["share_left"] == 0.0
    forever = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    shown = decode(pki.server(["a.example"], ROOT, not_before=START, not_after=forever).pem, START)
    assert shown["not_after"] == "9999-12-31T23:59:59Z"
    assert times.seconds(datetime(2, 1, 1, tzinfo=timezone.utc)) == "0002-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["2026-11-22T10:00:00Z", "2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00+00:00"])
def test_the_time_can_be_given(text: str) -> None:
    assert times.at(text) == datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-11-22", "2026-11-22T10:00:00", "1", "2026-13-01T00:00:00Z"])
def test_a_time_without_a_zone_is_not_guessed(text: str) -> None:
    with pytest.raises(UsageError, match="not a time in ISO 8601"):
        times.at(text)


# --- extensions -------------------------------------------------------------------------------------------------------

LEVELS = {"2.23.140.1.2.1": "DV", "2.23.140.1.2.2": "OV", "2.23.140.1.2.3": "IV", "2.23.140.1.1": "EV", "1.2.3": None}


@pytest.mark.parametrize("oid", LEVELS)
def test_validation_level(oid: str) -> None:
    policies = [x509.PolicyInformation(ObjectIdentifier(each), None) for each in ("1.2.3.4", oid)]
    shown = decode(pki.server(["a.example"], ROOT, more=[(x509.CertificatePolicies(policies), False)]).pem)
    assert shown["validation_level"] == LEVELS[oid]
    assert shown["policies"][1]["oid"] == oid


def test_absent_is_not_unknown() -> None:
    key = pki.new_key()
    builder = x509.CertificateBuilder(pki.name("x"), pki.name("x"), key.public_key(), 1)
    builder = builder.not_valid_before(pki.NOW - pki.DAY).not_valid_after(pki.NOW + pki.DAY)
    shown = decode(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    for field in ("sans", "key_usage", "extended_key_usage", "policies", "ocsp_urls", "crl_urls", "scts", "extensions"):
        assert shown[field] == [], field
    assert (shown["is_ca"], shown["must_staple"], shown["sct_count"], shown["precertificate"]) == (
        False,
        False,
        0,
        False,
    )


def test_all_kinds_of_names() -> None:
    shown = decode(corpus.vector("x509/custom/san_email_dns_ip_dirname_uri.pem"))
    assert shown["sans"] == ["cryptography.io", "127.0.0.1", "ff::"]
    assert shown["alternative_names"] == [
        "email:user@cryptography.io",
        "DNS:cryptography.io",
        "IP:127.0.0.1",
        "IP:ff::",
        "dirName:O=Cryptographic Authority,CN=dirCN",
        "URI:https://cryptography.io",
    ]
    other = decode(corpus.vector("x509/requests/freeipa-bad-critical.pem"))["alternative_names"]
    assert other[1] == "otherName:1.3.6.1.4.1.311.20.2.3;ldap/replica1.ipa.test@IPA.TEST"


def test_timestamps_must_staple_and_constraints() -> None:
    shown = decode(corpus.vector("x509/cryptography-scts.pem"))
    assert shown["sct_count"] == 2
    assert shown["scts"][0] == {
        "log_id": "KTxRllTIOWW6qlD8WAfUt2+/WHopctykwwz05UVH9Hg=",
        "timestamp": "2018-09-26T20:56:33.769Z",
    }
    assert decode(corpus.vector("x509/tls-feature-ocsp-staple.pem"))["must_staple"] is True
    constraints = decode(corpus.vector("x509/custom/nc_permitted_excluded.pem"))["name_constraints"]
    assert constraints["permitted"] == ["IP:192.168.0.0/24", "IP:ff::/96"]
    assert constraints["excluded"]
    shown = decode(corpus.vector("x509/cryptography.io.precert.pem"))
    assert shown["precertificate"] is True
    assert "precertificate" in codes(shown)


def test_one_broken_extension_leaves_the_others() -> None:
    shown = decode(corpus.vector("x509/custom/two_basic_constraints.pem"))
    assert "duplicate_extension" in codes(shown)
    shown = decode(corpus.vector("x509/san_x400address.der"))
    assert shown["sans"] is None
    assert shown["extensions"] == ["subjectAltName"]
    assert "extension subjectAltName: cannot be read" in [problem["text"] for problem in shown["problems"]]
    shown = decode(corpus.vector("x509/requests/freeipa-bad-critical.pem"))
    assert shown["subject_key_id"] == "fb4bbe4d917202b029f228d02a7c3efa7b5eedf0"


# --- keys -------------------------------------------------------------------------------------------------------------

KEYS: dict[str, tuple[Any, str, int]] = {
    "rsa": (rsa.generate_private_key(65537, 2048), "rsa", 2048),
    "small rsa": (rsa.generate_private_key(65537, 1024), "rsa", 1024),
    "p256": (ec.generate_private_key(ec.SECP256R1()), "ecdsa", 256),
    "p521": (ec.generate_private_key(ec.SECP521R1()), "ecdsa", 521),
    "ed25519": (ed25519.Ed25519PrivateKey.generate(), "ed25519", 256),
    "ed448": (ed448.Ed448PrivateKey.generate(), "ed448", 456),
    "dsa": (dsa.generate_private_key(1024), "dsa", 1024),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_of_all_kinds_and_their_owners(name: str) -> None:
    key, kind, size = KEYS[name]
    pem = pki.server(["a.example"], ROOT, key=key).pem
    form = PrivateFormat.TraditionalOpenSSL if kind in ("rsa", "ecdsa", "dsa") else PrivateFormat.PKCS8
    private = PrivateKey(key.private_bytes(Encoding.PEM, form, NoEncryption()), "key")
    shown = decode(pem, private=private)
    assert (shown["key_type"], shown["key_size"]) == (kind, size)
    assert ("weak_key" in codes(shown)) == (size == 1024)
    assert shown["private_key_matches"] is True
    assert decode(ROOT.pem, private=private)["private_key_matches"] is False
    assert decode(pem)["private_key_matches"] is None


def test_the_same_key_in_another_form_matches() -> None:
    """A compressed point (RFC 5480 section 2.2): another SubjectPublicKeyInfo, the same key."""
    key = KEYS["p256"][0]
    plain = pki.server(["a.example"], ROOT, key=key).der
    form = key.public_key().public_bytes
    from cryptography.hazmat.primitives.serialization import PublicFormat

    point = form(Encoding.X962, PublicFormat.UncompressedPoint)
    short = form(Encoding.X962, PublicFormat.CompressedPoint)
    # the lengths: certificate, its body, key, bits
    index = plain.index(point)
    changed = bytearray(plain[:index] + short + plain[index + len(point) :])
    less = len(point) - len(short)
    changed[index - 2] -= less
    changed[index - 25] -= less
    for start in (2, 6):
        length = int.from_bytes(changed[start : start + 2], "big") - less
        changed[start : start + 2] = length.to_bytes(2, "big")
    shown = decode(bytes(changed), private=PrivateKey(pki.key_pem(key), "key"))
    assert shown["private_key_matches"] is True
    assert shown["public_key"] != decode(plain)["public_key"]


SECRET = pki.key_pem(KEYS["p256"][0])
BAD_KEYS = {
    "encrypted": KEYS["p256"][0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    "old and encrypted": KEYS["rsa"][0].private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
    ),
    "two": SECRET + SECRET,
    "a certificate": ROOT.pem,
    "cut": SECRET[:-60],
    "empty": b"",
    "garbage": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_private_key_that_is_none(name: str) -> None:
    with pytest.raises(InvalidData, match="^key: ") as caught:
        PrivateKey(BAD_KEYS[name], "key")
    body = base64.b64encode(SECRET).decode()[:20]
    assert body not in caught.value.sentence()


# --- signatures and serial numbers ------------------------------------------------------------------------------------


def test_signatures_with_old_digests_are_checked_too() -> None:
    for name in ("rsa_sha1.der", "dsa_sha1.der", "san_rsa_sha1.der"):
        shown = decode(corpus.vector(f"x509/requests/{name}"))
        assert shown["signature_valid"] is True
        assert "weak_signature" in codes(shown)
    assert decode(corpus.vector("x509/requests/invalid_signature.pem"))["signature_valid"] is False
    assert decode(corpus.vector("x509/requests/rsa_md4.der"))["signature_valid"] is None
    assert decode(corpus.vector("x509/verisign_md2_root.pem"))["self_signed"] is None


def test_self_signed_is_proven() -> None:
    assert decode(ROOT.pem)["self_signed"] is True
    assert decode(pki.server(["a.example"], ROOT).pem)["self_signed"] is False
    forged = pki.authority("Root", issuer_name="Root", signing_key=pki.new_key())
    assert decode(forged.pem)["self_signed"] is False


def test_serial_numbers() -> None:
    shown = decode(pki.server(["a.example"], ROOT, serial=0xA5F3C9).pem)
    assert (shown["serial"], shown["serial_number"], shown["serial_number_hex"]) == ("a5f3c9", "10875849", "A5F3C9")
    shown = decode(pki.server(["a.example"], ROOT, serial=0xABC).pem)
    assert (shown["serial"], shown["serial_number_hex"]) == ("abc", "0ABC")
    shown = decode(corpus.vector("x509/custom/negative_serial.pem"))
    assert shown["serial_number"].startswith("-")
    assert "serial_not_positive" in codes(shown)


def test_problems_of_servers() -> None:
    assert codes(decode(pki.server(["a.example"], ROOT).pem)) == []
    assert codes(decode(pki.server([], ROOT, common_name="a.example").pem)) == ["no_names"]
    root = pki.authority("Root", key=pki.new_key("rsa", 2048))
    shown = decode(pki.server(["a.example"], root, digest=hashes.SHA384()).pem)
    assert (shown["signature_algorithm"], shown["signature_hash"]) == ("sha384WithRSAEncryption", "sha384")


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_s_password_is_not_repeated() -> None:
    shown = decode(corpus.vector("x509/requests/challenge.pem"))
    assert shown["challenge_password"] is True
    assert "challenge me" not in str(shown)
    assert decode(pki.request(["a.example"]))["challenge_password"] is False


def test_a_request() -> None:
    key = pki.new_key()
    shown = decode(pki.request(["a.example", "*.a.example"], key), private=PrivateKey(pki.key_pem(key), "key"))
    assert shown["owner"]["domain"] == "a.example"
    assert shown["sans"] == ["a.example", "*.a.example"]
    assert shown["signature_valid"] is True
    assert shown["private_key_matches"] is True
    assert shown["problems"] == []
