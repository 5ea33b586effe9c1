# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be published for the CA."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import dcv, model

CONTENT = "20261122100000xw7c0g4r1n8k5t2y"
PATH = "/.well-known/pki-validation/fileauth.txt"


def to_publish(**changes: Any) -> dict[str, Any] | None:
    known = {
        "product_code": "X",
        "domain": "www.alpha.test",
        "dns_names": ["alpha.test"],
        "state": "waiting",
        "dv_auth_method": "DNS",
        "dv_auth_content": CONTENT,
    }
    return dcv.to_publish(model.detail({**known, **changes}, 7))


def record(domain: str) -> dict[str, str]:
    return {"domain": domain, "record": f"_dnsauth.{domain}", "type": "TXT", "value": CONTENT}


def file(domain: str) -> dict[str, str]:
    return {"domain": domain, "path": PATH, "content": CONTENT}


def test_records() -> None:
    assert to_publish() == {"method": "DNS", "records": [record("www.alpha.test"), record("alpha.test")], "files": []}


def test_files() -> None:
    assert to_publish(dv_auth_method="FILE") == {
        "method": "FILE",
        "records": [],
        "files": [file("www.alpha.test"), file("alpha.test")],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "published"},
        {"dv_auth_content": None},
        {"dv_auth_content": ""},
        {"dv_auth_content": ["x"]},
        {"dv_auth_method": "Email"},
        {"dv_auth_method": None},
        {"dv_auth_method": "HTTP"},
        {"dv_auth_method": {"a": 1}},
    ],
)
def test_nothing(changes: dict[str, Any]) -> None:
    assert to_publish(**changes) is None


@pytest.mark.parametrize("method", ["dns", "DNS", "Dns"])
def test_the_method_in_any_case(method: str) -> None:
    found = to_publish(dv_auth_method=method)
    assert found is not None
    assert found["method"] == "DNS"


@pytest.mark.parametrize("state", ["waiting", "reissue", "", "anything"])
def test_every_state_but_the_last(state: str) -> None:
    assert to_publish(state=state) is not None


def test_a_wildcard_is_validated_below_its_star() -> None:
    found = to_publish(domain="*.alpha.test", dns_names=["alpha.test", "*.shop.alpha.test"])
    assert found is not None
    assert [each["record"] for each in found["records"]] == ["_dnsauth.alpha.test", "_dnsauth.shop.alpha.test"]


def test_hostile_text_stays_text() -> None:
    found = to_publish(dv_auth_content="{{ 1 }}\n\x1b[31m$(id)")
    assert found is not None
    assert {each["value"] for each in found["records"]} == {"{{ 1 }} [31m$(id)"}
