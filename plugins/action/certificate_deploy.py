# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of certificate_deploy."""

from __future__ import annotations

import os
from typing import Any, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.clock import SYSTEM
from ..module_utils._core.errors import UsageError
from ..module_utils._deploy import delivery, spec
from ..module_utils._deploy.question import Unfit

display = Display()


class ActionModule(ActionBase):
    """Proves each set on the controller and looks at the host by one shell command. The module runs for what is not in order."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        try:
            work = self._work()
        except Exception as error:  # pylint: disable=broad-except
            return {**result, **delivery.failed(error)}
        done, found = self._look(work)
        host = (task_vars or {}).get("inventory_hostname")
        _tell(host, "nothing was started on the host" if done else "the module runs", found)
        if done is None:
            arguments = work.arguments()
            if not self._task.check_mode:
                work.look_from_here()
            done = self._execute(arguments, task_vars)
        if "not_sent" in (done.get("error") or {}):
            _tell(host, "the module runs once more", "the host changed meanwhile, all sets travel")
            done = self._execute(work.arguments(complete=True), task_vars)
        done = work.conclude(done, lambda arguments: self._execute(arguments, task_vars))
        return {**result, **work.finish(done)}

    def _work(self) -> delivery.Delivery | delivery.Clearance:
        checked = ArgumentSpecValidator(spec.ARGUMENTS).validate(self._task.args)
        if checked.error_messages:
            raise UsageError("; ".join(checked.error_messages))
        options = checked.validated_parameters
        options["sets_path"] = os.path.abspath(self._loader.path_dwim(options["sets_path"]))
        for certificate in options["certificates"]:
            for endpoint in certificate["endpoints"]:
                if endpoint["proof_from"] == "controller" and endpoint["address"] is None:
                    # the address that Ansible reaches the host at
                    endpoint["address"] = self._play_context.remote_addr
            if certificate["keystore_password_path"]:
                certificate["keystore_password_path"] = self._loader.path_dwim(certificate["keystore_password_path"])
        if options["state"] == "absent":
            return delivery.Clearance(options)
        return delivery.Delivery(options, SYSTEM.now(), self._task.check_mode)

    def _look(self, work: delivery.Delivery | delivery.Clearance) -> tuple[dict[str, Any] | None, str]:
        """The result, if the host is found in order without its Python; and what was found."""
        if getattr(self._connection._shell, "_IS_WINDOWS", False):
            return None, "the host has no POSIX shell"
        try:
            output = self._low_level_execute_command(work.question())["stdout"]
            return work.judge(output, self._task.diff)
        except Unfit as reason:
            return None, str(reason)

    def _execute(self, arguments: Mapping[str, Any] | None, task_vars: Any) -> dict[str, Any]:
        if arguments is None:
            return {}
        done: dict[str, Any] = self._execute_module(module_args={**self._task.args, **arguments}, task_vars=task_vars)
        return done


def _tell(host: str | None, what: str, why: str) -> None:
    display.vvv("certificate_deploy: %s (%s)" % (what, why), host=host)
