# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is due, and that the next renewal is the moment it becomes due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import spec
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import durations, freeze, policy
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.decision import (
    Decision,
    Facts,
    Window,
    decide,
    without_freezes,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.freeze import Freeze
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy
from hypothesis import given, settings
from hypothesis import strategies as st

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
HOUR = timedelta(hours=1)


def due(
    start: datetime, end: datetime, now: datetime, policy: Policy, window: Window | None = None, key: str = ""
) -> str | None:
    decision = decide(Facts(key, start, end, window), policy, now)
    return decision.reason if decision.due else None


def next_renewal(
    start: datetime, end: datetime, policy: Policy, window: Window | None = None, key: str = ""
) -> datetime:
    return decide(Facts(key, start, end, window), policy, start).at


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
        (45, Policy(remaining_days=30), 15),
        (44, Policy(remaining_days=30), 44 * 2 / 3),
        (47, Policy(remaining_days=45), 47 * 2 / 3),  # 365 orders in a year otherwise
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


# --- splay ------------------------------------------------------------------------------------------------------------


def test_splay_is_stable_early_and_spread() -> None:
    end, rule = START + 90 * DAY, Policy(splay=10 * DAY)
    moments = [next_renewal(START, end, rule, None, f"name {number}") for number in range(1000)]
    assert moments == [next_renewal(START, end, rule, None, f"name {number}") for number in range(1000)]
    plain = next_renewal(START, end, Policy())
    assert all(plain - 10 * DAY < moment <= plain for moment in moments)
    tenths = [sum((plain - moment) // DAY == day for moment in moments) for day in range(10)]
    assert min(tenths) > 60
    assert max(tenths) < 140
    shifted = next_renewal(START + DAY, end + DAY, rule, None, "name 1")
    assert shifted - DAY == moments[1], "the next certificate of a name has the same place"


def test_a_long_splay_renews_nothing_that_is_fresh() -> None:
    end = START + 6 * DAY
    moments = [next_renewal(START, end, Policy(splay=60 * DAY), None, str(number)) for number in range(200)]
    assert min(moments) >= START + 2 * DAY
    assert max(moments) <= START + 4 * DAY


# --- freezes ----------------------------------------------------------------------------------------------------------

# 90 days from 2026-01-01: due on 2026-03-02, a Monday; the hard stop is 13.5 days before 2026-04-01.
END = START + 90 * DAY
DUE = datetime(2026, 3, 2, tzinfo=UTC)
STOP = END - 13.5 * DAY


def frozen(*spans: tuple[str, str], **more: Any) -> Policy:
    return Policy(freezes=tuple(Freeze(cron, durations.parse(length)) for cron, length in spans), **more)


@pytest.mark.parametrize(
    ("rule", "now", "expected"),
    [
        (frozen(("0 0 2 3 *", "3d")), START, (False, DUE + 3 * DAY, "from 2026-03-02T00:00:00Z on; frozen then until 2026-03-05")),
        (frozen(("0 0 2 3 *", "3d")), DUE, (False, DUE + 3 * DAY, "frozen until 2026-03-05T00:00:00Z: less than 33 %")),
        (frozen(("0 0 2 3 *", "3d")), DUE + 3 * DAY, (True, DUE, "less than 33 % of its life is left (since 2026-03-02")),
        (frozen(("0 0 3 3 *", "3d")), DUE, (True, DUE, "less than 33 %")),
        (frozen(("0 0 3 3 *", "3d")), DUE + DAY, (False, DUE + 4 * DAY, "frozen until 2026-03-06")),
        # two freezes that touch are one; one that overlaps makes it longer
        (frozen(("0 0 2 3 *", "3d"), ("0 0 5 3 *", "1d")), DUE, (False, DUE + 4 * DAY, "frozen until 2026-03-06")),
        # beyond the hard stop it does not count
        (frozen(("0 0 2 3 *", "5w")), DUE, (False, STOP, "frozen until 2026-03-18T12:00:00Z, the hard stop that overrides")),
        (frozen(("0 0 2 3 *", "5w")), STOP - SECOND, (False, STOP, "frozen until 2026-03-18T12:00:00Z, the hard stop")),
        (frozen(("0 0 2 3 *", "5w")), STOP, (True, DUE, "(since 2026-03-02T00:00:00Z); overrides the freeze until 2026-04-06")),
        (frozen(("0 0 2 3 *", "5w")), END + SECOND, (True, DUE, "expired on 2026-04-01T00:00:00Z; overrides the freeze until")),
        (frozen(("0 0 2 3 *", "2w")), END + SECOND, (True, DUE, "expired on 2026-04-01T00:00:00Z")),
        (frozen(("0 0 2 3 *", "5w"), hard_stop_days=20), DUE, (False, END - 20 * DAY, "frozen until 2026-03-12T00:00:00Z, the")),
        (frozen(("0 0 2 3 *", "5w"), hard_stop_share=0.3), DUE, (False, END - 27 * DAY, "frozen until 2026-03-05")),
        # a hard stop before the renewal is due leaves nothing to a freeze
        (frozen(("0 0 2 3 *", "5w"), hard_stop_days=60), DUE, (True, DUE, "overrides the freeze until 2026-04-06")),
        (frozen(("0 0 2 3 *", "5w"), hard_stop_days=60), DUE - DAY, (False, DUE, "from 2026-03-02T00:00:00Z on")),
    ],
)  # fmt: skip
def test_freezes(rule: Policy, now: datetime, expected: tuple[bool, datetime, str]) -> None:
    decision = decide(Facts("x", START, END), rule, now)
    assert (decision.due, decision.at) == expected[:2]
    assert expected[2] in decision.reason
    assert ("overrides" in decision.reason) == (decision.overridden is not None)


def test_an_early_window_of_the_ca_is_not_held_up() -> None:
    """It is how a CA says that it may revoke: waiting for the end of a freeze would serve a revoked certificate."""
    rule = frozen(("0 0 * * *", "1d"))
    early = Window(START + 10 * DAY, START + 11 * DAY)
    usual = Window(START + 58 * DAY, START + 60 * DAY)
    assert decide(Facts("x", START, END, early), rule, START + 12 * DAY).due
    assert "overrides the freeze" in decide(Facts("x", START, END, early), rule, START + 12 * DAY).reason
    assert not decide(Facts("x", START, END, usual), rule, START + 62 * DAY).due


def test_what_has_begun_is_not_held_up() -> None:
    rule = frozen(("0 0 2 3 *", "5w"), remaining_days=30, splay=DAY)
    assert not decide(Facts("x", START, END), rule, DUE + HOUR).due
    begun = decide(Facts("x", START, END), without_freezes(rule), DUE + HOUR)
    assert begun.due
    assert begun.since == decide(Facts("x", START, END), rule, DUE).since


@settings(max_examples=150, deadline=None)
@given(
    life=st.integers(2, 400), at=st.floats(0, 1.2), share=st.floats(0.05, 0.9), stop=st.floats(0.02, 0.5),
    spans=st.lists(st.tuples(st.sampled_from(["0 18 * * 5", "0 0 1 * *", "30 2 * * *"]), st.integers(1, 900)), max_size=3),
    name=st.text(max_size=5), splay=st.integers(0, 300),
)  # fmt: skip
def test_due_from_the_moment_it_says(
    life: int, at: float, share: float, stop: float, spans: list[tuple[str, int]], name: str, splay: int
) -> None:
    """Not a second earlier, and surely then; never after the hard stop, and with freezes never earlier than without."""
    rule = Policy(
        share, None, splay * HOUR, tuple(Freeze(cron, hours * HOUR) for cron, hours in spans), hard_stop_share=stop
    )
    facts = Facts(name, START, START + life * DAY)
    now = START + life * at * DAY
    decision = decide(facts, rule, now)
    assert decision.since <= decision.stop <= facts.not_after
    if decision.due:
        assert now >= decision.since
        assert now >= decision.stop or freeze.frozen_until(rule.freezes, now, now + SECOND) is None
    else:
        assert max(now, decision.since) <= decision.at <= decision.stop
        assert decide(facts, rule, decision.at).due
        for part in (0.0, 0.3, 0.7, 0.999):
            between = now + (decision.at - now) * part
            assert between == decision.at or not decide(facts, rule, between).due
    assert isinstance(decision, Decision)
    assert decide(facts, without_freezes(rule), now).due >= decision.due


@pytest.mark.parametrize("rule", [{"remaining_days": 30}, {"remaining_days": 1}, {"hard_stop_days": 200}, {}])
@pytest.mark.parametrize("years", [0, 7900])
def test_certificates_that_are_to_last_for_ever(rule: dict[str, Any], years: int) -> None:
    """RFC 5280 section 4.1.2.5: 99991231235959Z. No freeze is looked for after the end of time."""
    facts = Facts("a", START, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    winters = (Freeze("0 0 1 12 *", 60 * DAY, "Pacific/Kiritimati"),)
    at, now = Policy(**rule, freezes=winters), START + years * 365 * DAY
    decision = decide(facts, at, now)
    assert " is left " in decision.reason or " are left " in decision.reason
    assert decide(facts, at, max(now, decision.at)).due


def test_one_that_ends_before_it_begins_is_due() -> None:
    facts = Facts("b", START, START - 300 * DAY)
    decision = decide(facts, Policy(splay=91 * DAY), START - 299 * DAY)
    assert decision.due
    assert decision.since == facts.not_after


def test_the_default_of_modules_is_the_default_of_plans_and_reports() -> None:
    """Nothing is said in the inventory: modules have their option's default, the others have nothing."""
    share = spec.CERTIFICATES["remaining_share"]["default"]
    assert policy.from_params({"remaining_share": share}) == policy.build({}) == Policy()
    assert policy.build({"remaining_share": share}, {"splay": "0m"}) == Policy()
    assert policy.build({"remaining_share": 0.333}).remaining_share == 0.333


@pytest.mark.parametrize(
    "options",
    [
        {"remaining_share": 0},
        {"remaining_share": 1},
        {"remaining_share": -1},
        {"remaining_days": 0},
        {"hard_stop_share": 1},
        {"hard_stop_days": 0},
    ],
)
def test_policies_that_cannot_be_meant(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Policy(**options)
