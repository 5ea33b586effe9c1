# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to do on a host: a pure function of what is wanted and what is there."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import StateError, UsageError
from .._core.plan import Plan, Step
from . import units
from .access import Access
from .handshake import Served
from .layout import SetHave, Version
from .model import LINK, SetWant, Want


@dataclass(frozen=True)
class SetPlan:
    """What is to do for one set. ``access`` are pairs of a path below the set's directory and what it shall get."""

    wanted: SetWant
    have: SetHave
    install: str | None
    damaged: tuple[str, ...]
    access: tuple[tuple[str, Access, Access], ...]
    switch: bool
    stale: tuple[Served, ...]
    remove: tuple[str, ...]

    @property
    def touched(self) -> bool:
        """Another key or certificate is at the live path."""
        return bool(self.install or self.switch)

    @property
    def owed(self) -> bool:
        """An earlier run did not come to its end. Without a command or an endpoint there is nobody to tell or to ask."""
        return self.have.owed and self.wanted.looked_after

    @property
    def previous(self) -> str | None:
        """The version to go back to: the last one that services are known to have taken."""
        serial = self.have.previous if self.have.owed else self.have.current
        return serial if serial and serial != self.wanted.serial and self.have.version(serial) else None

    @property
    def changes(self) -> bool:
        return bool(self.touched or self.access or self.stale or self.owed or self.remove)


@dataclass(frozen=True)
class Change:
    """What a step of one set carries to ``apply``."""

    want: Want
    set: SetPlan
    entry: str = ""


def plan(want: Want, have: tuple[SetHave, ...]) -> Plan:
    """Files first, for all sets; then unit by unit the links and the services; old versions go when the new ones are proven."""
    if want.seen is not None:
        return _plan_confirmation(want, have)
    sets = [_plan_set(want, wanted, found) for wanted, found in zip(want.sets, have)]
    installs: list[Step] = []
    for item in sets:
        name, change = item.wanted.name, Change(want, item)
        if item.install:
            installs.append(Step(item.install, "%s %s" % (name, item.wanted.serial), data=change))
        if item.access:
            text = ", ".join("%s %s" % (path or ".", access.show(access)) for path, _found, access in item.access)
            installs.append(Step("set_access", "%s: %s" % (name, text), data=change))
    changed = [item for item in sets if item.changes]
    return Plan(
        steps=(
            *installs,
            *(step for unit in units.of(want, sets) for step in units.steps(unit)),
            *_removals(want, sets),
        ),
        before={item.wanted.name: _before(item) for item in changed},
        after={item.wanted.name: _after(item) for item in changed},
        reason="%d of %d sets differ" % (len(changed), len(sets)) if changed else "every set is in place",
    )


def _plan_confirmation(want: Want, have: tuple[SetHave, ...]) -> Plan:
    """The rest of an earlier call, which left the sets live and owed until the controller has seen them."""
    for wanted, found in zip(want.sets, have):
        if not found.owed or found.current != wanted.serial or not found.version(wanted.serial):
            raise StateError(
                "%s changed while the controller asked its endpoints" % want.path(wanted),
                hint="Another run deploys to this host. Run again.",
            )
    sets = [_plan_set(want, wanted, found) for wanted, found in zip(want.sets, have)]
    proofs = [units.confirmation(unit) for unit in units.of(want, sets)]
    return Plan(steps=(*proofs, *_removals(want, sets)), reason="what the controller saw is known")


def _removals(want: Want, sets: list[SetPlan]) -> list[Step]:
    return [
        Step("remove", "%s %s" % (item.wanted.name, entry), data=Change(want, item, entry))
        for item in sets
        for entry in item.remove
    ]


def _plan_set(want: Want, wanted: SetWant, have: SetHave) -> SetPlan:
    version = have.version(wanted.serial)
    damaged = _damaged(wanted, version) if version else ()
    install = "install" if version is None else "repair" if damaged else None
    if install and wanted.name not in want.contents:
        raise UsageError(
            "the content of the certificate set %r did not travel to the host" % wanted.name,
            hint="The host changed while the task ran; run it again.",
            not_sent=[wanted.name],
        )
    return SetPlan(
        wanted=wanted,
        have=have,
        install=install,
        damaged=damaged,
        access=_access(want, wanted, have, None if install else version),
        switch=have.current != wanted.serial,
        stale=tuple(served for served in have.served if served.fingerprint != wanted.fingerprint),
        remove=(*_outdated(want, wanted, have), *have.leftovers),
    )


def _damaged(wanted: SetWant, version: Version) -> tuple[str, ...]:
    found = dict(version.files)
    return tuple(name for name, digest in wanted.digests if name not in found or found[name].digest != digest)


def _access(
    want: Want, wanted: SetWant, have: SetHave, version: Version | None
) -> tuple[tuple[str, Access, Access], ...]:
    """Modes, owners and groups that differ where nothing is written anew."""
    directory = Access(want.directory_mode, gid=have.gid)
    pairs: list[tuple[str, Access | None, Access]] = [("", have.access, directory)]
    if version is not None:
        pairs.append((wanted.serial, version.access, directory))
        pairs += [
            ("%s/%s" % (wanted.serial, name), file.access, Access(wanted.mode_of(name), have.uid, have.gid))
            for name, file in version.files
        ]
    return tuple((path, found, access) for path, found, access in pairs if found and not access.allows(found))


def _outdated(want: Want, wanted: SetWant, have: SetHave) -> tuple[str, ...]:
    others = [version for version in have.versions if version.serial != wanted.serial]
    # What services have taken, or what may be linked when they do not take the wanted one, is worth more than what is newer: that was refused.
    kept = (have.current, have.previous)
    others.sort(key=lambda version: (version.serial in kept, version.age, version.serial), reverse=True)
    return tuple(version.serial for version in others[want.keep :])


def _before(item: SetPlan) -> dict[str, object]:
    live = item.have.live
    if item.have.current == item.wanted.serial:
        return {**_after(item), **_details(item, before=True)}
    return {
        LINK: item.have.current,
        "fingerprint": live.fingerprint,
        "names": list(live.names),
        "not_after": live.not_after,
        **_details(item, before=True),
    }


def _after(item: SetPlan) -> dict[str, object]:
    wanted = item.wanted
    return {
        LINK: wanted.serial,
        "fingerprint": wanted.fingerprint,
        "names": list(wanted.names),
        "not_after": wanted.not_after,
        **_details(item, before=False),
    }


def _details(item: SetPlan, before: bool) -> dict[str, object]:
    """What changes beside the certificate, on one side of the difference."""
    versions = {version.serial for version in item.have.versions}
    if not before:
        versions = (versions | {item.wanted.serial}) - set(item.remove)
    result: dict[str, object] = {"versions": sorted(versions)}
    if item.damaged:
        result["content"] = "%s differ from what was issued" % ", ".join(item.damaged) if before else "as issued"
    if item.access:
        result["access"] = {
            path or ".": (found if before else wanted).show(wanted) for path, found, wanted in item.access
        }
    if item.have.leftovers:
        result["leftovers"] = list(item.have.leftovers) if before else []
    if item.owed:
        result["reload"] = "owed" if before else "done"
    if item.stale:
        result["served"] = {
            str(served.endpoint): served.show() if before else item.wanted.fingerprint for served in item.stale
        }
    return result
