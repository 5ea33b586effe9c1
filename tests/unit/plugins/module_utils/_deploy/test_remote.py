# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof from the controller: which sets wait for it, which of them go back, and one result of two calls."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import failure
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import NotDone
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.deployment import Deployment
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import CONTROLLER, Endpoint
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.remote import RemoteProof

from tests.unit.plugins.module_utils._deploy.pki import Issued
from tests.unit.plugins.module_utils._deploy.test_rollback import NAME, OTHER, Scene

THIRD = "c.example"
Result = dict[str, Any]


class Remote(Scene):
    """All sets have an endpoint that the host asks; those of ``outside`` have the same one for the controller."""

    def __init__(self, path: pathlib.Path, *names: str, outside: tuple[str, ...], **more: Any) -> None:
        super().__init__(path, *names, **more)
        self.outside = outside
        self.broken: dict[str, Callable[[Served], Served]] = {}
        self.calls: list[str] = []
        assert "failed" not in self.run(self.old)

    def params(self, versions: dict[str, Issued]) -> Result:
        given = super().params(versions)
        for entry in given["certificates"]:
            (own,) = entry["endpoints"]
            remote = {**own, "proof_from": CONTROLLER}
            entry["endpoints"] = [own, *([remote] if entry["name"] in self.outside else [])]
        return given

    def look(self, endpoint: Endpoint, timeout: float) -> Served:
        """From the controller, through what is in between."""
        assert endpoint.proof_from == CONTROLLER
        self.calls.append(endpoint.server_name)
        found = self.service.probe(endpoint, timeout)
        return self.broken.get(endpoint.server_name, lambda served: served)(found)

    def run(self, versions: dict[str, Issued], execute: Callable[[Result], Result] | None = None) -> Result:
        """What the action plugin does."""
        given = self.params(versions)
        sets = Deployment().want(given).sets
        remote = RemoteProof(0.05, self.look)
        remote.look(sets)

        def again(arguments: Mapping[str, Any]) -> Result:
            self.service.folder.joinpath("calls").unlink(missing_ok=True)
            return (execute or self.module)({**given, **arguments})

        facts = {entry["name"]: entry for entry in given["certificates"]}
        return remote.conclude(self.module(given), sets, facts, again)

    def module(self, given: Result) -> Result:
        """What the engine does on the host."""
        resource = Deployment(one=self.service.probe)
        done = []
        try:
            want = resource.want(given)
            plan = resource.plan(want, resource.read(want))
            for step in plan.steps:
                with contextlib.suppress(NotDone):
                    resource.apply(step)
                    done.append(step)
            shown = resource.show(want, resource.read(want), plan)
            if resource.problem is None:
                return plan.result(shown, diff=True)
            rest = [step.show() for step in plan.steps if step not in done]
            failed = {"failed": True, "changed": bool(done), "done": [step.show() for step in done], "open": rest}
            return {**failed, **shown, **failure.describe(resource.problem)}
        finally:
            resource.close()

    def mark(self, name: str) -> pathlib.Path:
        return self.root / name / "reload-owed"

    def assert_lives(self, *versions: Issued) -> None:
        """On the disk and in the service; nothing is owed."""
        assert self.live() == self.service.loaded == [each.serial for each in versions]
        assert not [name for name in self.names if self.mark(name).exists()]


def stale(issued: Issued) -> Callable[[Served], Served]:
    return lambda served: Served(served.endpoint, issued.fingerprint)


def unreachable(served: Served) -> Served:
    return Served(served.endpoint, None, "no connection: No route to host")


def back(result: Result) -> list[str]:
    return [each["name"] for each in result["sets"] if each["rolled_back"]]


def test_services_are_told_once(tmp_path: pathlib.Path) -> None:
    """The second call settles what is owed, and does nothing else."""
    scene = Remote(tmp_path, NAME, OTHER, outside=(NAME,))
    result = scene.run(scene.new)
    assert [step["action"] for step in result["steps"]][-4:] == ["test", "reload", "prove", "prove"]
    assert not scene.service.calls
    scene.assert_lives(scene.new[NAME], scene.new[OTHER])
    scene.calls.clear()
    assert scene.run(scene.new)["changed"] is False
    assert scene.calls == [NAME]  # the look before the module, which the action plugin spares a host in order


def test_the_set_alone_goes_back(tmp_path: pathlib.Path) -> None:
    """What the controller has seen served stays."""
    scene = Remote(tmp_path, NAME, OTHER, THIRD, outside=(NAME, OTHER))
    scene.broken[OTHER] = stale(scene.old[OTHER])
    result = scene.run(scene.new)
    assert (result["error"]["kind"], result["error"]["rolled_back"], back(result)) == ("proof", True, [OTHER])
    scene.assert_lives(scene.new[NAME], scene.old[OTHER], scene.new[THIRD])
    assert scene.service.calls == ["reload"]


