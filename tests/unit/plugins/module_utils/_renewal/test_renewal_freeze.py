# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes as spans of time, against minute by minute; and options of freezes that cannot be meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import cron, durations, freeze
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.freeze import Freeze
from hypothesis import given, settings
from hypothesis import strategies as st

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PRAGUE = "Europe/Prague"
WEEKEND = Freeze("0 18 * * 5", timedelta(hours=62), PRAGUE)
FAR = datetime(2040, 1, 1, tzinfo=UTC)

freezes = st.lists(
    st.builds(
        Freeze,
        st.sampled_from(["0 18 * * 5", "30 2 * * *", "0 0 1 * *", "0 0 20 12 *", "*/20 1-3 * * 0", "0 22 * * 1-4"]),
        st.integers(1, 40 * 24).map(lambda hours: hours * HOUR),
        st.sampled_from(["UTC", PRAGUE, "America/New_York"]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
moments = st.datetimes(datetime(2027, 1, 1), datetime(2028, 6, 1), timezones=st.just(UTC))


def covered(each: tuple[Freeze, ...], at: datetime) -> bool:
    """The definition, read in so many words: some window has begun, and is not over."""
    days = int(max(one.duration for one in each) / DAY) + 2
    return any(
        start <= at < start + one.duration
        for one in each
        for number in range(-days, 2)
        for start in cron.parse(one.cron).moments((at + number * DAY).date(), ZoneInfo(one.zone))
    )


@settings(max_examples=120, deadline=None)
@given(each=freezes, at=moments, hours=st.integers(1, 60 * 24))
def test_a_freeze_lasts_until_its_end_and_no_longer(each: tuple[Freeze, ...], at: datetime, hours: int) -> None:
    limit = at + hours * HOUR
    end = freeze.frozen_until(each, at, limit)
    assert (end is not None) == covered(each, at)
    if end is not None:
        assert end > at
        steps = min(end, limit) - at
        assert all(covered(each, at + steps * part / 12) for part in range(12))
        assert end >= limit or not covered(each, end)


@settings(max_examples=60, deadline=None)
@given(each=freezes, start=moments, days=st.integers(1, 100))
def test_the_list_of_windows_says_the_same(each: tuple[Freeze, ...], start: datetime, days: int) -> None:
    end = start + days * DAY
    spans = freeze.windows(each, start, end)
    assert all(later[0] > earlier[1] for earlier, later in zip(spans, spans[1:]))
    for hour in range(0, days * 24, 7):
        at = start + hour * HOUR
        assert any(first <= at < last for first, last in spans) == (freeze.frozen_until(each, at, FAR) is not None)


def test_a_weekend_with_a_change_of_the_clock_is_no_longer() -> None:
    """The freeze is time that passes: in the night in which the clock is put forward it ends an hour later on the clock."""
    at = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert freeze.frozen_until((WEEKEND,), at, FAR) == datetime(2027, 3, 29, 7, tzinfo=UTC)
    assert freeze.frozen_until((WEEKEND,), at - 7 * DAY, FAR) == datetime(2027, 3, 22, 7, tzinfo=UTC)
    (span,) = freeze.windows((WEEKEND,), at, at + HOUR)
    assert [moment.astimezone(ZoneInfo(PRAGUE)).strftime("%a %H:%M") for moment in span] == ["Fri 18:00", "Mon 09:00"]


def test_a_freeze_without_an_end_ends_the_search() -> None:
    always = (Freeze("0 * * * *", 2 * HOUR),)
    end = freeze.frozen_until(always, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert end is not None
    assert end >= datetime(2028, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"cron": "0 0 * * *"}, "[0] duration is missing"),
        ({"duration": "1h"}, "[0] cron is missing"),
        ({"cron": "0 0 * * *", "duration": "1h", "timezone": "UTC"}, '[0] there is no option "timezone"'),
        ({"crom": "0 0 * * *", "duration": "1h"}, '[0] there is no option "crom" (did you mean "cron"?)'),
        ({"cron": "0 0 * * *", "duration": 62}, '[0] duration is "62"; write it like 62h, 2d12h or 1w'),
        ({"cron": "0 0 * * *", "duration": "14w"}, "[0] duration is 14w, not within 1m and 13w"),
        ({"cron": "0 0 * * *", "duration": "0h"}, "[0] duration is 0h, not within"),
        ({"cron": "0 0 * *", "duration": "1h"}, "[0] cron has 4 fields"),
        (
            {"cron": "0 0 * * *", "duration": "1h", "zone": "Europe/Praha"},
            '[0] zone is "Europe/Praha", which is no time zone (did you mean "Europe/Prague"?)',
        ),
        ({"cron": "0 0 * * *", "duration": "1h", "zone": "../../etc/passwd"}, "[0] zone is"),
        ("0 0 * * *", "[0] must be a mapping, not a text"),
    ],
)
def test_what_cannot_be_meant(entry: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        freeze.check([entry])
    assert words in "x " + caught.value.message


@given(st.integers(0, 10**7))
def test_durations_read_what_they_write(minutes: int) -> None:
    duration = timedelta(minutes=minutes)
    assert durations.parse(durations.text(duration)) == duration


@pytest.mark.parametrize(
    ("text", "hours"), [("62h", 62), ("2d14h", 62), ("1w", 168), ("90m", 1.5), ("1w1d1h60m", 168 + 26)]
)
def test_durations(text: str, hours: float) -> None:
    assert durations.parse(text) == hours * HOUR


@pytest.mark.parametrize(
    "value", ["", "62", "1h2d", "-1h", "1 h", "h", "1.5h", 3, None, True, "1H", "１h", "9" * 9 + "h"]
)
def test_no_durations(value: Any) -> None:
    with pytest.raises(UsageError):
        durations.parse(value)
