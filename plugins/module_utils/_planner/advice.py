# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which change of the policy would have kept everything valid, found by trying (pure).

Each kind of change has levels, from a little to a lot. The smallest level that helps is looked for among the certificates that expire, and
proven with all of them: what a change does to one certificate may depend on the others, by way of the limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Callable, Iterator, Mapping, Sequence

from .._renewal import durations
from .._renewal.limits import Limits
from .._renewal.policy import Policy
from .model import Certificate, Issuer, Scenario
from .outcome import FREEZE, LIMIT, Outcome
from .simulate import simulate

HOUR = timedelta(hours=1)
_MOST_SHARE = 0.9
_TRIED = 300  # of many that expire, those that are expired the longest
_BUDGET = 40000  # simulated certificates for each kind of change, after which nothing more is tried
_SURE = 4  # how many levels more are tried when the fleet needs more than those that expired
_INTERVALS = tuple(hours * HOUR for hours in (168, 84, 48, 24, 12, 6, 3, 1))


@dataclass(frozen=True)
class Setting:
    scenario: Scenario
    issuers: Mapping[str, Issuer]
    certificates: Sequence[Certificate]

    def fails(self) -> Outcome | None:
        """What happens first, if something expires."""
        outcome = simulate(self.scenario, self.issuers, self.certificates, stop=True)
        return outcome if outcome.expired else None

    def only(self, names: set[str]) -> Setting:
        """With these certificates, and those that share a limit with one of them."""
        limited = {each.issuer for each in self.certificates if each.name in names and self.issuers[each.issuer].limits}
        kept = [each for each in self.certificates if each.name in names or each.issuer in limited]
        return replace(self, certificates=kept)

    def with_policies(self, change: Callable[[Policy], Policy]) -> Setting:
        known: dict[Policy, Policy] = {}
        for each in self.certificates:
            if each.policy not in known:
                known[each.policy] = change(each.policy)
        return replace(self, certificates=[replace(each, policy=known[each.policy]) for each in self.certificates])


@dataclass(frozen=True)
class Kind:
    """``cause``: what it lessens. ``apply``: the setting at a level, ``words``: what that changes, of the certificate that expires first."""

    name: str
    cause: str | None
    highest: int
    apply: Callable[[Setting, int], Setting]
    words: Callable[[int], str]


@dataclass(frozen=True)
class Advice:
    kind: str
    level: int
    words: str


def advise(setting: Setting, outcome: Outcome) -> list[Advice]:
    """The changes that help, each alone; none if nothing expires, or nothing of this kind helps."""
    first = outcome.first_expired
    if first is None:
        return []
    worst = sorted(outcome.expired, key=lambda each: each.left)[:_TRIED]
    search = _Search(setting, {each.name for each in worst} | {first.name})
    certificate = next(each for each in setting.certificates if each.name == first.name)
    found = []
    blamed = {cause.kind for cause in first.causes}
    # first what is to blame: it may be that not all can be tried
    for kind in sorted(_kinds(setting, certificate), key=lambda each: each.cause not in blamed):
        level = search.smallest(kind, likely=kind.cause in blamed)
        if level is not None:
            found.append(Advice(kind.name, level, kind.words(level)))
    return found


class _Search:
    def __init__(self, setting: Setting, names: set[str]) -> None:
        self._setting = setting
        self._names = names
        self._left = _BUDGET

    def smallest(self, kind: Kind, likely: bool) -> int | None:
        """``likely``: it is worth while to begin with a little; else the most is tried first, which as a rule ends it."""
        self._left = _BUDGET
        if not likely and self._fails(kind, kind.highest):
            return None
        failing, level = 0, 1
        while self._fails(kind, level):
            if level >= kind.highest or self._left <= 0:
                return None
            failing, level = level, min(level * 2, kind.highest)
        while level - failing > 1:
            middle = (failing + level) // 2
            if self._fails(kind, middle):
                failing = middle
            else:
                level = middle
        return next(
            (each for each in range(level, min(level + _SURE, kind.highest + 1)) if self._holds(kind, each)), None
        )

    def _fails(self, kind: Kind, level: int) -> bool:
        small = self._setting.only(self._names)
        if self._left <= 0:
            return True
        self._left -= len(small.certificates)
        return kind.apply(small, level).fails() is not None

    def _holds(self, kind: Kind, level: int) -> bool:
        """For the whole fleet; what is found then to expire is among the tried ones of the next kinds."""
        outcome = kind.apply(self._setting, level).fails()
        if outcome is None:
            return True
        self._names |= {each.name for each in outcome.expired}
        return False


