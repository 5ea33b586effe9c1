# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is next for a certificate: the one decision about orders and reissues (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .._core.clock import iso
from . import term
from .model import Detail, Row

ORDER, REISSUE, WAIT, FETCH, LATER, NOTHING, BLOCKED = (
    "order",
    "reissue",
    "wait",
    "fetch",
    "later",
    "nothing",
    "blocked",
)
# A reissue that does not last longer than this is not worth its validation.
_WORTHWHILE = timedelta(days=7)
# How long a reissue may leave no trace before it is asked for again, which costs no money: accepted, or with an unknown outcome.
_SETTLE = {True: timedelta(hours=1), False: timedelta(minutes=2)}


@dataclass(frozen=True)
class Asked:
    """The reissue that we asked for: for which key, when, what the order's certificate was, and whether SSLmarket said yes."""

    key: str
    since: datetime
    serial: str | None
    accepted: bool = True

    def settling(self, now: datetime) -> bool:
        return now < self.since + _SETTLE[self.accepted]


@dataclass(frozen=True)
class Situation:
    """``reason``: why a new certificate is needed, ``None`` if none is. ``urgent``: because what we have is not right, not because it
    ends. ``key`` is the one to be certified. ``live_key``, ``live_serial`` and ``live_end`` are of the certificate that we have.

    A ``Row`` knows neither key nor serial: enough to decide between order and reissue.
    """

    order: Row | None
    now: datetime
    renew_before_days: int
    reason: str | None = None
    urgent: bool = False
    key: str | None = None
    live_key: str | None = None
    live_serial: str | None = None
    live_end: datetime | None = None
    asked: Asked | None = None


@dataclass(frozen=True)
class Course:
    action: str
    reason: str


def course(at: Situation) -> Course:
    if at.order is None:
        if at.reason is None:
            return Course(NOTHING, "the certificate is in order")
        return Course(ORDER, at.reason)
    if not at.order.issued:
        return _under_way(at, at.order)
    ready = _ready(at, at.order)
    if ready is not None:
        return ready
    if at.reason is None:
        return Course(NOTHING, "the certificate is in order")
    if at.asked is not None and at.asked.key == at.key and at.asked.settling(at.now):
        return Course(WAIT, "the reissue was asked for at %s" % iso(at.asked.since))
    return _renewal(at, at.order, at.reason)


def _under_way(at: Situation, order: Row) -> Course:
    """The order is in a state that is not ``published``: none of the words for it is documented."""
    state = 'order %d is in the state "%s"' % (order.order_id, order.state)
    if at.reason is None:
        return Course(NOTHING, "the certificate is in order; " + state)
    if term.over(order, at.now):
        return Course(ORDER, "%s; %s, and its term is over" % (at.reason, state))
    if not at.urgent and not first(order) and term.renewable(order, at.now, at.renew_before_days):
        return Course(ORDER, "%s; %s, and its term ends within %d days" % (at.reason, state, at.renew_before_days))
    theirs = order.public_key if isinstance(order, Detail) else None
    ours = theirs in (None, at.key) or (at.asked is not None and at.asked.key == at.key)
    if ours or at.key is None:
        return Course(WAIT, state)
    return Course(BLOCKED, "%s, and not for the key that is wanted" % state)


def first(order: Row) -> bool:
    """Whether the order has not been issued yet, ever."""
    return order.published is None and not (isinstance(order, Detail) and order.serial)


def _ready(at: Situation, order: Row) -> Course | None:
    """A certificate that we do not have is there: ours was issued, or the provider reissued it by itself (``auto_reissue``)."""
    if not isinstance(order, Detail) or (order.serial is not None and order.serial == at.live_serial):
        return None
    if (
        order.serial is None
    ):  # the provider does not say: then it is the key that tells a first one from the one we have
        new = at.reason is not None and order.public_key == at.key and at.key != at.live_key
        return Course(FETCH, "order %d is issued" % order.order_id) if new else None
    asked = at.asked is not None and at.asked.key == at.key and order.serial != at.asked.serial
    if order.public_key == at.key or asked:
        return Course(FETCH, "order %d has a new certificate" % order.order_id)
    return None


def _renewal(at: Situation, order: Row, reason: str) -> Course:
    paid = Course(REISSUE, "%s; order %d is paid for" % (reason, order.order_id))
    if term.over(order, at.now):
        return Course(ORDER, "%s; the term of order %d is over" % (reason, order.order_id))
    if at.urgent:
        return paid
    if term.renewable(order, at.now, at.renew_before_days):
        text = "%s; the term of order %d ends within %d days"
        return Course(ORDER, text % (reason, order.order_id, at.renew_before_days))
    end = term.end_of(order)
    if end is not None and at.live_end is not None and end < term.naive(at.live_end) + _WORTHWHILE:
        opens = end - timedelta(days=at.renew_before_days)
        text = "%s; a reissue of order %d would not last longer, and the next order is for %s"
        return Course(LATER, text % (reason, order.order_id, opens.date().isoformat()))
    return paid
