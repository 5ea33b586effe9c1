# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate is to be replaced because of its age, when, and why: the one decision of clients, reports and plans (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._core.clock import iso
from . import durations, freeze
from .policy import Policy

# A window that starts (nearly) after the end of the certificate must not let it expire.
_LAST_SHARE = 0.1
# A window that is over before this share of the life is: the CA wants it replaced early, and may revoke it (RFC 9773 section 1).
_EARLY_SHARE = 0.5
_NONE = timedelta(0)


@dataclass(frozen=True)
class Window:
    """When the ACME server suggests to renew (RFC 9773)."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Facts:
    """Of a certificate. ``name``: of its set, spreads renewals. ``window``: what its CA suggests, if it does."""

    name: str
    not_before: datetime
    not_after: datetime
    window: Window | None = None


def on_host(host: str, name: str) -> str:
    """The name in ``Facts`` of a certificate that a host renews by itself: hosts with the same one do not renew at once."""
    return "%s|%s" % (host, name)


@dataclass(frozen=True)
class Decision:
    """``due``: a replacement is wanted now. ``at``: from when on it is, freezes considered; past for one that is due.

    ``since``: from when on without freezes, for the reason ``rule``. ``stop``: the hard stop, from when on freezes do not count.
    ``frozen_until``: when a freeze that holds the renewal back, now or when its time comes, lets go of it. ``overridden``: the end of a
    freeze that does not count any more, or will not when the hard stop comes.
    """

    due: bool
    at: datetime
    since: datetime
    stop: datetime
    rule: str
    not_after: datetime
    now: datetime
    frozen_until: datetime | None = None
    overridden: datetime | None = None

    @property
    def reason(self) -> str:
        """In words, also for a certificate that is not due."""
        if self.frozen_until is None:
            return self._unfrozen() + (
                "; overrides the freeze until %s" % iso(self.overridden) if self.overridden else ""
            )
        if self.now < self.since:
            return "%s; frozen then %s" % (self._unfrozen(), self._freeze())
        return "frozen %s: %s (since %s)" % (self._freeze(), self.rule, iso(self.since))

    def _unfrozen(self) -> str:
        if self.now > self.not_after:
            return "expired on %s" % iso(self.not_after)
        return ("%s (since %s)" if self.due else "%s from %s on") % (self.rule, iso(self.since))

    def _freeze(self) -> str:
        text = "until %s" % iso(self.at)
        return text if self.overridden is None else text + ", the hard stop that overrides the freeze"


def decide(facts: Facts, policy: Policy, now: datetime) -> Decision:
    """The decision at ``now``. The same in every run: nothing is drawn by chance."""
    since, rule = _since(facts, policy)
    stop = _stop(facts, policy, since)
    if now > facts.not_after or not policy.freezes:
        over = _overridden(facts, policy, now) if policy.freezes else None
        return Decision(now >= since, since, since, stop, rule, facts.not_after, now, overridden=over)
    start = max(now, since)
    if start >= stop:
        over = _overridden(facts, policy, start)
        return Decision(now >= since, since, since, stop, rule, facts.not_after, now, overridden=over)
    end = freeze.frozen_until(policy.freezes, start, stop)
    if end is None:
        return Decision(now >= since, since, since, stop, rule, facts.not_after, now)
    at, over = (end, None) if end <= stop else (stop, end)
    return Decision(False, at, since, stop, rule, facts.not_after, now, frozen_until=at, overridden=over)


def without_freezes(policy: Policy) -> Policy:
    """For a replacement that has begun: a request under way may be paid for, and is brought to its end."""
    return Policy(policy.remaining_share, policy.remaining_days, policy.splay) if policy.freezes else policy


def _overridden(facts: Facts, policy: Policy, at: datetime) -> datetime | None:
    """The end of the freeze at a moment at which it does not count; not looked for beyond what the certificate lasts."""
    return freeze.frozen_until(policy.freezes, at, max(facts.not_after, at + timedelta(days=1)))


def _since(facts: Facts, policy: Policy) -> tuple[datetime, str]:
    life = max(facts.not_after - facts.not_before, _NONE)
    if facts.window is not None:
        latest = facts.not_after - life * _LAST_SHARE
        picked = _pick(facts.window, facts.name)
        if picked <= latest:
            return picked, "the CA suggests it"
        return latest, "less than a tenth of its life is left"
    moment = facts.not_after - policy.left(life)
    if policy.by_days(life):
        rule = "less than %s days are left" % policy.remaining_days
    else:
        rule = "less than %.0f %% of its life is left" % (policy.remaining_share * 100)
    if not policy.splay:
        return moment, rule
    # Half of the time before stays free, or a long splay would renew what has just been issued.
    splay = min(policy.splay, max(moment - facts.not_before, _NONE) / 2)
    early = splay * _fraction(facts.name)
    return moment - early, "%s, or up to %s earlier to spread the load" % (rule, durations.text(splay))


def _stop(facts: Facts, policy: Policy, since: datetime) -> datetime:
    life = max(facts.not_after - facts.not_before, _NONE)
    if facts.window is not None and facts.window.end < facts.not_before + life * _EARLY_SHARE:
        return since
    days = policy.hard_stop_days
    left = life * policy.hard_stop_share if days is None else min(timedelta(days=days), life)
    return max(since, facts.not_after - left)


def _pick(window: Window, key: str) -> datetime:
    """A moment in the window: RFC 9773 section 4.2 wants a uniformly random one.

    A digest is uniform over the certificates of a fleet, and the same in each run. New draws would favour early moments.
    """
    seed = "%s|%s|%s" % (key, iso(window.start), iso(window.end))
    return window.start + (window.end - window.start) * _fraction(seed)


def _fraction(seed: str) -> float:
    """From 0 up to 1, always the same for one seed."""
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
