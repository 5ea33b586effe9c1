# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's REST API: https://www.sslmarket.com/ssl/sslmarket-api-for-ordering-certificates

It documents no key against repetition: a second POST is a second order, and a second invoice. So :meth:`Api.place` has three outcomes: the
number of the order, a definite no, or ``OutcomeUnknown``; and only a few answers are definite.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Mapping

from .._core.clock import SYSTEM, Clock
from .._core.errors import (
    CollectionError,
    InvalidData,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
    UsageError,
)
from .._core.secret import Secret, box
from .._http.client import JSON, OPTIONAL, TEXT, ApiClient, Reply
from .._http.explain import explain_any
from .._http.session import Session
from .._http.urls import check_url
from . import model
from .model import Detail, Product, Row

FORMATS = ("pem_server", "pem_intermediate", "p7b")
# A refusal of these is one, if SSLmarket itself said it: a proxy on the way has no JSON for us.
DEFINITE = (400, 401, 403, 404, 413, 415, 422)

_MOST_BYTES = 16 * 1024 * 1024  # order/list has no pages: a row of 300 bytes for each order there ever was
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


class Api:
    """One customer account. Nothing is sent, and no library loaded, before the first call."""

    def __init__(
        self,
        api_url: str,
        token: Secret | None,
        timeout: float = 30.0,
        ca_path: str | None = None,
        clock: Clock = SYSTEM,
        session: Session | None = None,
    ) -> None:
        if token is None:
            raise UsageError(
                "api_token is missing",
                hint="Give it, or set SSLMARKET_API_TOKEN; it is made in the settings of the customer account.",
            )
        if not _HEADER_SAFE.fullmatch(token.open()):
            raise UsageError(
                "api_token has characters that no HTTP header can carry",
                hint="Look for a line break or a space at its end.",
            )
        self.api_url = check_url(api_url, "api_url").rstrip("/")
        self._token = token
        self._timeout = timeout
        self._ca_path = ca_path
        self._clock = clock
        self._session = session
        self._client: ApiClient | None = None
        self._date: datetime | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any], clock: Clock = SYSTEM) -> Api:
        return cls(params["api_url"], box(params["api_token"]), params["timeout"], params["ca_path"], clock)

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its last good answer, UTC."""
        return self._date

    # -- reading -------------------------------------------------------------------------------------------------------

    def products(self) -> list[Product]:
        return model.products(self._send("GET", "/product/list").value)

    def orders(self) -> list[Row]:
        """All orders of the account."""
        return model.orders(self._send("GET", "/order/list").value)

    def order(self, order_id: int) -> Detail:
        asked = model.order_id(order_id)
        return model.detail(self._send("GET", "/order/order_id/%d" % asked).value, asked)

    def download(self, order_id: int, fmt: str) -> bytes:
        """The certificate: ``pem_server`` alone, ``pem_intermediate`` with its chain, ``p7b`` with the root, too."""
        if fmt not in FORMATS:
            raise UsageError("the format %r is none of %s" % (str(fmt)[:60], ", ".join(FORMATS)))
        path = "/certificate/order_id/%d/format/%s" % (model.order_id(order_id), fmt)
        content = self._send("GET", path, form=TEXT).content
        if fmt != "p7b" and b"-----BEGIN CERTIFICATE-----" not in content:
            raise ProtocolError("SSLmarket answered without a certificate in PEM")
        return content

    def decode_csr(self, csr: str) -> dict[str, Any]:
        return self._ask("/tool/decoder/csr", {"csr": csr}, "csr")

    def decode_certificate(self, pem: str) -> dict[str, Any]:
        return self._ask("/tool/decoder/certificate", {"certificate": pem}, "certificate")

    def ocsp(self, pem: str) -> dict[str, Any]:
        return self._ask("/tool/ocsp", {"certificate": pem})

    # -- writing -------------------------------------------------------------------------------------------------------

    def place(self, product_code: str, body: Mapping[str, Any]) -> int:
        """Buys. The number of the order, if the answer is 201 with one.

        Surely not placed: ``UsageError``, ``InvalidData`` (before anything is sent), ``NotSent``, ``RateLimited``, and ``ProviderError``
        for a refusal of :data:`DEFINITE` in SSLmarket's own form. Whatever else comes is ``OutcomeUnknown``.
        """
        path = "/order/certificate/" + _code(product_code)
        _check_body(body)
        client = self._connected()
        try:
            reply = client.exchange("POST", path, body)
        except (InvalidData, UsageError, NotSent, OutcomeUnknown, RateLimited):
            raise
        except CollectionError as error:
            if isinstance(error, ProviderError) and error.readable and error.status in DEFINITE:
                raise
            raise _unknown(error) from None
        except Exception as error:
            raise OutcomeUnknown("no answer to the order could be read (%s)" % type(error).__name__) from error
        self._date = reply.date or self._date
        return _placed(reply)

    def edit(self, order_id: int, body: Mapping[str, Any]) -> None:
        """Changes what was ordered, before the certificate is issued."""
        self._write("PUT", "/order/order_id/%d" % model.order_id(order_id), body)

    def resend(self, order_id: int) -> None:
        """Sends the e-mail for the domain control validation again."""
        self._write("PUT", "/certificate/order_id/%d/resend" % model.order_id(order_id))

    def reissue(self, order_id: int, csr: str) -> None:
        self._write("POST", "/certificate/order_id/%d/reissue" % model.order_id(order_id), {"csr": csr})

    def cancel_reissue(self, order_id: int) -> None:
        self._write("PUT", "/certificate/order_id/%d/cancel-reissue" % model.order_id(order_id))

    def revoke(self, order_id: int) -> None:
        """Documented for DigiCert Client Premium Class 1 and 2 alone."""
        self._write("PUT", "/certificate/order_id/%d/revoke" % model.order_id(order_id))

    # -- how -----------------------------------------------------------------------------------------------------------

    def _connected(self) -> ApiClient:
        if self._client is None:
            session = self._session or Session(self._timeout, self._ca_path, _MOST_BYTES, "api_url")
            self._client = ApiClient(
                self.api_url,
                session,
                {"X-Auth-Token": self._token},
                refused=_refused,
                timeout=self._timeout,
                clock=self._clock,
                explained=explain_any,
                keys="api_token",
            )
        return self._client

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, form: str = JSON, safe: bool | None = None
    ) -> Reply:
        reply = self._connected().exchange(method, path, body, form, safe)
        self._date = reply.date or self._date
        return reply

    def _write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """A good answer is empty, or not described. An answer that breaks the rules says nothing about what was done."""
        try:
            self._send(method, path, body, OPTIONAL)
        except ProtocolError as error:
            raise _unknown(error) from None

    def _ask(self, path: str, body: Mapping[str, Any], member: str | None = None) -> dict[str, Any]:
        """A POST that changes nothing."""
        answer = self._send("POST", path, body, safe=True).value
        found = answer.get(member) if member and isinstance(answer, dict) else answer
        if not isinstance(found, dict):
            raise ProtocolError("SSLmarket answered %s without a result" % path)
        return found


def _placed(reply: Reply) -> int:
    answer = reply.value if isinstance(reply.value, dict) else {}
    try:
        number = model.order_id(answer.get("order_id"))
    except InvalidData as error:
        raise OutcomeUnknown(
            "SSLmarket answered to the order without its number", status=reply.status, detail=error.message
        ) from None
    if reply.status != 201:
        raise OutcomeUnknown(
            "SSLmarket answered to the order with status %d, not 201" % reply.status,
            status=reply.status,
            detail="order_id %d" % number,
        )
    return number


def _unknown(error: CollectionError) -> OutcomeUnknown:
    return OutcomeUnknown(error.message, error.hint, error.status, error.code, error.detail)


def _refused(value: Any) -> bool:
    """How the API's first version said no, with status 200: https://github.com/SSLMarket-by-ZONER/SWAPI"""
    return isinstance(value, dict) and (bool(value.get("errors")) or str(value.get("ack")).lower() == "error")


def _code(product_code: Any) -> str:
    if not isinstance(product_code, str) or not _CODE.fullmatch(product_code) or not product_code.strip("."):
        raise UsageError(
            "%r is not a product_code" % str(product_code)[:100],
            hint="The module sslmarket_product_info lists them.",
        )
    return product_code


def _check_body(body: Mapping[str, Any]) -> None:
    """That it can be sent at all, found out while nothing is sent."""
    try:
        json.dumps(body, default=lambda value: value.open(), allow_nan=False)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidData("the order cannot be written as JSON (%s)" % type(error).__name__) from None
