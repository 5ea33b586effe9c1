# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource of ``sslmarket_order``: an order for each item, placed once, found again, adopted, or edited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from .._core import pool
from .._core.clock import SYSTEM, Clock
from .._core.errors import ProviderError, StateError
from .._core.plan import Plan, Step
from . import connect, dcv, edit, items, journal, placing
from .items import Item
from .judge import ADOPT, EDIT, LOOK_UP, ORDER, Found, Judge, Policy, terms
from .lookup import Finder, warning
from .model import Detail, Row

_MOST_ACTIONS = 3


@dataclass(frozen=True)
class Want:
    items: tuple[Item, ...]
    max_orders_per_day: int
    allow_purchase: bool
    timeout: int


class OrderResource:
    workers = 4
    problem: Exception | None = None

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._refused: dict[str, str] = {}

    def want(self, params: dict[str, Any]) -> Want:
        self._account = connect.account(params, self._clock)
        policy = Policy(
            on_unknown=params["on_unknown"],
            quiet_period=timedelta(seconds=params["quiet_period"]),
            allow_unmatched=params["allow_unmatched"],
            validate_product=params["validate_product"],
            update_invoice=params["update_invoice"],
        )
        self._judge = Judge(self._account, policy, connect.store(params))
        self._want = Want(
            items.from_params(params), params["max_orders_per_day"], params["allow_purchase"], params["timeout"]
        )
        return self._want

    def read(self, want: Want) -> dict[str, Found]:
        finder = Finder(self._account)
        outcomes = pool.each(lambda item: self._judge.judge(item, finder), want.items, self.workers)
        have = {outcome.item.name: outcome.value for outcome in outcomes if outcome.error is None}
        self._refuse_excess(want, have)
        for outcome in outcomes:
            if outcome.error is None:
                outcome.error = have[outcome.item.name].problem
        self.problem = pool.failures(outcomes, lambda item: str(item.name))
        return have

    def plan(self, want: Want, have: dict[str, Found]) -> Plan:
        steps, before, after, reasons = [], {}, {}, []
        for item in want.items:
            found = have.get(item.name)
            if found is None or found.action is None or (found.action == ORDER and not want.allow_purchase):
                continue
            cost = "paid" if found.action == ORDER else "free"
            steps.append(Step(found.action, item.name, cost=cost, data=item))
            before[item.name], after[item.name] = _difference(item, found)
            reasons.append("%s: %s (%s)" % (item.name, after[item.name], found.reason))
        return Plan(tuple(steps), before, after, reason="; ".join(reasons) or "no order is to be placed or changed")

    def apply(self, step: Step) -> None:
        """Under the lock everything is looked at again: another run may have been faster, or the provider late."""
        item: Item = step.data
        with self._account.journal.lock(str(item.product_code), item.names, 60.0 + 3 * self._want.timeout):
            for _unused in range(_MOST_ACTIONS):  # an order that was found may have to be edited
                found = self._judge.judge(item, Finder(self._account))
                if found.action == ORDER and step.cost != "paid":
                    raise StateError("the order for %s went away" % item.name, hint="Look into it, and run again.")
                if found.action is None:
                    if found.problem is not None:
                        raise found.problem
                    return
                self._do(item, found)
                if (
                    found.problem is not None
                ):  # the look-up is noted; the order is still missing, whatever is seen a second later
                    raise found.problem
                if found.action == ORDER:
                    return

    def show(self, want: Want, have: dict[str, Found], plan: Plan) -> dict[str, Any]:
        planned = {step.subject: step.action for step in plan.steps}
        shown = [_show(item, have[item.name], planned.get(item.name)) for item in want.items if item.name in have]
        would_buy = [
            {"name": item.name, "product_code": item.product_code, "years": item.years, "names": list(item.names)}
            for item in want.items
            if not want.allow_purchase and item.name in have and have[item.name].action == ORDER
        ]
        return {"orders": shown, "would_buy": would_buy}

    def remarks(self, want: Want, have: dict[str, Found]) -> list[str]:
        """What a person should know, although nothing failed."""
        found = []
        for item in want.items:
            if item.name not in have:
                continue
            at = have[item.name]
            if at.position.duplicates and at.position.order is not None:
                found.append(warning(item.name, [at.position.order.order_id, *at.position.duplicates]))
            for remark in (at.remark, self._refused.get(item.name)):
                if remark:
                    found.append("%s: %s" % (item.name, remark))
        return found

    def _do(self, item: Item, found: Found) -> None:
        position, order = found.position, found.position.order
        if found.action == ORDER:
            placing.buy(self._account, item, found.present, position, self._want.max_orders_per_day)
        elif found.action == ADOPT:
            placing.adopt(self._account, item, position)
        elif found.action == LOOK_UP and position.open is not None:
            placing.note_look_up(self._account, position.open)
        elif found.action == EDIT and order is not None:
            self._edit(item, found, order)
            newest = journal.settled(position.purchases, self._account.abandoned)
            if newest is not None:
                self._account.journal.record(replace(newest, contacts=terms(item)))

    def _edit(self, item: Item, found: Found, order: Row) -> None:
        """Which states can be edited is not documented. A refusal is told, and not asked for again; without the new CSR there is no way on."""
        try:
            self._account.api.edit(order.order_id, edit.body(item, found.present, found.fields))
        except ProviderError as error:
            if error.kind != "provider" or "csr" in found.fields:
                raise
            text = "SSLmarket does not take the changes of order %d in %s (%s)"
            fields = ", ".join(sorted(found.fields)) or "the invoice"
            self._refused[item.name] = text % (order.order_id, fields, error.detail or error.message)

    def _refuse_excess(self, want: Want, have: dict[str, Found]) -> None:
        """More orders than a day allows are more likely a mistake than meant: then none is placed."""
        buying = [name for name in have if have[name].action == ORDER]
        if not buying or not want.allow_purchase:
            return
        begun = self._account.journal.bought_within(timedelta(days=1))
        if begun + len(buying) > want.max_orders_per_day:
            error = journal.over_limit(begun, len(buying), want.max_orders_per_day)
            for name in buying:
                have[name] = replace(have[name], action=None, problem=error)


