# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times are aware and UTC; durations do not follow the clock on the wall."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import clock
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import NOW, FakeClock


def test_iso() -> None:
    assert clock.iso(NOW) == "2026-11-22T10:00:00Z"
    assert clock.iso(NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-11-22T10:00:00Z"
    assert clock.iso(NOW.replace(microsecond=999_999)) == "2026-11-22T10:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00+00:00", "2026-11-22T12:30:00+02:30", "2026-11-22T10:00:00.000000Z"],
)
def test_parse(text: str) -> None:
    found = clock.parse_iso(text)
    assert found == NOW
    assert found.tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-11-22T10:00:00", "2026-11-22", "10:00:00Z", "2026-13-22T10:00:00Z", "2026-11-22T10:00:00ZZ"],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        clock.parse_iso(text)


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(timezone.utc)))
def test_there_and_back(moment: datetime) -> None:
    assert clock.parse_iso(clock.iso(moment)) == moment.replace(microsecond=0)


def test_deadline() -> None:
    fake = FakeClock()
    deadline = clock.Deadline(10, fake)
    deadline.sleep(4)
    assert deadline.left() == 6
    assert not deadline.over()
    deadline.sleep(60)
    assert fake.sleeps == [4, 6]
    assert deadline.left() == 0
    assert deadline.over()
    deadline.sleep(5)
    assert fake.passed == 10


def test_a_jump_of_the_wall_clock_moves_no_deadline() -> None:
    fake = FakeClock()
    deadline = clock.Deadline(10, fake)
    fake.start += timedelta(days=3650)
    assert deadline.left() == 10


def test_the_real_one() -> None:
    before = clock.SYSTEM.monotonic()
    clock.SYSTEM.sleep(-5)
    assert clock.SYSTEM.now().tzinfo is timezone.utc
    assert 0 <= clock.SYSTEM.monotonic() - before < 1
