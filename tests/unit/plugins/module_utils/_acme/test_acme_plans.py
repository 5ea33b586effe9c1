# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every decision of acme_account, acme_order and acme_finalize, as data: tests/fixtures/plans/{account,order,finalize}.yml."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._acme import access, account, finalize, model, order
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.wanted import from_params

from tests.support import plans

ACCOUNT, ORDER, FINALIZE = plans.cases("account"), plans.cases("order"), plans.cases("finalize")


def account_params(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "directory_url": plans.DIRECTORY,
        "account_key_path": "/state/alpha.key",
        "account_key_type": "ecdsa",
        "eab_path": "/state/eab.json",
        "contact": ["tls@example.com"],
        "terms_agreed": True,
        "timeout": 30,
        "ca_path": None,
    }
    return {**found, **more}


@pytest.mark.parametrize("case", ACCOUNT, ids=[case["case"] for case in ACCOUNT])
def test_account(case: dict[str, Any]) -> None:
    resource, value = account.AccountResource(), case["have"]
    want = resource.want(account_params(**case.get("want", {})))
    known = {"url": plans.ACCOUNT, "directory_url": plans.DIRECTORY, "contact": ["mailto:tls@example.com"], "kid": None}
    found = {**known, **value["account"]} if "account" in value else None
    have = account.Have(b"key" if value.get("key") else None, found, value.get("kid"))
    if "error" in case:
        with pytest.raises(CollectionError) as caught:
            resource.plan(want, have)
        assert caught.value.kind == case["error"]
        assert case["words"] in caught.value.message
        assert caught.value.hint
        return
    plan = resource.plan(want, have)
    assert ([step.action for step in plan.steps], plan.reason) == (case["steps"], case["reason"])


@pytest.mark.parametrize("contact", [[], [""], ["nobody"], ["a@b@c"], ["a@example.com?cc=b@example.com"], ["a @b"]])
def test_contact_must_be_an_address(contact: list[str]) -> None:
    with pytest.raises(UsageError):
        account.AccountResource().want(account_params(contact=contact))


def want_of(case: dict[str, Any]) -> access.Want:
    certificates = from_params(plans.params(case))
    return access.Want(plans.DIRECTORY, "/state/alpha.key", SetStore("/nowhere"), certificates, 10, 30, 30, None)


@pytest.mark.parametrize("case", ORDER, ids=[case["case"] for case in ORDER])
def test_order(case: dict[str, Any]) -> None:
    want = want_of(case)
    (wanted,) = want.certificates
    value = dict(case["have"])
    status = value.pop("order", None)
    placed = model.Order("https://o", status, None, (), (), "https://f", None, None) if status else None
    have = order.Have(plans.set_have(value, wanted, plans.moment(case.get("now"))), placed, ())
    plan = order.OrderResource().plan(want, {wanted.name: have})
    assert ([step.action for step in plan.steps], plan.reason) == (case["steps"], case["reason"])


@pytest.mark.parametrize("case", FINALIZE, ids=[case["case"] for case in FINALIZE])
def test_finalize(case: dict[str, Any]) -> None:
    want = want_of(case)
    (wanted,) = want.certificates
    have = plans.set_have(case["have"], wanted, plans.moment(case.get("now")))
    plan = finalize.FinalizeResource().plan(want, {wanted.name: have})
    assert ([step.action for step in plan.steps], plan.reason) == (case["steps"], case["reason"])
    assert all(step.cost == {"issue": "final", "switch": "free"}[step.action] for step in plan.steps)
