# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin of sslmarket_certificate: runs the module again and again, and says what is missing."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from ansible_collections.certfleet.reseller.plugins.action import sslmarket_certificate as plugin

from tests.support.scripted import FakeClock

OPTIONS = {"api_token": "canaryToken4711", "journal_dir": "/nowhere", "order_id": 7, "path": "/x.pem"}


def entry(**more: Any) -> dict[str, Any]:
    found = {"name": "a", "order_id": 7, "state": "waiting", "waiting": True, "issued": False, "action": None}
    return {**found, "remarks": [], **more}


def waiting(*names: str) -> dict[str, Any]:
    certificates = [entry(name=name) for name in names or ("a",)]
    return {
        "changed": False,
        "steps": [],
        "reason": "there is nothing to fetch",
        "certificates": certificates,
        "waiting": [each["name"] for each in certificates],
    }


STEP = {"action": "fetch", "subject": "a", "cost": "free"}
ISSUED = {
    "changed": True,
    "steps": [STEP],
    "reason": "a: order 7 has a new certificate",
    "certificates": [entry(waiting=False, issued=True, action="fetch", state="published")],
    "waiting": [],
}
LATE = {"changed": False, "failed": True, "msg": "late", "error": {"code": "waiting"}, "done": [], "open": [STEP]}
REFUSED = {"changed": False, "failed": True, "msg": "no", "error": {"code": None}}


class Stage:
    """The plugin with a clock of the test's; the module gives the results of the script, the last one again and again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *script: dict[str, Any]) -> None:
        self.script = list(script)
        self.clock = FakeClock()
        self.lines: list[str] = []
        self.calls: list[dict[str, Any]] = []
        monkeypatch.setattr(plugin, "SYSTEM", self.clock)
        monkeypatch.setattr(plugin, "Display", lambda: mock.Mock(display=self.lines.append))

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        task = mock.MagicMock(args={**OPTIONS, **options}, check_mode=check, async_val=0)
        action = plugin.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
        with mock.patch.object(action, "_execute_module", self._module):
            found: dict[str, Any] = action.run(None, {})
        return found

    def _module(self, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.calls.append(module_args)
        step = dict(self.script.pop(0) if len(self.script) > 1 else self.script[0])
        if module_args.get("wait") is True and step.get("waiting"):  # it waits, and fails for what did not come
            self.clock.sleep(module_args["wait_timeout"])
            step = {**LATE, **step, "done": step.pop("steps", [])}
        return step


def test_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, ISSUED)
    assert stage.run() == ISSUED
    assert (stage.calls, stage.lines, stage.clock.sleeps) == ([{**OPTIONS, "wait": False}], [], [])


def test_it_comes_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting(), waiting(), ISSUED)
    found = stage.run()
    assert (found["changed"], found["steps"], found["waiting"], found.get("failed")) == (True, [STEP], [], None)
    assert found["certificates"][0]["issued"]
    assert stage.lines == [
        "waiting for 1 certificate (600 s left): a (order 7, waiting)",
        "waiting for 1 certificate (595 s left): a (order 7, waiting)",
    ]
    assert [call.get("wait_timeout") for call in stage.calls] == [OPTIONS.get("wait_timeout"), 5, 10]


def test_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one came in an earlier run: it was issued in this task."""
    second = {**waiting("b"), "changed": True, "steps": [STEP]}
    second["certificates"] = [entry(waiting=False, issued=True, action="fetch"), entry(name="b")]
    third = {**ISSUED, "steps": [{**STEP, "subject": "b"}]}
    third["certificates"] = [entry(waiting=False), entry(name="b", waiting=False, issued=True, action="fetch")]
    found = Stage(monkeypatch, waiting("a", "b"), second, third).run()
    assert [step["subject"] for step in found["steps"]] == ["a", "b"]
    assert [each["issued"] for each in found["certificates"]] == [True, True]


def test_it_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end the module fails, in its own words."""
    stage = Stage(monkeypatch, waiting())
    found = stage.run(wait_timeout=300)
    assert (found["failed"], found["msg"], found["error"]) == (True, "late", {"code": "waiting"})
    assert stage.clock.sleeps == [5, 10, 20, 40, 60, 60, 60, 45]
    assert len(stage.lines) == 8
    assert stage.calls[0]["wait"] is False
    assert all(call["wait"] is True for call in stage.calls[1:])


def test_it_comes_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting(), ISSUED)
    found = stage.run(wait_timeout=5)
    assert (found.get("failed"), found["changed"]) == (None, True)
    assert stage.calls[-1]["wait_timeout"] == 5


@pytest.mark.parametrize("seconds", [0, -5])
def test_no_time(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    stage = Stage(monkeypatch, waiting())
    assert stage.run(wait_timeout=seconds)["failed"]
    assert [call.get("wait_timeout") for call in stage.calls] == [seconds, 0]


def test_a_failure_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting(), REFUSED)
    assert stage.run()["msg"] == "no"
    assert len(stage.calls) == 2


def test_others_are_waited_for_although_one_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    half = {**waiting("b"), "failed": True, "msg": "a: no", "done": [], "open": []}
    stage = Stage(monkeypatch, half, half, {**REFUSED, "waiting": [], "certificates": []})
    assert stage.run()["msg"] == "no"
    assert len(stage.calls) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"wait": False},
        {"wait": "no"},
        {"wait": "perhaps"},
        {"wait_timeout": "soon"},
        {"wait_timeout": None},
        {"state": "reissue_cancelled"},
        {"state": "revoked", "serial_number": "aa"},
        {"state": "nonsense"},
    ],
)
def test_the_module_alone(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    """Nothing to wait for, or options that the module has to refuse: it gets them as they are."""
    stage = Stage(monkeypatch, waiting())
    stage.run(**options)
    assert (stage.calls, stage.lines) == ([{**OPTIONS, **options}], [])


def test_check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting())
    stage.run(check=True)
    assert (stage.calls, stage.lines, stage.clock.sleeps) == ([OPTIONS], [], [])


@pytest.mark.parametrize("given", ["true", "yes", 1, True])
def test_wait_in_any_form(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    stage = Stage(monkeypatch, waiting(), ISSUED)
    assert stage.run(wait=given, wait_timeout="60")["changed"]
    assert stage.lines[0].startswith("waiting for 1 certificate (60 s left)")


def test_no_secret_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting(), waiting(), LATE)
    stage.run(wait_timeout=3)
    assert stage.lines
    assert "canary" not in "".join(stage.lines)


def test_the_task_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, waiting(), ISSUED)
    task = mock.MagicMock(args=dict(OPTIONS), check_mode=False, async_val=0)
    action = plugin.ActionModule(task, mock.MagicMock(), mock.MagicMock(), None, None, None)
    with mock.patch.object(action, "_execute_module", stage._module):
        action.run(None, {})
    assert task.args == OPTIONS
