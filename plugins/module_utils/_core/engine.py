# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one resource. The only place that knows check mode, diff, ``exit_json`` and ``fail_json``."""

from __future__ import annotations

from typing import Any, Callable, Protocol

from ansible.module_utils.basic import AnsibleModule

from . import failure, steps
from .plan import Plan, Step


class Resource(Protocol):
    """The contract of all resources; ``docs/development/architecture.md`` has it in words.

    A resource whose steps do not depend on each other has an attribute ``workers``: how many of them may run at once. One
    that works on a list keeps in ``problem`` what went wrong with single items while it read: the others go on. One with a method
    ``remarks(want, have)`` warns of what it sees in the end, a plan's ``warnings`` of what it saw before. One with an attribute
    ``may_write`` is told whether it may keep what it was told for the next run; never in check mode.
    """

    def want(self, params: dict[str, Any]) -> Any:
        """The options, normalised; ``UsageError`` for what a spec cannot say."""

    def read(self, want: Any) -> Any:
        """What is there now. Writes nothing, sends GETs alone."""

    def plan(self, want: Any, have: Any) -> Plan:
        """What is to do, decided purely."""

    def apply(self, step: Step) -> None:
        """Does one step."""

    def show(self, want: Any, have: Any, plan: Plan) -> dict[str, Any]:
        """The result: the keys of RETURN."""


class Info(Protocol):
    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        """The result. Keeps what it was told for the next run, if it may."""


def run(factory: Callable[[], Resource], **spec: Any) -> None:
    """The whole life of a module call. ``spec`` goes to ``AnsibleModule``; check mode is always supported.

    ``factory`` makes the resource after the options were checked, so that its imports are guarded too. After the steps the
    resource is read again and shows what it sees; in check mode it shows what it saw, and the plan says what would change.
    """
    module = AnsibleModule(supports_check_mode=True, **spec)
    done: list[Step] = []
    plan = Plan()
    shown: dict[str, Any] = {}
    try:
        resource = factory()
        if hasattr(resource, "may_write"):
            resource.may_write = not module.check_mode
        want = resource.want(module.params)
        have = resource.read(want)
        plan = resource.plan(want, have)
        for warning in plan.warnings:
            module.warn(warning)
        problem = None
        if plan.changed and not module.check_mode:
            problem = steps.carry_out(resource, plan, done)
            have = resource.read(want)
        shown = resource.show(want, have, plan)
        for warning in _remarks(resource, want, have):
            if warning not in plan.warnings:
                module.warn(warning)
        problem = problem or getattr(resource, "problem", None)
        if problem is not None:
            raise problem
    except Exception as error:  # pylint: disable=broad-except
        module.fail_json(
            changed=bool(done),
            done=[step.show() for step in done],
            open=[step.show() for step in plan.steps if step not in done],
            **shown,
            **failure.describe(error),
        )
        raise  # not reached: for those who read, and for type checkers
    module.exit_json(**plan.result(shown, module._diff))


def run_info(factory: Callable[[], Info], **spec: Any) -> None:
    """A module that only looks. ``may_write`` allows it to keep what it was told, for the next run; never in check mode.

    One that looks at a list keeps in ``problem`` what went wrong with single items: the user gets the results of the others with it.
    """
    module = AnsibleModule(supports_check_mode=True, **spec)
    result: dict[str, Any] = {}
    try:
        resource = factory()
        result = resource.look(module.params, may_write=not module.check_mode)
        problem: Exception | None = getattr(resource, "problem", None)
        if problem is not None:
            raise problem
    except Exception as error:  # pylint: disable=broad-except
        module.fail_json(**result, **failure.describe(error))
        raise  # not reached
    module.exit_json(changed=False, **result)


def _remarks(resource: Resource, want: Any, have: Any) -> list[str]:
    remarks: Callable[[Any, Any], list[str]] | None = getattr(resource, "remarks", None)
    return remarks(want, have) if remarks else []
