# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate is renewed next, what holds that up, and what is paid for it (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Iterable, Mapping, Sequence

from .._core.clock import iso, parse_iso
from .._renewal import durations, freeze, lifetimes
from .._renewal.decision import Decision, Facts, Window, decide
from .._renewal.freeze import Freeze
from .._renewal.policy import Policy
from .._sslmarket import term
from .._sslmarket.journal import Purchase
from .._sslmarket.model import Row
from .model import Leaf

_MOST = 1000
_SHOWN = timedelta(days=366)


def decision(leaf: Leaf, policy: Policy, noted: Mapping[str, Any] | None, name: str, now: datetime) -> Decision:
    """What the clients decide about its age."""
    return decide(Facts(name, leaf.not_before, leaf.not_after, _window(noted, leaf)), policy, now)


def later(leaf: Leaf, policy: Policy, first: datetime, name: str, now: datetime) -> list[datetime]:
    """When the certificates after the next one would be renewed, in the next year: with lives as CAs will issue for, and without what
    a CA may suggest then."""
    found: list[datetime] = []
    moment, life = max(first, now), leaf.not_after - leaf.not_before
    while len(found) < _MOST:
        life = min(life, lifetimes.longest(moment))
        following = decide(Facts(name, moment, moment + life), policy, moment).at
        if following >= now + _SHOWN or following <= moment:
            break
        found.append(following)
        moment = following
    return found


def calendars(policies: Iterable[Policy], now: datetime) -> dict[tuple[Freeze, ...], dict[str, Any]]:
    """The freezes of these policies, and when they are in the next year; certificates share them."""
    found: dict[tuple[Freeze, ...], dict[str, Any]] = {}
    for freezes in dict.fromkeys(policy.freezes for policy in policies if policy.freezes):
        found[freezes] = {
            "id": "freezes-%d" % (len(found) + 1),
            "rules": [_rule(each) for each in freezes],
            "windows": [[iso(start), iso(end)] for start, end in freeze.windows(freezes, now, now + _SHOWN)],
        }
    return found


def _rule(each: Freeze) -> dict[str, str]:
    return {"name": each.name, "cron": each.cron, "duration": durations.text(each.duration), "zone": each.zone}


def _window(noted: Mapping[str, Any] | None, leaf: Leaf) -> Window | None:
    """The window that the ACME server suggested for this very certificate."""
    if noted is None or noted.get("serial") != leaf.serial:
        return None
    try:
        return Window(parse_iso(noted["start"]), parse_iso(noted["end"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def term_end(meta: Mapping[str, Any], purchases: Sequence[Purchase]) -> datetime | None:
    """Until when reissues are paid for; ``None`` where nothing is bought by the term, or where that cannot be told."""
    order_id = meta.get("order_id")
    if meta.get("provider") != "sslmarket" or not isinstance(order_id, int):
        return None
    bought = next((each for each in purchases if each.order_id == order_id), None)
    row = meta.get("order_row")
    expired = row.get("expired") if isinstance(row, dict) else None
    found = term.end_of(
        Row(
            order_id=order_id,
            product_type="",
            product_code=str(meta.get("profile")),
            domain="",
            names=(),
            years=bought.years if bought else None,
            inserted=bought.since if bought else None,
            published=None,
            expired=expired if isinstance(expired, str) else None,
            state="",
            raw={},
        )
    )
    return None if found is None else found.replace(tzinfo=timezone.utc)


def reissues(leaf: Leaf, first: datetime, policy: Policy, end: datetime) -> int:
    """How many times the certificate is renewed until the paid term ends, with lives that get shorter."""
    count, moment, life = 0, first, leaf.not_after - leaf.not_before
    while moment < end and count < _MOST:
        count += 1
        life = min(life, lifetimes.longest(moment))
        if moment + life >= end:
            break
        moment += max(life - policy.left(life), timedelta(days=1))
    return count
