# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that begin in plain text: as much of each protocol as a client needs to come to TLS, written from the RFCs."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

Dialogue = Callable[["Lines"], None]


class Lines:
    """The server's end of a connection."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    def until(self, mark: bytes) -> bytes:
        data = b""
        while not data.endswith(mark):
            data += self.exactly(1)
        return data


def smtp(lines: Lines) -> None:
    lines.send(b"220-mail.example ESMTP\r\n220 ready\r\n")
    assert lines.until(b"\r\n").upper().startswith(b"EHLO ")
    lines.send(b"250-mail.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n")
    assert lines.until(b"\r\n") == b"STARTTLS\r\n"
    lines.send(b"220 2.0.0 go ahead\r\n")


def imap(lines: Lines) -> None:
    lines.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
    tag, command = lines.until(b"\r\n").split()[:2]
    while command.upper() != b"STARTTLS":
        lines.send(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n")
        tag, command = lines.until(b"\r\n").split()[:2]
    lines.send(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK begin TLS\r\n")


def pop3(lines: Lines) -> None:
    lines.send(b"+OK ready\r\n")
    assert lines.until(b"\r\n") == b"STLS\r\n"
    lines.send(b"+OK begin TLS\r\n")


def ftp(lines: Lines) -> None:
    lines.send(b"220-Welcome\r\n here is a line without a number\r\n220 ready\r\n")
    command = lines.until(b"\r\n")
    while command != b"AUTH TLS\r\n":
        lines.send(b"211-Features\r\n AUTH TLS\r\n211 End\r\n")
        command = lines.until(b"\r\n")
    lines.send(b"234 AUTH TLS OK\r\n")


def ldap(lines: Lines) -> None:
    head = lines.exactly(2)
    body = lines.exactly(head[1])
    assert b"1.3.6.1.4.1.1466.20037" in body
    lines.send(bytes.fromhex("300c02010178070a010004000400"))


def postgres(lines: Lines) -> None:
    assert lines.exactly(8) == struct.pack("!ii", 8, 80877103)
    lines.send(b"S")


def mysql(lines: Lines) -> None:
    capabilities = (0xFFFF).to_bytes(2, "little")
    greeting = b"\x0a8.0.30\0" + b"\x07\0\0\0" + b"12345678" + b"\0" + capabilities
    greeting += b"\x21\x02\0" + b"\xff\xdf" + b"\x15" + b"\0" * 10 + b"901234567890\0" + b"caching_sha2_password\0"
    lines.send(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
    head = lines.exactly(4)
    request = lines.exactly(int.from_bytes(head[:3], "little"))
    assert (len(request), head[3]) == (32, 1)
    assert int.from_bytes(request[:4], "little") & 0x0800


def xmpp(lines: Lines) -> None:
    start = lines.until(b">")
    assert b"jabber:client" in (lines.until(b">") if start.startswith(b"<?xml") else start)
    lines.send(
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    )
    assert b"starttls" in lines.until(b">")
    lines.send(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


DIALOGUES: dict[str, Dialogue] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "ftp": ftp,
    "ldap": ldap,
    "postgres": postgres,
    "mysql": mysql,
    "xmpp": xmpp,
}


@contextlib.contextmanager
def server(dialogue: Dialogue, context: ssl.SSLContext | None) -> Iterator[int]:
    """The port of a server on loopback; without a context the dialogue is all it does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(plain: socket.socket) -> None:
            plain.settimeout(10)
            with contextlib.suppress(OSError, AssertionError, ValueError), plain:
                dialogue(Lines(plain))
                if context:
                    with context.wrap_socket(plain, server_side=True) as tls:
                        tls.recv(1)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
