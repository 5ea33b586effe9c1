# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How SSL.com calls a reseller: `reseller_authorization` before it issues, `receive_certificate` afterwards.

Source: SSL.com's reseller guide to ACME, as of 2026-11. Documented: both paths, the members of both requests, 200 with
`{"success": true}` for yes, another status with an `error_message` for no, and "The order was not authorized" where that message is
empty. Not documented, so it can be set: timeouts, repetitions, whether a duration is text, further members, what the product is called.

The control API keeps the settings (`HookControl`), the process of SSL.com's ACME server makes the calls (`Reseller`). Each call has a
line in the ledger, with the documented path in place of the reseller's secret one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certfleet_sandbox.faults import HOOK, RemoteFaults
from certfleet_sandbox.files import read_json, write_json
from certfleet_sandbox.ledger import Ledger

AUTHORIZE, RECEIVE = "reseller_authorization", "receive_certificate"
NO_REASON = "The order was not authorized"
LONGEST_ANSWER = 64 * 1024
LONGEST_REASON = 500


@dataclass(frozen=True)
class HookSettings:
    """Whom to call and how; without a URL nobody is called, and every order is allowed."""

    url: str = ""  # with the reseller's secret prefix
    ca_path: str = ""  # PEM, for https; empty for the system's CAs
    product: str = "sslcom_dv"  # as the documentation's two samples have it
    delivered_product: str = "basicssl"
    duration: int = 365  # days
    duration_as_number: bool = False
    more: dict[str, Any] = field(default_factory=dict)  # further members of both requests
    timeout: float = 5.0  # seconds for an answer
    attempts: int = 3  # calls until one is answered, and not with 5xx
    pause: float = 0.2  # seconds between them

    @classmethod
    def parse(cls, values: dict[str, Any]) -> HookSettings:
        """Raises ValueError for what it does not know, and for values of another type."""
        usual = asdict(cls())
        unknown = set(values) - set(usual)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        for name, value in values.items():
            kinds = (int, float) if isinstance(usual[name], float) else (type(usual[name]),)
            if type(value) not in kinds:
                raise ValueError(f"{name}: must be {kinds[-1].__name__}")
        found = cls(**values)
        if found.url and (urlsplit(found.url).scheme not in ("http", "https") or not urlsplit(found.url).hostname):
            raise ValueError("url: not a URL of http or https")
        if found.timeout <= 0 or found.pause < 0 or found.attempts < 1 or found.duration < 1:
            raise ValueError("timeout, pause, attempts or duration is out of range")
        return found


class HookControl:
    """The settings, kept over restarts."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._settings = HookSettings(**read_json(store, {}))

    def read(self, route: str) -> dict[str, Any] | None:
        """The answer to a call without a body; None when there is no such call."""
        if route == "DELETE /sslcom/hook":
            self._keep(HookSettings())
        return asdict(self._settings) if route in ("GET /sslcom/hook", "DELETE /sslcom/hook") else None

    def change(self, route: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """The same for a call with a body; raises ValueError."""
        if route != "PUT /sslcom/hook":
            return None
        self._keep(HookSettings.parse(value))
        return asdict(self._settings)

    def _keep(self, settings: HookSettings) -> None:
        write_json(self._store, asdict(settings))
        self._settings = settings


@dataclass(frozen=True)
class Order:
    """What SSL.com tells the reseller of an order."""

    name: str
    kid: str
    names: tuple[str, ...]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        """A redirect is an answer like any other that is not 200."""


class _Status(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Every status is an answer, none is an exception."""
        return response

    https_response = http_response


class Reseller:
    def __init__(self, control_url: str, ledger: Ledger) -> None:
        self._control_url, self._ledger = control_url, ledger
        self._faults = RemoteFaults(control_url)

    def authorize(self, order: Order) -> str | None:
        """None if the reseller allows the order, else what the customer is told."""
        settings = self._settings()
        if not settings.url:
            return None
        status, answer = self._ask(settings, AUTHORIZE, order, self._body(settings, settings.product, order))
        if status == 200 and answer.get("success") is True:
            return None
        reason = answer.get("error_message")
        return reason[:LONGEST_REASON] if isinstance(reason, str) and reason.strip() else NO_REASON

    def deliver(self, order: Order, chain: str) -> None:
        """Brings the certificate, without keeping the customer waiting."""
        settings = self._settings()
        if not settings.url:
            return
        leaf = x509.load_pem_x509_certificate(chain.encode())
        cert = {
            "body": chain,
            "not_before": leaf.not_valid_before_utc.isoformat(timespec="milliseconds"),
            "not_after": leaf.not_valid_after_utc.isoformat(timespec="milliseconds"),
        }
        body = {**self._body(settings, settings.delivered_product, order), "cert": cert}
        facts = {"fingerprint": hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()}
        threading.Thread(target=self._ask, args=(settings, RECEIVE, order, body, facts), daemon=True).start()

    def _settings(self) -> HookSettings:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._control_url}/sslcom/hook", timeout=10) as answer:
            return HookSettings(**json.load(answer))

    @staticmethod
    def _body(settings: HookSettings, product: str, order: Order) -> dict[str, Any]:
        duration = settings.duration if settings.duration_as_number else str(settings.duration)
        identifiers = {"dns": list(order.names)}
        return {"kid": order.kid, "product": product, "duration": duration, "identifiers": identifiers, **settings.more}

    def _ask(
        self,
        settings: HookSettings,
        operation: str,
        order: Order,
        body: dict[str, Any],
        facts: dict[str, Any] | None = None,
    ) -> tuple[int | None, dict[str, Any]]:
        """The first answer that is not 5xx, else the last one; (None, {}) when there was none at all."""
        known = {"kid": order.kid, "order": order.name, "identifiers": list(order.names), **(facts or {})}
        told = {**known, **{name: body[name] for name in ("product", "duration")}}
        status: int | None = None
        answer: dict[str, Any] = {}
        for attempt in range(1, settings.attempts + 1):
            if attempt > 1:
                time.sleep(settings.pause)  # as a sender does before it repeats; the order waits for the answer
            fault = self._faults.take(HOOK, operation)
            kind = fault.kind if fault else None
            status, answer = (None, {}) if kind == "not_sent" else _post(settings, operation, body)
            if kind == "duplicate":
                _post(settings, operation, body)
            if kind == "lost_answer":
                status, answer = None, {}
            self._write(operation, status, answer, {**told, "fault": kind, "attempt": attempt})
            if status is not None and status < 500:
                break
        return status, answer

    def _write(self, operation: str, status: int | None, answer: dict[str, Any], facts: dict[str, Any]) -> None:
        yes = status == 200 and answer.get("success") is True
        effect = {AUTHORIZE: "order_allowed", RECEIVE: "certificate_delivered"}[operation] if yes else None
        self._ledger.append(
            service=HOOK,
            method="POST",
            path=f"/{operation}",
            status=status,
            effect=effect,
            operation=operation,
            error_message=answer.get("error_message"),
            **facts,
        )


def _post(settings: HookSettings, operation: str, body: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Status and JSON object of the answer: None for no answer, {} for one that is not an object."""
    handlers: list[Any] = [urllib.request.ProxyHandler({}), _NoRedirect, _Status]
    if settings.url.startswith("https:"):
        context = ssl.create_default_context(cafile=settings.ca_path or None)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(
        f"{settings.url.rstrip('/')}/{operation}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=settings.timeout) as answer:
            status, content = answer.status, answer.read(LONGEST_ANSWER)
    except (OSError, http.client.HTTPException):
        return None, {}
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return status, found if isinstance(found, dict) else {}
