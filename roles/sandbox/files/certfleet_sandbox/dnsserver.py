# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server over UDP and TCP. It owns every name: A and TXT from names.py, SOA and NS for each zone, no CAA, no NXDOMAIN.

Messages are dnspython's, which acme2certifier brings along.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from certfleet_sandbox.names import Names

UDP_BYTES = 1232


def _zone(name: dns.name.Name) -> dns.name.Name:
    """The zone of a name: its last two labels, which is near enough to where zones are cut."""
    return dns.name.Name(name.labels[-3:])


def _quoted(text: str) -> str:
    """A TXT value in presentation form: character strings of at most 255 bytes."""
    escaped = text.encode()
    parts = [escaped[index : index + 255] for index in range(0, len(escaped), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{byte:03d}" for byte in part) + '"' for part in parts)


class DnsServer:
    def __init__(self, udp: socket.socket, tcp: socket.socket, names: Names) -> None:
        self._udp, self._tcp, self._names = udp, tcp, names

    def start(self) -> None:
        for loop in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=loop, daemon=True).start()

    def answer(self, wire: bytes, limit: int | None = None) -> bytes | None:
        """The answer to one message; None for what is not a query."""
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR:
            return None
        reply = dns.message.make_response(query, recursion_available=True)
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            reply.set_rcode(dns.rcode.NOTIMP)
        elif query.question[0].rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.REFUSED)
        else:
            self._fill(reply, query.question[0].name, query.question[0].rdtype)
        try:
            return reply.to_wire(max_size=limit or 65535)
        except dns.exception.TooBig:
            cut = dns.message.make_response(query, recursion_available=True)
            cut.flags |= dns.flags.AA | dns.flags.TC
            return cut.to_wire()

    def _fill(self, reply: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        reply.flags |= dns.flags.AA
        zone = _zone(name)
        soa = dns.rrset.from_text(zone, 1, "IN", "SOA", f"ns.{zone} hostmaster.{zone} 1 3600 600 86400 1")
        values: list[str] = []
        if kind == dns.rdatatype.A:
            values = [found for found in self._names.addresses(name.to_text()) if ":" not in found]
        elif kind == dns.rdatatype.AAAA:
            values = [found for found in self._names.addresses(name.to_text()) if ":" in found]
        elif kind == dns.rdatatype.TXT:
            values = [_quoted(value) for value in self._names.texts(name.to_text())]
        elif kind == dns.rdatatype.NS and name == zone:
            values = [f"ns.{zone}"]
        elif kind == dns.rdatatype.SOA and name == zone:
            reply.answer.append(soa)
            return
        if values:
            # A TTL of 0: what a test changes has to be seen at once.
            reply.answer.append(dns.rrset.from_text(name, 0, "IN", dns.rdatatype.to_text(kind), *values))
        else:
            reply.authority.append(soa)

    def _serve_udp(self) -> None:
        while True:
            wire, client = self._udp.recvfrom(65535)
            answer = self.answer(wire, UDP_BYTES)
            if answer:
                with contextlib.suppress(OSError):
                    self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        while True:
            connection, _peer = self._tcp.accept()
            threading.Thread(target=self._conversation, args=(connection,), daemon=True).start()

    def _conversation(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
            connection.settimeout(10)
            while len(head := stream.read(2)) == 2:
                answer = self.answer(stream.read(struct.unpack("!H", head)[0]))
                if answer is None:
                    return
                connection.sendall(struct.pack("!H", len(answer)) + answer)
