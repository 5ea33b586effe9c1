# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that look at SSLmarket, and the one that sends an e-mail, in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import modules
from tests.support.hostile import Hostile, Play, reply

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "sslmarket"
PRODUCTS, ORDERS, RESEND = "sslmarket_product_info", "sslmarket_order_info", "sslmarket_dcv_resend"
TOKEN = "canaryToken4711"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


LIST, DETAIL, WAITING = fixture("order_list"), fixture("order_detail"), fixture("order_detail-waiting")


def call(
    module: str, *plays: Play, check: bool = False, diff: bool = False, **options: Any
) -> tuple[modules.Run, list[str]]:
    """What the module said, and the requests it sent; the last answer is given again and again."""
    with Hostile(plays[-1]) as server:
        server.plays = list(plays[:-1])
        given = {"api_url": f"{server.url}/api", "api_token": TOKEN, "timeout": 5, **options}
        done = modules.run(module, given, check=check, diff=diff)
    assert all(received.headers["x-auth-token"] == TOKEN for received in server.requests)
    assert TOKEN not in done.output
    assert "Traceback" not in done.output
    return done, [f"{received.method} {received.target}" for received in server.requests]


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
def test_products(check: bool) -> None:
    done, sent = call(PRODUCTS, reply(200, fixture("product_list")), check=check)
    assert sent == ["GET /api/product/list"]
    assert done.result["changed"] is False
    assert done.result["products"][0] == {
        "product_code": "THAWTE_SSL_123",
        "title": "Thawte SSL 123",
        "product_type": "ssl_certificate",
        "type": "san",
        "validate_type": "dv",
        "csr_required": True,
        "max_years": 6,
        "min_san_values": 0,
        "max_san_values": 249,
    }
    assert len(done.result["products"]) == 3


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"product_code": "thawte_ssl_123"}, ["THAWTE_SSL_123"]),
        ({"product_type": "ssl_certificate"}, ["THAWTE_SSL_123", "RAPIDSSL_RAPIDSSL_WILDCARD"]),
        ({"validate_type": "qv"}, ["DIGICERT_CLIENT_PREMIUM_CLASS_1"]),
        ({"product_type": "ssl_certificate", "validate_type": "qv"}, []),
        ({"product_code": "NOTHING"}, []),
    ],
)
def test_some_products(options: dict[str, Any], codes: list[str]) -> None:
    done, _sent = call(PRODUCTS, reply(200, fixture("product_list")), **options)
    assert [product["product_code"] for product in done.result["products"]] == codes


def test_odd_products() -> None:
    odd = {"product_code": "X", "csr_required": "perhaps", "max_years": None, "surprise": {"a": [1]}}
    done, _sent = call(PRODUCTS, reply(200, {"products": [odd]}))
    assert done.result["products"] == [
        {
            "product_code": "X",
            "title": "",
            "product_type": "",
            "type": "",
            "validate_type": "",
            "csr_required": None,
            "max_years": None,
            "min_san_values": None,
            "max_san_values": None,
            "surprise": {"a": [1]},
        }
    ]


# --- orders -----------------------------------------------------------------------------------------------------------

ROW = {
    "order_id": 123456,
    "product_type": "ssl_certificate",
    "product_code": "THAWTE_SSL_123",
    "domain": "www.alpha.example",
    "names": ["www.alpha.example", "alpha.example"],
    "sans_order_count": 1,
    "years": 1,
    "inserted": "2026-11-22 10:00:00",
    "published": "2026-11-22 10:20:00",
    "expired": "2027-11-22",
    "state": "published",
    "issued": True,
}


def test_orders() -> None:
    done, sent = call(ORDERS, reply(200, LIST))
    assert sent == ["GET /api/order/list"]
    assert done.result["changed"] is False
    assert done.result["orders"][0] == ROW
    assert [order["order_id"] for order in done.result["orders"]] == [123456, 123457]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"domain": "Alpha.Example"}, [123456]),
        ({"domain": "beta.example"}, [123457]),
        ({"domain": "example"}, []),
        ({"state": "published"}, [123456]),
        ({"state": "Published"}, []),
        ({"product_code": "thawte_ssl_123"}, [123456, 123457]),
        ({"product_code": "thawte_ssl_123", "state": "waiting"}, [123457]),
    ],
)
def test_some_orders(options: dict[str, Any], found: list[int]) -> None:
    done, sent = call(ORDERS, reply(200, LIST), **options)
    assert [order["order_id"] for order in done.result["orders"]] == found
    assert sent == ["GET /api/order/list"]


