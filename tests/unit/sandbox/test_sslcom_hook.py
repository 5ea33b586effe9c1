# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com asks the reseller before it issues, and brings the certificate afterwards."""

from __future__ import annotations

import json
import threading
import urllib.error
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from acme import messages
from certfleet_sandbox.faults import FaultPlan
from cryptography import x509

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

from .acmeclient import client_of, issue, register, request_for
from .calls import create_account, create_credentials

YES: tuple[int, Any] = (200, {"success": True})
SERVICE = "sslcom-hook"


class Desk:
    """A reseller that writes down what it is asked, and gives the answers it was told to; else it agrees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[int, Any]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["Content-Type"] == "application/json"
                prefix, _sep, operation = self.path.removeprefix("/").partition("/")
                assert prefix == "prefix"
                desk.seen.append((operation, body))
                status, answer = desk.answers.pop(0) if desk.answers else YES
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/prefix"

    def asked(self, operation: str) -> list[dict[str, Any]]:
        return [body for name, body in self.seen if name == operation]

    def wait(self, operation: str, count: int = 1) -> list[dict[str, Any]]:
        """Certificates come when the order is done, and a moment later."""
        wait_for(lambda: len(self.asked(operation)) >= count)
        return self.asked(operation)


@pytest.fixture
def desk(sandbox: Sandbox) -> Iterator[Desk]:
    found = Desk()
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    sandbox.control("PUT", "/sslcom/hook", {"url": found.url, "pause": 0})
    yield found
    sandbox.control("DELETE", "/sslcom/hook")
    found.server.shutdown()
    found.server.server_close()


def settle(sandbox: Sandbox, operation: str, count: int) -> list[dict[str, Any]]:
    """The ledger's lines of the calls, as soon as there are so many."""
    wait_for(lambda: sandbox.count(service=SERVICE, operation=operation) >= count)
    return sandbox.ledger(service=SERVICE, operation=operation)


def order(sandbox: Sandbox, *names: str) -> tuple[str, messages.OrderResource]:
    credentials = create_credentials(sandbox, f"Hook of {names[0]}").json()
    acme = client_of(sandbox.sslcom["directory_urls"]["ecc"], sandbox.ca_path)
    register(acme, credentials["eab-kid"], credentials["eab-hmac"], "admin@example.test")
    return credentials["eab-kid"], issue(acme, request_for(list(names))[1], sandbox)


def test_nobody_is_asked_without_a_url(sandbox: Sandbox) -> None:
    assert sandbox.control("GET", "/sslcom/hook")["url"] == ""
    order(sandbox, "quiet.hook.test")
    assert sandbox.count(service=SERVICE) == 0


def test_both_calls_are_as_documented(sandbox: Sandbox, desk: Desk) -> None:
    kid, done = order(sandbox, "a.hook.test", "b.hook.test")
    names = ["a.hook.test", "b.hook.test"]
    (delivered,) = desk.wait("receive_certificate")
    (asked,) = desk.asked("reseller_authorization")
    assert asked == {"kid": kid, "product": "sslcom_dv", "duration": "365", "identifiers": {"dns": names}}
    cert = delivered.pop("cert")
    assert delivered == {"kid": kid, "product": "basicssl", "duration": "365", "identifiers": {"dns": names}}
    assert cert["body"].split() == done.fullchain_pem.split()
    leaf = x509.load_pem_x509_certificate(cert["body"].encode())
    assert datetime.fromisoformat(cert["not_before"]) == leaf.not_valid_before_utc
    assert datetime.fromisoformat(cert["not_after"]) == leaf.not_valid_after_utc
    (line,) = settle(sandbox, "receive_certificate", 1)
    assert (line["effect"], line["path"], line["attempt"]) == ("certificate_delivered", "/receive_certificate", 1)
    (line,) = sandbox.ledger(service=SERVICE, operation="reseller_authorization")
    assert (line["effect"], line["status"], line["identifiers"]) == ("order_allowed", 200, names)
    assert "prefix" not in json.dumps(sandbox.ledger(service=SERVICE))


