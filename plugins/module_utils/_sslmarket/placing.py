# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that spends money: a purchase, under lock and journal, sent once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._core.clock import iso
from .._core.errors import (
    CollectionError,
    InvalidData,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    StateError,
    UsageError,
)
from . import contacts, journal
from .items import Item, Present
from .journal import Purchase
from .lookup import Account, Position


def buy(account: Account, item: Item, present: Present, position: Position, most_a_day: int) -> int:
    """Places the order and returns its number. The caller holds the lock of the purchase's directory, and has looked for the order."""
    if item.wanted is not None and present.csr is None:
        raise StateError("the set %s has no request yet" % item.name, hint="Run certificate_request first.")
    sent = body(item, present)
    if position.open is not None:
        account.journal.record(replace(position.open, state=journal.LOST, problem="it left no trace"))
    purchase = account.journal.begin(_intent(account, item, present, position, sent), most_a_day)
    try:
        order_id = account.api.place(str(item.product_code), sent)
    except CollectionError as error:
        no = _surely_not_booked(error)
        state = journal.REFUSED if no else journal.UNKNOWN
        _keep(account, replace(purchase, state=state, problem=error.sentence()), "The order was sent")
        if not no:
            error.hint = "Run again: the order may have been booked, so it is looked for, and not placed anew."
        raise
    return _placed(account, purchase, order_id)


def _surely_not_booked(error: CollectionError) -> bool:
    """Nothing was sent, or the provider said no in so many words. Everything else is unknown, also what nobody thought of."""
    if isinstance(error, ProtocolError):
        return False
    return isinstance(error, (NotSent, ProviderError, UsageError, InvalidData))


def adopt(account: Account, item: Item, position: Position) -> None:
    """Keeps the number of an order that was found: of an open purchase, or one that was placed from elsewhere."""
    order = position.order
    if order is None:
        return
    open_purchase = journal.unresolved(position.purchases)
    if open_purchase is not None:
        account.journal.record(replace(open_purchase, state=journal.PLACED, order_id=order.order_id, problem=None))
        return
    account.journal.record(
        Purchase(
            api_url=account.journal.api_url,
            product_code=str(item.product_code),
            names=item.names,
            state=journal.PLACED,
            since=iso(account.clock.now()),
            order_id=order.order_id,
            years=order.years,
            adopted=True,
        )
    )


def note_look_up(account: Account, purchase: Purchase) -> None:
    account.journal.record(replace(purchase, state=journal.UNKNOWN, looked=iso(account.clock.now())))


def body(item: Item, present: Present) -> dict[str, Any]:
    """The request of ``POST /order/certificate/{PRODUCT_CODE}``."""
    contacts.require_all(item.contacts)
    sent: dict[str, Any] = {"domain": item.names[0], "years": item.years, "dv_auth_method": item.dv_auth_method}
    if item.names[1:]:
        sent["dns_names"] = list(item.names[1:])
    if present.csr is not None:
        sent["csr"] = present.csr.decode("ascii")
    if item.voucher is not None:
        sent["voucher"] = item.voucher
    sent.update(contacts.body(item.contacts))
    return sent


def _intent(account: Account, item: Item, present: Present, position: Position, sent: dict[str, Any]) -> Purchase:
    return Purchase(
        api_url=account.journal.api_url,
        product_code=str(item.product_code),
        names=item.names,
        state=journal.INTENT,
        since=iso(account.clock.now()),
        public_key=present.key,
        seen=position.seen,
        sent=journal.digest({**sent, "voucher": item.voucher.digest() if item.voucher else None}),
        contacts=journal.digest([item.contacts, item.dv_auth_method]),
        years=item.years,
    )


def _placed(account: Account, purchase: Purchase, order_id: int) -> int:
    if order_id in purchase.seen:
        problem = "the provider answered with the number of an older order, %d" % order_id
        _keep(account, replace(purchase, state=journal.UNKNOWN, problem=problem), "The order was sent")
        raise OutcomeUnknown(problem, hint="Run again: the order is looked for, and not placed anew.")
    _keep(account, replace(purchase, state=journal.PLACED, order_id=order_id), "Order %d is placed" % order_id)
    return order_id


def _keep(account: Account, purchase: Purchase, told: str) -> None:
    """What became of a purchase. Its intent is on disk: if nothing more can be written, it is looked for."""
    try:
        account.journal.record(purchase)
    except StateError as error:
        error.hint = told + ". Mend the directory and run again: it is looked for, and not placed anew."
        raise
