# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks whether certificates are still good, and keeps their staples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import CollectionError, UsageError, VerifyError
from .._core.plan import Plan, Step
from .._x509.guard import require_library
from . import inputs, staple
from .addresses import Rules
from .check import Checked, Checker
from .crl_store import CrlStore
from .dial import Connect, Resolve
from .inputs import Item, Subject
from .lanes import gather
from .model import NOT_CHECKABLE, STATUSES, UNKNOWN, UNREACHABLE, Verdict
from .show import entry
from .staple import Held
from .transport import Transport

_LIMITS = {"timeout": 3600, "responder_timeout": 300, "workers": 64}
_FOR_LOCAL = ("crl_cache_path", "staple_path", "proxy")
_LISTED = 10


@dataclass(frozen=True)
class Want:
    items: tuple[Item, ...]
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Have:
    """``held``: the staples, in the order of ``checked``."""

    checked: tuple[Checked, ...]
    held: tuple[Held, ...]


class OcspResource:
    """Nobody is asked twice in a run: after the staples are written, they alone are looked at again."""

    def __init__(self, clock: Clock = SYSTEM, resolve: Resolve | None = None, connect: Connect | None = None) -> None:
        require_library()
        self._clock = clock
        self._resolve, self._connect = resolve, connect
        self._checked: tuple[Checked, ...] | None = None
        self.may_write = False
        self.problem: CollectionError | None = None

    def want(self, params: Mapping[str, Any]) -> Want:
        for name, most in _LIMITS.items():
            if not 1 <= params[name] <= most:
                raise UsageError("%s is %d, not within 1 and %d" % (name, params[name], most))
        if params["checker"] != "local":
            for name in _FOR_LOCAL:
                if params[name]:
                    raise UsageError("%s is for checker: local" % name, hint="SSLmarket's word cannot be proven.")
            if any(each["staple_path"] for each in params["certificates"] or ()):
                raise UsageError("staple_path is for checker: local", hint="SSLmarket's word cannot be proven.")
        _rules(params)
        return Want(tuple(inputs.items(params)), params)

    def read(self, want: Want) -> Have:
        if self._checked is None:
            self._checked = tuple(self._check(want))
            self.problem = _problem(self._checked, want.params["fail_on"])
        now = self._clock.now()
        return Have(self._checked, tuple(staple.look(checked.subject, now) for checked in self._checked))

    def plan(self, want: Want, have: Have) -> Plan:
        now = self._clock.now()
        steps, before, after, reasons = [], {}, {}, []
        for checked, held in zip(have.checked, have.held):
            reason, name, fresh = staple.due(held, checked, now), checked.subject.item.staple_path, checked.answered
            if reason is None or name is None or fresh is None:
                continue
            steps.append(Step("write", name, data=fresh.raw))
            reasons.append("%s: %s" % (name, reason))
            before[name], after[name] = staple.show(held), staple.show(Held(fresh.raw, fresh))
        return Plan(
            tuple(steps),
            before,
            after,
            _warnings(have.checked, want.params["fail_on"]),
            "; ".join(reasons) or "no staple to write",
        )

    def apply(self, step: Step) -> None:
        staple.write(step.subject, step.data)

    def show(self, want: Want, have: Have, plan: Plan) -> dict[str, Any]:
        now, written = self._clock.now(), {step.subject for step in plan.steps}
        counts = dict.fromkeys(STATUSES, 0)
        for checked in have.checked:
            counts[checked.verdict.status] += 1
        shown = [entry(checked, held, written, now) for checked, held in zip(have.checked, have.held)]
        return {"certificates": shown, "counts": counts}

    # -- asking ----------------------------------------------------------------------------------------------------------

    def _check(self, want: Want) -> list[Checked]:
        params, reader = want.params, inputs.Reader()
        # All of them first: threads that ask would slow down the reading, and a dead responder's wait would begin late.
        subjects = [reader.read(item) for item in want.items]
        if params["checker"] == "sslmarket":
            from .provider import ProviderChecker

            provider = ProviderChecker.of(params)
            return gather(subjects, provider.lane, provider.check, params["workers"])
        transport = Transport(
            _rules(params),
            Deadline(params["timeout"], self._clock),
            params["responder_timeout"],
            params["proxy"],
            params["ca_path"],
            self._clock,
            self._resolve,
            self._connect,
        )
        lists = CrlStore(transport, self._clock, params["crl_cache_path"], self.may_write)
        checker = Checker(transport, lists, self._clock, params["crl_fallback"])
        try:
            return gather(subjects, checker.lane, self._with_staple(checker), params["workers"])
        finally:
            transport.close()

    def _with_staple(self, checker: Checker) -> Any:
        def check(subject: Subject) -> Checked:
            return checker.check(subject, staple.look(subject, self._clock.now()).verdict)

        return check


def _rules(params: Mapping[str, Any]) -> Rules:
    return Rules.of(params["allowed_networks"], params["allowed_ports"])


def _warnings(checked: tuple[Checked, ...], fail_on: list[str]) -> tuple[str, ...]:
    """What is neither an error nor all right, so that silence never means "good": also a certificate that names only servers
    that are not asked."""
    found = []
    for status in (UNREACHABLE, UNKNOWN, NOT_CHECKABLE):
        told = [each for each in checked if each.verdict.status == status and each.attempts and status not in fail_on]
        if told:
            listed = ["%s (%s)" % (each.subject.item.label, each.verdict.reason) for each in told[:_LISTED]]
            more = " and %d more" % (len(told) - _LISTED) if len(told) > _LISTED else ""
            found.append("%s: %s%s" % (status, "; ".join(listed), more))
    return tuple(found)


def _problem(checked: tuple[Checked, ...], fail_on: list[str]) -> CollectionError | None:
    """All that fails the task, as one error. Input that cannot be read always does."""
    failed: dict[str, str] = {}
    for each in checked:
        if each.subject.error is not None:
            failed[each.subject.item.label] = each.subject.error.sentence()
        elif each.verdict.status in fail_on:
            failed[each.subject.item.label] = _told(each.verdict)
    if not failed:
        return None
    errors = [each.subject.error for each in checked if each.subject.error is not None]
    if len(errors) == len(failed) == 1:
        return errors[0]
    listed = " | ".join("%s: %s" % pair for pair in list(failed.items())[:_LISTED])
    more = " | and %d more" % (len(failed) - _LISTED) if len(failed) > _LISTED else ""
    text = "%d of %d certificates: %s%s" % (len(failed), len(checked), listed, more)
    return VerifyError(text if len(checked) > 1 else listed, check="revocation", failed=failed)


def _told(verdict: Verdict) -> str:
    if verdict.reason.startswith(verdict.status):
        return verdict.reason
    return "%s: %s" % (verdict.status, verdict.reason) if verdict.reason else verdict.status
