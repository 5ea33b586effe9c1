# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com's reseller endpoints for tests: a server process of its own, and SSL.com's two calls.

with Hook(path) as hook:
    assert hook.authorize(["www.alpha.test"]) == (200, {"success": True})
    assert hook.rows("reservations") == 1
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import create_engine, text

from tests.support import pki

FILES = Path(__file__).resolve().parents[2] / "roles" / "sslcom_reseller_hook" / "files"
PREFIX = "p" * 40
TOKEN = "t" * 40
METRICS_TOKEN = "m" * 40
KID = "kid-of-alpha"
READY_SECONDS = 30
# sd_listen_fds(3): the descriptor is 3, and the process that it is for is named
ACTIVATE = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])"""
CUSTOMER: dict[str, Any] = {
    "kids": [KID],
    "products": {"sslcom_dv": "10.00"},
    "longest_days": 398,
    "names": ["alpha.test", "**.alpha.test"],
    "balance": "100.00",
    "rate": {"count": 100000, "seconds": 3600},
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Authority:
    """A root that the policy pins, an intermediate CA, and certificates of theirs."""

    def __init__(self) -> None:
        self.root = pki.authority("Pinned Root")
        self.intermediate = pki.authority("Issuing CA", self.root)
        self.key = pki.new_key()

    @property
    def pem(self) -> str:
        return self.root.pem.decode()

    def chain(self, names: Sequence[str], days: float = 199, since: datetime | None = None) -> str:
        start = since or pki.NOW - timedelta(minutes=5)
        leaf = pki.server(
            names, self.intermediate, key=self.key, not_before=start, not_after=start + timedelta(days=days)
        )
        return (leaf.pem + self.intermediate.pem).decode()


def authorization(names: Sequence[str], kid: str = KID, **more: Any) -> dict[str, Any]:
    return {"kid": kid, "product": "sslcom_dv", "duration": "365", "identifiers": {"dns": list(names)}, **more}


def delivery(names: Sequence[str], chain: str, kid: str = KID, **more: Any) -> dict[str, Any]:
    return {**authorization(names, kid), "product": "basicssl", "cert": {"body": chain}, **more}


class Hook:
    """``start`` and ``stop`` as systemd does it; ``kill`` as nobody should."""

    def __init__(self, path: Path, *, database_url: str = "", wrapper: Sequence[str] = (), **settings: Any) -> None:
        self.path, self.wrapper = path, list(wrapper)
        path.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url or f"sqlite:///{path}/hook.sqlite"
        self.authority = Authority()
        self.customers: dict[str, Any] = {"alpha": dict(CUSTOMER)}
        for name, secret in (("prefix", PREFIX), ("token", TOKEN), ("metrics_token", METRICS_TOKEN)):
            (path / name).write_text(secret)
            (path / name).chmod(0o600)
        self.port = free_port()
        self.settings = {
            "database_url": self.database_url,
            "policy_path": str(path / "policy.json"),
            "prefix_path": str(path / "prefix"),
            "events_token_path": str(path / "token"),
            "metrics_token_path": str(path / "metrics_token"),
            "state_path": str(path / "state"),
            "port": self.port,
            "log_level": "warning",
            **settings,
        }
        self.write_settings()
        self.write_policy()
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: socket.socket | None = None

    def hold_socket(self) -> socket.socket:
        """Listen in its place from now on, and pass the socket to it as systemd does; the caller closes it."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        return self._listener

    def write_settings(self) -> None:
        (self.path / "settings.json").write_text(json.dumps(self.settings))

    def write_policy(self, **more: Any) -> None:
        policy = {"version": 1, "trusted_ca": self.authority.pem, "customers": self.customers, **more}
        new = self.path / "policy.new"
        new.write_text(json.dumps(policy))
        new.rename(self.path / "policy.json")

    # --- its life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Hook:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.path / "log").read_text()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "certfleet_hook", f"--config={self.path}/settings.json", *arguments]

    def start(self, wait: bool = True) -> Hook:
        passed = (self._listener.fileno(),) if self._listener else ()
        activate = [sys.executable, "-c", ACTIVATE, str(passed[0])] if passed else []
        with (self.path / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, *activate, *self.command("serve")],
                pass_fds=passed,
                env={**os.environ, "PYTHONPATH": str(FILES)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.await_ready()
        return self

    def await_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                if self._listener:  # which takes connections without it, too
                    self.request("GET", "/healthz")
                else:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            if self._process and self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the service did not start:\n{self.log[-3000:]}")

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def reload(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def memory(self) -> int:
        """Resident bytes, at their highest since the last ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the desk."""
        return subprocess.run(
            self.command(*arguments),
            env={**os.environ, "PYTHONPATH": str(FILES)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    # --- calls --------------------------------------------------------------------------------------------------------

    def connection(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """``body``: bytes as they are, anything else as JSON."""
        connection = self.connection()
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def post(self, endpoint: str, body: Any, **headers: str) -> tuple[int, Any]:
        status, data = self.request("POST", f"/{PREFIX}/{endpoint}", body, headers)
        return status, json.loads(data)

    def authorize(self, names: Sequence[str], kid: str = KID, **more: Any) -> tuple[int, Any]:
        return self.post("reseller_authorization", authorization(names, kid, **more))

    def deliver(self, names: Sequence[str], chain: str, kid: str = KID, **more: Any) -> tuple[int, Any]:
        return self.post("receive_certificate", delivery(names, chain, kid, **more))

    # --- what is stored -----------------------------------------------------------------------------------------------

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.database_url.replace("postgresql:", "postgresql+psycopg:"))
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        finally:
            engine.dispose()

    def rows(self, table: str) -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def records(self) -> int:
        """Rows of all tables that a request could add to."""
        tables = ("reservations", "certificates", "debits", "decisions", "events", "refusals", "accounts")
        return sum(map(self.rows, tables))
