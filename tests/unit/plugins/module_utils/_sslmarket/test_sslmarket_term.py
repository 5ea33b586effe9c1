# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paid terms and lives of certificates: what the dates of an order may mean, in every zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import term
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Row
from hypothesis import given, settings
from hypothesis import strategies as st

UTC = timezone.utc
DAY = timedelta(days=1)


def row(**dates: Any) -> Row:
    known: dict[str, Any] = {"years": None, "inserted": None, "published": None, "expired": None, **dates}
    return Row(7, "ssl_certificate", "X", "a.test", ("a.test",), state="published", raw={}, **known)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("dates", "end"),
    [
        ({}, None),
        ({"years": 1}, None),
        ({"inserted": "2026-06-01 10:00:00"}, None),
        ({"published": "2026-06-01 10:00:00"}, None),
        ({"expired": "2027-06-01 10:00:00"}, "2027-06-01 10:00:00"),
        ({"expired": "2027-06-01"}, "2027-06-01"),
        ({"inserted": "2026-06-01 10:00:00", "years": 1}, "2027-06-01 10:00:00"),
        ({"published": "2026-06-01 10:00:00", "years": 1}, "2027-06-01 10:00:00"),
        ({"inserted": "2026-06-01", "years": 3}, "2029-05-31"),  # 2028 has one day more
        ({"inserted": "2026-06-01", "years": 0}, "2026-06-01"),
        # the later one: `expired` may be the end of the certificate
        ({"inserted": "2026-06-01", "years": 1, "expired": "2026-12-17"}, "2027-06-01"),
        ({"inserted": "2026-06-01", "years": 1, "expired": "2027-07-15"}, "2027-07-15"),
        # `published` may move with each reissue
        ({"inserted": "2026-06-01", "published": "2027-05-01", "years": 1}, "2027-06-01"),
        ({"inserted": "2026-06-01", "published": "2026-06-09", "years": 1, "expired": "2027-06-09"}, "2027-06-09"),
        # what cannot be read is not there
        ({"inserted": "soon", "published": "2026-06-01", "years": 1}, "2027-06-01"),
        ({"inserted": "01/06/2026", "published": "06/01/26", "years": 1, "expired": "never"}, None),
        ({"inserted": "01.06.2026", "years": 1}, "2027-06-01"),
        ({"inserted": "2026-06-01T10:00:00+02:00", "years": 1}, "2027-06-01 08:00:00"),
        ({"inserted": "2026-06-01T10:00:00Z", "years": 1}, "2027-06-01 10:00:00"),
    ],
)
def test_end(dates: dict[str, Any], end: str | None) -> None:
    assert term.end_of(row(**dates)) == (day(end) if end else None)


ENDS = row(expired="2027-06-01 10:00:00")


@pytest.mark.parametrize(
    ("now", "over"),
    [
        ("2027-06-01T10:00:00+00:00", False),
        ("2027-06-02T10:00:00+00:00", False),
        ("2027-06-02T10:00:01+00:00", True),
        ("2027-06-02T12:00:00+02:00", False),
        ("2027-06-02T12:00:01+02:00", True),
        ("2027-06-01T20:00:01-14:00", True),
    ],
)
def test_over(now: str, over: bool) -> None:
    assert term.over(ENDS, day(now)) is over


@pytest.mark.parametrize("provider", range(-12, 15))
def test_over_is_over_in_every_zone(provider: int) -> None:
    """The provider writes the end in a zone of its own: what is over for us is over for it."""
    truth = datetime(2027, 6, 1, 10, tzinfo=UTC)
    shown = truth + timedelta(hours=provider)
    order = row(expired=f"{shown:%Y-%m-%d %H:%M:%S}")
    for hours in range(-48, 49):
        now = truth + timedelta(hours=hours)
        if term.over(order, now):
            assert now > truth
    assert term.over(order, truth + 2 * DAY)


