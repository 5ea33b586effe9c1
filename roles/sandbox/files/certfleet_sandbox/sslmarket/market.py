# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of the orders: booked, validated, issued, reissued, revoked.

An order moves on when it is read, and when the ticker looks at it, which it does while any order is open.
"""

from __future__ import annotations

import random
import secrets
import string
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from certfleet_sandbox.sslmarket.ca import Authority, Wanted, spki_digest
from certfleet_sandbox.sslmarket.dcv import Dcv
from certfleet_sandbox.sslmarket.fields import read_csr
from certfleet_sandbox.sslmarket.knobs import Knobs
from certfleet_sandbox.sslmarket.orders import Files, Order
from certfleet_sandbox.sslmarket.products import Product
from certfleet_sandbox.strict import Refused

DAY = 86400
FIRST_ID = 100001
_TICK_SECONDS = 0.1
_LONGEST_TICK_SECONDS = 0.5
_FILE_SECONDS = 0.5  # between two looks of the ticker at a host: each is a line in the ledger
_ALPHABET = string.ascii_lowercase + string.digits


def _content(now: float) -> str:
    stamp = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%d%H%M%S")
    return stamp + "".join(secrets.choice(_ALPHABET) for _place in range(32))


class Market:
    def __init__(
        self,
        store: Path,
        authority: Authority,
        dcv: Dcv,
        knobs: Knobs | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files, self.authority, self._dcv, self.now = Files(store), authority, dcv, clock
        self._at_start = self.knobs = knobs or Knobs()
        self.lock = threading.RLock()
        self._random: dict[str, random.Random] = {}
        self._orders = self._files.load()
        self._next = max(self._orders, default=FIRST_ID - 1) + 1
        self._open = {number for number, order in self._orders.items() if order.open()}
        self._work = threading.Event()
        self._looked: dict[int, float] = {}

    # Knobs

    def turn(self, values: dict[str, Any]) -> None:
        with self.lock:
            self.knobs = self.knobs.changed(**values)
            if "seed" in values:
                self._random.clear()
            self._work.set()

    def reset(self) -> None:
        with self.lock:
            self.knobs = self._at_start
            self._random.clear()

    def delay(self, name: str) -> float:
        """The seconds of a delay: its fixed part and the next draw of its own sequence."""
        with self.lock:
            source = self._random.setdefault(name, random.Random(f"{self.knobs.seed}/{name}"))
            drawn = source.uniform(0, getattr(self.knobs, f"{name}_max"))
            return float(getattr(self.knobs, name)) + drawn

    # Reading

    def find(self, number: int) -> Order:
        """An order, moved on as far as it can; raises Refused."""
        with self.lock:
            order = self._orders.get(number)
            if order is None or (self.knobs.detail_lag and order.listed > self.now()):
                raise Refused(404, {"order_id": ["there is no such order"]})
        self._advance(order)
        return order

    def all(self) -> list[Order]:
        """Newest first."""
        with self.lock:
            return sorted(self._orders.values(), key=lambda order: order.id, reverse=True)

    # Changes

    def _changed(self, order: Order) -> None:
        self._files.save(order)
        if order.open():
            self._open.add(order.id)
            self._work.set()
        else:
            self._open.discard(order.id)

    def book(self, product: Product, wanted: dict[str, Any]) -> Order:
        with self.lock:
            now, number = self.now(), self._next
            self._next += 1
            order = Order(
                id=number,
                product_code=product.code,
                cents=product.price(wanted["years"], len(wanted["dns_names"])),
                inserted=now,
                listed=now + self.delay("list_lag"),
                content=_content(now),
                content_made=now,
                **wanted,
            )
            self._orders[number] = order
            self._changed(order)
        return order

    def edit(self, order: Order, changes: dict[str, Any]) -> None:
        with self.lock:
            _need(
                order.condition(self.now()) == "waiting" and order.ready is None, "its certificate is requested already"
            )
            order.people.update(changes["people"])
            order.csr = changes.get("csr", order.csr)
            if "method" in changes:
                order.method, order.validated, order.ready = changes["method"], [], None
                self._renew_content(order)
            self._changed(order)

    def resend(self, order: Order) -> None:
        with self.lock:
            _need(order.open() and order.method == "Email", "no e-mail is waited for")

    def reissue(self, order: Order, csr: str) -> None:
        with self.lock:
            _need(order.condition(self.now()) == "published", "only an issued certificate can be reissued")
            order.reissue_csr, order.ready = csr, None
            if self.knobs.dcv_on_reissue:
                order.validated = []
                self._renew_content(order)
            self._changed(order)

    def cancel_reissue(self, order: Order) -> None:
        with self.lock:
            _need(order.reissue_csr is not None and not order.revoked, "no reissue runs")
            order.reissue_csr, order.ready = None, None
            self._changed(order)

    def revoke(self, order: Order) -> None:
        with self.lock:
            _need(order.condition(self.now()) in ("published", "reissue"), "there is no certificate to revoke")
            order.revoked = True
            self._changed(order)

    # What tests do to orders

    def approve(self, order: Order) -> None:
        """As if somebody had followed the link in the e-mail."""
        with self.lock:
            order.validated = order.bases
            self._changed(order)
        self._advance(order)

    def auto_reissue(self, order: Order) -> str:
        """A new certificate for the same CSR, as the CA makes one near the end of the last; its serial number."""
        with self.lock:
            _need(order.condition(self.now()) == "published", "there is no certificate to reissue")
            assert order.csr
            self._issue(order, order.csr)
            return order.certificates[-1].serial

    def set_word(self, order: Order, word: str | None) -> None:
        with self.lock:
            order.word = word
            self._changed(order)

    def age(self, order: Order, days: float) -> None:
        """Everything of the order so much earlier; the certificate keeps its serial number and is signed again."""
        seconds = days * DAY
        with self.lock:
            for name in ("inserted", "listed", "content_made", "ready", "published", "term_end"):
                value = getattr(order, name)
                if value is not None:
                    setattr(order, name, value - seconds)
            order.certificates = [self.authority.redated(issued, seconds) for issued in order.certificates]
            self._changed(order)

    # Moving on

    def start(self) -> None:
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            begin = time.monotonic()
            with self.lock:
                waiting = [self._orders[number] for number in sorted(self._open)]
            for order in waiting:
                if order.method != "FILE" or self._looked.get(order.id, 0) + _FILE_SECONDS < begin:
                    self._looked[order.id] = begin
                    self._look(order)
            with self.lock:
                if self._open:
                    self._work.set()
            # A thousand orders that wait for their names cost a part of a processor, and not all of it.
            time.sleep(min(max(_TICK_SECONDS, 5 * (time.monotonic() - begin)), _LONGEST_TICK_SECONDS))

    def _look(self, order: Order) -> None:
        try:
            self._advance(order)
        except Exception:
            # A knob can ask for a certificate that cannot be made; the other orders go on.
            traceback.print_exc()

    def _advance(self, order: Order) -> None:
        with self.lock:
            if not order.open():
                return
            knobs, method, content = self.knobs, order.method, order.content
            missing = [name for name in order.bases if name not in order.validated]
            fresh = order.content_made + knobs.dcv_content_days * DAY > self.now()
        proven = missing if knobs.dcv == "none" else []
        if method and fresh and not proven:
            # Without the lock: a file is fetched over the network.
            proven = [name for name in missing if self._dcv.proven(name, method, content, knobs)]
        with self.lock:
            if order.open() and (method, content) == (order.method, order.content):
                self._settle(order, [name for name in proven if name not in order.validated])

    def _settle(self, order: Order, proven: list[str]) -> None:
        order.validated += proven
        csr, moved = order.wanted_csr, bool(proven)
        if order.ready is None and csr and set(order.bases) <= set(order.validated):
            order.ready, moved = self.now() + self.delay("issue_delay"), True
        due = order.ready is not None and order.ready <= self.now() and order.condition(self.now()) != "expired"
        if csr and due and not self.knobs.never_issue:
            self._issue(order, csr)
        elif moved:
            self._changed(order)

    def _issue(self, order: Order, csr: str) -> None:
        now = self.now()
        if order.term_end is None:
            order.term_end = now + order.years * 365 * DAY
        _csr, key = read_csr(csr)
        last = order.certificates[-1] if order.certificates else None
        wanted = Wanted(
            names=order.names,
            key=key,
            now=now,
            end=order.term_end,
            client=not order.product.validates_domain,
            previous=int(last.serial, 16) if last else None,
        )
        order.certificates.append(self.authority.issue(wanted, self.knobs))
        order.csr, order.reissue_csr, order.ready, order.published = csr, None, None, now
        self._changed(order)

    def _renew_content(self, order: Order) -> None:
        order.content_made = self.now()
        order.content = _content(order.content_made)


def key_digest(csr: str | None) -> str | None:
    return spki_digest(read_csr(csr)[1]) if csr else None


def _need(condition: bool, text: str) -> None:
    if not condition:
        raise Refused(409, {"order_id": [text]})
