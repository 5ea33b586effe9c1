# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan cases: what is wanted, what is there -> the steps."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import model, planning
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.access import Access
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.handshake import Served
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.layout import FileHave, Live, SetHave, Version
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Endpoint

DIRECTORY = Access(0o755, 0, 0)
FILES = {file: b"content of " + file.encode() for file in model.FILES}
HERE = Endpoint("127.0.0.1", 443, "a.example")
THERE = Endpoint("127.0.0.1", 444, "b.example")
RELOAD = [["systemctl", "reload", "nginx"]]


def options(name: str = "a.example", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "domains": [name],
        "owner": None,
        "group": None,
        "key_mode": "0600",
        "mode": "0644",
        "reload": [],
        "endpoints": [],
        "serial": "05",
        "fingerprint": "5" * 64,
        "not_after": "2027-01-01T00:00:00Z",
        "names": [name],
        "digests": {file: model.sha256(content) for file, content in FILES.items()},
        **more,
    }


def params(*certificates: dict[str, Any], **more: Any) -> dict[str, Any]:
    encoded = {file: base64.b64encode(content).decode() for file, content in FILES.items()}
    return {
        "root": "/r",
        "directory_mode": "0755",
        "keep": 1,
        "proof_timeout": 1.0,
        "certificates": list(certificates),
        "contents": {each["name"]: encoded for each in certificates},
        **more,
    }


def version(serial: str = "05", age: float = 5, **damage: FileHave | None) -> Version:
    files = {
        file: FileHave(model.sha256(content), Access(0o600 if file == model.KEY else 0o644, 0, 0))
        for file, content in FILES.items()
    }
    for file, state in damage.items():
        files.pop(file.replace("_", "."))
        if state:
            files[file.replace("_", ".")] = state
    return Version(serial, DIRECTORY, (age, age), tuple(files.items()))


def have(current: str | None = "05", *versions: Version, **more: Any) -> SetHave:
    return SetHave(access=DIRECTORY, current=current, versions=versions or (version(),), **more)


NOTHING = SetHave()
OLD = Version("04", DIRECTORY, (4, 4))
OLDER = Version("03", DIRECTORY, (3, 9))
NO_DATES = Version("ff", DIRECTORY, (0, 99))
SERVED = (Served(HERE, "5" * 64),)
STALE = (Served(HERE, "4" * 64),)
DOWN = (Served(HERE, None, "no connection: Connection refused"),)
ENDPOINT = {"endpoints": [{"address": "127.0.0.1", "port": 443, "server_name": None}]}
BAD = FileHave("0" * 64, Access(0o644, 0, 0))

