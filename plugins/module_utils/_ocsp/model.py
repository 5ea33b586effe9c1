# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a certificate, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Mapping

from .._core.clock import iso
from .._core.errors import clean

GOOD, REVOKED, UNKNOWN, INVALID, UNREACHABLE, NOT_CHECKABLE = STATUSES = (
    "good",
    "revoked",
    "unknown",
    "invalid",
    "unreachable",
    "not_checkable",
)
SETTLED = (GOOD, REVOKED)
# When nothing settles it, the most alarming of what was seen is the status.
_ALARM = (INVALID, UNKNOWN, UNREACHABLE, NOT_CHECKABLE)


@dataclass(frozen=True)
class Verdict:
    """One source's word. ``reason`` says in words why it is not ``good``.

    ``raw`` is the answer itself, where its signature was proven: what a staple is made of.
    """

    status: str
    reason: str = ""
    source: str | None = None
    url: str | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    produced_at: datetime | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
    signer: str | None = None
    nonce: str | None = None
    verified: bool = False
    cached: bool = False
    provider: Mapping[str, Any] | None = None
    raw: bytes = field(default=b"", repr=False, compare=False)

    @property
    def settled(self) -> bool:
        return self.status in SETTLED

    def show(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "reason": self.reason or None,
            "source": self.source,
            "url": _clean(self.url),
            "verified": self.verified,
            "cached": self.cached,
            "this_update": _shown(self.this_update),
            "next_update": _shown(self.next_update),
            "produced_at": _shown(self.produced_at),
            "revoked_at": _shown(self.revoked_at),
            "revocation_reason": self.revocation_reason,
            "signer": self.signer,
            "nonce": self.nonce,
            "provider": dict(self.provider) if self.provider is not None else None,
        }

    def attempt(self) -> dict[str, Any]:
        return {"source": self.source, "url": _clean(self.url), "status": self.status, "reason": self.reason or None}


def conclude(attempts: list[Verdict]) -> Verdict:
    """The last word: what settles it, else the most alarming attempt."""
    for verdict in attempts:
        if verdict.settled:
            return verdict
    return min(attempts, key=lambda verdict: _ALARM.index(verdict.status))


def _clean(url: str | None) -> str | None:
    """It comes from a certificate."""
    return clean(url) if url is not None else None


def _shown(moment: datetime | None) -> str | None:
    return iso(moment) if moment is not None else None
