# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON API: base URL, sign-in, status to error. Knows no provider."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Callable, Mapping

from .._core.clock import SYSTEM, Clock, Deadline, iso
from .._core.errors import (
    AuthError,
    CollectionError,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
    TransportError,
    clean,
)
from .._core.secret import Secret
from . import retry, strict_json
from .explain import explain
from .session import Session
from .urls import check_url, origin


class ApiClient:
    """``headers`` and bodies may hold :class:`Secret` values; they are opened here and removed from every message.

    ``refused`` tells from the JSON value of an answer with status 2xx that the provider did not do what was asked.
    """

    def __init__(
        self,
        base_url: str,
        session: Session,
        headers: Mapping[str, str | Secret] | None = None,
        refused: Callable[[Any], bool] = lambda value: False,
        timeout: float = 30.0,
        clock: Clock = SYSTEM,
    ) -> None:
        self._base = check_url(base_url, "api_url").rstrip("/")
        self._session = session
        self._headers = dict(headers or {})
        self._refused = refused
        self._timeout = timeout
        self._clock = clock

    def get(self, path: str) -> Any:
        """GET, tried again after connection errors, 429 and 502-504 as long as ``timeout`` allows; the JSON value."""
        deadline = Deadline(self._timeout, self._clock)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._exchange("GET", path, None, max(deadline.left(), 0.1))
            except (TransportError, RateLimited) as error:
                pause = retry.wait_before(attempt, error.extra.get("retry_after"), deadline.left())  # type: ignore[arg-type]
                if pause is None:
                    raise
                self._clock.sleep(pause)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST of a JSON object, sent once; the JSON value of the answer.

        ``OutcomeUnknown`` unless the provider said yes or no in so many words.
        """
        return self._exchange("POST", path, body, self._timeout)

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        secrets = _secrets(self._headers) + _secrets(body or {})
        headers = {name: value.open() if isinstance(value, Secret) else value for name, value in self._headers.items()}
        headers["Accept"] = "application/json"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, default=_open).encode("utf-8")
        try:
            response = self._session.request(method, self._base + path, headers=headers, data=data, timeout=seconds)
        except CollectionError as error:
            error.detail = scrub(error.detail, secrets)
            raise
        return self._judge(method, response.status_code, response.headers, response.content, secrets)

    def _judge(
        self, method: str, status: int, headers: Mapping[str, str], content: bytes, secrets: list[Secret]
    ) -> Any:
        """The value of a good answer; every other answer as the error it is."""
        host = origin(self._base)
        problem = None
        try:
            value = strict_json.parse(content)
        except ValueError as error:
            value, problem = None, str(error) if content else "empty"
        code, detail = (scrub(text, secrets) for text in explain(value))
        if 200 <= status < 300:
            if problem is not None:
                raise self._unusable(method, "%s answered with a body that is not JSON (%s)" % (host, problem), status)
            if self._refused(value):
                raise ProviderError(
                    "%s did not do it (status %d)" % (host, status),
                    status=status,
                    code=code,
                    detail=detail or "no reason given",
                )
            return value
        if status == 429:
            raise self._rate_limited(host, headers.get("Retry-After"), code, detail)
        if status in (401, 403):
            raise AuthError(
                "%s refused our credentials or the request (status %d)" % (host, status),
                hint="Check the keys and what they are allowed to do.",
                status=status,
                code=code,
                detail=detail,
            )
        if 400 <= status < 500 and status != 408:
            raise ProviderError(
                "%s refused the request (status %d)" % (host, status), status=status, code=code, detail=detail
            )
        raise self._unusable(method, "%s has trouble (status %d)" % (host, status), status, code, detail)

    def _unusable(
        self, method: str, message: str, status: int, code: str | None = None, detail: str | None = None
    ) -> CollectionError:
        if method != "GET":
            return OutcomeUnknown(message, status=status, code=code, detail=detail)
        if status in retry.STATUSES:
            return TransportError(message, status=status, code=code, detail=detail)
        return ProtocolError(message, status=status, code=code, detail=detail)

    def _rate_limited(self, host: str, header: str | None, code: str | None, detail: str | None) -> RateLimited:
        now = self._clock.now()
        seconds = retry.retry_after(header, now)
        retry_at = iso(now + timedelta(seconds=min(seconds, 366 * 86400.0))) if seconds is not None else None
        return RateLimited(
            "%s limits the rate of requests" % host,
            hint="Run again %s." % ("after " + retry_at if retry_at else "later"),
            status=429,
            code=code,
            detail=detail,
            retry_at=retry_at,
            retry_after=seconds,
        )


def scrub(text: str | None, secrets: list[Secret]) -> str | None:
    """Text from outside without our secrets (some servers echo what they refuse), before anything else shortens it."""
    if text is None:
        return None
    for secret in secrets:
        value = secret.open()
        text = text.replace(value, "<secret>")
        if value.startswith("Bearer "):
            text = text.replace(value[len("Bearer ") :], "<secret>")
    return clean(text)


def _secrets(values: Mapping[str, Any]) -> list[Secret]:
    return [value for value in values.values() if isinstance(value, Secret)]


def _open(value: object) -> str:
    if isinstance(value, Secret):
        return value.open()
    raise TypeError("%s cannot be sent" % type(value).__name__)
