# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner against a naive loop: every certificate in every run asks the real decision. And what it promises for 47 days."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.model import (
    CONTROLLER,
    Certificate,
    Issuer,
    Outage,
    Scenario,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.outcome import Outcome
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.simulate import simulate
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal import policy
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.decision import Facts, decide
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.limits import Due, Limits, choose
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2029, 4, 2, 6, tzinfo=UTC)
WEEKEND = {"cron": "0 18 * * 5", "duration": "62h", "zone": "Europe/Prague"}
YEAR_END = {"cron": "0 0 20 12 *", "duration": "16d", "zone": "Europe/Prague"}

Events = list[tuple[datetime, str, Any]]  # when, what happened, the name or nothing


def naive(scenario: Scenario, issuers: dict[str, Issuer], certificates: Sequence[Certificate]) -> tuple[Events, float]:
    """Run by run, certificate by certificate, host by host: all events, and the days that something expired was served."""
    events: Events = []
    facts = {
        each.name: Facts(each.name, each.not_before, each.not_after, each.window)
        for each in certificates
        if each.not_after
    }
    # what has expired before is not served, and missing
    newest = {
        each.name: each.not_after if each.not_after and each.not_after >= scenario.start else None
        for each in certificates
    }
    served = {(each.name, host): newest[each.name] for each in certificates for host in each.hosts}
    issued: dict[str, list[datetime]] = {name: [] for name in issuers}
    for each in certificates:
        issued[each.issuer] += [each.not_before] if each.not_before else []
    expired = 0.0
    now = scenario.start
    while now <= scenario.until:
        for name, issuer in issuers.items():
            if any(out.issuer == name and out.start <= now < out.end for out in scenario.outages):
                continue
            mine = [each for each in certificates if each.issuer == name]
            going = [each.name for each in mine if each.name not in facts]
            decisions = [
                Due(each.name, decide(facts[each.name], each.policy, now)) for each in mine if each.name in facts
            ]
            due = [each for each in decisions if each.decision.due]
            going += [each.name for each in choose(due, issuer.limits, issued[name], now, begun=len(going)).go]
            for each_name in going:
                end = now + issuer.life_at(now)
                facts[each_name], newest[each_name] = Facts(each_name, now, end), end
                issued[name].append(now)
                events.append((now, each_name, None))
        for (each_name, host), end in served.items():
            if end != newest[each_name] and scenario.up(host, now):
                if end is not None and end < now:
                    expired += (now - end) / DAY
                served[each_name, host] = newest[each_name]
                events.append((now, each_name, host))
        now += scenario.interval
    expired += sum((scenario.until - end) / DAY for end in served.values() if end is not None and end < scenario.until)
    return sorted(events, key=str), expired


def fleet(dice: random.Random, count: int, policies: Sequence[Policy], issuers: dict[str, Issuer]) -> list[Certificate]:
    found = []
    for number in range(count):
        issuer = dice.choice(list(issuers))
        begin = START - dice.random() * 30 * DAY
        end = begin + issuers[issuer].life_at(begin)
        hosts = tuple(sorted({f"host{dice.randrange(count)}" for _unused in range(dice.randrange(4))})) or (CONTROLLER,)
        new = dice.random() < 0.05
        times = {} if new else {"not_before": begin, "not_after": end}
        found.append(Certificate(f"c{number}.example", issuer, dice.choice(policies), hosts, **times))
    return found


def policies(dice: random.Random) -> list[Policy]:
    found = []
    for _unused in range(3):
        options: dict[str, Any] = dice.choice(
            [{}, {"remaining_days": 10}, {"remaining_share": 0.12, "hard_stop_share": 0.05}, {"splay": "3d"}]
        )
        freezes = dice.choice([[], [WEEKEND], [WEEKEND, YEAR_END], [{"cron": "0 0 1 * *", "duration": "20d"}]])
        found.append(policy.build(policy.check({**options, "freezes": freezes})))
    return found


