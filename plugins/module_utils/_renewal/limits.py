# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many certificates an issuer may replace in a week, and which of them come first (pure).

A week is the last seven days, as CAs count. Two limits: the user's own, which no certificate expires for, and the CA's, which nothing
overrides: the CA would refuse. Certificates that are new or changed are not held back, but they count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from .._core.clock import iso
from .decision import Decision

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Limits:
    own: int | None = None
    ca: int | None = None

    def __bool__(self) -> bool:
        return self.own is not None or self.ca is not None


class Due(NamedTuple):
    name: str
    decision: Decision

    @property
    def urgency(self) -> tuple[datetime, str]:
        return self.decision.not_after, self.name


@dataclass(frozen=True)
class Choice:
    """``go``: to be replaced now, the most urgent ones first. ``exceeding``: those of them beyond the user's own limit.

    ``deferred``: to wait; the limits of ``taken``, all that counts in the week with those that go, say how long.
    """

    limits: Limits
    now: datetime
    go: tuple[Due, ...]
    exceeding: tuple[Due, ...] = ()
    deferred: tuple[Due, ...] = ()
    taken: tuple[datetime, ...] = ()

    def warnings(self) -> list[str]:
        return [
            "%s: the limit of %s per week is exceeded, for it expires on %s"
            % (due.name, self.limits.own, iso(due.decision.not_after))
            for due in self.exceeding
        ]

    def words(self) -> dict[str, str]:
        """Why each of the deferred waits, and when its turn comes, as far as that can be said."""
        return {due.name: self._deferred(due, place) for place, due in enumerate(self.deferred)}

    def _deferred(self, due: Due, place: int) -> str:
        of_ca = self.limits.ca is not None and len(self.taken) >= self.limits.ca
        limit = (self.limits.ca if of_ca else self.limits.own) or 0
        free = len(self.taken) - limit + place
        turn = "its turn is on %s" % iso(self.taken[free] + WEEK) if free < len(self.taken) else "its turn is later"
        whose = "the CA's limit" if of_ca else "the limit"
        return "deferred: %s of %d per week is reached, and %s (%s)" % (whose, limit, turn, due.decision.reason)


def from_params(params: Mapping[str, Any]) -> Limits:
    return Limits(params.get("weekly_limit"), params.get("ca_weekly_limit"))


def choose(due: Iterable[Due], limits: Limits, issued: Sequence[datetime], now: datetime, begun: int = 0) -> Choice:
    """Picks from certificates that are due. ``issued``: when the issuer's certificates were issued; what is older than a week does not
    count. ``begun``: how many requests are under way, which count like issued ones."""
    waiting = sorted(due, key=lambda each: each.urgency)
    if not limits:
        return Choice(limits, now, tuple(waiting))
    taken = sorted([moment for moment in issued if moment > now - WEEK]) + [now] * begun
    go: list[Due] = []
    exceeding: list[Due] = []
    deferred: list[Due] = []
    for each in waiting:
        used = len(taken) + len(go)
        if limits.ca is not None and used >= limits.ca:
            deferred.append(each)
        elif limits.own is None or used < limits.own:
            go.append(each)
        elif now >= each.decision.stop:
            go.append(each)
            exceeding.append(each)
        else:
            deferred.append(each)
    return Choice(limits, now, tuple(go), tuple(exceeding), tuple(deferred), tuple(taken + [now] * len(go)))
