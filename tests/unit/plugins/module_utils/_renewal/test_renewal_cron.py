# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron against a library that does what Debian's cron does, and what cannot be read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import cronsim
import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import cron
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = timedelta(days=1)
ZONES = ("UTC", "Europe/Prague", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Auckland")
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most)
    span = st.tuples(one, one).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    # the library takes 3-3/2 for 3/2
    wide = st.integers(least, most - 1).flatmap(
        lambda low: st.integers(low + 1, most).map(lambda high: f"{low}-{high}")
    )
    step = st.tuples(st.just("*") | wide | one.map(str), st.integers(1, 20)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    term = one.map(str) | span | step
    return st.just("*") | term | st.lists(term, min_size=2, max_size=3).map(",".join)


expressions = st.tuples(*(numbers(*bounds) for bounds in BOUNDS)).map(" ".join)


def ours(text: str, zone: str, start: datetime, days: int) -> list[datetime]:
    """All moments from a local midnight on, for some local days, each once."""
    pattern, first = cron.parse(text), start.date()
    found = {moment for number in range(days) for moment in pattern.moments(first + number * DAY, ZoneInfo(zone))}
    return sorted(found)


def theirs(text: str, zone: str, start: datetime, days: int) -> list[datetime]:
    found = []
    for moment in cronsim.CronSim(text, start - timedelta(minutes=1)):
        if moment.date() >= start.date() + days * DAY:
            break
        found.append(moment.astimezone(UTC))
    return found  # it gives up after fifty years


@settings(max_examples=400, deadline=None)
@given(
    text=expressions,
    zone=st.sampled_from(ZONES),
    # the clocks of these zones change on days of these months
    day=st.dates(date(2027, 3, 1), date(2027, 4, 10)) | st.dates(date(2027, 9, 20), date(2027, 11, 10)),
)
def test_as_the_library_says(text: str, zone: str, day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    try:
        expected = theirs(text, zone, start, 3)
    except cronsim.CronSimError:
        with pytest.raises(UsageError, match="never happens"):
            cron.parse(text)
        return
    assert ours(text, zone, start, 3) == sorted(set(expected))


@pytest.mark.parametrize(
    ("text", "zone", "day", "found"),
    [
        ("30 2 * * *", "Europe/Prague", date(2027, 3, 28), ["01:00"]),  # 02:00 to 03:00 is skipped
        ("30 2 * * *", "Europe/Prague", date(2027, 10, 31), ["00:30"]),  # comes twice
        ("*/30 2 * * *", "Europe/Prague", date(2027, 3, 28), []),
        ("*/30 2 * * *", "Europe/Prague", date(2027, 10, 31), ["00:00", "00:30", "01:00", "01:30"]),
        ("45 1 * * *", "Australia/Lord_Howe", date(2027, 4, 4), ["14:45"]),  # half an hour comes twice
        ("15 2 * * *", "Australia/Lord_Howe", date(2027, 10, 3), ["15:30"]),
        ("0 9 * * 7", "UTC", date(2027, 3, 28), ["09:00"]),
        ("0 9 * * sun", "UTC", date(2027, 3, 28), ["09:00"]),
        ("0 9 * MAR-may 0", "UTC", date(2027, 3, 28), ["09:00"]),
        ("0 9 13 * 0", "UTC", date(2027, 3, 28), ["09:00"]),  # the thirteenth, or a Sunday
        ("0 9 13 * 1", "UTC", date(2027, 3, 28), []),
        ("0 9 */2 * 0", "UTC", date(2027, 3, 28), []),  # both
    ],
)
def test_changes_of_the_clock_and_days(text: str, zone: str, day: date, found: list[str]) -> None:
    moments = sorted(cron.parse(text).moments(day, ZoneInfo(zone)))
    assert [moment.strftime("%H:%M") for moment in moments] == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 18 * *", "has 4 fields, not five"),
        ("@weekly", "has 1 fields, not five"),
        ("60 * * * *", "has the minute 60, not within 0 and 59"),
        ("0 24 * * *", "has the hour 24, not within 0 and 23"),
        ("0 0 0 * *", "has the day of the month 0"),
        ("0 0 * foo *", "has the month foo"),
        ("0 0 * * 1#2", "has the day of the week 1#2"),
        ("0 0 L * *", "has the day of the month l"),
        ("0 0 9-5 * *", "9-5, which cannot be read"),
        ("*/0 0 * * *", "*/0, which cannot be read"),
        ("1,,2 0 * * *", "has the minute -"),
        ("0 0 31 2 *", "never happens: no such month has a day 31"),
        ("0 0 31 4,6 *", "never happens"),
        ("０ 0 * * *", "has the minute"),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        cron.parse(text)


def test_the_last_day_of_february_is_in_leap_years() -> None:
    pattern = cron.parse("0 0 29 2 *")
    assert [year for year in range(2024, 2033) if year % 4 == 0 and pattern.on(date(year, 2, 29))] == [2024, 2028, 2032]
