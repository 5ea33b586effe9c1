# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every decision of certificate_request, as data: tests/fixtures/plans/request.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._sets import decide
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.request import Have, RequestResource, Want
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.wanted import from_params

from tests.support import plans

CASES = plans.cases("request")


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_plan(case: dict[str, Any]) -> None:
    (wanted,) = from_params(plans.params(case))
    have = plans.set_have(case["have"], wanted, plans.moment(case.get("now")))
    plan = RequestResource().plan(Want((wanted,)), {wanted.name: have})
    assert [step.action for step in plan.steps] == case["steps"]
    assert all(step.cost == "free" for step in plan.steps)
    if "reason_starts" in case:
        assert plan.reason.startswith(case["reason_starts"])
    else:
        assert plan.reason == case["reason"]
    assert set(plan.before) == set(plan.after) == ({wanted.name} if case["steps"] else set())


def test_the_cases_are_of_every_kind() -> None:
    actions = {action for case in CASES for action in case["steps"]}
    assert actions == {"request", "switch", "discard", "tidy"}
    assert len(CASES) >= 25


def test_renewal_moment_is_when_the_plan_starts() -> None:
    """What is shown as renew_at and what is done agree, to the second."""
    (wanted,) = from_params(plans.params({}))
    live = plans.live({})
    moment = decide.age(wanted, live, None, plans.NOW).at
    assert decide.age(wanted, live, None, moment).due
    assert not decide.age(wanted, live, None, moment - plans.SECOND).due
    assert plans.set_have({"live": {}}, wanted, moment).renew_at == iso(moment)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"domains": []}, "domains is empty"),
        ({"domains": ["not a name"]}, "is not a DNS name"),
        ({"domains": ["*.example.com"]}, "can only be validated by dns-01"),
        ({"domains": ["a.example"], "key_type": "ecdsa"}, "issues for rsa keys, not ecdsa"),
    ],
)
def test_what_cannot_be_wanted(entry: dict[str, Any], words: str) -> None:
    case = {"want": entry, "directory_url": "https://acme.ssl.com/sslcom-dv-rsa"}
    with pytest.raises(UsageError) as caught:
        from_params(plans.params(case))
    assert words in caught.value.message
    assert caught.value.message.startswith("certificates[0] (www.example.com): ")


def test_a_name_is_used_once() -> None:
    params = plans.params({})
    params["certificates"] *= 2
    with pytest.raises(UsageError) as caught:
        from_params(params)
    assert caught.value.message == "certificates[1] (www.example.com): the name is used twice"


def test_nothing_is_written_for_a_plan(tmp_path: Path) -> None:
    params = {**plans.params({}), "sets_path": str(tmp_path / "sets")}
    resource = RequestResource()
    want = resource.want(params)
    have = resource.read(want)
    assert resource.plan(want, have).changed
    assert resource.show(want, have, resource.plan(want, have))["pending"] == ["www.example.com"]
    assert not list(tmp_path.iterdir())
    assert have == {"www.example.com": Have(None, None, None, "there is no certificate yet", None)}


def test_cases_are_unique() -> None:
    names = [case["case"] for case in yaml.safe_load((plans.FOLDER / "request.yml").read_text(encoding="utf-8"))]
    assert len(set(names)) == len(names)
