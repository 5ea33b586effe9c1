# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com's ``POST /acme/create_credentials``.

Source: SSL.com's reseller guide to ACME and the SWS API, https://sws.sslpki.com, as of 2026-11. Documented: the request, the
answer, and that the same description returns the same credentials. Not documented: errors. The shape here, an `errors`
member, is the one of the other SWS calls.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from pathlib import Path
from typing import Any

from certfleet_sandbox import strict
from certfleet_sandbox.files import read_json, write_json
from certfleet_sandbox.ledger import fingerprint
from certfleet_sandbox.web import Answer, Request

PATH = "/acme/create_credentials"


class SslCom:
    name = "sslcom"

    def __init__(self, store: Path, eab_file: Path, account_key: str, secret_key: str) -> None:
        self._store, self._eab_file = store, eab_file
        self._account_key, self._secret_key = account_key, secret_key
        self._lock = threading.Lock()
        self._credentials: dict[str, dict[str, str]] = read_json(store, {})
        self._publish()

    def _publish(self) -> None:
        write_json(self._eab_file, {entry["kid"]: entry["hmac"] for entry in self._credentials.values()})

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return ("create_credentials" if request.path == PATH else None), {}

    def error(self, status: int, text: str) -> Answer:
        return strict.errors(status, {"base": [text]})

    def answer(self, request: Request) -> Answer:
        try:
            if request.path != PATH:
                raise strict.Refused(404, {"path": ["is not known"]})
            strict.post(request)
            return self._create(strict.members(request, ("account_key", "secret_key", "description")))
        except strict.Refused as refused:
            return refused.answer()

    def _create(self, members: dict[str, str]) -> Answer:
        facts: dict[str, Any] = {
            "description": members["description"],
            "account_key": fingerprint(members["account_key"]),
            "secret_key": fingerprint(members["secret_key"]),
        }
        right = [
            hmac.compare_digest(members["account_key"].encode(), self._account_key.encode()),
            hmac.compare_digest(members["secret_key"].encode(), self._secret_key.encode()),
        ]
        if not all(right):
            refused = strict.errors(401, {"base": ["Invalid account_key or secret_key."]})
            refused.facts.update(facts)
            return refused
        with self._lock:
            entry = self._credentials.get(members["description"])
            effect = "credentials_returned"
            if entry is None:
                effect = "credentials_created"
                key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
                entry = self._credentials[members["description"]] = {"kid": secrets.token_hex(6), "hmac": key}
                write_json(self._store, self._credentials)
                self._publish()
        body = {"response_type": "ok", "eab-kid": entry["kid"], "eab-hmac": entry["hmac"]}
        return Answer.json(200, body, effect, kid=entry["kid"], hmac=fingerprint(entry["hmac"]), **facts)

    def state(self) -> list[dict[str, str]]:
        with self._lock:
            return [{"description": name, "kid": entry["kid"]} for name, entry in self._credentials.items()]
