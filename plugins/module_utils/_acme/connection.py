# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed and unsigned requests to one ACME server. EFF's ``acme`` library signs, keeps nonces and knows the errors; the session is ours."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import (
    CollectionError,
    InvalidData,
    OutcomeUnknown,
    ProtocolError,
    TransportError,
    UsageError,
    clean,
)
from .._http import strict_json
from .._http.retry import retry_after
from .._http.session import Session
from .._http.urls import check_url
from .problems import rate_limited, translate

if TYPE_CHECKING:
    import requests
    from josepy import jwk

Value = TypeVar("Value")

_RESOURCES = ("newNonce", "newAccount", "newOrder")
_NONCE_TRIES = 12  # Pebble refuses one good nonce in twenty on purpose, and up to every second one when asked to
_READ_TRIES = 4
_LONGEST_POLL = 30.0


class Body:
    """A JSON object in the form the library wants to sign."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def json_dumps(self, **_style: Any) -> str:
        return json.dumps(self._value)


class Directory:
    """What a server's directory says, once it was asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: dict[str, Any] | None = None


class Connection:
    """The server's directory, an account key, and the account once it is known. Not safe for several threads at once."""

    def __init__(
        self,
        directory_url: str,
        account_key: bytes | None,
        account_url: str | None = None,
        timeout: float = 30.0,
        ca_path: str | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        from acme import client

        self._clock = clock
        self._timeout = timeout
        session = Session(timeout, ca_path, option="directory_url")
        self._session = _Recorder(session, check_url(directory_url, "directory_url"))
        self._net = client.ClientNetwork(timeout=int(timeout))
        self._net.session = self._session  # type: ignore[assignment]  # the part of a requests.Session that is used
        self._directory_url = directory_url
        self._directory = Directory()
        self.bound_kid: str | None = None  # of the account that was registered or found, where the server says it
        if account_key is not None:
            self._net.key, self._net.alg = _jwk(account_key)
        if account_url is not None:
            self._use(account_url)

    # -- directory ---------------------------------------------------------------------------------------------------

    def directory(self) -> dict[str, Any]:
        """The directory (RFC 8555 section 7.1.1), fetched once, when it is needed."""
        with self._directory.lock:
            if self._directory.value is None:
                value = self.read_plain(self._directory_url)
                if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in _RESOURCES):
                    raise ProtocolError("%s is no ACME directory" % self._directory_url, hint="Check directory_url.")
                self._directory.value = value
            return self._directory.value

    def share(self, directory: Directory) -> None:
        self._directory = directory

    def meta(self, name: str) -> Any:
        meta = self.directory().get("meta")
        return meta.get(name) if isinstance(meta, dict) else None

    def read_plain(self, url: str) -> Any:
        """An unsigned GET of a JSON value, tried again after broken connections."""

        def fetch() -> Any:
            response = self._session.request("GET", url, headers={"Accept": "application/json"})
            if response.status_code == 429:
                raise rate_limited(response.headers, None)
            if response.status_code >= 500:
                raise OutcomeUnknown("the ACME server has trouble (status %d)" % response.status_code, "Run again.")
            if response.status_code != 200:
                raise ProtocolError(
                    "%s answers with status %d" % (url, response.status_code),
                    hint="Check directory_url.",
                    status=response.status_code,
                )
            return parse(response)

        return self._patiently(fetch)

    @property
    def last_headers(self) -> Mapping[str, str]:
        return self._session.headers

    def _account_url(self) -> str:
        if self._net.account is None:
            raise UsageError("there is no ACME account yet", hint="Run acme_account first.")
        return str(self._net.account.uri)

    def _key(self) -> jwk.JWK:
        if self._net.key is None:
            raise UsageError("there is no account key yet", hint="Run acme_account first.")
        key: jwk.JWK = self._net.key
        return key

    def _use(self, account_url: str) -> None:
        from acme import messages

        self._net.account = messages.RegistrationResource(uri=account_url, body=messages.Registration())

    def poll(self, read: Callable[[], Value], ready: Callable[[Value], bool], deadline: Deadline) -> Value:
        """Reads until ``ready``. A server that asks for more time than is left ends it with the time to come back."""
        pause = 0.2
        while True:
            value = read()
            if ready(value):
                return value
            asked = retry_after(self.last_headers.get("Retry-After"), self._clock.now())
            wait = max(0.2, asked) if asked is not None else pause
            pause = min(pause * 1.6, 5.0)
            if wait > max(deadline.left(), _LONGEST_POLL):
                raise rate_limited(self.last_headers, "it asks to come back in %d seconds" % wait)
            if deadline.over():
                raise TransportError(
                    "the ACME server was not done in %g seconds" % deadline.seconds,
                    hint="What was ordered is kept: run again, with a longer wait_timeout if this happens often.",
                    code="wait_timeout",
                )
            deadline.sleep(wait)

    # -- requests ----------------------------------------------------------------------------------------------------

    def _post(self, url: str, body: dict[str, Any]) -> requests.Response:
        """A signed POST, sent once, but again when the server refused its nonce: then it surely did nothing."""
        return self._sign_and_send(url, Body(body))

    def _read(self, url: str) -> requests.Response:
        """POST-as-GET (RFC 8555 section 6.3), tried again after broken connections and server trouble."""
        return self._patiently(lambda: self._sign_and_send(url, None))

    def _patiently(self, read: Callable[[], Value]) -> Value:
        for attempt in range(1, _READ_TRIES + 1):
            try:
                return read()
            except TransportError:
                if attempt == _READ_TRIES:
                    raise
                self._clock.sleep(0.25 * 2**attempt)
        raise AssertionError("not reached")

    def _sign_and_send(self, url: str, body: Body | None) -> requests.Response:
        from acme import errors, messages
        from josepy import errors as josepy_errors

        new_nonce = self.directory()["newNonce"]
        for attempt in range(1, _NONCE_TRIES + 1):
            try:
                return self._net.post(url, body, new_nonce_url=new_nonce)
            except messages.Error as error:
                if error.code != "badNonce" or attempt == _NONCE_TRIES:
                    raise self._translate(error) from None
            except (
                errors.Error,
                josepy_errors.Error,
                ValueError,
                KeyError,
                TypeError,
                AttributeError,  # JSON of another type than the library expects
                RecursionError,
            ) as error:
                raise self._translate(error) from None
        raise AssertionError("not reached")

    def _translate(self, error: Exception) -> CollectionError:
        identities = self.meta("caaIdentities") if self._directory.value else None
        caa = tuple(str(item) for item in identities) if isinstance(identities, list) else ()
        return translate(error, self._session.status, self.last_headers, caa)

    def _model(self, make: Callable[[str, Any], Value], url: str, value: Any) -> Value:
        try:
            return make(url, value)
        except InvalidData as error:
            raise ProtocolError(error.message) from None


