# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters, as templates use them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.filter.fleet_certificates import fleet_certificates
from ansible_collections.certfleet.reseller.plugins.filter.fleet_issuers import fleet_issuers
from ansible_collections.certfleet.reseller.plugins.filter.fleet_summary import fleet_summary
from ansible_collections.certfleet.reseller.plugins.filter.fleet_table import fleet_table

ISSUERS: dict[str, Any] = {
    name: {"kind": "acme", "contact": "a@a.example", "directory_url": "https://acme.example/dir"}
    for name in ("one", "two")
}
CERTIFICATES: list[dict[str, Any]] = [
    {"name": "a.example", "issuer": "one", "hosts": "web"},
    {"name": "b.example", "issuer": "two", "hosts": "db", "services": ["x"]},
    {"name": "c.example", "issuer": "two", "challenge": "dns-01"},
]
GROUPS = {"all": ["web1", "db1"], "web": ["web1"], "db": ["db1"]}


def names(**options: Any) -> list[str]:
    return [each["name"] for each in fleet_certificates(CERTIFICATES, ISSUERS, **options)]


def test_selection() -> None:
    assert names() == ["a.example", "b.example", "c.example"]
    assert names(issuer="two") == ["b.example", "c.example"]
    assert names(hosts=["db1"], groups=GROUPS) == ["b.example"]
    assert names(hosts=["db1"], groups=GROUPS, form="acme") == ["b.example", "c.example"]
    assert names(hosts=["web1"], groups=GROUPS, issuer="two") == []


def test_the_forms() -> None:
    services = {"x": {"reload": ["true"]}}
    assert set(fleet_certificates(CERTIFICATES, form="acme")[0]) == {"name", "domains", "challenge"}
    found = fleet_certificates(CERTIFICATES, form="deploy", services=services, hosts=["db1"], groups=GROUPS)
    assert found == [{"name": "b.example", "domains": ["b.example"], "reload": [["true"]], "endpoints": []}]


PERSON = {"title": "CEO", "firstname": "A", "lastname": "B", "tel": "+44.123456789", "email": "a@a.example"}
COMPANY = {"name": "A", "street": "B 1", "city": "C", "zip": "1", "country": "GB"}
SOLD: dict[str, Any] = {
    "kind": "sslmarket",
    "product_code": "rapidssl",
    "owner": {**COMPANY, "tel": "+44.123456789"},
    "auth": PERSON,
    "tech": PERSON,
    "invoice": {**COMPANY, "email": "a@a.example"},
}


def test_acme_and_sslmarket_do_not_see_each_other() -> None:
    issuers = {**ISSUERS, "three": SOLD}
    sold: list[dict[str, Any]] = [
        {"name": "d.example", "issuer": "three", "hosts": "web", "voucher": "v"},
        {"name": "e.example", "issuer": "three"},
    ]

    def found(form: str, **options: Any) -> list[dict[str, Any]]:
        return fleet_certificates(CERTIFICATES + sold, issuers, form=form, services={"x": {}}, **options)

    assert [each["name"] for each in found("acme")] == ["a.example", "b.example", "c.example"]
    assert [each["name"] for each in found("sslmarket")] == ["d.example", "e.example"]
    assert [each["name"] for each in found("request", hosts=["web1"], groups=GROUPS)] == ["d.example", "e.example"]
    assert [each["name"] for each in found("sslmarket", hosts=["db1"], groups=GROUPS)] == ["e.example"]
    assert [each["name"] for each in found("deploy", hosts=["web1"], groups=GROUPS)] == ["a.example", "d.example"]
    assert found("acme", issuer="three") == []
    assert found("sslmarket", issuer="one") == []
    assert found("sslmarket")[0]["voucher"] == "v"
    assert all("voucher" not in str(found(form)) for form in ("full", "acme", "request", "deploy"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"form": "other"}, "form is 'other'"),
        ({"hosts": ["web1"]}, "the option hosts needs the option groups"),
        (
            {"groups": {"all": []}},
            r'certfleet_certificates\[0\] \(a.example\): hosts "web" is neither a host nor a group',
        ),
    ],
)
def test_errors_are_those_of_filters(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match=sentence):
        fleet_certificates(CERTIFICATES, ISSUERS, **options)


def test_issuers() -> None:
    assert fleet_issuers(ISSUERS)["one"]["terms_agreed"] is True
    with pytest.raises(AnsibleFilterError, match="certfleet_issuers must be a mapping, not a list"):
        fleet_issuers([])


def test_the_summary_becomes_a_table() -> None:
    rows = fleet_summary(CERTIFICATES, {"web1": {"sets": [{"name": "a.example"}]}})
    assert fleet_table(rows, ["host", "name", "issuer"]) == ["HOST  NAME       ISSUER", "web1  a.example  one"]
