# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says for one item whether an order is to be placed, adopted, edited or waited for. Reads alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Mapping

from .._core.clock import iso, parse_iso
from .._core.errors import CollectionError, StateError, UsageError
from .._sets.store import SetStore
from . import check, course, edit, items, journal, placing
from .items import Item, Present
from .journal import Purchase
from .lookup import Account, Finder, Position, unsettled
from .model import Detail, Product, Row

ORDER, ADOPT, EDIT, LOOK_UP = "order", "adopt", "edit", "look_up"
_CLOCK_SKEW = timedelta(days=1)


@dataclass(frozen=True)
class Policy:
    on_unknown: str
    quiet_period: timedelta
    allow_unmatched: bool
    validate_product: bool
    update_invoice: bool


@dataclass(frozen=True)
class Found:
    """``action``: what is to be done, ``None`` for nothing. ``problem``: why the item cannot go on. ``fields``: what an edit changes."""

    present: Present
    position: Position
    action: str | None = None
    reason: str = ""
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    problem: CollectionError | None = None
    remark: str | None = None


class Judge:
    def __init__(self, account: Account, policy: Policy, store: SetStore | None) -> None:
        self._account = account
        self._policy = policy
        self._store = store
        self._lock = threading.Lock()
        self._products: list[Product] | None = None
        self._unanswered: CollectionError | None = None

    def judge(self, item: Item, finder: Finder) -> Found:
        present = items.present(item, self._store, self._account.clock)
        issued = present.state is not None and present.state.pending is not None and present.state.pending.issued
        if (present.reason is None and item.order_id is None) or issued:
            return Found(present, Position(), reason="no order is needed")
        position = finder.find(item, present)
        if position.open is not None:
            return self._open(item, present, position, position.open, finder)
        next_one = course.course(self._situation(present, position))
        if next_one.action == course.ORDER:
            return self._purchase(item, present, position, finder, next_one.reason)
        found = Found(present, position, reason=next_one.reason)
        if position.adopt is not None:
            return replace(found, action=ADOPT, reason="order %d is for this certificate" % position.adopt)
        return self._edit(item, found)

    def _situation(self, present: Present, position: Position) -> course.Situation:
        return course.Situation(
            order=position.order,
            now=self._account.clock.now(),
            renew_before_days=self._account.renew_before_days,
            reason=present.reason,
            urgent=present.urgent,
            key=present.key,
            live_key=present.live_key,
            live_serial=present.live_serial,
            live_end=present.live_end,
        )

    def _open(self, item: Item, present: Present, position: Position, purchase: Purchase, finder: Finder) -> Found:
        """A purchase with an unknown outcome: the first look-up without a trace is noted, a later one after the quiet period counts."""
        quiet = self._policy.quiet_period
        until = parse_iso(purchase.since) + quiet
        if purchase.looked is not None:
            until = max(until, parse_iso(purchase.looked) + quiet / 4)
        over = purchase.looked is not None and self._account.clock.now() >= until
        if over and self._policy.on_unknown == "resubmit":
            return self._purchase(item, present, position, finder, "the order of %s left no trace" % purchase.since)
        action = LOOK_UP if purchase.looked is None else None
        problem = unsettled(purchase, iso(until), over)
        return Found(present, position, action, "the order of %s is not listed" % purchase.since, problem=problem)

    # -- purchases -----------------------------------------------------------------------------------------------------

    def _purchase(self, item: Item, present: Present, position: Position, finder: Finder, reason: str) -> Found:
        if item.order_id is not None:
            raise UsageError(
                "order %d is given, and its term ends" % item.order_id,
                hint="Take order_id away to let a new order be placed, or give the number of the next one.",
            )
        finder.refuse_strangers(item, position)
        self._check_clock()
        self._refuse_early(position)
        if self._policy.validate_product:
            product = check.product_of(self._product_list(), str(item.product_code))
            check.check(item, present, product, self._policy.allow_unmatched)
        placing.body(item, present)
        return Found(present, position, ORDER, reason)

    def _refuse_early(self, position: Position) -> None:
        closed = [purchase for purchase in position.purchases if not purchase.open]
        early = journal.too_soon(closed, self._account.clock.now(), self._account.abandoned)
        if early is not None:
            raise StateError(
                "order %s was placed at %s, and should be good for longer" % (early.order_id, early.since),
                hint="Look into the account. If another one shall be bought, list that number in abandoned.",
            )

    def _product_list(self) -> list[Product]:
        """Asked for once, also when that fails."""
        with self._lock:
            if self._unanswered is not None:
                raise self._unanswered
            if self._products is None:
                try:
                    self._products = self._account.api.products()
                except CollectionError as error:
                    self._unanswered = error
                    raise
            return self._products

    def _check_clock(self) -> None:
        """A wrong clock makes every certificate look old, and everything would be bought anew."""
        theirs, ours = self._account.api.server_time, self._account.clock.now()
        if theirs is not None and abs(ours - theirs) > _CLOCK_SKEW:
            raise StateError(
                "this machine says it is %s, the provider %s" % (iso(ours), iso(theirs)),
                hint="Set the clock right: nothing is bought while it is wrong by more than a day.",
            )

    # -- edits ---------------------------------------------------------------------------------------------------------

    def _edit(self, item: Item, found: Found) -> Found:
        """Orders can be edited before they are issued; later a difference is worth a remark.

        What was sent once is not sent again, though the provider may show it in another form: else each run would change something.
        """
        order = found.position.order
        if order is None:
            return found
        newest = journal.settled(found.position.purchases, self._account.abandoned)
        sent = newest is not None and newest.contacts == terms(item)
        if order.issued and (sent or not item.contacts):
            return found
        order = self._detail(order)
        found = replace(found, position=replace(found.position, order=order))
        fields = edit.differences(item, found.present, order)
        if item.wanted is not None and found.present.key is None:
            fields["csr"] = (
                "key %s" % (order.public_key or "?")[:16],
                "a new key",
            )  # check mode: it would be made before
        if order.issued or not course.first(order):
            fields = {name: value for name, value in fields.items() if name not in ("csr", "dv_auth_method")}
            return replace(found, remark=self._stuck(order, fields))
        if sent:
            fields = {name: value for name, value in fields.items() if name == "csr"}
        invoice = bool(item.contacts.get("invoice")) and not sent
        unseen = invoice and (self._policy.update_invoice or (newest is not None and newest.contacts is not None))
        if not fields and not unseen:
            return found
        return replace(found, action=EDIT, fields=fields, reason="order %d is not as wanted" % order.order_id)

    def _stuck(self, order: Detail, fields: Mapping[str, Any]) -> str | None:
        """What a person should know of an order that takes no changes any more."""
        if not order.issued and self._account.journal.note(order.order_id).reissue is None:
            text = 'order %d is in the state "%s". If it is dead, list it in abandoned, so that a new one can be placed'
            return text % (order.order_id, order.state)
        text = "order %d can no longer be edited, and differs in %s"
        return text % (order.order_id, ", ".join(sorted(fields))) if fields else None

    def _detail(self, order: Row) -> Detail:
        return order if isinstance(order, Detail) else self._account.api.order(order.order_id)


def terms(item: Item) -> str:
    """Digest of what can be edited, to see that it was sent already."""
    return journal.digest([item.contacts, item.dv_auth_method])
