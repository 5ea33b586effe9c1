# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole desk: credentials out, SSL.com asks, one order allowed and one refused, the certificate comes back and is deployed."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import HOSTS, ROOT, Fleet
from tests.support.hook import CUSTOMER, PREFIX, TOKEN, Hook
from tests.support.sandbox import Sandbox

SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "sslcom_hook.py"
NO_FUNDS = "Your balance is too low for this certificate. Please contact your reseller."


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    resolve = {"*.alpha.test": HOSTS["web1"]}
    with Sandbox(hosts=HOSTS, resolve=resolve) as sandbox:
        found = Fleet(sandbox, tmp_path)
        issuers = found.variables["certfleet_issuers"]
        del issuers["beta"]
        issuers["delta"] = {**issuers["alpha"], "customer": "Delta Ltd"}
        found.variables["certfleet_certificates"] = []
        found.add("www.alpha.test", "alpha", "web1")
        found.add("shop.alpha.test", "delta", "web1")
        yield found


@pytest.fixture
def hook(fleet: Fleet, tmp_path: Path) -> Iterator[Hook]:
    """The service knows the customers' kids from the credential records, and SSL.com knows the service."""
    assert fleet.play("certfleet.reseller.provision_eab").code == 0
    found = Hook(tmp_path / "hook")
    found.customers = {
        name: {**CUSTOMER, "kids": [kid(fleet, name)], "balance": balance}
        for name, balance in (("alpha", "10.00"), ("delta", "9.99"))
    }
    found.write_policy(trusted_ca=Path(fleet.sandbox.ca_path).read_text())
    with found:
        url = f"http://127.0.0.1:{found.port}/{PREFIX}"
        fleet.sandbox.control("PUT", "/sslcom/hook", {"url": url, "duration": 90})
        yield found


def kid(fleet: Fleet, issuer: str) -> str:
    return str(json.loads((fleet.state / "eab" / f"{issuer}.json").read_text())["kid"])


def events(hook: Hook, count: int) -> list[dict[str, Any]]:
    """The next events, as ansible-rulebook gets them; acknowledged, so that they do not come again."""

    async def scenario() -> list[dict[str, Any]]:
        queue: asyncio.Queue[Any] = asyncio.Queue(1)
        args = {"url": f"http://127.0.0.1:{hook.port}", "token": TOKEN, "consumer": "deploy"}
        task = asyncio.create_task(runpy.run_path(str(SOURCE))["main"](queue, args))
        async with asyncio.timeout(30):
            found = [await queue.get() for _number in range(count)]
            while hook.query("SELECT max(acknowledged) FROM consumers") != [(found[-1]["id"],)]:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    return asyncio.run(scenario())


def test_one_order_is_allowed_one_refused_and_the_certificate_deployed(fleet: Fleet, hook: Hook) -> None:
    for operation in ("reseller_authorization", "receive_certificate"):
        fleet.sandbox.fault("sslcom-hook", "duplicate", operation=operation)
    issued = fleet.play("certfleet.reseller.issue")
    assert issued.code != 0
    assert f"shop.alpha.test: the ACME server refused: unauthorized: {NO_FUNDS}" in issued.output, issued.output
    assert not fleet.served("web1", "www.alpha.test")

    found = events(hook, 3)
    told = sorted((each["kind"], each["customer"], each.get("allowed"), each.get("code")) for each in found)
    assert told == [
        ("authorization", "alpha", True, None),
        ("authorization", "delta", False, "funds"),
        ("certificate", "alpha", None, None),
    ]
    received = next(each for each in found if each["kind"] == "certificate")
    assert received["names"] == ["www.alpha.test"]
    assert (fleet.state / "sets" / "www.alpha.test" / "current" / "fullchain.pem").read_text() == received["chain"]

    deployed = fleet.play("certfleet.reseller.certificate_received", certfleet_received_names=received["names"])
    assert deployed.code == 0, deployed.output
    assert fleet.served("web1", "www.alpha.test")
    # the refused one was left alone, not tried again
    lines = fleet.sandbox.ledger(service="sslcom-hook")
    assert [line["effect"] for line in lines].count(None) == 1
    assert hook.query("SELECT customer, amount FROM debits") == [("alpha", 1000)]
    assert (hook.rows("reservations"), hook.rows("certificates")) == (1, 1)
    assert hook.run("verify-log").returncode == 0
    # an event that comes again, and one of somebody whose certificates are not ours: nothing happens
    fleet.sandbox.clear_ledger()
    names = [*received["names"], "www.stranger.test"]
    again = fleet.play("certfleet.reseller.certificate_received", certfleet_received_names=names)
    assert (again.code, again.changed) == (0, set()), again.output
    assert fleet.sandbox.count() == 0
    print(f"reseller desk: 2 orders, 1 refused, {hook.rows('debits')} debit, {len(found)} events, 1 deployed")
