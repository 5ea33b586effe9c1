# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run for one certificate: renew if it is due, hand over what is there, keep what became of it.

Each step is tried whatever became of the one before: a CA that is down is no reason to leave a reload undone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Callable

from .._core import files
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import CollectionError, StateError, clean
from .._deploy import commands
from .._renewal import policy
from .._renewal.decision import Decision, Facts, Window, decide, on_host
from . import ari, clients, pair, record, retry
from .clients import ClientError
from .installing import Installed, install
from .job import CLIENTS, EXTERNAL, LEGO, Job
from .pair import Pair
from .retry import Retry

# Other certificates of this host are worked on first: two clients at once would want the same port.
_WAIT = 1800.0
_UMASK = 0o022


class CommandError(CollectionError):
    """The user's command for failures failed itself."""

    kind = "on_failure"


@dataclass
class Outcome:
    """`problems` are pairs of what was tried (`lock`, `issue`, `read`, `deploy`, `record`, `tell`) and what went wrong.

    `account` is the one that got the last certificate, `retry` when the client is run again after it failed.
    """

    job: Job
    pair: Pair | None = None
    decision: Decision | None = None
    window: Window | None = None
    issued: bool = False
    account: object = None
    retry: Retry | None = None
    installed: Installed = field(default_factory=Installed)
    problems: list[tuple[str, CollectionError]] = field(default_factory=list)


@dataclass(frozen=True)
class Mode:
    """``issue`` false leaves out the client, ``force`` asks it for a new certificate though none is due, ``patient`` waits after failures."""

    issue: bool = True
    force: bool = False
    patient: bool = False


def run(job: Job, mode: Mode, clock: Clock = SYSTEM) -> Outcome:
    """The whole run. What failed is in the outcome and in the record."""
    outcome = Outcome(job)
    _attempt(outcome, "lock", lambda: _alone(outcome, mode, clock))
    before: list[dict[str, Any]] = []
    _attempt(outcome, "record", lambda: before.append(record.save(outcome, clock)))
    if outcome.problems and job.on_failure and not _attempt(outcome, "tell", lambda: _tell(job)) and before:
        _attempt(outcome, "record", lambda: record.save(outcome, clock, before[0]))
    return outcome


def _alone(outcome: Outcome, mode: Mode, clock: Clock) -> None:
    """What no other run may do at the same time."""
    job = outcome.job
    directory = os.path.join(job.path, CLIENTS)
    files.make_directory(directory)
    with files.lock(directory, _WAIT, clock):
        # now, not before the wait: another run may have got the certificate
        known = record.load(job.status_path)
        outcome.account, outcome.retry = known.get("account"), retry.of_json(known.get("retry"))
        # who cannot tell what is there must not order in every run
        looked = _attempt(outcome, "read", lambda: _look(outcome, clock, mode.issue))
        if looked and mode.issue and job.client.kind != EXTERNAL:
            _attempt(outcome, "issue", lambda: _renew(outcome, mode, clock))
        if outcome.pair is None and not outcome.problems:
            _attempt(outcome, "read", lambda: _nothing(job))
        if outcome.pair is not None:
            outcome.installed = install(job, outcome.pair, clock)
            if outcome.installed.problem:
                outcome.problems.append(("deploy", outcome.installed.problem))


def _attempt(outcome: Outcome, what: str, action: Callable[[], object]) -> bool:
    """Whether it went well."""
    try:
        action()
    except CollectionError as error:
        outcome.problems.append((what, error))
        return False
    except OSError as error:
        outcome.problems.append((what, StateError.of_system(error)))
        return False
    return True


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


def _renew(outcome: Outcome, mode: Mode, clock: Clock) -> None:
    """Runs the client if that is wanted now, and notes when to do so again if it failed."""
    if not (mode.force or outcome.decision is None or outcome.decision.due):
        outcome.retry = None
        return
    note = outcome.retry
    if note is not None and mode.patient and retry.waits(note, clock.now()):
        raise ClientError("failed %d times and is not run before %s: %s" % (note.failures, iso(note.at), note.message))
    not_after = outcome.pair.not_after if outcome.pair else None
    try:
        _issue(outcome, clock)
    except (CollectionError, OSError) as error:
        said = error if isinstance(error, CollectionError) else StateError.of_system(error)
        outcome.retry = retry.after(note, clean(said.sentence(), 600), clock.now(), not_after)
        raise
    outcome.retry = None


def _issue(outcome: Outcome, clock: Clock) -> None:
    """Runs the client. What it left must be another certificate than before."""
    job = outcome.job
    before = outcome.pair.fingerprint if outcome.pair else None
    if job.client.kind == LEGO:
        clients.check_version(commands.run((*job.client.program, "--version"), ClientError))
    own = clients.sources(job)[0]
    # a server refuses an order that replaces a certificate of another account (RFC 9773 section 5)
    source = outcome.pair.source if outcome.pair else None
    argv = clients.command(job, _names(own) if outcome.account == job.client.account else None, source)
    # web servers read what it writes into their web root; its own directory is closed to others
    with files.umask(_UMASK):
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
