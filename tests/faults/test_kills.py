# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill test: SIGKILL at random points of a whole play, from the providers' credentials to issued certificates, again and again.

After some kills the play runs to its end once, without help; then everything is counted. Then other names or other keys are wanted, so
that there is always work, and every few rounds there are new customers.

    CERTFLEET_KILLS=5000 CERTFLEET_SEED=2 make faults     the long form
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.driving import Driver
from tests.support.issuing import certificate, leftovers, loose, mixed
from tests.support.sandbox import Sandbox

SEED = int(os.environ.get("CERTFLEET_SEED", "20261122"))
KILLS = 200
LONG = int(os.environ.get("CERTFLEET_KILLS", "2000"))
MOST_PER_ROUND = 8
ROUNDS_PER_CUSTOMER = 4
PLAYBOOK_SHARE = 0.06  # of the kills hit a whole ansible-playbook instead

HOST = "127.0.0.1"


def descendants(pid: int) -> list[int]:
    """Ansible's workers have process groups of their own, so the tree is what counts."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
    found, level = [pid], {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found += level
    return found


def kill_tree(pid: int) -> None:
    """Stopped first, so that no new process is missed."""
    while True:
        known = descendants(pid)
        for each in known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
        if set(descendants(pid)) == set(known):
            break
    for each in known:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


@dataclass
class World:
    """The sandbox, the customers of the moment, and what is wanted of them."""

    sandbox: Sandbox
    state: Path
    work: Path
    customer: int = 0
    version: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def emails(self) -> dict[str, str]:
        return {name: f"{name}{self.customer}@example.test" for name in ("alpha", "beta")}

    def wanted(self) -> dict[str, list[dict[str, Any]]]:
        """Even versions change the names, odd ones the keys: the same names again, as in a renewal."""
        base, size = f"c{self.customer}.test", (256, 384)[self.version % 2]
        names = f"v{self.version // 2}"
        return {
            "alpha": [
                certificate(f"www.{base}", f"www.{base}", f"{names}.www.{base}", key_size=size),
                certificate(f"*.{base}", f"*.{base}", f"{names}.{base}", key_size=size, challenge="dns-01"),
                certificate(f"shop.{base}", f"shop.{base}", f"{names}.shop.{base}", key_size=size),
            ],
            "beta": [certificate(f"mail.{base}", f"mail.{base}", f"{names}.mail.{base}", key_size=size)],
        }

    def steps(self) -> list[tuple[str, dict[str, Any]]]:
        sandbox, found = self.sandbox, []
        sslcom, identrust = sandbox.sslcom, sandbox.identrust
        directories = {
            "alpha": sslcom["directory_urls"]["ecc"],
            "beta": identrust["directory_urls"]["TLS-90d"],
        }
        secrets: dict[str, dict[str, Any]] = {
            "alpha": {
                "account_key": sslcom["account_key"],
                "secret_key": sslcom["secret_key"],
                "description": self.emails["alpha"],
                "api_url": sslcom["api_url"],
            },
            "beta": {
                "customer_email": self.emails["beta"],
                "api_key": identrust["api_key"],
                "api_url": identrust["api_url"],
            },
        }
        for issuer, certificates in self.wanted().items():
            own = self.state / str(self.customer)
            eab, key = str(own / "eab" / f"{issuer}.json"), str(own / "accounts" / f"{issuer}.key")
            acme = {"directory_url": directories[issuer], "ca_path": sandbox.ca_path}
            sets = {"sets_path": str(own / "sets"), "certificates": certificates}
            provider = {"alpha": "sslcom_acme_credential", "beta": "identrust_account"}[issuer]
            found += [
                (provider, {**secrets[issuer], "path": eab, "ca_path": sandbox.ca_path}),
                (
                    "acme_account",
                    {
                        **acme,
                        "account_key_path": key,
                        "eab_path": eab,
                        "contact": [self.emails[issuer]],
                        "terms_agreed": True,
                    },
                ),
                ("acme_renewal_info", {**acme, **sets}),
                ("certificate_request", {**sets, "directory_url": acme["directory_url"]}),
                ("acme_order", {**acme, **sets, "account_key_path": key}),
                ("acme_finalize", {**acme, **sets, "account_key_path": key, "wait_timeout": 60}),
            ]
        return found

    def plan(self) -> dict[str, Any]:
        return {
            "steps": self.steps(),
            "control_url": self.sandbox.endpoints["control_url"],
            "webroot": str(self.sandbox.state / "hosts" / "web" / "www"),
            "report": str(self.work / "report"),
        }

    def playbook(self) -> Path:
        """The same as a playbook. DNS records go to the sandbox by `uri`."""
        plan, tasks = self.plan(), []
        for name, options in plan["steps"]:
            tasks.append({"name": name, f"certfleet.reseller.{name}": options})
            if name == "acme_order":
                tasks[-1]["register"] = "orders"
            if name in ("acme_order", "acme_finalize"):
                here = name == "acme_order"
                options = {"webroot": plan["webroot"], "challenges": "{{ orders.http_challenges }}"}
                options["state"] = "present" if here else "absent"
                tasks.append({"name": "files", "certfleet.reseller.acme_http_challenge": options})
                record = {
                    "url": plan["control_url"] + "/dns/txt",
                    "method": "PUT" if here else "DELETE",
                    "body_format": "json",
                    "body": {"name": "{{ item.record }}", "value": "{{ item.value }}"},
                }
                tasks.append({"name": "records", "ansible.builtin.uri": record, "loop": "{{ orders.dns_records }}"})
        path = self.work / "playbook.yml"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        path.write_text(yaml.safe_dump([play]), encoding="utf-8")
        return path


@dataclass
class Counts:
    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    certificates: int = 0
    not_converged: list[str] = field(default_factory=list)
    not_settled: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    changed_keys: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    extra_orders: list[str] = field(default_factory=list)


class Test:
    __test__ = False

    def __init__(self, world: World, driver: Driver, random_: random.Random) -> None:
        self.world, self.driver, self.random = world, driver, random_
        self.counts = Counts()
        self._keys: dict[Path, bytes] = {}
        self._ledger = 0
        self._duration = {"modules": 3.0, "playbook": 9.0}

    def run(self, kills: int) -> None:
        counts = self.counts
        while counts.kills.total() < kills:
            for _unused in range(self.random.randint(2, MOST_PER_ROUND)):
                if not self._kill():
                    break  # it came to its end before
            self._converge()
            self._next()

    def _kill(self) -> bool:
        how = "playbook" if self.random.random() < PLAYBOOK_SHARE else "modules"
        delay = self.random.uniform(0, self._duration[how])
        started = time.monotonic()
        code = self.driver.run(self.world.plan(), delay) if how == "modules" else self._play(delay)
        if code >= 0:
            self._duration[how] = 0.5 * self._duration[how] + 0.5 * (time.monotonic() - started)
        if code > 0:
            self.counts.not_converged.append(self._report(f"before a kill, round {self.counts.rounds}"))
        self.counts.kills[how] += code < 0
        self._look("after a kill")
        return code < 0

    def _play(self, delay: float) -> int:
        command = ["ansible-playbook", "-i", "localhost,", str(self.world.playbook())]
        with (self.world.work / "report").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                return process.wait(delay)
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                return process.wait()

    def _report(self, when: str) -> str:
        return f"{when}: {(self.world.work / 'report').read_text(encoding='utf-8', errors='replace')[-1500:]}"

    def _converge(self) -> None:
        """One run must be enough, and the next one must have nothing to do."""
        started, counts = time.monotonic(), self.counts
        if self.driver.run(self.world.plan()) != 0:
            counts.not_converged.append(self._report(f"round {counts.rounds}"))
            self.driver.run(self.world.plan())
        else:
            # an upper limit for the next kills; runs that had nothing left to do do not lower it at once
            self._duration["modules"] = max(0.8 * self._duration["modules"], time.monotonic() - started)
        self.driver.run(self.world.plan())
        report = json.loads((self.world.work / "report").read_text(encoding="utf-8"))
        counts.not_settled += [f"{entry}" for entry in report if entry["changed"]]
        self._look("after convergence")
        counts.leftovers += leftovers(self.world.state)
        counts.certificates += sum(map(len, self.world.wanted().values()))
        self._count_orders()
        counts.rounds += 1

    def _look(self, when: str) -> None:
        """At every moment: live sets are complete, live keys are what they were, nothing is open to others."""
        own = self.world.state / str(self.world.customer)
        self.counts.mixed += [f"{when}: {name}" for name in mixed(own / "sets")]
        self.counts.loose += loose(self.world.state)
        for link in own.glob("sets/*/current"):
            key = link.resolve() / "privkey.pem"
            digest = hashlib.sha256(key.read_bytes()).digest()
            if self._keys.setdefault(key, digest) != digest:
                self.counts.changed_keys.append(str(key))

    def _count_orders(self) -> None:
        """Of this version: one order for each list of names, or one more for each that had become invalid."""
        entries = self.world.sandbox.ledger()
        new = entries[self._ledger :]
        self._ledger = len(entries)
        orders = Counter(
            (entry["service"], entry["account"], tuple(sorted(entry["identifiers"])))
            for entry in new
            if entry["effect"] == "newOrder"
        )
        self.counts.extra_orders += [f"{key}: {number}" for key, number in orders.items() if number > 1]

    def _next(self) -> None:
        world = self.world
        if (self.counts.rounds % ROUNDS_PER_CUSTOMER) == 0:
            world.customer, world.version = world.customer + 1, 0
        else:
            world.version += 1


def accounts(sandbox: Sandbox, effect: str, member: str) -> dict[str, int]:
    return dict(Counter(str(entry.get(member)) for entry in sandbox.ledger(effect=effect)))


def hunt(kills: int, seed: int, tmp_path: Path) -> None:
    faulthandler.cancel_dump_traceback_later()  # it takes its time, and every part of it has a time limit of its own
    started = time.monotonic()
    state, work = tmp_path / "state", tmp_path / "work"
    for directory in (state, work):
        directory.mkdir(0o700)
    with Sandbox(hosts={"web": HOST}) as sandbox:
        driver = Driver(work / "driver.log")
        try:
            test = Test(World(sandbox, state, work), driver, random.Random(seed))
            test.run(kills)
        finally:
            driver.close()
        counts = test.counts
        credentials = accounts(sandbox, "credentials_created", "description")
        customers = accounts(sandbox, "account_created", "email")
        registered = Counter((entry["service"], entry["kid"]) for entry in sandbox.ledger(effect="newAccount"))
        orders = sandbox.count(effect="newOrder")
    numbers: list[tuple[str, Any, Any]] = [
        ("kills -9 of module runs", counts.kills["modules"], None),
        ("kills -9 of ansible-playbook", counts.kills["playbook"], None),
        ("rounds, each ended by one run without help", counts.rounds, None),
        ("certificates issued", counts.certificates, None),
        ("ACME orders placed", orders, None),
        ("runs that failed or needed help", len(counts.not_converged), 0),
        ("second runs that changed something", len(counts.not_settled), 0),
        ("accounts at SSL.com beyond one per customer", sum(credentials.values()) - len(credentials), 0),
        ("accounts at IdenTrust beyond one per e-mail", sum(customers.values()) - len(customers), 0),
        ("ACME accounts beyond one per credential", registered.total() - len(registered), 0),
        ("orders beyond one per certificate version", len(counts.extra_orders), 0),
        ("live sets that were incomplete or had another key", len(counts.mixed), 0),
        ("live keys that were touched", len(counts.changed_keys), 0),
        ("files or directories open to others", len(counts.loose), 0),
        ("files left behind after convergence", len(counts.leftovers), 0),
    ]
    print(f"seed {seed}, {time.monotonic() - started:.0f} s")
    for text, number, _right in numbers:
        print(f"{number:6} {text}")
    for found in (
        *(counts.not_converged, counts.not_settled, counts.extra_orders, counts.mixed),
        *(counts.changed_keys, counts.loose, counts.leftovers),
    ):
        for line in found[:5]:
            print(f"       - {line}")
    wrong = [text for text, number, right in numbers if right is not None and number != right]
    assert not wrong, wrong
    assert counts.kills.total() >= kills


@pytest.mark.parametrize("half", range(2))  # side by side
def test_kills(tmp_path: Path, half: int) -> None:
    hunt(KILLS // 2, SEED + half, tmp_path)


@pytest.mark.slow
def test_thousands_of_kills(tmp_path: Path) -> None:
    hunt(LONG, SEED, tmp_path)
