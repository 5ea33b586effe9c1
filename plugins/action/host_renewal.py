# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of host_renewal."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..module_utils._core import failure
from ..module_utils._core.errors import UsageError
from ..module_utils._hosted import provision, spec


class ActionModule(ActionBase):
    """Makes the files on the controller, where accounts and sources are, and hands them to the module."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        try:
            arguments = self._arguments()
        except Exception as error:  # pylint: disable=broad-except
            return {**result, "failed": True, "changed": False, **failure.describe(error)}
        return {**result, **self._execute_module(module_args=arguments, task_vars=task_vars)}

    def _arguments(self) -> dict[str, Any]:
        checked = ArgumentSpecValidator(spec.ARGUMENTS).validate(self._task.args)
        if checked.error_messages:
            raise UsageError("; ".join(checked.error_messages))
        options = checked.validated_parameters
        files = provision.build(options, options["dns_settings"] or {}, self._task.check_mode)
        # what became files needs not travel twice
        given = {name: value for name, value in self._task.args.items() if name != "dns_settings"}
        return {**given, "files": files}
