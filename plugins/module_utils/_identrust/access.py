# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three ways to sign in at IdenTrust's reseller API; its documentation shows two that contradict each other.

* ``api_key``: sent as it is, ``Authorization: <key>`` (/acme-integration);
* ``access_token``: ``Authorization: Bearer <token>`` (/authentication);
* ``client_id`` and ``client_secret``: an OAuth client credentials exchange gives the token (/authentication).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._core.errors import ProtocolError, UsageError
from .._core.secret import Secret, box

if TYPE_CHECKING:
    from .._http.session import Session

_EXAMPLE = "https://docs-cms-pte.identrust.com/acme-integration"
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Access:
    api_key: Secret | None
    access_token: Secret | None
    client_id: str | None
    client_secret: Secret | None
    token_url: str | None
    audience: str | None
    timeout: float
    ca_path: str | None

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> Access:
        access = cls(
            api_key=box(params["api_key"]),
            access_token=box(params["access_token"]),
            client_id=params["client_id"],
            client_secret=box(params["client_secret"]),
            token_url=params["token_url"],
            audience=params["audience"],
            timeout=params["timeout"],
            ca_path=params["ca_path"],
        )
        for option in ("api_key", "access_token"):
            secret: Secret | None = getattr(access, option)
            if secret is not None and not _HEADER_SAFE.fullmatch(secret.open()):
                raise UsageError(
                    "%s has characters that no HTTP header can carry" % option,
                    hint="Look for a line break or a space at its end.",
                )
        return access

    def check(self, api_url: str) -> None:
        """``UsageError`` unless there is a way to sign in, over https."""
        from .._http.urls import check_url, is_loopback

        parts = urlsplit(api_url)
        if parts.scheme.lower() == "http" and not is_loopback(parts.hostname or ""):
            raise UsageError(
                "api_url %s is http, as in the example on %s, but the API key would travel in clear"
                % (api_url, _EXAMPLE),
                hint="Use https.",
            )
        check_url(api_url, "api_url")
        if self.api_key is None and self.access_token is None:
            if self.client_id is None or self.client_secret is None or self.token_url is None:
                raise UsageError(
                    "there is no way to sign in at IdenTrust",
                    hint="Give api_key or set IDENTRUST_API_KEY; or give access_token, or client_id, client_secret and token_url.",
                )
            check_url(self.token_url, "token_url")

    @property
    def keys(self) -> str:
        """The options that sign in, for messages."""
        if self.api_key is not None:
            return "api_key"
        return "access_token" if self.access_token is not None else "client_id and client_secret"

    def session(self, option: str) -> Session:
        """``option`` is the one with the address, for messages."""
        from .._http.session import Session

        return Session(self.timeout, self.ca_path, option=option)

    def authorization(self) -> Secret:
        """The value of the ``Authorization`` header."""
        if self.api_key is not None:
            return self.api_key
        token = self.access_token or self._exchange(self.token_url or "")
        return Secret("Bearer " + token.open())

    def _exchange(self, token_url: str) -> Secret:
        """OAuth 2.0 client credentials (RFC 6749 section 4.4), as JSON, the way Auth0 takes it."""
        from .._http.client import ApiClient

        body = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "audience": self.audience,
            "grant_type": "client_credentials",
        }
        client = ApiClient(
            token_url, self.session("token_url"), timeout=self.timeout, keys=self.keys, option="token_url"
        )
        answer = client.post("", body)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _HEADER_SAFE.fullmatch(token):
            raise ProtocolError(
                "the token endpoint answered without an access token", hint="Check token_url and audience."
            )
        return Secret(token)
