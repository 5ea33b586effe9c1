# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certificate_deploy costs on a fleet, beside ansible.builtin.ping and the usual role of six tasks.

Whole runs of ansible-playbook over hosts with roots of their own on this machine: local connection, no facts, ten forks, no pipelining. The
start of a play without a task is subtracted. "First run" is for hosts that have nothing yet, "in order" for those where nothing is to do.

- ping: one ansible.builtin.ping per host, the unit of the columns "pings".
- six tasks: stat, copy of key, certificate and chain, x509_certificate_info, and a handler for the reload. One set; nothing is verified.
- N sets: one certificate_deploy with N sets. More than ten only with the fewest hosts, to see how the cost grows.
- 10 sets, served: the same with a TLS endpoint for each set: the run proves what it serves, ten handshakes per host. They are the host's work,
  which is this machine's here, as is the server's. Elsewhere the controller has none of it.
- 10 sets, playbook: the playbook certfleet.reseller.deploy, with its canary, its batches and its summary.

Time is what a user waits for; the processor's time is less disturbed by what else a machine does, and counts controller and hosts, but not
the server.

    make bench        or: python -m tests.bench.bench_deploy [--hosts 10 50 100] [--sets 1 10 50] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.targets import Target, show
from tests.unit.plugins.module_utils._deploy.pki import issue, store

INFO = "community.crypto.x509_certificate_info"
FORKS = 10
START, PING, SIX = "start", "ping", "six tasks"
FIRST, IN_ORDER = "first run", "in order"
USUAL = 10  # sets on a host
PINGS, TIMES, GROWTH_BY_HOSTS, GROWTH_BY_SETS = 0.2, 25, 1.5, 2

Tasks = list[dict[str, Any]]
Measured = dict[str, dict[str, "Spent"]]  # first run or in order, then the play; without the start of the play


@dataclass(frozen=True)
class Spent:
    """Seconds: as a clock has them, and of the processor."""

    elapsed: float
    processor: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.elapsed - other.elapsed, self.processor - other.processor)


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median(all_spent: list[Spent]) -> Spent:
    return Spent(*(statistics.median(getattr(each, name) for each in all_spent) for name in ("elapsed", "processor")))


class Bench:
    """A controller's sets, a server for their endpoints, and plays over as many hosts as are asked for."""

    def __init__(self, path: Path, sets: int) -> None:
        self.path = path
        self.names = [f"n{number}.example.com" for number in range(sets)]
        for name in self.names:
            store(path / "sets", name, issue([name]))
        self.port = self._serve()

    def _serve(self) -> int:
        contexts = {}
        for name in self.names:
            live = self.path / "sets" / name / "current"
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[name].load_cert_chain(live / "fullchain.pem", live / "privkey.pem")
        first = contexts[self.names[0]]

        def choose(tls: ssl.SSLSocket, name: str, _context: ssl.SSLContext) -> None:
            tls.context = contexts[name]

        first.sni_callback = choose  # type: ignore[assignment]
        server = socket.create_server(("127.0.0.1", 0), backlog=1000)

        def answer() -> None:
            while True:
                plain, _address = server.accept()
                plain.settimeout(5)
                with suppress(OSError), plain, first.wrap_socket(plain, server_side=True) as tls:
                    tls.recv(1)  # as servers do, it waits for a request

        for _thread in range(4):
            threading.Thread(target=answer, daemon=True).start()
        return int(server.getsockname()[1])

    def host_root(self, play: str) -> str:
        return str(self.path / "hosts" / "{{ inventory_hostname }}" / play.replace(" ", "-"))

    def deploy(self, play: str, sets: int, served: bool = False) -> Tasks:
        endpoints = {"endpoints": [{"port": self.port}]} if served else {}
        certificates = [{"name": name, **endpoints} for name in self.names[:sets]]
        options = {"sets_path": str(self.path / "sets"), "root": self.host_root(play), "certificates": certificates}
        return [{"certfleet.reseller.certificate_deploy": options}]

    def playbook(self, play: str, sets: int) -> Tasks:
        certificates = [{"name": name, "hosts": "all"} for name in self.names[:sets]]
        variables = {
            "certfleet_state_path": str(self.path),
            "certfleet_root": self.host_root(play),
            "certfleet_certificates": certificates,
        }
        return [{"import_playbook": "certfleet.reseller.deploy", "vars": variables}]

    def six_tasks(self) -> Tasks:
        source, target = self.path / "sets" / self.names[0] / "current", self.host_root(SIX)
        copies: Tasks = [
            {
                "ansible.builtin.copy": {"src": str(source / file), "dest": f"{target}-{file}", "mode": mode},
                "notify": "reload",
            }
            for file, mode in (("privkey.pem", "0600"), ("cert.pem", "0644"), ("chain.pem", "0644"))
        ]
        return [
            {"ansible.builtin.stat": {"path": f"{target}-cert.pem"}},
            *copies,
            {INFO: {"path": f"{target}-cert.pem"}},
        ]

    def play(self, name: str, tasks: Tasks, hosts: int) -> Spent:
        """A whole ansible-playbook."""
        file, inventory = self.path / "play.json", self.path / f"hosts-{hosts}"
        names = [f"host{number:03}" for number in range(hosts)]
        inventory.write_text("\n".join(names) + "\n")
        for host in names:
            (self.path / "hosts" / host).mkdir(parents=True, exist_ok=True)
        handlers = [{"name": "reload", "ansible.builtin.command": "true"}]
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks, "handlers": handlers if name == SIX else []}
        whole = "import_playbook" in (tasks or [{}])[0]
        file.write_text(json.dumps(tasks if whole else [play]))
        started, used = time.monotonic(), processor()
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), "-c", "local", "-f", str(FORKS), str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        spent = Spent(time.monotonic() - started, processor() - used)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        self.changed = "changed=0" not in done.stdout
        return spent

    def forget(self) -> None:
        """The hosts are new again."""
        shutil.rmtree(self.path / "hosts", ignore_errors=True)


