# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staples: OCSP answers in files, which web servers hand to their clients (nginx ``ssl_stapling_file``, HAProxy ``.ocsp``)."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .._core import files
from .._core.clock import iso
from .._core.errors import StateError, UsageError
from . import answer, times
from .check import Checked
from .inputs import Subject
from .model import GOOD, Verdict
from .request import Question


@dataclass(frozen=True)
class Held:
    """What is at a staple's path. ``verdict`` is ``None`` where there is nothing, or nothing that holds."""

    content: bytes | None = None
    verdict: Verdict | None = None

    def good(self) -> Verdict | None:
        return self.verdict if self.verdict is not None and self.verdict.status == GOOD else None


def look(subject: Subject, now: datetime) -> Held:
    """Judged like an answer of the network, each time it is read."""
    name = subject.item.staple_path
    if name is None:
        return Held()
    directory = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(directory):
        raise UsageError("staple_path: there is no directory %s" % directory)
    try:
        content = files.read(name, answer.LIMIT)
    except StateError as error:
        raise UsageError("staple_path: " + error.message, hint=error.hint) from None
    if content is None or subject.leaf is None or subject.issuer is None:
        return Held(content)
    verdict = answer.judge(content, Question(subject.leaf, subject.issuer), now)
    return Held(content, replace(verdict, source="staple"))


def renewal(verdict: Verdict) -> datetime:
    """From when on a staple is to be replaced: half of its life, so that there is time left when the responder is down."""
    begin = verdict.this_update or verdict.produced_at
    if begin is None:
        raise ValueError("an answer that was proven has a time")
    life = (verdict.next_update - begin) if verdict.next_update is not None else times.WITHOUT_END
    return begin + max(life, timedelta(0)) / 2


def due(held: Held, checked: Checked, now: datetime) -> str | None:
    """Why the answer is to be written to the staple's path; ``None`` if it is not. A staple only ever says ``good``."""
    fresh = checked.answered
    if checked.subject.item.staple_path is None or fresh is None or fresh.status != GOOD or held.content == fresh.raw:
        return None
    present = held.good()
    if held.content is None:
        return "there was none"
    if present is None:
        return "the one that was there does not hold any more" if held.verdict is not None else "it was not readable"
    if now < renewal(present):
        return None
    if fresh.this_update is not None and present.this_update is not None and fresh.this_update <= present.this_update:
        return None  # the responder has nothing newer
    return "the one that was there is half-way to its end (%s)" % _end(present)


def write(name: str, content: bytes) -> None:
    with files.lock(os.path.dirname(os.path.abspath(name))):
        files.write(name, content, files.PUBLIC)


def show(held: Held) -> str:
    """For the difference."""
    if held.content is None:
        return "absent"
    present = held.verdict
    if present is None or not present.verified:
        return "not valid"
    return "%s, until %s" % (present.status, _end(present))


def _end(verdict: Verdict) -> str:
    return iso(verdict.next_update) if verdict.next_update is not None else "an unknown time"
