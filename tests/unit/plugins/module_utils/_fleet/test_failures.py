# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about what failed."""

from __future__ import annotations

from typing import Any

from ansible_collections.certfleet.reseller.plugins.filter.fleet_failures import fleet_failures


def looped(*results: dict[str, Any]) -> dict[str, Any]:
    return {"results": [{"ansible_loop_var": "key", **each} for each in results], "msg": "One or more items failed"}


def test_results_of_loops_carry_the_name_of_the_item() -> None:
    fine = {"key": "alpha", "steps": [], "changed": False}
    refused = {"key": "beta", "failed": False, "msg": "refused", "error": {"kind": "refused"}, "steps": []}
    broken = {"key": "gamma", "failed": False, "msg": "MODULE FAILURE", "rc": 1}
    skipped = {"key": "delta", "skipped": True, "msg": "not now"}
    assert fleet_failures([looped(fine, refused), looped(broken, skipped)]) == [
        "beta: refused",
        "gamma: MODULE FAILURE",
    ]


def test_an_item_is_called_item_where_nothing_else_is_said() -> None:
    assert fleet_failures([{"results": [{"item": "x", "msg": "no"}]}]) == ["x: no"]


def test_hosts_by_name() -> None:
    results = {
        "web1": {"failed": False, "msg": "disk full"},
        "web2": {"steps": [], "changed": False},
        "web3": {},
        "web4": {"skipped": True},
        "web5": looped({"key": "web6", "msg": "gone"}),
    }
    assert fleet_failures(results) == ["web1: disk full", "web6: gone"]


def test_the_same_sentence_is_said_once() -> None:
    twice = looped({"key": "alpha", "msg": "no library"})
    assert fleet_failures([twice, twice, {}]) == ["alpha: no library"]


def test_nothing_failed() -> None:
    assert fleet_failures([]) == []
    assert fleet_failures([{"skipped": True, "results": []}]) == []


def test_a_module_that_broke_down_has_no_message() -> None:
    """As ansible-core 2.19 and later have it after failed_when: false."""
    result = {
        "key": "alpha",
        "failed_when_result": False,
        "failed_when_suppressed_exception": "(traceback unavailable)",
    }
    assert fleet_failures([looped(result)]) == [
        "alpha: a module broke down without a word. ANSIBLE_DISPLAY_TRACEBACK=always shows why."
    ]
    assert fleet_failures([looped({**result, "msg": "refused"})]) == ["alpha: refused"]
