# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as ISO 8601, UTC, and what is left of a life."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .._core.clock import SYSTEM, Clock, parse_iso
from .._core.errors import UsageError

_DAY = timedelta(days=1)


def at(text: str | None, clock: Clock = SYSTEM) -> datetime:
    """The time that "days left" and "expired" are about."""
    if text is None:
        return clock.now()
    try:
        return parse_iso(text)
    except (ValueError, OverflowError):
        raise UsageError(
            "%r is not a time in ISO 8601 with a zone" % text[:60], hint="Write it like 2026-11-22T10:00:00Z."
        ) from None


def seconds(moment: datetime) -> str:
    """Of an aware time in UTC. ``strftime`` writes years below 1000 with less than four digits."""
    return moment.isoformat()[:19] + "Z"


def milliseconds(moment: datetime) -> str:
    """Of a naive time in UTC, as the library has it for timestamps."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def remaining(not_before: datetime, not_after: datetime, at: datetime) -> dict[str, Any]:
    """``days_left``: whole days, rounded down, negative after the end. ``share_left``: of the whole life, from 1 to 0."""
    life, left = not_after - not_before, not_after - at
    share = left / life if life > timedelta(0) else 0.0
    return {
        "days_left": left // _DAY,
        "share_left": round(min(max(share, 0.0), 1.0), 4),
        "expired": at > not_after,
    }
