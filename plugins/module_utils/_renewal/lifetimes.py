# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long certificates of public CAs may live (pure).

CA/Browser Forum, Baseline Requirements section 6.3.2, as of ballot SC-081v3: the days are the most that is allowed, and CAs issue for a day
less, so that no second is too much.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_DAY = timedelta(days=1)

# From when on, and the most days.
STEPS = (
    (datetime(2029, 3, 15, tzinfo=timezone.utc), 47),
    (datetime(2027, 3, 15, tzinfo=timezone.utc), 100),
    (datetime(2026, 3, 15, tzinfo=timezone.utc), 200),
    (datetime.min.replace(tzinfo=timezone.utc), 398),
)


def longest(at: datetime) -> timedelta:
    """What public CAs issue for at this moment."""
    return most(at) - _DAY


def most(at: datetime) -> timedelta:
    """What is allowed at this moment."""
    return next(days for since, days in STEPS if at >= since) * _DAY
