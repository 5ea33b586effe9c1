# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run for one certificate: renew if it is due, hand over what is there, keep what became of it.

Each step is tried whatever became of the one before: a CA that is down is no reason to leave a reload undone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Callable

from .._core import files
from .._core.clock import SYSTEM, Clock
from .._core.errors import CollectionError, StateError
from .._deploy import commands
from .._renewal import policy
from .._renewal.decision import Decision, Facts, Window, decide, on_host
from . import ari, clients, pair, record
from .clients import ClientError
from .installing import Installed, install
from .job import CLIENTS, EXTERNAL, LEGO, Job
from .pair import Pair

# Other certificates of this host are worked on first: two clients at once would want the same port.
_WAIT = 1800.0


class CommandError(CollectionError):
    """The user's command for failures failed itself."""

    kind = "on_failure"


@dataclass
class Outcome:
    """`problems` are pairs of what was tried (`issue`, `read`, `deploy`, `tell`) and what went wrong."""

    job: Job
    pair: Pair | None = None
    decision: Decision | None = None
    window: Window | None = None
    issued: bool = False
    installed: Installed = field(default_factory=Installed)
    problems: list[tuple[str, CollectionError]] = field(default_factory=list)


def run(job: Job, issue: bool = True, clock: Clock = SYSTEM, force: bool = False) -> Outcome:
    """The whole run; ``issue`` false leaves out the client, ``force`` asks it for a new certificate though none is due.

    What failed is in the outcome and in the record.
    """
    outcome, before = Outcome(job), record.load(job.status_path)
    directory = os.path.join(job.path, CLIENTS)
    try:
        files.make_directory(directory)
        with files.lock(directory, _WAIT, clock):
            _attempt(outcome, "read", lambda: _look(outcome, clock, issue))
            due = force or outcome.decision is None or outcome.decision.due
            if issue and due and job.client.kind != EXTERNAL:
                _attempt(outcome, "issue", lambda: _issue(outcome, before.get("account"), clock))
            if outcome.pair is None and not outcome.problems:
                _attempt(outcome, "read", lambda: _nothing(job))
            if outcome.pair is not None:
                outcome.installed = install(job, outcome.pair, clock)
                if outcome.installed.problem:
                    outcome.problems.append(("deploy", outcome.installed.problem))
    except CollectionError as error:
        outcome.problems.append(("lock", error))
    record.save(outcome, before, clock.now())
    if outcome.problems and job.on_failure:
        _attempt(outcome, "tell", lambda: _tell(job))
        record.save(outcome, before, clock.now())
    return outcome


def _attempt(outcome: Outcome, what: str, action: Callable[[], None]) -> None:
    try:
        action()
    except CollectionError as error:
        outcome.problems.append((what, error))
    except OSError as error:
        words = "%s: %s" % (error.filename or "file operation", error.strerror or type(error).__name__)
        outcome.problems.append((what, StateError(words)))


def _look(outcome: Outcome, clock: Clock, ask: bool) -> None:
    """The newest pair that is in order, and whether it is due. ``ask``: the server may be asked about it."""
    job = outcome.job
    outcome.pair, broken = pair.newest(clients.sources(job), job.domains)
    if outcome.pair is None:
        # a lineage that is there and cannot be used is replaced; without a client nobody does that
        if broken and job.client.kind == EXTERNAL:
            raise broken[0]
        outcome.decision = outcome.window = None
        return
    found = outcome.pair
    outcome.window = ari.window(job, found, clock, ask)
    facts = Facts(on_host(job.host, job.name), found.not_before, found.not_after, outcome.window)
    outcome.decision = decide(facts, policy.build(job.renewal), clock.now())


def _issue(outcome: Outcome, account: object, clock: Clock) -> None:
    """Runs the client. What it left must be another certificate than before. ``account`` is the one that got the last certificate."""
    job = outcome.job
    before = outcome.pair.fingerprint if outcome.pair else None
    if job.client.kind == LEGO:
        clients.check_version(commands.run((*job.client.program, "--version"), ClientError))
    own = clients.sources(job)[0]
    # a server refuses an order that replaces a certificate of another account (RFC 9773 section 5)
    argv = clients.command(job, _names(own) if account == job.client.account else None)
    commands.run(argv, ClientError, job.client.timeout, clients.variables(job.client))
    _look(outcome, clock, ask=True)
    if outcome.pair is None:
        # says why, where something is there
        pair.read(*own, job.domains)
        raise ClientError("%s ended well and left nothing at %s" % (job.client.kind, own[0]))
    if outcome.pair.fingerprint == before:
        raise ClientError("%s ended well, but there is no new certificate" % job.client.kind)
    outcome.issued = True


def _names(own: tuple[str, str]) -> tuple[str, ...] | None:
    try:
        found = pair.read(*own, ())
    except CollectionError:
        return None
    return found.names if found else None


def _nothing(job: Job) -> None:
    places = ", ".join(chain for chain, _key in clients.sources(job))
    raise StateError("there is no certificate for %s yet (%s)" % (job.name, places or "no place is named"))


def _tell(job: Job) -> None:
    for command in job.on_failure:
        commands.run((*command, job.status_path), CommandError)