CASES: dict[str, tuple[dict[str, Any], SetHave, list[str]]] = {
    "nothing there": ({}, NOTHING, ["install", "switch"]),
    "nothing there, with service": (
        {"reload": RELOAD, **ENDPOINT},
        replace(NOTHING, served=DOWN),
        ["install", "switch", "reload", "prove"],
    ),
    "in order": ({}, have(), []),
    "in order and served": ({"reload": RELOAD, **ENDPOINT}, have(served=SERVED), []),
    "new version": ({"reload": RELOAD}, have("04", OLD), ["install", "switch", "reload"]),
    "killed before the switch": ({"reload": RELOAD}, have("04", OLD, version()), ["switch", "reload"]),
    "reload was missed": ({"reload": RELOAD, **ENDPOINT}, have(served=STALE), ["reload", "prove"]),
    "service is down": ({"reload": RELOAD, **ENDPOINT}, have(served=DOWN), ["reload", "prove"]),
    "reload is owed": ({"reload": RELOAD}, have(owed=True), ["reload"]),
    "reload is owed, though served": (
        {"reload": RELOAD, **ENDPOINT},
        have(served=SERVED, owed=True),
        ["reload", "prove"],
    ),
    "reload is owed and the version is new": (
        {"reload": RELOAD},
        have("04", OLD, owed=True),
        ["install", "switch", "reload"],
    ),
    "reload is owed, but there is nothing to reload": ({}, have(owed=True), []),
    "served wrongly, nothing to reload": (ENDPOINT, have(served=STALE), ["prove"]),
    "switched, nothing to reload": (ENDPOINT, have("04", OLD, version(), served=STALE), ["switch", "prove"]),
    "link is wrong": ({}, have("04", OLD, version()), ["switch"]),
    "link is missing": ({}, have(None), ["switch"]),
    "linked version is gone": ({"reload": RELOAD}, have("05", OLD), ["install", "reload"]),
    "file damaged": ({"reload": RELOAD}, have("05", version(cert_pem=BAD)), ["repair", "reload"]),
    "file missing": ({}, have("05", version(privkey_pem=None)), ["repair"]),
    "file is a link": ({}, have("05", version(cert_pem=FileHave(None, Access(0o777, 0, 0)))), ["repair"]),
    "damaged and not linked": ({}, have("04", OLD, version(cert_pem=BAD)), ["repair", "switch"]),
    "mode of the key": (
        {"reload": RELOAD},
        have("05", version(privkey_pem=FileHave(model.sha256(FILES["privkey.pem"]), Access(0o644, 0, 0)))),
        ["set_access"],
    ),
    "mode wanted differs": ({"mode": "0640", "key_mode": "0640"}, have(), ["set_access"]),
    "owner": ({}, have(uid=7), ["set_access"]),
    "group": ({}, have(gid=7), ["set_access"]),
    "owner is right": ({}, have(uid=0, gid=0), []),
    "mode of a damaged set": (
        {},
        have("05", version(privkey_pem=FileHave("0" * 64, Access(0o644, 0, 0)))),
        ["repair"],
    ),
    "mode of the directory": ({}, replace(have(), access=Access(0o777, 0, 0)), ["set_access"]),
    "one old version stays": ({}, have("05", version(), OLD), []),
    "two old versions": ({}, have("05", version(), OLD, OLDER), ["remove 03"]),
    "without dates goes first": ({}, have("05", version(), OLD, NO_DATES), ["remove ff"]),
    "the one that serves stays, a newer one was refused": (
        {},
        have("03", OLDER, OLD, NO_DATES),
        ["install", "switch", "remove 04", "remove ff"],
    ),
    "what a killed run left": (
        {},
        have(leftovers=(".current.new", ".new-05", ".old-03")),
        ["remove .current.new", "remove .new-05", "remove .old-03"],
    ),
}


@pytest.mark.parametrize(("more", "found", "expected"), CASES.values(), ids=CASES)
def test_steps_of_one_set(more: dict[str, Any], found: SetHave, expected: list[str]) -> None:
    want = model.want(params(options(**more)))
    plan = planning.plan(want, (found,))
    assert [label(step) for step in plan.steps] == expected
    assert bool(plan.before) == bool(plan.after) == bool(expected)
    assert bool(plan.before) == (plan.before != plan.after) or expected == ["prove"]


def label(step: Any) -> str:
    return step.action + (" " + step.subject.split(" ")[1] if step.action == "remove" else "")


def test_phases_of_several_sets() -> None:
    """All files before the first link; unit by unit links, commands (each once) and proof; removals last."""
    want = model.want(
        params(
            options("a.example", reload=[*RELOAD, ["haproxy-reload"]]),
            options("b.example", reload=RELOAD, endpoints=[{"address": "127.0.0.1", "port": 444, "server_name": None}]),
            options("c.example"),
        )
    )
    plan = planning.plan(
        want,
        (have("03", OLDER, OLD, NO_DATES), have(served=(Served(THERE, "5" * 64),)), NOTHING),
    )
    assert [(step.action, step.subject) for step in plan.steps] == [
        ("install", "a.example 05"),
        ("install", "c.example 05"),
        ("switch", "a.example current -> 05"),
        ("reload", "systemctl reload nginx"),
        ("reload", "haproxy-reload"),
        # b is in order, but its server was reloaded
        ("prove", "b.example"),
        ("switch", "c.example current -> 05"),
        ("remove", "a.example 04"),
        ("remove", "a.example ff"),
    ]
    assert list(plan.before) == ["a.example", "c.example"]


