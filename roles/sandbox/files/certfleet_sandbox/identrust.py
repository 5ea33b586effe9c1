# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IdenTrust's reseller API: ``POST /account``, and the ``POST /oauth/token`` of its sign-in service.

Sources: https://docs-cms-pte.identrust.com/acme-integration and https://docs-cms-pte.identrust.com/authentication, as of
2026-11. The first shows the API key as the whole ``Authorization`` header, the second a bearer token: both are taken. One
account for each e-mail address is documented, what a second request gets is not: see `duplicate`. Errors are not
documented either; those of /oauth/token have the shape of RFC 6749, section 5.2.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certfleet_sandbox import strict
from certfleet_sandbox.files import read_json, write_json
from certfleet_sandbox.ledger import fingerprint
from certfleet_sandbox.web import Answer, Request

TOKEN_SECONDS = 86400
SCOPE = "reseller read:account write:account read:order write:order"
_OPERATIONS = {"/account": "account", "/oauth/token": "token"}


@dataclass(frozen=True)
class Access:
    """What a reseller was given."""

    api_key: str
    client_id: str
    client_secret: str
    audience: str


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())


class IdenTrust:
    name = "identrust"

    def __init__(self, store: Path, eab_file: Path, access: Access, duplicate: str = "same") -> None:
        self._store, self._eab_file, self._access, self._duplicate = store, eab_file, access, duplicate
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._accounts: dict[str, dict[str, Any]] = read_json(store, {})
        self._publish()

    def _publish(self) -> None:
        """The ACME server takes the keys as base64url, and just those of live accounts."""
        write_json(
            self._eab_file,
            {
                entry["kid"]: entry["hmacKey"].translate(str.maketrans("+/", "-_")).rstrip("=")
                for entry in self._accounts.values()
                if not (entry["revoked"] or entry["deleted"])
            },
        )

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return _OPERATIONS.get(request.path), {}

    def error(self, status: int, text: str) -> Answer:
        return strict.errors(status, {"base": [text]})

    def answer(self, request: Request) -> Answer:
        try:
            if request.path not in _OPERATIONS:
                raise strict.Refused(404, {"path": ["is not known"]})
            strict.post(request)
            return self._token(request) if request.path == "/oauth/token" else self._account(request)
        except strict.Refused as refused:
            return refused.answer()

    def _token(self, request: Request) -> Answer:
        members = strict.members(request, ("client_id", "client_secret", "audience", "grant_type"))
        facts = {"client_id": members["client_id"], "client_secret": fingerprint(members["client_secret"])}
        if members["grant_type"] != "client_credentials":
            return _oauth(403, "unauthorized_client", "Grant type not allowed for the client.", facts)
        if not (
            _same(members["client_id"], self._access.client_id)
            and _same(members["client_secret"], self._access.client_secret)
        ):
            return _oauth(401, "access_denied", "Unauthorized", facts)
        if members["audience"] != self._access.audience:
            return _oauth(403, "access_denied", "Service not found", facts)
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._tokens[token] = time.monotonic() + TOKEN_SECONDS
        body = {"access_token": token, "scope": SCOPE, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        return Answer.json(200, body, "token_issued", access_token=fingerprint(token), **facts)

    def _allowed(self, header: str) -> str | None:
        """How the caller signed in; None when it did not."""
        if _same(header, self._access.api_key):
            return "api_key"
        scheme, _sep, token = header.partition(" ")
        with self._lock:
            known = scheme.lower() == "bearer" and self._tokens.get(token, 0) > time.monotonic()
        return "token" if known else None

    def _account(self, request: Request) -> Answer:
        header = request.headers.get("authorization", "")
        sign_in = self._allowed(header)
        if sign_in is None:
            refused = self.error(401, "Unauthorized")
            refused.facts["authorization"] = fingerprint(header)
            return refused
        email = strict.members(request, ("customer_email",))["customer_email"]
        local, _sep, domain = email.partition("@")
        if not (local and "." in domain) or "@" in domain or any(character.isspace() for character in email):
            raise strict.Refused(400, {"customer_email": ["is not an e-mail address"]})
        facts: dict[str, Any] = {"email": email, "authorization": fingerprint(header), "sign_in": sign_in}
        with self._lock:
            entry = self._accounts.get(email.lower())
            effect = "account_returned"
            if entry is None:
                effect = "account_created"
                entry = self._add(email)
            elif self._duplicate == "conflict":
                conflict = strict.errors(409, {"customer_email": ["An account with this e-mail address exists."]})
                conflict.facts.update(facts)
                return conflict
            answer = dict(entry)
        return Answer.json(200, answer, effect, kid=answer["kid"], hmac=fingerprint(answer["hmacKey"]), **facts)

    def _add(self, email: str) -> dict[str, Any]:
        entry = self._accounts[email.lower()] = {
            "id": 1000 + len(self._accounts),
            "kid": str(uuid.uuid4()),
            "resellerCode": "SANDBOX",
            "email": email,
            "revoked": False,
            "deleted": False,
            "hmacKey": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        write_json(self._store, self._accounts)
        self._publish()
        return entry

    def mark(self, email: str, **flags: bool) -> bool:
        """Revokes or deletes an account, as its provider could; False when there is none."""
        with self._lock:
            entry = self._accounts.get(email.lower())
            if entry is None:
                return False
            entry.update(flags)
            write_json(self._store, self._accounts)
            self._publish()
        return True

    def state(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {name: value for name, value in entry.items() if name != "hmacKey"} for entry in self._accounts.values()
            ]


def _oauth(status: int, error: str, description: str, facts: dict[str, Any]) -> Answer:
    return Answer.json(status, {"error": error, "error_description": description}, refused=error, **facts)
