# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status record of a job: what its last run found and did, for monitoring, for people and for the next run."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._core import files
from .._core.clock import Clock, iso, parse_iso
from .._core.errors import StateError, clean
from . import retry
from .job import EXTERNAL, STATUS

if TYPE_CHECKING:
    from .course import Outcome

VERSION = 1
_READABLE = 0o755
# Timers come once a day at least.
_LATE = timedelta(days=2)


def save(outcome: Outcome, clock: Clock, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes the record of a run that has ended. ``before`` is the record before the run, by default the one that is there; returned."""
    path = outcome.job.status_path
    directory = os.path.dirname(path)
    files.make_directory(directory, _READABLE)
    with files.lock(directory, clock=clock):
        before = load(path) if before is None else before
        files.write_json(path, build(outcome, before, clock.now()), files.PUBLIC)
    return before


def build(outcome: Outcome, before: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The record. Nothing in it is secret."""
    job, pair, decision, failed = outcome.job, outcome.pair, outcome.decision, bool(outcome.problems)
    return {
        "version": VERSION,
        "name": job.name,
        "host": job.host,
        "client": job.client.kind,
        "ok": not failed,
        "ran_at": iso(now),
        "succeeded_at": before.get("succeeded_at") if failed else iso(now),
        "failing_since": (before.get("failing_since") or iso(now)) if failed else None,
        "failures": before.get("failures", 0) + 1 if failed else 0,
        "retry": retry.as_json(outcome.retry),
        "issued": outcome.issued,
        "issued_at": iso(now) if outcome.issued else before.get("issued_at"),
        "account": job.client.account if outcome.issued else before.get("account"),
        "serial": pair.serial if pair else None,
        "fingerprint": pair.fingerprint if pair else None,
        "names": list(pair.names) if pair else [],
        "not_before": iso(pair.not_before) if pair else None,
        "not_after": iso(pair.not_after) if pair else None,
        "window": {"start": iso(outcome.window.start), "end": iso(outcome.window.end)} if outcome.window else None,
        "renewal": {"at": iso(decision.at), "reason": decision.reason} if decision else None,
        "current": outcome.installed.shown.get("current"),
        "rolled_back": outcome.installed.shown.get("rolled_back", False),
        "endpoints": outcome.installed.shown.get("endpoints", []),
        "steps": [step.show() for step in outcome.installed.done],
        "errors": [
            {"what": what, "kind": error.kind, "message": clean(error.sentence(), 1000)}
            for what, error in outcome.problems
        ],
    }


def load(path: str) -> dict[str, Any]:
    """The record at ``path``; an empty one where there is none, or none that can be read: it is written anew, and must not hold up a renewal."""
    try:
        return files.read_json(path) or {}
    except (StateError, OSError):
        return {}


def load_all(path: str) -> list[dict[str, Any]]:
    """The records of all jobs that ran, by the names of their files. One that cannot be read is one of a job that has not run."""
    directory = os.path.join(path, STATUS)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    found = (load(os.path.join(directory, name)) for name in names if name.endswith(".json"))
    return [each for each in found if each]


def state(value: dict[str, Any], now: datetime) -> str | None:
    """What is wrong with a record, in words; ``None`` when all is well."""
    if value.get("errors"):
        return str(value["errors"][0].get("message"))
    try:
        if parse_iso(value["not_after"]) <= now:
            return "the certificate expired on %s" % value["not_after"]
        if value.get("renewal") and value["client"] != EXTERNAL and parse_iso(value["renewal"]["at"]) + _LATE <= now:
            return "it was to be renewed on %s, and no run was since: does its timer run?" % value["renewal"]["at"]
    except (KeyError, TypeError, ValueError, AttributeError):
        return "the record says nothing of a certificate"
    return None
