# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulation found: plain facts, without words (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

FREEZE, OUTAGE, LIMIT, HOST = "freeze", "outage", "limit", "host"
NEVER = timedelta(days=100000)


class Cause(NamedTuple):
    """What held a certificate up: from when until when it is known to have done so."""

    kind: str
    start: datetime
    end: datetime


class Moment(NamedTuple):
    """A certificate on a host just before it is replaced there, or at the end: ``left`` is what it would have lasted.

    ``since``: from when on its replacement was due; ``issued``: when that was there.
    """

    left: timedelta
    at: datetime
    name: str
    host: str
    since: datetime | None
    issued: datetime | None
    causes: tuple[Cause, ...]
    replaced: bool

    @property
    def expired_at(self) -> datetime:
        return self.at + self.left


@dataclass
class Week:
    """``start``: its Monday. ``waiting``: the most that limits and outages held up at once. ``behind``: the same for hosts."""

    start: date
    orders: dict[str, int] = field(default_factory=dict)
    least: timedelta = NEVER
    waiting: int = 0
    behind: int = 0

    @property
    def total(self) -> int:
        return sum(self.orders.values())


@dataclass
class Outcome:
    """``expired``: what was served after its end; not what had ended before the start, which no policy can prevent.

    ``missing``: how many had no live version at the start, ``expired_before``: how many had an expired one; ``never_issued``: how many of
    them nothing was issued for until the end. ``log``: every event, for those who ask for it: (when, name, host or ``None``).
    """

    weeks: list[Week] = field(default_factory=list)
    runs: int = 0
    orders: int = 0
    exceeding: int = 0
    tightest: Moment | None = None
    expired: list[Moment] = field(default_factory=list)
    missing: int = 0
    expired_before: int = 0
    never_issued: int = 0
    log: list[tuple[datetime, str, str | None]] = field(default_factory=list)

    @property
    def first_expired(self) -> Moment | None:
        return min(self.expired, key=lambda each: (each.expired_at, each.name, each.host), default=None)

    @property
    def expired_days(self) -> float:
        return sum(-each.left / timedelta(days=1) for each in self.expired)