class _Recorder:
    """The session, remembering status and headers of the last answer: the library drops them when it raises.

    All URLs but the directory's come from the server. It may name other hosts (RFC 8555 section 7.1 does not forbid it, and what is sent is
    signed and public), but not ones that the user could not give, and no plain http on loopback unless it is there itself.
    """

    def __init__(self, session: Session, directory_url: str) -> None:
        self._session = session
        self._directory_url = directory_url
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        self.status, self.headers = 0, {}
        if url != self._directory_url:
            self._check(url)
        response = self._session.request(method, url, **options)
        self.status, self.headers = response.status_code, response.headers
        return response

    def _check(self, url: str) -> None:
        try:
            check_url(url)
        except UsageError as error:
            raise ProtocolError("the ACME server names a URL that is not used: " + error.message) from None
        if url.startswith("http:") and not self._directory_url.startswith("http:"):
            raise ProtocolError("the ACME server names a URL that is not https: %s" % clean(url))

    def close(self) -> None:
        self._session.close()


def _jwk(account_key: bytes) -> tuple[Any, Any]:
    """The account key and the signature algorithm that fits it (RFC 7518 section 3.1)."""
    from josepy import jwa, jwk

    from .._x509 import load

    load.private_key(account_key, "the account key (account_key_path)")  # says in our words what is wrong with it
    key = jwk.JWK.load(account_key)
    if isinstance(key, jwk.JWKRSA):
        return key, jwa.RS256
    return key, {256: jwa.ES256, 384: jwa.ES384, 521: jwa.ES512}[key.key.key_size]


def parse(response: requests.Response) -> Any:
    try:
        return strict_json.parse(response.content)
    except ValueError as error:
        raise ProtocolError(
            "the ACME server answered with a body that is not JSON (%s)" % error, hint="Check directory_url."
        ) from None
