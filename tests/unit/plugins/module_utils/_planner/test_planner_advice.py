# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says: why something expires, and which change of the policy prevents it, each proven by a simulation of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._planner import show
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.advice import Setting, advise
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.model import (
    DAY,
    Certificate,
    Issuer,
    Outage,
    Scenario,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.outcome import Outcome
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.simulate import simulate
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import policy
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.limits import Limits
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy

START = datetime(2029, 4, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def setting(
    count: int,
    rule: dict[str, Any],
    limits: Limits = Limits(),  # noqa: B008
    apart: float = 1.0,
    outages: tuple[tuple[int, float], ...] = (),
    **scenario: Any,
) -> Setting:
    """Certificates of 47 days, the newest issued now, the others each so many days earlier."""
    own = policy.build(policy.check(rule))
    certificates = [
        Certificate(f"c{number}.example", "a", own, (f"h{number}",), *(START + shift for shift in (-number * apart * DAY, (47 - number * apart) * DAY)))
        for number in range(count)
    ]  # fmt: skip
    spans = tuple(Outage("a", START + start * DAY, START + (start + days) * DAY) for start, days in outages)
    return Setting(
        Scenario(START, START + 200 * DAY, **{"interval": DAY, **scenario}, outages=spans),
        {"a": Issuer("a", public=False, life=47 * DAY, limits=limits)},
        certificates,
    )


def run(at: Setting) -> Outcome:
    return simulate(at.scenario, at.issuers, at.certificates)


def advice(at: Setting) -> dict[str, tuple[int, str]]:
    return {each.kind: (each.level, each.words) for each in advise(at, run(at))}


def with_policy(at: Setting, rule: Policy) -> Setting:
    return at.with_policies(lambda _old: rule)


def test_nothing_is_advised_when_nothing_expires() -> None:
    assert advice(setting(20, {})) == {}


def test_an_outage_that_is_too_long() -> None:
    """Certificates are due 5 days before their end, and nothing is issued for 9 days."""
    at = setting(30, {"remaining_days": 5}, outages=((20, 9),))
    outcome = run(at)
    first = outcome.first_expired
    assert first is not None
    assert first.expired_at < START + 29 * DAY
    assert "a issued nothing from 2029-04-2" in show.why(at, first)
    found = advice(at)
    level, words = found["earlier"]
    assert words == f"renew earlier: remaining_days {5 + level} instead of 5"
    assert not run(with_policy(at, Policy(remaining_days=5 + level))).expired
    assert run(with_policy(at, Policy(remaining_days=5 + level - 1))).expired
    assert not {"limit", "freezes", "hard_stop"} & set(found), "there is nothing of the kind"


def test_a_freeze_that_outlasts_them() -> None:
    """No hard stop overrides it in time, for an outage follows."""
    rule = {"remaining_days": 12, "hard_stop_days": 1, "freezes": [{"cron": "0 0 20 4 *", "duration": "11d"}]}
    at = setting(40, rule, outages=((28, 4),))
    assert run(at).expired
    found = advice(at)
    own = at.certificates[0].policy

    level, words = found["freezes"]
    assert words.startswith(f"freezes that are {show_hours(level)} shorter: ")
    shorter = replace(own.freezes[0], duration=own.freezes[0].duration - level * HOUR)
    assert not run(with_policy(at, replace(own, freezes=(shorter,)))).expired
    longer = replace(shorter, duration=shorter.duration + HOUR)
    assert run(with_policy(at, replace(own, freezes=(longer,)))).expired

    level, words = found["hard_stop"]
    assert words == f"an earlier hard stop: hard_stop_days {1 + level} instead of 1"
    assert not run(with_policy(at, replace(own, hard_stop_days=1 + level))).expired
    assert run(with_policy(at, replace(own, hard_stop_days=level))).expired


def show_hours(hours: int) -> str:
    days, left = divmod(hours, 24)
    return (f"{days}d" if days else "") + (f"{left}h" if left else "")


def test_a_limit_of_the_ca_that_is_too_low() -> None:
    """Forty certificates come to their end on the same day."""
    at = setting(40, {}, Limits(ca=8), apart=0)
    first = run(at).first_expired
    assert first is not None
    assert "waited for its turn within the weekly limit of a" in show.why(at, first)
    level, words = advice(at)["limit"]
    assert words == f"a higher limit at a: ca_weekly_limit {8 + level} instead of 8"
    for more, expired in ((level, False), (level - 1, True)):
        issuers = {"a": replace(at.issuers["a"], limits=Limits(ca=8 + more))}
        assert bool(run(replace(at, issuers=issuers)).expired) == expired


def test_the_users_limit_lets_nothing_expire() -> None:
    outcome = run(setting(60, {}, Limits(own=2), apart=0))
    assert outcome.exceeding > 0
    assert not outcome.expired


def test_runs_that_are_too_rare() -> None:
    at = setting(30, {"remaining_days": 6}, interval=14 * DAY)
    level, words = advice(at)["interval"]
    assert words.startswith("run every ")
    assert words.endswith(" instead of every 14d")


def test_a_host_that_is_down() -> None:
    at = setting(60, {"remaining_days": 1}, down_share=0.4)
    first = run(at).first_expired
    assert first is not None
    assert f"{first.host} was down from " in show.why(at, first)


def test_a_plan_as_data_and_text() -> None:
    at = setting(30, {"remaining_days": 5, "freezes": [{"cron": "0 18 * * 5", "duration": "62h"}]}, outages=((20, 9),))
    outcome = run(at)
    plan = show.data(at, outcome, advise(at, outcome))
    assert plan["orders"] == sum(week["orders"] for week in plan["weeks"]) == outcome.orders
    assert plan["expired_count"] == len(outcome.expired) > 0
    assert plan["first_expired"] == plan["expired"][0]
    assert plan["tightest"]["days_left"] == min(each["days_left"] for each in plan["expired"])
    assert plan["expired_days"] == pytest.approx(-sum(each["days_left"] for each in plan["expired"]), abs=0.1)
    assert [len(each["windows"]) for each in plan["freezes"]] == [28 + 1]
    text = show.lines(plan)
    assert "times a certificate expires before it is replaced" in text[0]
    assert text[1].startswith("First to expire, on 2029-")
    assert any(line.startswith("This would prevent it: renew earlier: remaining_days") for line in text)
    assert max(map(len, text[5:])) < 120


def test_names_cannot_write_to_the_terminal() -> None:
    at = setting(1, {"remaining_days": 5}, outages=((20, 60),))
    odd = replace(at.certificates[0], name="evil\x1b[2J\nname", hosts=("host\x1b]0;x\x07",))
    at = replace(at, certificates=[odd])
    text = "\n".join(show.lines(show.data(at, run(at), [])))
    assert not set(text) & set(map(chr, [*range(10), *range(11, 32)]))
    assert "evil" in text


def test_the_chart_has_a_row_for_each_week_or_the_busiest_of_several() -> None:
    weeks = show.lines(show.data(at := setting(10, {}), run(at), []))
    assert weeks[2] == "Orders per week, the most in 2 weeks"
    long = replace(at, scenario=replace(at.scenario, until=START + 3000 * DAY))
    assert len(show.lines(show.data(long, run(long), []))) <= 30
    short = replace(at, scenario=replace(at.scenario, until=START + 60 * DAY))
    assert show.lines(show.data(short, run(short), []))[2] == "Orders per week"
