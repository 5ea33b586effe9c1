# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SSLmarket refuses: everything that is not documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .market import Desk, csr_for, order_body

WILDCARD, CLIENT = "RAPIDSSL_RAPIDSSL_WILDCARD", "DIGICERT_CLIENT_PREMIUM_CLASS_1"
NAME = "www.example.test"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


WRONG_CALLS: dict[str, tuple[str, str, Any, int]] = {
    "no such path": ("GET", "/orders", None, 404),
    "slash": ("GET", "/order/list/", None, 404),
    "no such format": ("GET", "/certificate/order_id/1/format/pem", None, 404),
    "no number": ("GET", "/order/order_id/abc", None, 404),
    "no such order": ("GET", "/order/order_id/1", None, 404),
    "reissue of no order": ("POST", "/certificate/order_id/1/reissue", {"csr": csr_for(NAME)}, 404),
    "no such product": ("POST", "/order/certificate/X", order_body(NAME), 404),
    "post to a list": ("POST", "/order/list", {}, 405),
    "get of an order's form": ("GET", "/order/certificate/THAWTE_SSL_123", None, 405),
    "body with a get": ("GET", "/order/list", {}, 400),
    "list as body": ("POST", "/tool/decoder/csr", [], 400),
    "no json": ("POST", "/tool/decoder/csr", b"csr=x", 400),
    "no csr": ("POST", "/tool/decoder/csr", {"csr": "x"}, 400),
    "other member": ("POST", "/tool/decoder/csr", {"csr": csr_for(NAME), "x": 1}, 400),
    "no certificate": ("POST", "/tool/decoder/certificate", {"certificate": "eHg="}, 400),
    "no base64": ("POST", "/tool/decoder/certificate", {"certificate": "!"}, 400),
    "number as certificate": ("POST", "/tool/ocsp", {"certificate": 1}, 400),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_refused_calls(desk: Desk, name: str) -> None:
    method, path, value, status = WRONG_CALLS[name]
    answer = desk.send(method, path, value)
    assert (answer.status, answer.effect) == (status, None)
    assert {type(member) for member in json.loads(answer.body).values()} == {str}
    assert list(json.loads(answer.body)) == ["error", "description"]


def order_changes() -> dict[str, tuple[str, dict[str, Any]]]:
    small = rsa.generate_private_key(65537, 1024)
    other_curve = ec.generate_private_key(ec.SECP521R1())
    two = ["a.example.test", "a.example.test"]
    return {
        "unknown member": ("note", {"note": "x"}),
        "auto_reissue": ("auto_reissue", {"auto_reissue": True}),
        "missing domain": ("domain", {"domain": None}),
        "missing csr": ("csr", {"csr": None}),
        "missing years": ("years", {"years": None}),
        "missing invoice": ("invoice_email", {"invoice_email": None}),
        "missing owner": ("owner_tel", {"owner_tel": None}),
        "missing title": ("auth_title", {"auth_title": None}),
        "no years": ("years", {"years": 0}),
        "too many years": ("years", {"years": 4}),
        "years as text": ("years", {"years": "1"}),
        "years as a flag": ("years", {"years": True}),
        "empty name": ("owner_name", {"owner_name": " "}),
        "number as name": ("owner_name", {"owner_name": 1}),
        "line in a name": ("owner_name", {"owner_name": "a\nb"}),
        "country": ("owner_country", {"owner_country": "GBR"}),
        "small country": ("invoice_country", {"invoice_country": "gb"}),
        "phone": ("tech_tel", {"tech_tel": "+44123456789"}),
        "email": ("tech_email", {"tech_email": "somebody"}),
        "empty voucher": ("voucher", {"voucher": ""}),
        "method": ("dv_auth_method", {"dv_auth_method": "EMAIL"}),
        "small method": ("dv_auth_method", {"dv_auth_method": "dns"}),
        "upper case": ("domain", {"domain": "WWW.example.test", "csr": csr_for("WWW.example.test")}),
        "one label": ("domain", {"domain": "www", "csr": csr_for("www")}),
        "wildcard": ("domain", {"domain": "*.example.test", "csr": csr_for("*.example.test")}),
        "wildcard name": ("dns_names", {"dns_names": ["*.example.test"]}),
        "names as text": ("dns_names", {"dns_names": "a.example.test"}),
        "number among names": ("dns_names", {"dns_names": [1]}),
        "name twice": ("dns_names", {"dns_names": two, "csr": csr_for(NAME, *two)}),
        "domain twice": ("dns_names", {"dns_names": [NAME], "csr": csr_for(NAME)}),
        "too many names": ("dns_names", {"dns_names": [f"n{number}.example.test" for number in range(250)]}),
        "csr for less": ("csr", {"dns_names": ["a.example.test"]}),
        "csr for more": ("csr", {"csr": csr_for(NAME, "a.example.test")}),
        "csr with another common name": ("csr", {"csr": csr_for(NAME, common_name="a.example.test")}),
        "small key": ("csr", {"csr": csr_for(NAME, key=small)}),
        "other curve": ("csr", {"csr": csr_for(NAME, key=other_curve)}),
        "broken csr": ("csr", {"csr": csr_for(NAME).replace("A", "B", 3)}),
        "no csr": ("csr", {"csr": "x"}),
    }


WRONG_ORDERS = order_changes()


@pytest.mark.parametrize("name", WRONG_ORDERS)
def test_refused_orders(desk: Desk, name: str) -> None:
    member, changes = WRONG_ORDERS[name]
    answer = desk.send("POST", "/order/certificate/THAWTE_SSL_123", order_body(NAME, **changes))
    assert (answer.status, answer.effect) == (400, None)
    assert member in answer.facts["refused"]
    assert desk.rows() == []


@pytest.mark.parametrize(
    ("product", "names", "changes"),
    [
        (WILDCARD, [NAME], {}),
        (WILDCARD, ["*.example.test"], {"method": "FILE"}),
        ("RAPIDSSL_RAPIDSSL", [NAME, "example.test"], {}),
        ("GEOTRUST_QUICKSSL_PREMIUM", [NAME], {}),
        (CLIENT, ["somebody@example.test"], {}),
        (CLIENT, ["nobody at home"], {"dv_auth_method": None}),
        ("RAPIDSSL_FREESSL", [NAME], {"years": 2}),
    ],
)
def test_refused_for_a_product(desk: Desk, product: str, names: list[str], changes: dict[str, Any]) -> None:
    value = order_body(*names, **changes)
    assert desk.send("POST", f"/order/certificate/{product}", value).status == 400
    assert desk.rows() == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"domain": "a.test"},
        {"dns_names": []},
        {"years": 2},
        {"csr": csr_for("a.test")},
        {"csr": None},
        {"owner_country": "X"},
        {"dv_auth_method": "EMAIL"},
    ],
)
def test_refused_edits(desk: Desk, changes: dict[str, Any]) -> None:
    number = desk.order(NAME)
    before = desk.detail(number)
    assert desk.send("PUT", f"/order/order_id/{number}", changes).status == 400
    assert desk.detail(number) == before


def test_wrong_states(desk: Desk) -> None:
    number = desk.order(NAME)
    base = f"/certificate/order_id/{number}"
    assert desk.send("GET", f"{base}/format/p7b").status == 409
    assert desk.reissue(number, csr_for(NAME)).status == 409
    assert desk.send("PUT", f"{base}/cancel-reissue").status == 409
    desk.publish(number)
    assert desk.send("PUT", f"/order/order_id/{number}", {"owner_name": "x"}).status == 409
    assert desk.send("PUT", f"{base}/cancel-reissue").status == 409
    assert desk.reissue(number, csr_for("other.test")).status == 400
    assert desk.send("POST", f"{base}/reissue", {}).status == 400
    assert desk.send("PUT", f"{base}/cancel-reissue", {"x": 1}).status == 400
