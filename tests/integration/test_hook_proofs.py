# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reseller hook as a server process: forgeries, replays, clients that misbehave, disks that are full, and its desk."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import socket
import sqlite3
import string
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import pki
from tests.support.hook import KID, METRICS_TOKEN, PREFIX, TOKEN, Hook, authorization, delivery
from tests.support.waiting import wait_for

SEED = 20261122
MIB = 1024 * 1024
NAMES = ["www.alpha.test"]


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    with Hook(tmp_path / "hook") as hook:
        yield hook


class Sender:
    """Many requests over one connection, opened again where the service closes it."""

    def __init__(self, hook: Hook) -> None:
        self._hook, self._connection = hook, hook.connection()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def send(self, path: str, body: bytes, method: str = "POST", kind: str = "application/json") -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, {"Content-Type": kind})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            raise


# --- who may not ----------------------------------------------------------------------------------------------------------


def forgeries(hook: Hook, dice: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """What, where, and the request itself; authorized is only the name of NAMES."""
    right, stranger = f"/{PREFIX}", pki.authority("Pinned Root")
    forged = pki.server(NAMES, pki.authority("Issuing CA", stranger))
    own = pki.server(NAMES)
    wrong_names = hook.authority.chain(["www.beta.test"])
    expired = hook.authority.chain(NAMES, days=1, since=pki.NOW - timedelta(days=2))
    for number in range(1000):
        name = f"n{number}.alpha.test"
        secret = "".join(dice.choices(string.ascii_letters, k=40))
        guess = dice.choice(
            [f"/{secret}", "", "/", f"/{PREFIX[:-1]}", f"/{PREFIX}x", f"/{PREFIX.upper()}", f"{right}/.."]
        )
        ask, bring = json.dumps(authorization([name])).encode(), json.dumps(delivery(NAMES, own.pem.decode())).encode()
        yield dice.choice(
            [
                ("path", f"{guess}/reseller_authorization", ask),
                ("path", f"{guess}/receive_certificate", bring),
                ("path", f"{right}/{secret}", ask),
                ("kid", f"{right}/reseller_authorization", json.dumps(authorization([name], secret)).encode()),
                ("kid", f"{right}/receive_certificate", json.dumps(delivery(NAMES, wrong_names, secret)).encode()),
                ("chain", f"{right}/receive_certificate", bring),
                (
                    "chain",
                    f"{right}/receive_certificate",
                    _bring((forged.pem + hook.authority.intermediate.pem).decode()),
                ),
                ("chain", f"{right}/receive_certificate", _bring((forged.pem + stranger.pem).decode())),
                ("names", f"{right}/receive_certificate", _bring(wrong_names, ["www.beta.test"])),
                ("dates", f"{right}/receive_certificate", _bring(expired)),
                ("body", f"{right}/reseller_authorization", dice.randbytes(dice.randrange(300))),
                ("body", f"{right}/reseller_authorization", ask[: dice.randrange(len(ask))]),
            ]
        )


def _bring(chain: str, names: list[str] | None = None) -> bytes:
    return json.dumps(delivery(names or NAMES, chain)).encode()


def test_a_thousand_forgeries_leave_nothing(hook: Hook) -> None:
    """But for the two certificates among them that the pinned CA has issued: each is told once, however often it comes."""
    assert hook.authorize(NAMES)[0] == 200
    before, statuses, kinds = hook.records(), Counter[int](), Counter[str]()
    with Sender(hook) as sender:
        for kind, path, body in forgeries(hook, random.Random(SEED)):
            kinds[kind] += 1
            status, answer = sender.send(path, body)
            statuses[status] += 1
            assert status != 404 or answer == b""
            assert status == 404 or json.loads(answer)["success"] is False
    accepted, records = statuses[200], hook.records() - before
    print(
        f"\n{sum(statuses.values())} unauthorized or forged requests {dict(kinds)}: statuses {dict(statuses)}, accepted {accepted}, records {records}"
    )
    told = hook.query("SELECT code FROM refusals ORDER BY code")
    assert (sum(statuses.values()), accepted, told) == (1000, 0, [("dates",), ("not_authorized",)])
    assert records == 2 * len(("decision", "event", "refusal"))
    assert [hook.rows(table) for table in ("reservations", "certificates", "debits")] == [1, 0, 0]
    assert min(kinds.values()) > 20
    assert hook.deliver(NAMES, hook.authority.chain(NAMES))[0] == 200


def test_a_thousand_replays_are_one_order(hook: Hook) -> None:
    """Authorization and delivery in any order and at the same time, from eight clients."""
    chain = hook.authority.chain(NAMES)
    ask, bring = json.dumps(authorization(NAMES)).encode(), json.dumps(delivery(NAMES, chain)).encode()
    assert hook.authorize(NAMES)[0] == 200

    def replay(seed: int) -> Counter[int]:
        dice, found = random.Random(seed), Counter[int]()
        work = [("reseller_authorization", ask), ("receive_certificate", bring)] * 125
        dice.shuffle(work)
        with Sender(hook) as sender:
            for endpoint, body in work:
                found[sender.send(f"/{PREFIX}/{endpoint}", body)[0]] += 1
        return found

    with ThreadPoolExecutor(8) as threads:
        statuses = sum(threads.map(replay, range(SEED, SEED + 8)), Counter[int]())
    rows = {table: hook.rows(table) for table in ("reservations", "debits", "certificates", "decisions", "events")}
    print(f"\n1000 replays of an authorization and 1000 of its delivery: statuses {dict(statuses)}, rows {rows}")
    assert statuses == {200: 2000}
    assert rows == {"reservations": 1, "debits": 1, "certificates": 1, "decisions": 2, "events": 2}
    assert hook.query("SELECT debited, reserved FROM accounts") == [(1000, 0)]


# --- clients that misbehave -------------------------------------------------------------------------------------------------

HEAD = f"POST /{PREFIX}/reseller_authorization HTTP/1.1\r\nHost: hook\r\nContent-Type: application/json\r\n"


def misbehave(hook: Hook, kind: int, until: threading.Event) -> None:
    """Slow in one of ten ways, until the service or the test has had enough; then again."""
    heads = {
        0: b"",  # connects and says nothing
        1: b"POST /",  # a head without an end
        2: HEAD.encode(),
        3: f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode(),  # a body without an end
        4: f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(),  # chunks without an end
        5: f"{HEAD}Content-Length: {4 * 1024 * MIB}\r\n\r\n".encode(),  # an enormous body
        6: f"{HEAD}X: ".encode(),  # one header without an end
        7: f"{HEAD}Content-Length: 65536\r\n\r\n{'[' * 60000}".encode(),  # deep
        8: f"{HEAD}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n".encode(),  # an enormous chunk
        9: (f"{HEAD}Content-Length: 2\r\n\r\n[]" * 50).encode(),  # one request after the other, without reading
    }
    more = {1: b"a", 2: b"X: y\r\n", 3: b" ", 4: b"1\r\n \r\n", 5: b" " * 65536, 6: b"x" * 65536, 8: b" " * 65536}
    while not until.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", hook.port), timeout=1) as client:
            client.sendall(heads[kind])
            while not until.wait(0.05 if kind in (5, 6, 8) else 0.3):
                client.sendall(more.get(kind, b""))


def test_an_answer_does_not_wait_for_the_network(hook: Hook) -> None:
    """Sent in pieces, an answer would come 40 ms later on each connection that is kept: Nagle's algorithm and delayed acknowledgements."""
    body = json.dumps(authorization(NAMES)).encode()
    times = []
    with Sender(hook) as sender:
        for _number in range(40):
            start = time.monotonic()
            assert sender.send(f"/{PREFIX}/reseller_authorization", body)[0] == 200
            times.append(time.monotonic() - start)
    assert sorted(times)[10] < 0.03


def test_fifty_slow_clients_hold_up_nobody(hook: Hook) -> None:
    for number in range(20):
        assert hook.authorize([f"warm{number}.alpha.test"], product="other")[0] == 403
    hook.forget_peak()
    before, until, slowest, good = hook.memory(), threading.Event(), 0.0, 0
    clients = [threading.Thread(target=misbehave, args=(hook, number % 10, until)) for number in range(50)]
    for client in clients:
        client.start()
    try:
        end = time.monotonic() + 12  # longer than the service waits for a head
        while time.monotonic() < end:
            started = time.monotonic()
            assert hook.authorize(NAMES)[0] == 200
            slowest, good = max(slowest, time.monotonic() - started), good + 1
            time.sleep(0.02)
    finally:
        until.set()
        for client in clients:
            client.join()
    grown = (hook.memory() - before) / MIB
    print(
        f"\n50 slow clients: {good} good requests beside them, the slowest in {slowest:.3f} s; memory +{grown:.1f} MiB"
    )
    assert slowest < 1
    assert grown < 32
    assert good > 50


def raw(hook: Hook, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", hook.port), timeout=20) as client:
        with contextlib.suppress(OSError):
            client.sendall(data)
        answer = b""
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                answer += part
        return answer


@pytest.mark.parametrize(
    ("status", "head", "body"),
    [
        (413, "Content-Type: application/json\r\nContent-Length: 99999999\r\n", b""),
        (413, "Content-Type: application/json\r\nContent-Length: 99999999999999999999\r\n", b""),
        (
            413,
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
            b"20000\r\n" + b" " * 0x20000 + b"\r\n",
        ),
        (415, "Content-Type: text/plain\r\nContent-Length: 2\r\n", b"{}"),
        (415, "Content-Type: application/json; charset=latin-1\r\nContent-Length: 2\r\n", b"{}"),
        (415, "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n", b"{}"),
        (400, "Content-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n", b""),
        (400, "Content-Type: application/json\r\nContent-Length: 3\r\nConnection: close\r\n", b"\xff\xfe\x00"),
        (400, "Content-Type: application/json\r\nContent-Length: 60000\r\nConnection: close\r\n", b"[" * 60000),
        (400, "Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
        (400, "Content-Length: -1\r\n", b"{}"),
        (408, "Content-Type: application/json\r\nContent-Length: 10\r\n", b"{"),
    ],
)
def test_bodies_that_are_refused(tmp_path: Path, status: int, head: str, body: bytes) -> None:
    with Hook(tmp_path / "hook", request_seconds=1) as hook:
        answer = raw(hook, f"POST /{PREFIX}/reseller_authorization HTTP/1.1\r\nHost: h\r\n{head}\r\n".encode() + body)
        assert int(answer.split()[1]) == status, answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["success"] is False
        assert hook.authorize(NAMES)[0] == 200


def test_an_answer_has_the_documented_form(hook: Hook) -> None:
    assert hook.authorize(NAMES) == (200, {"success": True})
    assert hook.request("GET", f"/{PREFIX}/reseller_authorization")[0] == 405
    hook.customers["alpha"]["balance"] = "10.00"
    hook.write_policy()
    hook.reload()
    wait_for(lambda: hook.authorize(["second.alpha.test"])[0] == 403)
    status, answer = hook.authorize(["second.alpha.test"])
    assert (status, answer["success"]) == (403, False)
    assert "balance" in answer["error_message"]


# --- disks ----------------------------------------------------------------------------------------------------------------

SMALL = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'


@pytest.mark.root
@pytest.mark.needs("unshare", "mount", "nsenter")
def test_a_full_disk_says_no_and_loses_nothing(tmp_path: Path) -> None:
    """The database is on a small disk of its own, which other files fill up."""
    disk = tmp_path / "disk"
    disk.mkdir()
    wrapper = ("unshare", "-m", "sh", "-c", SMALL, str(disk))
    hook = Hook(tmp_path / "hook", database_url=f"sqlite:///{disk}/hook.sqlite", wrapper=wrapper)
    hook.customers["alpha"]["balance"] = "1000000.00"
    hook.write_policy()
    with hook:

        def inside(*command: str) -> str:
            done = subprocess.run(
                ["nsenter", f"--mount=/proc/{hook.pid}/ns/mnt", *command], capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        statuses, allowed = Counter[int](), []
        assert hook.authorize(NAMES)[0] == 200
        chain = hook.authority.chain(NAMES)
        inside("dd", "if=/dev/zero", f"of={disk}/other", "bs=1k", "count=1500")
        for number in range(2000):
            status, answer = hook.authorize([f"n{number}.alpha.test"])
            statuses[status] += 1
            assert answer["success"] is (status == 200)
            allowed += [f"n{number}.alpha.test"] if status == 200 else []
            if statuses[500] == 50:
                break
        full = hook.deliver(NAMES, chain)
        health = hook.request("GET", "/healthz")[0]
        inside("rm", f"{disk}/other")
        after = hook.authorize(["after.alpha.test"])[0], hook.deliver(NAMES, chain)[0]
        names = inside(hook.command()[0], "-c", COUNT, f"{disk}/hook.sqlite").split()
        checked = inside(
            "env",
            f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}:{Path('roles/sslcom_reseller_hook/files').resolve()}",
            *hook.command("verify-log"),
        )
    lost = set(allowed) - set(names)
    print(
        f"\ndisk full: statuses {dict(statuses)}, delivery {full[0]}, health {health}; recorded {len(names)}, lost {len(lost)}; after it {after}"
    )
    assert statuses[500] == 50
    assert statuses[200] > 0
    assert (full[0], full[1]["success"], health, lost, after) == (500, False, 503, set(), (200, 200))
    assert len(names) == statuses[200] + 2
    assert ", 0 problems" in checked


COUNT = """
import json, sqlite3, sys
for (names,) in sqlite3.connect(sys.argv[1]).execute("SELECT names FROM reservations"):
    print(*json.loads(names))
"""


# --- the policy -------------------------------------------------------------------------------------------------------------


def test_a_wrong_policy_changes_nothing_not_even_over_a_restart(hook: Hook) -> None:
    assert hook.authorize(NAMES)[0] == 200
    (hook.path / "policy.json").write_text('{"version": 1, "customers": {"alpha": {}}}')
    wait_for(lambda: json.loads(hook.request("GET", "/healthz")[1])["policy"] == "refused")
    assert hook.authorize(["second.alpha.test"])[0] == 200
    hook.stop()
    hook.start()
    assert hook.authorize(["third.alpha.test"])[0] == 200
    hook.customers["alpha"]["enabled"] = False
    hook.write_policy()
    wait_for(lambda: hook.authorize(["fourth.alpha.test"])[0] == 403)
    assert json.loads(hook.request("GET", "/healthz")[1]) == {"status": "ok", "policy": "ok"}


def test_nobody_is_known_without_a_policy(tmp_path: Path) -> None:
    hook = Hook(tmp_path / "hook")
    (hook.path / "policy.json").unlink()
    with hook:
        assert hook.authorize(NAMES)[0] == 401
        assert hook.records() == 0


# --- the queue and the desk ---------------------------------------------------------------------------------------------------


def events(hook: Hook, consumer: str, token: str = TOKEN, **options: int) -> tuple[int, Any]:
    query = "&".join([f"consumer={consumer}", *(f"{name}={value}" for name, value in options.items())])
    status, body = hook.request("GET", f"/events?{query}", headers={"Authorization": f"Bearer {token}"})
    return status, json.loads(body) if body else None


def test_events_come_at_least_once_and_in_order(hook: Hook) -> None:
    assert events(hook, "desk", "x" * 40) == (404, None)
    hook.authorize(NAMES)
    hook.authorize(["www.beta.test"])
    hook.deliver(NAMES, hook.authority.chain(NAMES))
    first = events(hook, "desk", limit=2)[1]["events"]
    assert [(event["kind"], event.get("allowed")) for event in first] == [
        ("authorization", True),
        ("authorization", False),
    ]
    hook.kill()
    hook.start()
    assert events(hook, "desk", limit=2)[1]["events"] == first
    head = {"Authorization": f"Bearer {TOKEN}"}
    body = {"consumer": "desk", "id": first[-1]["id"]}
    assert hook.request("POST", "/events/acknowledge", body, head)[0] == 200
    assert (
        hook.request("POST", "/events/acknowledge", {**body, "id": 1}, head)[1] == b'{"success":true,"acknowledged":2}'
    )
    assert hook.request("POST", "/events/acknowledge", {**body, "id": 99}, head)[0] == 400
    (last,) = events(hook, "desk")[1]["events"]
    assert (last["kind"], last["names"], last["flags"]) == ("certificate", NAMES, [])
    assert last["chain"].count("BEGIN CERTIFICATE") == 2
    assert len(events(hook, "other")[1]["events"]) == 3
    with ThreadPoolExecutor(1) as thread:
        hook.request("POST", "/events/acknowledge", {**body, "id": 3}, head)
        waiting = thread.submit(events, hook, "desk", wait=20)
        hook.authorize(["new.alpha.test"])
        assert [event["names"] for event in waiting.result()[1]["events"]] == [["new.alpha.test"]]


def test_the_desk(hook: Hook, tmp_path: Path) -> None:
    hook.authorize(NAMES)
    hook.deliver(NAMES, hook.authority.chain(NAMES, days=90))
    assert hook.run("top-up", "alpha", "12.50", "--reference", "2026/1").returncode == 0
    again = hook.run("top-up", "alpha", "12.50", "--reference", "2026/1")
    assert (again.returncode, "booked already" in again.stderr) == (1, True)
    (balance,) = map(json.loads, hook.run("balances", "--json").stdout.splitlines())
    assert {key: balance[key] for key in ("topped_up", "debited", "reserved", "available")} == {
        "topped_up": "12.50",
        "debited": "10.00",
        "reserved": "0.00",
        "available": "102.50",
    }
    (certificate,) = map(json.loads, hook.run("certificates", "--json").stdout.splitlines())
    assert (certificate["names"], certificate["flags"]) == (NAMES, ["short"])
    assert hook.run("chain", certificate["fingerprint"]).stdout.count("BEGIN CERTIFICATE") == 2
    assert [json.loads(line)["kind"] for line in hook.run("decisions", "--json").stdout.splitlines()] == [
        "top_up",
        "certificate",
        "authorization",
    ]
    assert KID in hook.run("customers").stdout
    assert len(hook.run("export").stdout.splitlines()) == 1 + 1 + 1 + 1 + 1 + 1 + 3
    copy = hook.run("backup", str(tmp_path / "backups"))
    assert copy.returncode == 0
    head = hook.run("log-head").stdout.strip()
    assert hook.run("verify-log", "--head", head).returncode == 0
    saved = Hook(tmp_path / "restored", database_url=f"sqlite:///{copy.stdout.strip()}")
    assert saved.run("verify-log", "--head", head).returncode == 0


def test_a_log_that_was_touched_is_found(hook: Hook) -> None:
    for number in range(3):
        hook.authorize([f"n{number}.alpha.test"])
    hook.deliver(["n0.alpha.test"], hook.authority.chain(["n0.alpha.test"]))
    head = hook.run("log-head").stdout.strip()
    hook.stop()
    good = (hook.path / "hook.sqlite").read_bytes()
    changes = [
        "UPDATE decisions SET body = replace(body, '1000', '1') WHERE sequence = 2",
        "DELETE FROM decisions WHERE sequence = 2",
        "UPDATE accounts SET debited = 0",
        "DELETE FROM debits",
        "UPDATE reservations SET state = 'expired' WHERE state = 'open'",
        "UPDATE head SET sequence = 3",
        "INSERT INTO top_ups VALUES ('x', 'alpha', 'balance', 100, 1)",
    ]
    found = 0
    for change in changes:
        (hook.path / "hook.sqlite").write_bytes(good)
        with contextlib.closing(sqlite3.connect(hook.path / "hook.sqlite")) as database:
            database.execute(change)
            database.commit()
        found += hook.run("verify-log").returncode
    (hook.path / "hook.sqlite").write_bytes(good)
    assert hook.run("verify-log", "--head", head).returncode == 0
    assert hook.run("verify-log", "--head", f"3:{'0' * 64}").returncode == 1
    print(f"\n{len(changes)} changes behind the log's back: {found} found")
    assert found == len(changes)


def test_logs_and_metrics_hold_no_secret(tmp_path: Path) -> None:
    with Hook(tmp_path / "hook", log_level="debug") as hook:
        hook.authorize(NAMES)
        hook.authorize(["evil\r\nname"], "kid\r\nX-Injected: 1")
        hook.request("POST", f"/{PREFIX}/nothing", {})
        hook.request("GET", f"/healthz?{PREFIX}")
        raw(hook, f"GARBAGE {PREFIX}\r\n\r\n".encode())
        shown = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        metrics = hook.request("GET", "/metrics", headers=shown)[1].decode()
        # a proxy on the same host need not say that it is one
        for wrong in ({}, {"Authorization": f"Bearer {TOKEN}"}, {**shown, "X-Forwarded-For": "192.0.2.1"}):
            assert hook.request("GET", "/metrics", headers=wrong) == (404, b"")
        assert set(json.loads(hook.request("GET", "/healthz")[1])) == {"status", "policy"}
    assert 'certfleet_hook_available{customer="alpha",unit="balance"} 9000.0' in metrics
    for text in (hook.log, metrics):
        assert PREFIX not in text
        assert TOKEN not in text
        assert METRICS_TOKEN not in text
        assert "Injected" not in text
    assert all(json.loads(line)["at"] for line in hook.log.splitlines())


def test_restarts_lose_no_request(tmp_path: Path) -> None:
    """The socket stays, as with systemd; restarts under load: every request gets its answer, and at the first attempt."""
    hook, restarts = Hook(tmp_path / "hook"), 5
    hook.customers["alpha"]["balance"] = "1000000.00"
    hook.write_policy()
    statuses, failures, stopped = Counter[int](), list[str](), threading.Event()

    def ask(number: int) -> None:
        count = 0
        while not stopped.is_set():
            count += 1
            try:
                statuses[hook.authorize([f"n{count}.c{number}.alpha.test"])[0]] += 1
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))

    with hook.hold_socket(), hook:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _number in range(restarts):
            time.sleep(0.2)  # for some requests with each process
            hook.stop()
            hook.start()
        stopped.set()
        for thread in threads:
            thread.join()
        recorded = hook.rows("reservations")
    print(
        f"\n{restarts} restarts: statuses {dict(statuses)}, requests without an answer {len(failures)}, records {recorded}"
    )
    assert failures == []
    assert set(statuses) == {200}
    assert recorded == statuses[200] > restarts
