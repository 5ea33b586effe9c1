# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of secrets on loopback, for the guide on secrets, and a desk at which its commands are typed."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VAULT_TOKEN, ROLE_ID, SECRET_ID = "hvs.token-of-a-person", "role-1", "secret-1"
APPROLE_TOKEN = "hvs.token-of-a-role"


class Desk:
    """A person's home directory and shell: what a command exports is there for the next one."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.work = home, home / "fleet"
        self.work.mkdir(parents=True)
        kept = {name: os.environ[name] for name in ("PATH", "ANSIBLE_COLLECTIONS_PATH") if name in os.environ}
        self.environment = {**kept, "HOME": str(home), "LANG": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", **environment}
        self.environment["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
        self._exports: list[str] = []

    def write(self, name: str, text: str) -> None:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, command: str, answers: str = "") -> str:
        """What the command said; it has to succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([*self._exports, command])],
            cwd=self.work,
            env=self.environment,
            input=answers,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if command.startswith("export "):
            self._exports.append(command)
        return done.stdout + done.stderr


# --- AWS --------------------------------------------------------------------------------------------------------------


@contextmanager
def aws() -> Iterator[dict[str, str]]:
    """AWS as moto simulates it; what the environment has to say to reach it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
        }
    finally:
        server.stop()


# --- HashiCorp Vault --------------------------------------------------------------------------------------------------


class Vault(http.server.ThreadingHTTPServer):
    """The three calls that the guide needs, as documented:

    https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and https://developer.hashicorp.com/vault/api-docs/auth/approle
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secrets: dict[str, Any] = {}
        self.reads = 0  # how often a secret was read
        self.tokens: list[str] = []  # whose token each request had

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def vault() -> Iterator[Vault]:
    server = Vault()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Vault

    def log_message(self, *_: object) -> None:
        """Nothing: a test prints its counts alone."""

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def _secret(self) -> str | None:
        """The path of a secret; None, and an answer, for a wrong token or another path."""
        token = self.headers.get("X-Vault-Token", "")
        self.server.tokens.append(token)
        if token not in (VAULT_TOKEN, APPROLE_TOKEN):
            self._answer(403, {"errors": ["permission denied"]})
        elif not self.path.startswith("/v1/secret/data/"):
            self._answer(404, {"errors": [f"no handler for route {self.path!r}"]})
        else:
            return self.path.removeprefix("/v1/secret/data/")
        return None

    def do_GET(self) -> None:
        path = self._secret()
        if path is None:
            return
        self.server.reads += 1
        if path in self.server.secrets:
            metadata = {"version": 1, "created_time": "2026-11-22T10:00:00Z", "deletion_time": "", "destroyed": False}
            self._answer(200, {"data": {"data": self.server.secrets[path], "metadata": metadata}})
        else:
            self._answer(404, {"errors": []})

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/v1/auth/approle/login":
            right = (body.get("role_id"), body.get("secret_id")) == (ROLE_ID, SECRET_ID)
            auth = {"auth": {"client_token": APPROLE_TOKEN, "lease_duration": 3600, "renewable": False}}
            self._answer(200 if right else 400, auth if right else {"errors": ["invalid role or secret ID"]})
            return
        path = self._secret()
        if path is not None:
            self.server.secrets[path] = body["data"]
            self._answer(200, {"data": {"version": 1, "created_time": "2026-11-22T10:00:00Z"}})

    do_PUT = do_POST
