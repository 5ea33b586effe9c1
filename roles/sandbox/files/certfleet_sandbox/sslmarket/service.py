# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's REST API.

Source: SSLmarket's API for ordering certificates, https://www.sslmarket.co.uk/ssl/sslmarket-api-for-ordering-certificates, as of
2026-11. Documented: the paths, the members, the codes of success, that a refusal is 4XX with "the type of error and its
description". Not documented, and ours: the names of those two members, which code a refusal has, every state but `published`.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from typing import Any

from certfleet_sandbox import strict
from certfleet_sandbox.ledger import fingerprint
from certfleet_sandbox.sslmarket import fields, tools, views
from certfleet_sandbox.sslmarket.market import Market, key_digest
from certfleet_sandbox.sslmarket.orders import Order
from certfleet_sandbox.sslmarket.products import CURRENCY, PRODUCTS
from certfleet_sandbox.strict import Refused
from certfleet_sandbox.web import Answer, Request

BASE = "/api"
_ORDER = r"/order/order_id/(?P<order_id>[0-9]{1,12})"
_CERTIFICATE = r"/certificate/order_id/(?P<order_id>[0-9]{1,12})"
_ROUTES = [
    (method, re.compile(BASE + path), operation)
    for method, path, operation in (
        ("GET", "/product/list", "product_list"),
        ("POST", "/order/certificate/(?P<product>[A-Za-z0-9_-]{1,64})", "order_create"),
        ("GET", "/order/list", "order_list"),
        ("GET", _ORDER, "order_detail"),
        ("PUT", _ORDER, "order_edit"),
        ("PUT", _CERTIFICATE + "/resend", "resend"),
        ("POST", _CERTIFICATE + "/reissue", "reissue"),
        ("PUT", _CERTIFICATE + "/cancel-reissue", "cancel_reissue"),
        ("PUT", _CERTIFICATE + "/revoke", "revoke"),
        ("GET", _CERTIFICATE + "/format/(?P<form>pem_server|pem_intermediate|p7b)", "download"),
        ("POST", "/tool/decoder/csr", "decode_csr"),
        ("POST", "/tool/decoder/certificate", "decode_certificate"),
        ("POST", "/tool/ocsp", "ocsp"),
    )
]
OPERATIONS = tuple(operation for _method, _path, operation in _ROUTES)
_WITH_BODY = ("order_create", "order_edit", "reissue", "decode_csr", "decode_certificate", "ocsp")
_TYPES = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def _route(request: Request) -> tuple[str | None, dict[str, str], list[str]]:
    """The operation and what is in its path; else the methods that the path has."""
    methods = []
    for method, path, operation in _ROUTES:
        found = path.fullmatch(request.path)
        if found and method == request.method:
            return operation, found.groupdict(), []
        if found:
            methods.append(method)
    return None, {}, methods