def test_orders_in_detail() -> None:
    done, sent = call(ORDERS, reply(200, LIST), reply(200, WAITING), details=True, domain="beta.example")
    assert sent == ["GET /api/order/list", "GET /api/order/order_id/123457"]
    (order,) = done.result["orders"]
    assert (order["order_id"], order["dv_auth_method"], order["serial"]) == (123457, "Email", None)


@pytest.mark.parametrize("given", [123456, "123456", [123456]])
def test_an_order(given: Any) -> None:
    done, sent = call(ORDERS, reply(200, {**DETAIL, "surprise": 1, "sans_order_count": None}), order_id=given)
    assert sent == ["GET /api/order/order_id/123456"]
    (order,) = done.result["orders"]
    contacts = order.pop("contacts")
    assert contacts["owner"]["country"] == "GB"
    assert contacts["tech"] == {
        "title": "Ms",
        "firstname": "Jane",
        "lastname": "Doe",
        "email": "jane.doe@alpha.example",
        "tel": "+44.2079460002",
    }
    assert len(order.pop("public_key")) == 64
    assert order == {
        **ROW,
        "sans_order_count": None,
        "csr": DETAIL["csr"],
        "serial": "a5f3c9d1e7b42886f10c4d2b39e5a71",
        "dv_auth_method": "DNS",
        "dv_auth_content": "20261122100000xw7c0g4r1n8k5t2y",
        "days_remaining": 198,
        "auto_reissue": False,
        "surprise": 1,
    }


def test_no_orders() -> None:
    """An empty list names no order; it is not the same as none given."""
    done, sent = call(ORDERS, reply(200, LIST), order_id=[])
    assert done.result["orders"] == []
    assert sent == []


def test_several_orders() -> None:
    done, sent = call(ORDERS, reply(200, DETAIL), order_id=[5, 6])
    assert [order["order_id"] for order in done.result["orders"]] == [5, 6]
    assert len(sent) == 2


@pytest.mark.parametrize("module", [ORDERS, RESEND])
def test_an_order_that_does_not_exist(module: str) -> None:
    done, _sent = call(module, reply(404, {"error": "Not found"}), order_id=5)
    assert done.failed
    assert done.result["msg"].startswith("there is no order 5 at http://127.0.0.1:")
    assert "Not found" in done.result["msg"]
    assert (done.result["error"]["kind"], done.result["error"]["status"]) == ("provider", 404)


@pytest.mark.parametrize("module", [ORDERS, RESEND])
@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (403, "auth"), (400, "provider"), (500, "protocol")])
def test_an_order_that_is_not_shown(module: str, status: int, kind: str) -> None:
    """Which says nothing about whether there is one."""
    done, _sent = call(module, reply(status, fixture("error")), order_id=5)
    assert done.failed
    assert "there is no order" not in done.result["msg"]
    assert done.result["error"]["kind"] == kind


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order_id": 5, "domain": "a.example"}, "mutually exclusive"),
        ({"order_id": 5, "state": "published"}, "mutually exclusive"),
        ({"order_id": 5, "product_code": "X"}, "mutually exclusive"),
        ({"order_id": 0}, "order_id: 0 is not the number of an order"),
        ({"order_id": [5, -5]}, "order_id: -5 is not the number of an order"),
        ({"order_id": "x"}, "order_id"),
        ({"api_token": ""}, "api_token is missing"),
        ({"api_token": None}, "api_token is missing"),
        ({"api_url": "http://www.sslmarket.co.uk/api"}, "api_url http://www.sslmarket.co.uk/api is not https"),
    ],
)
def test_options(options: dict[str, Any], message: str) -> None:
    given = {"api_url": "https://127.0.0.1:1/api", "api_token": TOKEN, **options}
    done = modules.run(ORDERS, {name: value for name, value in given.items() if value is not None})
    assert done.failed
    assert message in done.result["msg"]
    assert TOKEN not in done.output


