# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paid orders under kills, faulty answers and competition: no order is ever booked twice by one journal.

CERTFLEET_ORDERS=1000 CERTFLEET_SEED=2 make faults     the long form
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.faults.driving import Driver
from tests.support import ordering
from tests.support.sandbox import Sandbox

SEED = int(os.environ.get("CERTFLEET_SEED", "20261122"))
LONG = int(os.environ.get("CERTFLEET_ORDERS", "1000"))
AT_ONCE = 10
MOST_RUNS = 60
# Longer than the slowest booking, the lag of the list and a busy machine together; the journal's times are whole seconds.
QUIET = 4
KINDS = "cut_before+cut_after+cut_during+502+502_after+429+truncate+errors_200"
SLOW = "book_delay_max=0.4,list_lag_max=0.3,dcv=none"


@contextmanager
def market(**options: Any) -> Iterator[Sandbox]:
    with Sandbox(**options) as sandbox:
        yield sandbox


@pytest.fixture
def drivers(tmp_path: Path) -> Iterator[list[Driver]]:
    found = [Driver(tmp_path / f"driver{number}.log") for number in range(AT_ONCE)]
    yield found
    for driver in found:
        driver.close()


@dataclass
class Counts:
    runs: int = 0
    kills: int = 0
    wanted: int = 0
    unresolved: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, runs: int = 0, kills: int = 0) -> None:
        with self.lock:
            self.runs += runs
            self.kills += kills


def plan(options: dict[str, Any], report: Path) -> dict[str, Any]:
    return {"steps": [("sslmarket_order", options)], "report": str(report), "control_url": "", "webroot": ""}


def settle(driver: Driver, options: dict[str, Any], report: Path, dice: random.Random, counts: Counts) -> bool:
    """Runs the module as a nightly job would, killed again and again, until it says that the order is there."""
    for number in range(MOST_RUNS):
        kill = number == 0 or dice.random() < 0.4
        code = driver.run(plan(options, report), dice.uniform(0, 0.8) if kill else None)
        counts.add(runs=1, kills=code < 0)
        if code == 0 and not kill:
            return True
        if code > 0:
            time.sleep(dice.uniform(0.2, 0.6))  # who failed does not come back at once
    return False


def storm(tmp_path: Path, drivers: list[Driver], certificates: int) -> None:
    free: Queue[Driver] = Queue()
    for driver in drivers:
        free.put(driver)
    counts = Counts(wanted=certificates)
    faults = f"seed={SEED},rate=0.3,kinds={KINDS},services=sslmarket"
    with market(faults=faults, sslmarket_knobs=SLOW) as sandbox:
        keys = [ordering.request(tmp_path / f"c{n}.csr", f"c{n}.alpha.test") for n in range(certificates)]

        def one(number: int) -> None:
            options = ordering.order(
                sandbox,
                tmp_path / "journal",
                tmp_path / f"c{number}.csr",
                quiet_period=QUIET,
                on_unknown="resubmit",
                max_orders_per_day=10**6,
                timeout=10,
            )
            driver = free.get()
            try:
                dice = random.Random(f"{SEED}/{number}")
                if not settle(driver, options, tmp_path / f"report{number}", dice, counts):
                    counts.unresolved.append(keys[number])
            finally:
                free.put(driver)

        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(one, range(certificates)))
        time.sleep(1)  # what a killed client sent last is booked by now
        paid = Counter(entry["public_key"] for entry in ordering.booked(sandbox))
        requests = sandbox.ledger(service="sslmarket")
        faulty = sum(entry["fault"] is not None for entry in requests)
        extra = sum(number - 1 for number in paid.values())
        print(
            f"\ncertificates {certificates}, runs {counts.runs}, kills {counts.kills}, requests {len(requests)}, "
            f"faulty answers {faulty} ({100 * faulty / len(requests):.0f} %), orders booked {sum(paid.values())}, "
            f"extra orders {extra}, unresolved {len(counts.unresolved)}, {time.monotonic() - started:.0f} s"
        )
        assert extra == 0
        missing = [f"c{keys.index(key)}.alpha.test" for key in set(keys) - set(paid)]
        assert not missing
        assert set(paid) == set(keys)
        assert len(counts.unresolved) <= certificates // 1000
        assert counts.kills >= certificates
        assert faulty >= 0.25 * len(requests)


