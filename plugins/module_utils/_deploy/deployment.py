# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of one host, as a resource of the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from .._core import files
from .._core.clock import SYSTEM, Clock
from .._core.plan import NotDone, Plan, Step
from . import access, changes, commands, layout, model, planning, service
from .handover import Handover
from .handshake import Probe, probe, probe_all
from .hold import Hold
from .layout import SetHave
from .model import Want
from .planning import Change
from .units import Act


class Deployment:
    """Wants, reads and changes the sets below one root. Holds the root's lock until the process ends."""

    def __init__(self, clock: Clock = SYSTEM, one: Probe = probe) -> None:
        self._probe = one
        self._hold = Hold(clock)
        self._handover = Handover(clock, one)

    def want(self, params: dict[str, Any]) -> Want:
        return model.want(params, commands.systemd())

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
        if isinstance(step.data, Act):
            self._handover.apply(step.action, step.data)
        elif step.action == "set_access":
            self._set_access(step.data)
        elif step.action == "remove":
            self._remove(step.data)
        else:
            self._install(step.data)

    @property
    def problem(self) -> Exception | None:
        """What services did not take."""
        return self._handover.problem

    def show(self, want: Want, have: tuple[SetHave, ...], plan: Plan) -> dict[str, Any]:
        """Beside the keys of RETURN, for the action plugin: ``awaiting`` are the sets that the controller has to see, ``live`` are the
        fingerprints of what is linked when it has."""
        awaiting = sorted(self._handover.awaiting)
        live = {wanted.name: found.live.fingerprint for wanted, found in zip(want.sets, have)}
        return {
            "sets": [self._show(want, index, have[index], plan) for index in range(len(want.sets))],
            "rolled_back": bool(self._handover.returned),
            **({"awaiting": awaiting} if awaiting else {}),
            **({"live": live} if want.seen is not None else {}),
        }

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
            "rolled_back": wanted.name in self._handover.returned,
            "endpoints": [served.result(wanted.fingerprint) for served in have.served],
        }

    def _install(self, change: Change) -> None:
        if not self._hold.taken:
            access.make_directory(change.want.root, change.want.directory_mode)
            self._hold.take(change.want.root)
        have = change.set.have
        changes.install(change.want, change.set.wanted, have.uid, have.gid, change.set.previous)

    def _set_access(self, change: Change) -> None:
        for path, _found, wanted in change.set.access:
            access.apply(change.want.path(change.set.wanted, *path.split("/")).rstrip("/"), wanted)

    def _remove(self, change: Change) -> None:
        # The way back led to the version before, or the next run's will. What else was refused in earlier runs goes all the same:
        # a service that takes nothing must not fill the disk.
        item = change.set
        name = item.wanted.name
        if self._handover.failed(name) or name in self._handover.awaiting:
            live = files.read_link(change.want.path(item.wanted, model.LINK))
            if change.entry in (live, item.previous):
                raise NotDone
        changes.remove(change.want, item.wanted, change.entry)
