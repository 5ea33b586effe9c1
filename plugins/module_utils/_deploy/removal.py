# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that a host shall not have any more, as a resource of the engine.

All links go before the first version does: a service that still reads one of them fails as long as nothing is lost but the link.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Mapping

from .._core import files, names, pool
from .._core.clock import SYSTEM, Clock
from .._core.errors import CollectionError, StateError
from .._core.plan import Plan, Step
from . import layout, model, service
from .handshake import Probe, Served, probe, probe_all
from .hold import Hold
from .layout import Live
from .model import LINK, SERIAL, Endpoint


class InUseError(CollectionError):
    """An endpoint serves a certificate of the set. ``extra["endpoints"]`` says which."""

    kind = "in_use"


@dataclass(frozen=True)
class Unwanted:
    name: str
    directory: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Want:
    root: str
    sets: tuple[Unwanted, ...]

    def path(self, unwanted: Unwanted, *parts: str) -> str:
        return os.path.join(self.root, unwanted.directory, *parts)


@dataclass(frozen=True)
class Have:
    """A set that is there. ``fingerprints`` are those of all its versions; ``kept`` says that it is not to be removed."""

    current: str | None
    live: Live
    versions: tuple[str, ...]
    fingerprints: tuple[str, ...]
    served: tuple[Served, ...] = ()
    kept: bool = False


def want(params: Mapping[str, Any]) -> Want:
    """The options of the module; of the certificates only names and endpoints count."""
    sets = tuple(
        Unwanted(options["name"], names.file_name(options["name"]), model.endpoints(options))
        for options in params["certificates"]
    )
    model.refuse_twice("the certificate", [each.name for each in sets])
    return Want(model.root(params), sets)


class Removal:
    """Removes sets. One that is in use, or is not as this collection leaves it, does not hold up the others."""

    def __init__(self, clock: Clock = SYSTEM, one: Probe = probe) -> None:
        self._probe = one
        self._hold = Hold(clock)
        self.problem: Exception | None = None

    def want(self, params: dict[str, Any]) -> Want:
        return want(params)

    def read(self, want: Want) -> tuple[Have | None, ...]:
        self._hold.take(want.root)
        outcomes = pool.each(lambda each: _look(want, each), want.sets, workers=1)
        there = [outcome for outcome in outcomes if outcome.value is not None]
        endpoints = [endpoint for outcome in there for endpoint in outcome.item.endpoints]
        served = iter(probe_all(endpoints, service.PROBE_TIMEOUT, self._probe))
        for outcome in there:
            seen = tuple(next(served) for _endpoint in outcome.item.endpoints)
            outcome.error = _in_use(outcome.value, seen)
            outcome.value = replace(outcome.value, served=seen, kept=outcome.error is not None)
        self.problem = pool.failures(outcomes, lambda each: str(each.name))
        return tuple(outcome.value for outcome in outcomes)

    def plan(self, want: Want, have: tuple[Have | None, ...]) -> Plan:
        there = [(each, found) for each, found in zip(want.sets, have) if found is not None and not found.kept]
        links = [
            Step("unlink", "%s %s" % (each.name, LINK), data=(want, each)) for each, found in there if found.current
        ]
        rest = [
            Step("remove", "%s %s" % (each.name, ", ".join(found.versions) or "."), data=(want, each))
            for each, found in there
        ]
        return Plan(
            steps=(*links, *rest),
            before={each.name: _describe(found) for each, found in there},
            after={each.name: None for each, _found in there},
            reason="%d of %d sets are there" % (len(there), len(have)) if there else "no set is there to be removed",
        )

    def apply(self, step: Step) -> None:
        place, unwanted = step.data
        if step.action == "unlink":
            files.remove(place.path(unwanted, LINK))
        else:
            files.remove_directory(place.path(unwanted))

    def show(self, want: Want, have: tuple[Have | None, ...], plan: Plan) -> dict[str, Any]:
        return {"sets": [_show(want, each, found, plan) for each, found in zip(want.sets, have)]}

    def close(self) -> None:
        """Lets other runs in."""
        self._hold.close()


def _look(want: Want, unwanted: Unwanted) -> Have | None:
    path = want.path(unwanted)
    if not os.path.lexists(path):
        return None
    if os.path.islink(path) or not os.path.isdir(path):
        raise StateError("%s is not a directory" % path, hint="Move it away and run again.")
    entries, link = sorted(os.listdir(path)), os.path.join(path, LINK)
    ours = {LINK, layout.OWED} if os.path.islink(link) else {layout.OWED}
    strange = [each for each in entries if not (each in ours or SERIAL.match(each) or layout.is_leftover(each))]
    if strange:
        raise StateError(
            "%s has something in it that does not belong to the set (%s)" % (path, ", ".join(map(repr, strange[:3]))),
            hint="Move it away and run again.",
        )
    current = files.read_link(link)
    versions = tuple(each for each in entries if SERIAL.match(each))
    lives = {each: layout.live(os.path.join(path, each)) for each in entries if each not in ours}
    return Have(
        current=current,
        live=lives.get(current or "", Live()),
        versions=versions,
        fingerprints=tuple(sorted({live.fingerprint for live in lives.values() if live.fingerprint})),
    )


def _in_use(found: Have, seen: tuple[Served, ...]) -> InUseError | None:
    using = [served for served in seen if served.fingerprint in found.fingerprints]
    if not using:
        return None
    return InUseError(
        "the certificate is still served at %s" % ", ".join(str(served.endpoint) for served in using[:3]),
        hint="Configure the service for another certificate, reload it and run again.",
        endpoints=[served.result(*found.fingerprints) for served in using],
    )


def _describe(found: Have) -> dict[str, object]:
    return {
        LINK: found.current,
        "fingerprint": found.live.fingerprint,
        "names": list(found.live.names),
        "not_after": found.live.not_after,
        "versions": list(found.versions),
    }


def _show(want: Want, unwanted: Unwanted, found: Have | None, plan: Plan) -> dict[str, Any]:
    before = plan.before.get(unwanted.name)
    return {
        "name": unwanted.name,
        "serial": None,
        "fingerprint": None,
        "previous_serial": before.get(LINK) if isinstance(before, dict) else None,
        "current": found.current if found else None,
        "not_after": None,
        "names": [],
        "path": want.path(unwanted, LINK),
        "changed": unwanted.name in plan.before,
        "endpoints": [served.result(*found.fingerprints) for served in found.served] if found else [],
    }
