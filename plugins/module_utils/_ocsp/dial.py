# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens connections to the servers that certificates name, under the rules of ``addresses.py``.

The address is judged twice: what the name leads to, and what the socket is connected to in the end. A second look-up that says something else
(DNS rebinding) changes nothing. A proxy makes the connection in our place, out of reach of these rules, so none is taken from
the environment; one that the user names is trusted to have rules of its own.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
from typing import TYPE_CHECKING, Any, Callable

from .._core.clock import Clock, Deadline
from .._core.errors import NotSent, UsageError
from . import addresses
from .addresses import Rules, Target

if TYPE_CHECKING:
    import ssl

# (name, port) -> addresses; (address, port, seconds) -> socket. Tests put others in their place.
Resolve = Callable[[str, int], "list[str]"]
Connect = Callable[[str, int, float], socket.socket]


class Dialer:
    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        proxy: str | None,
        ca_path: str | None,
        resolve: Resolve | None,
        connect: Connect | None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self.proxy = _proxy(proxy)
        self._ca_path = ca_path
        self._resolve = resolve or look_up
        self._connect = connect or _connect
        self._tls: ssl.SSLContext | None = None

    def find(self, target: Target, seconds: float) -> list[str]:
        """The addresses of a server that may be asked."""
        if self.proxy is not None or addresses.literal(target.host):
            return [target.host]
        found = self._looked_up(target, seconds)
        allowed = [address for address in found if self._rules.allows(address)]
        if found and not allowed:
            raise addresses.refused_address(found[0])
        if not found:
            raise NotSent("%s cannot be reached (its name is not known)" % target.origin)
        return allowed

    def open(self, target: Target, found: list[str], seconds: float) -> socket.socket:
        """A connection to one of the addresses; ``NotSent`` if there is none in time."""
        patience = Deadline(seconds, self._clock)
        if self.proxy is not None:
            return self._through(self.proxy, target, patience)
        problem = "no address"
        for count, address in enumerate(found):
            share = patience.left() / (len(found) - count)
            try:
                connection = self._connect(address, target.port, max(share, 0.001))
            except OSError as error:
                problem = why(error)
                continue
            return self._secured(self._proven(connection), target, patience)
        raise NotSent("%s cannot be reached (%s)" % (target.origin, problem))

    def _looked_up(self, target: Target, seconds: float) -> list[str]:
        """A look-up knows no deadline: a late one is left to end by itself."""
        found: list[str] = []

        def work() -> None:
            with contextlib.suppress(OSError, UnicodeError):
                found.extend(self._resolve(target.host, target.port))

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        worker.join(seconds)
        return list(found)

    def _proven(self, connection: socket.socket) -> socket.socket:
        try:
            peer = str(connection.getpeername()[0])
        except OSError as error:
            connection.close()
            raise NotSent("the connection broke (%s)" % why(error)) from None
        if not self._rules.allows(peer):
            connection.close()
            raise addresses.refused_address(peer)
        return connection

    def _through(self, proxy: Target, target: Target, patience: Deadline) -> socket.socket:
        try:
            connection = self._connect(proxy.host, proxy.port, max(patience.left(), 0.001))
        except OSError as error:
            raise NotSent("the proxy %s cannot be reached (%s)" % (proxy.origin, why(error))) from None
        if target.scheme == "https":
            _tunnel(connection, target, patience)
        return self._secured(connection, target, patience)

    def _secured(self, connection: socket.socket, target: Target, patience: Deadline) -> socket.socket:
        if target.scheme != "https":
            return connection
        import ssl

        try:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._ca_path)
            connection.settimeout(max(patience.left(), 0.001))
            return self._tls.wrap_socket(connection, server_hostname=target.host)
        except (OSError, ValueError) as error:
            connection.close()
            raise NotSent("the TLS connection to %s failed (%s)" % (target.origin, why(error))) from None


class Readable:
    """As much of a socket as ``http.client`` needs to read an answer. ``deadline`` is for all of it, not for each piece."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self.connection = connection
        self.deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self))


class _Raw(io.RawIOBase):
    def __init__(self, source: Readable) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._source.deadline.left()
        if left <= 0:
            raise socket.timeout("too late")
        self._source.connection.settimeout(left)
        return self._source.connection.recv_into(buffer)


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, each once, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def why(error: OSError | ValueError) -> str:
    if isinstance(error, socket.timeout):
        return "no answer in time"
    return str(getattr(error, "verify_message", None) or getattr(error, "strerror", None) or type(error).__name__)


def _connect(address: str, port: int, seconds: float) -> socket.socket:
    connection = socket.create_connection((address, port), seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _tunnel(connection: socket.socket, target: Target, patience: Deadline) -> None:
    """RFC 9110 section 9.3.6."""
    host = "[%s]" % target.host if ":" in target.host else target.host
    place = "%s:%d" % (host, target.port)
    try:
        connection.settimeout(max(patience.left(), 0.001))
        connection.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (place, place)).encode("ascii"))
        answer = http.client.HTTPResponse(Readable(connection, patience), method="CONNECT")  # type: ignore[arg-type]  # makefile() is all it wants
        answer.begin()
        problem = "" if answer.status == 200 else "status %d" % answer.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        problem = type(error).__name__
    if problem:
        connection.close()
        raise NotSent("the proxy gives no way to %s (%s)" % (target.origin, problem))


def _proxy(url: str | None) -> Target | None:
    if not url:
        return None
    try:
        found = addresses.target(url, Rules.of(["0.0.0.0/0", "::/0"], range(1, 65536)))
        fits = found.scheme == "http"
    except addresses.NotAllowed:
        fits = False
    if not fits:
        raise UsageError("proxy is not a proxy's URL", hint='Write it like "http://proxy.example:3128".')
    return found