def test_the_shape_can_be_another_one(sandbox: Sandbox, desk: Desk) -> None:
    more = {"validation_method": "dns-01"}
    shape = {"product": "basicssl", "delivered_product": "sslcom_dv", "duration": 90, "duration_as_number": True}
    sandbox.control("PUT", "/sslcom/hook", {"url": desk.url, "more": more, **shape})
    order(sandbox, "shape.hook.test")
    (delivered,) = desk.wait("receive_certificate")
    (asked,) = desk.asked("reseller_authorization")
    assert (asked["product"], asked["duration"], asked["validation_method"]) == ("basicssl", 90, "dns-01")
    assert (delivered["product"], delivered["duration"]) == ("sslcom_dv", 90)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((403, {"success": False, "error_message": "Your credit is used up."}), "Your credit is used up."),
        ((401, {"success": "false", "error_message": "Unknown customer."}), "Unknown customer."),
        ((403, {"success": "false", "error_message": ""}), "The order was not authorized"),
        ((403, b"<html>"), "The order was not authorized"),
        ((200, {"success": "true"}), "The order was not authorized"),
        ((200, b"[]"), "The order was not authorized"),
        ((302, {"success": True}), "The order was not authorized"),
    ],
)
def test_the_customer_sees_why_an_order_is_refused(sandbox: Sandbox, desk: Desk, answer: Any, told: str) -> None:
    desk.answers.append(answer)
    with pytest.raises(messages.Error) as caught:
        order(sandbox, "refused.hook.test")
    assert (caught.value.typ, caught.value.detail) == ("urn:ietf:params:acme:error:unauthorized", told)
    (finalized,) = sandbox.ledger(service="acme-sslcom", operation="finalize")
    assert (finalized["status"], finalized["effect"]) == (403, None)
    assert [line["effect"] for line in sandbox.ledger(service=SERVICE)] == [None]
    assert desk.asked("receive_certificate") == []


def test_a_fault_of_the_reseller_is_asked_again(sandbox: Sandbox, desk: Desk) -> None:
    desk.answers += [(500, {"success": False, "error_message": "later"}), (503, b"")]
    order(sandbox, "again.hook.test")
    lines = sandbox.ledger(service=SERVICE, operation="reseller_authorization")
    assert [line["status"] for line in lines] == [500, 503, 200]


def test_a_reseller_that_stays_away_allows_nothing(sandbox: Sandbox, desk: Desk) -> None:
    sandbox.fault(SERVICE, "not_sent", times=3)
    with pytest.raises(messages.Error) as caught:
        order(sandbox, "away.hook.test")
    assert caught.value.detail == "The order was not authorized"
    assert desk.seen == []
    assert [line["status"] for line in sandbox.ledger(service=SERVICE)] == [None] * 3


@pytest.mark.parametrize(("kind", "lines"), [("lost_answer", 2), ("duplicate", 1)])
def test_calls_come_twice(sandbox: Sandbox, desk: Desk, kind: str, lines: int) -> None:
    for operation in ("reseller_authorization", "receive_certificate"):
        sandbox.fault(SERVICE, kind, operation=operation)
    order(sandbox, "twice.hook.test")
    for operation in ("reseller_authorization", "receive_certificate"):
        first, second = desk.wait(operation, 2)
        assert first == second
        assert [line["fault"] for line in settle(sandbox, operation, lines)] == [kind, None][:lines]


def test_a_silent_reseller_is_not_waited_for(sandbox: Sandbox, desk: Desk) -> None:
    desk.server.shutdown()  # it listens on, and answers nothing
    sandbox.control("PUT", "/sslcom/hook", {"url": desk.url, "timeout": 0.3, "attempts": 2, "pause": 0})
    with pytest.raises(messages.Error, match="The order was not authorized"):
        order(sandbox, "silent.hook.test")
    assert [line["status"] for line in sandbox.ledger(service=SERVICE)] == [None, None]


def test_other_providers_ask_nobody(sandbox: Sandbox, desk: Desk) -> None:
    account = create_account(sandbox, "hook@example.test").json()
    acme = client_of(sandbox.identrust["directory_urls"]["TLS-90d"], sandbox.ca_path)
    register(acme, account["kid"], account["hmacKey"].replace("+", "-").replace("/", "_"), "hook@example.test")
    issue(acme, request_for(["other.hook.test"])[1], sandbox)
    assert desk.seen == []
    assert sandbox.count(service=SERVICE) == 0


@pytest.mark.parametrize(
    "value", [{"url": "ftp://x"}, {"url": 1}, {"urls": "http://x"}, {"attempts": 0}, {"duration": "365"}, {"more": []}]
)
def test_wrong_settings_are_refused(sandbox: Sandbox, value: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        sandbox.control("PUT", "/sslcom/hook", value)
    with caught.value as refusal:
        assert refusal.code == 400


def test_faults_of_services_are_not_for_calls() -> None:
    for service, kind in ((SERVICE, "502"), ("sslcom", "duplicate")):
        with pytest.raises(ValueError, match="kind: not one of"):
            FaultPlan().script(service, kind)
