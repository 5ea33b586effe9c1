# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection in plain text before TLS, read with a total deadline and a total limit: a hostile server cannot hold it, nor fill memory."""

from __future__ import annotations

import socket

from .._core.clock import Deadline

# What a server may say before TLS starts. Greetings and capabilities are a few hundred bytes.
LIMIT = 64 * 1024
_PIECE = 4096


class Refused(ValueError):
    """The server does not start TLS, or does not speak the protocol. The text is for people, with nothing of the server in it unchecked."""


class Stream:
    """Sends and receives until TLS takes over the socket."""

    def __init__(self, plain: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = plain, deadline
        self._buffer, self._total = b"", 0

    def send(self, data: bytes) -> None:
        self._socket.settimeout(left(self._deadline))
        self._socket.sendall(data)

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def until(self, mark: bytes) -> bytes:
        """All up to and with ``mark``."""
        while mark not in self._buffer:
            self._more()
        end = self._buffer.index(mark) + len(mark)
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data

    def line(self) -> bytes:
        return self.until(b"\n").rstrip(b"\r\n")

    def ended(self) -> None:
        """Nothing in plain text may come after the consent: somebody on the way could have put it there (CVE-2011-0411)."""
        if self._buffer:
            raise Refused("the server sent plain text after it agreed to TLS")

    def _more(self) -> None:
        self._socket.settimeout(left(self._deadline))
        data = self._socket.recv(_PIECE)
        if not data:
            raise Refused("the server closed the connection before TLS")
        self._total += len(data)
        if self._total > LIMIT:
            raise Refused("the server sent more than %d bytes before TLS" % LIMIT)
        self._buffer += data


def left(deadline: Deadline) -> float:
    """Seconds that are left; ``socket.timeout`` when there are none."""
    seconds = deadline.left()
    if seconds <= 0:
        raise socket.timeout
    return seconds
