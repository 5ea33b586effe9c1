# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task on the controller: what the host is asked, what its answer means, and what travels. The action plugin carries it out.

Not for managed hosts: it needs ``sets``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Callable

from .._core import failure, pool
from .._core.plan import Plan
from . import answer, model, planning, question, removal, sets
from .deployment import Deployment
from .handshake import Served
from .layout import SetHave
from .remote import Execute, RemoteProof
from .sets import Loaded


class Delivery:
    """Sets that the host shall have. One that is missing or refused does not hold up the others, and the task fails for it at the end."""

    def __init__(self, options: dict[str, Any], now: datetime, predicting: bool) -> None:
        self._options, self._now, self._writing = options, now, not predicting
        certificates = options["certificates"]
        absent = [each["name"] for each in certificates if not sets.exists(options["sets_path"], each["name"])]
        # In check mode they are no error but a prediction: the task that issues them did not run.
        self._missing = absent if predicting else []
        self._proven = False
        self._load(sets.look, [each for each in certificates if each["name"] not in self._missing])
        if not self._loaded():
            pool.raise_failures(self._outcomes, _name)
        self._asked = self._want
        self._differing = {wanted.name for wanted in self._want.sets}
        self._remote = RemoteProof(options["proof_timeout"])
        self._travelling: set[str] | None = None

    def question(self) -> str:
        return question.ask(self._asked)

    def judge(self, output: str, diff: bool) -> tuple[dict[str, Any] | None, str]:
        """The result if there is nothing to do, and what was found."""
        plan, have = self._plan(output)
        if plan.changed:
            self._prove()
            plan, have = self._plan(output)
        if not plan.changed:
            return plan.result(Deployment().show(self._want, have, plan), diff), plan.reason
        self._differing = set(plan.before)
        changes = [step.data for step in plan.steps if step.action in ("install", "repair")]
        self._travelling = {change.set.wanted.name for change in changes}
        return None, _told(plan, have)

    def arguments(self, complete: bool = False) -> dict[str, Any] | None:
        """The options that are filled in for the module, with the contents that are missing there; ``None`` if no set is left."""
        self._prove()
        loaded = self._loaded()
        if self._outcomes and not loaded:
            return None
        everything = {wanted.name for wanted in self._want.sets}
        travelling = everything if complete or self._travelling is None else self._travelling
        return {**sets.arguments(loaded, travelling), "seen": None}

    def look_from_here(self) -> None:
        """Before the module changes something: what the controller sees of that."""
        self._remote.look(wanted for wanted in self._want.sets if wanted.name in self._differing)

    def conclude(self, result: dict[str, Any], execute: Execute) -> dict[str, Any]:
        """The result of the module, when the controller has seen what the sets serve; ``execute`` calls the module once more for them."""
        facts = {each.options["name"]: sets.given(each.options) for each in self._loaded()}
        return self._remote.conclude(result, self._want.sets, facts, execute)

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with what the host does not know: sets that are not issued yet, sets that were refused, and warnings."""
        problem = pool.failures(self._outcomes, _name)
        if problem is not None and not self._loaded():
            return failed(problem)
        result = dict(result)
        if self._missing and not result.get("failed"):
            result.update(sets.predicted(result, self._options["certificates"], self._missing))
        if problem is not None:
            result.update(_also_failed(result, problem))
        warnings = [text for each in self._loaded() for text in each.warnings]
        if warnings:
            result["warnings"] = [*result.get("warnings", []), *warnings]
        return result

    def _plan(self, output: str) -> tuple[Plan, tuple[SetHave, ...]]:
        have = answer.read(self._want, output, self._asked)
        contents = {each.options["name"]: each.contents for each in self._loaded()}
        return planning.plan(replace(self._want, contents=contents), have), have

    def _prove(self) -> None:
        """Nothing travels without. It needs the library and some time, which a host in order does not have to wait for."""
        if not self._proven:
            self._load(sets.load, [outcome.item for outcome in self._outcomes])
            self._proven = True

    def _load(self, load: Callable[..., Loaded], certificates: list[dict[str, Any]]) -> None:
        path = self._options["sets_path"]
        self._outcomes = pool.each(lambda each: load(path, each, self._now, self._writing), certificates, workers=1)
        facts = [each.options for each in self._loaded()]
        self._want = model.want({**self._options, "certificates": facts, "contents": None, "seen": None})

    def _loaded(self) -> list[Loaded]:
        return [outcome.value for outcome in self._outcomes if outcome.error is None]


class Clearance:
    """Sets that the host shall not have any more. The sets on the controller do not matter."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._certificates = options["certificates"]
        self._want = removal.want(options)

    def question(self) -> str:
        return question.ask_for_directories(self._want.root, [each.directory for each in self._want.sets])

    def judge(self, output: str, diff: bool) -> tuple[dict[str, Any] | None, str]:
        there = answer.present(output, [each.directory for each in self._want.sets])
        names = [each.name for each in self._want.sets if each.directory in there]
        if names:
            return None, "%s: to be removed" % ", ".join(names)
        resource, have = removal.Removal(), tuple(None for _each in self._want.sets)
        plan = resource.plan(self._want, have)
        return plan.result(resource.show(self._want, have, plan), diff), plan.reason

    def arguments(self, complete: bool = False) -> dict[str, Any] | None:
        """Names beyond ASCII become what the standard library of the host understands."""
        domains = {each.name: [endpoint.server_name for endpoint in each.endpoints] for each in self._want.sets}
        return {
            "certificates": [
                sets.given({**each, "domains": list(model.domains(each))} if domains[each["name"]] else each)
                for each in self._certificates
            ]
        }

    def look_from_here(self) -> None:
        """Nothing: what is removed is proven by nobody."""

    def conclude(self, result: dict[str, Any], execute: Execute) -> dict[str, Any]:
        return result

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        return result


def _name(options: dict[str, Any]) -> str:
    return str(options["name"])


def failed(error: Exception) -> dict[str, Any]:
    """The result of a task that did nothing."""
    return {"failed": True, "changed": False, "done": [], "open": [], **failure.describe(error)}


def _also_failed(result: dict[str, Any], problem: Exception) -> dict[str, Any]:
    """The failure of single sets, beside what became of the others."""
    described = failure.describe(problem)
    if result.get("failed"):
        return {"msg": "%s | %s" % (result.get("msg"), described["msg"])}
    return {"failed": True, "done": result.get("steps", []), "open": [], **described}


def _told(plan: Plan, have: tuple[SetHave, ...]) -> str:
    """What is different, for people who ask why the module ran."""
    steps = ["%s %s" % (step.action, step.subject) for step in plan.steps[:5]]
    served: list[Served] = [each for found in have for each in found.served if each.fingerprint is None]
    reasons = sorted({str(each.reason) for each in served})
    return "; ".join([plan.reason, *steps, *(["..."] if len(plan.steps) > 5 else []), *reasons])
