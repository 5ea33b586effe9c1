# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS after a dialogue in plain text: with servers that know it, and with those that do harm."""

from __future__ import annotations

import hashlib
import pathlib
import ssl
import time
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._tls import peer, starttls
from ansible_collections.certfleet.reseller.plugins.module_utils._tls.stream import LIMIT

from tests.support.starttls import DIALOGUES, Dialogue, Lines, server
from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, params
from tests.unit.plugins.module_utils._deploy.test_changes import deploy
from tests.unit.plugins.module_utils._deploy.test_question import Host

NAME = "www.example.com"
ISSUED = issue([NAME])


def context_of(path: pathlib.Path, issued: Issued = ISSUED) -> ssl.SSLContext:
    combined = path / "combined.pem"
    combined.write_bytes(issued.files["privkey.pem"] + issued.files["fullchain.pem"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(combined))
    return context


def seen(port: int, protocol: str, seconds: float = 10, name: str = NAME) -> str:
    """The fingerprint, or why there is none."""
    try:
        return hashlib.sha256(peer.connect("127.0.0.1", port, name, seconds, protocol).leaf).hexdigest()
    except peer.Unreachable as error:
        return str(error)


def test_there_is_a_server_for_each_protocol() -> None:
    assert set(DIALOGUES) == set(starttls.PROTOCOLS)


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_certificate_after_the_dialogue(protocol: str, tmp_path: pathlib.Path) -> None:
    with server(DIALOGUES[protocol], context_of(tmp_path)) as port:
        assert seen(port, protocol) == ISSUED.fingerprint


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_the_shell_asks_the_same(protocol: str, tmp_path: pathlib.Path, program: Any) -> None:
    """A host in order is found so without its Python. What openssl does not manage is left to the module, never passed."""
    host = Host(tmp_path, program)
    with server(DIALOGUES[protocol], context_of(tmp_path)) as port:
        endpoint = {"address": "127.0.0.1", "port": port, "server_name": None, "starttls": protocol}
        given = params(host.root, {NAME: ISSUED}, {"endpoints": [endpoint]}, proof_timeout=5)
        deploy(given)
        assert host.slow(given) == []
        assert host.quick(given) == []
        other = params(host.root, {NAME: issue([NAME])}, {"endpoints": [endpoint]}, proof_timeout=5)
        assert [step[0] for step in host.quick(other) or ()] == ["install", "switch", "prove"]


@pytest.mark.parametrize("protocol", [None, "imap"])
def test_the_shell_asks_for_the_same_type_of_key(protocol: str | None, tmp_path: pathlib.Path, program: Any) -> None:
    host = Host(tmp_path, program)
    dialogue = DIALOGUES[protocol] if protocol else lambda lines: None
    with server(dialogue, context_of(tmp_path)) as port:
        for key_type, expected in (("ecdsa", []), ("rsa", [("prove", NAME)])):
            endpoint = {"address": "127.0.0.1", "port": port, "server_name": None, "key_type": key_type}
            options = {"endpoints": [{**endpoint, "starttls": protocol}]}
            given = params(host.root, {NAME: ISSUED}, options, proof_timeout=5)
            if not host.root.exists():
                deploy(given)
            assert (host.quick(given), host.slow(given)) == (expected, expected)


def test_what_is_told_of_a_peer(tmp_path: pathlib.Path) -> None:
    with server(DIALOGUES["smtp"], context_of(tmp_path)) as port:
        found = peer.connect("127.0.0.1", port, NAME, 10, "smtp", peer.ECDSA)
    assert (found.protocol, found.chain[0]) == ("TLSv1.2", found.leaf)
    assert "ECDSA" in found.cipher
    with server(DIALOGUES["smtp"], context_of(tmp_path)) as port:
        refused = pytest.raises(peer.Unreachable, match="no TLS handshake")
        with refused:
            peer.connect("127.0.0.1", port, NAME, 10, "smtp", peer.RSA)


# --- servers that do harm ---------------------------------------------------------------------------------------------


def says(data: bytes) -> Dialogue:
    """Says this, and listens to what comes."""

    def dialogue(lines: Lines) -> None:
        lines.send(data)
        while True:
            lines.exactly(1)

    return dialogue


def drips(lines: Lines) -> None:
    while True:
        lines.send(b"2")
        time.sleep(0.05)


def floods(lines: Lines) -> None:
    while True:
        lines.send(b"220-more\r\n* OK\r\n" * 1000)


def injects(lines: Lines) -> None:
    """Somebody on the way adds a line behind the consent."""
    lines.send(b"220 ready\r\n")
    lines.until(b"\r\n")
    lines.send(b"250-a\r\n250 STARTTLS\r\n")
    lines.until(b"\r\n")
    lines.send(b"220 go\r\n250 injected\r\n")


HARM: dict[str, tuple[str, Dialogue, str]] = {
    "smtp says no": ("smtp", says(b"554 no\r\n"), "answers 554, not 220"),
    "smtp without numbers": ("smtp", says(b"hello\r\n"), "does not answer with a number"),
    "smtp without the offer": ("smtp", says(b"220 a\r\n250-SIZE\r\n250 XSTARTTLS\r\n"), "does not offer STARTTLS"),
    "smtp injects": ("smtp", injects, "plain text after it agreed"),
    "imap says no": ("imap", says(b"* BYE\r\n"), "does not greet"),
    "imap refuses": ("imap", says(b"* OK a\r\ncertfleet BAD no\r\n"), "does not agree"),
    "pop3 says no": ("pop3", says(b"-ERR\r\n"), "does not greet"),
    "pop3 refuses": ("pop3", says(b"+OK\r\n-ERR\r\n"), "does not agree"),
    "ftp refuses": ("ftp", says(b"220 a\r\n534 no\r\n"), "answers 534, not 234"),
    "ldap refuses": ("ldap", says(bytes.fromhex("300c02010178070a010204000400")), "does not agree"),
    "ldap is none": ("ldap", says(b"HTTP/1.1 400"), "does not answer as LDAP"),
    "ldap of four gigabytes": ("ldap", says(b"\x30\x84\xff\xff\xff\xff"), "does not answer as LDAP"),
    "ldap of sixteen megabytes": ("ldap", says(b"\x30\x83\xff\xff\xff" + b"\0" * 2 * LIMIT), "more than"),
    "postgres refuses": ("postgres", says(b"N"), "does not agree"),
    "mysql without TLS": ("mysql", says(b"\x14\0\0\0\x0a8\0" + b"\0" * 17), "does not offer TLS"),
    "mysql is none": ("mysql", says(b"\x04\0\0\0\xffabc"), "does not greet"),
    "mysql of sixteen megabytes": ("mysql", says(b"\xff\xff\xff\0" + b"\0" * 2 * LIMIT), "more than"),
    "xmpp without the offer": ("xmpp", says(b"<stream:features></stream:features>"), "does not offer"),
    "xmpp refuses": (
        "xmpp",
        says(b"urn:ietf:params:xml:ns:xmpp-tls</stream:features><failure/>"),
        "does not agree",
    ),
    "closes": ("smtp", lambda lines: None, "closed the connection"),
    **{f"{each} drips": (each, drips, "within 0.5 seconds") for each in ("smtp", "imap", "pop3", "ftp", "xmpp")},
    **{f"{each} is silent": (each, says(b""), "within 0.5 seconds") for each in DIALOGUES},
    **{f"{each} floods": (each, floods, "no STARTTLS: ") for each in ("smtp", "imap", "pop3", "ftp", "xmpp")},
}


@pytest.mark.parametrize("name", HARM)
def test_harm(name: str) -> None:
    """An answer in time, in a few words, with nothing of the server in it."""
    protocol, dialogue, reason = HARM[name]
    start = time.monotonic()
    with server(dialogue, None) as port:
        found = seen(port, protocol, 0.5 if "0.5" in reason else 10)
    assert reason in found
    assert len(found) < 120
    assert time.monotonic() - start < (3 if "0.5" in reason else 9)


def test_harm_is_counted() -> None:
    print(f"{len(HARM)} servers that do harm, {len(HARM)} refused in time")
    assert len(HARM) >= 30


@pytest.mark.parametrize("name", ["a\r\nRCPT TO:<x>", "a b", "a'><x", "", "-x", "a" * 300, "a\0"])
def test_a_name_is_no_line(name: str) -> None:
    with server(DIALOGUES["xmpp"], None) as port:
        assert seen(port, "xmpp", name=name) == "no STARTTLS: the server name is not a DNS name"
