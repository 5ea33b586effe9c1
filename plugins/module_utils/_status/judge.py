# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a certificate, in words and by severity (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple

from .._core.clock import iso, parse_iso
from .._core.errors import clean
from .._renewal.decision import Decision
from .model import Leaf, Look, Settings

if TYPE_CHECKING:
    from .record import Facts

OK, WARNING, ERROR = "ok", "warning", "error"
STATES = (ERROR, WARNING, OK)
# A run each day would have renewed it.
_LATE = timedelta(days=1)
_TERM = timedelta(days=30)


class Problem(NamedTuple):
    """``code`` is one of the words in the schema, ``text`` for people."""

    code: str
    severity: str
    text: str


def judged(record: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The record with its problems, the worst first."""
    ordered = sorted(problems, key=_rank)
    state = ordered[0].severity if ordered else OK
    return {**record, "state": state, "problems": [each._asdict() for each in ordered]}


def of_set(
    facts: Facts, record: Mapping[str, Any], renewal: Decision | None, settings: Settings, now: datetime
) -> list[Problem]:
    found = []
    issued = facts.issued
    if issued.damage is not None:
        place = "of its host" if facts.wanted.client else "on the controller"
        found.append(Problem("damaged", ERROR, "the set %s is damaged: %s" % (place, clean(issued.damage))))
    elif issued.leaf is None and issued.pending:
        found.append(Problem("pending", WARNING, "it is being issued, and there is none yet"))
    elif issued.leaf is None and not issued.unknown:
        found.append(Problem("not_issued", ERROR, "there is no certificate yet"))
    if issued.leaf is not None:
        found += _dates(issued.leaf, settings, now)
        if renewal is not None and renewal.due and renewal.at + _LATE < now <= issued.leaf.not_after:
            found.append(Problem("overdue", WARNING, "its renewal is due: %s" % renewal.reason))
    if issued.failure is not None:
        found.append(Problem("run_failed", WARNING, issued.failure))
    found += _revoked(record)
    found += _deployments(facts, record)
    found += _endpoints(record)
    end = record["term"] and parse_iso(record["term"]["end"])
    if end and now > end - _TERM:
        word = "ended" if now > end else "ends"
        found.append(Problem("term_ends", WARNING, "the paid term %s on %s" % (word, iso(end)[:10])))
    return found


def of_endpoint(look: Look, record: Mapping[str, Any], settings: Settings, now: datetime) -> list[Problem]:
    if look.leaf is None:
        return [Problem("not_served", ERROR, "%s: %s" % (place(record["endpoints"][0]), look.reason))]
    return [*_dates(look.leaf, settings, now), *_revoked(record), *_wrong_name(look)]


def place(endpoint: Mapping[str, Any]) -> str:
    """An endpoint in a line of text."""
    address = str(endpoint["address"])
    shown = "%s:%s" % ("[%s]" % address if ":" in address else address, endpoint["port"])
    shown += " (%s)" % endpoint["starttls"] if endpoint["starttls"] else ""
    return clean("%s, %s" % (endpoint["host"], shown) if endpoint["host"] else shown, 200)


def _dates(leaf: Leaf, settings: Settings, now: datetime) -> list[Problem]:
    left, end = leaf.not_after - now, iso(leaf.not_after)[:10]
    if left < timedelta(0):
        return [Problem("expired", ERROR, "it expired on %s, %s ago" % (end, _days(-left)))]
    if now < leaf.not_before:
        return [Problem("not_valid_yet", ERROR, "it is not valid before %s" % iso(leaf.not_before))]
    days = _days(left)
    if left < timedelta(days=settings.fail_days):
        return [Problem("expiring", ERROR, "it expires in %s, on %s" % (days, end))]
    if left < timedelta(days=settings.warn_days):
        return [Problem("expiring", WARNING, "it expires in %s, on %s" % (days, end))]
    return []


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else "%d days" % span.days if span.days else "less than a day"


def _revoked(record: Mapping[str, Any]) -> list[Problem]:
    status, reason = record["revocation"]["status"], clean(record["revocation"]["reason"] or "", 200)
    if status == "revoked":
        return [
            Problem("revoked", ERROR, reason if reason.startswith("revoked") else ("revoked: " + reason).rstrip(": "))
        ]
    if status == "invalid":
        return [Problem("revocation_unclear", WARNING, "what was said of its revocation is not valid: %s" % reason)]
    return []


def _deployments(facts: Facts, record: Mapping[str, Any]) -> list[Problem]:
    found = [Problem("host_silent", WARNING, "%s could not be asked: %s" % each) for each in facts.silent]
    if facts.issued.leaf is None:
        return found
    there = {each["host"] for each in record["deployed"]}
    for each in record["deployed"]:
        if not each["matches"]:
            has = "has %s" % each["serial"] if each["serial"] else "has no readable certificate"
            found.append(Problem("mismatch", ERROR, "%s %s on disk, not %s" % (each["host"], has, record["serial"])))
    if facts.asked and facts.wanted.hosts is not None:
        silent = {host for host, _why in facts.silent}
        missing = [host for host in facts.wanted.hosts if host not in there and host not in silent]
        found += [Problem("not_deployed", ERROR, "%s does not have it" % host) for host in missing]
    return found


def _endpoints(record: Mapping[str, Any]) -> list[Problem]:
    found = []
    for each in record["endpoints"]:
        if each["fingerprint"] is None:
            found.append(Problem("not_served", ERROR, "%s: %s" % (place(each), each["reason"])))
        elif not each["matches"]:
            other = each["serial"] or "another certificate"
            wanted = record["serial"] or "one of ours"
            found.append(Problem("mismatch", ERROR, "%s serves %s, not %s" % (place(each), other, wanted)))
    return found


def _wrong_name(look: Look) -> list[Problem]:
    leaf, name = look.leaf, look.target.server_name
    if leaf is None or not leaf.names or _covers(leaf.names, name):
        return []
    return [Problem("wrong_name", ERROR, "the certificate is not for %s" % name)]


def _covers(names: tuple[str, ...], name: str) -> bool:
    """RFC 9525 section 6.3: a wildcard stands for one label."""
    parent = "*." + name.partition(".")[2]
    return name in names or parent in names


def _rank(problem: Problem) -> int:
    return STATES.index(problem.severity)