def test_a_unit_goes_back_as_a_whole(tmp_path: pathlib.Path) -> None:
    """A set that nobody asks for from the controller too."""
    scene = Remote(tmp_path, NAME, OTHER, outside=(OTHER,), unit="web")
    scene.broken[OTHER] = unreachable
    result = scene.run(scene.new)
    assert back(result) == [NAME, OTHER]
    assert [each["reason"] for each in result["error"]["endpoints"]] == ["no connection: No route to host"]
    scene.assert_lives(scene.old[NAME], scene.old[OTHER])


@pytest.mark.parametrize("more", [{}, {"stale": True}])
def test_the_host_has_refused_another_set(tmp_path: pathlib.Path, more: Result) -> None:
    """The rest of the unit still has to be seen by the controller, and both causes are told."""
    scene = Remote(tmp_path, NAME, OTHER, outside=(NAME,))
    scene.service.known[scene.new[OTHER].serial] = "1" * 64  # its endpoint never serves that
    if more:
        scene.broken[NAME] = stale(scene.old[NAME])
    result = scene.run(scene.new)
    assert (result["failed"], result["error"]["rolled_back"]) == (True, True)
    seen = [(each["proof_from"], each["server_name"]) for each in result["error"]["endpoints"]]
    if more:
        assert seen == [("host", OTHER), ("controller", NAME)]
        assert " | " in result["msg"]
        assert back(result) == [NAME, OTHER]
        scene.assert_lives(scene.old[NAME], scene.old[OTHER])
    else:
        assert seen == [("host", OTHER)]
        assert back(result) == [OTHER]
        scene.assert_lives(scene.new[NAME], scene.old[OTHER])
    done, rest = ([step["subject"] for step in result[name]] for name in ("done", "open"))
    assert not set(done) & set(rest)


def test_the_old_certificate_does_not_come_back(tmp_path: pathlib.Path) -> None:
    """Where the controller saw it before. The host's part of the way back has worked."""
    scene = Remote(tmp_path, NAME, outside=(NAME,))
    seen: list[Served] = []

    def breaks(served: Served) -> Served:
        seen.append(served)
        return served if len(seen) == 1 else unreachable(served)

    scene.broken[NAME] = breaks
    result = scene.run(scene.new)
    error = result["error"]
    assert (error["rolled_back"], back(result)) == (False, [NAME])
    assert "No route to host" in error["trouble"]
    assert "they did not come back" in result["msg"]
    assert "they did not come back" in error["hint"]
    scene.assert_lives(scene.old[NAME])


@pytest.mark.parametrize("fault", [{"unreachable": True, "msg": "gone"}, {"failed": True, "msg": "MODULE FAILURE"}])
def test_the_second_call_does_not_arrive(tmp_path: pathlib.Path, fault: Result) -> None:
    """The task fails, the marks stay, and the next run ends it."""
    scene = Remote(tmp_path, NAME, outside=(NAME,))
    result = scene.run(scene.new, lambda _given: dict(fault))
    assert (result["failed"], result["msg"], result.get("unreachable")) == (
        True,
        fault["msg"],
        fault.get("unreachable"),
    )
    assert [step["subject"] for step in result["open"]] == [f"{NAME} from the controller"]
    assert scene.mark(NAME).exists()
    result = scene.run(scene.new)
    assert [step["action"] for step in result["steps"]] == ["test", "reload", "prove", "prove"]
    scene.assert_lives(scene.new[NAME])


def test_another_run_was_faster(tmp_path: pathlib.Path) -> None:
    """What it has settled or taken back is left alone."""
    scene = Remote(tmp_path, NAME, outside=(NAME,))
    scene.broken[NAME] = stale(scene.old[NAME])

    def meanwhile(given: Result) -> Result:
        scene.mark(NAME).unlink()
        try:
            return scene.module(given)
        except Exception as error:
            return {"failed": True, **failure.describe(error)}

    result = scene.run(scene.new, meanwhile)
    assert (result["failed"], result["error"]["kind"]) == (True, "state")
    assert "changed while the controller asked its endpoints" in result["msg"]
    scene.assert_lives(scene.new[NAME])


def test_a_failed_run_before_does_not_wait(tmp_path: pathlib.Path) -> None:
    """The controller asks nobody about what the host has refused."""
    scene = Remote(tmp_path, NAME, outside=(NAME,))
    scene.service.fault(scene.new[NAME], "refuse")
    scene.calls.clear()
    result = scene.run(scene.new)
    assert (result["error"]["kind"], result["error"]["rolled_back"]) == ("config_test", True)
    assert scene.calls == [NAME]  # before
    scene.assert_lives(scene.old[NAME])
