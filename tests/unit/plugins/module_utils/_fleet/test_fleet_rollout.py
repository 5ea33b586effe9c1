# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of rollouts, and what is said of their hosts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.filter.fleet_progress import fleet_progress
from ansible_collections.certfleet.reseller.plugins.filter.fleet_rollout import fleet_rollout

from tests.support.fleet import ROOT

IN_ORDER: dict[str, Any] = {
    "changed": False,
    "steps": [],
    "sets": [{"serial": "4a"}],
    "reason": "every set is in place",
}
TO_DO = {**IN_ORDER, "steps": [{"action": "switch"}]}
NOT_ISSUED = {**TO_DO, "sets": [{"serial": None}]}
SKIPPED = {"skipped": True, "changed": False}
DOWN = {"unreachable": True, "msg": "no route"}
HOSTS = ["a", "b", "c", "d"]
GROUPS = {"all": HOSTS, "last": ["c", "d"]}
REFUSED = {"failed": {"x.example": "x.example: not there"}, "kind": "state"}


def plan(looks: dict[str, Any], alive: list[str] | None = None, **options: Any) -> dict[str, Any]:
    hostvars = {host: {"certificate_deploy_look": look} for host, look in looks.items()}
    return fleet_rollout(hostvars, list(looks), list(looks) if alive is None else alive, GROUPS, **options)


def of(**states: Any) -> dict[str, Any]:
    """Looks of all hosts, TO_DO where nothing else is said."""
    return {host: states.get(host, TO_DO) for host in HOSTS}


@pytest.mark.parametrize(
    ("looks", "options", "hosts", "serial"),
    [
        (of(), {}, "abcd", [1, "100%"]),
        (of(), {"serial": [1, "50%"]}, "abcd", [1, 1, "50%"]),
        (of(), {"canary": "last", "serial": 5}, "cdab", [2, 5]),
        (of(), {"canary": ["d", "b"]}, "dbac", [2, "100%"]),
        (of(), {"canary": False, "serial": "20%"}, "abcd", ["20%"]),
        # only where something is to do
        (of(a=IN_ORDER, c=SKIPPED), {}, "bd", [1, "100%"]),
        (of(a=IN_ORDER, c={}), {"owed": ["a", "c", "z"]}, "abd", [1, "100%"]),
        (dict.fromkeys(HOSTS, IN_ORDER), {}, "", ["100%"]),
        # a canary that is in order has proven itself before; one that is not part of the play cannot
        (of(d=IN_ORDER), {"canary": "d"}, "abc", ["100%"]),
        ({"a": TO_DO, "b": TO_DO}, {"canary": "d"}, "ab", [1, "100%"]),
        # the first host that can prove something
        (of(a=NOT_ISSUED, b={"error": REFUSED, "msg": "x"}), {}, "cabd", [1, "100%"]),
        (of(a=NOT_ISSUED, b=NOT_ISSUED, c=IN_ORDER, d=IN_ORDER), {}, "ab", [1, "100%"]),
    ],
)
def test_the_order(looks: dict[str, Any], options: dict[str, Any], hosts: str, serial: list[Any]) -> None:
    found = plan(looks, **options)
    assert (found["hosts"], found["serial"], found["problem"]) == (list(hosts), serial, None)
    assert found["planned"] == found["hosts"]


def test_hosts_that_are_down_hold_up_nobody() -> None:
    assert plan(of(a=DOWN), ["b", "c", "d"])["hosts"] == ["b", "c", "d"]
    assert plan(of(c=DOWN), ["a", "b", "d"], canary="last")["canaries"] == ["d"]


@pytest.mark.parametrize(
    ("looks", "canary", "problem"),
    [
        (of(c=DOWN), "c", "nobody is deployed to, for no canary can be reached: c"),
        (of(c={"failed": True, "msg": "{{ x }}"}), None, "nobody is deployed to, for looking at c failed"),
    ],
)
def test_when_nobody_is_deployed_to(looks: dict[str, Any], canary: Any, problem: str) -> None:
    found = plan(looks, ["a", "b", "d"], canary=canary)
    assert (found["hosts"], found["problem"]) == ([], problem)
    assert found["planned"] == ["a", "b", "d"]


