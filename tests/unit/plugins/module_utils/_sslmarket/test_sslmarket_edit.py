# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an open order differs in, and what is sent about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import edit, model
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Item, Present
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Detail
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.facts import RequestFacts

from tests.support import pki

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
NAME = "www.alpha.test"
OWNER = {"name": "Alpha Ltd", "city": "London", "country": "GB"}
TECH = {"firstname": "Ada", "email": "tls@alpha.test"}
INVOICE = {"name": "Alpha Ltd", "email": "billing@alpha.test"}
CSR = pki.request([NAME])


def detail(**changes: Any) -> Detail:
    shown = {"owner_name": "Alpha Ltd", "owner_city": "London", "owner_country": "GB", "tech_firstname": "Ada"}
    known = {
        "product_code": "X",
        "domain": NAME,
        "state": "waiting",
        "csr": CSR.decode(),
        "dv_auth_method": "DNS",
        "tech_email": "tls@alpha.test",
        **shown,
    }
    return model.detail({name: value for name, value in {**known, **changes}.items() if value is not None}, 7)


KEY = str(detail().public_key)


def item(method: str = "DNS", **contacts: dict[str, str]) -> Item:
    return Item(NAME, "X", (NAME,), 1, method, contacts={"owner": OWNER, "tech": TECH, **contacts})


def present(key: str | None = KEY) -> Present:
    request = RequestFacts(key, (NAME,), "ecdsa", 256) if key else None
    return Present("a certificate is wanted", csr=CSR if key else None, request=request)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({}, {}),
        ({"owner_city": "Leeds"}, {"owner_city": ("Leeds", "London")}),
        ({"owner_city": "Leeds", "tech_email": "x@y"}, {"owner_city", "tech_email"}),
        ({"owner_city": "  LONDON "}, {}),  # how it is written does not matter
        ({"owner_name": "ALPHA  ltd"}, {}),
        ({"owner_city": None}, {}),  # what is not shown is not compared
        ({"owner_city": ""}, {"owner_city": ("", "London")}),
        ({"owner_zip": "whatever"}, {}),  # nor what is not wanted
        ({"invoice_name": "Other Ltd"}, {}),
        ({"auth_email": "somebody@else.test"}, {}),
        ({"dv_auth_method": "dns"}, {}),
        ({"dv_auth_method": None}, {}),
        ({"dv_auth_method": "Email"}, {"dv_auth_method": ("Email", "DNS")}),
        ({"csr": None}, {}),
        ({"csr": "something else"}, {}),
    ],
)
def test_differences(shown: dict[str, Any], found: Any) -> None:
    got = edit.differences(item(), present(), detail(**shown))
    assert got == found if isinstance(found, dict) else set(got) == found


def test_another_key() -> None:
    got = edit.differences(item(), present("f" * 64), detail())
    assert got == {"csr": ("key " + KEY[:16], "key " + "f" * 16)}
    assert edit.differences(item(), present(None), detail()) == {}


def test_another_method() -> None:
    assert edit.differences(item("FILE"), present(), detail()) == {"dv_auth_method": ("DNS", "FILE")}


def test_no_contacts_are_no_difference() -> None:
    bare = Item(NAME, "X", (NAME,), 1, "DNS")
    assert edit.differences(bare, present(), detail(owner_city="Leeds")) == {}


# --- what is sent -----------------------------------------------------------------------------------------------------

WHOLE_OWNER = {"owner_name": "Alpha Ltd", "owner_city": "London", "owner_country": "GB"}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ([], {}),
        (["owner_city"], WHOLE_OWNER),  # the whole group
        (["owner_city", "owner_name"], WHOLE_OWNER),
        (["tech_email"], {"tech_firstname": "Ada", "tech_email": "tls@alpha.test"}),
        (["dv_auth_method"], {"dv_auth_method": "DNS"}),
        (["csr"], {"csr": CSR.decode()}),
        (["csr", "dv_auth_method", "owner_city"], {"csr": CSR.decode(), "dv_auth_method": "DNS", **WHOLE_OWNER}),
    ],
)
def test_body(fields: list[str], sent: dict[str, str]) -> None:
    assert edit.body(item(), present(), dict.fromkeys(fields)) == sent


def test_the_invoice_goes_with_everything() -> None:
    billed = item(invoice=INVOICE)
    invoice = {"invoice_name": "Alpha Ltd", "invoice_email": "billing@alpha.test"}
    assert edit.body(billed, present(), {}) == invoice
    assert edit.body(billed, present(), {"csr": ()}) == {"csr": CSR.decode(), **invoice}
    assert edit.body(billed, present(), {"owner_city": ()}) == {**WHOLE_OWNER, **invoice}


def test_only_what_the_documentation_has_is_sent() -> None:
    documented = set(json.loads((FIXTURES / "order-request.json").read_bytes()))
    billed = item(invoice=INVOICE)
    sent = edit.body(billed, present(), dict.fromkeys(["csr", "dv_auth_method", "owner_city", "tech_email"]))
    assert set(sent) <= documented - {"domain", "dns_names", "years", "voucher"}