@pytest.mark.parametrize(
    ("now", "days", "renewable"),
    [
        ("2027-05-02T09:59:59+00:00", 30, False),
        ("2027-05-02T10:00:00+00:00", 30, True),
        ("2027-05-31T10:00:00+00:00", 1, True),
        ("2027-02-01T10:00:00+00:00", 120, True),
        ("2030-01-01T10:00:00+00:00", 30, True),
    ],
)
def test_renewable(now: str, days: int, renewable: bool) -> None:
    assert term.renewable(ENDS, day(now), days) is renewable


def test_a_term_without_an_end_is_neither_over_nor_renewable() -> None:
    assert not term.over(row(), datetime(2036, 1, 1, tzinfo=UTC))
    assert not term.renewable(row(), datetime(2036, 1, 1, tzinfo=UTC), 120)


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(1, 120), st.integers(0, 20000))
def test_what_is_over_is_renewable(end: datetime, days: int, hours: int) -> None:
    order = row(expired=f"{end:%Y-%m-%d %H:%M:%S}")
    now = (end - 120 * DAY + timedelta(hours=hours)).replace(tzinfo=UTC)
    assert term.renewable(order, now, days) or not term.over(order, now)


@pytest.mark.parametrize(
    ("dates", "end"),
    [
        ({}, "2027-06-01 10:00:00"),
        ({"years": 2}, "2028-05-31 10:00:00"),
        ({"inserted": "soon", "expired": "later"}, "2027-06-01 10:00:00"),
        ({"inserted": "2026-07-01", "years": 1}, "2027-07-01"),  # the provider knows
        ({"expired": "2027-07-15"}, "2027-07-15"),
    ],
)
def test_the_journal_knows_the_day_of_the_purchase(dates: dict[str, Any], end: str) -> None:
    """Where the provider's dates cannot be read; else a term would never end."""
    assert term.end_of(term.dated(row(**dates), "2026-06-01T10:00:00Z", 1)) == day(end)


# --- lives ------------------------------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return day(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "days", "dates", "told"),
    [
        # the longest lives, by the day of issue
        ("2026-03-14", 397, {"years": 2}, None),
        ("2026-03-14", 391, {"years": 2}, (391, 397)),
        ("2026-03-15", 199, {"years": 1}, None),
        ("2026-03-15", 194, {"years": 1}, None),  # five days are nothing
        ("2026-03-15", 193, {"years": 1}, (193, 199)),
        ("2027-03-14", 193, {"years": 1}, (193, 199)),
        ("2027-03-15", 99, {"years": 1}, None),
        ("2027-03-15", 90, {"years": 1}, (90, 99)),
        ("2029-03-15", 46, {"years": 1}, None),
        ("2029-03-15", 40, {"years": 1}, (40, 46)),
        # less was paid for than a CA's longest
        ("2026-01-01", 365, {"years": 1}, None),
        ("2026-01-01", 359, {"years": 1}, (359, 365)),
        # up to the end of the term
        ("2026-11-01", 30, {"years": 1, "expired": "2026-12-01"}, None),
        ("2026-11-01", 25, {"years": 1, "expired": "2026-12-01"}, None),
        ("2026-11-01", 24, {"years": 1, "expired": "2026-12-01"}, (24, 199)),
        # nobody knows what was paid for
        ("2026-11-01", 199, {}, None),
        ("2026-11-01", 90, {}, (90, 199)),
        # a year was ordered, and a free certificate for 90 days came
        ("2026-11-01", 90, {"years": 1, "inserted": "2026-11-01", "expired": "2027-01-30"}, (90, 199)),
    ],
)
def test_shorter_than_ordered(begin: str, days: int, dates: dict[str, Any], told: tuple[int, int] | None) -> None:
    text = f"it lives {told[0]} days, though {told[1]} could be expected" if told else None
    assert term.too_short(at(begin), at(begin) + days * DAY, row(**dates)) == text


def test_naive() -> None:
    assert term.naive(day("2026-11-22T12:00:00+02:00")) == datetime(2026, 11, 22, 10)