@pytest.mark.parametrize("seed", range(24))
def test_the_same_as_run_by_run(seed: int) -> None:
    dice = random.Random(seed)
    issuers = {
        "a": Issuer("a", limits=Limits(own=dice.choice([None, 3, 8, 20]))),
        "b": Issuer("b", public=False, life=dice.choice([6, 47, 90]) * DAY, limits=Limits(ca=dice.choice([None, 4, 12]))),
    }  # fmt: skip
    outages = tuple(
        Outage(dice.choice("ab"), begin, begin + dice.randrange(1, 20) * DAY)
        for begin in (START + dice.randrange(300) * DAY for _unused in range(dice.randrange(4)))
    )
    interval = dice.choice([DAY, DAY, 12 * HOUR, 7 * DAY, 31 * HOUR])
    scenario = Scenario(
        START, START + 300 * DAY, interval, outages, dice.choice([0, 0.05, 0.4]), dice.choice([1, 5]), seed
    )
    certificates = fleet(dice, 40, policies(dice), issuers)
    outcome = simulate(scenario, issuers, certificates, log=True)
    events, expired = naive(scenario, issuers, certificates)
    assert sorted(outcome.log, key=str) == events
    assert outcome.orders == sum(host is None for _at, _name, host in events)
    assert outcome.orders == sum(week.total for week in outcome.weeks)
    assert outcome.expired_days == pytest.approx(expired)
    assert len(events) > 100


def year(
    lives: Issuer, seed: int, down_days: int, rule: Policy
) -> tuple[Scenario, dict[str, Issuer], list[Certificate]]:
    """1,000 certificates, 5 % of the hosts down at any time, two outages of five days, and frozen weekends."""
    dice = random.Random(seed)
    outages = tuple(Outage("a", START + day * DAY, START + (day + 5) * DAY) for day in (97, 261))
    issuers = {"a": lives}
    scenario = Scenario(START, START + 365 * DAY, DAY, outages, 0.05, down_days, seed)
    return scenario, issuers, fleet(dice, 1000, [rule], issuers)


@pytest.mark.parametrize("down_days", [1, 2])
@pytest.mark.parametrize("lives", [Issuer("a", public=False, life=47 * DAY), Issuer("a")], ids=["47 days", "46 days"])
def test_a_year_of_47_days(lives: Issuer, down_days: int) -> None:
    """The default policy, with nothing but the freezes set."""
    counted: list[Outcome] = []
    for seed in range(3):
        counted.append(simulate(*year(lives, seed, down_days, policy.build({"freezes": [WEEKEND]}))))
    tightest = min(each.tightest.left for each in counted if each.tightest)
    print(
        f"1,000 certificates, {lives.life or 'public'}, hosts down for {down_days} d: {sum(each.orders for each in counted)} orders "
        f"in 3 years, {sum(len(each.expired) for each in counted)} expired, least left {tightest / DAY:.1f} days"
    )
    assert all(each.expired_days == 0 and not each.expired for each in counted)
    assert all(each.orders > 9000 for each in counted)
    assert tightest > DAY


def test_that_year_run_by_run() -> None:
    scenario, issuers, certificates = year(
        Issuer("a", public=False, life=47 * DAY), 1, 1, policy.build({"freezes": [WEEKEND]})
    )
    few = certificates[:250]
    outcome = simulate(scenario, issuers, few, log=True)
    events, expired = naive(scenario, issuers, few)
    assert sorted(outcome.log, key=str) == events
    assert expired == outcome.expired_days == 0
    print(f"{len(events)} events of 250 certificates in a year are the same")


def test_lives_get_shorter_at_the_steps() -> None:
    issuer = Issuer("a")
    lives = [
        issuer.life_at(datetime(*day, tzinfo=UTC)).days
        for day in [(2027, 3, 14), (2027, 3, 15), (2029, 3, 14), (2029, 3, 15)]
    ]
    assert lives == [199, 99, 99, 46]
    assert Issuer("a", life=90 * DAY).life_at(START) == 47 * DAY
    assert Issuer("a", life=6 * DAY).life_at(START) == 6 * DAY
    assert Issuer("a", public=False, life=365 * DAY).life_at(START) == 365 * DAY


def test_as_many_hosts_are_down_as_asked_for() -> None:
    for days in (1, 4):
        scenario = Scenario(START, START + 300 * DAY, down_share=0.05, down_days=days, seed=3)
        looks = [not scenario.up(f"host{host}", START + day * DAY) for host in range(300) for day in range(300)]
        assert 0.045 < sum(looks) / len(looks) < 0.055
    assert not Scenario(START, START, down_share=0.999999).up("host", START)
    assert Scenario(START, START, down_share=0.999999).up(CONTROLLER, START)
