# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One TLS server for a thousand endpoints: every address of 127.0.0.0/8 is one, with a certificate of its own chosen by the name asked for.

Besides, servers that take a connection and say nothing, and ports that nobody listens on.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.pki import Identity


def _context(folder: Path, name: str, identity: Identity) -> ssl.SSLContext:
    path = folder / f"{name}.pem"
    path.write_bytes(identity.key_pem + identity.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class Crowd:
    """``names``: what is served by name; who asks for another one gets the certificate of the empty name."""

    def __init__(self, folder: Path, names: Mapping[str, Identity]) -> None:
        contexts = {name: _context(folder, name or "default", identity) for name, identity in names.items()}
        self._context = contexts[""]

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = contexts.get(name or "", contexts[""])

        self._context.sni_callback = choose  # type: ignore[assignment]
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=2000)
        self.port = self._listener.getsockname()[1]
        self._silent = socket.create_server(("0.0.0.0", 0), backlog=2000)
        self.silent_port = self._silent.getsockname()[1]
        self.most, self._now, self._lock = 0, 0, threading.Lock()
        self._pool = ThreadPoolExecutor(200)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._listener, self._silent):
            each.close()
        self._pool.shutdown()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._pool.submit(self._serve, self._listener.accept()[0])

    def _serve(self, plain: socket.socket) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        with contextlib.suppress(OSError), plain:
            plain.settimeout(10)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(1)
        with self._lock:
            self._now -= 1
