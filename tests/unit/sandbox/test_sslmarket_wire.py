# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket over the wire: dead clients and late bookings, validation by the sandbox's own names and hosts, the ledger."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from certfleet_sandbox.files import PidFile
from certfleet_sandbox.ledger import closing, fingerprint
from certfleet_sandbox.pki import Pair
from certfleet_sandbox.sslmarket.ca import spki_digest
from cryptography import x509
from cryptography.x509 import verification

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

from .market import Wire, chain_of, csr_for, new_key, order_body

PATH = "/order/certificate/RAPIDSSL_RAPIDSSL"


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    sandbox.reset_knobs()
    with Wire(sandbox) as wire:
        yield wire
    sandbox.reset_knobs()


def booked(sandbox: Sandbox, domain: str) -> list[int]:
    return [order["order_id"] for order in sandbox.market()["orders"] if order["domain"] == domain]


def test_the_endpoint(sandbox: Sandbox, wire: Wire) -> None:
    access = sandbox.sslmarket
    assert (access["api_url"].endswith("/api"), len(access["api_token"])) == (True, 64)
    answer = wire.ask("GET", "/product/list")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    wire.session.headers["X-Auth-Token"] = "other"
    refused = wire.ask("GET", "/product/list")
    assert (refused.status_code, list(refused.json())) == (401, ["error", "description"])


def test_an_order_is_issued_by_itself(sandbox: Sandbox, wire: Wire) -> None:
    key, name = new_key(), "www.itself.test"
    number = wire.order(name, key=key)
    sandbox.add_txt(f"_dnsauth.{name}", wire.detail(number)["dv_auth_content"])
    begin = time.monotonic()
    # The list alone moves nothing on.
    wait_for(lambda: wire.rows()[number]["state"] == "published")
    assert time.monotonic() - begin < 1.5
    content = wire.ask("GET", f"/certificate/order_id/{number}/format/pem_intermediate").content
    leaf, *chain = chain_of(content)
    roots = x509.load_pem_x509_certificates(Path(sandbox.ca_path).read_bytes())
    policy = verification.PolicyBuilder().store(verification.Store(roots)).build_server_verifier(x509.DNSName(name))
    assert len(policy.verify(leaf, chain)) == 3
    (order,) = (order for order in sandbox.market()["orders"] if order["order_id"] == number)
    assert order == sandbox.market_order(number)
    assert (order["serials"], order["names"]) == ([format(leaf.serial_number, "x")], [name])
    assert order["public_key"] == spki_digest(key.public_key())


def test_a_file_on_a_host(sandbox: Sandbox, wire: Wire) -> None:
    names = ["www.web1.test", "other.web1.test"]
    number = wire.order(*names, method="FILE")
    content = wire.detail(number)["dv_auth_content"]
    path = Path(sandbox.host("web1")["root"]) / "www" / ".well-known" / "pki-validation" / "fileauth.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("something else\n")
    assert wire.detail(number)["state"] == "waiting"
    path.write_text(content + "\n")
    assert wire.detail(number)["state"] == "published"
    assert sandbox.count(service="host:web1", path="/.well-known/pki-validation/fileauth.txt") >= 4
    path.unlink()


def test_a_file_that_is_nowhere(sandbox: Sandbox, wire: Wire) -> None:
    number = wire.order("www.nowhere.test", method="FILE")
    assert wire.detail(number)["state"] == "waiting"
    sandbox.approve_email(number)


def test_booked_after_the_client_has_gone(sandbox: Sandbox, wire: Wire) -> None:
    name = "gone.test"
    sandbox.knobs(book_delay=0.6, list_lag=0.4)
    with pytest.raises(requests.Timeout):
        wire.ask("POST", PATH, order_body(name), timeout=0.2)
    assert (booked(sandbox, name), sandbox.count(operation="order_create")) == ([], 0)
    (number,) = wait_for(lambda: booked(sandbox, name))
    assert number not in wire.rows()
    wait_for(lambda: number in wire.rows())
    # What cannot be booked is refused at once.
    begin = time.monotonic()
    assert wire.ask("POST", PATH, {}).status_code == 400
    assert time.monotonic() - begin < 0.5


