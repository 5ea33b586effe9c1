# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate sets: right ones come out in order, each wrong one is refused by the check it fails."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    InvalidData,
    UsageError,
    VerifyError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import facts, load, verify
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support import pki
from tests.support.pki import DAY, NOW

NAMES = ["www.example.com", "example.com"]
ROOT = pki.authority("Root")
MIDDLE = pki.authority("Middle", ROOT)
SERVER = pki.server(NAMES, MIDDLE, serial=0x7A << 152 | 0x123456789)
OTHER_ROOT = pki.authority("Other Root")
OTHER = pki.server(["other.example"], OTHER_ROOT)


def check(fullchain: bytes, **changes: Any) -> verify.VerifiedSet:
    options: dict[str, Any] = {"key_pem": SERVER.key_pem, "names": NAMES, "now": NOW, "source": "the set"}
    return verify.verify_set(**{**options, "fullchain_pem": fullchain, **changes})


# --- right ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations([SERVER.pem, MIDDLE.pem, ROOT.pem])))
def test_any_order_comes_out_right_and_without_the_root(order: tuple[bytes, ...]) -> None:
    made = check(b"# comment\n".join(order))
    assert (made.cert_pem, made.chain_pem) == (SERVER.pem, MIDDLE.pem)
    assert made.fullchain_pem == SERVER.pem + MIDDLE.pem
    assert made.leaf == facts.facts(SERVER.certificate)
    assert made.warnings == ()


def test_doubles_count_once() -> None:
    assert check(SERVER.pem * 2 + MIDDLE.pem * 2).fullchain_pem == SERVER.pem + MIDDLE.pem


def test_comments_do_not_reach_the_disk() -> None:
    made = check(b"# ssl_engine x\nsubject=;evil\n" + SERVER.pem.replace(b"\n", b"\r\n") + MIDDLE.pem)
    assert made.fullchain_pem == SERVER.pem + MIDDLE.pem


def test_a_root_that_is_the_only_issuer_stays() -> None:
    direct = pki.server(NAMES, ROOT, key=SERVER.key)
    assert check(direct.pem + ROOT.pem).chain_pem == ROOT.pem
    assert check(direct.pem + ROOT.pem).warnings == ()


def test_a_missing_chain_is_a_warning() -> None:
    made = check(SERVER.pem)
    assert (made.fullchain_pem, made.chain_pem) == (SERVER.pem, b"")
    assert "no intermediate" in made.warnings[0]
    alone = pki.server(NAMES, key=SERVER.key)
    assert "self-signed" in check(alone.pem).warnings[0]


def test_a_cross_certificate_goes_before_the_root_of_the_same_ca() -> None:
    cross = pki.authority("Root", OTHER_ROOT, key=ROOT.key)
    for bundle in (SERVER.pem + MIDDLE.pem + ROOT.pem + cross.pem, SERVER.pem + MIDDLE.pem + cross.pem + ROOT.pem):
        assert check(bundle).chain_pem == MIDDLE.pem + cross.pem
        assert check(bundle + OTHER_ROOT.pem).chain_pem == MIDDLE.pem + cross.pem


def test_an_expired_root_that_is_left_out_does_not_matter() -> None:
    root = pki.authority("Old Root", not_after=NOW - DAY)
    middle = pki.authority("Middle", root)
    server = pki.server(NAMES, middle, key=SERVER.key)
    assert check(server.pem + middle.pem + root.pem).chain_pem == middle.pem


@pytest.mark.parametrize(
    "names", [["example.com", "www.example.com"], ["WWW.Example.COM", "example.com", "www.example.com"], None]
)
def test_order_case_and_repetition_of_names_do_not_matter(names: list[str] | None) -> None:
    assert check(SERVER.pem + MIDDLE.pem, names=names)


def test_international_names_and_addresses_are_compared_in_one_form() -> None:
    server = pki.server(["xn--bcher-kva.example", "2001:db8::1", "*.example.com"], MIDDLE, key=SERVER.key)
    assert check(server.pem + MIDDLE.pem, names=["Bücher.example", "2001:DB8:0::1", "*.EXAMPLE.com"])


def test_a_public_key_does_for_a_key() -> None:
    public = facts.facts(SERVER.certificate).public_key
    assert check(MIDDLE.pem + SERVER.pem, key_pem=None, public_key=public).cert_pem == SERVER.pem
    assert check(MIDDLE.pem + SERVER.pem, public_key=public).cert_pem == SERVER.pem
    assert check(MIDDLE.pem + SERVER.pem, key_pem=None).cert_pem == SERVER.pem
    with pytest.raises(VerifyError, match="fits the private key"):
        check(SERVER.pem + MIDDLE.pem, public_key="00" * 32)


