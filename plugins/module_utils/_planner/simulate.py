# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a fleet into the future with the decisions that the real runs make (pure).

A run that has nothing to do is skipped: each certificate is looked at when its last decision says that it will be due, and then in each
run until it is replaced. That is the same as to look at all of them in each run, which the tests prove.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Iterable, Mapping, Sequence

from .._renewal import freeze
from .._renewal.decision import Decision, Facts, decide
from .._renewal.limits import WEEK, Due, choose
from .model import MINUTE, Certificate, Issuer, Scenario
from .outcome import FREEZE, HOST, LIMIT, OUTAGE, Cause, Moment, Outcome, Week


class _State:
    """One certificate on its way."""

    __slots__ = ("certificate", "facts", "decision", "served", "causes", "since", "issued", "delivered")

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.facts: Facts | None = None
        if certificate.not_before is not None and certificate.not_after is not None:
            times = (certificate.not_before, certificate.not_after)
            self.facts = Facts(certificate.name, *times, certificate.window)
        self.decision: Decision | None = None
        self.served: list[datetime | None] = [certificate.not_after] * len(certificate.hosts)
        self.causes: list[Cause] = []
        self.since: datetime | None = None
        self.issued: datetime | None = None
        self.delivered: tuple[Cause, ...] = ()  # what held up the version that is delivered now

    def held(self, kind: str, now: datetime, end: datetime) -> None:
        """Notes what holds it up, as one span for as long as it does."""
        last = self.causes[-1] if self.causes else None
        if last is not None and last.kind == kind and last.end >= now:
            self.causes[-1] = Cause(kind, last.start, end)
        else:
            self.causes.append(Cause(kind, now, end))


