# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults do what they say, in an order that can be repeated, and the ledger tells which requests had an effect."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from certfleet_sandbox.faults import KINDS, FaultPlan, Seeded

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

from .calls import create_credentials


def drawn(text: str, service: str = "sslcom", number: int = 200) -> list[str | None]:
    plan = FaultPlan(Seeded.parse(text))
    return [fault.kind if (fault := plan.take(service, None)) else None for _time in range(number)]


def test_a_seed_makes_the_same_sequence() -> None:
    text = "seed=7,rate=0.3,kinds=cut_before+cut_after+502"
    first = drawn(text)
    assert first == drawn(text)
    assert first != drawn(text.replace("7", "8"))
    assert set(first) == {None, "cut_before", "cut_after", "502"}
    assert 30 < sum(kind is not None for kind in first) < 90


def test_services_do_not_disturb_each_other() -> None:
    plan = FaultPlan(Seeded.parse("seed=7,rate=0.5"))
    mixed = []
    for _time in range(100):
        plan.take("identrust", None)
        fault = plan.take("sslcom", None)
        mixed.append(fault.kind if fault else None)
    assert mixed == drawn("seed=7,rate=0.5", number=100)
    assert drawn("seed=7,rate=1", "acme-sslcom") == [None] * 200
    assert None not in drawn("seed=7,rate=1,services=acme-sslcom", "acme-sslcom")


def test_a_seed_can_be_for_some_operations() -> None:
    plan = FaultPlan(Seeded.parse("seed=7,rate=1,operations=create_credentials+order_create"))
    assert plan.take("sslcom", "create_credentials")
    assert plan.take("sslmarket", "order_create")
    assert [plan.take("sslmarket", name) for name in ("order_list", None)] == [None, None]


@pytest.mark.parametrize("text", ["seed=1,rate=2", "rate=x", "kinds=cut", "kinds=redirect", "services=x", "colour=1"])
def test_a_wrong_specification_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        Seeded.parse(text)


def test_scripted_faults_come_first_and_run_out() -> None:
    plan = FaultPlan()
    plan.script("acme-sslcom", "cut_after", operation="newOrder")
    plan.script("sslcom", "502", times=2)
    assert plan.take("acme-sslcom", "newNonce") is None
    kinds = [fault.kind if (fault := plan.take("sslcom", None)) else None for _time in range(3)]
    assert kinds == ["502", "502", None]
    assert [entry["operation"] for entry in plan.pending()] == ["newOrder"]
    fault = plan.take("acme-sslcom", "newOrder")
    assert fault
    assert fault.kind == "cut_after"


@pytest.mark.parametrize(
    "value",
    [
        {"service": "x", "kind": "502"},
        {"service": "sslcom", "kind": "x"},
        {"service": "sslcom", "kind": "502", "times": 0},
        {"service": "sslcom", "kind": "502", "more": 1},
        {"service": "sslcom", "kind": "redirect"},
        {"service": "sslcom", "kind": "status", "shape": "x"},
        {"service": "sslcom"},
        [],
    ],
)
def test_the_control_api_refuses(sandbox: Sandbox, value: Any) -> None:
    answer = requests.post(sandbox.endpoints["control_url"] + "/faults", json=value, timeout=5)
    assert answer.status_code == 400
    assert sandbox.control("GET", "/state")["faults"] == []


def seen(call: Callable[[], requests.Response]) -> Any:
    """What a client makes of an answer: a status, or the reason there is none."""
    try:
        answer = call()
    except requests.ConnectionError as error:
        # A reset below TLS: OpenSSL tells Python of it as an end of file.
        return "cut" if "reset" in str(error).lower() or "RemoteDisconnected" in str(error) else str(error)
    except requests.exceptions.ChunkedEncodingError as error:
        return "incomplete" if "IncompleteRead" in str(error) else str(error)
    return answer


