# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server that takes updates (RFC 2136) signed with a shared key (RFC 8945), and hands their TXT records to pebble's DNS.

with Updates("gamma.test", SECRET, pebble) as server:
    ...server.address...
    assert server.added == 1
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.update

from tests.support.pebble import Pebble

KEY_NAME, ALGORITHM = "hosts.", "hmac-sha256."


class Updates:
    """`added`: records that were added; `refused`: messages whose signature is missing or wrong."""

    def __init__(self, zone: str, secret: str, pebble: Pebble) -> None:
        self._zone, self._pebble = dns.name.from_text(zone), pebble
        self._keys = dns.tsigkeyring.from_text({KEY_NAME: (ALGORITHM, secret)})
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self.added = self.refused = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Updates:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(65535)
            if not wire:
                return
            try:
                message = dns.message.from_wire(wire, keyring=self._keys)
            except dns.exception.DNSException:
                self.refused += 1
                continue
            self._socket.sendto(self._answer(message).to_wire(), client)

    def _answer(self, message: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(message)
        if isinstance(message, dns.update.UpdateMessage):
            if message.had_tsig:
                self._update(message)
            else:
                self.refused += 1
                answer.set_rcode(dns.rcode.REFUSED)
            return answer
        asked = message.question[0]
        answer.flags |= dns.flags.AA
        if (asked.name, asked.rdtype) == (self._zone, dns.rdatatype.SOA):
            text = f"ns.{self._zone} root.{self._zone} 1 60 60 60 60"
            answer.answer.append(dns.rrset.from_text(self._zone, 60, "IN", "SOA", text))
        return answer

    def _update(self, message: dns.update.UpdateMessage) -> None:
        for records in message.update:
            if records.deleting is None:
                self.added += len(records)
                for record in records:
                    self._pebble.add_txt(records.name.to_text(), b"".join(record.strings).decode())
            else:
                self._pebble.clear_txt(records.name.to_text())
