# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON API: base URL, sign-in, status to error. Knows no provider."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Callable, Mapping

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
from .session import AGAIN, Session
from .urls import check_url, origin

if TYPE_CHECKING:
    import requests

# What the body of a good answer has to be: JSON; JSON or nothing; text, that is, anything but nothing and HTML.
JSON, OPTIONAL, TEXT = "json", "optional", "text"

_MEND = "Mend what it names, and run again."


@dataclass(frozen=True)
class Reply:
    """A good answer (2xx). ``value`` is its JSON, ``None`` for text and for an empty body; ``date`` the server's clock, UTC."""

    status: int
    value: Any
    content: bytes
    date: datetime | None


class ApiClient:
    """``headers`` and bodies may hold :class:`Secret` values; they are opened here and removed from every message.

    ``refused`` tells from the JSON value of an answer with status 2xx that the provider did not do what was asked; ``explained``
    finds its words for that. ``keys`` are the options that it signs in with, ``option`` is the one of ``base_url``, for messages.
    """

    def __init__(
        self,
        base_url: str,
        session: Session,
        headers: Mapping[str, str | Secret] | None = None,
        refused: Callable[[Any], bool] = lambda value: False,
        timeout: float = 30.0,
        clock: Clock = SYSTEM,
        explained: Callable[[Any], tuple[str | None, str | None]] = explain,
        keys: str = "the keys",
        option: str = "api_url",
    ) -> None:
        self._base = check_url(base_url, option).rstrip("/")
        self._keys, self._option = keys, option
        self._session = session
        self._headers = dict(headers or {})
        self._refused = refused
        self._timeout = timeout
        self._clock = clock
        self._explained = explained

    def get(self, path: str) -> Any:
        """The JSON value of the answer."""
        return self.exchange("GET", path).value

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON value of the answer to a JSON object, sent once."""
        return self.exchange("POST", path, body).value

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Sent once. The answer may be empty: ``None``, else its JSON value."""
        return self.exchange("PUT", path, body, OPTIONAL).value

    def exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, form: str = JSON, safe: bool | None = None
    ) -> Reply:
        """One request and its answer. ``form``: what the body of a good answer has to be.

        What is ``safe`` (GET; others if the caller knows that they change nothing) is tried again after connection errors, 429 and
        502-504 as long as ``timeout`` allows. Everything else is sent once: ``OutcomeUnknown`` unless the provider said yes or no in so
        many words.
        """
        if not (method == "GET" if safe is None else safe):
            return self._exchange(method, path, body, form, False, self._timeout)
        deadline = Deadline(self._timeout, self._clock)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._exchange(method, path, body, form, True, max(deadline.left(), 0.1))
            except (TransportError, RateLimited) as error:
                pause = retry.wait_before(attempt, error.extra.get("retry_after"), deadline.left())  # type: ignore[arg-type]  # seconds, where there are any
                if pause is None:
                    raise
                self._clock.sleep(pause)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, form: str, safe: bool, seconds: float
    ) -> Reply:
        secrets = _secrets(self._headers) + _secrets(body or {})
        headers = {name: value.open() if isinstance(value, Secret) else value for name, value in self._headers.items()}
        headers["Accept"] = "text/plain, */*;q=0.5" if form == TEXT else "application/json"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, default=_open).encode("utf-8")
        try:
            response = self._session.request(method, self._base + path, headers=headers, data=data, timeout=seconds)
        except CollectionError as error:
            error.detail = scrub(error.detail, secrets)
            raise
        return self._judge(response, form, safe, secrets)

    def _judge(self, response: requests.Response, form: str, safe: bool, secrets: list[Secret]) -> Reply:
        """A good answer; every other answer as the error it is."""
        status, content, host = response.status_code, response.content, origin(self._base)
        good = 200 <= status < 300
        if good and form == TEXT:
            return self._text(response, safe)
        value, problem = _parsed(content)
        code, detail = (scrub(text, secrets) for text in self._explained(value))
        if good:
            if problem is not None and not (form == OPTIONAL and not content.strip()):
                message = "%s answered with a body that is not JSON (%s)" % (host, problem)
                raise self._unusable(safe, message, status)
            if self._refused(value):
                raise ProviderError(
                    "%s did not do it (status %d)" % (host, status),
                    hint=_MEND,
                    status=status,
                    code=code,
                    detail=detail or "no reason given",
                )
            return Reply(status, value, content, _date(response.headers))
        if status == 429:
            raise self._rate_limited(host, response.headers.get("Retry-After"), code, detail)
        if 400 <= status < 500 and status != 408:
            raise self._refusal(host, status, code, detail, isinstance(value, (dict, list)))
        raise self._unusable(safe, "%s has trouble (status %d)" % (host, status), status, code, detail)

    def _text(self, response: requests.Response, safe: bool) -> Reply:
        content = response.content
        problem = None if content.strip() else "an empty body"
        if content.lstrip()[:1] == b"<" or response.headers.get("Content-Type", "").lower().startswith("text/html"):
            problem = "a web page"
        if problem:
            message = "%s answered with %s instead of text" % (origin(self._base), problem)
            raise self._unusable(safe, message, response.status_code)
        return Reply(response.status_code, None, content, _date(response.headers))

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

    def _refusal(self, host: str, status: int, code: str | None, detail: str | None, readable: bool) -> ProviderError:
        """``readable``: it is the API that says no, and not a web server in its place."""
        parts: dict[str, Any] = {"status": status, "code": code, "detail": detail}
        refusal = ProviderError("%s refused the request (status %d)" % (host, status), _MEND, **parts)
        if status in (401, 403):
            hint = "Check %s for mistakes, expiry and permissions." % self._keys
            refusal = AuthError(
                "%s refused our credentials or the request (status %d)" % (host, status), hint=hint, **parts
            )
        elif not readable:
            refusal.hint = "Check %s: no API answers at this address." % self._option
        refusal.readable = readable
        return refusal

    def _unusable(
        self, safe: bool, message: str, status: int, code: str | None = None, detail: str | None = None
    ) -> CollectionError:
        parts: dict[str, Any] = {"status": status, "code": code, "detail": detail}
        passing = status >= 500 or status == 408
        hint = "Run again later." if passing else "Check %s." % self._option
        if not safe:
            again = AGAIN if passing else "Check %s, and run again: what became of it is found out then." % self._option
            return OutcomeUnknown(message, again, **parts)
        if status in retry.STATUSES:
            return TransportError(message, hint, **parts)
        return ProtocolError(message, hint, **parts)


def _parsed(content: bytes) -> tuple[Any, str | None]:
    """(the value, ``None``), or (``None``, why there is no value)."""
    try:
        return strict_json.parse(content), None
    except ValueError as error:
        return None, str(error) if content else "empty"


def _date(headers: Mapping[str, str]) -> datetime | None:
    moment = retry.http_date(headers.get("Date"))
    try:
        return moment.astimezone(timezone.utc) if moment else None
    except (OverflowError, ValueError):
        return None


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