def test_no_order_is_paid_twice(tmp_path: Path, drivers: list[Driver]) -> None:
    storm(tmp_path, drivers, 100)


@pytest.mark.slow
def test_no_order_is_paid_twice_long(tmp_path: Path, drivers: list[Driver]) -> None:
    storm(tmp_path, drivers, LONG)


def crowd(tmp_path: Path, drivers: list[Driver], certificates: int) -> None:
    """Ten processes want the same certificate at the same moment."""
    with market(sslmarket_knobs="book_delay=0.2,list_lag=0.2,dcv=none") as sandbox:
        codes: Counter[int] = Counter()
        for number in range(certificates):
            ordering.request(tmp_path / f"c{number}.csr", f"c{number}.alpha.test")
            options = ordering.order(
                sandbox, tmp_path / "journal", tmp_path / f"c{number}.csr", max_orders_per_day=10**6
            )
            with ThreadPoolExecutor(AT_ONCE) as threads:
                runs = [
                    threads.submit(driver.run, plan(options, tmp_path / f"report{index}"))
                    for index, driver in enumerate(drivers)
                ]
            codes.update(run.result() for run in runs)
        paid = Counter(entry["public_key"] for entry in ordering.booked(sandbox))
        extra = sum(number - 1 for number in paid.values())
        print(
            f"\ncertificates {certificates} x {AT_ONCE} processes: orders {sum(paid.values())}, extra {extra}, exit codes {dict(codes)}"
        )
        assert len(paid) == certificates
        assert extra == 0
        assert codes == {0: certificates * AT_ONCE}


def test_ten_processes_place_one_order(tmp_path: Path, drivers: list[Driver]) -> None:
    crowd(tmp_path, drivers, 10)


@pytest.mark.slow
def test_ten_processes_place_one_order_long(tmp_path: Path, drivers: list[Driver]) -> None:
    crowd(tmp_path, drivers, 100)


def test_two_controllers_report_each_duplicate_with_both_numbers(tmp_path: Path, drivers: list[Driver]) -> None:
    """Without shared state nothing can keep them apart; but nobody has to find out from the invoice."""
    certificates = 20
    with market(sslmarket_knobs="book_delay=0.1,list_lag=0.1,dcv=none") as sandbox:
        names = [f"c{number}.alpha.test" for number in range(certificates)]

        def options(controller: str, number: int) -> dict[str, Any]:
            csr = tmp_path / controller / f"c{number}.csr"
            if not csr.exists():
                ordering.request(csr, names[number])
            return ordering.order(sandbox, tmp_path / controller / "journal", csr, max_orders_per_day=10**6)

        for number in range(certificates):
            with ThreadPoolExecutor(2) as threads:
                for driver, controller in zip(drivers, ("one", "two")):
                    threads.submit(driver.run, plan(options(controller, number), tmp_path / f"report-{controller}"))
        orders: dict[str, list[int]] = {name: [] for name in names}
        for entry in ordering.booked(sandbox):
            orders[entry["names"][0]].append(entry["order_id"])
        doubled = {name: sorted(ids) for name, ids in orders.items() if len(ids) > 1}
        reported = 0
        for controller, driver in zip(("one", "two"), drivers):
            for number in range(certificates):
                report = tmp_path / f"after-{controller}"
                driver.run({**plan(options(controller, number), report), "results": True})
                ids = doubled.get(names[number], [])
                text = report.read_text(encoding="utf-8")
                reported += bool(ids) and all(str(each) in text for each in ids)
        print(f"\ncertificates {certificates}, ordered twice {len(doubled)}, reported {reported} of {2 * len(doubled)}")
        assert doubled, "nothing was ordered twice: the test shows nothing"
        assert reported == 2 * len(doubled)