def test_the_token_from_the_environment() -> None:
    with Hostile(reply(200, LIST)) as server:
        done = modules.run(ORDERS, {"api_url": server.url}, environment={"SSLMARKET_API_TOKEN": TOKEN})
    assert server.requests[0].headers["x-auth-token"] == TOKEN
    assert not done.failed


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (reply(200, b"<html>"), "protocol"),
        (reply(200, {"orders": [{}]}), "protocol"),
        (reply(200, {"orders": [{**LIST["orders"][0], "dns_names": [[1]]}]}), "protocol"),
        (reply(401, {"error": f"bad token {TOKEN}"}), "auth"),
        (reply(500, b""), "protocol"),
        (reply(302, b"", {"Location": "https://evil.example/"}), "protocol"),
    ],
)
def test_bad_answers(play: Play, kind: str) -> None:
    done, _sent = call(ORDERS, play)
    assert done.failed
    assert done.result["error"]["kind"] == kind


# --- the e-mail -------------------------------------------------------------------------------------------------------


def test_resend() -> None:
    predicted, sent = call(RESEND, reply(200, WAITING), order_id=5, check=True, diff=True)
    assert sent == ["GET /api/order/order_id/5"]
    real, sent = call(RESEND, reply(200, WAITING), reply(202, b""), reply(200, WAITING), order_id="5", diff=True)
    assert sent == [
        "GET /api/order/order_id/5",
        "PUT /api/certificate/order_id/5/resend",
        "GET /api/order/order_id/5",
    ]
    # which releases of ansible-core add the arguments differs
    results = [{key: value for key, value in each.result.items() if key != "invocation"} for each in (predicted, real)]
    assert results[0] == results[1]
    assert real.result["changed"] is True
    assert real.result["steps"] == [
        {"action": "resend", "subject": "validation e-mail of order 5 (www.alpha.example)", "cost": "free"}
    ]
    assert real.result["order"] == {
        "order_id": 5,
        "product_code": "THAWTE_SSL_123",
        "domain": "www.alpha.example",
        "names": ["www.alpha.example", "alpha.example"],
        "state": "waiting",
        "dv_auth_method": "Email",
    }


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (DETAIL, "order 5 is issued: there is nothing to validate"),
        ({**DETAIL, "dv_auth_method": "Email"}, "order 5 is issued: there is nothing to validate"),
        ({**WAITING, "dv_auth_method": "DNS"}, "order 5 is validated by DNS, not by e-mail"),
        ({**WAITING, "dv_auth_method": "FILE"}, "order 5 is validated by FILE, not by e-mail"),
        ({**WAITING, "dv_auth_method": "smoke"}, "order 5 is validated by smoke, not by e-mail"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_nothing_to_resend(order: dict[str, Any], message: str, check: bool) -> None:
    done, sent = call(RESEND, reply(200, order), order_id=5, check=check)
    assert done.failed
    assert message in done.result["msg"]
    assert done.result["error"]["kind"] == "usage"
    assert sent == ["GET /api/order/order_id/5"]


@pytest.mark.parametrize("method", ["email", "EMAIL", None, ""])
def test_the_provider_decides_where_it_does_not_say(method: str | None) -> None:
    done, _sent = call(RESEND, reply(200, {**WAITING, "dv_auth_method": method}), order_id=5, check=True)
    assert done.result["changed"] is True


def test_a_resend_that_is_refused() -> None:
    done, sent = call(RESEND, reply(200, WAITING), reply(400, fixture("error")), order_id=5)
    assert done.failed
    assert "InvalidParameter" in done.result["msg"]
    assert done.result["changed"] is False
    assert done.result["open"] == [
        {"action": "resend", "subject": "validation e-mail of order 5 (www.alpha.example)", "cost": "free"}
    ]
    assert len(sent) == 2
