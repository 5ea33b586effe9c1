# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API: plain http on loopback, JSON in and out. It is for tests and demos; clients under test never see it.

PUT    /dns/txt            {"name", "value"}           adds a TXT value; a name can have several
DELETE /dns/txt            {"name"[, "value"]}         removes one value, or all
PUT    /dns/a              {"name", "addresses": []}   sets the addresses of a name, or of a *.wildcard
POST   /faults             {"service", "kind"[, "times", "operation", ...]}   see faults.py; the next requests get this fault
DELETE /faults                                         drops what was scripted and not taken
POST   /faults/take        {"service", "operation"}    takes the fault of one request (for the ACME servers)
POST   /identrust/account  {"email"[, "revoked", "deleted"]}   marks an account
GET    /sslcom/hook                                    whom SSL.com asks before it issues, and how
PUT    /sslcom/hook        {"url"[, "ca_path", "timeout", ...]}   see HookSettings in reseller.py; faults of the service sslcom-hook
DELETE /sslcom/hook                                    nobody is asked, as at the start
GET    /sslmarket                                      orders, orders_paid, spent; see sslmarket/control.py
GET    /sslmarket/knobs                                all knobs; sslmarket/knobs.py says what they do
PUT    /sslmarket/knobs    {name: value, ...}          turns some
DELETE /sslmarket/knobs                                turns all back to what the sandbox was started with
POST   /sslmarket/approve  {"order_id"}                validates the names, as if the e-mail was answered
POST   /sslmarket/age      {"days"[, "order_id"]}      moves an order and its certificates into the past, or all orders
POST   /sslmarket/auto-reissue  {"order_id"}           a new certificate for the same CSR, as the CA does by itself
POST   /sslmarket/revoke   {"order_id"}                revokes a certificate, also one that the API would not revoke
PUT    /sslmarket/state    {"order_id", "state"}       shows any word as the state; null for the right one
GET    /revocation                                     what the CAs issued and revoked; see revocation.py
POST   /revocation         {"serial"[, "ca", "reason"]}   revokes a certificate of any CA
GET    /ledger             all entries
GET    /state              DNS records, pending faults, accounts and credentials, without their keys
"""

from __future__ import annotations

import json
from typing import Any

from certfleet_sandbox.faults import FaultPlan, as_dict
from certfleet_sandbox.identrust import IdenTrust
from certfleet_sandbox.ledger import Ledger
from certfleet_sandbox.names import Names
from certfleet_sandbox.reseller import HookControl
from certfleet_sandbox.revocation import Revocations
from certfleet_sandbox.sslcom import SslCom
from certfleet_sandbox.sslmarket.control import MarketControl
from certfleet_sandbox.strict import Refused
from certfleet_sandbox.web import Answer, Request


class Control:
    name = "control"

    def __init__(
        self,
        names: Names,
        faults: FaultPlan,
        ledger: Ledger,
        sslcom: SslCom,
        identrust: IdenTrust,
        sslmarket: MarketControl,
        revocations: Revocations,
        hook: HookControl,
    ) -> None:
        self._names, self._faults, self._ledger = names, faults, ledger
        self._sslcom, self._identrust, self._sslmarket = sslcom, identrust, sslmarket
        self._parts = (sslmarket, revocations, hook)

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        return None, {}

    def error(self, status: int, text: str) -> Answer:
        return Answer.json(status, {"error": text})

    def answer(self, request: Request) -> Answer:
        route = f"{request.method} {request.path}"
        if route == "GET /ledger":
            return Answer.json(200, self._ledger.entries())
        if route == "GET /state":
            return Answer.json(
                200,
                {
                    "dns": self._names.state(),
                    "faults": self._faults.pending(),
                    "sslcom": self._sslcom.state(),
                    "identrust": self._identrust.state(),
                    "sslmarket": self._sslmarket.summary(),
                },
            )
        for part in self._parts:
            found = part.read(route)
            if found is not None:
                return Answer.json(200, found)
        if route == "DELETE /faults":
            self._faults.clear()
            return Answer.json(200, {})
        # A web page can send a form to loopback, but not this type, without being asked first.
        if request.headers.get("content-type") != "application/json":
            return self.error(415, "the content type must be application/json")
        try:
            return self._change(route, json.loads(request.body))
        except Refused as refused:
            return self.error(refused.status, str(refused.errors))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return self.error(400, f"{type(error).__name__}: {error}")

    def _change(self, route: str, value: dict[str, Any]) -> Answer:
        for part in self._parts:
            found = part.change(route, value)
            if found is not None:
                return Answer.json(200, found)
        result: dict[str, Any] = {}
        if route == "PUT /dns/txt":
            self._names.add_text(value["name"], value["value"])
        elif route == "DELETE /dns/txt":
            self._names.remove_text(value["name"], value.get("value"))
        elif route == "PUT /dns/a":
            self._names.set_addresses(value["name"], value["addresses"])
        elif route == "POST /faults":
            self._faults.script(**value)
        elif route == "POST /faults/take":
            result["fault"] = as_dict(self._faults.take(value["service"], value["operation"]))
        elif route == "POST /identrust/account":
            flags = {name: bool(flag) for name, flag in value.items() if name in ("revoked", "deleted")}
            if not self._identrust.mark(value["email"], **flags):
                return self.error(404, "there is no such account")
        else:
            return self.error(404, "see control.py for what there is")
        return Answer.json(200, result)
