# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``certificate_report``: its options, for the action plugin that does the work, and what is left for the module."""

from __future__ import annotations

from typing import Any

from .._core.errors import UsageError

ARGUMENTS: dict[str, Any] = {
    "src": {"type": "path", "required": True},
    "html_path": {"type": "path"},
    "prometheus_path": {"type": "path"},
    "junit_path": {"type": "path"},
    "plan_path": {"type": "path"},
    "summary_lines": {"type": "int", "default": 20},
}


class Elsewhere:
    """A module cannot bring the page's template along, so all is done where that is."""

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        raise UsageError(
            "certificate_report works on the controller",
            hint="Run the module as a task: its action plugin does the work.",
        )
