# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the order of an item: by the journal, or among the provider's orders by the public key of the CSR. Sends GETs alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Sequence

from .._core.clock import Clock, parse_iso
from .._core.errors import CollectionError, OutcomeUnknown, ProviderError, StateError, UsageError
from . import journal, match, term
from .api import Api
from .items import Item, Present
from .journal import Journal, Purchase
from .model import Detail, Row

_MOST_DETAILS = 20
# An order that is younger, and that the provider does not show, is not given up by anybody.
_SHOWN_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Account:
    """What all items of a call share."""

    api: Api
    journal: Journal
    clock: Clock
    renew_before_days: int
    abandoned: tuple[int, ...] = ()


@dataclass(frozen=True)
class Position:
    """``order``: the item's, as far as it was read. ``adopt``: its id, when the journal does not know it yet.

    ``open``: a purchase whose outcome is not known, and of which the provider shows nothing. ``duplicates``: orders that are paid for the same time.
    """

    order: Row | None = None
    adopt: int | None = None
    open: Purchase | None = None
    purchases: tuple[Purchase, ...] = ()
    duplicates: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()


class Finder:
    """One view of the account: the list of orders is read once, when the first item needs it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._list: list[Row] | None = None
        self._error: CollectionError | None = None

    def rows(self) -> list[Row]:
        """Asked for once, also when that fails: not by each item again."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._list is None:
                try:
                    self._list = self._account.api.orders()
                except CollectionError as error:
                    self._error = error
                    raise
            return self._list

    def duplicates(self, item: Item, order_id: int) -> list[int]:
        """Orders that are paid for the same time as this one, as far as the list was read."""
        if self._list is None or not item.product_code or not item.names:
            return []
        rows = match.same_subject(self._list, item.product_code, item.names)
        purchases = self._account.journal.purchases(item.product_code, item.names) if len(rows) > 1 else ()
        return self._others(item, purchases, rows, order_id)

    def find(self, item: Item, present: Present) -> Position:
        """The item's position; an error when what is there forbids both to go on and to buy."""
        product, names = _subject(item)
        purchases = tuple(self._account.journal.purchases(product, names))
        rows = match.same_subject(self.rows(), product, names)
        order, adopt, still_open = self._order(item, present, purchases, rows)
        return Position(
            order,
            adopt,
            still_open,
            purchases,
            tuple(self._others(item, purchases, rows, order.order_id)) if order is not None else (),
            tuple(sorted(row.order_id for row in rows)),
        )

    def refuse_strangers(self, item: Item, position: Position) -> None:
        """An order that is paid for, and neither in the journal nor for a key of ours, forbids to buy another one."""
        product, names = _subject(item)
        rows = match.same_subject(self.rows(), product, names)
        known = self._journalled(position.purchases, rows, names)
        strangers = [row for row in self._alive(rows) if row.order_id not in known and not self._renewable(row)]
        if strangers:
            ids = ", ".join(str(row.order_id) for row in strangers)
            raise StateError(
                "there is a paid order for %s of %s that is not in the journal: %s" % (product, ", ".join(names), ids),
                hint="Give its number as order_id to adopt it, or list it in abandoned if it shall not count.",
                orders=[row.order_id for row in strangers],
            )

    def _order(
        self, item: Item, present: Present, purchases: Sequence[Purchase], rows: Sequence[Row]
    ) -> tuple[Row | None, int | None, Purchase | None]:
        """The order; its number if it is to be adopted; the purchase that is still open."""
        if item.order_id is not None:
            newest = journal.settled(purchases)
            kept = newest is not None and newest.order_id == item.order_id
            return self._pinned(item, item.order_id), (None if kept else item.order_id), None
        still_open = journal.unresolved(purchases)
        if still_open is not None:
            found = self._booked(still_open, purchases, rows)
            return (found, found.order_id, None) if found else (None, None, still_open)
        keys = [key for key in (present.key, present.live_key) if key]
        known = journal.settled(purchases, self._account.abandoned)
        order = self._dated(known, rows) if known is not None else None
        if order is not None and not self._renewable(order):
            return order, None, None
        lost = present.live_order(self._account.journal.api_url) if known is None else None
        if lost is not None and lost not in self._account.abandoned:  # the journal is lost, the set is not
            former = self._known(lost, rows)
            if match.same_subject([former], *_subject(item)) and not self._renewable(former):
                return former, lost, None
        fresh = [row for row in self._alive(rows) if row.order_id not in _known(purchases) and not self._renewable(row)]
        ours = match.by_key(self._details(fresh), keys, present.live_serial)
        if ours:
            return ours[0], ours[0].order_id, None
        return order, None, None

    def _pinned(self, item: Item, order_id: int) -> Row:
        order = self._known(order_id, self.rows())
        product, names = _subject(item)
        if order.product_code.lower() != product.lower() or not match.for_names(order, names):
            raise UsageError(
                "order %d is for %s of %s, not for %s of %s"
                % (order_id, order.product_code, ", ".join(order.names), product, ", ".join(names)),
                hint="Give the order of this certificate, or change product_code, domain and dns_names.",
            )
        return order

    def _dated(self, purchase: Purchase, rows: Sequence[Row]) -> Row | None:
        if purchase.order_id is None:
            return None
        return term.dated(self._known(purchase.order_id, rows, purchase.since), purchase.since, purchase.years)

    def _known(self, order_id: int, rows: Sequence[Row], since: str | None = None) -> Row:
        """Lists may be cut short; what the journal knows (``since`` when) is then asked for by its number."""
        for row in rows:
            if row.order_id == order_id:
                return row
        try:
            return self._account.api.order(order_id)
        except ProviderError as error:
            if error.status == 404:
                hint = "Check the account; list the order in abandoned if it shall not count."
                if since is not None and self._account.clock.now() < parse_iso(since) + _SHOWN_WITHIN:
                    hint = "It was placed at %s: run again when the provider shows it." % since
                raise StateError("the provider does not know order %d" % order_id, hint=hint) from None
            raise

    def _booked(self, purchase: Purchase, purchases: Sequence[Purchase], rows: Sequence[Row]) -> Detail | None:
        """The order that an open purchase has led to."""
        before = set(purchase.seen) | _known(purchases)
        details = self._details([row for row in rows if row.order_id not in before])
        found = match.by_key(details, [purchase.public_key] if purchase.public_key else [])
        unclear = [detail.order_id for detail in details if detail.public_key is None]
        if unclear and not found:
            raise StateError(
                "order %d may be the one of %s, and shows no CSR that could tell" % (unclear[0], purchase.since),
                hint="Look into the account, and give the number of the right order as order_id.",
                orders=unclear,
            )
        if len(found) > 1:
            ids = ", ".join(str(detail.order_id) for detail in found)
            raise StateError(
                "there are several orders for one request: %s" % ids,
                hint="Give the one to keep as order_id, and ask SSLmarket to cancel the others.",
                orders=[detail.order_id for detail in found],
            )
        return found[0] if found else None

    def _details(self, rows: Sequence[Row]) -> list[Detail]:
        if len(rows) > _MOST_DETAILS:
            raise StateError(
                "there are %d orders for the same product and names" % len(rows),
                hint="Give the number of the right one as order_id.",
            )
        return [self._account.api.order(row.order_id) for row in rows]

    def _others(self, item: Item, purchases: Sequence[Purchase], rows: Sequence[Row], order_id: int) -> list[int]:
        at = self._account
        ours = self._journalled(purchases, rows, item.names) | {order_id}
        return match.duplicates(rows, ours, at.clock.now(), at.renew_before_days, at.abandoned)

    def _journalled(self, purchases: Sequence[Purchase], rows: Sequence[Row], names: Sequence[str]) -> set[int]:
        """Orders that the journal knows. One with a name more may be another certificate's."""
        known = _known(purchases)
        if any(set(row.names) != set(names) and row.order_id not in known for row in rows):
            known |= self._account.journal.order_ids()
        return known

    def _alive(self, rows: Sequence[Row]) -> list[Row]:
        return match.alive(rows, self._account.clock.now(), self._account.abandoned)

    def _renewable(self, row: Row) -> bool:
        return term.renewable(row, self._account.clock.now(), self._account.renew_before_days)


def _subject(item: Item) -> tuple[str, tuple[str, ...]]:
    if not item.product_code or not item.names:
        raise UsageError("product_code and domain are needed to find the order")
    return item.product_code, item.names


def warning(name: str, ids: Sequence[int]) -> str:
    """What a person is told of orders that were paid several times."""
    text = "%s: several orders are paid for the same product, names and time: %s. %s"
    hint = "Ask SSLmarket to cancel all but one, and list those in abandoned."
    return text % (name, ", ".join(map(str, sorted(ids))), hint)


def _known(purchases: Sequence[Purchase]) -> set[int]:
    return {purchase.order_id for purchase in purchases if purchase.order_id is not None}


def unsettled(purchase: Purchase, until: str, over: bool) -> OutcomeUnknown:
    """What the user is told of a purchase with an unknown outcome."""
    if over:
        hint = "If the account has no such order, run once with on_unknown: resubmit; else give its number as order_id."
    else:
        hint = "Run again after %s, or give the order's number as order_id: nothing is ordered meanwhile." % until
    return OutcomeUnknown(
        "an order for %s was sent at %s, and the provider does not list it: what became of it is not known"
        % (", ".join(purchase.names), purchase.since),
        hint=hint,
        retry_at=until,
    )
