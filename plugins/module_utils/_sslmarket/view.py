# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at one item for ``sslmarket_certificate``: what we have, what its order says, what is next. Reads alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .._core.clock import parse_iso
from .._core.errors import CollectionError, ProviderError, StateError
from .._renewal.decision import Facts as Age
from .._renewal.decision import decide
from .._renewal.policy import Policy
from .._sets.store import SetStore
from .._x509.facts import Facts
from . import course, delivery, items, journal, term
from .course import Asked, Course, Situation
from .delivery import Targets
from .items import Item, Present
from .journal import Note, Purchase
from .lookup import Account, Finder
from .model import Detail, Row

# auto_reissue happens in the last 30 days of a certificate, says DigiCert; it need not show in the list of orders.
_AUTO_REISSUE = timedelta(days=40)


@dataclass(frozen=True)
class View:
    """``leaf``: the certificate that we have. ``switch``: it is here already, only the switch to it is missing."""

    present: Present
    order: Row | None
    note: Note
    course: Course
    leaf: Facts | None = None
    switch: bool = False
    problem: CollectionError | None = None
    duplicates: tuple[int, ...] = ()

    @property
    def action(self) -> str:
        return "switch" if self.switch else self.course.action


@dataclass(frozen=True)
class Viewer:
    account: Account
    policy: Policy
    store: SetStore | None

    def view(self, item: Item, targets: Targets, finder: Finder, polling: bool = False) -> View:
        """``polling``: only whether the item can go on; the list of orders tells that of all items at once."""
        present, leaf = self._present(item, targets)
        state = present.state
        if state is not None and (state.unfinished or (state.pending and state.pending.issued and present.reason)):
            return View(
                present, None, Note(""), Course(course.NOTHING, "only the switch is missing"), leaf, switch=True
            )
        order_id, purchase = self.order_of(item)
        if order_id is None:
            text = "there is no order for it" if present.reason else "no order is known"
            return View(present, None, Note(""), Course(course.NOTHING, text), leaf)
        note = self.account.journal.note(order_id)
        order = self._order(order_id, present, note, finder, polling)
        if purchase is not None:
            order = term.dated(order, purchase.since, purchase.years)
        next_one = course.course(self.situation(present, order, note))
        problem = None
        if next_one.action == course.BLOCKED:
            problem = StateError(next_one.reason, hint=_way_out(order))
        duplicates = tuple(finder.duplicates(item, order_id))
        return View(present, order, note, next_one, leaf, problem=problem, duplicates=duplicates)

    def situation(self, present: Present, order: Row, note: Note) -> Situation:
        """Without a CSR it is the order's own key that is certified."""
        key = present.key if present.reason else present.live_key
        theirs = order.public_key if isinstance(order, Detail) else None
        return Situation(
            order=order,
            now=self.account.clock.now(),
            renew_before_days=self.account.renew_before_days,
            reason=present.reason,
            urgent=present.urgent,
            key=key or theirs,
            live_key=present.live_key,
            live_serial=present.live_serial,
            live_end=present.live_end,
            asked=_asked(note),
        )

    def _present(self, item: Item, targets: Targets) -> tuple[Present, Facts | None]:
        if item.wanted is not None:
            present = items.present(item, self.store, self.account.clock)
            return present, (present.state.live.leaf if present.state and present.state.live else None)
        leaf, damage = delivery.on_disk(targets)
        held: dict[str, Any] = {"csr": item.csr, "request": item.request}
        if leaf is None:
            return Present(damage, urgent=True, **held), None
        held.update(live_key=leaf.public_key, live_serial=leaf.serial, live_end=leaf.not_after)
        if damage is not None:
            held["live_serial"] = None  # what the order has is fetched anew
            return Present(damage, urgent=True, **held), leaf
        return self._compared(item, leaf, held), leaf

    def _compared(self, item: Item, leaf: Facts, held: dict[str, Any]) -> Present:
        if item.request is not None and item.request.public_key != leaf.public_key:
            return Present("the CSR has another key than the certificate", urgent=True, **held)
        if item.names and not set(item.names) <= set(leaf.names):
            return Present("the certificate lacks names of the order", urgent=True, **held)
        decision = decide(
            Age(item.name, leaf.not_before, leaf.not_after), item.policy or self.policy, self.account.clock.now()
        )
        return Present(decision.reason if decision.due else None, **held)

    def order_of(self, item: Item) -> tuple[int | None, Purchase | None]:
        """Its number, and what the journal has of it."""
        if not item.product_code or not item.names:
            return item.order_id, None
        purchases = self.account.journal.purchases(item.product_code, item.names)
        if item.order_id is not None:
            return item.order_id, next((each for each in purchases if each.order_id == item.order_id), None)
        known = journal.settled(purchases, self.account.abandoned)
        return (known.order_id, known) if known is not None else (None, None)

    def _order(self, order_id: int, present: Present, note: Note, finder: Finder, polling: bool) -> Row:
        """Its row of the list where that is enough: what we have is what the order had when it was fetched."""
        if present.reason is None or polling:
            row = next((each for each in finder.rows() if each.order_id == order_id), None)
            if row is not None and polling and not row.issued:
                return row
            if row is not None and present.reason is None and self._unmoved(row, present, note):
                return row
        try:
            return self.account.api.order(order_id)
        except ProviderError as error:
            if error.status == 404:
                raise StateError("the provider does not know order %d" % order_id, hint="Check the account.") from None
            raise

    def _unmoved(self, row: Row, present: Present, note: Note) -> bool:
        if not row.issued or present.live_end is None:
            return False
        near = self.account.clock.now() > present.live_end - _AUTO_REISSUE
        live = present.state.live if present.state else None
        if live is not None:
            return not near and live.meta.get("order_row") == delivery.row_of(row)
        return not near and note.serial == present.live_serial and note.row == delivery.row_of(row)


def _way_out(order: Row) -> str:
    if course.first(order):
        return "Run sslmarket_order: it gives an order that is not issued yet the new CSR."
    return (
        "If a reissue is under way, wait for it, or take it back with state: reissue_cancelled. "
        "If the order is dead, list it in abandoned, so that a new one can be placed."
    )


def _asked(note: Note) -> Asked | None:
    if not note.reissue:
        return None
    try:
        accepted = note.reissue.get("accepted") is True
        return Asked(str(note.reissue["key"]), parse_iso(note.reissue["since"]), note.reissue.get("serial"), accepted)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # it costs another request for the same reissue


def detailed(view: View) -> Detail | None:
    return view.order if isinstance(view.order, Detail) else None
