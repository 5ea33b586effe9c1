# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server below every service: it takes a request, asks for a fault, lets the service work, writes the ledger.

The ledger is written before the answer: who has the answer finds its line there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import time
import traceback
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, cast

from certfleet_sandbox.faults import Fault, Faults
from certfleet_sandbox.ledger import Ledger

MAX_BODY = 256 * 1024
IDLE_SECONDS = 30
_JSON = "application/json"
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><h1>{0}</h1></body>\r\n</html>\r\n"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    client: str


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    effect: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # more for the ledger

    @classmethod
    def json(cls, status: int, value: Any, effect: str | None = None, **facts: Any) -> Answer:
        return cls(status, [("Content-Type", _JSON)], json.dumps(value).encode(), effect, facts)


class Service(Protocol):
    name: str

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        """What is asked, and what of it the ledger keeps; nothing is done yet."""

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""

    def error(self, status: int, text: str) -> Answer:
        """An error in the service's own shape."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves one service on a listening socket made elsewhere."""

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        service: Service,
        ledger: Ledger | None = None,
        faults: Faults | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.service, self.ledger, self.faults, self.tls = service, ledger, faults, tls

    def serve(self) -> None:
        # The interval is how often it would look for a request to shut down. It ends with its process: no need to wake up.
        self.serve_forever(poll_interval=3600)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs here, into the connection's own thread: a silent client must not stop the others.
        request.settimeout(IDLE_SECONDS)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            secured = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        with secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        # Every method is the service's business, refusing one as well.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the ledger is the log."""

    def _serve(self) -> None:
        server = cast(Server, self.server)
        service = server.service
        request = self._read()
        if request is None:
            self._send(service.error(413, "a request body needs a Content-Length, and not a large one"))
            self.close_connection = True
            return
        operation, facts = service.operation(request)
        fault = server.faults.take(service.name, operation) if server.faults else None
        if fault and fault.kind == "cut_during":
            self._reset()
        answer = None
        if fault is None or fault.works():
            try:
                answer = service.answer(request)
            except Exception:
                traceback.print_exc()
                answer = service.error(500, "the sandbox has an error; see its log")
        sent = _faulty(service, fault, answer)
        if server.ledger:
            server.ledger.append(
                service=service.name,
                method=request.method,
                path=request.path,
                status=sent.status if sent else None,
                fault=fault.kind if fault else None,
                effect=answer.effect if answer else None,
                operation=operation,
                **{**facts, **(answer.facts if answer else {})},
            )
        self._deliver(fault, sent)

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > MAX_BODY:
            return None
        path, _sep, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, path, query, headers, self.rfile.read(int(length)), str(self.client_address[0]))

    def _deliver(self, fault: Fault | None, answer: Answer | None) -> None:
        kind = fault.kind if fault else None
        if kind == "hang" and fault:
            time.sleep(fault.seconds)
        if answer is None:
            self._reset()
        elif fault and kind == "malformed" and fault.raw_base64:
            self.wfile.write(base64.b64decode(fault.raw_base64))
            self.close_connection = True
        elif kind == "truncate":
            self.wfile.write(self._head(answer) + answer.body[: len(answer.body) // 2])
            self.close_connection = True
        elif fault and kind == "slow":
            self.wfile.write(self._head(answer))
            self._dribble(answer.body, fault.seconds)
        elif fault and kind == "slow_head":
            self._dribble(self._head(answer), fault.seconds)
            self.wfile.write(answer.body)
        else:
            self._send(answer)

    def _dribble(self, content: bytes, seconds: float) -> None:
        for byte in content:
            time.sleep(seconds / len(content))
            self.wfile.write(bytes([byte]))

    def _send(self, answer: Answer) -> None:
        # One write: head and body in two packets would wait for each other's acknowledgement.
        self.wfile.write(self._head(answer) + (b"" if self.command == "HEAD" else answer.body))

    def _head(self, answer: Answer) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if not any(name.lower() == "date" for name, _value in answer.headers):
            lines.append(f"Date: {formatdate(usegmt=True)}")
        if answer.status != 204 and not any(name.lower() == "content-length" for name, _value in answer.headers):
            lines.append(f"Content-Length: {len(answer.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _reset(self) -> None:
        """RST instead of FIN: with a linger time of 0 the kernel drops what is open."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())


def _faulty(service: Service, fault: Fault | None, answer: Answer | None) -> Answer | None:
    """What the client is to get; None for a connection that is reset."""
    if fault is None or fault.kind in ("truncate", "slow", "slow_head"):
        return answer
    if fault.kind == "429":
        found = service.error(429, "Too many requests")
        found.headers.append(("Retry-After", str(fault.retry_after)))
        return found
    if fault.kind in ("502", "502_after"):
        return _page(502)
    if fault.kind == "status":
        return _with_status(service, fault)
    if fault.kind == "errors_200":
        return Answer.json(200, {"errors": {"base": ["The request could not be processed."]}})
    if fault.kind == "redirect":
        return Answer(307, [("Location", fault.location)])
    if fault.kind == "malformed":
        return Answer(fault.status, list(fault.headers.items()), base64.b64decode(fault.body_base64))
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _page(status: int) -> Answer:
    return Answer(status, [("Content-Type", "text/html")], _PAGE.format(f"{status} {_phrase(status)}").encode())


def _with_status(service: Service, fault: Fault) -> Answer:
    if fault.shape == "json":
        found = service.error(fault.status, f"{_phrase(fault.status)}, says the sandbox")
    else:
        found = _page(fault.status) if fault.shape == "html" else Answer(fault.status)
    if fault.location:
        found.headers.append(("Location", fault.location))
    return found
