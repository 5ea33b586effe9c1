# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in words for people, and as plain data for drawings (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Mapping, Sequence

from .._core.clock import iso
from .._core.errors import clean
from .._renewal import freeze, lifetimes
from .advice import Advice, Setting
from .outcome import FREEZE, HOST, LIMIT, NEVER, OUTAGE, Cause, Moment, Outcome, Week

_DAY = timedelta(days=1)
_SHOWN = 50  # expired certificates in the result
_ROWS, _WIDTH = 26, 50  # of the chart
_WINDOWS = 2000


def days(left: timedelta) -> float:
    return round(left / _DAY, 2)


def _optional(at: datetime | None) -> str | None:
    return iso(at) if at is not None else None


def why(setting: Setting, moment: Moment) -> str:
    """What made it late, in one sentence."""
    certificate = next(each for each in setting.certificates if each.name == moment.name)
    parts = []
    if moment.since is not None:
        parts.append("due on %s" % iso(moment.since))
    for cause in moment.causes:
        parts.append(_cause(cause, certificate.issuer, moment.host))
    if moment.issued is not None and (moment.replaced or moment.issued != moment.at):
        parts.append("issued on %s" % iso(moment.issued))
    parts.append(("replaced on %s" if moment.replaced else "not replaced until %s") % iso(moment.at))
    return "; ".join(parts)


def _cause(cause: Cause, issuer: str, host: str) -> str:
    span = "from %s to %s" % (iso(cause.start), iso(cause.end))
    return {
        FREEZE: "frozen " + span,
        OUTAGE: "%s issued nothing %s" % (clean(issuer, 80), span),
        LIMIT: "waited for its turn within the weekly limit of %s %s" % (clean(issuer, 80), span),
        HOST: "%s was down %s" % (clean(host, 80), span),
    }[cause.kind]


def _moment(setting: Setting, moment: Moment | None) -> dict[str, Any] | None:
    if moment is None:
        return None
    return {
        "name": moment.name,
        "host": moment.host or None,
        "at": iso(moment.at),
        "days_left": days(moment.left),
        "not_after": iso(moment.expired_at),
        "due": _optional(moment.since),
        "issued": _optional(moment.issued),
        "replaced": moment.replaced,
        "causes": [{"kind": each.kind, "start": iso(each.start), "end": iso(each.end)} for each in moment.causes],
        "why": why(setting, moment),
    }


def data(setting: Setting, outcome: Outcome, advice: Sequence[Advice]) -> dict[str, Any]:
    """The plan as JSON. Times are ISO 8601, UTC; days are numbers with two digits after the point."""
    at = setting.scenario
    busiest = max(outcome.weeks, key=lambda each: each.total, default=None)
    expired = sorted(outcome.expired, key=lambda each: (each.expired_at, each.name, each.host))
    return {
        "version": 1,
        "start": iso(at.start),
        "until": iso(at.until),
        "interval_hours": at.interval / timedelta(hours=1),
        "certificates": len(setting.certificates),
        "hosts": len({host for each in setting.certificates for host in each.hosts if host}),
        "runs": outcome.runs,
        "orders": outcome.orders,
        "over_limit": outcome.exceeding,
        "missing": outcome.missing,
        "expired_before": outcome.expired_before,
        "never_issued": outcome.never_issued,
        "weeks": [_week(each) for each in outcome.weeks],
        "busiest": _week(busiest) if busiest is not None else None,
        "tightest": _moment(setting, outcome.tightest),
        "expired_days": round(outcome.expired_days, 2),
        "expired_count": len(expired),
        "expired": [_moment(setting, each) for each in expired[:_SHOWN]],
        "first_expired": _moment(setting, outcome.first_expired),
        "advice": [{"kind": each.kind, "words": each.words} for each in advice],
        "steps": [
            {"at": iso(since), "days": most}
            for since, most in reversed(lifetimes.STEPS)
            if at.start < since <= at.until
        ],
        "outages": [{"issuer": each.issuer, "start": iso(each.start), "end": iso(each.end)} for each in at.outages],
        "freezes": _freezes(setting),
    }


