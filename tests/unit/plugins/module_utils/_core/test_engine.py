# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: one plan for check mode and for the run, and one shape for every failure."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import ProviderError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan, Step
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

SECRET = "cAnArY-0815"
NUMBERS = itertools.count()


class Boxes:
    """A resource: makes the boxes that are missing. `trouble` is raised by the method or the step of that name."""

    def __init__(self, trouble: dict[str, Exception] | None = None, workers: int = 1, shown: Any = None) -> None:
        self.there = ["a"]
        self.trouble = trouble or {}
        self.calls: list[str] = []
        self.workers = workers
        self.shown = shown
        self.warning = f"mind the gap {next(NUMBERS)}"  # Ansible gives the same warning once per process

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.trouble:
            raise self.trouble[name]

    def want(self, params: dict[str, Any]) -> list[str]:
        self._call("want")
        return [str(name) for name in params["names"]]

    def read(self, want: list[str]) -> list[str]:
        self._call("read")
        return sorted(self.there)

    def plan(self, want: list[str], have: list[str]) -> Plan:
        self._call("plan")
        steps = tuple(Step("make", name, data=Secret(SECRET)) for name in want if name not in have)
        return Plan(steps, {"there": have}, {"there": sorted({*have, *want})}, (self.warning,), "because")

    def apply(self, step: Step) -> None:
        self._call(step.subject)
        self.there.append(step.subject)

    def show(self, want: list[str], have: list[str], plan: Plan) -> dict[str, Any]:
        self._call("show")
        return {"boxes": have} if self.shown is None else {"boxes": self.shown}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run_engine(call: Callable[..., None], factory: Any, check: bool = False, diff: bool = False) -> dict[str, Any]:
        arguments = {"names": ["a", "b", "c"], "key": SECRET, "_ansible_check_mode": check, "_ansible_diff": diff}
        text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text.encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        spec = {"names": {"type": "list", "elements": "str"}, "key": {"type": "str", "no_log": True}}
        with pytest.raises(SystemExit) as ended:
            call(factory, argument_spec=spec)
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        result: dict[str, Any] = json.loads(out)
        result["output"] = out + err  # a warning goes here or there: this process is a controller to Ansible
        assert ended.value.code == (1 if result.get("failed") else 0)
        return result

    return run_engine


Run = Callable[..., dict[str, Any]]


def test_check_mode_has_the_same_plan(run: Run) -> None:
    predicting, real, again = Boxes(), Boxes(), Boxes()
    predicted = run(engine.run, lambda: predicting, check=True, diff=True)
    outcome = run(engine.run, lambda: real, diff=True)
    assert predicting.calls == ["want", "read", "plan", "show"]
    assert real.calls == ["want", "read", "plan", "b", "c", "read", "show"]
    for key in ("changed", "steps", "reason", "diff"):
        assert predicted[key] == outcome[key]
    assert outcome["changed"] is True
    assert outcome["steps"] == [{"action": "make", "subject": name, "cost": "free"} for name in "bc"]
    assert outcome["diff"] == {"before": {"there": ["a"]}, "after": {"there": ["a", "b", "c"]}}
    assert predicted["boxes"] == ["a"]
    assert outcome["boxes"] == ["a", "b", "c"]
    assert predicting.warning in predicted["output"]
    assert real.warning in outcome["output"]
    again.there = real.there
    second = run(engine.run, lambda: again)
    assert second["changed"] is False
    assert second["steps"] == []
    assert "diff" not in second
    assert again.calls == ["want", "read", "plan", "show"]


def test_failure_says_what_is_done_and_open(run: Run) -> None:
    refusal = ProviderError("no more boxes", hint="Buy some.", status=402, code="out", detail="sold out")
    boxes = Boxes({"c": refusal})
    result = run(engine.run, lambda: boxes)
    assert result["failed"] is True
    assert result["changed"] is True
    assert [step["subject"] for step in result["done"]] == ["b"]
    assert [step["subject"] for step in result["open"]] == ["c"]
    assert result["msg"] == "no more boxes: sold out. Buy some."
    assert result["error"] == {
        "kind": "provider",
        "status": 402,
        "code": "out",
        "detail": "sold out",
        "hint": "Buy some.",
    }


def test_first_failure_stops(run: Run) -> None:
    boxes = Boxes({"b": ProviderError("no")})
    result = run(engine.run, lambda: boxes)
    assert result["changed"] is False
    assert "c" not in boxes.calls
    assert [step["subject"] for step in result["open"]] == ["b", "c"]


def test_independent_steps_all_get_their_turn(run: Run) -> None:
    boxes = Boxes({"b": ProviderError("no")}, workers=4)
    result = run(engine.run, lambda: boxes)
    assert result["changed"] is True
    assert [step["subject"] for step in result["done"]] == ["c"]
    assert [step["subject"] for step in result["open"]] == ["b"]
    assert result["msg"] == "b: no."


@pytest.mark.parametrize("place", ["want", "read", "plan", "show"])
@pytest.mark.parametrize("check", [True, False])
def test_failures_anywhere(run: Run, place: str, check: bool) -> None:
    result = run(engine.run, lambda: Boxes({place: UsageError("that does not fit")}), check=check)
    assert result["msg"] == "that does not fit."
    assert result["error"]["kind"] == "usage"
    assert result["changed"] is (place == "show" and not check)


def missing() -> Boxes:
    raise ImportError("No module named 'requests'", name="requests")


@pytest.mark.parametrize("call", [engine.run, engine.run_info])
def test_a_missing_library(run: Run, call: Any) -> None:
    result = run(call, missing)
    assert result["error"]["kind"] == "missing_library"
    assert "requests" in result["msg"]
    assert sys.executable in result["msg"]


@pytest.mark.parametrize(
    "error", [ValueError(SECRET), KeyError(SECRET), TypeError(f"x{SECRET}y"), AssertionError(SECRET)]
)
@pytest.mark.parametrize("place", ["want", "read", "b"])
def test_defects_show_no_data(run: Run, place: str, error: Exception) -> None:
    result = run(engine.run, lambda: Boxes({place: error}))
    assert result["error"]["kind"] == "internal"
    assert result["error"]["code"] == type(error).__name__
    assert "Traceback" not in json.dumps(result)


def test_operating_system(run: Run) -> None:
    result = run(engine.run, lambda: Boxes({"b": OSError(28, "No space left on device", "/x/y")}))
    assert result["error"]["kind"] == "state"
    assert result["msg"].startswith("/x/y: No space left on device.")


def test_a_secret_in_a_result_is_no_text(run: Run) -> None:
    """Forgotten in a result it makes the module fail, or shows as <secret>; either way it does not leak."""
    try:
        run(engine.run, lambda: Boxes(shown=[Secret("another-" + SECRET)]))
    except (TypeError, AssertionError) as error:
        assert SECRET not in str(error).replace("another-", "")  # noqa: PT017


class Looking:
    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        if self.trouble:
            raise self.trouble
        return {"may_write": may_write}


def test_info(run: Run) -> None:
    assert run(engine.run_info, Looking)["may_write"] is True
    assert run(engine.run_info, Looking, check=True)["may_write"] is False
    assert run(engine.run_info, Looking)["changed"] is False
    failed = run(engine.run_info, lambda: Looking(UsageError("no")))
    assert failed["failed"] is True
    assert failed["error"]["kind"] == "usage"
