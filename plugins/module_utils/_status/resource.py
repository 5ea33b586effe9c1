# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``certificate_status`` as a resource: it looks once, and its only step is to write the report."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from .._core import files
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import UsageError
from .._core.names import file_name
from .._core.plan import Plan, Step
from . import disk, due, hosted, model, observed, paid, probe, record, report, summary
from .judge import OK
from .model import Certificate, Issued, Leaf, Look, Target


@dataclass(frozen=True)
class Want:
    params: Mapping[str, Any]
    settings: model.Settings
    certificates: list[Certificate] | None
    targets: list[Target]


@dataclass(frozen=True)
class Have:
    """``before``: digest of the report that was there."""

    document: dict[str, Any] | None
    sets: list[dict[str, Any]]
    renewals: list[dict[str, Any]] | None
    looks: list[Look]
    looked_at: str
    before: str | None


class Status:
    may_write = False

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._have: Have | None = None

    def want(self, params: dict[str, Any]) -> Want:
        if params["path"] and not params["sets_path"]:
            raise UsageError("path needs sets_path", hint="A report is about the sets of the controller.")
        if not any(params[name] for name in ("sets_path", "root", "renewals_path", "certificates", "endpoints")):
            raise UsageError("there is nothing to look at", hint="Give sets_path, root, certificates or endpoints.")
        return Want(params, model.settings(params), model.certificates(params), model.targets(params))

    def read(self, want: Want) -> Have:
        """Once: whoever asks after the step gets the same picture."""
        if self._have is None:
            self._have = self._look(want)
        return self._have

    def plan(self, want: Want, have: Have) -> Plan:
        if not want.params["path"] or have.document is None:
            return Plan(reason="no report is wanted")
        path, digest = want.params["path"], have.document["digest"]
        if digest == have.before:
            return Plan(reason="nothing changed since the last report")
        counts = dict(have.document["counts"])
        before = {"report": "of another state of the fleet" if have.before else "absent"}
        step = Step("write", path, data=have.document)
        return Plan((step,), before, {"report": counts}, reason="the fleet is not as the last report has it")

    def apply(self, step: Step) -> None:
        self._write(step.subject, step.data)

    def show(self, want: Want, have: Have, plan: Plan) -> dict[str, Any]:
        path = want.params["path"]
        if path and have.document is not None and self.may_write and not plan.changed:
            self._write(path, have.document)  # the same facts, looked at again
        shown: dict[str, Any] = {"looked_at": have.looked_at}
        if want.params["root"] is not None or have.document is None:
            shown["sets"] = _with_endpoints(have)
            shown["facts"] = {"version": model.VERSION, "certificates": {each["name"]: each for each in have.sets}}
        if have.renewals is not None:
            shown["renewals"] = have.renewals
        if have.document is not None:
            records = have.document["certificates"]
            chosen = {"all": records, "problems": [each for each in records if each["state"] != OK], "none": []}
            shown.update(
                counts=have.document["counts"],
                summary=summary.lines(have.document, want.params["summary_lines"]),
                certificates=chosen[want.params["records"]],
                report=path,
            )
        return shown

    def _write(self, path: str, document: dict[str, Any]) -> None:
        files.make_directory(os.path.dirname(os.path.abspath(path)), 0o755)
        files.write(path, report.encode(document), files.PUBLIC)

    def _look(self, want: Want) -> Have:
        now, params = self._clock.now(), want.params
        sets = disk.deployed(params["root"]) if params["root"] is not None else []
        renewals = disk.renewals(params["renewals_path"]) if params["renewals_path"] is not None else None
        issued = dict(_issued(want)) if params["sets_path"] else {}
        looks = probe.look(want.targets, want.settings, _wanted(issued, sets), self._clock)
        document, before = None, None
        if params["sets_path"]:
            document = self._document(want, issued, looks)
            before = report.kept_digest(params["path"]) if params["path"] else None
        return Have(document, sets, renewals, looks, iso(now), before)

    def _document(self, want: Want, issued: dict[str, Issued], looks: list[Look]) -> dict[str, Any]:
        now, params = self._clock.now(), want.params
        seen = observed.read(params["observed"], now)
        # two CAs may give the same number
        revocations: dict[Any, Mapping[str, Any]] = {
            (each.get("serial"), each.get("not_after")): each for each in params["revocation"]
        }
        found = _grouped([*seen.looks, *looks])
        deployed: dict[str, list[observed.Deployed]] = {}
        for each in seen.deployed:
            deployed.setdefault(each.name, []).append(each)
        records = []
        wants = want.certificates
        if wants is None:
            wants = [model.certificate(params, {"name": name}) for name in issued]
        calendars = due.calendars((wanted.policy for wanted in wants), now)
        for wanted in wants:
            frozen = calendars[wanted.policy.freezes]["id"] if wanted.policy.freezes else None
            if wanted.client:
                # a set that is damaged goes by its directory
                names = dict.fromkeys((wanted.name, file_name(wanted.name)))
                there = [each for name in names for each in deployed.get(name, [])]
                own = hosted.facts(wanted, seen, found.pop(wanted.name, []), there, frozen)
                records += [record.of_set(each, want.settings, now) for each in own]
                continue
            mine = issued.get(wanted.name, Issued(None, {}))
            facts = record.Facts(
                wanted=wanted,
                issued=mine,
                looks=found.pop(wanted.name, []),
                deployed=deployed.get(wanted.name, []),
                silent=[each for each in seen.silent if each[0] in (wanted.hosts or ())],
                revocation=revocations.get(_key(mine.leaf)),
                term_end=paid.term_end(params["journal_path"], wanted.issuer, mine.meta),
                asked=bool(params["observed"]),
                freezes=frozen,
            )
            records.append(record.of_set(facts, want.settings, now))
        for look in (look for others in found.values() for look in others):
            revocation = revocations.get(_key(look.leaf))
            records.append(record.of_endpoint(look, revocation, want.settings, now))
        return report.document(records, want.settings, now, params["title"], list(calendars.values()))


