# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on the disk: at each moment a reader sees a whole version, and a kill leaves nothing that the next run does not mend."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import stat
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import NotDone, Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import layout
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.commands import ReloadError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.deployment import Deployment
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Endpoint
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.service import ProofError

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, live, params

NAME = "www.example.com"
# What changes the disk, and what comes right before: killed before each of these calls, every state in between is seen.
CALLS = ("open", "write", "rename", "symlink", "mkdir", "fchmod", "fchown", "fsync", "unlink", "rmdir")


def deploy(given: dict[str, Any], **more: Any) -> Plan:
    """What the engine does."""
    resource = Deployment(**more)
    try:
        want = resource.want(given)
        plan = resource.plan(want, resource.read(want))
        for step in plan.steps:
            with contextlib.suppress(NotDone):
                resource.apply(step)
        resource.show(want, resource.read(want), plan)
        if resource.problem:
            raise resource.problem
        return plan
    finally:
        resource.close()


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


def tree(root: pathlib.Path) -> list[str]:
    return sorted(path.name for path in (root / NAME).iterdir())


def damage(root: pathlib.Path, issued: Issued, file: str) -> None:
    path = root / NAME / issued.serial / file
    path.write_bytes(path.read_bytes()[:-20])


def test_first_run_then_nothing(tmp_path: pathlib.Path) -> None:
    issued = issue([NAME])
    given = params(tmp_path / "root", {NAME: issued})
    assert actions(deploy(given)) == ["install", "switch"]
    assert live(tmp_path / "root", NAME) == issued.serial
    assert tree(tmp_path / "root") == sorted([issued.serial, "current"])
    version = tmp_path / "root" / NAME / issued.serial
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in [version, *version.iterdir()]}
    public = dict.fromkeys(["cert.pem", "chain.pem", "fullchain.pem", "meta.json"], "0o644")
    assert modes == {issued.serial: "0o755", "privkey.pem": "0o600", **public}
    assert actions(deploy(given)) == []


