# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files out of a report, on the controller: the page's template, Jinja2 and the report are there."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._core import failure
from ..module_utils._core.errors import CollectionError
from ..module_utils._report import outputs, plan, spec
from ..module_utils._status import report, summary
from ..plugin_utils import page


class ActionModule(ActionBase):
    """Reads the report, and writes what is wanted of it. Nothing of it travels through variables: it may have thousands of records."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Any:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=spec.ARGUMENTS)
        try:
            found, written = _outputs(options)
            if not self._task.check_mode:
                for each in written:
                    outputs.write(each)
        except (CollectionError, OSError) as error:
            described = failure.describe(error)
            raise AnsibleActionFail(described["msg"], result={**result, **described}) from None
        result.update(
            changed=any(each.changed for each in written),
            files=[each.path for each in written],
            counts=found["counts"],
            summary=summary.lines(found, options["summary_lines"]),
        )
        return result


def _outputs(options: dict[str, Any]) -> tuple[dict[str, Any], list[outputs.Output]]:
    found = report.load(options["src"])
    digest = found["digest"]
    written = [
        outputs.output(options[name], render(found), digest)
        for name, render in outputs.RENDERERS.items()
        if options[name]
    ]
    if options["html_path"]:
        shown = plan.load(options["plan_path"]) if options["plan_path"] else None
        written.append(outputs.output(options["html_path"], page.render(found, shown), digest))
    return found, written
