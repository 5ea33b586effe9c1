# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paid terms and the lives of certificates inside them (pure).

An order pays for ``years``; a certificate lives at most as long as the CA/Browser Forum allows (section 6.3.2 of its Baseline
Requirements, ballot SC-081v3). SSLmarket's dates have no zone, so all of this is naive, and right to within a day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from .model import Row, moment

Order = TypeVar("Order", bound=Row)

YEAR = timedelta(days=365)
_SLACK = timedelta(days=5)
# First day of a limit, and what CAs issue under it: a day less than the limit.
_LIFE = (
    (datetime(2029, 3, 15), timedelta(days=46)),
    (datetime(2027, 3, 15), timedelta(days=99)),
    (datetime(2026, 3, 15), timedelta(days=199)),
    (datetime.min, timedelta(days=397)),
)


def longest_life(begin: datetime) -> timedelta:
    """What CAs issue at most from that (naive) day on."""
    return next(life for since, life in _LIFE if begin >= since)


def naive(when: datetime) -> datetime:
    """UTC without saying so, to be compared with the provider's dates."""
    return when.astimezone(timezone.utc).replace(tzinfo=None)


def end_of(row: Row) -> datetime | None:
    """When the paid term ends, as late as it can be meant; ``None`` if that cannot be said.

    Whether ``expired`` is the end of the term or of the certificate is not documented. A term that is taken for longer than it is costs
    a refused reissue; one that is taken for shorter costs money. ``published`` may move with each reissue, and would move the end with it until
    there is no certificate any more: it only counts where ``inserted`` is missing.
    """
    start = moment(row.inserted) or moment(row.published)
    ends = [moment(row.expired)]
    if start is not None and row.years is not None:
        ends.append(start + row.years * YEAR)
    known = [end for end in ends if end is not None]
    return max(known) if known else None


def dated(order: Order, since: str, years: int | None) -> Order:
    """The order, with the day and the years of its purchase where the provider's cannot be read."""
    if end_of(order) is not None:
        return order
    return replace(order, inserted=since, years=order.years or years)


def over(row: Row, now: datetime) -> bool:
    """Whether the term has surely ended: a day later, in whatever zone the provider writes."""
    end = end_of(row)
    return end is not None and naive(now) > end + timedelta(days=1)


def renewable(row: Row, now: datetime, renew_before_days: int) -> bool:
    """Whether the next order may be placed."""
    end = end_of(row)
    return end is not None and naive(now) >= end - timedelta(days=renew_before_days)


def too_short(not_before: datetime, not_after: datetime, row: Row) -> str | None:
    """In words, how a certificate is shorter than ordered: neither a CA's longest nor up to the end of the term."""
    begin, end, term = naive(not_before), naive(not_after), end_of(row)
    limit = longest_life(begin)
    paid = min(row.years * YEAR, limit) if row.years else limit
    if end - begin >= paid - _SLACK or (term is not None and end >= term - _SLACK):
        return None
    return "it lives %d days, though %d could be expected" % ((end - begin).days, paid.days)
