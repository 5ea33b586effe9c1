# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans are data."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan, Step


def test_steps() -> None:
    step = Step("create", "www.example.com", "paid", data="cAnArY")
    assert step.show() == {"action": "create", "subject": "www.example.com", "cost": "paid"}
    assert "cAnArY" not in repr(step)
    assert step == Step("create", "www.example.com", "paid", data="other")
    assert Step("create", "x").cost == "free"
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.action = "remove"  # type: ignore[misc]


def test_changed_is_having_steps() -> None:
    assert not Plan().changed
    assert not Plan(before={"a": 1}, after={"a": 2}, warnings=("odd",)).changed
    assert Plan((Step("create", "x"),)).changed


def test_diff() -> None:
    plan = Plan(before=MappingProxyType({"mode": "0644"}), after={"mode": "0600"})
    assert plan.diff() == {"before": {"mode": "0644"}, "after": {"mode": "0600"}}
    assert Plan().diff() == {"before": {}, "after": {}}
