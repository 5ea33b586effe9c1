# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes from outside: a value or InvalidData, never anything else, never key material in a message."""

from __future__ import annotations

import base64
import collections
import contextlib
import random
import textwrap
from collections.abc import Callable

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import ari, facts, guard, load, verify
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.support import pki

ROOT = pki.authority("Root")
SERVER = pki.server(["www.example.com"], ROOT)
RSA_KEY = pki.new_key("rsa", 2048)
REQUEST = pki.request(["www.example.com"], SERVER.key)
MUTATIONS = 5000


def armor(label: str, der: bytes) -> bytes:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


def private_bytes(key: object, form: PrivateFormat, password: bytes | None = None) -> bytes:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, form, protection))  # type: ignore[attr-defined]


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        SERVER.pem + ROOT.pem,
        b"\n\n" + SERVER.pem + b"\n  \n" + ROOT.pem + b"\n",
        b"# our CA\n" + SERVER.pem + b"#\n" + ROOT.pem,
        b"subject=CN = www.example.com\nissuer: CN=Root\n" + SERVER.pem + ROOT.pem,
        (SERVER.pem + ROOT.pem).replace(b"\n", b"\r\n"),
        (SERVER.pem + ROOT.pem).rstrip(b"\n"),
    ],
)
def test_certificates_are_loaded_in_order(data: bytes) -> None:
    assert load.certificates(data, "bundle") == [SERVER.certificate, ROOT.certificate]