class Simulation:
    """``stop``: end at the first certificate that is found to have expired. ``log``: keep every event."""

    def __init__(
        self,
        scenario: Scenario,
        issuers: Mapping[str, Issuer],
        certificates: Iterable[Certificate],
        stop: bool = False,
        log: bool = False,
    ) -> None:
        self._scenario, self._issuers, self._stop, self._log = scenario, issuers, stop, log
        self._states = [_State(certificate) for certificate in certificates]
        self._by_name = {state.certificate.name: state for state in self._states}
        self._agenda: dict[int, list[_State]] = defaultdict(list)
        self._ready: dict[str, list[_State]] = defaultdict(list)
        self._fresh: dict[str, list[datetime]] = defaultdict(list)
        self._behind: dict[tuple[str, int], tuple[_State, datetime]] = {}
        self._outcome = Outcome()
        self._week = Week(date.min)
        for state in self._states:
            self._begin(state)

    def _begin(self, state: _State) -> None:
        certificate = state.certificate
        if certificate.not_after is None:
            self._outcome.missing += 1
        elif certificate.not_after < self._scenario.start:
            self._outcome.expired_before += 1
            state.served = [None] * len(state.served)
        if certificate.not_before is not None and certificate.not_before > self._scenario.start - WEEK:
            self._fresh[certificate.issuer].append(certificate.not_before)

    def run(self) -> Outcome:
        at, outcome = self._scenario, self._outcome
        for state in self._states:
            self._schedule(state, at.start, 0)
        number, now = 0, at.start
        while now <= at.until and not (self._stop and outcome.expired):
            self._turn_page(now)
            for state in self._agenda.pop(number, ()):
                self._look(state, now, number)
            for issuer in self._ready:
                if self._ready[issuer]:
                    self._ready[issuer] = self._issue(issuer, self._ready[issuer], now, number)
            self._deliver(now)
            number, now = number + 1, now + at.interval
        outcome.runs = number
        if not (self._stop and outcome.expired):
            self._close()
        return outcome

    # -- time ----------------------------------------------------------------------------------------------------------

    def _turn_page(self, now: datetime) -> None:
        monday = now.date() - timedelta(days=now.weekday())
        if monday != self._week.start:
            self._week = Week(monday)
            self._outcome.weeks.append(self._week)

    def _schedule(self, state: _State, now: datetime, number: int) -> None:
        """For the first run, not before ``number``, that may find it due."""
        if state.facts is None:
            self._agenda[number].append(state)
            return
        at = decide(state.facts, state.certificate.policy, now).at
        self._agenda[max(number, -((self._scenario.start - at) // self._scenario.interval))].append(state)

    # -- one run -------------------------------------------------------------------------------------------------------

    def _look(self, state: _State, now: datetime, number: int) -> None:
        """Puts it among those that are ready, or off until its freeze is over."""
        if state.facts is not None:
            decision = decide(state.facts, state.certificate.policy, now)
            state.since = decision.since
            if not decision.due:
                if decision.frozen_until is not None and now >= decision.since:
                    state.held(FREEZE, now, decision.at)
                self._schedule(state, now, number + 1)
                return
            self._note_freeze(state, decision)
            state.decision = decision
        self._ready[state.certificate.issuer].append(state)

    def _note_freeze(self, state: _State, decision: Decision) -> None:
        """A freeze that began before it was due, and that no run has met, held it up all the same."""
        policy = state.certificate.policy
        if policy.freezes and not state.causes:
            end = freeze.frozen_until(policy.freezes, decision.since, decision.now)
            if end is not None:
                state.causes.append(Cause(FREEZE, decision.since, min(end, decision.now)))

    def _issue(self, issuer: str, ready: Sequence[_State], now: datetime, number: int) -> list[_State]:
        """Issues what may be issued, and returns what goes on waiting."""
        outage = self._scenario.outage(issuer, now)
        if outage is not None:
            for state in ready:
                state.held(OUTAGE, max(outage.start, state.since or outage.start), outage.end)
            self._week.waiting = max(self._week.waiting, len(ready))
            return list(ready)
        new = [state for state in ready if state.facts is None]
        due = self._still_due([state for state in ready if state.facts is not None], now, number)
        limits = self._issuers[issuer].limits
        fresh = [moment for moment in self._fresh[issuer] if moment > now - WEEK] if limits else []
        choice = choose(due, limits, fresh, now, begun=len(new))
        going = new + [self._by_name[each.name] for each in choice.go]
        for state in going:
            self._replace(state, now, number)
        self._fresh[issuer] = fresh + [now] * len(going)
        self._outcome.orders += len(going)
        self._outcome.exceeding += len(choice.exceeding)
        if going:
            self._week.orders[issuer] = self._week.orders.get(issuer, 0) + len(going)
        waiting = [self._by_name[each.name] for each in choice.deferred]
        for state in waiting:
            state.held(LIMIT, now, now + self._scenario.interval)
        self._week.waiting = max(self._week.waiting, len(waiting))
        return waiting

    def _still_due(self, ready: Iterable[_State], now: datetime, number: int) -> list[Due]:
        """A freeze may have begun while they were waiting; and the hard stop may have come."""
        found, frozen = [], {}
        for state in ready:
            decision = state.decision
            if decision is None or state.facts is None:
                continue
            freezes = state.certificate.policy.freezes
            if freezes and decision.now != now:
                if freezes not in frozen:
                    frozen[freezes] = freeze.frozen_until(freezes, now, now + MINUTE) is not None
                if frozen[freezes]:  # else what was due still is
                    decision = state.decision = decide(state.facts, state.certificate.policy, now)
            if decision.due:
                found.append(Due(state.certificate.name, decision))
            else:
                state.held(FREEZE, now, decision.at)
                self._schedule(state, now, number + 1)
        return found

    def _replace(self, state: _State, now: datetime, number: int) -> None:
        certificate = state.certificate
        life = self._issuers[certificate.issuer].life_at(now)
        state.facts = Facts(certificate.name, now, now + life)
        state.decision, state.issued, state.delivered, state.causes = None, now, tuple(state.causes), []
        for place in range(len(certificate.hosts)):
            self._behind[certificate.name, place] = (state, now)
        if self._log:
            self._outcome.log.append((now, certificate.name, None))
        self._schedule(state, now, number + 1)

    def _deliver(self, now: datetime) -> None:
        for key, (state, issued) in list(self._behind.items()):
            host = state.certificate.hosts[key[1]]
            if not self._scenario.up(host, now):
                continue
            del self._behind[key]
            if self._log:
                self._outcome.log.append((now, state.certificate.name, host))
            causes = state.delivered + ((Cause(HOST, issued, now),) if now > issued else ())
            self._measure(state, key[1], now, causes, replaced=True)
            state.served[key[1]] = state.facts.not_after if state.facts else None
        self._week.behind = max(self._week.behind, len(self._behind))

    # -- what is measured ----------------------------------------------------------------------------------------------

    def _measure(self, state: _State, place: int, now: datetime, causes: tuple[Cause, ...], replaced: bool) -> None:
        end, outcome = state.served[place], self._outcome
        if end is None:
            return  # nothing was served yet, so nothing runs out
        left = end - now
        if left < self._week.least:
            self._week.least = left
        tightest = outcome.tightest is None or left < outcome.tightest.left
        expired = left < timedelta(0)
        if not tightest and not expired:
            return
        host = state.certificate.hosts[place]
        moment = Moment(left, now, state.certificate.name, host, state.since, state.issued, causes, replaced)
        if tightest:
            outcome.tightest = moment
        if expired:
            outcome.expired.append(moment)

    def _close(self) -> None:
        """What is served at the end."""
        now = self._scenario.until
        for state in self._states:
            held = state.certificate.not_after is not None and state.certificate.not_after >= self._scenario.start
            self._outcome.never_issued += not held and state.issued is None
            for place in range(len(state.served)):
                behind = (state.certificate.name, place) in self._behind
                causes = state.delivered + (Cause(HOST, state.issued, now),) if behind and state.issued else None
                self._measure(state, place, now, tuple(state.causes) if causes is None else causes, replaced=False)


def simulate(
    scenario: Scenario,
    issuers: Mapping[str, Issuer],
    certificates: Iterable[Certificate],
    stop: bool = False,
    log: bool = False,
) -> Outcome:
    return Simulation(scenario, issuers, certificates, stop, log).run()
