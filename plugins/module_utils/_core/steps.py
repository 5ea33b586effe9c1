# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what was planned: for the engine, and for programs that run without Ansible."""

from __future__ import annotations

import contextlib
from typing import Any

from . import pool
from .plan import NotDone, Plan, Step


def carry_out(resource: Any, plan: Plan, done: list[Step]) -> Exception | None:
    """In order and until the first failure; or independent steps at once, and each of them to its end.

    Returns what failed of independent steps: the others go on, and the user gets their results with the failure.
    """
    workers = getattr(resource, "workers", 1)
    if workers < 2:
        for step in plan.steps:
            with contextlib.suppress(NotDone):
                resource.apply(step)
                done.append(step)
        return None
    outcomes = pool.each(resource.apply, plan.steps, workers)
    done += [outcome.item for outcome in outcomes if outcome.error is None]
    return pool.failures(outcomes, lambda step: step.subject)
