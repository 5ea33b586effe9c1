# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet and a future for it: what a plan is made of (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._renewal import lifetimes
from .._renewal.decision import Window
from .._renewal.limits import Limits
from .._renewal.policy import Policy

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
CONTROLLER = ""  # the host of certificates that have none: they are served as soon as they are issued


@dataclass(frozen=True)
class Certificate:
    """``not_before`` and ``not_after``: of the live version, ``None`` for one that is still to be issued."""

    name: str
    issuer: str
    policy: Policy
    hosts: tuple[str, ...] = (CONTROLLER,)
    not_before: datetime | None = None
    not_after: datetime | None = None
    window: Window | None = None


@dataclass(frozen=True)
class Issuer:
    """``public``: it keeps to the lives that public CAs may issue for. ``life``: what it issues for at most, if that is known."""

    name: str
    public: bool = True
    life: timedelta | None = None
    limits: Limits = Limits()

    def life_at(self, moment: datetime) -> timedelta:
        """How long a certificate lives that is issued now. A private CA that does not say is taken for a public one."""
        if self.life is None:
            return lifetimes.longest(moment)
        return min(self.life, lifetimes.most(moment)) if self.public else self.life


@dataclass(frozen=True)
class Outage:
    """The issuer issues nothing from ``start`` up to, and without, ``end``."""

    issuer: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Scenario:
    """Runs from ``start`` to ``until``, every ``interval``. ``down_share`` of the hosts are down at any time, each for ``down_days``."""

    start: datetime
    until: datetime
    interval: timedelta = DAY
    outages: tuple[Outage, ...] = ()
    down_share: float = 0.0
    down_days: int = 1
    seed: int = 1

    def outage(self, issuer: str, now: datetime) -> Outage | None:
        return next((each for each in self.outages if each.issuer == issuer and each.start <= now < each.end), None)

    def up(self, host: str, now: datetime) -> bool:
        """Whether a host can be reached. By a digest of its name and the time: the same in each simulation, whatever else is changed."""
        if self.down_share <= 0 or host == CONTROLLER:
            return True
        day = (now - self.start) // DAY
        spell = (day + _number("%d|%s" % (self.seed, host)) % self.down_days) // self.down_days
        return _number("%d|%s|%d" % (self.seed, host, spell)) / 2**48 >= self.down_share


def _number(seed: str) -> int:
    """From 0 up to 2^48, evenly."""
    return int.from_bytes(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()[:6], "big")