def _difference(item: Item, found: Found) -> tuple[Any, Any]:
    """For ``--diff``: before and after, in words or as the fields that differ."""
    order = found.position.order
    if found.action == ORDER:
        text = "a paid order for %s of %s, %d year%s"
        return "no order", text % (item.product_code, ", ".join(item.names), item.years, "s" if item.years > 1 else "")
    if found.action == EDIT:
        was = {name: pair[0] for name, pair in sorted(found.fields.items())}
        return was, {name: pair[1] for name, pair in sorted(found.fields.items())} or {"invoice": "sent"}
    if found.action == ADOPT and order is not None:
        return "not in the journal", "order %d" % order.order_id
    return "an order with an unknown outcome", "that it is not listed is noted"


def _show(item: Item, found: Found, action: str | None) -> dict[str, Any]:
    order = found.position.order
    detail = order if isinstance(order, Detail) else None
    return {
        "name": item.name,
        "names": list(item.names),
        "product_code": item.product_code,
        "pending": found.present.reason is not None
        and not (order is not None and order.issued and item.wanted is None),
        "action": action,
        "reason": found.reason,
        "order_id": order.order_id if order else None,
        "state": order.state if order else None,
        "issued": order.issued if order else False,
        "years": order.years if order else item.years,
        "inserted": order.inserted if order else None,
        "published": order.published if order else None,
        "expired": order.expired if order else None,
        "days_remaining": detail.days_remaining if detail else None,
        "csr": detail.csr if detail else None,
        "dcv": dcv.to_publish(detail) if detail else None,
        "duplicates": list(found.position.duplicates),
    }
