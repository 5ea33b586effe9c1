# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ACME server for tests that want a wrong answer at one place: it is right everywhere else. It verifies no signature.

with FakeAcme() as server:
    server.answers["newOrder"] = [problem(409, "alreadyReplaced")]      # the next one; then it works again
    server.always["order"] = lambda answer: answer.change(status="odd")    # every answer of a kind, changed
    ...
    assert server.count("newOrder") == 1
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import pki


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None  # bytes are sent as they are
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False  # the work is done, and the connection breaks

    def change(self, **members: Any) -> Answer:
        """Other members of a JSON body; None takes one away."""
        body = {name: value for name, value in {**self.body, **members}.items() if value is not None}
        return dataclasses.replace(self, body=body)

    def head(self, name: str, value: str) -> Answer:
        return dataclasses.replace(self, headers=(*self.headers, (name, value)))


def problem(status: int, word: str, detail: str = "no", **more: Any) -> Answer:
    body = {"type": "urn:ietf:params:acme:error:" + word, "detail": detail, **more}
    return Answer(status, body, (("Content-Type", "application/problem+json"),))


@dataclass
class Order:
    names: list[str]
    account: str
    status: str = "pending"
    csr: x509.CertificateSigningRequest | None = None
    replaces: str | None = None
    kinds: tuple[str, ...] = ("http-01", "dns-01")
    validated: set[int] = field(default_factory=set)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class FakeAcme:
    """`requests` are (operation, payload). `auto`: every challenge that is answered is right."""

    def __init__(self, *, eab_required: bool = False, renewal_info: bool = False, orders_list: bool = True) -> None:
        self.eab_required, self.renewal_info, self.orders_list = eab_required, renewal_info, orders_list
        self.answers: dict[str, list[Answer | Callable[[Answer], Answer]]] = {}
        self.always: dict[str, Callable[[Answer], Answer]] = {}
        self.requests: list[tuple[str, Any]] = []
        self.accounts: dict[str, str] = {}  # of a key: the number
        self.contacts: dict[str, list[str]] = {}
        self.orders: dict[str, Order] = {}
        self.meta: dict[str, Any] = {}
        self.ca = pki.authority("Fake CA")
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> FakeAcme:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                answer = fake._handle(self.command, self.path, self.rfile.read(length))
                if answer.cut:
                    self.close_connection = True
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                if answer.body is None:
                    body = b""
                self.send_response(answer.status)
                names = [name.lower() for name, _value in answer.headers]
                headers = list(answer.headers)
                if "content-type" not in names:
                    headers.append(("Content-Type", "application/json"))
                if "replay-nonce" not in names:
                    headers.append(("Replay-Nonce", f"nonce{next(fake._numbers):011d}"))
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_HEAD = _serve

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.directory_url = self.url + "/directory"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, operation: str) -> int:
        return sum(1 for found, _payload in self.requests if found == operation)

    def payloads(self, operation: str) -> list[Any]:
        return [payload for found, payload in self.requests if found == operation]

    # -- the protocol

    def _handle(self, method: str, path: str, body: bytes) -> Answer:
        protected: dict[str, Any] = {}
        payload: Any = None
        if method == "POST":
            message = json.loads(body)
            protected = json.loads(_decoded(message["protected"]))
            raw = _decoded(message["payload"])
            payload = json.loads(raw) if raw else None
        parts = path.strip("/").split("/")
        with self._lock:
            operation = self._operation(parts, payload)
            self.requests.append((operation, payload))
            scripted = self.answers.get(operation)
            step = scripted.pop(0) if scripted else None
            if isinstance(step, Answer) and not step.cut:
                return step
            answer = self._work(operation, parts, protected, payload)
            if operation in self.always:
                answer = self.always[operation](answer)
            if isinstance(step, Answer):
                return dataclasses.replace(answer, cut=True)
            return step(answer) if step else answer

    def _operation(self, parts: list[str], payload: Any) -> str:
        if parts[0] == "newAccount" and payload.get("onlyReturnExisting"):
            return "findAccount"
        if parts[0] == "order" and parts[-1] == "finalize":
            return "finalize"
        if parts[0] == "account" and parts[-1] == "orders":
            return "orders"
        return parts[0]

    def _work(self, operation: str, parts: list[str], protected: dict[str, Any], payload: Any) -> Answer:
        work: Callable[..., Answer] | None = getattr(self, "_" + operation, None)
        if work is None:
            return problem(404, "malformed", "there is nothing here")
        try:
            return work(parts, protected, payload)
        except KeyError:
            return problem(404, "malformed", "not found")

    def _directory(self, *_: Any) -> Answer:
        names = ["newNonce", "newAccount", "newOrder"] + ["renewalInfo"] * self.renewal_info
        meta = {"externalAccountRequired": self.eab_required, **self.meta}
        return Answer(200, {**{name: f"{self.url}/{name}" for name in names}, "meta": meta})

    def _newNonce(self, *_: Any) -> Answer:
        return Answer(200)

    def _key(self, protected: dict[str, Any]) -> str:
        return json.dumps(protected["jwk"], sort_keys=True)

    def _findAccount(self, _parts: list[str], protected: dict[str, Any], payload: Any) -> Answer:
        number = self.accounts.get(self._key(protected))
        if number is None:
            return problem(400, "accountDoesNotExist", "unknown account")
        return self._account_answer(number, 200)

    def _newAccount(self, _parts: list[str], protected: dict[str, Any], payload: Any) -> Answer:
        key = self._key(protected)
        if key in self.accounts:
            return self._account_answer(self.accounts[key], 200)
        if self.eab_required and "externalAccountBinding" not in payload:
            return problem(403, "externalAccountRequired", "give a binding")
        self.accounts[key] = number = str(len(self.accounts) + 1)
        self.contacts[number] = payload.get("contact", [])
        return self._account_answer(number, 201)

    def _account_answer(self, number: str, status: int) -> Answer:
        url = f"{self.url}/account/{number}"
        body: dict[str, Any] = {"status": "valid", "contact": self.contacts[number]}
        if self.orders_list:
            body["orders"] = url + "/orders"
        return Answer(status, body, (("Location", url),))

    def _account(self, parts: list[str], _protected: dict[str, Any], payload: Any) -> Answer:
        if payload and "contact" in payload:
            self.contacts[parts[1]] = payload["contact"]
        return self._account_answer(parts[1], 200)

    def _orders(self, parts: list[str], protected: dict[str, Any], _payload: Any) -> Answer:
        urls = [f"{self.url}/order/{name}" for name, order in self.orders.items() if order.account == protected["kid"]]
        return Answer(200, {"orders": urls})

    def _newOrder(self, _parts: list[str], protected: dict[str, Any], payload: Any) -> Answer:
        number = str(len(self.orders) + 1)
        names = [item["value"] for item in payload["identifiers"]]
        self.orders[number] = Order(names, protected["kid"], replaces=payload.get("replaces"))
        answer = self._order(["order", number], protected, None)
        return dataclasses.replace(answer, status=201).head("Location", f"{self.url}/order/{number}")

    def _order(self, parts: list[str], _protected: dict[str, Any], _payload: Any) -> Answer:
        order, url = self.orders[parts[1]], f"{self.url}/order/{parts[1]}"
        body = {
            "status": order.status,
            "expires": "2030-01-01T00:00:00Z",
            "identifiers": [{"type": "dns", "value": name} for name in order.names],
            "authorizations": [f"{self.url}/authorization/{parts[1]}/{index}" for index in range(len(order.names))],
            "finalize": url + "/finalize",
        }
        if order.csr is not None:
            body["certificate"] = f"{self.url}/certificate/{parts[1]}"
        return Answer(200, body)

    def _authorization(self, parts: list[str], _protected: dict[str, Any], _payload: Any) -> Answer:
        order, index = self.orders[parts[1]], int(parts[2])
        done = index in order.validated
        status = "valid" if done else "invalid" if order.status == "invalid" else "pending"
        challenges = [
            {
                "type": kind,
                "url": f"{self.url}/challenge/{parts[1]}/{index}/{kind}",
                "status": status,
                "token": f"token-{parts[1]}-{index}-{kind}",
            }
            for kind in order.kinds
        ]
        name = order.names[index].removeprefix("*.")
        return Answer(200, {"status": status, "identifier": {"type": "dns", "value": name}, "challenges": challenges})

    def _challenge(self, parts: list[str], _protected: dict[str, Any], _payload: Any) -> Answer:
        order, index = self.orders[parts[1]], int(parts[2])
        order.validated.add(index)
        if len(order.validated) == len(order.names):
            order.status = "ready"
        return Answer(200, {"type": parts[3], "url": "/".join([self.url, *parts]), "status": "valid", "token": "x"})

    def _finalize(self, parts: list[str], protected: dict[str, Any], payload: Any) -> Answer:
        order = self.orders[parts[1]]
        if order.status != "ready":
            return problem(403, "orderNotReady", f"the order is {order.status}")
        order.csr = x509.load_der_x509_csr(_decoded(payload["csr"]))
        order.status = "valid"
        return self._order(parts, protected, None)

    def _certificate(self, parts: list[str], _protected: dict[str, Any], _payload: Any) -> Answer:
        order = self.orders[parts[1]]
        assert order.csr is not None
        leaf = self.issue(order.csr, order.names)
        return Answer(200, leaf + self.ca.pem, (("Content-Type", "application/pem-certificate-chain"),))

    def issue(self, csr: Any, names: list[str], **options: Any) -> bytes:
        leaf = pki.server(names, self.ca, key=csr, signing_key=self.ca.key, **options)
        return leaf.certificate.public_bytes(Encoding.PEM)
