# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for SSLmarket's certificates where a person can see it."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.clock import SYSTEM, Deadline
from ..module_utils._sslmarket import progress

_FIRST, _LONGEST = 5, 60


class ActionModule(ActionBase):
    """Runs the module for a short while, again and again, and says on the screen what is still missing.

    A module cannot say anything before it ends. Each of its runs goes on from what it finds, so nothing is lost in between.
    """

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        seconds = _seconds(arguments)
        if self._task.check_mode or seconds is None:
            result.update(self._module(arguments, task_vars))
            return result
        deadline, slice_ = Deadline(seconds, SYSTEM), _FIRST
        found = self._module({**arguments, "wait": False}, task_vars)
        while found.get("waiting"):
            left = int(deadline.left())
            Display().display(progress.line(found, left))
            now = {**arguments, "wait": True, "wait_timeout": min(slice_, left)}
            found = progress.merged(found, self._module(now, task_vars))
            if left <= slice_:
                break
            slice_ = min(2 * slice_, _LONGEST)
        result.update(found)
        return result

    def _module(self, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        return found


def _seconds(arguments: dict[str, Any]) -> float | None:
    """For how long to wait; ``None`` if not at all, or if the module has to say what is wrong with the options."""
    if arguments.get("state", "present") != "present":
        return None
    try:
        if not boolean(arguments.get("wait", True)):
            return None
        return max(0.0, float(arguments.get("wait_timeout", 600)))
    except (TypeError, ValueError):
        return None