def test_difference() -> None:
    want = model.want(params(options(**ENDPOINT)))
    found = have("04", OLD, live=Live("4" * 64, ("a.example",), "2026-12-01T00:00:00Z"), served=STALE)
    plan = planning.plan(want, (found,))
    assert plan.diff() == {
        "before": {
            "a.example": {
                "current": "04",
                "fingerprint": "4" * 64,
                "names": ["a.example"],
                "not_after": "2026-12-01T00:00:00Z",
                "versions": ["04"],
                "served": {"127.0.0.1:443 (a.example)": "4" * 64},
            }
        },
        "after": {
            "a.example": {
                "current": "05",
                "fingerprint": "5" * 64,
                "names": ["a.example"],
                "not_after": "2027-01-01T00:00:00Z",
                "versions": ["04", "05"],
                "served": {"127.0.0.1:443 (a.example)": "5" * 64},
            }
        },
    }


def test_difference_of_a_reload_that_is_owed() -> None:
    plan = planning.plan(model.want(params(options(reload=RELOAD))), (have(owed=True),))
    before: Any = plan.before["a.example"]
    after: Any = plan.after["a.example"]
    assert (before["reload"], after["reload"]) == ("owed", "done")
    assert {**before, "reload": ""} == {**after, "reload": ""}
    assert plan.reason == "1 of 1 sets differ"


# --- units ------------------------------------------------------------------------------------------------------------


