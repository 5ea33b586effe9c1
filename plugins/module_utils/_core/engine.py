# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one resource. The only place that knows check mode, diff, ``exit_json`` and ``fail_json``."""

from __future__ import annotations

from typing import Any, Callable, Protocol

from ansible.module_utils.basic import AnsibleModule

from . import failure
from .plan import Plan, Step


class Resource(Protocol):
    """The contract of all resources; ``docs/development/architecture.md`` has it in words."""

    def want(self, params: dict[str, Any]) -> Any: ...

    def read(self, want: Any) -> Any: ...

    def plan(self, want: Any, have: Any) -> Plan: ...

    def apply(self, step: Step) -> None: ...

    def show(self, want: Any, have: Any, plan: Plan) -> dict[str, Any]: ...


def run(factory: Callable[[], Resource], **spec: Any) -> None:
    """The whole life of a module call. ``spec`` goes to ``AnsibleModule``; check mode is always supported.

    ``factory`` makes the resource after the options were checked, so that its imports are guarded too. After the steps the
    resource is read again and shows what it sees; in check mode it shows what it saw, and the plan says what would change.
    """
    module = AnsibleModule(supports_check_mode=True, **spec)
    done: list[Step] = []
    plan = Plan()
    try:
        resource = factory()
        want = resource.want(module.params)
        have = resource.read(want)
        plan = resource.plan(want, have)
        for warning in plan.warnings:
            module.warn(warning)
        if plan.changed and not module.check_mode:
            for step in plan.steps:
                resource.apply(step)
                done.append(step)
            have = resource.read(want)
        shown = resource.show(want, have, plan)
    except Exception as error:  # pylint: disable=broad-except
        module.fail_json(
            changed=bool(done),
            done=[step.show() for step in done],
            open=[step.show() for step in plan.steps[len(done) :]],
            **failure.describe(error),
        )
        raise  # not reached: for those who read, and for type checkers
    result = {"changed": plan.changed, "steps": [step.show() for step in plan.steps], "reason": plan.reason, **shown}
    if module._diff:
        result["diff"] = plan.diff()
    module.exit_json(**result)
