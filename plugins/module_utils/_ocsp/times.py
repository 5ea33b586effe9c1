# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a signed statement is of now (pure). One rule for OCSP answers and CRLs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from .._core.clock import iso
from .._core.errors import InvalidData

# For clocks of CA and controller that differ.
TOLERANCE = timedelta(minutes=5)
# Without a nextUpdate newer information is available all the time (RFC 6960 section 4.2.2.1): then the answer is made when it is asked
# for, and an old one is a replay.
WITHOUT_END = timedelta(days=1)
# The Baseline Requirements allow 10 days; private CAs take weeks. Beyond this it is a mistake, or meant to hide a revocation.
LONGEST = timedelta(days=400)


def check(this_update: datetime, next_update: datetime | None, now: datetime) -> None:
    """``InvalidData`` for what is not of now: from the future, past its end, without an end and old, or good for ever."""
    if this_update > now + TOLERANCE:
        raise InvalidData("it is from the future (thisUpdate %s)" % iso(this_update))
    if next_update is None:
        if this_update < now - WITHOUT_END:
            raise InvalidData("it is stale: it has no nextUpdate, and is from %s" % iso(this_update))
        return
    if next_update < this_update:
        raise InvalidData("its nextUpdate is before its thisUpdate")
    if next_update - this_update > LONGEST:
        raise InvalidData("its nextUpdate is absurdly late (%s)" % iso(next_update))
    if next_update < now - TOLERANCE:
        raise InvalidData("it is stale (nextUpdate %s)" % iso(next_update))


def utc(thing: Any, name: str) -> datetime | None:
    """A time of an object of ``cryptography``; version 42 has some of them without their zone only, which is UTC."""
    value: datetime | None = (
        getattr(thing, name + "_utc", None) if hasattr(thing, name + "_utc") else getattr(thing, name)
    )
    return value if value is None or value.tzinfo is not None else value.replace(tzinfo=timezone.utc)


def certain(thing: Any, name: str) -> datetime:
    moment = utc(thing, name)
    if moment is None:
        raise InvalidData("it has no %s" % name)
    return moment
