# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that knows the time. Times are aware and UTC; durations come from the monotonic clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone

ISO = "%Y-%m-%dT%H:%M:%SZ"


class Clock:
    """The system's clock. Tests put another one in its place."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


SYSTEM = Clock()


def iso(moment: datetime) -> str:
    """ISO 8601, UTC, whole seconds: ``2026-11-22T01:02:03Z``."""
    return moment.astimezone(timezone.utc).strftime(ISO)


def parse_iso(text: str) -> datetime:
    """The reverse of :func:`iso`; also takes an offset. A time without a zone is a ``ValueError``: never guessed to be UTC."""
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if moment.tzinfo is None:
        raise ValueError("no time zone in %r" % text)
    return moment.astimezone(timezone.utc)


def from_stamp(seconds: float) -> datetime:
    """Of a file, as ``os.stat`` has it: seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc)


class Deadline:
    """A total time for something made of several waits."""

    def __init__(self, seconds: float, clock: Clock = SYSTEM) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - self._clock.monotonic())

    def over(self) -> bool:
        return self.left() <= 0

    def sleep(self, seconds: float) -> None:
        """Sleeps, but not past the deadline."""
        self._clock.sleep(min(seconds, self.left()))