def _key(leaf: Leaf | None) -> tuple[str, str] | None:
    return (leaf.serial, iso(leaf.not_after)) if leaf else None


def _issued(want: Want) -> Iterator[tuple[str, Issued]]:
    path = want.params["sets_path"]
    if want.certificates is None:
        yield from disk.all_issued(path)
        return
    for wanted in (each for each in want.certificates if not each.client):
        yield wanted.name, disk.issued(path, wanted.name)


def _wanted(issued: Mapping[str, Issued], sets: list[dict[str, Any]]) -> dict[str, probe.Wanted]:
    """What must be served: what was issued, else what lies on this host."""
    found = {each["name"]: probe.Wanted(each["fingerprint"], None) for each in sets if each["serial"]}
    for name, each in issued.items():
        if each.leaf is not None:
            found[name] = probe.Wanted(each.leaf.fingerprint, each.leaf.key_type)
    return found


def _grouped(looks: list[Look]) -> dict[str | None, list[Look]]:
    found: dict[str | None, list[Look]] = {}
    for look in looks:
        found.setdefault(look.target.name, []).append(look)
    return found


def _with_endpoints(have: Have) -> list[dict[str, Any]]:
    """The host's sets in the words of ``certificate_deploy``; an endpoint without a set makes one that has nothing."""
    shown = {each["name"]: {**each, "endpoints": []} for each in have.sets}
    for look in have.looks:
        name = look.target.name or look.target.server_name
        entry = shown.setdefault(name, {"name": name, "serial": None, "endpoints": []})
        entry["endpoints"].append(_shown(look, entry.get("fingerprint")))
    return list(shown.values())


def _shown(look: Look, wanted: str | None) -> dict[str, Any]:
    target, leaf = look.target, look.leaf
    return {
        "address": target.address,
        "port": target.port,
        "server_name": target.server_name,
        "starttls": target.starttls,
        "served": leaf.fingerprint if leaf else None,
        "serial": leaf.serial if leaf else None,
        "not_before": iso(leaf.not_before) if leaf else None,
        "not_after": iso(leaf.not_after) if leaf else None,
        "reason": look.reason,
        "proof": leaf is not None and leaf.fingerprint == wanted,
    }
