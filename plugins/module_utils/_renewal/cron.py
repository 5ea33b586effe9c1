# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five fields of cron, and the moments they name on a day in a time zone (pure).

Minute, hour, day of the month, month, day of the week, with ``*``, lists, ranges, steps and English short names, as in crontab(5). Around
changes of the clock it does what Debian's cron does: a fixed time that is skipped happens right after the gap, one that comes twice
happens the first time; with ``*`` in minute or hour a time happens as often as it is on the clock.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Iterator, NamedTuple

from .._core.errors import UsageError

_MINUTE = timedelta(minutes=1)


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, tuple(name.lower() for name in calendar.month_abbr)),
    _Field("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of the months


@dataclass(frozen=True)
class Cron:
    """``weekdays``: 0 is Sunday. ``either``: one of day of the month and day of the week is enough, for both are given.

    ``fixed``: neither minute nor hour starts with ``*``.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    fixed: bool

    def on(self, day: date) -> bool:
        """Whether there are moments on this day."""
        if day.month not in self.months:
            return False
        fits = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return any(fits) if self.either else all(fits)

    def moments(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        """In UTC, those of a local day."""
        if not self.on(day):
            return
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime.combine(day, time(hour, minute), zone)
                yield from _fixed(wall) if self.fixed else _each(wall)


def parse(text: str) -> Cron:
    """``UsageError`` names the field that cannot be read, and refuses what never happens."""
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise UsageError("has %d fields, not five: minute, hour, day of the month, month, day of the week" % len(parts))
    minutes, hours, days, months, weekdays = (_values(part, field) for part, field in zip(parts, _FIELDS))
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    if not either and min(days) > max(_LONGEST[month - 1] for month in months):
        raise UsageError("never happens: no such month has a day %d" % min(days))
    return Cron(
        text=text,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(number % 7 for number in weekdays),
        either=either,
        fixed=not parts[0].startswith("*") and not parts[1].startswith("*"),
    )


def _values(part: str, field: _Field) -> set[int]:
    return {number for term in part.split(",") for number in _term(term, field)}


def _term(term: str, field: _Field) -> range:
    span, slash, stride = term.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        low, high = field.least, field.most
    else:
        low = _number(first, field)
        high = _number(last, field) if dash else field.most if slash else low
    step = int(stride) if stride.isdigit() and stride.isascii() else 0 if slash else 1
    if step < 1 or high < low:
        raise UsageError("has the %s %s, which cannot be read" % (field.name, term))
    return range(low, high + 1, step)


def _number(text: str, field: _Field) -> int:
    if text and text in field.words:
        return field.words.index(text)
    if not (text.isdigit() and text.isascii()) or not field.least <= int(text) <= field.most:
        raise UsageError("has the %s %s, not within %d and %d" % (field.name, text or "-", field.least, field.most))
    return int(text)


def _exists(wall: datetime) -> bool:
    """Whether a clock on the wall ever shows this time."""
    back = wall.astimezone(timezone.utc).astimezone(wall.tzinfo)
    return back.replace(tzinfo=None) == wall.replace(tzinfo=None)


def _fixed(wall: datetime) -> Iterator[datetime]:
    while not _exists(wall):
        wall += _MINUTE
    yield wall.astimezone(timezone.utc)


def _each(wall: datetime) -> Iterator[datetime]:
    if _exists(wall):
        first, second = (wall.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))
        yield first
        if second != first:
            yield second
