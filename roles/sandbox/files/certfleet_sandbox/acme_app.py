# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme2certifier's WSGI application as a service: its directories at the provider's paths, and an account's orders list."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from acme2certifier.acme_srv.message import Message
from acme2certifier.share import acme2certifier_wsgi as wsgi

from certfleet_sandbox import acme_operations, acme_patches
from certfleet_sandbox.web import Answer, Request

_PROBLEMS = {429: "rateLimited", 400: "malformed", 404: "malformed", 413: "malformed"}
_OWN_DIRECTORIES = ("/", "/directory", "/director", "/acme/directory")


class AcmeService:
    """`directories` are the paths below which the provider publishes its ACME directories."""

    def __init__(self, name: str, base_url: str, directories: Iterable[str]) -> None:
        self.name, self._base_url, self._directories = name, base_url, frozenset(directories)

    def _path(self, request: Request) -> str:
        """The path within acme2certifier. Its own directory is not one of the provider's, so it is not there."""
        if request.path in self._directories:
            return "/directory"
        return "/not-found" if request.path in _OWN_DIRECTORIES else request.path

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return acme_operations.operation(self._path(request), request)

    def error(self, status: int, text: str) -> Answer:
        kind = "urn:ietf:params:acme:error:" + _PROBLEMS.get(status, "serverInternal")
        answer = Answer.json(status, {"type": kind, "detail": text, "status": status})
        answer.headers = [("Content-Type", "application/problem+json")]
        return answer

    def answer(self, request: Request) -> Answer:
        operation, _names = self.operation(request)
        answer = self._orders(request) if operation == "orders" else self._call(request)
        if answer.status < 400:
            answer.effect = operation
            if operation == "newAccount" and answer.status == 200:
                answer.effect = "findAccount"
        else:
            answer.facts["problem"] = _object(answer.body).get("type")
        location = dict(answer.headers).get("Location", "")
        if operation in ("newAccount", "findAccount") and location:
            answer.facts["account"] = location.rsplit("/", 1)[-1]
        elif operation == "newOrder" and location:
            answer.facts["order"] = location.rsplit("/", 1)[-1]
        if operation in ("newAccount", "findAccount", "account") and answer.status == 200:
            self._name_orders(answer, location or self._base_url + request.path)
        return answer

    def _name_orders(self, answer: Answer, account_url: str) -> None:
        """acme2certifier names the orders list of a new account only; RFC 8555, section 7.1.2 requires it of every one."""
        account = _object(answer.body)
        if account.get("status") == "valid":
            account.setdefault("orders", f"{account_url}/orders")
            answer.body = json.dumps(account).encode()

    def _orders(self, request: Request) -> Answer:
        """RFC 8555, section 7.1.2.1: a POST-as-GET by the account itself."""
        if request.method != "POST":
            return self.error(405, "an orders list is read by POST-as-GET")
        message = Message(False, self._base_url, wsgi.LOGGER, config_dic=wsgi.CONFIG)
        message.request_url = self._base_url + request.path
        code, kind, detail, _protected, payload, account = message.check(request.body.decode("utf-8", "replace"))
        if code == 200 and payload:
            code, kind, detail = 400, "urn:ietf:params:acme:error:malformed", "the payload must be empty"
        elif code == 200 and request.path != f"/acme/acct/{account}/orders":
            code, kind, detail = 403, "urn:ietf:params:acme:error:unauthorized", "this is another account's list"
        found: dict[str, Any] = {}
        if code == 200:
            names = acme_patches.orders_of(account, wsgi.LOGGER)
            found["data"] = {"orders": [f"{self._base_url}/acme/order/{name}" for name in names]}
        reply = message.prepare_response(found, {"code": code, "type": kind, "detail": detail})
        return Answer(
            code,
            [
                ("Content-Type", "application/json" if code == 200 else "application/problem+json"),
                *reply["header"].items(),
            ],
            json.dumps(reply["data"]).encode(),
        )

    def _call(self, request: Request) -> Answer:
        """One request through the WSGI application (PEP 3333)."""
        path = unquote(self._path(request))
        scheme, _sep, authority = self._base_url.partition("://")
        host, _sep, port = authority.rpartition(":")
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "SERVER_NAME": host,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": request.client,
            # One name for the server, whatever the client calls it: account and order URLs carry it.
            "HTTP_HOST": authority,
            "HTTPS": "on",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        started: list[Any] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            started[:] = [int(status.split()[0]), headers]
            return lambda _: None

        parts = wsgi.application(environ, start_response)
        # Some handlers hand out text where the protocol wants bytes.
        body = b"".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)
        return Answer(started[0], [(name, str(value)) for name, value in started[1]], body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