@pytest.mark.parametrize(
    ("kind", "orders"),
    [("cut_before", 0), ("cut_during", 1), ("cut_after", 1), ("502", 0), ("502_after", 1), ("truncate", 1)],
)
def test_faults_on_the_way(sandbox: Sandbox, wire: Wire, kind: str, orders: int) -> None:
    name = f"{kind.replace('_', '-')}.test"
    sandbox.knobs(book_delay=0.1)
    sandbox.fault("sslmarket", kind, operation="order_create")
    assert wire.ask("GET", "/order/list").status_code == 200
    try:
        assert wire.ask("POST", PATH, order_body(name)).status_code == 502
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        assert kind.startswith(("cut", "trunc"))
    wait_for(lambda: sandbox.count(operation="order_create") == 1)
    assert (len(booked(sandbox, name)), sandbox.count(effect="order_booked")) == (orders, orders)


def test_the_ledger(sandbox: Sandbox, wire: Wire) -> None:
    key = new_key()
    before = sandbox.market()
    number = wire.order("www.ledger.test", "ledger.test", key=key, years=2)
    wire.ask("GET", f"/order/order_id/{number}")
    wire.ask("GET", f"/certificate/order_id/{number}/format/p7b")
    sandbox.approve_email(number)
    wire.ask("POST", f"/certificate/order_id/{number}/reissue", {"csr": csr_for("www.ledger.test", "ledger.test")})
    entries = sandbox.ledger(service="sslmarket")
    assert [(entry["operation"], entry["status"], entry["effect"]) for entry in entries] == [
        ("order_create", 201, "order_booked"),
        ("order_detail", 200, "order_shown"),
        ("download", 409, None),
        ("reissue", 202, "reissue_started"),
    ]
    assert {entry["order_id"] for entry in entries} == {number}
    assert {entry["token"] for entry in entries} == {fingerprint(sandbox.sslmarket["api_token"])}
    assert {
        "price": 108.0,
        "currency": "EUR",
        "public_key": spki_digest(key.public_key()),
        "names": ["www.ledger.test", "ledger.test"],
        "product": "THAWTE_SSL_123",
        "years": 2,
    }.items() <= entries[0].items()
    assert sandbox.sslmarket["api_token"] not in (sandbox.state / "ledger.jsonl").read_text()
    after = sandbox.market()
    assert (after["orders_paid"] - before["orders_paid"], after["spent"] - before["spent"]) == (1, 108.0)
    summary = sandbox.control("GET", "/state")["sslmarket"]
    assert (summary["orders_paid"], summary["spent"]) == (after["orders_paid"], after["spent"])
    shown = sandbox.run("ledger", "--state", str(sandbox.state)).stdout.splitlines()
    assert shown[-1] == "sslmarket: 1 orders paid, 108.00 EUR spent"
    assert "spent" not in sandbox.run("ledger", "--json", "--state", str(sandbox.state)).stdout.splitlines()[-1]
    assert closing([]) == closing([{"effect": None}]) == []


