# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How TLS is asked for in protocols that begin in plain text.

Each dialogue gets a stream and the name that is asked for, and returns when the server is ready for a handshake. No text of a server
is ever sent back, and the name is one of the DNS: nobody can put a line of his own into a dialogue.
"""

from __future__ import annotations

import re
import struct
from typing import Callable

from .stream import Refused, Stream

_NAME = re.compile(r"\A[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})\Z")
_NUMBERED = re.compile(rb"([0-9]{3})([ -]|\Z)")
# More lines than any greeting has.
_LINES = 200


def negotiate(protocol: str, stream: Stream, server_name: str) -> None:
    """Brings the connection to where the handshake starts; ``Refused`` if the server does not go there."""
    if not _NAME.match(server_name):
        raise Refused("the server name is not a DNS name")
    DIALOGUES[protocol](stream, server_name)
    stream.ended()


def _smtp(stream: Stream, server_name: str) -> None:
    # RFC 3207; the name of a client is not looked at
    _numbered(stream, b"220")
    stream.send(b"EHLO certfleet.invalid\r\n")
    _offered([line[4:].split(b" ")[0].upper() for line in _numbered(stream, b"250")], b"STARTTLS")
    stream.send(b"STARTTLS\r\n")
    _numbered(stream, b"220")


def _ftp(stream: Stream, server_name: str) -> None:
    # RFC 4217
    _numbered(stream, b"220")
    stream.send(b"AUTH TLS\r\n")
    _numbered(stream, b"234")


def _imap(stream: Stream, server_name: str) -> None:
    # RFC 9051 section 6.2.1
    if not stream.line().upper().startswith(b"* OK"):
        raise Refused("the server does not greet as IMAP does")
    stream.send(b"certfleet STARTTLS\r\n")
    for _line in range(_LINES):
        line = stream.line()
        if not line.startswith(b"* "):
            if line.upper().startswith(b"CERTFLEET OK"):
                return
            break
    raise Refused("the server does not agree to STARTTLS")


def _pop3(stream: Stream, server_name: str) -> None:
    # RFC 2595 section 4
    if not stream.line().startswith(b"+OK"):
        raise Refused("the server does not greet as POP3 does")
    stream.send(b"STLS\r\n")
    if not stream.line().startswith(b"+OK"):
        raise Refused("the server does not agree to STLS")


def _ldap(stream: Stream, server_name: str) -> None:
    # RFC 4511 section 4.14: message 1, [APPLICATION 23] with the name of the extended operation
    oid = b"1.3.6.1.4.1.1466.20037"
    operation = b"\x80" + bytes([len(oid)]) + oid
    message = b"\x02\x01\x01" + b"\x77" + bytes([len(operation)]) + operation
    stream.send(b"\x30" + bytes([len(message)]) + message)
    tag, length = stream.exactly(2)
    if tag != 0x30:
        raise Refused("the server does not answer as LDAP does")
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 3:
            raise Refused("the server does not answer as LDAP does")
        length = int.from_bytes(stream.exactly(size), "big")
    answer = re.match(
        rb"\x02\x01\x01\x78(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)\x0a\x01(.)", stream.exactly(length), re.S
    )
    if answer is None or answer[1] != b"\0":
        raise Refused("the server does not agree to StartTLS")


def _postgres(stream: Stream, server_name: str) -> None:
    # SSLRequest, "Message Formats" of PostgreSQL's documentation
    stream.send(struct.pack("!ii", 8, 80877103))
    if stream.exactly(1) != b"S":
        raise Refused("the server does not agree to TLS")


def _mysql(stream: Stream, server_name: str) -> None:
    # Protocol::HandshakeV10 and Protocol::SSLRequest of MySQL's documentation
    protocol_41, secure_connection, ssl = 0x0200, 0x8000, 0x0800
    header = stream.exactly(4)
    greeting = stream.exactly(int.from_bytes(header[:3], "little"))
    version_end = greeting.find(b"\0", 1)
    # behind the version: the thread's id, eight bytes of a nonce, a filler
    capabilities = greeting[version_end + 14 : version_end + 16]
    if greeting[:1] != b"\x0a" or version_end < 0 or len(capabilities) != 2:
        raise Refused("the server does not greet as MySQL does")
    if not int.from_bytes(capabilities, "little") & ssl:
        raise Refused("the server does not offer TLS")
    request = struct.pack("<IIB23x", protocol_41 | secure_connection | ssl, 1 << 24, 33)
    stream.send(len(request).to_bytes(3, "little") + bytes([header[3] + 1 & 0xFF]) + request)


def _xmpp(stream: Stream, server_name: str) -> None:
    # RFC 6120 section 5.4
    stream.send(
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        b"version='1.0' to='" + server_name.encode("ascii") + b"'>"
    )
    if b"urn:ietf:params:xml:ns:xmpp-tls" not in stream.until(b"</stream:features>"):
        raise Refused("the server does not offer STARTTLS")
    stream.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    if b"<proceed" not in stream.until(b">"):
        raise Refused("the server does not agree to STARTTLS")


DIALOGUES: dict[str, Callable[[Stream, str], None]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ftp": _ftp,
    "ldap": _ldap,
    "postgres": _postgres,
    "mysql": _mysql,
    "xmpp": _xmpp,
}
PROTOCOLS = tuple(DIALOGUES)


def _numbered(stream: Stream, expected: bytes) -> list[bytes]:
    """The lines of one reply of SMTP or FTP; it ends with a line that has a space, or nothing, behind the number."""
    lines: list[bytes] = []
    for _line in range(_LINES):
        line = stream.line()
        found = _NUMBERED.match(line)
        if found is None:
            # FTP lets lines in the middle be anything (RFC 959 section 4.2)
            if lines:
                continue
            raise Refused("the server does not answer with a number")
        lines.append(line)
        if found[1] != expected:
            raise Refused("the server answers %s, not %s" % (found[1].decode("ascii"), expected.decode("ascii")))
        if found[2] != b"-":
            return lines
    raise Refused("the server's answer has no end")


def _offered(words: list[bytes], wanted: bytes) -> None:
    if wanted not in words:
        raise Refused("the server does not offer %s" % wanted.decode("ascii"))
