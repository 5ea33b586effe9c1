# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sets switch, reload and are proven together (pure).

Sets that name the same command, or the same ``unit``, stand and fall together: nobody can tell which of them a service did not take. Sets
without anything in common do not hold up each other.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from .._core.plan import Step
from .model import LINK, Command, Endpoint, Want

if TYPE_CHECKING:
    from .planning import SetPlan

_BEYOND = " from the controller"


@dataclass(frozen=True)
class Unit:
    """``sets`` have something to do. ``others`` are in order, but their services are told with those of the sets."""

    want: Want
    sets: tuple[SetPlan, ...]
    others: tuple[SetPlan, ...]

    @property
    def config_tests(self) -> tuple[Command, ...]:
        return _once(command for item in self.sets for command in item.wanted.service.config_test)

    @property
    def reloads(self) -> tuple[Command, ...]:
        return _once(command for item in self.sets for command in item.wanted.service.reload)

    @property
    def recovers(self) -> tuple[Command, ...]:
        return _once(command for item in self.sets for command in item.wanted.service.recover)

    @property
    def proofs(self) -> dict[Endpoint, str]:
        """What must be served where, when all is done."""
        return {
            endpoint: item.wanted.fingerprint
            for item in (*self.sets, *self.others)
            for endpoint in item.wanted.endpoints
        }

    @property
    def remote(self) -> dict[Endpoint, str]:
        """The same as seen from the controller: of the sets alone, for nobody asks from there where nothing is to do."""
        return {endpoint: item.wanted.fingerprint for item in self.sets for endpoint in item.wanted.remote}

    @property
    def owed(self) -> bool:
        """An earlier run was cut off: what the services have taken is not known."""
        return any(item.have.owed for item in self.sets)

    @property
    def one_way(self) -> bool:
        """There is nothing to go back to: a first deployment, or the rest of one that was cut off."""
        return not any(item.previous for item in self.sets) and any(item.switch or item.have.owed for item in self.sets)

    def fallen(self, missing: Iterable[Endpoint]) -> tuple[SetPlan, ...]:
        """The sets that cannot stay when these endpoints do not serve them."""
        failed = set(missing)
        wrong = [item for item in self.sets if failed.intersection((*item.wanted.endpoints, *item.wanted.remote))]
        names = {item.wanted.unit for item in wrong} - {None}
        return tuple(item for item in self.sets if item.wanted.unit in names or item in wrong)

    def __str__(self) -> str:
        return ", ".join(item.wanted.name for item in self.sets)


@dataclass(frozen=True)
class Act:
    """What a step of a unit carries: the set to switch, or the command to run. The last one settles what is owed.

    ``remote`` is the proof from the controller.
    """

    unit: Unit
    item: SetPlan | None = None
    command: Command = ()
    last: bool = False
    remote: bool = False


def of(want: Want, sets: Sequence[SetPlan]) -> list[Unit]:
    """The units in which there is something to do, in the order of the sets."""
    order = {item.wanted.name: number for number, item in enumerate(sets)}
    groups: list[tuple[set[object], list[SetPlan]]] = []
    for item in sets:
        if item.touched or item.stale or item.owed:
            keys, members = _keys(item), [item]
            for group in [each for each in groups if each[0] & keys]:
                groups.remove(group)
                keys, members = keys | group[0], [*group[1], *members]
            groups.append((keys, members))
    found = []
    for keys, members in groups:
        inside = {item.wanted.name for item in members}
        others = [item for item in sets if item.wanted.name not in inside and keys & _keys(item)]
        members.sort(key=lambda item: order[item.wanted.name])
        found.append(Unit(want, tuple(members), tuple(others)))
    return sorted(found, key=lambda unit: order[unit.sets[0].wanted.name])


def steps(unit: Unit) -> list[Step]:
    """Links, tests of the configuration, reloads, one proof from the host and one from the controller."""
    found = [
        ("switch", "%s %s -> %s" % (item.wanted.name, LINK, item.wanted.serial), Act(unit, item))
        for item in unit.sets
        if item.switch
    ]
    found += [("test", _line(command), Act(unit, command=command)) for command in unit.config_tests]
    found += [("reload", _line(command), Act(unit, command=command)) for command in unit.reloads]
    if unit.proofs or (unit.owed and not (found or unit.remote)):
        # where nothing is to be proven, this settles what is owed
        proven = [item.wanted.name for item in (*unit.sets, *unit.others) if item.wanted.endpoints or not unit.proofs]
        found.append(("prove", ", ".join(proven), Act(unit)))
    if unit.remote:
        found.append(_remote(unit))
    return [
        Step(action, subject, data=replace(act, last=number == len(found)))
        for number, (action, subject, act) in enumerate(found, 1)
    ]


def confirmation(unit: Unit) -> Step:
    """What is left to do when the controller has seen what is served."""
    action, subject, act = _remote(unit)
    return Step(action, subject, data=replace(act, last=True))


def is_remote(step: Mapping[str, str]) -> bool:
    """Whether a step, as users see it, is a proof from the controller."""
    return step["action"] == "prove" and step["subject"].endswith(_BEYOND)


def _remote(unit: Unit) -> tuple[str, str, Act]:
    proven = [item.wanted.name for item in unit.sets if item.wanted.remote]
    return "prove", ", ".join(proven) + _BEYOND, Act(unit, remote=True)


def _keys(item: SetPlan) -> set[object]:
    wanted = item.wanted
    commands = (*wanted.service.config_test, *wanted.service.reload)
    keys: set[object] = {("set", wanted.name), *(("command", command) for command in commands)}
    return keys | ({("unit", wanted.unit)} if wanted.unit else set())


def _once(commands: Iterable[Command]) -> tuple[Command, ...]:
    return tuple(dict.fromkeys(commands))


def _line(command: Command) -> str:
    return " ".join(map(shlex.quote, command))
