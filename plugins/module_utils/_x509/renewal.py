# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is to be renewed, asked in two ways of ``_renewal.decision``."""

from __future__ import annotations

from datetime import datetime

from .._renewal.decision import Facts, Window, decide
from .._renewal.policy import Policy


def due(
    not_before: datetime,
    not_after: datetime,
    now: datetime,
    policy: Policy,
    window: Window | None = None,
    key: str = "",
) -> str | None:
    """Why the certificate is to be renewed now, in words, or ``None``."""
    decision = decide(Facts(key, not_before, not_after, window), policy, now)
    return decision.reason if decision.due else None


def next_renewal(
    not_before: datetime, not_after: datetime, policy: Policy, window: Window | None = None, key: str = ""
) -> datetime:
    """From when on :func:`due` gives a reason."""
    return decide(Facts(key, not_before, not_after, window), policy, not_before).at