def plays(bench: Bench, sets: list[int]) -> Iterator[tuple[str, Tasks]]:
    yield START, []
    yield PING, [{"ansible.builtin.ping": {}}]
    yield SIX, bench.six_tasks()
    for number in sets:
        yield named(number), bench.deploy(named(number), number)
    if USUAL in sets:
        yield named(USUAL, "served"), bench.deploy("served", USUAL, served=True)
        yield named(USUAL, "playbook"), bench.playbook("playbook", USUAL)


def named(sets: int, how: str = "") -> str:
    return f"{sets} {'set' if sets == 1 else 'sets'}{how and ', ' + how}"


def measure(bench: Bench, sets: list[int], hosts: int, rounds: int) -> tuple[Measured, dict[str, float]]:
    """First runs, then runs in order, of all plays by turns: what disturbs the machine disturbs them all. And how long plays take to start."""
    found: dict[str, dict[str, list[Spent]]] = {FIRST: {}, IN_ORDER: {}}
    for number in range(rounds):
        bench.forget()
        for kind, spent in found.items():
            for name, tasks in plays(bench, sets):
                if name == SIX and number > 0:
                    continue  # it takes longer than all the others
                spent.setdefault(name, []).append(bench.play(name, tasks, hosts))
                if name not in (START, PING) and bench.changed != (kind == FIRST):
                    sys.exit(f"{name}: {kind} it is not")
    middle = {kind: {name: median(each) for name, each in spent.items()} for kind, spent in found.items()}
    starts = {kind: spent.pop(START) for kind, spent in middle.items()}
    beyond = {kind: {name: each - starts[kind] for name, each in spent.items()} for kind, spent in middle.items()}
    return beyond, {kind: start.elapsed for kind, start in starts.items()}


def report(hosts: int, measured: Measured, starts: dict[str, float], rounds: int) -> None:
    print(f"{hosts} hosts, {FORKS} forks, medians of {rounds}, the six tasks once", flush=True)
    for kind, all_spent in measured.items():
        print(f"  {kind} (the start of the play takes {starts[kind]:.2f} s)")
        print(
            f"    {'':<18} {'s':>8} {'ms/host':>8} {'pings':>7} {'six tasks':>10}   processor: {'ms/host':>8} {'pings':>7}"
        )
        ping, six = all_spent[PING], all_spent[SIX]
        for name, spent in all_spent.items():
            print(
                f"    {name:<18} {spent.elapsed:8.2f} {spent.elapsed * 1000 / hosts:8.1f} {spent.elapsed / ping.elapsed:7.2f}"
                f" {'1/%.1f' % (six.elapsed / spent.elapsed):>10}"
                f"{'':14} {spent.processor * 1000 / hosts:8.1f} {spent.processor / ping.processor:7.2f}"
            )


def targets(measured: dict[int, Measured]) -> list[Target]:
    """What is promised of hosts in order, and how it grows. ``measured``: by the number of hosts."""
    in_order = {hosts: found[IN_ORDER] for hosts, found in measured.items()}
    least, most = min(in_order), max(in_order)
    usual, one = named(USUAL), named(1)
    wanted = []
    for hosts, spent in in_order.items():
        if usual in spent:
            pings = spent[usual].elapsed / spent[PING].elapsed
            wanted.append(Target(f"{usual} in order, {hosts} hosts", pings, "<=", PINGS, "pings"))
        if one in spent:
            times = spent[SIX].elapsed / spent[one].elapsed
            wanted.append(Target(f"six tasks beside {one} in order, {hosts} hosts", times, ">=", TIMES, "times"))
    if least < most and usual in in_order[least]:
        growth = (in_order[most][usual].elapsed / most) / (in_order[least][usual].elapsed / least)
        name = f"cost of a host, {most} hosts beside {least}"
        wanted.append(Target(name, growth, "<=", GROWTH_BY_HOSTS, "times"))
    if {one, usual} <= set(in_order[most]):
        growth = in_order[most][usual].elapsed / in_order[most][one].elapsed
        wanted.append(Target(f"cost of {usual} beside {one}, {most} hosts", growth, "<=", GROWTH_BY_SETS, "times"))
    return wanted


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="certfleet-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--sets", type=int, nargs="+", default=[1, USUAL, 50])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    paths = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    if not any(Path(path, "ansible_collections", "community", "crypto").exists() for path in paths):
        print("skipped: community.crypto is missing (tools/collection_from_pypi.py brings it)")
        return
    with folder() as path:
        bench = Bench(path, max(arguments.sets))
        measured = {}
        for hosts in arguments.hosts:
            sets = [number for number in arguments.sets if number <= USUAL or hosts == min(arguments.hosts)]
            measured[hosts], starts = measure(bench, sets, hosts, arguments.rounds)
            report(hosts, measured[hosts], starts, arguments.rounds)
    show(targets(measured))


if __name__ == "__main__":
    main()
