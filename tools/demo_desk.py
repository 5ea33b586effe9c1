"""The part of the demo in which SSL.com asks the reseller: the hook as a process of its own, and what its queue has.

with Desk(path, authority, kid) as desk:
    desk.await_ready()
    desk.tell_sslcom(control_url)       # whom it has to ask from now on
    desk.events_with("certificate")     # the next ones of the queue, which counts them as read
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from types import TracebackType
from typing import Any

FILES = pathlib.Path(__file__).resolve().parent.parent / "roles" / "sslcom_reseller_hook" / "files"
CONSUMER = "demo"
PRICE = BALANCE = "12.50"  # there are funds for one certificate
SECONDS = 20
# What SSL.com asks for: the reseller allows the first one, and has no funds for the second one.
ASKED = ("blog.alpha.test", "news.alpha.test")
CERTIFICATES: list[dict[str, Any]] = [
    {
        "name": name,
        "issuer": "alpha",
        "hosts": "web1",
        "services": ["web"],
        "endpoints": [{"port": "{{ quickstart_host.tls_port }}"}],
    }
    for name in ASKED
]


def inventory(path: pathlib.Path, endpoints: dict[str, Any]) -> pathlib.Path:
    """A file with what quickstart.yml has in memory, of the one host that the certificates are for."""
    controller = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "sandbox_endpoints": endpoints,
    }
    hosts = {"hosts": {"web1": {}}, "vars": {"certfleet_state_path": f"{path}/state"}}
    groups = {"certfleet_quickstart": hosts, "ungrouped": {"hosts": {"localhost": controller}}}
    place = path / "desk.json"
    place.write_text(json.dumps({"all": {"children": groups}}), encoding="utf-8")
    return place


def told(event: dict[str, Any]) -> str:
    """An event of the queue in words."""
    who = f"{event['customer']}, {', '.join(event['names'])}"
    if event["kind"] == "certificate":
        return f"certificate received: {who}; {event['amount']} debited"
    return f"authorization asked: {who}; " + ("allowed" if event["allowed"] else f"refused ({event['code']})")


class Desk:
    """``kid``: of the only customer, ``authority``: path of the CA whose certificates are taken."""

    def __init__(self, path: pathlib.Path, authority: str, kid: str) -> None:
        self._path = path
        path.mkdir()
        self._prefix, self._token = (self._secret(name) for name in ("prefix", "token"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        customer = {
            "name": "Alpha Ltd",
            "kids": [kid],
            "products": {"sslcom_dv": PRICE},
            "longest_days": 398,
            "names": ["**.alpha.test"],
            "balance": BALANCE,
            "rate": {"count": 20, "seconds": 3600},
        }
        trusted = pathlib.Path(authority).read_text(encoding="ascii")
        self._write("policy.json", {"version": 1, "trusted_ca": trusted, "customers": {"alpha": customer}})
        settings = {
            "database_url": f"sqlite:///{path}/hook.sqlite",
            "policy_path": f"{path}/policy.json",
            "prefix_path": f"{path}/prefix",
            "events_token_path": f"{path}/token",
            "state_path": f"{path}/state",
            "port": port,
            "log_level": "warning",
        }
        self._write("settings.json", settings)
        # no proxy of the user's is asked
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def _secret(self, name: str) -> str:
        found = secrets.token_urlsafe(32)
        place = self._path / name
        place.touch(mode=0o600)
        place.write_text(found, encoding="ascii")
        return found

    def _write(self, name: str, value: dict[str, Any]) -> None:
        (self._path / name).write_text(json.dumps(value), encoding="utf-8")

    def __enter__(self) -> Desk:
        with (self._path / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "certfleet_hook", "--config", f"{self._path}/settings.json", "serve"],
                env={**os.environ, "PYTHONPATH": str(FILES)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()

    def tell_sslcom(self, control_url: str) -> None:
        hook = {"url": f"{self._base}/{self._prefix}", "duration": 90}
        request = urllib.request.Request(
            f"{control_url}/sslcom/hook", json.dumps(hook).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        self._opener.open(request, timeout=10).close()

    def events_with(self, kind: str) -> list[dict[str, Any]]:
        """What is new, one of this kind at least; raises OSError when it does not come, or the service does not answer."""
        events: list[dict[str, Any]] = []
        while not any(event["kind"] == kind for event in events):
            found = self._call(f"/events?consumer={CONSUMER}&wait={SECONDS}")["events"]
            if not found:
                raise TimeoutError(f"SSL.com's {kind} did not come to the reseller's queue")
            self._call("/events/acknowledge", {"consumer": CONSUMER, "id": found[-1]["id"]})
            events += found
        return events

    def await_ready(self) -> None:
        """Raises OSError when it does not come up."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                self._call("/healthz")
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, headers)
        with self._opener.open(request, timeout=SECONDS + 10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
