# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that renews by itself, on this machine: the program for hosts, a scripted ACME client and a small TLS service."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core.names import file_name
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import bundle

from tests.support import pki

NAME = "www.example.com"
# Takes the next certificate from a queue and leaves it where lego does; an empty queue is a CA that is down.
_CLIENT = """#!/bin/sh
cd "{folder}"
[ "$*" != --version ] || {{ cat version; exit; }}
echo "$@" >> calls
next=$(ls queue | head -n 1)
[ -n "$next" ] || {{ echo "acme: error 503 :: the CA is down" >&2; exit 1; }}
mkdir -p "{out}"
cp "queue/$next/chain.pem" "{out}/{stem}.crt"
cp "queue/$next/key.pem" "{out}/{stem}.key"
rm -r "queue/$next"
"""


class Service(threading.Thread):
    """Serves what its reload has copied to ``serving.pem``, as a web server keeps what it has read."""

    def __init__(self, folder: pathlib.Path, live: pathlib.Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.live = folder, live
        folder.mkdir()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    @property
    def commands(self) -> dict[str, Any]:
        take = "cd %s; echo reload >> calls; [ ! -e broken ] || { echo no >&2; exit 1; }; [ -e deaf ] || " % self.folder
        copy = "{ cat %s/privkey.pem %s/fullchain.pem > new && mv new serving.pem; }" % (self.live, self.live)
        refuse = "cd %s; [ ! -e refused ] || { echo bad configuration >&2; exit 1; }" % self.folder
        return {"reload": [["sh", "-c", take + copy]], "config_test": [["sh", "-c", refuse]]}

    @property
    def calls(self) -> int:
        path = self.folder / "calls"
        return len(path.read_text().split()) if path.exists() else 0

    def run(self) -> None:
        while True:
            try:
                plain, _address = self._listener.accept()
            except OSError:
                return
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.folder / "serving.pem")
                with context.wrap_socket(plain, server_side=True) as tls:
                    tls.recv(1)
            except OSError:
                plain.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()


@dataclass
class Run:
    rc: int
    stdout: str
    stderr: str


class Host:
    """``path`` is the directory of jobs, ``root`` the one of sets."""

    def __init__(self, folder: pathlib.Path, name: str = NAME) -> None:
        self.folder, self.name, self.file_name = folder, name, file_name(name)
        self.path, self.root, self.acme = folder / "jobs-and-state", folder / "etc", folder / "acme"
        for each in (self.path / "jobs", self.acme / "queue"):
            each.mkdir(parents=True)
        self.program = self.path / "certfleet-host.pyz"
        self.program.write_bytes(bundle.build())
        self.ca = pki.authority()
        self.service = Service(folder / "service", self.root / self.file_name / "current")
        self.service.start()
        self.client = self.path / "clients" / self.file_name
        script = self.acme / "client"
        out = self.client / "certificates"
        script.write_text(_CLIENT.format(folder=self.acme, out=out, stem=name.replace("*", "_")))
        script.chmod(0o755)
        self.says_version("lego version dev linux/amd64")  # as Debian's does
        self.job: dict[str, Any] = {
            "version": 1,
            "name": name,
            "host": "web1",
            "domains": [name],
            "client": {
                "kind": "lego",
                "program": [str(script)],
                "server": "https://127.0.0.1:1/dir",
                "email": "tls@example.com",
                "webroot": "/var/www/html",
            },
            "renewal": {},
            "deploy": {"root": str(self.root), "directory_mode": "0755", "keep": 2, "proof_timeout": 0.5},
            "certificate": {
                "endpoints": [{"port": self.service.port, "server_name": "probe.example.com"}],
                **self.service.commands,
            },
        }

    def write(self) -> None:
        (self.path / "jobs" / (self.file_name + ".json")).write_text(json.dumps(self.job))

    def queue(self, **options: Any) -> pki.Identity:
        """What the client will be issued next."""
        issued = pki.server(self.job["domains"], self.ca, **options)
        number = len(list((self.acme / "queue").iterdir())) + len(self.client_calls)
        save(issued, self.ca, self.acme / "queue" / ("%04d" % number))
        return issued

    def says_version(self, line: str) -> None:
        (self.acme / "version").write_text(line + "\n")

    def run(self, *words: str, **variables: str) -> Run:
        """The program; ``variables`` are added to its environment."""
        argv = [sys.executable, "-I", str(self.program), *words]
        environment = {**os.environ, **variables}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
        return Run(done.returncode, done.stdout, done.stderr)

    def renew(self, **variables: str) -> Run:
        self.write()
        return self.run("run", self.file_name, **variables)

    @property
    def client_calls(self) -> list[str]:
        path = self.acme / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def record(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / "status" / (self.file_name + ".json")).read_text())
        return value

    @property
    def served(self) -> str:
        """The serial number, as sets have it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.service.port), 5) as plain, context.wrap_socket(plain) as tls:
            return serial_of(tls.getpeercert(binary_form=True) or b"")

    def close(self) -> None:
        self.service.close()


def save(issued: pki.Identity, ca: pki.Identity, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    (folder / "chain.pem").write_bytes(issued.pem + ca.pem)
    (folder / "key.pem").write_bytes(issued.key_pem)


def serial(issued: pki.Identity) -> str:
    return "%x" % issued.certificate.serial_number


def serial_of(der: bytes) -> str:
    from cryptography import x509

    return "%x" % x509.load_der_x509_certificate(der).serial_number
