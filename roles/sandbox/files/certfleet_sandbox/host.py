# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the fleet: http-01 files from ``www/``, and TLS with the certificate sets below ``tls/``.

The sets are read at the start and on SIGHUP only, so that a missed reload is visible in the next handshake. A reload takes
all sets or none: a broken one keeps the contexts there were, as a good server does. The outcome is in ``run/reload.json``.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from certfleet_sandbox.files import PidFile, write_json
from certfleet_sandbox.ledger import Ledger
from certfleet_sandbox.lifeline import end_with
from certfleet_sandbox.web import Answer, Request, Server


@dataclass(frozen=True)
class Place:
    """The paths of a host."""

    root: Path

    @property
    def www(self) -> Path:
        return self.root / "www"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def pid_file(self) -> PidFile:
        return PidFile(self.root / "run" / "host.pid")

    @property
    def outcome(self) -> Path:
        return self.root / "run" / "reload.json"

    def prepare(self) -> None:
        for path in (self.www, self.tls, self.root / "run"):
            path.mkdir(parents=True, exist_ok=True)


class Sets:
    """The certificate sets as TLS contexts, by the names in their certificates."""

    def __init__(self, place: Place, placeholder: Path) -> None:
        self._place = place
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.context = _context(placeholder.with_suffix(".pem"), placeholder.with_suffix(".key"))
        # Called during each handshake, on the connection's own context.
        self.context.sni_callback = self._choose

    def _choose(self, connection: Any, name: str | None, _context: ssl.SSLContext) -> None:
        found = self._find((name or "").lower().rstrip("."))
        if found:
            connection.context = found

    def _find(self, name: str) -> ssl.SSLContext | None:
        contexts = self._contexts
        return contexts.get(name) or contexts.get("*." + name.partition(".")[2])

    def load(self) -> list[str]:
        """Reads all sets and returns the names served; raises ValueError naming the broken set."""
        contexts: dict[str, ssl.SSLContext] = {}
        for directory in sorted(path for path in self._place.tls.iterdir() if os.path.lexists(path / "current")):
            current = directory / "current"
            try:
                certificate = x509.load_pem_x509_certificate((current / "fullchain.pem").read_bytes())
                context = _context(current / "fullchain.pem", current / "privkey.pem")
                names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            except (OSError, ValueError, x509.ExtensionNotFound) as error:
                raise ValueError(f"{directory.name}: {error}") from error
            for name in names.get_values_for_type(x509.DNSName):
                contexts.setdefault(name.lower(), context)
        self._contexts = contexts
        return sorted(contexts)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Without a function for it, OpenSSL would ask the terminal for the password of an encrypted key.
    context.load_cert_chain(certificate, key, password=lambda: "")
    return context


class _Www:
    """The regular files below www, for GET; nothing else."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = f"host:{name}"
        self._www = place.www.resolve()

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return "http", {}

    def error(self, status: int, text: str) -> Answer:
        return Answer(status, [("Content-Type", "text/plain")], f"{text}\n".encode())

    def answer(self, request: Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return self.error(405, "method not allowed")
        try:
            path = (self._www / request.path.lstrip("/")).resolve()
            if not path.is_relative_to(self._www) or not path.is_file():
                raise FileNotFoundError
            body = path.read_bytes()
        except (OSError, ValueError):
            return self.error(404, "not found")
        return Answer(200, [("Content-Type", "application/octet-stream")], body, "served")


class _Page:
    """One line over TLS that names the host."""

    def __init__(self, name: str) -> None:
        self.name, self._host = f"host:{name}", name

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return "https", {}

    def error(self, status: int, text: str) -> Answer:
        return Answer(status, [("Content-Type", "text/plain")], f"{text}\n".encode())

    def answer(self, request: Request) -> Answer:
        return Answer(200, [("Content-Type", "text/plain")], f"host {self._host}\n".encode(), "served")


def run(
    name: str, place: Place, http: socket.socket, tls: socket.socket, placeholder: Path, ledger: Path, lifeline: int
) -> None:
    """The process of one host; returns on SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waited = {signal.SIGHUP, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_SETMASK, waited)
    end_with(lifeline)
    sets = Sets(place, placeholder)
    counter = _reload(sets, place, 0)
    # The pid file comes after the first load: from here on a signal is a reload. Its lock lives as long as this process.
    place.pid_file.acquire()
    for server in (
        Server(http, _Www(name, place), Ledger(ledger)),
        Server(tls, _Page(name), Ledger(ledger), tls=sets.context),
    ):
        threading.Thread(target=server.serve, daemon=True).start()
    while signal.sigwait(waited) == signal.SIGHUP:
        counter = _reload(sets, place, counter)


def _reload(sets: Sets, place: Place, counter: int) -> int:
    outcome: dict[str, Any] = {"counter": counter + 1, "ok": True, "reason": ""}
    try:
        outcome["names"] = sets.load()
    except (OSError, ValueError) as error:
        outcome.update(ok=False, reason=str(error))
    write_json(place.outcome, outcome)
    return counter + 1
