# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock and a session that do what a test says: no waiting, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)


class FakeClock:
    """Time passes when somebody sleeps. `sleeps` are the durations."""

    def __init__(self, now: datetime = NOW) -> None:
        self.start = now
        self.passed = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += max(0.0, seconds)


@dataclass
class Reply:
    status_code: int = 200
    content: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptedSession:
    """Hands out replies, or raises errors, in order; the last one again and again. `sent` is what it was asked."""

    def __init__(self, *script: Reply | Exception) -> None:
        self._script = list(script)
        self.sent: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **options: Any) -> Reply:
        self.sent.append({"method": method, "url": url, **options})
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        pass
