# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that does not take a set gets the one before; a run that is cut off on the way is finished or undone by the next one."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, StateError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import layout

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, live, params
from tests.unit.plugins.module_utils._deploy.small_service import FAULTS, Service
from tests.unit.plugins.module_utils._deploy.test_changes import (
    actions,
    assert_no_loose_key,
    deploy,
    killed_at,
    mark,
    tree,
)

NAME, OTHER = "www.example.com", "b.example"


class Scene:
    """Sets that one service uses: their old versions, which it serves, and new ones."""

    def __init__(self, path: pathlib.Path, *names: str, **more: Any) -> None:
        self.root, self.names, self.more = path / "root", names, more
        self.endpoints = more.pop("endpoints", True)
        self.service = Service(path / "service", self.root, *names)
        self.old = {name: issue([name], start=-30) for name in names}
        self.new = {name: issue([name]) for name in names}
        self.service.know(*self.old.values(), *self.new.values())

    def params(self, versions: dict[str, Issued]) -> dict[str, Any]:
        given = params(self.root, versions, proof_timeout=0.05)
        for entry in given["certificates"]:
            entry.update({**self.service.options(entry["name"], self.endpoints), **self.more})
        return given

    def deploy(self, versions: dict[str, Issued]) -> list[str]:
        return actions(deploy(self.params(versions), one=self.service.probe))

    def refused(self, versions: dict[str, Issued]) -> CollectionError:
        with pytest.raises(CollectionError) as caught:
            self.deploy(versions)
        return caught.value

    def live(self) -> list[str]:
        return [live(self.root, name) for name in self.names]

    def serials(self, versions: dict[str, Issued]) -> list[str]:
        return [versions[name].serial for name in self.names]

    def assert_serves(self, versions: dict[str, Issued]) -> None:
        """On the disk and in the service; no key is open, nothing is left behind."""
        assert self.live() == self.service.loaded == self.serials(versions)
        assert_no_loose_key(self.root)
        for name in self.names:
            left = [each.name for each in (self.root / name).iterdir() if each.name.startswith(".")]
            assert not left
            assert not (self.root / name / layout.OWED).exists()


# --- bad deployments --------------------------------------------------------------------------------------------------

SHAPES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "one set": ((NAME,), {}),
    "two sets, one service": ((NAME, OTHER), {}),
    "two sets, one unit": ((NAME, OTHER), {"unit": "web"}),
    "nothing is kept": ((NAME,), {"keep": 0}),
}
BAD = [
    *((shape, fault, which) for shape in SHAPES for fault in FAULTS for which in range(len(SHAPES[shape][0]))),
    *(("cut off before", fault, 0) for fault in FAULTS),
    *(("no endpoints", fault, 0) for fault in FAULTS if FAULTS[fault] != "proof"),
    *(("a broken command", option, 0) for option in ("config_test", "reload")),
]


def bad(path: pathlib.Path, shape: str, **more: Any) -> Scene:
    names, options = SHAPES.get(shape, ((NAME,), {}))
    keep = options.get("keep")
    scene = Scene(path, *names, **{key: value for key, value in options.items() if key != "keep"}, **more)
    original = scene.params
    if keep is not None:
        scene.params = lambda versions: {**original(versions), "keep": keep}  # type: ignore[method-assign]
    scene.deploy(scene.old)
    scene.assert_serves(scene.old)
    return scene


