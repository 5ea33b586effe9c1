# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a client that failed is run again by a timer (pure).

CAs count failures: Let's Encrypt allows five failed validations of a name in an hour. A timer may come every minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._core.clock import iso, parse_iso

_FIRST, _LONGEST, _SHORTEST = timedelta(minutes=5), timedelta(hours=6), timedelta(minutes=1)
# while there is no certificate
_URGENT = timedelta(minutes=20)
_DOUBLINGS = 10
_SHARE = 10


@dataclass(frozen=True)
class Retry:
    """``failures`` of the client in a row, not before when it is run ``at``, and the ``message`` of the last failure."""

    failures: int
    at: datetime
    message: str


def after(before: Retry | None, message: str, now: datetime, not_after: datetime | None) -> Retry:
    """What follows a failure. ``not_after``: of the certificate that there is; the less of it is left, the sooner."""
    failures = before.failures + 1 if before else 1
    left = not_after - now if not_after is not None else timedelta(0)
    most = max(left / _SHARE, _SHORTEST) if left > timedelta(0) else _URGENT
    pause = min(_FIRST * 2 ** min(failures - 1, _DOUBLINGS), _LONGEST, most)
    return Retry(failures, now + pause, message)


def waits(note: Retry | None, now: datetime) -> bool:
    """Whether it is too early. A moment that is too far away was noted by a clock that was wrong."""
    return note is not None and now < note.at <= now + _LONGEST


def as_json(note: Retry | None) -> dict[str, Any] | None:
    return {"failures": note.failures, "at": iso(note.at), "message": note.message} if note else None


def of_json(value: Any) -> Retry | None:
    """``None`` also for what is damaged."""
    try:
        return Retry(int(value["failures"]), parse_iso(value["at"]), str(value["message"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
