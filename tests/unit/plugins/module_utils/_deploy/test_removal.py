# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that go: the link first, and none that is in use."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import layout
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Endpoint
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.removal import Removal

from tests.unit.plugins.module_utils._deploy.pki import issue, live, params
from tests.unit.plugins.module_utils._deploy.test_changes import deploy, killed_at

NAME, OTHER = "www.example.com", "shop.example.com"
FIRST, SECOND = issue([NAME], start=-30), issue([NAME])
ENDPOINTS = [{"port": 443, "address": "127.0.0.1", "server_name": None}]


def nobody(endpoint: Endpoint, _timeout: float) -> Served:
    return Served(endpoint, None, "no connection: Connection refused")


def serving(fingerprint: str) -> Any:
    return lambda endpoint, _timeout: Served(endpoint, fingerprint)


def options(root: pathlib.Path, *names: str, **more: Any) -> dict[str, Any]:
    certificates = [{"name": name, "domains": None, "endpoints": [], **more} for name in names]
    return {"root": str(root), "certificates": certificates}


def remove(given: dict[str, Any], one: Any = nobody) -> tuple[Plan, Removal, dict[str, Any]]:
    """What the engine does."""
    resource = Removal(one=one)
    try:
        want = resource.want(given)
        plan = resource.plan(want, resource.read(want))
        for step in plan.steps:
            resource.apply(step)
        return plan, resource, resource.show(want, resource.read(want), plan)
    finally:
        resource.close()


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A host with two versions of one set, and another set."""
    deploy(params(tmp_path / "root", {NAME: FIRST}))
    deploy(params(tmp_path / "root", {NAME: SECOND, OTHER: issue([OTHER])}))
    return tmp_path / "root"


def test_links_go_first(root: pathlib.Path) -> None:
    plan, resource, shown = remove(options(root, NAME, OTHER))
    assert actions(plan) == ["unlink", "unlink", "remove", "remove"]
    assert plan.steps[0].subject == NAME + " current"
    assert plan.steps[2].subject == "%s %s" % (NAME, ", ".join(sorted([FIRST.serial, SECOND.serial])))
    assert list(root.iterdir()) == []
    assert resource.problem is None
    before: Any = plan.before[NAME]
    assert before["current"] == SECOND.serial
    assert before["fingerprint"] == SECOND.fingerprint
    assert before["names"] == [NAME]
    assert before["versions"] == sorted([FIRST.serial, SECOND.serial])
    assert plan.after == {NAME: None, OTHER: None}
    assert shown["sets"][0] == {
        "name": NAME,
        "serial": None,
        "fingerprint": None,
        "previous_serial": SECOND.serial,
        "current": None,
        "not_after": None,
        "names": [],
        "path": str(root / NAME / "current"),
        "changed": True,
        "endpoints": [],
    }
    plan, _resource, shown = remove(options(root, NAME, OTHER))
    assert (actions(plan), plan.before, plan.reason) == ([], {}, "no set is there to be removed")
    assert not shown["sets"][0]["changed"]


def test_other_sets_stay(root: pathlib.Path) -> None:
    before = live(root, OTHER)
    remove(options(root, NAME, "*.example.com"))
    assert [path.name for path in root.iterdir()] == [OTHER]
    assert live(root, OTHER) == before


@pytest.mark.parametrize("left", [layout.OWED, ".current.new", layout.NEW + "0a", layout.OLD + "0a"])
def test_what_runs_left_goes_too(root: pathlib.Path, left: str) -> None:
    if left.startswith(".") and "-" in left:
        (root / NAME / left).mkdir()
    else:
        (root / NAME / left).touch()
    remove(options(root, NAME))
    assert not (root / NAME).exists()


@pytest.mark.parametrize("served", [FIRST.fingerprint, SECOND.fingerprint], ids=["old version", "live version"])
def test_a_set_that_is_served_stays(root: pathlib.Path, served: str) -> None:
    """Whichever of its versions it is. The others go."""
    given = options(root, NAME, OTHER)
    given["certificates"][0]["endpoints"] = ENDPOINTS
    plan, resource, shown = remove(given, serving(served))
    assert [step.subject.split()[0] for step in plan.steps] == [OTHER, OTHER]
    assert live(root, NAME) == SECOND.serial
    error: Any = resource.problem
    assert error.kind == "in_use"
    assert "127.0.0.1:443 (%s)" % NAME in error.sentence()
    assert error.payload()["endpoints"][0]["served"] == served
    assert shown["sets"][0]["endpoints"][0]["proof"] is True
    assert (shown["sets"][0]["changed"], shown["sets"][0]["current"]) == (False, SECOND.serial)


@pytest.mark.parametrize("one", [nobody, serving("0" * 64)], ids=["down", "another"])
def test_an_endpoint_with_another_certificate_does_not_matter(root: pathlib.Path, one: Any) -> None:
    plan, resource, _shown = remove(options(root, NAME, endpoints=ENDPOINTS), one)
    assert actions(plan) == ["unlink", "remove"]
    assert resource.problem is None


def test_nobody_is_asked_for_a_set_that_is_not_there(tmp_path: pathlib.Path) -> None:
    def never(endpoint: Endpoint, _timeout: float) -> Served:
        raise AssertionError(endpoint)

    plan, _resource, shown = remove(options(tmp_path / "root", NAME, endpoints=ENDPOINTS), never)
    assert actions(plan) == []
    assert shown["sets"][0]["endpoints"] == []
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    "kind", ["foreign file", "foreign directory", "link is a file", "set is a file", "set is a link"]
)
def test_what_is_not_ours_stays(root: pathlib.Path, kind: str) -> None:
    path = root / NAME
    if kind == "foreign file":
        (path / "dhparam.pem").write_text("x")
    elif kind == "foreign directory":
        (path / "nginx").mkdir()
    elif kind == "link is a file":
        (path / "current").unlink()
        (path / "current").write_text("x")
    else:
        path.rename(root.parent / "moved")
        if kind == "set is a link":
            path.symlink_to(root.parent / "moved")
        else:
            path.write_text("x")
    before = sorted(root.parent.rglob("*"))
    plan, resource, _shown = remove(options(root, NAME, OTHER))
    assert [step.subject.split()[0] for step in plan.steps] == [OTHER, OTHER]
    error: Any = resource.problem
    assert error.kind == "state"
    assert [each for each in sorted(root.parent.rglob("*")) if OTHER not in str(each)] == [
        each for each in before if OTHER not in str(each)
    ]


def test_options() -> None:
    with pytest.raises(UsageError, match="twice"):
        Removal().want(options(pathlib.Path("/r"), NAME, NAME))
    with pytest.raises(UsageError, match="absolute"):
        Removal().want(options(pathlib.Path("r"), NAME))
    with pytest.raises(UsageError, match="port 0"):
        Removal().want(options(pathlib.Path("/r"), NAME, endpoints=[{**ENDPOINTS[0], "port": 0}]))


def test_killed_at_each_call(root: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = root.parent / "start"
    shutil.copytree(str(root), str(start), symlinks=True)
    number, killed, unlinked = 0, True, 0
    while killed:
        number += 1
        shutil.rmtree(str(root))
        shutil.copytree(str(start), str(root), symlinks=True)
        killed = killed_at(number, lambda: remove(options(root, NAME)))
        if os.path.lexists(str(root / NAME / "current")):
            assert live(root, NAME) == SECOND.serial
            assert (root / NAME / FIRST.serial / "cert.pem").exists(), "a version went before the link"
        else:
            unlinked += 1
        remove(options(root, NAME))
        assert [path.name for path in root.iterdir()] == [OTHER]
    assert unlinked > 5
    with capsys.disabled():
        print(f"\nremoval: killed at {number - 1} of {number - 1} calls, finished by the next run each time")
