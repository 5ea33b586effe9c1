# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task on the controller: what the host is asked, what its answer means, and what travels. The action plugin carries it out.

Not for managed hosts: it needs ``sets``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Mapping

from .._core import failure, pool
from .._core.plan import Plan
from . import answer, model, planning, question, removal, sets
from .deployment import Deployment
from .handshake import Served
from .layout import SetHave
from .sets import Loaded


class Delivery:
    """Sets that the host shall have. One that is missing or refused does not hold up the others, and the task fails for it at the end."""

    def __init__(self, options: dict[str, Any], now: datetime, check_mode: bool) -> None:
        self._options, self._now = options, now
        certificates = options["certificates"]
        absent = [each["name"] for each in certificates if not sets.exists(options["sets_path"], each["name"])]
        # In check mode they are no error but a prediction: the task that issues them did not run.
        self._missing = absent if check_mode else []
        wanted = [each for each in certificates if each["name"] not in self._missing]
        self._outcomes = pool.each(lambda each: self._load(each, key=False), wanted, workers=1)
        loaded = [each.options for each in self._loaded()]
        if not loaded:
            pool.raise_failures(self._outcomes, lambda each: str(each["name"]))
        self._want = model.want({**options, "certificates": loaded, "contents": None})
        self._travelling = {wanted.name for wanted in self._want.sets}

    def question(self) -> str:
        return question.ask(self._want)

    def judge(self, output: str, diff: bool) -> tuple[dict[str, Any] | None, str]:
        """The result if there is nothing to do, and what was found."""
        contents = {each.options["name"]: each.contents for each in self._loaded()}
        want, have = replace(self._want, contents=contents), answer.read(self._want, output)
        plan = planning.plan(want, have)
        if not plan.changed:
            return plan.result(Deployment().show(want, have, plan), diff), plan.reason
        changes = [step.data for step in plan.steps if step.action in ("install", "repair")]
        self._travelling = {change.set.wanted.name for change in changes}
        return None, _found(plan, have)

    def arguments(self, complete: bool = False) -> dict[str, Any] | None:
        """The options that are filled in for the module; ``None`` if no set is left. What travels is proven with its key before."""
        if complete:
            self._travelling = {wanted.name for wanted in self._want.sets}
        for position, outcome in enumerate(self._outcomes):
            if outcome.error is None and outcome.item["name"] in self._travelling:
                (self._outcomes[position],) = pool.each(
                    lambda each: self._load(each, key=True), [outcome.item], workers=1
                )
        loaded = self._loaded()
        return sets.arguments(loaded, self._travelling) if loaded or not self._outcomes else None

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with what the host does not know: sets that are not issued yet, sets that were refused, and warnings."""
        problem = pool.failures(self._outcomes, lambda each: str(each["name"]))
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

    def _load(self, options: Mapping[str, Any], key: bool) -> Loaded:
        return sets.load(self._options["sets_path"], options, self._now, key)

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
        there = answer.present(output)
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
                {**each, "domains": list(model.domains(each))} if domains[each["name"]] else each
                for each in self._certificates
            ]
        }

    def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        return result


def failed(error: Exception) -> dict[str, Any]:
    """The result of a task that did nothing."""
    return {"failed": True, "changed": False, "done": [], "open": [], **failure.describe(error)}


def _also_failed(result: dict[str, Any], problem: Exception) -> dict[str, Any]:
    """The failure of single sets, beside what became of the others."""
    described = failure.describe(problem)
    if result.get("failed"):
        return {"msg": "%s | %s" % (result.get("msg"), described["msg"])}
    return {"failed": True, "done": result.get("steps", []), "open": [], **described}


def _found(plan: Plan, have: tuple[SetHave, ...]) -> str:
    """What is different, for people who ask why the module ran."""
    steps = ["%s %s" % (step.action, step.subject) for step in plan.steps[:5]]
    served: list[Served] = [each for found in have for each in found.served if each.fingerprint is None]
    reasons = sorted({str(each.reason) for each in served})
    return "; ".join([plan.reason, *steps, *(["..."] if len(plan.steps) > 5 else []), *reasons])