@pytest.mark.parametrize(("shape", "fault", "which"), BAD, ids=[" ".join(map(str, each)) for each in BAD])
def test_bad_deployment(tmp_path: pathlib.Path, shape: str, fault: str, which: int) -> None:
    """The old certificates are served, on the disk and by the service; the error says why; the next run deploys when it is mended."""
    scene = bad(tmp_path, shape, endpoints=shape != "no endpoints")
    if shape == "a broken command":
        kind = fault
        scene.more = {fault: [["/nowhere/program"]]}
    else:
        kind = FAULTS[fault]
        scene.service.fault(scene.new[scene.names[which]], fault)
    if shape == "cut off before":
        # as a run leaves it that is killed after its reload
        files.write(str(mark(scene.root)), json.dumps({"previous": scene.old[NAME].serial}).encode())
    error = scene.refused(scene.new)
    assert (error.kind, error.extra["rolled_back"], error.extra["trouble"]) == (kind, True, None), error.sentence()
    assert "the version before is live again" in error.sentence()
    scene.assert_serves(scene.old)
    # until it is mended each run tries again, and fails again
    assert scene.refused(scene.new).kind == kind
    scene.assert_serves(scene.old)
    scene.service.mend()
    scene.more.pop(fault, None)
    assert "switch" in scene.deploy(scene.new)
    scene.assert_serves(scene.new)
    assert scene.deploy(scene.new) == []


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a test of its own."""
    assert len(set(BAD)) >= 50
    with capsys.disabled():
        print("\n%d bad deployments, each rolled back twice" % len(BAD))


def test_a_refused_configuration_is_not_reloaded(tmp_path: pathlib.Path) -> None:
    scene = bad(tmp_path, "one set")
    scene.service.fault(scene.new[NAME], "refuse")
    before = len(scene.service.calls)
    error = scene.refused(scene.new)
    assert scene.service.calls[before:] == ["test"]
    assert "key values mismatch" in error.sentence()
    assert error.extra["rc"] == 1


def test_a_service_that_runs_is_not_started(tmp_path: pathlib.Path) -> None:
    """Only one that does not serve the old certificate after the way back."""
    for fault, expected in (("ignore", 0), ("fail", 0), ("strange", 0), ("die", 1), ("die-loudly", 1)):
        scene = bad(tmp_path / fault, "one set")
        scene.service.fault(scene.new[NAME], fault)
        scene.refused(scene.new)
        assert scene.service.calls.count("recover") == expected, fault


def test_one_endpoint_holds_up_its_set_alone(tmp_path: pathlib.Path) -> None:
    """Ten sets of one service: nine must not expire because an endpoint of the tenth is wrong."""
    scene = bad(tmp_path, "two sets, one service")
    scene.service.known[scene.new[OTHER].serial] = "1" * 64  # it never serves that
    error = scene.refused(scene.new)
    assert (error.kind, error.extra["rolled_back"]) == ("proof", True)
    assert scene.live() == scene.service.loaded == [scene.new[NAME].serial, scene.old[OTHER].serial]
    assert not mark(scene.root).exists()
    found: Any = error.extra["endpoints"]
    assert [(each["server_name"], each["served"], each["wanted"]) for each in found] == [
        (OTHER, "1" * 64, scene.new[OTHER].fingerprint)
    ]


def test_a_unit_falls_as_a_whole(tmp_path: pathlib.Path) -> None:
    scene = bad(tmp_path, "two sets, one unit")
    scene.service.known[scene.new[OTHER].serial] = "1" * 64
    scene.refused(scene.new)
    scene.assert_serves(scene.old)


def test_a_set_that_is_new_beside_one_that_is_not(tmp_path: pathlib.Path) -> None:
    """One can go back, the other cannot: not all is as it was, and both are tried again."""
    scene = Scene(tmp_path, NAME, OTHER)
    scene.names = (NAME,)
    (scene.service.folder / "links").write_text("%s/current\n" % (scene.root / NAME))
    scene.deploy({NAME: scene.old[NAME]})
    scene.names = (NAME, OTHER)
    (scene.service.folder / "links").write_text("".join("%s/current\n" % (scene.root / name) for name in scene.names))
    scene.service.fault(scene.new[NAME], "refuse")
    error = scene.refused(scene.new)
    assert error.extra["rolled_back"] is False
    assert scene.live() == [scene.old[NAME].serial, scene.new[OTHER].serial]
    scene.service.mend()
    assert scene.deploy(scene.new) == ["switch", "test", "reload", "prove"]
    scene.assert_serves(scene.new)


def test_other_units_are_not_held_up(tmp_path: pathlib.Path) -> None:
    first, second = bad(tmp_path / "a", "one set"), Scene(tmp_path / "b", OTHER)
    first.service.fault(first.new[NAME], "refuse")
    second.root = first.root
    (second.service.folder / "links").write_text("%s/current" % (first.root / OTHER))
    given, more = first.params(first.new), second.params(second.new)
    given["certificates"] += more["certificates"]
    given["contents"].update(more["contents"])

    def probe(endpoint: Any, timeout: float) -> Any:
        return (first if endpoint.server_name == NAME else second).service.probe(endpoint, timeout)

    with pytest.raises(CollectionError) as caught:
        deploy(given, one=probe)
    assert caught.value.sentence().startswith("www.example.com: ")
    first.assert_serves(first.old)
    second.assert_serves(second.new)


def test_services_that_do_not_come_back(tmp_path: pathlib.Path) -> None:
    """The old version is linked, the mark stays, and the next run brings the service back even if nothing else is to do."""
    scene = bad(tmp_path, "one set")
    scene.service.fault(scene.new[NAME], "die")
    recover, scene.more = scene.more, {"recover": [["false"]]}
    error = scene.refused(scene.new)
    assert (error.extra["rolled_back"], "did not come back" in error.sentence()) == (False, True)
    assert "false ended with status 1" in str(error.extra["trouble"])
    assert scene.live() == [scene.old[NAME].serial]
    assert mark(scene.root).exists()
    scene.more = recover
    assert scene.deploy(scene.old) == ["test", "reload", "prove"]
    scene.assert_serves(scene.old)


def test_a_service_that_was_down_before_is_not_started(tmp_path: pathlib.Path) -> None:
    scene = bad(tmp_path, "one set")
    (scene.service.folder / "loaded").unlink()
    for versions in (scene.new, scene.old):
        assert scene.refused(versions).kind == "reload"
        assert scene.live() == [scene.old[NAME].serial]
    assert "recover" not in scene.service.calls


def test_a_service_that_waits_for_its_first_certificate_is_started(tmp_path: pathlib.Path) -> None:
    scene = Scene(tmp_path, NAME)
    (scene.service.folder / "loaded").unlink()
    assert scene.deploy(scene.new) == ["install", "switch", "test", "reload", "prove"]
    assert scene.service.calls == ["test", "reload", "recover", "reload"]
    scene.assert_serves(scene.new)


@pytest.mark.parametrize("fault", FAULTS)
def test_first_deployment(tmp_path: pathlib.Path, fault: str) -> None:
    """There is nothing to go back to: the files stay, and the next run comes to the end."""
    scene = Scene(tmp_path, NAME)
    scene.service.fault(scene.new[NAME], fault)
    error = scene.refused(scene.new)
    assert (error.kind, error.extra["rolled_back"]) == (FAULTS[fault], False)
    assert "no version to go back to" in error.sentence()
    assert scene.live() == [scene.new[NAME].serial]
    assert mark(scene.root).exists()
    newer = issue([NAME])
    scene.service.know(newer)
    scene.service.fault(newer, fault)
    assert scene.refused({NAME: newer}).extra["rolled_back"] is False  # the first one never worked
    scene.service.mend()
    assert scene.deploy({NAME: newer})[-2:] == ["reload", "prove"]
    scene.assert_serves({NAME: newer})


def test_the_way_back_leads_to_what_was_proven(tmp_path: pathlib.Path) -> None:
    """Not to a version between that a run was cut off with."""
    scene = bad(tmp_path, "one set")
    between = issue([NAME], start=-10)
    scene.service.know(between)
    scene.more = {"reload": [["sh", "-c", "kill -9 $PPID"]]}
    assert killed_at(1000000, lambda: scene.deploy({NAME: between}))
    scene.more = {}
    assert (scene.live(), mark(scene.root).exists()) == ([between.serial], True)
    scene.service.fault(scene.new[NAME], "ignore")
    scene.refused(scene.new)
    scene.assert_serves(scene.old)


def test_a_disk_that_is_full_at_the_second_link(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bad(tmp_path, "two sets, one unit")
    original, links = files.switch_link, []

    def full(link: str, target: str) -> None:
        links.append(link)
        if len(links) == 2:
            raise OSError(28, "No space left on device", link)
        original(link, target)

    before = len(scene.service.calls)
    with monkeypatch.context() as patch:
        patch.setattr(files, "switch_link", full)
        error = scene.refused(scene.new)
    assert isinstance(error, StateError)
    assert "No space left" in error.sentence()
    assert scene.service.calls[before:] == []
    scene.assert_serves(scene.old)
    scene.deploy(scene.new)
    scene.assert_serves(scene.new)


@pytest.mark.parametrize("keep", [0, 2])
@pytest.mark.parametrize("fault", ["refuse", "ignore"])
def test_refused_versions_do_not_pile_up(tmp_path: pathlib.Path, fault: str, keep: int) -> None:
    """Each renewal has a new serial number. The wanted version is there, and ``keep`` others, and the one that is served in any case."""
    scene = bad(tmp_path, "one set")
    original = scene.params
    scene.params = lambda versions: {**original(versions), "keep": keep}  # type: ignore[method-assign]
    for number in range(6):
        renewed = issue([NAME], start=-20 + number)
        scene.service.know(renewed)
        scene.service.fault(renewed, fault)
        assert scene.refused({NAME: renewed}).extra["rolled_back"] is True
        scene.assert_serves(scene.old)
        there = tree(scene.root)
        assert {scene.old[NAME].serial, renewed.serial} <= set(there)
        assert len(there) - 1 <= 1 + max(keep, 1), there
    assert scene.deploy(scene.new)[-1] == "remove"
    scene.assert_serves(scene.new)
    there = tree(scene.root)
    assert len(there) - 1 == 1 + keep
    assert keep == 0 or scene.old[NAME].serial in there  # what was proven is worth more than what was refused


def test_the_version_that_the_mark_names_stays(tmp_path: pathlib.Path) -> None:
    """A run was cut off with a version that no service takes; the way back of the next ones leads to the one before it."""
    scene = bad(tmp_path, "nothing is kept")
    between = issue([NAME], start=-10)
    scene.service.know(between)
    scene.more = {"reload": [["sh", "-c", "kill -9 $PPID"]]}
    assert killed_at(1000000, lambda: scene.deploy({NAME: between}))
    # the services do not come back either, so the mark stays
    scene.service.fault(scene.new[NAME], "die")
    scene.more = {"recover": [["false"]]}
    assert scene.refused(scene.new).extra["rolled_back"] is False
    assert mark(scene.root).exists()
    assert scene.old[NAME].serial in tree(scene.root)
    scene.more = {}
    scene.deploy(scene.old)
    scene.assert_serves(scene.old)


def test_a_unit_has_members_that_no_service_is_told_about(tmp_path: pathlib.Path) -> None:
    """The service is told, and asked, for the sake of the first set. After a run that was cut off both go back, or stay."""
    scene = Scene(tmp_path, NAME, OTHER, unit="web")
    original = scene.params

    def params_of_the_first(versions: dict[str, Issued]) -> dict[str, Any]:
        given = original(versions)
        given["certificates"][1].update(config_test=[], reload=[], recover=[], endpoints=[])
        return given

    scene.params = params_of_the_first  # type: ignore[method-assign]
    scene.deploy(scene.old)
    scene.more = {"unit": "web", "reload": [["sh", "-c", "kill -9 $PPID"]]}
    assert killed_at(1000000, lambda: scene.deploy(scene.new))
    assert scene.live() == scene.serials(scene.new)
    scene.more = {"unit": "web"}
    scene.service.fault(scene.new[NAME], "ignore")
    assert scene.refused(scene.new).extra["rolled_back"] is True
    scene.assert_serves(scene.old)


def test_a_unit_that_nobody_looks_after_is_settled(tmp_path: pathlib.Path) -> None:
    """It was cut off between the links; nobody has to be told, and nothing stays owed."""
    scene = Scene(tmp_path, NAME, endpoints=False, unit="web")
    scene.more = {"unit": "web", "config_test": [], "reload": [], "recover": []}
    scene.deploy(scene.new)
    mark(scene.root).write_text("{}\n")
    assert scene.deploy(scene.new) == ["prove"]
    assert not mark(scene.root).exists()
    assert scene.deploy(scene.new) == []


# --- kills ------------------------------------------------------------------------------------------------------------


def first_kill(scene: Scene, start: pathlib.Path, attempt: Any) -> int:
    """Kills before that leave files alone behind, and no mark: what they leave is the matter of another test."""
    number = 0
    while not mark(scene.root).exists():
        number += 10
        again(scene, start)
        killed_at(number, attempt)
    return number - 10


def again(scene: Scene, start: pathlib.Path) -> None:
    shutil.rmtree(scene.root.parent)
    shutil.copytree(start, scene.root.parent, symlinks=True)


@pytest.mark.parametrize(
    "fault", ["", "fail", *(pytest.param(each, marks=pytest.mark.slow) for each in ("refuse", "ignore", "die"))]
)
def test_killed_at_each_call_of_a_bad_deployment(
    tmp_path: pathlib.Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two sets of one unit. Whole versions are live at any time; the next run gets the old ones served again, or the new ones."""
    scene = bad(tmp_path / "work", "two sets, one unit")
    if fault:
        scene.service.fault(scene.new[OTHER], fault)
    start, work = tmp_path / "start", tmp_path / "work"
    shutil.copytree(work, start, symlinks=True)

    def attempt() -> None:
        with contextlib.suppress(CollectionError):
            scene.deploy(scene.new)

    before = number = first_kill(scene, start, attempt)
    killed, dead = True, 0
    possible = [{scene.old[name].serial, scene.new[name].serial} for name in scene.names]
    while killed:
        number += 1
        again(scene, start)
        killed = killed_at(number, attempt)
        assert_no_loose_key(scene.root)
        for each in (scene.live(), *([scene.service.loaded] if scene.service.loaded else [])):
            assert [serial for serial, allowed in zip(each, possible) if serial not in allowed] == []
        dead += scene.service.loaded is None
        assert fault == "die" or scene.service.loaded is not None, "the service was brought down"
        if killed and not fault:
            scene.deploy(scene.new)
        elif killed:
            assert scene.refused(scene.new).extra["rolled_back"] is True
        scene.assert_serves(scene.old if fault else scene.new)
        assert all(len(tree_of(scene.root / name)) <= 3 for name in scene.names)
    with capsys.disabled():
        calls = number - 1 - before
        text = f"{fault or 'good'}: killed at {calls} of {calls} calls from the mark on, the next run left "
        print(
            f"\n{text}{'the old' if fault else 'the new'} sets served each time; {dead} times it found the service dead"
        )


def tree_of(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_mark_of_an_older_kind(tmp_path: pathlib.Path) -> None:
    """It says that a reload is owed, and nothing of the way back."""
    scene = bad(tmp_path, "one set")
    mark(scene.root).write_text("{}\n")
    assert scene.deploy(scene.old) == ["test", "reload", "prove"]
    assert tree(scene.root) == sorted([scene.old[NAME].serial, "current"])
