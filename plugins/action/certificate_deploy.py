# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of certificate_deploy."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..module_utils._core import failure, pool
from ..module_utils._core.clock import SYSTEM
from ..module_utils._core.errors import UsageError
from ..module_utils._deploy import sets, spec


class ActionModule(ActionBase):
    """Proves each set on the controller, then runs the module once for those that are right.

    A set that is missing or refused reaches no host. It does not hold up the others, and the task fails for it at the end.
    """

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        try:
            options, missing = self._options()
            outcomes = self._load(options, missing)
            problem = pool.failures(outcomes, lambda each: str(each["name"]))
        except Exception as error:  # pylint: disable=broad-except
            return {**result, **_failed(error)}
        loaded = [outcome.value for outcome in outcomes if outcome.error is None]
        if problem is not None and not loaded:
            return {**result, **_failed(problem)}
        arguments = {**self._task.args, **sets.arguments(loaded)}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        if missing and not result.get("failed"):
            result.update(sets.predicted(result, options["certificates"], missing))
        if problem is not None:
            result.update(_also_failed(result, problem))
        warnings = [text for each in loaded for text in each.warnings]
        if warnings:
            result["warnings"] = [*result.get("warnings", []), *warnings]
        return result

    def _options(self) -> tuple[dict[str, Any], list[str]]:
        """The options, and the names of sets that do not exist yet; in check mode those are no error but a prediction."""
        checked = ArgumentSpecValidator(spec.ARGUMENTS).validate(self._task.args)
        if checked.error_messages:
            raise UsageError("; ".join(checked.error_messages))
        options = checked.validated_parameters
        options["sets_path"] = os.path.abspath(self._loader.path_dwim(options["sets_path"]))
        names = [each["name"] for each in options["certificates"]]
        missing = [name for name in names if not sets.exists(options["sets_path"], name)]
        return options, missing if self._task.check_mode else []

    def _load(self, options: dict[str, Any], missing: list[str]) -> list[pool.Outcome[dict[str, Any]]]:
        now = SYSTEM.now()
        wanted = [each for each in options["certificates"] if each["name"] not in missing]
        return pool.each(lambda each: sets.load(options["sets_path"], each, now), wanted, workers=1)


def _failed(error: Exception) -> dict[str, Any]:
    return {"failed": True, "changed": False, "done": [], "open": [], **failure.describe(error)}


def _also_failed(result: dict[str, Any], problem: Exception) -> dict[str, Any]:
    """The failure of single sets, beside what the module did for the others."""
    described = failure.describe(problem)
    if result.get("failed"):
        return {"msg": "%s | %s" % (result.get("msg"), described["msg"])}
    return {"failed": True, "done": result.get("steps", []), "open": [], **described}
