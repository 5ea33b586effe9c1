# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ACME request asks for, read from its path and its JWS, without verifying anything. For the ledger and the faults."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from certfleet_sandbox.web import Request

_BY_PATH = {
    "/directory": "directory",
    "/acme/newnonce": "newNonce",
    "/acme/newaccount": "newAccount",
    "/acme/neworders": "newOrder",
    "/acme/revokecert": "revokeCert",
    "/acme/key-change": "keyChange",
}
_BY_PREFIX = {
    "/acme/acct/": "account",
    "/acme/order/": "order",
    "/acme/authz/": "authorization",
    "/acme/chall/": "challenge",
    "/acme/cert/": "certificate",
    "/acme/renewal-info/": "renewalInfo",
}


def _decoded(text: Any) -> Any:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return json.loads(raw) if raw else None
    except (TypeError, ValueError, binascii.Error):
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def operation(path: str, request: Request) -> tuple[str | None, dict[str, Any]]:
    """The operation's name, and what of it belongs into the ledger."""
    facts: dict[str, Any] = {}
    name = _BY_PATH.get(path)
    if name is None:
        name = next((found for prefix, found in _BY_PREFIX.items() if path.startswith(prefix)), None)
    try:
        message = _object(json.loads(request.body)) if request.method == "POST" else {}
    except ValueError:
        message = {}
    protected, payload = _object(_decoded(message.get("protected"))), _decoded(message.get("payload"))
    content = _object(payload)
    if isinstance(protected.get("kid"), str):
        facts["account"] = protected["kid"].rsplit("/", 1)[-1]
    if name == "order":
        facts["order"] = path.split("/")[3]
        if path.endswith("/finalize"):
            name = "finalize"
    elif name == "account" and path.endswith("/orders"):
        name = "orders"
    elif name == "challenge" and payload is None:
        name = "challengeStatus"
    elif name == "newAccount":
        binding = _object(content.get("externalAccountBinding"))
        facts["kid"] = _object(_decoded(binding.get("protected"))).get("kid")
        facts["contact"] = content.get("contact")
        if content.get("onlyReturnExisting"):
            name = "findAccount"
    elif name == "newOrder":
        identifiers = content.get("identifiers")
        entries = identifiers if isinstance(identifiers, list) else []
        facts["identifiers"] = [_object(entry).get("value") for entry in entries]
        if "replaces" in content:
            facts["replaces"] = content["replaces"]
    return name, facts
