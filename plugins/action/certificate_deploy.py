# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of certificate_deploy."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..module_utils._core import failure
from ..module_utils._core.clock import SYSTEM
from ..module_utils._core.errors import UsageError
from ..module_utils._deploy import sets, spec


class ActionModule(ActionBase):
    """Proves all sets on the controller, then runs the module once. If one set is refused no host is touched."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        try:
            options, missing = self._options()
            loaded = self._load(options, missing)
        except Exception as error:  # pylint: disable=broad-except
            return {**result, "failed": True, "changed": False, "done": [], "open": [], **failure.describe(error)}
        arguments = {**self._task.args, **sets.arguments(loaded)}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        if missing and not result.get("failed"):
            result.update(sets.predicted(result, options["certificates"], missing))
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

    def _load(self, options: dict[str, Any], missing: list[str]) -> list[sets.Loaded]:
        now = SYSTEM.now()
        wanted = [each for each in options["certificates"] if each["name"] not in missing]
        return [sets.load(options["sets_path"], each, now) for each in wanted]
