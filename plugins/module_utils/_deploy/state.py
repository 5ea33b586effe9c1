# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``certificate_deploy`` as one resource: its option ``state`` says whether sets are installed or removed."""

from __future__ import annotations

from typing import Any

from .._core.plan import Plan, Step
from .deployment import Deployment
from .removal import Removal


class Sets:
    """Hands each call of the engine on to the resource that the options name."""

    def __init__(self) -> None:
        self._chosen: Any = None

    def want(self, params: dict[str, Any]) -> Any:
        self._chosen = Removal() if params["state"] == "absent" else Deployment()
        return self._chosen.want(params)

    def read(self, want: Any) -> Any:
        return self._chosen.read(want)

    def plan(self, want: Any, have: Any) -> Plan:
        plan: Plan = self._chosen.plan(want, have)
        return plan

    def apply(self, step: Step) -> None:
        self._chosen.apply(step)

    def show(self, want: Any, have: Any, plan: Plan) -> dict[str, Any]:
        shown: dict[str, Any] = self._chosen.show(want, have, plan)
        return shown

    @property
    def problem(self) -> Exception | None:
        """What went wrong with single sets."""
        return getattr(self._chosen, "problem", None)
