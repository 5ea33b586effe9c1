# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reseller hook, killed at random points under load: no debit lost or doubled, no "yes" without a record.

Clients order as SSL.com's customers do, and repeat what got no answer; the service is started again after each kill, and nothing
else is done to it. Then everything is counted.

    CERTFLEET_HOOK_KILLS=1000 CERTFLEET_SEED=2 make faults     a longer form than 200
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from certfleet_hook import tables
from certfleet_hook.desk import Desk

from tests.support.hook import Hook
from tests.support.postgres import Impossible, Postgres, program

SEED = int(os.environ.get("CERTFLEET_SEED", "20261122"))
SHORT = 25
LONG = int(os.environ.get("CERTFLEET_HOOK_KILLS", "200"))
CLIENTS = 8
PATIENCE = 120  # seconds for one order, whatever happens meanwhile
PRICE = 1000


class Customer(threading.Thread):
    """Orders one certificate after the other until told to stop; what it was told is in ``allowed`` and ``stored``."""

    def __init__(self, hook: Hook, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"customer{number}")
        self._hook, self._number, self._stop_asked = hook, number, stop
        self._dice = random.Random(f"{SEED}/{number}")
        self.allowed: list[str] = []
        self.stored: list[str] = []
        self.wrong: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        count = 0
        while not self._stop_asked.is_set():
            name = f"n{count}.c{self._number}.alpha.test"
            count += 1
            try:
                self._until_answered(partial(self._hook.authorize, [name]))
                self.allowed.append(name)
                chain = self._hook.authority.chain([name])
                self._until_answered(partial(self._hook.deliver, [name], chain))
                self.stored.append(name)
                if self._dice.random() < 0.2:  # SSL.com, or somebody who has listened, says it all again
                    self._until_answered(partial(self._hook.authorize, [name]))
                    self._until_answered(partial(self._hook.deliver, [name], chain))
            except AssertionError as error:
                self.wrong.append(f"{name}: {error}")
                return

    def _until_answered(self, call: Callable[[], tuple[int, object]]) -> None:
        """A 500 and no answer are both to be repeated; anything else must be a "yes"."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = call()
                if status != 500:
                    assert (status, answer) == (200, {"success": True})
                    return
            self.repeated += 1
            time.sleep(self._dice.uniform(0.01, 0.05))  # clients that repeat do not do it in step
        raise AssertionError("no answer")


def storm(path: Path, kills: int, database_url: str = "") -> None:
    hook = Hook(path, database_url=database_url)
    hook.customers["alpha"] |= {"balance": "9000000.00", "rate": {"count": 10**6, "seconds": 1}}
    hook.write_policy()
    dice, stop, started = random.Random(SEED), threading.Event(), time.monotonic()
    customers = [Customer(hook, number, stop) for number in range(CLIENTS)]
    hook.start()
    try:
        for customer in customers:
            customer.start()
        for _number in range(kills):
            time.sleep(dice.uniform(0, 0.3))  # the moment of the kill is what is drawn
            hook.kill()
            hook.start()
    finally:
        stop.set()
        for customer in customers:
            customer.join()
    hook.stop()
    count(hook, customers, kills, time.monotonic() - started)


def count(hook: Hook, customers: list[Customer], kills: int, seconds: float) -> None:
    allowed = {name for customer in customers for name in customer.allowed}
    stored = {name for customer in customers for name in customer.stored}
    reserved = [names for (names,) in hook.query("SELECT names FROM reservations")]
    paid = [names for (names,) in hook.query("SELECT names FROM certificates JOIN debits USING (fingerprint)")]
    ((debited, held),) = hook.query("SELECT debited, reserved FROM accounts")
    unrecorded = len(allowed - {names[2:-2] for names in reserved})
    lost, doubled = len(stored - {names[2:-2] for names in paid}), len(paid) - len(set(paid))
    repeated = sum(customer.repeated for customer in customers)
    checked = hook.run("verify-log")
    print(
        f"\n{hook.database_url.partition(':')[0]}: {kills} kills, {len(stored)} orders, {repeated} requests repeated; debits {len(paid)}, "
        f"lost {lost}, doubled {doubled}; yes without a record {unrecorded}; {checked.stdout.strip()[:40]}; {seconds:.0f} s"
    )
    assert [customer.wrong for customer in customers] == [[]] * CLIENTS
    assert (unrecorded, lost, doubled) == (0, 0, 0)
    assert len(reserved) == len(set(reserved)) == len(paid) == len(stored) == len(allowed)
    assert (debited, held) == (PRICE * len(paid), 0)
    assert checked.returncode == 0, checked.stderr
    assert repeated >= kills // 2  # else nothing was under way when they came
    assert len(stored) > kills


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    try:
        program("initdb")
    except Impossible as error:
        if os.environ.get("CERTFLEET_NO_SKIP") == "1":
            pytest.fail(f"{error} (CERTFLEET_NO_SKIP=1 asks for everything)", pytrace=False)
        pytest.skip(str(error))
    with Postgres() as database:
        yield database


@pytest.fixture
def database_url(postgres: Postgres, tmp_path: Path) -> str:
    """A database of its own."""
    return postgres.create(tmp_path.name)


def test_kills_with_sqlite(tmp_path: Path) -> None:
    storm(tmp_path / "hook", SHORT)


def test_kills_with_postgresql(tmp_path: Path, database_url: str) -> None:
    storm(tmp_path / "hook", SHORT, database_url)


@pytest.mark.slow
def test_kills_with_sqlite_long(tmp_path: Path) -> None:
    storm(tmp_path / "hook", LONG)


@pytest.mark.slow
def test_kills_with_postgresql_long(tmp_path: Path, database_url: str) -> None:
    storm(tmp_path / "hook", LONG, database_url)


def test_two_nodes_on_one_database(tmp_path: Path, database_url: str) -> None:
    """The same orders at both at the same moment: one reservation and one debit each, and one chain."""
    with Hook(tmp_path / "one", database_url=database_url) as one:
        two = Hook(tmp_path / "two", database_url=database_url)
        two.authority, two.customers = one.authority, one.customers
        for hook in (one, two):
            hook.customers["alpha"]["balance"] = "1010.00"  # repetitions of what is settled need the price of one
            hook.write_policy()
        with two:
            time.sleep(1.5)  # until both have the policy, which is looked at every second
            chains = {f"n{number}.alpha.test": one.authority.chain([f"n{number}.alpha.test"]) for number in range(100)}
            statuses: set[int] = set()

            def order(hook: Hook) -> None:
                for name, chain in chains.items():
                    statuses.add(hook.authorize([name])[0])
                    statuses.add(hook.deliver([name], chain)[0])

            threads = [threading.Thread(target=order, args=(hook,)) for hook in (one, two, one, two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            rows = {table: one.rows(table) for table in ("reservations", "debits", "decisions")}
            assert one.authorize(["last.alpha.test"])[0] == 200
            assert two.authorize(["more.alpha.test"])[0] == 403  # all is spent, and both know
            assert one.authorize(["more.alpha.test"])[0] == 403
        print(f"\n100 orders at two nodes by four clients: statuses {statuses}, rows {rows}")
        assert statuses == {200}
        assert rows == {"reservations": 100, "debits": 100, "decisions": 200}
        assert one.run("verify-log").returncode == 0


def test_an_export_shows_one_moment(database_url: str) -> None:
    """Though a payment is booked while it is read."""
    engine = tables.connect(database_url)
    tables.prepare(engine)
    desk = Desk(engine)
    desk.top_up("alpha", "balance", 1, "payment 1")
    lines = desk.everything()
    first = next(lines)
    desk.top_up("alpha", "balance", 1, "payment 2")
    found = [table for table, _row in (first, *lines)]
    engine.dispose()
    assert [found.count(table) for table in ("accounts", "decisions", "top_ups")] == [1, 1, 1]