def test_edges_of_the_dates() -> None:
    known = facts.facts(SERVER.certificate)
    for now in (known.not_after, known.not_before, known.not_before - timedelta(minutes=5)):
        assert check(SERVER.pem + MIDDLE.pem, now=now)
    for now in (known.not_after + timedelta(seconds=1), known.not_before - timedelta(minutes=5, seconds=1)):
        with pytest.raises(VerifyError):
            check(SERVER.pem + MIDDLE.pem, now=now)


def test_no_usage_and_no_constraints_are_fine() -> None:
    server = pki.server(NAMES, MIDDLE, key=SERVER.key, purposes=None, is_ca=None)
    assert check(server.pem + MIDDLE.pem)


# --- wrong ------------------------------------------------------------------------------------------------------------


def leaf(issuer: pki.Identity | None = MIDDLE, names: Sequence[str] = tuple(NAMES), **options: Any) -> bytes:
    options.setdefault("key", SERVER.key)
    return pki.server(list(names), issuer, **options).pem


def below(**options: Any) -> bytes:
    """A right leaf below a wrong intermediate."""
    middle = pki.authority("Wrong Middle", ROOT, **options)
    return leaf(middle) + middle.pem


def deep() -> bytes:
    upper = pki.authority("Upper", ROOT, path_length=0)
    lower = pki.authority("Lower", upper)
    return leaf(lower) + lower.pem + upper.pem


@cache
def rsa_1024() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def forged() -> bytes:
    """Says it was issued by the intermediate; signed by another one."""
    return leaf(MIDDLE, signing_key=OTHER_ROOT.key) + MIDDLE.pem


def altered() -> bytes:
    """Its serial number is another one than the one that was signed."""
    serial = SERVER.certificate.serial_number.to_bytes(20, "big")
    der = SERVER.der.replace(serial, serial[:-1] + bytes([serial[-1] ^ 1]))
    return facts.pem(x509.load_der_x509_certificate(der)) + MIDDLE.pem


def server_as_issuer() -> bytes:
    server = pki.server(["issuer.example"], MIDDLE)
    return leaf(server) + server.pem + MIDDLE.pem


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
CLIENT = [ExtendedKeyUsageOID.CLIENT_AUTH]
WRONG: dict[str, tuple[str, Callable[[], bytes]]] = {
    "another key": ("key", lambda: leaf(key=pki.new_key()) + MIDDLE.pem),
    "only the chain": ("key", lambda: MIDDLE.pem + ROOT.pem),
    "another certificate": ("key", lambda: OTHER.pem + OTHER_ROOT.pem),
    "weak key": ("weak_key", lambda: below(key=rsa_1024())),
    "name missing": ("names", lambda: leaf(names=["www.example.com"]) + MIDDLE.pem),
    "name too many": ("names", lambda: leaf(names=[*NAMES, "shop.example.com"]) + MIDDLE.pem),
    "other names": ("names", lambda: leaf(names=["a.example", "b.example"]) + MIDDLE.pem),
    "no names": ("names", lambda: leaf(names=[], common_name="www.example.com") + MIDDLE.pem),
    "wildcard instead": ("names", lambda: leaf(names=["*.example.com", "example.com"]) + MIDDLE.pem),
    "trailing dot": ("names", lambda: leaf(names=["www.example.com.", "example.com"]) + MIDDLE.pem),
    "an address more": ("names", lambda: leaf(names=[*NAMES, "192.0.2.1"]) + MIDDLE.pem),
    "leaf is a CA": ("ca", lambda: leaf(is_ca=True) + MIDDLE.pem),
    "client certificate": ("usage", lambda: leaf(purposes=CLIENT) + MIDDLE.pem),
    "any purpose": ("usage", lambda: leaf(purposes=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]) + MIDDLE.pem),
    "unknown critical extension": ("critical", lambda: leaf(more=[(UNKNOWN, True)]) + MIDDLE.pem),
    "precertificate": ("critical", lambda: leaf(more=[(x509.PrecertPoison(), True)]) + MIDDLE.pem),
    "expired": ("expired", lambda: leaf(not_after=NOW - timedelta(seconds=1)) + MIDDLE.pem),
    "not yet valid": ("not_yet_valid", lambda: leaf(not_before=NOW + timedelta(minutes=6)) + MIDDLE.pem),
    "intermediate expired": ("expired", lambda: below(not_after=NOW - DAY)),
    "intermediate not yet valid": ("not_yet_valid", lambda: below(not_before=NOW + DAY)),
    "only issuer, a root, expired": ("expired", lambda: direct(not_after=NOW - DAY)),
    "forged": ("signature", forged),
    "altered": ("signature", altered),
    "intermediate forged": ("signature", lambda: below(signing_key=OTHER_ROOT.key) + ROOT.pem),
    "namesake as intermediate": ("signature", lambda: SERVER.pem + pki.authority("Middle", ROOT).pem),
    "intermediate is no CA": ("issuer", lambda: below(is_ca=False)),
    "intermediate may not sign": ("issuer", lambda: below(usage=("digital_signature",))),
    "a server as issuer": ("issuer", server_as_issuer),
    "path too long": ("issuer", deep),
    "foreign leaf": ("foreign", lambda: SERVER.pem + MIDDLE.pem + OTHER.pem),
    "foreign root": ("foreign", lambda: SERVER.pem + MIDDLE.pem + OTHER_ROOT.pem),
    "foreign intermediate": ("foreign", lambda: SERVER.pem + MIDDLE.pem + pki.authority("X", ROOT).pem),
    "gap in the chain": ("foreign", lambda: SERVER.pem + ROOT.pem),
    "the last certificate too": ("foreign", lambda: SERVER.pem + MIDDLE.pem + leaf(serial=1)),
    "foreign chain": ("foreign", lambda: SERVER.pem + OTHER_ROOT.pem),
}


