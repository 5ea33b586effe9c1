# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is due, and that the next renewal is the moment it becomes due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.renewal import Policy, Window, due, next_renewal
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("life", "policy", "renewed_after"),
    [
        (90, Policy(), 60),
        (47, Policy(), 47 * 2 / 3),
        (6, Policy(), 4),
        (398, Policy(), 398 * 2 / 3),
        (100, Policy(remaining_share=0.5), 50),
        (90, Policy(remaining_days=10), 80),
        (90, Policy(remaining_days=40), 50),
        (47, Policy(remaining_days=30), 17),
        (6, Policy(remaining_days=30), 4),
        (30, Policy(remaining_days=30), 20),
    ],
)
def test_share_and_days(life: int, policy: Policy, renewed_after: float) -> None:
    end = START + life * DAY
    moment = next_renewal(START, end, policy)
    assert abs(moment - (START + renewed_after * DAY)) < SECOND
    assert due(START, end, moment - SECOND, policy) is None
    assert due(START, end, moment, policy)


def test_reasons_are_words() -> None:
    end = START + 90 * DAY
    assert due(START, end, START, Policy()) is None
    assert (
        due(START, end, START + 61 * DAY, Policy()) == "less than 33 % of its life is left (since 2026-03-02T00:00:00Z)"
    )
    assert (
        due(START, end, end - DAY, Policy(remaining_days=7)) == "less than 7 days are left (since 2026-03-25T00:00:00Z)"
    )
    assert due(START, end, end + SECOND, Policy()) == "expired on 2026-04-01T00:00:00Z"
    window = Window(START, START + DAY)
    assert str(due(START, end, START + DAY, Policy(), window)).startswith("the CA suggests it")
    late = Window(end - DAY, end)
    assert str(due(START, end, end - 8 * DAY, Policy(), late)).startswith("less than a tenth of its life")
    assert due(START, end, end + SECOND, Policy(), late, "x") == "expired on 2026-04-01T00:00:00Z"


def test_the_window_decides_over_the_share() -> None:
    end = START + 90 * DAY
    window = Window(START + 70 * DAY, START + 72 * DAY)
    assert due(START, end, START + 69 * DAY, Policy(), window, "a") is None
    assert due(START, end, START + 72 * DAY, Policy(), window, "a")
    past = Window(START + DAY, START + 2 * DAY)
    assert due(START, end, START + 3 * DAY, Policy(), past, "a"), (
        "a window in the past is how a CA announces a revocation"
    )


def test_picks_are_stable_inside_the_window_and_spread() -> None:
    end, window = START + 90 * DAY, Window(START + 50 * DAY, START + 60 * DAY)
    picks = [next_renewal(START, end, Policy(), window, f"certificate {number}") for number in range(1000)]
    assert picks == [next_renewal(START, end, Policy(), window, f"certificate {number}") for number in range(1000)]
    assert all(window.start <= pick < window.end for pick in picks)
    tenths = [sum((pick - window.start) // DAY == day for pick in picks) for day in range(10)]
    assert min(tenths) > 60
    assert max(tenths) < 140
    other = Window(window.start, window.end + DAY)
    assert next_renewal(START, end, Policy(), other, "x") != next_renewal(START, end, Policy(), window, "x")


@given(
    life=st.integers(1, 400 * 86400), at=st.floats(-0.5, 1.5), share=st.floats(0.01, 0.99),
    days=st.none() | st.integers(1, 500), window=st.none() | st.tuples(st.integers(-500, 500), st.integers(1, 86400 * 30)),
)  # fmt: skip
def test_due_exactly_from_the_next_renewal_on(
    life: int, at: float, share: float, days: int | None, window: tuple[int, int] | None
) -> None:
    end = START + life * SECOND
    policy = Policy(share, days)
    suggested = Window(START + window[0] * DAY, START + window[0] * DAY + window[1] * SECOND) if window else None
    now = START + life * at * SECOND
    moment = next_renewal(START, end, policy, suggested, "key")
    assert (due(START, end, now, policy, suggested, "key") is not None) == (now >= moment or now > end)
    assert moment <= end
    if suggested is None:
        assert moment > START, "would order in every run"


@pytest.mark.parametrize(
    "options", [{"remaining_share": 0}, {"remaining_share": 1}, {"remaining_share": -1}, {"remaining_days": 0}]
)
def test_policies_that_cannot_be_meant(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Policy(**options)