def _kinds(setting: Setting, first: Certificate) -> Iterator[Kind]:
    policy, limits = first.policy, setting.issuers[first.issuer].limits
    yield Kind(
        "earlier",
        None,
        60,
        lambda at, level: at.with_policies(lambda each: _earlier(each, level)),
        _say_earlier(policy),
    )
    if any(each.policy.freezes for each in setting.certificates):
        longest = max(freeze.duration for each in setting.certificates for freeze in each.policy.freezes)
        yield Kind(
            "freezes",
            FREEZE,
            max(1, int(longest / HOUR)),
            lambda at, level: at.with_policies(lambda each: _shorter(each, level)),
            _say_shorter(policy),
        )
    if limits:
        yield Kind(
            "limit",
            LIMIT,
            len(setting.certificates) // _part(limits) + 1,
            lambda at, level: _more(at, first.issuer, level),
            _say_more(first.issuer, limits),
        )
    if policy.freezes or limits.own is not None:
        yield Kind(
            "hard_stop",
            FREEZE,
            60,
            lambda at, level: at.with_policies(lambda each: _stop(each, level)),
            _say_stop(policy),
        )
    shorter = [each for each in _INTERVALS if each < setting.scenario.interval]
    if shorter:
        yield Kind(
            "interval",
            None,
            len(shorter),
            lambda at, level: replace(at, scenario=replace(at.scenario, interval=shorter[level - 1])),
            lambda level: (
                "run every %s instead of every %s"
                % (durations.text(shorter[level - 1]), durations.text(setting.scenario.interval))
            ),
        )


def _earlier(policy: Policy, level: int) -> Policy:
    if policy.remaining_days is not None:
        return replace(policy, remaining_days=policy.remaining_days + level)
    return replace(
        policy, remaining_share=max(policy.remaining_share, min(_MOST_SHARE, policy.remaining_share + level / 100))
    )


def _say_earlier(policy: Policy) -> Callable[[int], str]:
    def words(level: int) -> str:
        new = _earlier(policy, level)
        if new.remaining_days is not None:
            return "renew earlier: remaining_days %s instead of %s" % (new.remaining_days, policy.remaining_days)
        return "renew earlier: remaining_share %.2f instead of %.2f" % (new.remaining_share, policy.remaining_share)

    return words


def _stop(policy: Policy, level: int) -> Policy:
    if policy.hard_stop_days is not None:
        return replace(policy, hard_stop_days=policy.hard_stop_days + level)
    return replace(
        policy, hard_stop_share=max(policy.hard_stop_share, min(_MOST_SHARE, policy.hard_stop_share + level / 100))
    )


def _say_stop(policy: Policy) -> Callable[[int], str]:
    def words(level: int) -> str:
        new = _stop(policy, level)
        if new.hard_stop_days is not None:
            return "an earlier hard stop: hard_stop_days %s instead of %s" % (new.hard_stop_days, policy.hard_stop_days)
        return "an earlier hard stop: hard_stop_share %.2f instead of %.2f" % (
            new.hard_stop_share,
            policy.hard_stop_share,
        )

    return words


def _shorter(policy: Policy, level: int) -> Policy:
    kept = (
        replace(each, duration=each.duration - level * HOUR) for each in policy.freezes if each.duration > level * HOUR
    )
    return replace(policy, freezes=tuple(kept))


def _say_shorter(policy: Policy) -> Callable[[int], str]:
    def words(level: int) -> str:
        parts = [
            "%s instead of %s"
            % (durations.text(max(each.duration - level * HOUR, timedelta(0))), durations.text(each.duration))
            for each in policy.freezes
        ]
        return "freezes that are %s shorter%s" % (
            durations.text(level * HOUR),
            ": " + ", ".join(parts) if parts else "",
        )

    return words


def _part(limits: Limits) -> int:
    """What a level adds to a limit: one, or a fiftieth of a high one."""
    return max(1, min(each for each in (limits.own, limits.ca) if each is not None) // 50)


def _more(setting: Setting, issuer: str, level: int) -> Setting:
    limits = setting.issuers[issuer].limits
    more = level * _part(limits)
    own = None if limits.own is None else limits.own + more
    ca = None if limits.ca is None else limits.ca + more
    issuers = {**setting.issuers, issuer: replace(setting.issuers[issuer], limits=Limits(own, ca))}
    return replace(setting, issuers=issuers)


def _say_more(issuer: str, limits: Limits) -> Callable[[int], str]:
    def words(level: int) -> str:
        names = (("weekly_limit", limits.own), ("ca_weekly_limit", limits.ca))
        more = level * _part(limits)
        parts = ["%s %d instead of %d" % (name, value + more, value) for name, value in names if value is not None]
        return "a higher limit at %s: %s" % (issuer, ", ".join(parts))

    return words