def unit_steps(*certificates: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    """The sets and the steps of each unit."""
    want = model.want(params(*certificates), systemd=True)
    steps = [
        step for step in planning.plan(want, tuple(NOTHING for _each in certificates)).steps if step.action != "install"
    ]
    seen = {str(step.data.unit): step.data.unit for step in steps}
    return [
        ([item.wanted.name for item in unit.sets], [step.action for step in steps if step.data.unit is unit])
        for unit in seen.values()
    ]


def test_sets_without_anything_in_common_are_units_of_their_own() -> None:
    assert unit_steps(options("a.example", reload=RELOAD), options("b.example", reload=[["other"]])) == [
        (["a.example"], ["switch", "reload"]),
        (["b.example"], ["switch", "reload"]),
    ]


@pytest.mark.parametrize(
    "shared", [{"reload": RELOAD}, {"config_test": [["nginx", "-t"]]}, {"unit": "mail"}], ids=["reload", "test", "unit"]
)
def test_what_sets_have_in_common_makes_a_unit(shared: dict[str, Any]) -> None:
    ((names, actions),) = unit_steps(options("a.example", **shared), options("b.example", **shared))
    assert names == ["a.example", "b.example"]
    assert actions[:2] == ["switch", "switch"]
    assert len(actions) == 3 - ("unit" in shared)


def test_a_chain_of_common_commands_is_one_unit() -> None:
    certificates = [
        options("a.example", reload=[["first"]]),
        options("b.example", reload=[["third"]]),
        options("c.example", reload=[["first"], ["second"]]),
        options("d.example", reload=[["second"], ["third"]]),
    ]
    ((names, actions),) = unit_steps(*certificates)
    assert names == [each["name"] for each in certificates]
    assert actions == ["switch"] * 4 + ["reload"] * 3


def test_tests_come_before_reloads_and_the_last_step_settles() -> None:
    want = model.want(params(options(config_test=[["nginx", "-t"]], reload=RELOAD, **ENDPOINT)))
    plan = planning.plan(want, (have("04", OLD, version(), served=STALE),))
    assert [(step.action, step.data.last) for step in plan.steps] == [
        ("switch", False),
        ("test", False),
        ("reload", False),
        ("prove", True),
    ]


@pytest.mark.parametrize(
    ("found", "previous"),
    [
        (NOTHING, None),
        (have("04", OLD, version()), "04"),
        (have("03", OLD, version()), None),  # a link to nothing
        (have("05", OLD, version(), owed=True, previous="04"), "04"),
        (have("03", OLD, OLDER, version(), owed=True, previous="04"), "04"),  # 03 was never proven
        (have("04", OLD, version(), owed=True), None),  # the first one was never proven
        (have("05", OLD, version(), owed=True, previous="05"), None),
        (have("05", version(), owed=True, previous="04"), None),  # gone
    ],
)
def test_the_way_back(found: SetHave, previous: str | None) -> None:
    """To the last version that services are known to have taken, if it is there."""
    want = model.want(params(options(reload=RELOAD), keep=9))
    assert planning.plan(want, (found,)).steps[-1].data.unit.sets[0].previous == previous


@pytest.mark.parametrize(
    ("systemd", "expected"),
    [
        (True, [("systemctl", "reload", "nginx")]),
        (False, [("nginx", "-s", "reload")]),
        (None, [("systemctl", "reload", "nginx"), ("nginx", "-s", "reload")]),  # who does not know must miss nothing
    ],
)
def test_commands_without_systemd(systemd: bool | None, expected: list[tuple[str, ...]]) -> None:
    other = {"reload": [["nginx", "-s", "reload"]], "config_test": None}
    found = model.want(params(options(reload=RELOAD, config_test=[["nginx", "-t"]], without_systemd=other)), systemd)
    assert list(found.sets[0].service.reload) == expected
    assert found.sets[0].service.config_test == (("nginx", "-t"),)


def test_difference_of_modes() -> None:
    want = model.want(params(options(mode="0640")))
    plan = planning.plan(want, (have(gid=7),))
    before: Any = plan.before["a.example"]
    after: Any = plan.after["a.example"]
    assert before["access"]["05/cert.pem"] == "0644 gid=0"
    assert after["access"]["05/cert.pem"] == "0640 gid=7"
    assert {key: value for key, value in before.items() if key != "access"} == {
        key: value for key, value in after.items() if key != "access"
    }


def test_no_key_in_what_is_shown() -> None:
    want = model.want(params(options()))
    plan = planning.plan(want, (NOTHING,))
    assert "content of" not in repr(want) + repr(plan) + str(plan.diff())


def test_facts_are_enough_where_nothing_is_written() -> None:
    """Contents travel only for what must be written."""
    want = model.want(params(options(), contents=None))
    assert planning.plan(want, (have(),)).steps == ()
    with pytest.raises(UsageError, match="did not travel"):
        planning.plan(want, (NOTHING,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root": "etc"}, "not an absolute path"),
        ({"root": "/"}, "not an absolute path"),
        ({"keep": -1}, "less than 0"),
        ({"proof_timeout": 0}, "proof_timeout"),
        ({"directory_mode": "755"}, "directory_mode"),
        ({"directory_mode": "0655"}, "could not work"),
        ({"certificates": [options(), options()]}, "the certificate a.example twice"),
        ({"certificates": [options(**ENDPOINT), options("b.example", domains=["a.example"], **ENDPOINT)]}, "endpoint"),
        ({"certificates": [options(serial="../x")]}, "did not travel"),
        ({"certificates": [options(serial=None)]}, "did not travel"),
        ({"certificates": [options(digests={})]}, "did not travel"),
        ({"certificates": [options(key_mode="0644")]}, "could read the private key"),
        ({"certificates": [options(key_mode="420")]}, "key_mode"),
        ({"certificates": [options(mode="0646")]}, "everybody could change"),
        ({"certificates": [options(reload=[[]])]}, "reload of .* empty command"),
        ({"certificates": [options(config_test=[[""]])]}, "config_test of .* empty command"),
        ({"certificates": [options(without_systemd={"recover": [[]]})]}, "recover of .* empty command"),
        ({"certificates": [options(bundles=["combined.pem"])]}, "did not travel"),
        ({"certificates": [options(endpoints=[{"address": "::1", "port": 0, "server_name": None}])]}, "port 0"),
        ({"certificates": [options(domains=["-"], endpoints=ENDPOINT["endpoints"])]}, "not a DNS name"),
    ],
)
def test_refused_options(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model.want({**params(options()), **change})


@pytest.mark.parametrize("damage", ["", "!", base64.b64encode(b"other").decode(), None, 5])
def test_damaged_content(damage: Any) -> None:
    given = params(options())
    given["contents"]["a.example"]["privkey.pem"] = damage
    with pytest.raises(InvalidData, match=r"a\.example.*damaged on its way"):
        model.want(given)


@pytest.mark.parametrize(
    ("domains", "server_name", "asked"),
    [
        (["www.example.com", "example.com"], None, "www.example.com"),
        (["*.example.com"], None, "certfleet-probe.example.com"),
        (["*.example.com"], "Shop.example.com", "shop.example.com"),
    ],
)
def test_server_name(domains: list[str], server_name: str | None, asked: str) -> None:
    endpoint = {"address": "127.0.0.1", "port": 443, "server_name": server_name}
    want = model.want(params(options(domains=domains, endpoints=[endpoint])))
    assert want.sets[0].endpoints == (Endpoint("127.0.0.1", 443, asked),)