class SslMarket:
    name = "sslmarket"

    def __init__(self, market: Market, api_token: str, revoked: Callable[[str], bool] = lambda serial: False) -> None:
        """``revoked``: whether a certificate is revoked though its order is not."""
        self.market, self._token, self._revoked = market, api_token, revoked
        self._reads: dict[str, int] = {}

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        operation, parts, _methods = _route(request)
        facts: dict[str, Any] = {name: value for name, value in parts.items() if name in ("product", "form")}
        if "order_id" in parts:
            facts["order_id"] = int(parts["order_id"])
        if "x-auth-token" in request.headers:
            facts["token"] = fingerprint(request.headers["x-auth-token"])
        return operation, facts

    def error(self, status: int, text: str) -> Answer:
        knobs = self.market.knobs
        body = {knobs.error_member: _TYPES.get(status, "error"), knobs.description_member: text}
        return Answer.json(status, body, refused=text)

    def answer(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except Refused as refused:
            text = "; ".join(f"{name}: {error}" for name, errors in refused.errors.items() for error in errors)
            answer = self.error(refused.status, text)
            if self.market.knobs.echo_secret:
                spoken = f"{text} (token {request.headers.get('x-auth-token')})"
                answer.body = self.error(refused.status, spoken).body
            return answer

    def _answer(self, request: Request) -> Answer:
        token = request.headers.get("x-auth-token", "")
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token.encode()):
            raise Refused(401, {"X-Auth-Token": ["is missing" if not token else "is not known"]})
        operation, parts, methods = _route(request)
        if operation is None:
            if methods:
                raise Refused(405, {"method": [f"must be {' or '.join(methods)}"]})
            raise Refused(404, {"path": ["is not known"]})
        if request.query:
            raise Refused(400, {"query": ["is not allowed"]})
        values: dict[str, Any] = {}
        if operation in _WITH_BODY:
            values = strict.json_object(request)
        elif request.body:
            raise Refused(400, {"body": ["is not allowed"]})
        if "order_id" in parts:
            order = self.market.find(int(parts["order_id"]))
            found: Answer = getattr(self, f"_{operation}")(order, values, parts)
        else:
            found = getattr(self, f"_{operation}")(values, parts)
        return found

    def _json(self, value: Any, effect: str) -> Answer:
        return Answer.json(200, views.spoiled(value, self.market.knobs), effect)

    def _second(self, what: str) -> bool:
        """Whether this is one of the answers that differ."""
        with self.market.lock:
            if not self.market.knobs.second_answer_differs:
                self._reads.clear()
                return False
            self._reads[what] = self._reads.get(what, 0) + 1
            return self._reads[what] % 2 == 0

    # Products and orders

    def _product_list(self, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        return self._json({"products": [product.row() for product in PRODUCTS.values()]}, "products_listed")

    def _order_create(self, values: dict[str, Any], parts: dict[str, str]) -> Answer:
        product = PRODUCTS.get(parts["product"])
        if product is None:
            raise Refused(404, {"product_code": ["is not known"]})
        wanted = fields.order(values, product, self.market.knobs)
        time.sleep(self.market.delay("book_delay"))
        order = self.market.book(product, wanted)
        answer = Answer.json(201, views.spoiled({"order_id": order.id}, self.market.knobs), "order_booked")
        answer.facts = {
            "order_id": order.id,
            "price": order.cents / 100,
            "currency": CURRENCY,
            "public_key": key_digest(order.csr),
            "names": order.names,
            "years": order.years,
        }
        return answer

    def _order_list(self, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        second = self._second("list")
        with self.market.lock:
            rows = views.listed(self.market.all(), self.market.knobs, self.market.now())
        return self._json({"orders": [] if second else rows}, "orders_listed")

    def _order_detail(self, order: Order, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        second, knobs = self._second(str(order.id)), self.market.knobs
        with self.market.lock:
            found = views.detail(order, knobs, self.market.now())
        return self._json(views.without_certificate(found, knobs) if second else found, "order_shown")

    def _order_edit(self, order: Order, values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        self.market.edit(order, fields.edit(values, order.product, order.names, self.market.knobs))
        return Answer(200, effect="order_edited", facts={"edited": sorted(values)})

    # Certificates

    def _resend(self, order: Order, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        self.market.resend(order)
        return Answer(202, effect="dcv_email_sent")

    def _reissue(self, order: Order, values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        members = fields.only(values, "csr")
        fields.check_csr(members, order.product, order.names, self.market.knobs)
        members.done()
        self.market.reissue(order, values["csr"])
        return Answer(202, effect="reissue_started", facts={"public_key": key_digest(values["csr"])})

    def _cancel_reissue(self, order: Order, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        self.market.cancel_reissue(order)
        return Answer(202, effect="reissue_cancelled")

    def _revoke(self, order: Order, _values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        if not order.product.revocable:
            raise Refused(403, {"product_code": ["has certificates that cannot be revoked here"]})
        self.market.revoke(order)
        return Answer(202, effect="certificate_revoked")

    def _download(self, order: Order, _values: dict[str, Any], parts: dict[str, str]) -> Answer:
        with self.market.lock:
            knobs, last = self.market.knobs, order.certificates[-1] if order.certificates else None
            waits = order.reissue_csr is not None and not knobs.download_while_reissuing
        if last is None or waits:
            raise Refused(409, {"order_id": ["has no certificate yet"]})
        body = self.market.authority.text(last, parts["form"], knobs)
        return Answer(200, [("Content-Type", "text/plain")], body, "certificate_downloaded", {"serial": last.serial})

    # Tools

    def _decode_csr(self, values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        return self._json(tools.csr(values), "csr_decoded")

    def _decode_certificate(self, values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        return self._json(tools.certificate(values, self.market.knobs), "certificate_decoded")

    def _ocsp(self, values: dict[str, Any], _parts: dict[str, str]) -> Answer:
        found = tools.ocsp(values, self.market.all(), self.market.knobs, self.market.now(), self._revoked)
        return self._json(found, "ocsp_answered")
