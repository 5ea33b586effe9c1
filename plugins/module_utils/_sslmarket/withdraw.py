# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource of ``sslmarket_certificate`` with ``state=reissue_cancelled`` and ``state=revoked``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .._core import pool
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import NotSent, ProviderError, StateError, UsageError
from .._core.plan import Plan, Step
from . import connect, course, dcv, items, journal
from .items import Item
from .journal import Note
from .model import Detail, serial

CANCEL, REVOKE = "cancel_reissue", "revoke"


@dataclass(frozen=True)
class Want:
    items: tuple[Item, ...]
    serials: dict[str, str | None]


@dataclass(frozen=True)
class Found:
    order: Detail
    note: Note
    action: str | None
    reason: str


class WithdrawResource:
    problem: Exception | None = None
    action = CANCEL

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock

    def want(self, params: dict[str, Any]) -> Want:
        self._account = connect.account(params, self._clock)
        found = items.from_params(params)
        entries = params.get("certificates") or [params]
        serials = {item.name: serial(entry.get("serial_number")) for item, entry in zip(found, entries)}
        if self.action == REVOKE and not all(serials.values()):
            raise UsageError(
                "serial_number is missing", hint="Give the serial number of the certificate that shall be revoked."
            )
        return Want(found, serials)

    def read(self, want: Want) -> dict[str, Found]:
        outcomes = pool.each(lambda item: self._look(item, want.serials[item.name]), want.items, 4)
        self.problem = pool.failures(outcomes, lambda item: str(item.name))
        return {outcome.item.name: outcome.value for outcome in outcomes if outcome.error is None}

    def plan(self, want: Want, have: dict[str, Found]) -> Plan:
        steps, before, after = [], {}, {}
        for item in want.items:
            found = have.get(item.name)
            if found is None or found.action is None:
                continue
            cost = "final" if found.action == REVOKE else "free"
            steps.append(Step(found.action, item.name, cost=cost, data=(item, found)))
            before[item.name] = {"state": found.order.state}
            after[item.name] = {"state": "published" if found.action == CANCEL else "revoked"}
        reasons = ["%s: %s" % (name, found.reason) for name, found in have.items()]
        return Plan(tuple(steps), before, after, reason="; ".join(reasons))

    def apply(self, step: Step) -> None:
        _item, found = step.data
        order_id = found.order.order_id
        if found.action == CANCEL:
            self._account.api.cancel_reissue(order_id)
            self._account.journal.save_note(order_id, replace(found.note, reissue=None))
        else:
            self._revoke(order_id, found)

    def _revoke(self, order_id: int, found: Found) -> None:
        """What was asked for is noted first: when no answer comes, the next run knows why the order is in another state."""
        asked = {"serial": found.order.serial, "at": iso(self._clock.now()), "accepted": False}
        self._account.journal.save_note(order_id, replace(found.note, revoked=asked))
        try:
            self._account.api.revoke(order_id)
        except (NotSent, ProviderError):
            self._account.journal.save_note(order_id, found.note)
            raise
        self._account.journal.save_note(order_id, replace(found.note, revoked={**asked, "accepted": True}))

    def show(self, want: Want, have: dict[str, Found], plan: Plan) -> dict[str, Any]:
        planned = {step.subject: step.action for step in plan.steps}
        shown = [
            {
                "name": item.name,
                "order_id": have[item.name].order.order_id,
                "state": have[item.name].order.state,
                "serial": have[item.name].order.serial,
                "action": planned.get(item.name),
                "issued": False,
                "waiting": False,
                "pending": False,
                "reason": have[item.name].reason,
                "dcv": dcv.to_publish(have[item.name].order),
            }
            for item in want.items
            if item.name in have
        ]
        return {"certificates": shown, "waiting": []}

    def _look(self, item: Item, serial_number: str | None) -> Found:
        order = self._account.api.order(self._order_id(item))
        note = self._account.journal.note(order.order_id)
        if self.action == CANCEL:
            return _cancelling(order, note)
        return _revoking(order, note, serial_number)

    def _order_id(self, item: Item) -> int:
        if item.order_id is not None:
            return item.order_id
        known = None
        if item.product_code and item.names:
            purchases = self._account.journal.purchases(item.product_code, item.names)
            known = journal.settled(purchases, self._account.abandoned)
        if known is None or known.order_id is None:
            raise UsageError("there is no order for %s in the journal" % item.name, hint="Give order_id.")
        return known.order_id


class RevokeResource(WithdrawResource):
    action = REVOKE


def _cancelling(order: Detail, note: Note) -> Found:
    """SSLmarket: ``PUT /certificate/order_id/{ID}/cancel-reissue``; the order is issued again afterwards."""
    if order.issued:
        return Found(order, note, None, "no reissue is under way")
    if course.first(order):
        raise StateError(
            "order %d has not been issued yet, so there is no reissue to cancel" % order.order_id,
            hint="An order cannot be cancelled by the API; write to SSLmarket's support.",
        )
    return Found(order, note, CANCEL, 'a reissue is under way (state "%s")' % order.state)


def _revoking(order: Detail, note: Note, serial_number: str | None) -> Found:
    """SSLmarket: ``PUT /certificate/order_id/{ID}/revoke``, only for DigiCert Client Premium Class 1 and 2."""
    if note.revoked is not None and note.revoked.get("serial") == serial_number:
        if note.revoked.get("accepted") is not False:
            return Found(order, note, None, "it was revoked at %s" % note.revoked.get("at"))
        if not order.issued:
            text = 'it was asked for at %s, and the order is in the state "%s"'
            return Found(order, note, None, text % (note.revoked.get("at"), order.state))
    if order.product_type == "ssl_certificate":
        raise UsageError(
            "order %d is for a TLS certificate, which the API cannot revoke" % order.order_id,
            hint="It revokes DigiCert Client Premium Class 1 and 2 only. For others write to SSLmarket's support.",
        )
    if order.serial != serial_number:
        raise UsageError(
            "order %d has the certificate %s, not %s" % (order.order_id, order.serial, serial_number),
            hint="Check which one shall be revoked. Nothing was sent.",
        )
    return Found(order, note, REVOKE, "it is to be revoked")