LINES = SERVER.pem.splitlines(keepends=True)
REFUSED = {
    "empty": (b"", "no PEM block"),
    "only comments": (b"# nothing\n", "no PEM block"),
    "html": (b"<html><body>502 Bad Gateway</body></html>", "neither PEM nor a comment"),
    "text before": (b"ssl_certificate x;\n" + SERVER.pem, "neither PEM nor a comment"),
    "text behind": (SERVER.pem + b"ssl_certificate_key /etc/shadow;\n", "neither PEM nor a comment"),
    "text between": (SERVER.pem + b"}\n" + ROOT.pem, "neither PEM nor a comment"),
    "text in the same line": (SERVER.pem.rstrip() + b" return 200;\n", "no end|not base64"),
    "byte order mark": (b"\xef\xbb\xbf" + SERVER.pem, "neither PEM nor a comment"),
    "private key": (SERVER.pem + SERVER.key_pem, "private key"),
    "private key alone": (SERVER.key_pem, "private key"),
    "request": (SERVER.pem + REQUEST, "another kind"),
    "trusted certificate": (SERVER.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), "another kind"),
    "pkcs7": (armor("PKCS7", b"\x30\x00"), "another kind"),
    "cut in the block": (b"".join(LINES[:-3]), "no end"),
    "cut in the end line": (SERVER.pem[:-8], "no end"),
    "cut before the next": (b"".join(LINES[:-1]) + ROOT.pem, "not base64|no end"),
    "other end": (SERVER.pem.replace(b"END CERTIFICATE", b"END CRL"), "not base64|no end"),
    "no begin": (b"".join(LINES[1:]), "neither PEM nor a comment"),
    "empty block": (armor("CERTIFICATE", b""), "not base64"),
    "bad base64": (armor("CERTIFICATE", b"x" * 90).replace(b"eHh4", b"e\xffh4"), "not base64"),
    "not DER": (armor("CERTIFICATE", b"hello world"), "not a readable certificate"),
    "bytes behind the DER": (armor("CERTIFICATE", SERVER.der + b"\0"), "not a readable certificate"),
    "two in one block": (armor("CERTIFICATE", SERVER.der + ROOT.der), "not a readable certificate"),
    "DER": (SERVER.der, "neither PEM nor a comment"),
    "headers": (SERVER.pem.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\n\n", 1), "encrypted"),
    "too many": (SERVER.pem * 11, "more than 10"),
    "too large": (SERVER.pem + b"\n" * load.LIMIT, "larger than 100000"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_clean_bundle_is_refused(case: str) -> None:
    data, reason = REFUSED[case]
    with pytest.raises(InvalidData, match=f"^the bundle.*({reason})"):
        load.certificates(data, "the bundle")


def test_the_caps_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    filler = b"#" * (load.LIMIT - len(SERVER.pem))
    assert len(load.certificates(SERVER.pem + filler, "x")) == 1
    with pytest.raises(InvalidData, match="larger"):
        load.certificates(SERVER.pem + filler + b"#", "x")
    assert len(load.certificates(SERVER.pem * 10, "x")) == 10
    assert len(load.certificates(pki.server([f"{n}.example" for n in range(250)], ROOT).pem, "x")) == 1
    with pytest.raises(InvalidData, match="more than 250 names"):
        load.certificates(pki.server([f"{n}.example" for n in range(251)], ROOT).pem, "x")

    def decoded(*_: object, **__: object) -> bytes:
        pytest.fail("decoded before the caps were looked at")

    monkeypatch.setattr(base64, "b64decode", decoded)
    for data in (SERVER.pem * 11, SERVER.pem + filler + b"#"):
        with pytest.raises(InvalidData):
            load.certificates(data, "x")


@pytest.mark.parametrize("name", ["a\n.example", "a b.example", "a\x00.example", "\x1b[2J.example", ""])
def test_names_that_could_harm_a_terminal_are_refused(name: str) -> None:
    with pytest.raises(InvalidData):
        load.certificates(pki.server([name], ROOT, common_name="x").pem, "x")


def test_serial_numbers_fit_a_directory_name() -> None:
    good = pki.server(["a.example"], ROOT, serial=(1 << 159) - 1)
    assert load.certificates(good.pem, "x")
    # 20 octets with the first bit set need a 21st; built by hand, the library makes no such thing
    serial = bytes([2, 20]) + b"\x7f" + b"\xff" * 19
    assert good.der.count(serial) == 1
    negative = good.der.replace(serial, bytes([2, 20]) + b"\x80" + b"\xff" * 19)
    with pytest.raises(InvalidData):
        load.certificates(armor("CERTIFICATE", negative), "x")


# --- keys and requests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(
    "key", [RSA_KEY, *(pki.new_key("ecdsa", size) for size in (256, 384, 521))], ids=lambda k: str(k.key_size)
)
def test_private_keys_are_loaded(key: object, form: PrivateFormat) -> None:
    loaded = load.private_key(private_bytes(key, form), "key")
    assert loaded.private_numbers() == key.private_numbers()  # type: ignore[attr-defined]


def test_the_parameters_that_openssl_puts_before_a_key_are_skipped() -> None:
    parameters = armor("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
    assert load.private_key(parameters + private_bytes(SERVER.key, PrivateFormat.TraditionalOpenSSL), "key")


def weak_rsa() -> bytes:
    return pki.key_pem(rsa.generate_private_key(65537, 1024))


BAD_KEYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (lambda: private_bytes(SERVER.key, PrivateFormat.PKCS8, b"secret"), "encrypted"),
    "encrypted, old": (lambda: private_bytes(SERVER.key, PrivateFormat.TraditionalOpenSSL, b"secret"), "encrypted"),
    "RSA 1024": (weak_rsa, "1024 bits"),
    "secp256k1": (lambda: pki.key_pem(ec.generate_private_key(ec.SECP256K1())), "curve"),
    "Ed25519": (lambda: pki.key_pem(ed25519.Ed25519PrivateKey.generate()), "neither an RSA nor an EC"),
    "DSA": (lambda: pki.key_pem(dsa.generate_private_key(1024)), "neither an RSA nor an EC"),
    "two keys": (lambda: SERVER.key_pem + ROOT.key_pem, "not exactly one"),
    "a certificate": (lambda: SERVER.pem, "not exactly one"),
    "key and certificate": (lambda: SERVER.key_pem + SERVER.pem, "not exactly one"),
    "parameters only": (lambda: armor("EC PARAMETERS", b"\x06\x00"), "not exactly one"),
    "text": (lambda: b"password: hunter2\n" + SERVER.key_pem, "neither PEM"),
    "junk": (lambda: armor("PRIVATE KEY", b"junk"), "not a readable private key"),
    "cut": (lambda: SERVER.key_pem[:-40], "no end"),
}


@pytest.mark.parametrize("case", BAD_KEYS)
def test_unfit_keys_are_refused(case: str) -> None:
    make, reason = BAD_KEYS[case]
    with pytest.raises(InvalidData, match=f"^the key.*{reason}"):
        load.private_key(make(), "the key")


def test_requests_are_loaded_and_proven() -> None:
    assert load.request(REQUEST, "x").is_signature_valid
    assert load.request(REQUEST.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"), "x")
    der = bytearray(load.request(REQUEST, "x").public_bytes(Encoding.DER))
    der[-1] ^= 1
    with pytest.raises(InvalidData, match="signature is wrong"):
        load.request(armor("CERTIFICATE REQUEST", bytes(der)), "x")
    with pytest.raises(InvalidData, match="more than 250 names"):
        load.request(pki.request([f"{n}.example" for n in range(251)]), "x")
    for data in (SERVER.pem, SERVER.key_pem):
        with pytest.raises(InvalidData, match="not exactly one"):
            load.request(data, "x")
    with pytest.raises(InvalidData, match="more than 1"):
        load.request(REQUEST * 2, "x")


# --- the guard --------------------------------------------------------------------------------------------------------


def test_panics_are_caught_and_interrupts_are_not() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(InvalidData, match=r"^x: bad \(PanicException\)$"), guard.guard("x", "bad"):
        raise panic("called unwrap on None; secret")
    for error in (KeyboardInterrupt, SystemExit):
        with pytest.raises(error), guard.guard("x", "bad"):
            raise error


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Changes one to four places: bytes, bits, lengths, cut, doubled or foreign pieces."""
    changed = bytearray(data)
    for _time in range(chance.choice((1, 1, 1, 2, 4))):
        place = chance.randrange(len(changed))
        kind = chance.randrange(6)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            changed[place] = chance.choice((0, 1, 2, 3, 4, 5, 6, 0x30, 0x31, 0x7F, 0x80, 0x84, 0xA0, 0xFF))
        elif kind == 3:
            del changed[place : place + chance.randint(1, 8)]
        elif kind == 4:
            changed[place:place] = changed[place : place + chance.randint(1, 30)]
        else:
            changed[place : place + 2] = chance.randbytes(2)
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def attempt(read: Callable[[bytes, str], object], data: bytes) -> str:
    """The reason of a refusal, or nothing for a value. What is done with values later must not fail in foreign ways either."""
    try:
        read(data, "input")
    except InvalidData as error:
        return error.message
    if read is load.certificates:
        for certificate in load.certificates(data, "input"):
            assert facts.facts(certificate).show()
            ari.certificate_id(certificate)
        with contextlib.suppress(CollectionError):
            verify.verify_set(key_pem=None, fullchain_pem=data + ROOT.pem, names=None, now=pki.NOW, source="input")
    return ""


def leaks(message: str, data: bytes) -> bool:
    text = base64.b64encode(data).decode()
    return any(text[at : at + 12] in message for at in range(0, len(text), 4))


@pytest.mark.filterwarnings("ignore")  # the library warns about some of them; what counts is how the call ends
@pytest.mark.parametrize("where", ["DER", "PEM"])
def test_mutated_input_ends_in_a_value_or_in_invalid_data(where: str) -> None:
    chance = random.Random(20260101)
    ec_pem = pki.key_pem(SERVER.key)
    seeds: list[tuple[Callable[[bytes, str], object], str, bytes]] = [
        (load.certificates, "CERTIFICATE", SERVER.pem),
        (load.certificates, "CERTIFICATE", pki.authority("Sub", ROOT, path_length=0).pem),
        (load.request, "CERTIFICATE REQUEST", REQUEST),
        (load.private_key, "PRIVATE KEY", ec_pem),
        (load.private_key, "EC PRIVATE KEY", private_bytes(SERVER.key, PrivateFormat.TraditionalOpenSSL)),
    ]
    seen: collections.Counter[str] = collections.Counter()
    for number in range(MUTATIONS):
        read, label, pem = seeds[number % len(seeds)]
        der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
        data = armor(label, mutate(der, chance)) if where == "DER" else mutate(pem, chance)
        message = attempt(read, data)
        seen[message.rpartition("(")[2].rstrip(")") if message.endswith(")") else message and "InvalidData"] += 1
        assert len(message) < 200
        assert not leaks(message, der)
    seen["a value"] = seen.pop("")
    assert sum(seen.values()) == MUTATIONS
    print(f"{MUTATIONS} mutations of {where}, 0 other exceptions: {dict(seen)}")
