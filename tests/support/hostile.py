# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that answers whatever a test wants, byte by byte, and remembers what it was sent.

with Hostile(reply(200, b"{")) as server:
    ...server.url...
    assert server.requests[0].body == b"..."

A `Play` gets the connection after the request was read, and may do anything with it.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import pki

Connection = socket.socket


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def raw(self) -> bytes:
        return repr((self.target, self.headers)).encode() + self.body


class Hostile:
    """Serves from entry to exit. Every request is answered by `play`, or by the next of `plays` while there are any."""

    def __init__(self, play: Play | None = None, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.play: Play = play or reply(200, b"{}")
        self.plays: list[Play] = []
        self.requests: list[Received] = []
        self.connections = 0
        self.over = threading.Event()
        self._tls = tls
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, 0))
        self._listener.listen(16)
        self.port: int = self._listener.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Hostile:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._spawn(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError, ValueError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                received = read_request(connection)
                if received is None:
                    return
                self.requests.append(received)
                play = self.plays.pop(0) if self.plays else self.play
                play(connection, self)


Play = Callable[[Connection, Hostile], None]


def read_request(connection: Connection) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _unused, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _unused, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    method, target = first.split(" ")[:2]
    return Received(method, target, headers, body)


# --- what it can play -------------------------------------------------------------------------------------------------


def head(status: int, headers: Mapping[str, str] | None = None, phrase: str = "Whatever") -> bytes:
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def reply(status: int, body: bytes | Any = b"", headers: Mapping[str, str] | None = None) -> Play:
    """An honest answer; a `body` that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(
        head(status, {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})})
        + content
    )


def raw(data: bytes) -> Play:
    """These bytes, and the end of the connection."""

    def play(connection: Connection, _server: Hostile) -> None:
        connection.sendall(data)
        _finish(connection)

    return play


def pieces(parts: Sequence[bytes], pause: float = 0.0, endless: bool = False) -> Play:
    """The parts one after the other; the last one again and again if `endless`."""

    def play(connection: Connection, server: Hostile) -> None:
        for part in parts:
            connection.sendall(part)
            if server.over.wait(pause):
                return
        while endless and not server.over.wait(pause):
            connection.sendall(parts[-1])
        _finish(connection)

    return play


def silence(connection: Connection, server: Hostile) -> None:
    server.over.wait(30)


def reset(connection: Connection, _server: Hostile) -> None:
    """RST instead of FIN: with a linger time of 0 the kernel drops what is open."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tls_garbage(connection: Connection, _server: Hostile) -> None:
    """Bytes that are no TLS record, below an established TLS connection."""
    descriptor = connection.detach()
    with socket.socket(fileno=descriptor) as plain:
        plain.sendall(b"this is no TLS record at all" * 4)
        plain.shutdown(socket.SHUT_WR)


def _finish(connection: Connection) -> None:
    """Ends our side and waits for the other one, so that nothing unread turns the end into a reset."""
    connection.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        connection.settimeout(0.2)
        connection.recv(1)


def chunked(*chunks: bytes, cut: bool = False) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head(200, {"Transfer-Encoding": "chunked"}) + body + (b"" if cut else b"0\r\n\r\n")


@functools.lru_cache
def bomb(size: int) -> bytes:
    """A gzip stream that unpacks to `size` bytes of white space in front of an object."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = b" " * 65536
    return (
        b"".join(packer.compress(block) for _unused in range(size // len(block)))
        + packer.compress(b"{}")
        + packer.flush()
    )


def packed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


# --- TLS --------------------------------------------------------------------------------------------------------------


def server_tls(folder: Path, identity: pki.Identity, name: str = "server") -> ssl.SSLContext:
    """A context that serves this identity; its files are put into `folder`."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(identity.pem)
    key.write_bytes(identity.key_pem)
    key.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
