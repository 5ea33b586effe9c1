# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to the servers that certificates name. What is asked changes nothing and has no secret in it.

Not over ``requests``: the address is to be judged on the connected socket (``dial.py``), and a dead server is to cost its time once, not
once for each certificate.

* No redirects, no cookies, nothing from the environment.
* A deadline for each request, and one for all of them; bodies are cut off at a limit.
* Connections are kept and used again.
* The first connection to a server is made by one thread while the others wait. A server that cannot be reached, or keeps us waiting for
  too long, is not asked again in this run.
"""

from __future__ import annotations

import http.client
import socket
import threading
from dataclasses import dataclass

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import CollectionError, NotSent, ProtocolError, TransportError
from . import addresses
from .addresses import Rules, Target
from .dial import Connect, Dialer, Readable, Resolve, why

USER_AGENT = "certfleet.reseller"
# One time-out of a server that had answered before may be bad luck.
_STRIKES = 2


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes

    def problem(self) -> str | None:
        """Why this is no answer, if its status says so."""
        if self.status == 200:
            return None
        if 300 <= self.status < 400:
            return "it redirects (status %d), which is not followed" % self.status
        return "it answered with HTTP status %d" % self.status

    def refused(self) -> bool:
        """Whether it is this form of the request that it does not take."""
        return (400 <= self.status < 500 or self.status == 501) and self.status not in (408, 429)


class Transport:
    """``total``: the end of all waiting. ``patience``: seconds for a server to take a connection, and to begin its answer."""

    def __init__(
        self,
        rules: Rules,
        total: Deadline,
        patience: float,
        proxy: str | None = None,
        ca_path: str | None = None,
        clock: Clock = SYSTEM,
        resolve: Resolve | None = None,
        connect: Connect | None = None,
    ) -> None:
        self.patience = patience
        self._rules = rules
        self._total = total
        self._clock = clock
        self._dialer = Dialer(rules, clock, proxy, ca_path, resolve, connect)
        self._lock = threading.Lock()
        self._servers: dict[str, _Server] = {}

    def origin(self, url: str) -> str:
        """Whom the URL belongs to; ``NotAllowed`` if it is not asked."""
        return addresses.target(url, self._rules).origin

    def fetch(
        self,
        url: str,
        body: bytes | None = None,
        *,
        accept: str,
        limit: int,
        seconds: float | None = None,
        content_type: str = "",
    ) -> Reply:
        """The answer to a GET, or to a POST of ``body``. ``seconds``: for all of it, where ``patience`` is not enough.

        ``NotAllowed`` and ``NotSent``: nothing was sent. ``TransportError``: no answer. ``ProtocolError``: too large, or not HTTP.
        """
        target = addresses.target(url, self._rules)
        with self._lock:
            server = self._servers.setdefault(target.origin, _Server(target))
        absolute = self._dialer.proxy is not None and target.scheme == "http"
        message = _head(target, body, accept, content_type, absolute) + (body or b"")
        while True:
            if self._total.over():
                raise NotSent("the time for all certificates together is over")
            connection, used = self._connection(server)
            try:
                return self._exchange(server, connection, message, limit, seconds or self.patience)
            except _Gone:
                if not used:
                    raise TransportError("%s closed the connection without an answer" % target.origin) from None

    def close(self) -> None:
        for server in self._servers.values():
            while server.idle:
                server.idle.pop().close()

    def _deadline(self, seconds: float) -> Deadline:
        return Deadline(min(seconds, self._total.left()), self._clock)

    def _exchange(
        self, server: _Server, connection: socket.socket, message: bytes, limit: int, seconds: float
    ) -> Reply:
        origin, keep = server.target.origin, False
        begin, end = self._deadline(min(seconds, self.patience)), self._deadline(seconds)
        source = Readable(connection, begin)
        try:
            connection.settimeout(max(begin.left(), 0.001))
            connection.sendall(message)
            answer = http.client.HTTPResponse(source, method=message[:4].decode("ascii").strip())  # type: ignore[arg-type]  # makefile() is all it wants
            answer.begin()
            source.deadline = end
            content = answer.read(limit + 1)
            if len(content) > limit:
                raise ProtocolError("%s sent more than %d bytes" % (origin, limit))
            if answer.length:
                raise TransportError("%s broke off its answer" % origin)
            server.answered = True
            keep = answer.isclosed() and not answer.will_close
            return Reply(answer.status, content)
        except ConnectionError:  # http.client.RemoteDisconnected is one
            raise _Gone() from None
        except socket.timeout:
            raise server.strike(TransportError("%s did not answer in time" % origin)) from None
        except http.client.IncompleteRead:
            raise TransportError("%s broke off its answer" % origin) from None
        except (http.client.HTTPException, ValueError) as error:
            raise ProtocolError("%s sent what is not HTTP (%s)" % (origin, type(error).__name__)) from None
        except OSError as error:
            raise TransportError("the connection to %s broke (%s)" % (origin, why(error))) from None
        finally:
            if keep:
                server.idle.append(connection)
            else:
                connection.close()

    def _connection(self, server: _Server) -> tuple[socket.socket, bool]:
        """A connection, and whether it was used before."""
        if server.failure is None:
            try:
                return server.idle.pop(), True
            except IndexError:
                pass
        if not server.alive:
            with server.lock:
                if server.failure is None and not server.alive:
                    return self._first(server), False
        if server.failure is not None:
            raise type(server.failure)(server.failure.message)
        try:
            return self._dialer.open(server.target, server.addresses, self._deadline(self.patience).seconds), False
        except NotSent as error:
            server.strike(error)
            raise

    def _first(self, server: _Server) -> socket.socket:
        patience = self._deadline(self.patience)
        try:
            server.addresses = self._dialer.find(server.target, patience.left())
            connection = self._dialer.open(server.target, server.addresses, patience.left())
        except CollectionError as error:
            server.failure = error
            raise
        server.alive = True
        return connection


class _Gone(Exception):
    """The server ended the connection before its answer was there, as it may between two requests."""


class _Server:
    """What is known of a server in this run. ``failure``: why it is not asked any more."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.lock = threading.Lock()
        self.addresses: list[str] = []
        self.alive = False
        self.answered = False
        self.strikes = 0
        self.failure: CollectionError | None = None
        self.idle: list[socket.socket] = []

    def strike(self, error: CollectionError) -> CollectionError:
        self.strikes += 1
        if not self.answered or self.strikes >= _STRIKES:
            self.failure = error
        return error


def _head(target: Target, body: bytes | None, accept: str, content_type: str, absolute: bool) -> bytes:
    """Sent in one packet with the body: apart they would wait for each other's acknowledgement."""
    path = target.origin + target.path if absolute else target.path
    lines = [
        "%s %s HTTP/1.1" % ("GET" if body is None else "POST", path),
        "Host: " + target.netloc,
        "User-Agent: " + USER_AGENT,
        "Accept: " + accept,
        "Accept-Encoding: identity",
    ]
    if body is not None:
        lines += ["Content-Type: " + content_type, "Content-Length: %d" % len(body)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
