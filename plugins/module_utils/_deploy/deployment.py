# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of one host, as a resource of the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, cast

from .._core.clock import SYSTEM, Clock
from .._core.plan import Plan, Step
from . import access, changes, layout, model, planning, service
from .handshake import Probe, probe, probe_all
from .hold import Hold
from .layout import SetHave
from .model import Want
from .planning import Change


class Deployment:
    """Wants, reads and changes the sets below one root. Holds the root's lock until the process ends."""

    def __init__(self, clock: Clock = SYSTEM, one: Probe = probe) -> None:
        self._clock = clock
        self._probe = one
        self._hold = Hold(clock)

    def want(self, params: dict[str, Any]) -> Want:
        return model.want(params)

    def read(self, want: Want) -> tuple[SetHave, ...]:
        # Before the first run there is no root to lock; its first step makes one and locks it.
        self._hold.take(want.root)
        found = [layout.read(want, wanted) for wanted in want.sets]
        endpoints = [endpoint for wanted in want.sets for endpoint in wanted.endpoints]
        timeout = min(service.PROBE_TIMEOUT, want.proof_timeout)
        served = iter(probe_all(endpoints, timeout, self._probe))
        return tuple(
            replace(have, served=tuple(next(served) for _endpoint in wanted.endpoints))
            for wanted, have in zip(want.sets, found)
        )

    def plan(self, want: Want, have: tuple[SetHave, ...]) -> Plan:
        return planning.plan(want, have)

    def apply(self, step: Step) -> None:
        actions: dict[str, Callable[[Any], None]] = {
            "install": self._install,
            "repair": self._install,
            "set_access": self._set_access,
            "switch": lambda change: changes.switch(change.want, change.set.wanted),
            "reload": self._reload,
            "prove": self._prove,
            "remove": lambda change: changes.remove(change.want, change.set.wanted, change.entry),
        }
        actions[step.action](step.data)

    def show(self, want: Want, have: tuple[SetHave, ...], plan: Plan) -> dict[str, Any]:
        return {"sets": [self._show(want, index, have[index], plan) for index in range(len(want.sets))]}

    def close(self) -> None:
        """Lets other runs in."""
        self._hold.close()

    def _show(self, want: Want, index: int, have: SetHave, plan: Plan) -> dict[str, Any]:
        wanted = want.sets[index]
        before = cast("dict[str, object]", plan.before.get(wanted.name, {})).get(model.LINK)
        return {
            "name": wanted.name,
            "serial": wanted.serial,
            "fingerprint": wanted.fingerprint,
            "previous_serial": before if before != wanted.serial else None,
            "current": have.current,
            "not_after": wanted.not_after,
            "names": list(wanted.names),
            "path": want.path(wanted, model.LINK),
            "changed": wanted.name in plan.before,
            "endpoints": [served.result(wanted.fingerprint) for served in have.served],
        }

    def _install(self, change: Change) -> None:
        if not self._hold.taken:
            access.make_directory(change.want.root, change.want.directory_mode)
            self._hold.take(change.want.root)
        changes.install(change.want, change.set.wanted, change.set.have.uid, change.set.have.gid)

    def _set_access(self, change: Change) -> None:
        for path, _found, wanted in change.set.access:
            access.apply(change.want.path(change.set.wanted, *path.split("/")).rstrip("/"), wanted)

    def _reload(self, step: planning.Reload) -> None:
        # Most sets have their mark since the switch. Those whose endpoints alone told get it now: the first of several
        # commands may mend what is served, and then nothing tells that another one failed.
        for wanted in step.owing:
            changes.owe(step.want, wanted)
        service.reload(step.command)
        for wanted in step.settled:
            changes.settle(step.want, wanted)

    def _prove(self, proof: planning.Proof) -> None:
        service.prove(proof.endpoints, proof.want.proof_timeout, self._probe, self._clock)
        for wanted in proof.settled:
            changes.settle(proof.want, wanted)
