# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checked certificate as an entry of the result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._core.clock import iso
from .check import Checked
from .staple import Held


def entry(checked: Checked, held: Held, written: set[str], now: datetime) -> dict[str, Any]:
    subject = checked.subject
    known = subject.facts
    return {
        "path": subject.item.path,
        "subject": known.subject if known else None,
        "issuer": known.issuer if known else None,
        "serial": known.serial if known else None,
        "not_after": iso(known.not_after) if known else None,
        "expired": now > known.not_after if known else None,
        **checked.verdict.show(),
        "attempts": [attempt.attempt() for attempt in checked.attempts if not attempt.settled],
        "staple": _staple(checked, held, written),
    }


def _staple(checked: Checked, held: Held, written: set[str]) -> dict[str, Any] | None:
    """As it is now; in check mode as it would be."""
    name = checked.subject.item.staple_path
    if name is None:
        return None
    fresh = name in written and checked.answered is not None
    verdict = checked.answered if fresh else held.good()
    return {
        "path": name,
        "written": fresh,
        "valid": verdict is not None,
        "next_update": iso(verdict.next_update) if verdict is not None and verdict.next_update is not None else None,
    }
