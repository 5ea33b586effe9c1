# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one resource. The only place that knows check mode, diff, ``exit_json`` and ``fail_json``."""

from __future__ import annotations

import traceback
from typing import Any, Callable, Protocol

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .errors import CollectionError, StateError
from .plan import Plan, Step

# What the controller needs (README, "Requirements"); managed hosts need none of them.
_LIBRARIES = {"requests", "cryptography", "acme", "josepy", "idna"}


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
        module.fail_json(**_failure(error, plan, done))
        raise  # not reached: for those who read, and for type checkers
    result = {"changed": plan.changed, "steps": [step.show() for step in plan.steps], "reason": plan.reason, **shown}
    if module._diff:
        result["diff"] = plan.diff()
    module.exit_json(**result)


def _failure(error: Exception, plan: Plan, done: list[Step]) -> dict[str, Any]:
    """The arguments of ``fail_json`` for an error; every kind of failure ends here."""
    result: dict[str, Any] = {
        "changed": bool(done),
        "done": [step.show() for step in done],
        "open": [step.show() for step in plan.steps[len(done) :]],
    }
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] in _LIBRARIES:
        library = (error.name or "").split(".")[0]
        hint = "Install it for the Python that runs this module."
        result["msg"] = missing_required_lib(library)
        result["error"] = {"kind": "missing_library", "status": None, "code": library, "detail": None, "hint": hint}
        return result
    if isinstance(error, OSError):
        error = StateError(
            "%s: %s" % (error.filename or "file operation", error.strerror or type(error).__name__),
            hint="Nothing is half-written; make the place usable and run again.",
        )
    if isinstance(error, CollectionError):
        result["msg"] = error.sentence()
        result["error"] = error.payload()
        return result
    # A defect of ours. The traceback names lines of code, not values; the text of a foreign exception may hold data, so its
    # type is all we show.
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join("%s:%s" % (f.name, f.lineno) for f in reversed(frames[-4:]))
    result["msg"] = "Internal error (%s at %s). This is a defect of the collection; please report it." % (
        type(error).__name__,
        place,
    )
    result["error"] = {"kind": "internal", "status": None, "code": type(error).__name__, "detail": place, "hint": None}
    return result
