# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred OCSP checks: one task of ours, a shell loop of `openssl ocsp`, and an Ansible loop over `command: openssl ocsp`.

All of them ask the same responder on loopback, which waits 20 ms before each answer, as one that is so far away would. It keeps
connections, as real ones do; the time that a distant responder takes for a connection is not simulated, which is to the advantage of
`openssl ocsp`: it opens one for each certificate. Ours and the Ansible loop are whole runs of ansible-playbook; the shell loop is
measured without any. Then ours again, with one certificate in ten whose responder takes connections and never answers, each of them
another one.

    make bench        or: python -m tests.bench.bench_ocsp [--certificates 200] [--rounds 3] [--loop-rounds 1]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.bench.targets import Target, show
from tests.support.revocation import Lab, Responder, leaf

DELAY = 0.020
PATIENCE = 3


def play(state: Path, name: str, tasks: list[dict[str, Any]]) -> tuple[float, str]:
    """Seconds of a whole ansible-playbook, and its output."""
    path = state / f"{name}.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_STDOUT_CALLBACK": "default"}
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(path)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{path} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return seconds, done.stdout


def ours(state: Path, folder: Path, ports: list[int], good: int) -> float:
    """One task, which fails unless all were asked."""
    options = {
        "paths": [str(folder / "*.pem")],
        "allowed_networks": ["127.0.0.0/8"],
        "allowed_ports": ports,
        "responder_timeout": PATIENCE,
        "crl_fallback": False,
    }
    seconds, _output = play(
        state,
        f"ours-{folder.name}",
        [
            {
                "certfleet.reseller.ocsp_check": options,
                "register": "found",
                "failed_when": f"found.counts.good != {good}",
            }
        ],
    )
    return seconds


def openssl(folder: Path, url: str, name: str) -> list[str]:
    command = ["openssl", "ocsp", "-CAfile", str(folder / "chain"), "-issuer", str(folder / "issuer"), "-cert"]
    return [*command, name, "-url", url]


def shell_loop(folder: Path, url: str, good: int) -> float:
    script = f"for file in {folder}/*.pem; do {' '.join(openssl(folder, url, '$file'))}; done 2>/dev/null"
    started = time.monotonic()
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    seconds = time.monotonic() - started
    if done.stdout.count(": good\n") != good:
        sys.exit(f"the shell loop has {done.stdout.count(': good')} good ones:\n{done.stdout[:1000]}")
    return seconds


def ansible_loop(state: Path, folder: Path, url: str) -> float:
    files = sorted(str(path) for path in folder.glob("*.pem"))
    task = {
        "ansible.builtin.command": {"argv": openssl(folder, url, "{{ item }}")},
        "loop": files,
        "changed_when": False,
        "register": "found",
        "failed_when": "': good' not in found.stdout",
    }
    return play(state, "loop", [task])[0]


@contextlib.contextmanager
def silent(count: int) -> Iterator[list[int]]:
    """Ports of servers that take connections and never answer: nobody accepts, but the kernel does."""
    made = []
    try:
        for _number in range(count):
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            made.append(listener)
        yield [listener.getsockname()[1] for listener in made]
    finally:
        for listener in made:
            listener.close()


def certificates(folder: Path, lab: Lab, urls: list[str]) -> None:
    folder.mkdir()
    for number, url in enumerate(urls):
        one = leaf(lab.issuer, f"n{number}.bench.test", (url, None))
        (folder / f"n{number:04}.pem").write_bytes(one.pem + lab.issuer.pem)
    (folder / "issuer").write_bytes(lab.issuer.pem)
    (folder / "chain").write_bytes(lab.issuer.pem + lab.root.pem)


def empty(state: Path) -> float:
    return play(state, "ping", [{"ansible.builtin.ping": {}}])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--loop-rounds", type=int, default=1, help="of the Ansible loop, which takes a minute; 0 for none"
    )
    arguments = parser.parse_args()
    if shutil.which("openssl") is None:
        print("skipped: openssl is missing")
        return
    lab, count = Lab(), arguments.certificates
    state = Path(tempfile.mkdtemp(prefix="certfleet-bench-"))
    spent: dict[str, list[float]] = {name: [] for name in ("ping", "ours", "dead", "shell", "loop")}
    try:
        with Responder(lab.issuer, delay=DELAY) as responder, silent(count // 10) as dead:
            certificates(state / "alive", lab, [responder.url] * count)
            silents, ports = [f"http://127.0.0.1:{port}" for port in dead], [responder.port, *dead]
            places = [
                silents[number // 10] if number % 10 == 3 else responder.url for number in range(count // 10 * 10)
            ]
            certificates(state / "dead", lab, places)
            ours(state, state / "alive", ports, count)  # the first run compiles
            for number in range(max(arguments.rounds, arguments.loop_rounds)):
                if number < arguments.rounds:
                    spent["ping"].append(empty(state))
                    spent["ours"].append(ours(state, state / "alive", ports, count))
                    spent["dead"].append(ours(state, state / "dead", ports, len(places) - len(dead)))
                    spent["shell"].append(shell_loop(state / "alive", responder.url, count))
                if number < arguments.loop_rounds:
                    spent["loop"].append(ansible_loop(state, state / "alive", responder.url))
    finally:
        shutil.rmtree(state, ignore_errors=True)
    report(spent, count)


def report(spent: dict[str, list[float]], count: int) -> None:
    middle = {name: statistics.median(values) for name, values in spent.items() if values}
    words = {
        "ping": "a play with one ping, to compare",
        "ours": "ocsp_check, one task, whole play",
        "dead": f"the same, 1 in 10 responders dead (timeout {PATIENCE} s)",
        "shell": "sh loop of openssl ocsp, no play",
        "loop": "Ansible loop over command: openssl ocsp",
    }
    rounds = {len(values) for name, values in spent.items() if name != "loop"}
    print(
        f"{count} certificates, responder {DELAY * 1000:.0f} ms away, medians of {max(rounds)}, "
        f"the Ansible loop of {len(spent['loop'])}:"
    )
    for name, value in middle.items():
        print(f"  {words[name]:<52} {value:7.2f} s")
    # of runs one right after the other: a machine that is busier for a minute is so for both
    lost = statistics.median(dead - alive for dead, alive in zip(spent["dead"], spent["ours"], strict=True))
    targets = [
        Target("the shell loop of openssl ocsp, to our play", middle["shell"] / middle["ours"], ">=", 4, "x"),
        Target("what 1 in 10 dead responders cost", lost, "<=", PATIENCE, "s"),
    ]
    if "loop" in middle:
        targets.append(Target("the Ansible loop, to our play", middle["loop"] / middle["ours"], ">=", 30, "x"))
    show(targets)


if __name__ == "__main__":
    main()
