# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox for tests: started as a process of its own, as users start it.

with Sandbox(hosts={"web1": "127.0.0.11"}) as sandbox:
    sandbox.fault("sslcom", "cut_after")
    ...
    assert sandbox.count(service="sslcom", effect="credentials_created") == 1
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "roles" / "sandbox" / "files" / "certfleet_sandbox"
READY_SECONDS = 60


def read_ledger(state: Path) -> list[dict[str, Any]]:
    """All complete entries of a state directory's ledger."""
    try:
        lines = (state / "ledger.jsonl").read_text(encoding="ascii").split("\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1]]


def matching(entries: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """The entries whose members have these values."""
    return [entry for entry in entries if all(entry.get(name) == value for name, value in wanted.items())]


class Sandbox:
    """Starts on entry (or `start`), stops on exit. Without `state` it lives in a temporary directory."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        hosts: dict[str, str] | None = None,
        resolve: dict[str, str] | None = None,
        http01_port: int = 0,
        tls_port: int = 0,
        python: str = sys.executable,
        **options: Any,
    ) -> None:
        self._temporary = state is None
        self.state = Path(tempfile.mkdtemp(prefix="certfleet-sandbox-")) if state is None else state
        self.python = python
        options.update(http01_port=http01_port, tls_port=tls_port)
        self._arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self._arguments += [f"--host={name}={address}" for name, address in (hosts or {}).items()]
        self._arguments += [f"--resolve={name}={address}" for name, address in (resolve or {}).items()]
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoints: dict[str, Any] = {}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.state, ignore_errors=True)

    # Its life

    def start(self) -> Sandbox:
        self.state.mkdir(parents=True, exist_ok=True)
        endpoints = self.state / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        with (self.state / "sandbox.log").open("ab") as log:
            command = [self.python, str(PACKAGE), "start", "--state", str(self.state), *self._arguments]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + READY_SECONDS
        while not endpoints.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"the sandbox did not come up:\n{self.log()}")
            time.sleep(0.02)
        self.endpoints = json.loads(endpoints.read_text(encoding="utf-8"))
        return self

    def stop(self) -> None:
        """Ends it and waits until every process is gone."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self._process:
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the supervisor: what a power cut is to it."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the sandbox's command line."""
        command = [self.python, str(PACKAGE), *arguments]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False
        )

    def log(self) -> str:
        return (self.state / "sandbox.log").read_text(encoding="utf-8", errors="replace")

    # Its endpoints

    @property
    def ca_path(self) -> str:
        return str(self.endpoints["ca_path"])

    @property
    def sslcom(self) -> dict[str, Any]:
        found: dict[str, Any] = self.endpoints["sslcom"]
        return found

    @property
    def identrust(self) -> dict[str, Any]:
        found: dict[str, Any] = self.endpoints["identrust"]
        return found

    @property
    def sslmarket(self) -> dict[str, Any]:
        found: dict[str, Any] = self.endpoints["sslmarket"]
        return found

    @property
    def revocation(self) -> dict[str, Any]:
        found: dict[str, Any] = self.endpoints["revocation"]
        return found

    def host(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.endpoints["hosts"][name]
        return found

    def reload_command(self, name: str) -> list[str]:
        return [*self.endpoints["command"], "reload-host", "--root", self.host(name)["root"]]

    # The ledger

    def ledger(self, **wanted: Any) -> list[dict[str, Any]]:
        """The entries whose members have these values; all of them without any."""
        return matching(read_ledger(self.state), **wanted)

    def count(self, **wanted: Any) -> int:
        return len(self.ledger(**wanted))

    def clear_ledger(self) -> None:
        (self.state / "ledger.jsonl").unlink(missing_ok=True)

    # The control API

    def control(self, method: str, path: str, value: Any = None) -> Any:
        request = urllib.request.Request(
            self.endpoints["control_url"] + path,
            None if value is None else json.dumps(value).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with self._opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, service: str, kind: str, times: int = 1, **details: Any) -> None:
        """The next requests to a service get this fault; `operation=` limits it to requests of one operation."""
        self.control("POST", "/faults", {"service": service, "kind": kind, "times": times, **details})

    def clear_faults(self) -> None:
        self.control("DELETE", "/faults")

    def add_txt(self, name: str, value: str) -> None:
        self.control("PUT", "/dns/txt", {"name": name, "value": value})

    def remove_txt(self, name: str, value: str | None = None) -> None:
        self.control("DELETE", "/dns/txt", {"name": name} if value is None else {"name": name, "value": value})

    def set_addresses(self, name: str, *addresses: str) -> None:
        self.control("PUT", "/dns/a", {"name": name, "addresses": list(addresses)})

    def mark_identrust_account(self, email: str, **flags: bool) -> None:
        self.control("POST", "/identrust/account", {"email": email, **flags})

    def revoke(self, serial: str, **details: str) -> None:
        """Any certificate of the sandbox; `reason` in the words of RFC 5280."""
        self.control("POST", "/revocation", {"serial": serial, **details})

    # SSLmarket's part of the control API

    def knobs(self, **values: Any) -> dict[str, Any]:
        """Turns some knobs of SSLmarket; all of them as they are now."""
        found: dict[str, Any] = self.control("PUT", "/sslmarket/knobs", values)
        return found

    def reset_knobs(self) -> None:
        """All knobs as they were at the start."""
        self.control("DELETE", "/sslmarket/knobs")

    def market(self) -> dict[str, Any]:
        """`orders` (newest first), `orders_paid`, `spent`, `currency` and `knobs`."""
        found: dict[str, Any] = self.control("GET", "/sslmarket")
        return found

    def market_order(self, order_id: int) -> dict[str, Any]:
        """One order of `market`."""
        return next(order for order in self.market()["orders"] if order["order_id"] == order_id)

    def age(self, days: float, order_id: int | None = None) -> None:
        """Moves an order and its certificates into the past; all of them without an order."""
        self.control("POST", "/sslmarket/age", {"days": days, **({} if order_id is None else {"order_id": order_id})})

    def auto_reissue(self, order_id: int) -> str:
        """The CA issues again for the same CSR; the new serial number, in lower-case hex."""
        return str(self.control("POST", "/sslmarket/auto-reissue", {"order_id": order_id})["serial"])

    def approve_email(self, order_id: int) -> None:
        self.control("POST", "/sslmarket/approve", {"order_id": order_id})

    def revoke_certificate(self, order_id: int) -> None:
        """As the CA could; the API itself revokes client certificates only."""
        self.control("POST", "/sslmarket/revoke", {"order_id": order_id})

    def show_state(self, order_id: int, state: str | None) -> None:
        """The order's state is this word from now on; None for the right one."""
        self.control("PUT", "/sslmarket/state", {"order_id": order_id, "state": state})
