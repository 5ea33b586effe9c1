# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a few lines for a terminal, problems first (pure). Text from outside is cleaned and capped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Mapping, Sequence

from .._core.clock import parse_iso
from .._core.errors import clean
from . import report
from .judge import ERROR, OK, WARNING

_WORDS = {ERROR: "ERROR", WARNING: "WARNING"}
_WEEK = timedelta(days=7)


def lines(found: Mapping[str, Any], most: int) -> list[str]:
    """One line of counts, at most ``most`` certificates with problems, and what is next."""
    counts, records = found["counts"], found["certificates"]
    wrong = [record for record in records if record["state"] != OK]
    shown = [_problem(record) for record in wrong[:most]]
    if len(wrong) > most:
        shown.append("... and %d more with problems" % (len(wrong) - most))
    return [*shown, _counts(counts), *_next(records, parse_iso(found["generated"]))]


def _problem(record: Mapping[str, Any]) -> str:
    texts = [problem["text"] for problem in record["problems"]]
    more = " (and %d more)" % (len(texts) - 3) if len(texts) > 3 else ""
    where = " [%s]" % clean(record["issuer"], 60) if record["issuer"] else ""
    return "%-7s  %s%s: %s%s" % (
        _WORDS[record["state"]],
        clean(record["name"], 100),
        where,
        clean("; ".join(texts[:3]), 300),
        more,
    )


def _counts(counts: Mapping[str, int]) -> str:
    text = "%d certificate%s: %d with errors, %d with warnings, %d in order" % (
        counts["certificates"],
        "" if counts["certificates"] == 1 else "s",
        counts[ERROR],
        counts[WARNING],
        counts[OK],
    )
    if counts["endpoints"]:
        text += "; %d of %d endpoints serve what was issued" % (counts["served"], counts["endpoints"])
    return text


def _next(records: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """The first certificate to expire, and the renewals of a week."""
    alive = [record for record in records if record["not_after"] and parse_iso(record["not_after"]) > now]
    if not alive:
        return []
    first = min(alive, key=_end)
    renewals = [parse_iso(record["renewal"]["at"]) for record in alive if record["renewal"]]
    soon = sum(moment < now + _WEEK for moment in renewals)
    text = "first to expire: %s in %d days, on %s" % (
        clean(first["name"], 100),
        report.days_left(first, now) or 0,
        first["not_after"][:10],
    )
    if renewals:
        upcoming = min(renewals)
        when = "due now" if upcoming <= now else "on %s" % upcoming.date().isoformat()
        text += "; renewals due within 7 days: %d, the next %s" % (soon, when)
    return [text]


def _end(record: Mapping[str, Any]) -> str:
    return str(record["not_after"])
