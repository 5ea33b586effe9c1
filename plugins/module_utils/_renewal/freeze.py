# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes: windows in which nothing is to be changed, and when they end (pure).

A window starts at a moment of a cron in a time zone and lasts for a duration, which is time that passes: a weekend with a change of the
clock is no longer than another one. Windows that overlap or touch are one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Iterator, Mapping, Sequence

from .._core import options
from .._core.errors import UsageError
from .._core.options import Option
from . import cron, durations

_DAY = timedelta(days=1)
_LATEST = datetime.max.replace(tzinfo=timezone.utc)
UTC = "UTC"


@dataclass(frozen=True)
class Freeze:
    """``cron``: its text, which is quick to compare."""

    cron: str
    duration: timedelta
    zone: str = UTC
    name: str = ""


def _cron(value: Any) -> str:
    cron.parse(options.text(value))
    return str(value)


def _zone(value: Any) -> str:
    zone_of(options.text(value))
    return str(value)


OPTIONS = {
    "name": Option(options.text),
    "cron": Option(_cron, required=True),
    "duration": Option(durations.within("1m", "13w"), required=True),
    "zone": Option(_zone),
}


def check(value: Any) -> list[dict[str, Any]]:
    """The option ``freezes``, checked."""
    if not isinstance(value, (list, tuple)):
        raise options.refuse("a list of mappings with cron and duration", value)
    found = []
    for number, item in enumerate(value):
        try:
            found.append(options.entry(item, OPTIONS))
        except UsageError as error:
            raise options.within("[%d]" % number, error) from None
    return found


def build(entry: Mapping[str, Any]) -> Freeze:
    """From an entry as :func:`check` leaves it."""
    duration = durations.parse(entry["duration"])
    return Freeze(entry["cron"], duration, entry.get("zone") or UTC, entry.get("name") or "")


@lru_cache(maxsize=None)
def zone_of(name: str) -> tzinfo:
    if name == UTC:
        return timezone.utc
    import zoneinfo  # Python 3.9; hosts do not decide about renewals

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        raise UsageError(
            "is %s, which is no time zone%s" % (options.shown(name), options.did_you_mean(name, known)),
            hint=None if known else "There are no time zones on this machine: install the package tzdata.",
        ) from None


def frozen_until(freezes: tuple[Freeze, ...], at: datetime, limit: datetime) -> datetime | None:
    """The end of the freeze at this moment, ``None`` if there is none. One that lasts beyond ``limit`` may end even later."""
    end = None
    while at < limit:
        found = _covering(freezes, at)
        if found is None:
            break
        at = end = found
    return end


def windows(freezes: tuple[Freeze, ...], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """All freezes that have a part between two moments, in order, none touching another."""
    found: list[tuple[datetime, datetime]] = []
    year, month = start.year, start.month
    while datetime(year, month, 1, tzinfo=timezone.utc) < end:
        found += _month(freezes, year, month)
        year, month = _next(year, month)
    return [span for span in _merged(sorted(found)) if span[0] < end and span[1] > start]


def _covering(freezes: tuple[Freeze, ...], at: datetime) -> datetime | None:
    utc = at.astimezone(timezone.utc)
    if utc.year == MAXYEAR:
        return None  # certificates that are to last for ever end in it, and windows may not: there is no later time
    spans = _month(freezes, utc.year, utc.month)
    place = bisect_right(spans, (utc, _LATEST)) - 1
    return spans[place][1] if place >= 0 and utc < spans[place][1] else None


@lru_cache(maxsize=4096)
def _month(freezes: tuple[Freeze, ...], year: int, month: int) -> tuple[tuple[datetime, datetime], ...]:
    """The freezes that have a part in this month; later ones that touch them are not part of them."""
    start = datetime(year, month, 1, tzinfo=timezone.utc)
    end = datetime(*_next(year, month), 1, tzinfo=timezone.utc)
    found = [span for freeze in freezes for span in _spans(freeze, start, end)]
    return tuple(_merged(sorted(found)))


def _spans(freeze: Freeze, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone, pattern = zone_of(freeze.zone), cron.parse(freeze.cron)
    day, last = (start - freeze.duration - _DAY).date(), (end + _DAY).date()
    while day <= last:
        for moment in pattern.moments(day, zone):
            if moment < end and moment + freeze.duration > start:
                yield moment, moment + freeze.duration
        day += _DAY


def _merged(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _next(year: int, month: int) -> tuple[int, int]:
    return (year, month + 1) if month < 12 else (year + 1, 1)
