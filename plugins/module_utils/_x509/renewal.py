# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is to be renewed. One computation says the moment and the reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._core.clock import iso
from .._core.errors import UsageError

# A window that starts (nearly) after the end of the certificate must not let it expire.
_LAST_SHARE = 0.1


@dataclass(frozen=True)
class Policy:
    """Renew when less than ``remaining_share`` of the life is left; ``remaining_days``, when given, takes its place.

    A share fits certificates of any life: 30 days are a third of 90 days, but two thirds of 47. Days that are not less than
    the whole life would order a certificate in every run; then the share decides.
    """

    remaining_share: float = 1 / 3
    remaining_days: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.remaining_share < 1:
            raise UsageError("the remaining share must lie between 0 and 1, not %r" % self.remaining_share)
        if self.remaining_days is not None and self.remaining_days < 1:
            raise UsageError("the remaining days must be 1 or more, not %r" % self.remaining_days)


@dataclass(frozen=True)
class Window:
    """When the ACME server suggests to renew (RFC 9773)."""

    start: datetime
    end: datetime


def due(
    not_before: datetime,
    not_after: datetime,
    now: datetime,
    policy: Policy,
    window: Window | None = None,
    key: str = "",
) -> str | None:
    """Why the certificate is to be renewed now, in words, or ``None``."""
    if now > not_after:
        return "expired on %s" % iso(not_after)
    moment, rule = _moment(not_before, not_after, policy, window, key)
    return "%s (since %s)" % (rule, iso(moment)) if now >= moment else None


def next_renewal(
    not_before: datetime, not_after: datetime, policy: Policy, window: Window | None = None, key: str = ""
) -> datetime:
    """From when on :func:`due` gives a reason."""
    return _moment(not_before, not_after, policy, window, key)[0]


def _moment(
    not_before: datetime, not_after: datetime, policy: Policy, window: Window | None, key: str
) -> tuple[datetime, str]:
    life = max(not_after - not_before, timedelta(0))
    if window is not None:
        latest = not_after - life * _LAST_SHARE
        picked = _pick(window, key)
        if picked <= latest:
            return picked, "the CA suggests it"
        return latest, "less than a tenth of its life is left"
    days = policy.remaining_days
    if days is not None and timedelta(days=days) < life:
        return not_after - timedelta(days=days), "less than %d days are left" % days
    share = policy.remaining_share
    return not_after - life * share, "less than %.0f %% of its life is left" % (share * 100)


def _pick(window: Window, key: str) -> datetime:
    """A moment in the window: RFC 9773 section 4.2 wants a uniformly random one.

    A digest is uniform over the certificates of a fleet, and the same in each run. New draws would favour early moments.
    """
    seed = "%s|%s|%s" % (key, iso(window.start), iso(window.end))
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    return window.start + (window.end - window.start) * (int.from_bytes(digest[:6], "big") / 2**48)
