# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module is going to do: data only, made by pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping


class NotDone(Exception):
    """A resource leaves this step open and goes on with the next one; it says why in its ``problem``."""


@dataclass(frozen=True)
class Step:
    """One change. ``action`` is a verb the resource knows, ``subject`` what it acts on, both shown to the user.

    ``cost`` is ``free``, ``paid`` or ``final`` (cannot be undone). ``data`` is for the resource and is never shown.
    """

    action: str
    subject: str
    cost: str = "free"
    data: Any = field(default=None, repr=False, compare=False)

    def show(self) -> dict[str, str]:
        return {"action": self.action, "subject": self.subject, "cost": self.cost}


@dataclass(frozen=True)
class Plan:
    """Ordered steps from ``before`` to ``after``.

    ``before`` and ``after`` are what ``--diff`` shows: plain values, no secret in them. ``reason`` says in words why
    something, or nothing, is to do.
    """

    steps: tuple[Step, ...] = ()
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    reason: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def result(self, shown: Mapping[str, object], diff: bool) -> dict[str, Any]:
        """What a user gets of a run that went well."""
        result = {
            "changed": self.changed,
            "steps": [step.show() for step in self.steps],
            "reason": self.reason,
            **shown,
        }
        if diff:
            result["diff"] = self.diff()
        return result

    def diff(self) -> dict[str, object]:
        return {"before": dict(self.before), "after": dict(self.after)}