def _week(week: Week) -> dict[str, Any]:
    return {
        "start": week.start.isoformat(),
        "orders": week.total,
        "by_issuer": dict(sorted(week.orders.items())),
        "least_days_left": days(week.least) if week.least < NEVER else None,
        "waiting": week.waiting,
        "behind": week.behind,
    }


def _freezes(setting: Setting) -> list[dict[str, Any]]:
    """The windows of each set of freezes that certificates have."""
    counted: dict[tuple[freeze.Freeze, ...], int] = {}
    for each in setting.certificates:
        if each.policy.freezes:
            counted[each.policy.freezes] = counted.get(each.policy.freezes, 0) + 1
    at = setting.scenario
    return [
        {
            "certificates": count,
            "windows": [
                {"start": iso(start), "end": iso(end)}
                for start, end in freeze.windows(freezes, at.start, at.until)[:_WINDOWS]
            ],
        }
        for freezes, count in counted.items()
    ]


def lines(plan: Mapping[str, Any]) -> list[str]:
    """For a terminal."""
    verdict = "nothing expires"
    if plan["expired_count"]:
        verdict = "%d times a certificate expires before it is replaced (%.1f days in all)" % (
            plan["expired_count"],
            plan["expired_days"],
        )
    found = [
        "%d certificates on %d hosts, from %s to %s: %d orders, %s"
        % (plan["certificates"], plan["hosts"], plan["start"][:10], plan["until"][:10], plan["orders"], verdict)
    ]
    first, tightest = plan["first_expired"], plan["tightest"]
    if first is not None:
        found.append("First to expire, on %s: %s: %s" % (first["not_after"], _where(first), first["why"]))
        words = [each["words"] for each in plan["advice"]]
        found += ["This would prevent it: %s" % each for each in words] or [
            "No single change of the policy prevents it."
        ]
    elif tightest is not None:
        found.append(
            "Tightest, on %s with %s days left: %s: %s"
            % (tightest["at"], tightest["days_left"], _where(tightest), tightest["why"])
        )
    if plan["missing"] or plan["expired_before"]:
        found.append(
            "At the start %d certificates are missing and %d have expired; what is missing is issued whatever the limits"
            % (plan["missing"], plan["expired_before"])
        )
    if plan["never_issued"]:
        found.append("Nothing is ever issued for %d of them" % plan["never_issued"])
    if plan["over_limit"]:
        found.append("Orders beyond a weekly limit, for a hard stop overrides it: %d" % plan["over_limit"])
    return found + _chart(plan)


def _where(moment: Mapping[str, Any]) -> str:
    name = clean(moment["name"], 100)
    return "%s on %s" % (name, clean(moment["host"], 100)) if moment["host"] else name


def _chart(plan: Mapping[str, Any]) -> list[str]:
    """Orders per week: a row for each, or the busiest of several."""
    weeks = plan["weeks"]
    if not weeks:
        return []
    group = -(-len(weeks) // _ROWS)
    most = max(week["orders"] for week in weeks)
    steps = {step["at"][:10]: step["days"] for step in plan["steps"]}
    found = ["Orders per week%s" % (", the most in %d weeks" % group if group > 1 else "")]
    for place in range(0, len(weeks), group):
        row = weeks[place : place + group]
        orders = max(week["orders"] for week in row)
        lefts = [week["least_days_left"] for week in row if week["least_days_left"] is not None]
        left = "least %5.1f days left" % min(lefts) if lefts else ""
        ends = weeks[place + group]["start"] if place + group < len(weeks) else "9999"
        marks = [
            "  <- %d days from %s on" % (days, day) for day, days in steps.items() if row[0]["start"] <= day < ends
        ]
        drawn = "#" * round(orders / most * _WIDTH) if most else ""
        found.append(("%s %6d %-*s %s" % (row[0]["start"], orders, _WIDTH, drawn, left)).rstrip() + "".join(marks))
    return found