def test_many_orders_at_once(sandbox: Sandbox, wire: Wire) -> None:
    """Ten customers at once: every order has a number of its own, and its own key."""
    sandbox.knobs(dcv="none", book_delay_max=0.02)
    found: list[int] = []

    def customer(index: int) -> None:
        with Wire(sandbox) as own:
            found.extend(own.order(f"n{number}.many{index}.test") for number in range(20))

    threads = [threading.Thread(target=customer, args=(index,)) for index in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 200
    wait_for(lambda: {wire.rows()[number]["state"] for number in found} == {"published"})
    keys = {order["public_key"] for order in sandbox.market()["orders"] if order["order_id"] in found}
    assert len(keys) == 200
    entries = sandbox.ledger(effect="order_booked")
    assert sorted(entry["order_id"] for entry in entries) == sorted(found)


def test_what_the_control_calls_do(sandbox: Sandbox, wire: Wire) -> None:
    number = wire.order("www.control.test", method="Email", years=3)
    sandbox.approve_email(number)
    assert wire.detail(number)["state"] == "published"
    first = sandbox.market_order(number)["serials"]
    serial = sandbox.auto_reissue(number)
    assert sandbox.market_order(number)["serials"] == [*first, serial]
    sandbox.age(100, number)
    assert wire.detail(number)["days_remaining"] in (994, 995)
    sandbox.show_state(number, "on hold")
    assert wire.detail(number)["state"] == "on hold"
    sandbox.show_state(number, None)
    sandbox.revoke_certificate(number)
    assert wire.detail(number)["state"] == "revoked"
    assert sandbox.knobs(list_limit=1)["list_limit"] == 1
    assert len(wire.rows()) == 1
    sandbox.reset_knobs()
    assert sandbox.control("GET", "/sslmarket/knobs")["list_limit"] == 0
    sandbox.age(1)
    assert all(order["booked"] < time.time() - 86300 for order in sandbox.market()["orders"])


def refused(sandbox: Sandbox, method: str, path: str, value: Any) -> int:
    """The status of a control call that fails."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        sandbox.control(method, path, value)
    caught.value.close()
    return caught.value.code


@pytest.mark.parametrize(
    ("method", "path", "value", "status"),
    [
        ("PUT", "/sslmarket/knobs", {"colour": 1}, 400),
        ("PUT", "/sslmarket/knobs", {"list_limit": "1"}, 400),
        ("PUT", "/sslmarket/knobs", [], 400),
        ("POST", "/sslmarket/age", {"order_id": 1, "days": 1}, 400),
        ("POST", "/sslmarket/age", {}, 400),
        ("POST", "/sslmarket/approve", {"order_id": 1}, 400),
        ("POST", "/sslmarket/nothing", {}, 404),
        ("PUT", "/sslmarket/age", {"days": 1}, 404),
    ],
)
def test_wrong_control_calls(sandbox: Sandbox, method: str, path: str, value: Any, status: int) -> None:
    assert refused(sandbox, method, path, value) == status


def test_what_is_not_in_that_state(sandbox: Sandbox, wire: Wire) -> None:
    number = wire.order("www.notyet.test", method="Email")
    assert refused(sandbox, "POST", "/sslmarket/auto-reissue", {"order_id": number}) == 409


def test_a_restart_and_knobs_from_the_start(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state", sslmarket_knobs="dcv=none,state_words=published:issued,replace=years:many")
    with sandbox, Wire(sandbox) as wire:
        first = sandbox.sslmarket
        number = wire.order("www.kept.test")
        wait_for(lambda: wire.rows()[number]["state"] == "issued")
        assert wire.detail(number)["years"] == "many"
        before = sandbox.market_order(number)
        sandbox.kill()
    wait_for(lambda: not PidFile(sandbox.state / "sandbox.pid").held())
    # Secrets of a time before SSLmarket was simulated are kept.
    path = sandbox.state / "secrets.json"
    known = {name: value for name, value in json.loads(path.read_text()).items() if name != "sslmarket"}
    path.write_text(json.dumps({**known, "sslcom": {"account_key": "a", "secret_key": "b"}}))
    with sandbox, Wire(sandbox) as wire:
        assert sandbox.sslcom["account_key"] == "a"
        assert sandbox.sslmarket["api_token"] != first["api_token"]
        assert sandbox.market_order(number) == before
        assert wire.order("www.kept.test") == number + 1


def test_a_host_serves_such_a_certificate(sandbox: Sandbox, wire: Wire) -> None:
    """The root of these certificates is the one in ca_path."""
    host = sandbox.host("web1")
    key, name = new_key(), "served.web1.test"
    number = wire.order(name, key=key)
    sandbox.approve_email(number)
    place = Path(host["root"]) / "tls" / "served" / "current"
    place.mkdir(parents=True)
    content = wire.ask("GET", f"/certificate/order_id/{number}/format/pem_intermediate").content
    (place / "fullchain.pem").write_bytes(content)
    (place / "privkey.pem").write_bytes(Pair(key, chain_of(content)[0]).key_pem())
    assert sandbox.run(*sandbox.reload_command("web1")[2:]).returncode == 0
    tls = ssl.create_default_context(cafile=sandbox.ca_path)
    with (
        socket.create_connection((host["address"], host["tls_port"]), timeout=5) as plain,
        tls.wrap_socket(plain, server_hostname=name) as secured,
    ):
        served = secured.getpeercert(True)
    assert served
    assert x509.load_der_x509_certificate(served) == chain_of(content)[0]
