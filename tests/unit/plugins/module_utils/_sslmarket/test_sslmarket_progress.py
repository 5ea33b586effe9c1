# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that a person sees, and one result of several runs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import progress


def entry(name: str, **more: Any) -> dict[str, Any]:
    found = {"name": name, "order_id": 7, "state": "waiting", "waiting": True, "issued": False, "action": "wait"}
    return {**found, "remarks": [], **more}


def step(name: str, action: str = "fetch") -> dict[str, str]:
    return {"action": action, "subject": name, "cost": "free"}


# --- the line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificates", "left", "line"),
    [
        ([], 600.0, "waiting for 0 certificates (600 s left): "),
        ([entry("a")], 540.7, "waiting for 1 certificate (540 s left): a (order 7, waiting)"),
        ([entry("a"), entry("b", waiting=False)], 5.0, "waiting for 1 certificate (5 s left): a (order 7, waiting)"),
        (
            [entry("a"), entry("b", order_id=8, state=""), entry("c", order_id=None, state=None)],
            0.0,
            "waiting for 3 certificates (0 s left): a (order 7, waiting), b (order 8, ), c (order None, None)",
        ),
        (
            [entry(name) for name in "abcde"],
            10.0,
            "waiting for 5 certificates (10 s left): a (order 7, waiting), b (order 7, waiting), c (order 7, waiting) "
            "and 2 more",
        ),
    ],
)
def test_line(certificates: list[dict[str, Any]], left: float, line: str) -> None:
    assert progress.line({"certificates": certificates, "changed": False}, left) == line


def test_no_result_is_no_line_that_breaks() -> None:
    assert progress.line({"failed": True, "msg": "x"}, 1) == "waiting for 0 certificates (1 s left): "


# --- one result -------------------------------------------------------------------------------------------------------


def done(*certificates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "changed": False,
        "steps": [],
        "reason": "there is nothing to fetch",
        "certificates": [*certificates],
        **more,
    }


def test_what_came_earlier_came_in_this_task() -> None:
    """The first run fetched a and asked for a reissue of b, the second one fetched b, the third found nothing to do."""
    first = done(
        entry("a", issued=True, action="fetch", waiting=False, remarks=["short"]),
        entry("b", action="reissue"),
        changed=True,
        steps=[step("a"), step("b", "reissue")],
        reason="a: new; b: due",
        waiting=["b"],
    )
    second = done(
        entry("a", action=None, waiting=False),
        entry("b", issued=True, action="fetch", waiting=False, remarks=["long"]),
        changed=True,
        steps=[step("b")],
        reason="b: new",
        waiting=[],
    )
    third = done(entry("a", action=None, waiting=False), entry("b", action=None, waiting=False), waiting=[])
    found = progress.merged(progress.merged(first, second), third)
    assert found["changed"] is True
    assert found["steps"] == [step("a"), step("b", "reissue"), step("b")]
    assert found["reason"] == "b: new"
    assert found["waiting"] == []
    assert [(each["issued"], each["action"], each["remarks"]) for each in found["certificates"]] == [
        (True, "fetch", ["short"]),
        (True, "fetch", ["long"]),
    ]


def test_nothing_changed_is_nothing_changed() -> None:
    found = progress.merged(done(entry("a")), done(entry("a")))
    assert found == done(entry("a"))
    assert found["changed"] is False


def test_the_later_state_is_shown() -> None:
    found = progress.merged(
        done(entry("a", state="waiting", reason="x")), done(entry("a", state="reissue", reason="y"))
    )
    assert (found["certificates"][0]["state"], found["certificates"][0]["reason"]) == ("reissue", "y")


def test_a_failure_keeps_what_was_done() -> None:
    earlier = done(entry("a", issued=True), changed=True, steps=[step("a")])
    later = {
        "changed": False,
        "failed": True,
        "msg": "no",
        "done": [],
        "open": [step("b")],
        "error": {"code": "waiting"},
    }
    found = progress.merged(earlier, later)
    assert (found["failed"], found["changed"], found["msg"]) == (True, True, "no")
    assert found["error"] == {"code": "waiting"}
    assert step("a") in found["steps"]
    assert found["open"] == [step("b")]


def test_a_failure_that_was_made_good() -> None:
    """One of several failed and others went on; the next run has all of them."""
    earlier = {
        "changed": True,
        "failed": True,
        "msg": "b: no",
        "done": [step("a")],
        "open": [step("b")],
        "certificates": [entry("a", issued=True), entry("b")],
        "waiting": ["b"],
    }
    later = done(entry("a"), entry("b", issued=True), changed=True, steps=[step("b")], reason="b: new")
    found = progress.merged(earlier, later)
    assert "failed" not in found
    assert "msg" not in found
    assert "done" not in found
    assert found["steps"] == [step("a"), step("b")]
    assert [each["issued"] for each in found["certificates"]] == [True, True]


def test_warnings_are_said_once() -> None:
    found = progress.merged(done(warnings=["x", "y"]), done(warnings=["y", "z"]))
    assert found["warnings"] == ["x", "y", "z"]
    assert progress.merged(done(warnings=["x"]), done())["warnings"] == ["x"]
    assert "warnings" not in progress.merged(done(), done())


@pytest.mark.parametrize("earlier", [{}, {"failed": True, "msg": "x"}, {"changed": True, "steps": [step("a")]}])
@pytest.mark.parametrize("later", [{"failed": True, "msg": "y"}, {"changed": False}, {"certificates": [entry("a")]}])
def test_results_without_members(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    """What Ansible makes of a module that could not start."""
    found = progress.merged(earlier, later)
    assert found.get("failed") == later.get("failed")
    assert found["changed"] == bool(earlier.get("changed") or later.get("changed"))
