# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the control API that is about SSLmarket; ../control.py lists the calls.

GET  /sslmarket answers {"orders", "orders_paid", "spent", "currency"}. An order there has what the API shows in its list, and
`names`, `price`, `csr`, `public_key` (SHA-256 of its SPKI), `reissue_csr`, `method`, `content`, `validated`, `serials` (oldest
first, lower-case hex), `condition` (the key in state_words), `booked` and `listed` (seconds since 1970).
"""

from __future__ import annotations

from typing import Any

from certfleet_sandbox.sslmarket import views
from certfleet_sandbox.sslmarket.market import Market, key_digest
from certfleet_sandbox.sslmarket.orders import Order
from certfleet_sandbox.sslmarket.products import CURRENCY

PREFIX = "/sslmarket"


class MarketControl:
    def __init__(self, market: Market) -> None:
        self._market = market

    def summary(self) -> dict[str, Any]:
        orders = self._market.all()
        spent = sum(order.cents for order in orders) / 100
        return {"orders_paid": len(orders), "spent": spent, "currency": CURRENCY, "knobs": self._market.knobs.as_dict()}

    def read(self, route: str) -> dict[str, Any] | None:
        """The answer to a call without a body; None when there is no such call."""
        if route == f"GET {PREFIX}":
            with self._market.lock:
                return {"orders": [self._order(order) for order in self._market.all()], **self.summary()}
        if route == f"DELETE {PREFIX}/knobs":
            self._market.reset()
        if route in (f"GET {PREFIX}/knobs", f"DELETE {PREFIX}/knobs"):
            return self._market.knobs.as_dict()
        return None

    def change(self, route: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """The same for a call with a body; raises ValueError, KeyError or strict.Refused."""
        if route == f"PUT {PREFIX}/knobs":
            self._market.turn(value)
            return self._market.knobs.as_dict()
        if route == f"POST {PREFIX}/age":
            days = float(value["days"])
            one = "order_id" in value
            for order in [self._find(value)] if one else self._market.all():
                self._market.age(order, days)
            return {}
        if route == f"POST {PREFIX}/auto-reissue":
            return {"serial": self._market.auto_reissue(self._find(value))}
        if route == f"POST {PREFIX}/approve":
            self._market.approve(self._find(value))
            return {}
        if route == f"POST {PREFIX}/revoke":
            self._market.revoke(self._find(value))
            return {}
        if route == f"PUT {PREFIX}/state":
            self._market.set_word(self._find(value), value["state"])
            return {}
        return None

    def _find(self, value: dict[str, Any]) -> Order:
        found = [order for order in self._market.all() if order.id == value["order_id"]]
        if not found:
            raise ValueError("there is no such order")
        return found[0]

    def _order(self, order: Order) -> dict[str, Any]:
        now = self._market.now()
        return {
            **views.row(order, self._market.knobs, now),
            "condition": order.condition(now),
            "names": order.names,
            "price": order.cents / 100,
            "csr": order.csr,
            "reissue_csr": order.reissue_csr,
            "public_key": key_digest(order.csr),
            "method": order.method,
            "content": order.content,
            "validated": order.validated,
            "serials": [issued.serial for issued in order.certificates],
            "booked": order.inserted,
            "listed": order.listed,
        }