@pytest.mark.parametrize("canary", ["", [], 3, True, ["a", 1], "nobody"])
def test_wrong_canaries_are_refused(canary: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="canary|neither a host nor a group"):
        plan(of(), canary=canary)


def told(alive: str = "abcd", planned: str = "", predicted: bool = False, **variables: Any) -> dict[str, Any]:
    hostvars = {
        host: {
            f"certificate_deploy_{key}" if key != "problem" else "certfleet_problem": value for key, value in of.items()
        }
        for host, of in variables.items()
    }
    return fleet_progress(hostvars, list(variables), list(alive), list(planned), predicted)


CHANGED = {"changed": True, "steps": []}


def test_all_went_well() -> None:
    found = told(a={"look": IN_ORDER}, b={"look": TO_DO, "result": CHANGED}, c={"look": TO_DO, "result": IN_ORDER})
    assert found == {
        "lines": ["3 hosts: 1 deployed, 2 unchanged", "deployed: b"],
        "failed": {},
        "counted": [],
        "finished": ["a", "b", "c"],
    }
    assert told(predicted=True, b={"result": CHANGED})["lines"] == [
        "1 host: 1 to be deployed to",
        "to be deployed to: b",
    ]


def test_hosts_without_certificates_are_not_spoken_of() -> None:
    assert told(a={"look": SKIPPED}, b={"look": SKIPPED, "result": SKIPPED})["lines"] == ["0 hosts"]


def test_what_went_wrong() -> None:
    error = {"kind": "proof", "detail": "x"}
    found = told(
        alive="bcd",
        planned="bcd",
        a={"look": DOWN},
        b={"look": TO_DO, "result": {"failed": True, "error": error, "open": [1]}, "problem": "it\nbroke"},
        c={"look": TO_DO, "result": DOWN},
        d={"look": TO_DO},
    )
    assert found["lines"] == [
        "4 hosts: 1 failed, 2 unreachable, 1 not tried",
        "failed: b: it broke",
        "unreachable: a",
        "unreachable: c: the connection was lost during the deployment",
        "not tried: d",
    ]
    assert (list(found["failed"]), found["counted"], found["finished"]) == (["b", "c"], ["b", "c"], [])


def test_a_host_that_was_rolled_back_is_told_apart() -> None:
    result = {"failed": True, "error": {"kind": "proof", "rolled_back": True}}
    assert told(a={"look": TO_DO, "result": result, "problem": "x"})["lines"] == [
        "1 host: 1 rolled back",
        "rolled back: a: x",
    ]


@pytest.mark.parametrize(
    ("problem", "left", "counts"),
    [("not there", [], False), ("the host is not healthy", [], True), ("not there", [{"action": "reload"}], True)],
)
def test_sets_that_were_refused_do_not_count(problem: str, left: list[Any], counts: bool) -> None:
    result = {"changed": True, "msg": "not there", "error": REFUSED, "open": left}
    found = told(a={"look": TO_DO, "result": result, "problem": problem})
    assert list(found["failed"]) == ["a"]
    assert found["counted"] == (["a"] if counts else [])
    assert found["finished"] == ([] if counts else ["a"])


def test_a_look_is_what_a_deployment_would_do() -> None:
    """The two task files differ in what becomes of the result alone."""
    tasks = ROOT / "roles" / "certificate_deploy" / "tasks"
    look, deploy = (
        yaml.safe_load((tasks / name).read_text(encoding="utf-8"))[0] for name in ("look.yml", "deploy.yml")
    )
    module = "certfleet.reseller.certificate_deploy"
    assert (look[module], look["when"]) == (deploy[module], deploy["when"])
