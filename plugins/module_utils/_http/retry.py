# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request may be sent again (pure). Only what changes nothing ever is: a GET, mostly."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

ATTEMPTS = 4
LONGEST_WAIT = 20.0
STATUSES = (429, 502, 503, 504)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds from a ``Retry-After`` header (RFC 9110 section 10.2.3), at least 0; ``None`` if there is none that can be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), 10**9))
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """The time that a header such as ``Date`` names (RFC 9110 section 5.6.7), aware; ``None`` if it cannot be read."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def wait_before(attempt: int, asked: float | None, left: float) -> float | None:
    """Seconds to wait before attempt number ``attempt`` + 1, or ``None`` to give up.

    ``asked`` is what the server wants, ``left`` what the total deadline still allows.
    """
    wait = asked if asked is not None else 0.5 * 2 ** (attempt - 1)
    if attempt >= ATTEMPTS or wait > min(LONGEST_WAIT, left):
        return None
    return wait
