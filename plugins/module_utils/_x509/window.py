# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The window in which an ACME server suggests to renew (RFC 9773 section 4.2). The standard library alone: hosts read it, too."""

from __future__ import annotations

import re
from datetime import datetime

from .._core.clock import parse_iso
from .._core.errors import InvalidData
from .._renewal.decision import Window

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_window(answer: object) -> Window:
    """The window of a RenewalInfo object (RFC 9773 section 4.2)."""
    window = answer.get("suggestedWindow") if isinstance(answer, dict) else None
    if not isinstance(window, dict):
        raise InvalidData("the renewal information has no suggestedWindow")
    start, end = _moment(window.get("start")), _moment(window.get("end"))
    if end <= start:
        raise InvalidData("the renewal window ends before it starts")
    return Window(start, end)


def _moment(text: object) -> datetime:
    """RFC 3339: more or fewer digits of a second than Python 3.8 reads are legal."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidData("a time of the renewal window is not in the form of RFC 3339")
    day, time, fraction, zone = match.groups()
    try:
        return parse_iso("%sT%s.%s%s" % (day, time, (fraction or "0").ljust(6, "0")[:6], zone.upper()))
    except (ValueError, OverflowError):
        raise InvalidData("a time of the renewal window does not exist") from None
