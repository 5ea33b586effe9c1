# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them: ``62h``, ``2d12h``, ``1w`` (pure)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Callable

from .._core import options
from .._core.errors import UsageError

_UNITS = (("w", 7 * 86400), ("d", 86400), ("h", 3600), ("m", 60))
_TEXT = re.compile("".join(r"(?:(\d{1,6})%s)?" % unit for unit, _seconds in _UNITS), re.ASCII)


def parse(value: Any) -> timedelta:
    """``UsageError`` for what is no duration: a number alone has no unit, and 62 of what is not to be guessed."""
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not value:
        raise UsageError("is %s; write it like 62h, 2d12h or 1w" % options.shown(value))
    counts = zip(match.groups(), _UNITS)
    return timedelta(seconds=sum(int(count or 0) * seconds for count, (_unit, seconds) in counts))


def text(duration: timedelta) -> str:
    """The shortest form, in whole minutes: ``2d14h``."""
    left, parts = int(duration.total_seconds()) // 60 * 60, []
    for unit, seconds in _UNITS[1:]:
        count, left = divmod(left, seconds)
        if count:
            parts.append("%d%s" % (count, unit))
    return "".join(parts) or "0m"


def within(least: str, most: str) -> Callable[[Any], str]:
    """A reader for options: the text itself, when it is a duration within these bounds."""
    low, high = parse(least), parse(most)

    def read(value: Any) -> str:
        if not low <= parse(value) <= high:
            raise UsageError("is %s, not within %s and %s" % (value, least, most))
        return str(value)

    return read
