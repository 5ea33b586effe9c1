# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands the sets of units over to their services, and takes them back when a service does not take them.

The mark ``reload-owed`` is on the disk from before the first link of a set changes until its services serve the new version, or the
one before again. Whatever cuts this off, the next run finds the mark, and either comes to the end or goes back.
"""

from __future__ import annotations

import os
from typing import Iterable

from .._core import pool
from .._core.clock import SYSTEM, Clock
from .._core.errors import CollectionError, StateError
from .._core.plan import NotDone
from . import changes, commands, layout, service
from .handshake import Probe, Served, probe
from .model import Endpoint
from .planning import SetPlan
from .units import Act, Unit

_IN_PLACE = "Correct the cause and run again: there is no version to go back to, so the new files stay in place."
BACK = "Correct the cause and run again: the version before is live again."
TROUBLE = "Look after the services and run again: the version before is linked, but they did not come back (%s)."


class Handover:
    """Carries out the steps of units. A unit that failed is left at once, and holds up no other one.

    ``returned`` are the names of sets that were taken back, ``awaiting`` of those that keep their mark until the controller has seen them.
    """

    def __init__(self, clock: Clock = SYSTEM, one: Probe = probe) -> None:
        self._clock, self._probe = clock, one
        self._begun: set[str] = set()
        self._told: set[str] = set()
        self._failed: dict[str, pool.Outcome[Unit]] = {}
        self.returned: set[str] = set()
        self.awaiting: set[str] = set()

    @property
    def problem(self) -> Exception | None:
        """What failed, as one error."""
        outcomes = list(self._failed.values())
        error = pool.failures(outcomes, str)
        if isinstance(error, CollectionError):
            error.extra["rolled_back"] = all(_extra(each.error).get("rolled_back") for each in outcomes)
            error.extra["endpoints"] = [seen for each in outcomes for seen in _endpoints(each.error)]
        return error

    def failed(self, name: str) -> bool:
        """Whether the set was not taken, and so nothing more is to be done for it."""
        return any(item.wanted.name == name for each in self._failed.values() for item in each.item.sets)

    def apply(self, action: str, act: Act) -> None:
        """One step; ``NotDone`` when its unit has failed, now or before."""
        unit = act.unit
        if str(unit) in self._failed:
            raise NotDone
        if act.remote and unit.want.seen is None:
            self.awaiting |= _names(unit.sets)
            raise NotDone
        try:
            self._do(action, act)
            if act.last:
                self._settle(unit, unit.sets)
        except Exception as error:
            self._failed[str(unit)] = pool.Outcome(unit, error=self._go_back(unit, error))
            raise NotDone from error

    def _do(self, action: str, act: Act) -> None:
        unit = act.unit
        if act.item is not None:
            changes.switch(unit.want, act.item.wanted, act.item.previous)
            return
        if act.remote:
            service.judge(unit.remote, _seen(unit), unit.want.proof_timeout)
            return
        self._begin(unit)
        if action == "test":
            commands.run(act.command, commands.ConfigTestError)
            return
        try:
            self._tell(action, act)
        except (commands.ReloadError, service.ProofError) as error:
            # A service that did not start without a certificate, or that an earlier run has brought down.
            if not (unit.recovers and unit.one_way):
                raise
            try:
                self._recover(unit)
            except commands.RecoverError:
                raise error from None
            self._tell(action, act)

    def _tell(self, action: str, act: Act) -> None:
        if action == "reload":
            self._told.add(str(act.unit))
            commands.run(act.command)
        else:
            self._prove(act.unit, act.unit.proofs)

    def _begin(self, unit: Unit) -> None:
        """Sets that are switched have their mark. Those whose endpoints alone told get it before a command is run: the first of
        several may mend what is served, and then nothing tells that another one failed."""
        if str(unit) not in self._begun:
            self._begun.add(str(unit))
            for item in unit.sets:
                if (item.wanted.service or unit.remote) and not (item.switch or item.have.owed):
                    changes.owe(unit.want, item.wanted, item.previous)

    def _prove(self, unit: Unit, proofs: dict[Endpoint, str]) -> None:
        service.prove(proofs.items(), unit.want.proof_timeout, self._probe, self._clock)

    def _recover(self, unit: Unit) -> None:
        for command in unit.recovers:
            commands.run(command, commands.RecoverError)

    def _settle(self, unit: Unit, items: Iterable[SetPlan]) -> None:
        for item in items:
            changes.settle(unit.want, item.wanted)

    def _keep(self, unit: Unit, staying: list[SetPlan]) -> None:
        """What the host has proven may not be all."""
        if unit.want.seen is None and any(item.wanted.remote for item in staying):
            self.awaiting |= _names(staying)
        else:
            self._settle(unit, staying)

    # -- the way back ----------------------------------------------------------------------------------------------------

    def _go_back(self, unit: Unit, error: Exception) -> Exception:
        """Takes back what failed, and all of the unit if the services do not stand that. The error, with what became of it."""
        proven = isinstance(error, service.ProofError)
        fallen = unit.fallen(error.missing) if isinstance(error, service.ProofError) else unit.sets
        back = [item for item in fallen if item.previous]
        everything = [item for item in unit.sets if item.previous]
        staying = [item for item in unit.sets if proven and item not in fallen]
        trouble = self._return(unit, back, staying) if back else None
        if trouble and len(back) < len(everything):
            back, staying = everything, []
            trouble = self._return(unit, back, staying)
        if proven and not trouble:
            self._keep(unit, staying)
        self.returned |= _names(back)
        if isinstance(error, OSError):
            error = StateError.of_system(error)
        if isinstance(error, CollectionError):
            error.hint = TROUBLE % trouble if trouble else BACK if back else _IN_PLACE
            stuck = [item for item in fallen if item.switch and not item.previous]
            error.extra["rolled_back"] = bool(back) and not (trouble or stuck)
            error.extra["trouble"] = trouble
        return error

    def _return(self, unit: Unit, back: list[SetPlan], staying: list[SetPlan]) -> str | None:
        """Links, services, proof. What did not work, in words; then the marks stay for the next run."""
        try:
            for item in back:
                changes.switch_back(unit.want, item.wanted, str(item.previous))
            if str(unit) in self._told or unit.owed:
                blind = not any(item.wanted.endpoints for item in back)
                self._serve_again(unit, self._expected(unit, back, staying), blind)
            self._settle(unit, back)
        except CollectionError as error:
            return error.sentence().rstrip(".")
        except OSError as error:
            return StateError.of_system(error).message
        return None

    def _serve_again(self, unit: Unit, proofs: dict[Endpoint, str], blind: bool) -> None:
        """A reload that fails is no harm where the right certificate is served all the same, or where nothing was served before.
        A service is started where it served before, or where there is no endpoint to tell."""
        failure: CollectionError | None = None
        for command in unit.reloads:
            try:
                commands.run(command)
            except commands.ReloadError as error:
                failure = failure or error
        try:
            if failure and blind:
                raise failure
            self._prove(unit, proofs)
        except CollectionError:
            if not unit.recovers:
                raise
            self._recover(unit)
            self._prove(unit, proofs)

    def _expected(self, unit: Unit, back: list[SetPlan], staying: list[SetPlan]) -> dict[Endpoint, str]:
        """What was served before, as far as that is known; what an endpoint never served is not waited for."""
        found = {endpoint: item.wanted.fingerprint for item in staying for endpoint in item.wanted.endpoints}
        for item in (*back, *unit.others):
            before = item.wanted.fingerprint
            if item in back:
                before = layout.live(os.path.join(unit.want.path(item.wanted), str(item.previous))).fingerprint or ""
            for seen in item.have.served:
                if before and (item.have.owed or seen.fingerprint == before):
                    found[seen.endpoint] = before
        return found


def _names(items: Iterable[SetPlan]) -> set[str]:
    return {item.wanted.name for item in items}


def _seen(unit: Unit) -> dict[Endpoint, Served]:
    """By the controller, just now."""
    told = unit.want.seen or {}
    return {
        endpoint: Served(endpoint, *pair)
        for item in unit.sets
        for endpoint, pair in zip(item.wanted.remote, told[item.wanted.name])
    }


def _extra(error: Exception | None) -> dict[str, object]:
    return error.extra if isinstance(error, CollectionError) else {}


def _endpoints(error: Exception | None) -> list[object]:
    found = _extra(error).get("endpoints")
    return found if isinstance(found, list) else []