def direct(**options: Any) -> bytes:
    root = pki.authority("Private Root", **options)
    return leaf(root) + root.pem


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_set_is_refused_by_its_check(case: str) -> None:
    expected, make = WRONG[case]
    with pytest.raises(VerifyError) as caught:
        check(make())
    assert caught.value.extra["check"] == expected
    assert caught.value.payload()["check"] == expected
    assert caught.value.message.startswith("the set: ")
    assert caught.value.hint
    assert "PRIVATE" not in caught.value.sentence()


def test_there_are_enough_wrong_sets() -> None:
    print(f"{len(WRONG)} wrong sets, {len({name for name, _case in WRONG.values()})} checks")
    assert len(WRONG) >= 25


def test_names_in_refusals_say_what_differs() -> None:
    with pytest.raises(VerifyError, match="missing: b.example.*not asked for: example.com"):
        check(SERVER.pem + MIDDLE.pem, names=["www.example.com", "b.example"])
    with pytest.raises(UsageError):
        check(SERVER.pem + MIDDLE.pem, names=["not a name"])


@pytest.mark.parametrize("fullchain", [b"", b"<html>", SERVER.pem[:-30], SERVER.pem + SERVER.key_pem])
def test_unreadable_sets_are_invalid_data(fullchain: bytes) -> None:
    with pytest.raises(InvalidData):
        check(fullchain)
    with pytest.raises(InvalidData, match="private key for the set"):
        check(SERVER.pem, key_pem=fullchain)


# --- made by openssl: the library does not sign with SHA-1 any more ----------------------------------------------------


def openssl(*arguments: object) -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20).stdout


def sha1(tmp_path: Path, request: bytes, extensions: str, *issuer: object) -> bytes:
    (tmp_path / "csr").write_bytes(request)
    (tmp_path / "ext").write_text(extensions)
    return openssl("x509", "-req", "-sha1", "-days", 30, "-in", tmp_path / "csr", "-extfile", tmp_path / "ext", *issuer)


@pytest.mark.needs("openssl")
def test_sha1_is_refused_by_name_but_not_in_roots(tmp_path: Path) -> None:
    names = "subjectAltName=" + ",".join("DNS:" + name for name in NAMES)
    (tmp_path / "ca").write_bytes(MIDDLE.pem)
    (tmp_path / "key").write_bytes(MIDDLE.key_pem)
    signer = ("-CA", tmp_path / "ca", "-CAkey", tmp_path / "key", "-CAcreateserial")
    old = sha1(tmp_path, pki.request(NAMES, SERVER.key), names, *signer)
    with pytest.raises(VerifyError, match="signed with SHA-1") as caught:
        check(old + MIDDLE.pem)
    assert caught.value.extra["check"] == "algorithm"

    authority = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n"
    (tmp_path / "ca").write_bytes(ROOT.pem)
    (tmp_path / "key").write_bytes(ROOT.key_pem)
    middle = sha1(tmp_path, pki.request([], MIDDLE.key, "Middle"), authority, *signer)
    with pytest.raises(VerifyError, match='"CN=Middle" is signed with SHA-1'):
        check(SERVER.pem + middle)

    root = sha1(tmp_path, pki.request([], ROOT.key, "Root"), authority, "-signkey", tmp_path / "key")
    assert check(SERVER.pem + MIDDLE.pem + root).chain_pem == MIDDLE.pem
    (tmp_path / "key").write_bytes(SERVER.key_pem)
    alone = sha1(tmp_path, pki.request(NAMES, SERVER.key), names, "-signkey", tmp_path / "key")
    with pytest.raises(VerifyError, match="signed with SHA-1"):
        check(alone)


@pytest.mark.needs("openssl")
def test_what_comes_out_satisfies_openssl(tmp_path: Path) -> None:
    made = check(ROOT.pem + MIDDLE.pem + SERVER.pem)
    for name, content in (("root", ROOT.pem), ("chain", made.chain_pem), ("cert", made.cert_pem)):
        (tmp_path / name).write_bytes(content)
    openssl(
        "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "www.example.com",
        "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "chain", tmp_path / "cert",
    )  # fmt: skip
    assert len(load.certificates(made.fullchain_pem, "x")) == 2