def test_umask_does_not_matter(tmp_path: pathlib.Path) -> None:
    before = os.umask(0o077)
    try:
        deploy(params(tmp_path / "made" / "root", {NAME: issue([NAME])}))
    finally:
        os.umask(before)
    for path in (tmp_path / "made", tmp_path / "made" / "root", tmp_path / "made" / "root" / NAME):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.parametrize("file", ["privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "meta.json"])
@pytest.mark.parametrize("kind", ["cut", "gone", "link", "directory"])
def test_repair_of_the_live_version(tmp_path: pathlib.Path, file: str, kind: str) -> None:
    issued = issue([NAME])
    given = params(tmp_path, {NAME: issued})
    deploy(given)
    path = tmp_path / NAME / issued.serial / file
    if kind == "cut":
        damage(tmp_path, issued, file)
    else:
        path.rename(tmp_path / "elsewhere")
        if kind == "link":
            path.symlink_to(tmp_path / "elsewhere")
        elif kind == "directory":
            path.mkdir()
    assert actions(deploy(given)) == ["repair"]
    assert live(tmp_path, NAME) == issued.serial
    assert tree(tmp_path) == sorted([issued.serial, "current"])
    assert actions(deploy(given)) == []


def test_modes_are_mended_in_place(tmp_path: pathlib.Path) -> None:
    issued = issue([NAME])
    given = params(tmp_path, {NAME: issued})
    deploy(given)
    key = tmp_path / NAME / issued.serial / "privkey.pem"
    inode = key.stat().st_ino
    key.chmod(0o666)
    (tmp_path / NAME).chmod(0o777)
    assert actions(deploy(given)) == ["set_access"]
    assert (stat.S_IMODE(key.stat().st_mode), key.stat().st_ino) == (0o600, inode)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o755
    assert actions(deploy(given)) == []


@pytest.mark.root
def test_owner_and_group(tmp_path: pathlib.Path) -> None:
    issued = issue([NAME])
    given = params(tmp_path, {NAME: issued}, {"owner": "1234", "group": "2345", "key_mode": "0640"})
    deploy(given)
    version = tmp_path / NAME / issued.serial
    key = (version / "privkey.pem").stat()
    assert (key.st_uid, key.st_gid, stat.S_IMODE(key.st_mode)) == (1234, 2345, 0o640)
    # files belong to the owner; directories do not, or the owner could put links into them
    assert (version.stat().st_uid, version.stat().st_gid) == (0, 2345)
    assert actions(deploy(given)) == []
    os.chown(version / "privkey.pem", 0, 0)
    assert actions(deploy(given)) == ["set_access"]
    assert (version / "privkey.pem").stat().st_uid == 1234


def test_unknown_owner(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="no user 'nobody-here'"):
        deploy(params(tmp_path, {NAME: issue([NAME])}, {"owner": "nobody-here"}))
    with pytest.raises(UsageError, match="no group 'nobody-here'"):
        deploy(params(tmp_path, {NAME: issue([NAME])}, {"group": "nobody-here"}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [".", "current", "version"])
def test_foreign_things_are_refused(tmp_path: pathlib.Path, place: str) -> None:
    issued = issue([NAME])
    path = tmp_path / NAME / {"version": issued.serial}.get(place, place)
    path.parent.mkdir(exist_ok=True)
    if place == "current":
        path.mkdir()
    else:
        path.write_text("not ours")
    with pytest.raises(StateError, match="is not a"):
        deploy(params(tmp_path, {NAME: issued}))


def test_ten_renewals_keep_two(tmp_path: pathlib.Path) -> None:
    serials = []
    for day in range(-30, -20):
        issued = issue([NAME], start=day)
        deploy(params(tmp_path, {NAME: issued}))
        serials.append(issued.serial)
        assert live(tmp_path, NAME) == issued.serial
        assert tree(tmp_path) == sorted([*serials[-3:], "current"])


def test_one_run_at_a_time(tmp_path: pathlib.Path) -> None:
    """Two runs that both saw an empty host end with one whole set."""
    issued = issue([NAME])
    given = params(tmp_path / "root", {NAME: issued})
    first, second = Deployment(), Deployment()
    plans = []
    for resource in (first, second):
        want = resource.want(given)
        plans.append(resource.plan(want, resource.read(want)))
    for resource, plan in zip((first, second), plans):
        for step in plan.steps:
            resource.apply(step)
        resource.close()
    assert live(tmp_path / "root", NAME) == issued.serial
    assert tree(tmp_path / "root") == sorted([issued.serial, "current"])


# --- reloads that are owed -------------------------------------------------------------------------------------------


def counting(path: pathlib.Path) -> list[str]:
    """A reload command that leaves a trace."""
    return ["sh", "-c", 'printf x >> "$0"', str(path)]


def count(path: pathlib.Path) -> int:
    return len(path.read_bytes()) if path.exists() else 0


def mark(root: pathlib.Path) -> pathlib.Path:
    return root / NAME / layout.OWED


def test_failed_reload_is_made_up_for(tmp_path: pathlib.Path) -> None:
    """No endpoint tells that the service has the old files: only the mark does."""
    root, log, issued = tmp_path / "root", tmp_path / "log", issue([NAME])
    bad = params(root, {NAME: issued}, {"reload": [counting(log), ["false"]]})
    for expected in (["install", "switch", "reload", "reload"], ["reload", "reload"]):
        resource = Deployment()
        want = resource.want(bad)
        assert actions(resource.plan(want, resource.read(want))) == expected
        resource.close()
        with pytest.raises(ReloadError):
            deploy(bad)
        assert stat.S_IMODE(mark(root).stat().st_mode) == 0o600
        assert json.loads(mark(root).read_text()) == {
            "serial": issued.serial,
            "previous": None,
            "commands": [counting(log), ["false"]],
        }
    good = params(root, {NAME: issued}, {"reload": [counting(log)]})
    assert actions(deploy(good)) == ["reload"]
    assert count(log) == 3
    assert tree(root) == sorted([issued.serial, "current"])
    assert actions(deploy(good)) == []


def test_failed_reload_after_a_repair_is_made_up_for(tmp_path: pathlib.Path) -> None:
    issued = issue([NAME])
    good = params(tmp_path, {NAME: issued}, {"reload": [["true"]]})
    deploy(good)
    damage(tmp_path, issued, "chain.pem")
    with pytest.raises(ReloadError):
        deploy(params(tmp_path, {NAME: issued}, {"reload": [["false"]]}))
    assert actions(deploy(good)) == ["reload"]
    assert actions(deploy(good)) == []


def test_reload_that_was_not_proven_is_made_up_for(tmp_path: pathlib.Path) -> None:
    """Also when the endpoint shows the right certificate by the next run: there may be other users of the files."""
    issued = issue([NAME])
    options = {"reload": [["true"]], "endpoints": [{"address": "127.0.0.1", "port": 1, "server_name": None}]}
    given = params(tmp_path, {NAME: issued}, options)

    def good(endpoint: Endpoint, _timeout: float) -> Served:
        return Served(endpoint, issued.fingerprint)

    with pytest.raises(ProofError):
        deploy(given, one=lambda endpoint, _timeout: Served(endpoint, None, "down"))
    assert mark(tmp_path).exists()
    assert actions(deploy(given, one=good)) == ["reload", "prove"]
    assert not mark(tmp_path).exists()
    assert actions(deploy(given, one=good)) == []


def test_reload_of_an_endpoint_that_fails_half_way_is_made_up_for(tmp_path: pathlib.Path) -> None:
    """The first command mends what is served; that the second one failed is remembered nevertheless."""
    issued, log = issue([NAME]), tmp_path / "log"
    endpoint = {"endpoints": [{"address": "127.0.0.1", "port": 1, "server_name": None}]}
    served = params(tmp_path / "root", {NAME: issued}, endpoint)

    def one(endpoint: Endpoint, _timeout: float) -> Served:
        return Served(endpoint, issued.fingerprint if log.exists() else "old")

    with pytest.raises(ProofError):
        deploy(served, one=one)
    assert json.loads(mark(tmp_path / "root").read_text())["commands"] == []
    with pytest.raises(ReloadError):
        deploy(params(tmp_path / "root", {NAME: issued}, {**endpoint, "reload": [counting(log), ["false"]]}), one=one)
    good = params(tmp_path / "root", {NAME: issued}, {**endpoint, "reload": [counting(log), ["true"]]})
    assert actions(deploy(good, one=one)) == ["reload", "reload", "prove"]
    assert actions(deploy(good, one=one)) == []


def test_one_set_is_settled_though_another_one_is_not(tmp_path: pathlib.Path) -> None:
    sets, log = {NAME: issue([NAME]), "b.example": issue(["b.example"])}, tmp_path / "log"
    given = params(tmp_path / "root", sets, {"reload": [counting(log)]})
    given["certificates"][1]["reload"] = [["false"]]
    for _run in range(2):
        with pytest.raises(ReloadError):
            deploy(given)
        assert count(log) == 1


def test_half_a_mark_is_removed(tmp_path: pathlib.Path) -> None:
    given = params(tmp_path, {NAME: issue([NAME])})
    deploy(given)
    half = mark(tmp_path).with_name("." + layout.OWED + ".new")
    half.touch()
    assert actions(deploy(given)) == ["remove"]
    assert not half.exists()
    assert actions(deploy(given)) == []


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_mark_that_is_none_is_refused(tmp_path: pathlib.Path, kind: str) -> None:
    given = params(tmp_path, {NAME: issue([NAME])}, {"reload": [["true"]]})
    deploy(given)
    if kind == "link":
        mark(tmp_path).symlink_to("/etc/hostname")
    else:
        mark(tmp_path).mkdir()
    with pytest.raises(StateError, match=layout.OWED):
        deploy(given)


# --- kills ------------------------------------------------------------------------------------------------------------


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Runs ``work`` in a child that is killed before its ``number``-th call; ``False`` if it came to its end."""
    child = os.fork()
    if child == 0:
        count = 0

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*arguments: Any, **keywords: Any) -> Any:
                nonlocal count
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **keywords)

            return counted

        for call in CALLS:
            setattr(os, call, wrap(getattr(os, call)))
        try:
            work()
        except BaseException:  # noqa: B036
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the run failed by itself"
    return os.WIFSIGNALED(status)


def shows(root: pathlib.Path, issued: Issued) -> bool:
    """Whether a service that starts now gets this version, whole."""
    version = root / NAME / "current"
    names = ("privkey.pem", "meta.json", "chain.pem", "fullchain.pem", "cert.pem")
    return all((version / name).exists() and (version / name).read_bytes() == issued.files[name] for name in names)


def assert_no_loose_key(root: pathlib.Path) -> None:
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"PRIVATE" in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} is readable for others"


def scenario_first(root: pathlib.Path, old: Issued, new: Issued) -> None:
    pass


def scenario_renewal(root: pathlib.Path, old: Issued, new: Issued) -> None:
    for day in (-50, -40):
        deploy(params(root, {NAME: issue([NAME], start=day)}))
    deploy(params(root, {NAME: old}))


def scenario_damaged_and_live(root: pathlib.Path, old: Issued, new: Issued) -> None:
    deploy(params(root, {NAME: old}))
    deploy(params(root, {NAME: new}))
    damage(root, new, "meta.json")  # the reader's proof stays possible


def scenario_damaged_and_waiting(root: pathlib.Path, old: Issued, new: Issued) -> None:
    deploy(params(root, {NAME: new}))
    deploy(params(root, {NAME: old}))
    damage(root, new, "privkey.pem")


def scenario_modes(root: pathlib.Path, old: Issued, new: Issued) -> None:
    deploy(params(root, {NAME: new}))
    (root / NAME / new.serial / "fullchain.pem").chmod(0o600)


def scenario_owed(root: pathlib.Path, old: Issued, new: Issued) -> None:
    with pytest.raises(ReloadError):
        deploy(params(root, {NAME: new}, {"reload": [["false"]]}))


SCENARIOS = [scenario_first, scenario_renewal, scenario_damaged_and_live, scenario_damaged_and_waiting, scenario_modes]


# What is owed is paid when there is a command: no run without a service.
@pytest.mark.parametrize(
    ("scenario", "service"),
    [*((each, False) for each in SCENARIOS), *((each, True) for each in (*SCENARIOS, scenario_owed))],
)
def test_killed_at_each_call(
    tmp_path: pathlib.Path, scenario: Callable[..., None], service: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = issue([NAME], start=-30), issue([NAME])
    start = tmp_path / "start"
    start.mkdir()
    scenario(start, old, new)
    log = tmp_path / "log"
    given = params(tmp_path / "root", {NAME: new}, {"reload": [counting(log)] if service else []}, keep=1)
    due = service and scenario is not scenario_modes
    number, killed, made_up = 0, True, 0
    while killed:
        number += 1
        shutil.rmtree(tmp_path / "root", ignore_errors=True)
        if scenario is not scenario_first:
            shutil.copytree(start, tmp_path / "root", symlinks=True)
        log.unlink(missing_ok=True)
        killed = killed_at(number, lambda: deploy(given))
        first, switched = count(log), shows(tmp_path / "root", new)
        assert_no_loose_key(tmp_path / "root")
        if scenario is not scenario_first or (tmp_path / "root" / NAME / "current").is_symlink():
            assert live(tmp_path / "root", NAME) in (old.serial, new.serial)
        if not killed:
            assert live(tmp_path / "root", NAME) == new.serial
            assert first == due
            assert not mark(tmp_path / "root").exists()
        owed = due and (mark(tmp_path / "root").exists() or not first)
        if due and switched and not first:
            assert mark(tmp_path / "root").exists(), "the reload was forgotten"
        deploy(given)
        assert count(log) - first == owed
        made_up += owed
        assert live(tmp_path / "root", NAME) == new.serial
        assert_no_loose_key(tmp_path / "root")
        left = [name for name in tree(tmp_path / "root") if name.startswith(".") or name == layout.OWED]
        assert not left, "something was left behind"
        assert len(tree(tmp_path / "root")) <= 3
        assert actions(deploy(given)) == []
    with capsys.disabled():
        print(f"\n{scenario.__name__}: killed at {number - 1} of {number - 1} calls, mended by the next run each time")
        if due:
            print(f"{made_up} reloads made up for, none forgotten")


def test_readers_never_see_a_mix(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader loops while versions are switched and a live one is repaired."""
    versions = [issue([NAME], start=-30), issue([NAME])]
    deploy(params(tmp_path, {NAME: versions[0]}))
    seen: list[str] = []
    failures: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(live(tmp_path, NAME))
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _number in range(2)]
    for reader in readers:
        reader.start()
    for round_number in range(40):
        issued = versions[round_number % 2]
        deploy(params(tmp_path, {NAME: issued}))
        # Not by chance: the reader's directory stays whole while it is read, because the other version is kept.
        if round_number % 10 == 9:
            (tmp_path / NAME / issued.serial / "meta.json").write_text("{}")
    done.set()
    for reader in readers:
        reader.join()
    # A repair moves the damaged version out of the way; a reader inside of it by its path finds nothing, never a mix.
    assert [error for error in failures if not isinstance(error, FileNotFoundError)] == []
    assert set(seen) == {issued.serial for issued in versions}
    with capsys.disabled():
        print(f"\n{len(seen)} reads during 40 switches, {len(failures)} during a repair, no mix")


# --- disks that fail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "mkdir", "fchmod"])
def test_failing_calls_leave_the_old_version(
    tmp_path: pathlib.Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = issue([NAME], start=-30), issue([NAME])
    deploy(params(tmp_path, {NAME: old}))

    def fail(*arguments: Any, **keywords: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, fail)
        with pytest.raises(OSError, match="No space left"):
            deploy(params(tmp_path, {NAME: new}))
    assert live(tmp_path, NAME) == old.serial
    deploy(params(tmp_path, {NAME: new}))
    assert live(tmp_path, NAME) == new.serial
    assert tree(tmp_path) == sorted([old.serial, new.serial, "current"])


def test_nothing_is_switched_when_one_set_cannot_be_written(tmp_path: pathlib.Path) -> None:
    old, new = issue([NAME], start=-30), issue([NAME])
    deploy(params(tmp_path, {NAME: old}))
    given = params(tmp_path, {NAME: new, "b.example": issue(["b.example"])})
    original, count = files.write, 0

    def limited(*arguments: Any, **keywords: Any) -> None:
        nonlocal count
        count += 1
        if count > 7:
            raise OSError(28, "No space left on device")
        original(*arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "write", limited)
        with pytest.raises(OSError, match="No space left"):
            deploy(given)
    assert live(tmp_path, NAME) == old.serial