@pytest.mark.parametrize("kind", ["cut_before", "cut_during", "cut_after", "hang"])
def test_cut(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault("sslcom", kind, seconds=0.2)
    assert seen(lambda: create_credentials(sandbox, kind)) == "cut"
    done = kind != "cut_before"
    wait_for(lambda: sandbox.count(service="sslcom") == 1)
    (entry,) = sandbox.ledger(service="sslcom")
    assert (entry["status"], entry["fault"], entry["effect"]) == (None, kind, "credentials_created" if done else None)
    create_credentials(sandbox, kind)
    assert sandbox.count(effect="credentials_created") == 1
    assert sandbox.count(effect="credentials_returned") == done


def drain(raw: socket.socket) -> None:
    """Reads to the end; what comes first is what TLS 1.3 says after the handshake."""
    raw.settimeout(5)
    while raw.recv(65536):
        pass


def test_a_cut_is_a_reset_to_tcp(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "cut_before")
    address, _sep, port = sandbox.sslcom["api_url"].removeprefix("https://").partition(":")
    plain = socket.create_connection((address, int(port)), timeout=5)
    secured = ssl.create_default_context(cafile=sandbox.ca_path).wrap_socket(plain, server_hostname=address)
    secured.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    with socket.socket(fileno=secured.detach()) as raw, pytest.raises(ConnectionResetError):
        drain(raw)


def test_too_many_requests(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "429", retry_after=7)
    answer = create_credentials(sandbox, "429")
    assert (answer.status_code, answer.headers["Retry-After"], "errors" in answer.json()) == (429, "7", True)
    assert sandbox.ledger(service="sslcom")[0]["effect"] is None


@pytest.mark.parametrize(("kind", "effect"), [("502", None), ("502_after", "credentials_created")])
def test_bad_gateway(sandbox: Sandbox, kind: str, effect: str | None) -> None:
    sandbox.fault("sslcom", kind)
    answer = create_credentials(sandbox, f"gateway {kind}")
    assert (answer.status_code, answer.headers["Content-Type"], answer.text[:6]) == (502, "text/html", "<html>")
    assert sandbox.ledger(service="sslcom")[0]["effect"] == effect


@pytest.mark.parametrize(("shape", "begin"), [("json", '{"errors"'), ("html", "<html>"), ("empty", "")])
def test_status(sandbox: Sandbox, shape: str, begin: str) -> None:
    sandbox.fault("sslcom", "status", status=503, shape=shape, work=True)
    answer = create_credentials(sandbox, f"status {shape}")
    assert (answer.status_code, answer.text[: len(begin) or None]) == (503, begin)
    assert sandbox.count(effect="credentials_created") == 1


def test_status_with_a_target(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "status", status=301, shape="empty", location="https://127.0.0.1:1/elsewhere")
    answer = create_credentials(sandbox, "moved", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://127.0.0.1:1/elsewhere")


def test_truncate(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "truncate")
    assert seen(lambda: create_credentials(sandbox, "truncate")) == "incomplete"
    (entry,) = sandbox.ledger(service="sslcom")
    assert (entry["status"], entry["effect"]) == (200, "credentials_created")


@pytest.mark.parametrize("kind", ["slow", "slow_head"])
def test_slow(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault("sslcom", kind, seconds=0.4)
    begin = time.monotonic()
    assert create_credentials(sandbox, kind).json()["response_type"] == "ok"
    assert time.monotonic() - begin > 0.35


def test_errors_with_status_200(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "errors_200")
    answer = create_credentials(sandbox, "errors")
    assert answer.status_code == 200
    assert list(answer.json()) == ["errors"]
    assert sandbox.ledger(service="sslcom")[0]["effect"] is None


def test_malformed(sandbox: Sandbox) -> None:
    body = json.dumps({"eab-kid": 1}).encode()
    encoded = base64.b64encode(body).decode()
    sandbox.fault("sslcom", "malformed", status=203, headers={"X-Test": "1"}, body_base64=encoded, work=True)
    answer = create_credentials(sandbox, "malformed")
    assert (answer.status_code, answer.headers["X-Test"], answer.content) == (203, "1", body)
    assert sandbox.count(effect="credentials_created") == 1
    sandbox.fault("sslcom", "malformed", raw_base64=base64.b64encode(b"HTTP/1.1 abc\r\n\r\n").decode())
    assert isinstance(seen(lambda: create_credentials(sandbox, "malformed")), str)


def test_redirect(sandbox: Sandbox) -> None:
    sandbox.fault("sslcom", "redirect", location="https://127.0.0.1:1/elsewhere")
    answer = create_credentials(sandbox, "redirect", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://127.0.0.1:1/elsewhere")
    assert sandbox.count(effect="credentials_created") == 0


def test_every_kind_is_tested() -> None:
    assert set(KINDS) == {
        *("cut_before", "cut_during", "cut_after", "hang", "429", "502", "502_after", "status", "truncate"),
        *("slow", "slow_head", "errors_200", "malformed", "redirect"),
    }


def test_an_acme_server_has_faults_too(sandbox: Sandbox) -> None:
    url = sandbox.sslcom["directory_urls"]["rsa"]

    def ask() -> requests.Response:
        return requests.get(url, verify=sandbox.ca_path, timeout=10)

    sandbox.fault("acme-sslcom", "cut_before", operation="directory")
    sandbox.fault("acme-sslcom", "429")
    assert seen(ask) == "cut"
    answer = ask()
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:ietf:params:acme:error:rateLimited")
    assert ask().status_code == 200
    assert [entry["fault"] for entry in sandbox.ledger(service="acme-sslcom")] == ["cut_before", "429", None]
