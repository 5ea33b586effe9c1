# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts, keys and requests: what is read is what was written."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import csr, facts, keys, load
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support import pki

ROOT = pki.authority('Root, "the" first')


def test_facts_of_a_certificate() -> None:
    start, end = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 4, 2, 3, 4, 5, tzinfo=UTC)
    made = pki.server(
        ["WWW.example.com", "a.example.com", "192.0.2.1", "2001:DB8::1", "*.example.com", "www.example.com"],
        ROOT, serial=0x0A0B0C, not_before=start, not_after=end,
    )  # fmt: skip
    found = facts.facts(made.certificate)
    spki = made.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert found == facts.Facts(
        serial="a0b0c",
        fingerprint=hashlib.sha256(made.der).hexdigest(),
        public_key=hashlib.sha256(spki).hexdigest(),
        names=("*.example.com", "192.0.2.1", "2001:db8::1", "a.example.com", "www.example.com"),
        not_before=start,
        not_after=end,
        issuer='CN=Root\\, \\"the\\" first',
        subject="CN=WWW.example.com",
        issuer_cn='Root, "the" first',
        key_type="ecdsa",
        key_size=256,
        is_ca=False,
        server_auth=True,
    )
    shown = found.show()
    assert (shown["not_before"], shown["not_after"]) == ("2026-01-02T03:04:05Z", "2026-04-02T03:04:05Z")
    assert shown["names"] == list(found.names)
    assert set(shown) == set(found.__dataclass_fields__)
    assert facts.pem(made.certificate) == made.pem


@pytest.mark.parametrize(
    ("purposes", "expected"),
    [(None, True), ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], True)]
    + [([ExtendedKeyUsageOID.CLIENT_AUTH], False), ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], False)],
)
def test_server_auth(purposes: list[x509.ObjectIdentifier] | None, expected: bool) -> None:
    assert facts.facts(pki.server(["a.example"], ROOT, purposes=purposes).certificate).server_auth is expected


def test_a_certificate_without_names_and_common_names() -> None:
    found = facts.facts(pki.server([], ROOT, common_name=None).certificate)
    assert (found.names, found.subject) == ((), "")
    assert facts.facts(pki.server(["a.example"], None, common_name=None).certificate).issuer_cn == ""
    assert facts.facts(ROOT.certificate).is_ca


def test_text_of_others_is_cleaned() -> None:
    found = facts.facts(pki.server(["a.example"], ROOT, issuer_name="evil\n\x1b[2Jtext").certificate)
    assert "\n" not in found.issuer + found.issuer_cn
    assert "\x1b" not in found.issuer + found.issuer_cn


@pytest.mark.parametrize(
    ("key", "expected"),
    [(pki.new_key("rsa", 2048), ("rsa", 2048)), (pki.new_key("ecdsa", 384), ("ecdsa", 384))]
    + [
        (ed25519.Ed25519PrivateKey.generate(), ("ed25519", 0)),
        (ec.generate_private_key(ec.SECP521R1()), ("ecdsa", 521)),
    ],
    ids=["rsa", "p384", "ed25519", "p521"],
)
def test_a_key_its_request_and_its_certificate_agree(key: object, expected: tuple[str, int]) -> None:
    of_key = facts.key_facts(key)  # type: ignore[arg-type]
    of_certificate = facts.facts(pki.server(["a.example"], ROOT, key=key).certificate)
    assert (of_key.key_type, of_key.key_size) == expected
    assert of_key.public_key == of_certificate.public_key
    if expected[0] != "ed25519":
        of_request = facts.request_facts(load.request(pki.request(["b.example", "A.example"], key), "x"))
        assert of_request == facts.RequestFacts(of_key.public_key, ("a.example", "b.example"), *expected)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key_type", "size"), [("rsa", 2048), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 384)])
def test_generated_keys_are_what_was_asked_for(key_type: str, size: int) -> None:
    pem = keys.generate(key_type, size)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    made = facts.key_facts(load.private_key(pem, "x"))
    assert (made.key_type, made.key_size) == (key_type, size)
    assert keys.DEFAULT_SIZE[key_type] in keys.SIZES[key_type]


@pytest.mark.parametrize(
    ("key_type", "size"), [("rsa", 1024), ("rsa", 2047), ("ecdsa", 521), ("dsa", 2048), ("", 0), ("rsa", 256)]
)
def test_other_keys_are_not_made(key_type: str, size: int) -> None:
    with pytest.raises(UsageError, match="unknown kind of key"):
        keys.generate(key_type, size)


# --- requests ---------------------------------------------------------------------------------------------------------

LONG = "a" * 60 + ".example.com"


@pytest.mark.parametrize(
    ("names", "common_name", "alternative"),
    [
        (["b.example", "a.example"], "b.example", ["b.example", "a.example"]),
        (["*.example.com", "example.com"], "*.example.com", ["*.example.com", "example.com"]),
        (["Bücher.example", "b.example"], "xn--bcher-kva.example", ["xn--bcher-kva.example", "b.example"]),
        ([LONG, "a.example"], "a.example", [LONG, "a.example"]),
        (["a" * 56 + ".example"], "a" * 56 + ".example", ["a" * 56 + ".example"]),
        (["a" * 57 + ".example"], None, ["a" * 57 + ".example"]),
        ([LONG], None, [LONG]),
        (["a.example", "A.example"], "a.example", ["a.example"]),
    ],
)
def test_a_request_names_what_was_asked_for(names: list[str], common_name: str | None, alternative: list[str]) -> None:
    key = pki.new_key()
    request = load.request(csr.build(pki.key_pem(key), names), "x")
    extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.value.get_values_for_type(x509.DNSName) == alternative
    assert extension.critical is (common_name is None)
    found = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [attribute.value for attribute in found] == ([common_name] if common_name else [])
    assert facts.request_facts(request).public_key == facts.key_facts(key).public_key


@pytest.mark.parametrize(
    "names", [[], ["192.0.2.1"], ["a b.example"], [f"{n}.example" for n in range(251)]], ids=range(4)
)
def test_requests_that_no_ca_would_take_are_not_made(names: list[str]) -> None:
    with pytest.raises(UsageError):
        csr.build(pki.key_pem(pki.new_key()), names)


def test_a_request_needs_a_fit_key() -> None:
    with pytest.raises(CollectionError, match="private key"):
        csr.build(b"junk", ["a.example"])


# --- the test PKI itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_the_test_pki_passes_the_strict_checks_of_openssl(kind: str, tmp_path: object) -> None:
    root = pki.authority("Strict Root", key=pki.new_key(kind, 2048 if kind == "rsa" else 256))
    intermediate = pki.authority("Strict Intermediate", root, path_length=0)
    server = pki.server(["www.example.com"], intermediate)
    files = {"chain": server.pem + intermediate.pem, "key": server.key_pem}
    paths = {name: f"{tmp_path}/{name}" for name in files}
    for name, content in files.items():
        with open(paths[name], "wb") as stream:
            stream.write(content)
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=root.pem.decode())
    ours.load_cert_chain(paths["chain"], paths["key"])
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    listening = ours.wrap_bio(to_server, to_client, server_side=True)
    calling = theirs.wrap_bio(to_client, to_server, server_hostname="www.example.com")
    done: set[ssl.SSLObject] = set()
    for side in (calling, listening, calling, listening, calling):
        try:
            side.do_handshake()
            done.add(side)
        except ssl.SSLWantReadError:
            pass
    assert done == {calling, listening}
