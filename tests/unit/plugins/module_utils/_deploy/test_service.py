# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes, reload commands and the proof."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import commands, handshake, service
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Endpoint

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def endpoint(listener: socket.socket, name: str = "a.example") -> Endpoint:
    return Endpoint("127.0.0.1", listener.getsockname()[1], name)


def serve(listener: socket.socket, folder: pathlib.Path, sets: dict[str, Issued], connections: int) -> None:
    """Answers handshakes by SNI, in a thread."""
    contexts = {}
    for name, issued in sets.items():
        for file in ("privkey.pem", "fullchain.pem"):
            (folder / (name + file)).write_bytes(issued.files[file])
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(folder / (name + "fullchain.pem"), folder / (name + "privkey.pem"))
    context = next(iter(contexts.values()))

    def choose(tls: ssl.SSLSocket, name: str, _context: ssl.SSLContext) -> None:
        tls.context = contexts[name]

    context.sni_callback = choose  # type: ignore[assignment]

    def answer() -> None:
        for _number in range(connections):
            plain, _address = listener.accept()
            with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as tls:
                try:
                    tls.do_handshake()
                    tls.recv(1)
                except OSError:
                    pass

    threading.Thread(target=answer, daemon=True).start()


def test_fingerprint_by_server_name(listener: socket.socket, tmp_path: pathlib.Path) -> None:
    sets = {"a.example": issue(["a.example"]), "b.example": issue(["b.example"], start=-30, days=10)}
    serve(listener, tmp_path, sets, 2)
    endpoints = [endpoint(listener, name) for name in sets]
    served = handshake.probe_all(endpoints, 5)
    # also one that is expired: what is served is told, not judged
    assert [each.fingerprint for each in served] == [issued.fingerprint for issued in sets.values()]
    assert [each.endpoint for each in served] == endpoints


def test_reasons(listener: socket.socket) -> None:
    silent = handshake.probe(endpoint(listener), 0.3)
    assert (silent.fingerprint, silent.reason) == (None, "no handshake within 0.3 seconds")
    closed = Endpoint("127.0.0.1", unused_port(), "a.example")
    assert handshake.probe(closed, 1).reason == "no connection: Connection refused"


def test_reason_of_a_server_without_tls(listener: socket.socket) -> None:
    def answer() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(4096)

    thread = threading.Thread(target=answer)
    thread.start()
    (reply,) = handshake.probe_all([endpoint(listener)], 5)
    thread.join()
    assert reply.fingerprint is None
    assert (reply.reason or "").startswith("no TLS handshake: ")


def test_total_time_against_a_slow_server(listener: socket.socket) -> None:
    """One byte now and then must not keep us for ever."""

    def drip() -> None:
        connection, _address = listener.accept()
        with connection:
            for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f" + b"\0" * 100:
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return
                time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    start = time.monotonic()
    assert handshake.probe(endpoint(listener), 0.5).reason == "no handshake within 0.5 seconds"
    assert time.monotonic() - start < 1.5


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class FakeClock(Clock):
    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


A, B = Endpoint("127.0.0.1", 1, "a.example"), Endpoint("127.0.0.1", 2, "b.example")


def test_proof_waits_for_a_graceful_reload() -> None:
    clock = FakeClock()
    asked = []

    def probe(endpoint: Endpoint, timeout: float) -> Served:
        asked.append(endpoint)
        return Served(endpoint, "new" if endpoint == A or clock.time > 3 else "old")

    service.prove([(A, "new"), (B, "new")], 10, probe, clock)
    assert asked.count(A) == 1  # what is proven is not asked again
    assert 3 < clock.time < 3.5


def test_failed_proof_says_what_was_seen() -> None:
    def probe(endpoint: Endpoint, timeout: float) -> Served:
        return Served(endpoint, "old") if endpoint == A else Served(endpoint, None, "no connection: Connection refused")

    clock = FakeClock()
    with pytest.raises(service.ProofError) as caught:
        service.prove([(A, "new"), (B, "new")], 10, probe, clock)
    assert 10 <= clock.time < 11
    error = caught.value
    assert "after 10 seconds" in error.sentence()
    assert "127.0.0.1:1 (a.example): serves old" in error.sentence()
    assert "127.0.0.1:2 (b.example): no connection: Connection refused" in error.sentence()
    assert error.payload()["endpoints"] == [
        {
            "address": "127.0.0.1",
            "port": 1,
            "server_name": "a.example",
            "starttls": None,
            "key_type": None,
            "proof_from": "host",
            "served": "old",
            "wanted": "new",
            "reason": None,
        },
        {
            "address": "127.0.0.1",
            "port": 2,
            "server_name": "b.example",
            "starttls": None,
            "key_type": None,
            "proof_from": "host",
            "served": None,
            "wanted": "new",
            "reason": "no connection: Connection refused",
        },
    ]


def test_reload_without_a_shell(tmp_path: pathlib.Path) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    commands.run((sys.executable, "-c", script, str(tmp_path / "out"), "$HOME; `id` *"))
    assert (tmp_path / "out").read_text() == "$HOME; `id` *"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            (sys.executable, "-c", "import sys; print('it\\nis\\x1b[1m broken'); sys.exit(3)"),
            r"status 3: it is \[1m broken",
        ),
        (("/nonexistent/command",), "/nonexistent/command cannot be run: No such file"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "did not end within 0.2 seconds"),
    ],
)
def test_failed_reload(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(commands.ReloadError) as caught:
        commands.run(argv, timeout=0.2 if "sleep" in argv[-1] else 20)
    assert re.search(message, caught.value.sentence())
    assert caught.value.extra["rc"] == (3 if "exit(3)" in argv[-1] else None)
    assert len(str(caught.value.extra["command"])) <= 200


def test_servers_are_found_without_the_path_of_an_administrator(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    commands.run(("sh", "-c", f'echo "$PATH" > {tmp_path}/path'))
    assert (tmp_path / "path").read_text() == "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"


def test_reload_is_over_when_the_command_is(tmp_path: pathlib.Path) -> None:
    """What it leaves in the background is a service, perhaps: not waited for, and not ended."""
    start = time.monotonic()
    commands.run(("sh", "-c", f"sleep 30 & echo $! > {tmp_path}/pid"), timeout=10)
    assert time.monotonic() - start < 5
    left = int((tmp_path / "pid").read_text())
    assert is_running(left)
    os.kill(left, signal.SIGKILL)


def test_reload_that_hangs_is_ended_with_all_it_started(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A grandchild that keeps the output open holds nobody up."""
    start = time.monotonic()
    with pytest.raises(commands.ReloadError, match="did not end within 0.5 seconds"):
        commands.run(("sh", "-c", f"sleep 30 & echo $! > {tmp_path}/pid; wait; true"), timeout=0.5)
    assert time.monotonic() - start < 5
    left = int((tmp_path / "pid").read_text())
    for _attempt in range(100):
        if not is_running(left):
            break
        time.sleep(0.05)
    assert not is_running(left)
    assert capfd.readouterr() == ("", "")


def test_end_of_a_long_output() -> None:
    script = "import sys; print('x' * 300000); print('the cause', file=sys.stderr, flush=True); sys.exit(1)"
    with pytest.raises(commands.ReloadError) as caught:
        commands.run((sys.executable, "-c", script), timeout=20)
    assert "the cause" in caught.value.sentence()
    assert len(caught.value.sentence()) < 1000


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie that nobody has collected."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
