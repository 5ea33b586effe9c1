# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All thirteen calls against the sandbox's SSLmarket, which knows nothing of the code that is tested."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.api import Api
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import csr, facts, load

from tests.support import modules, pki
from tests.support.sandbox import Sandbox

REQUEST: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket" / "order-request.json").read_bytes()
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    shared.reset_knobs()
    shared.clear_faults()
    return shared


def api(sandbox: Sandbox, **more: Any) -> Api:
    market = {**sandbox.sslmarket, **more}
    return Api(market["api_url"], Secret(market["api_token"]), 10, sandbox.ca_path)


def key_of(request: str) -> str:
    return facts.request_facts(load.request(request.encode(), "request")).public_key


def test_life(sandbox: Sandbox) -> None:
    """Bought, edited, validated, downloaded, reissued: and at each step the order shows it."""
    made = api(sandbox)
    products = {product.code: product for product in made.products()}
    assert products["THAWTE_SSL_123"].csr_required is True
    assert products["THAWTE_SSL_123"].max_san
    number = made.place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "DNS", "years": 2})
    (row,) = [each for each in made.orders() if each.order_id == number]
    assert (row.names, row.years, row.issued) == (("www.alpha.example", "alpha.example"), 2, False)
    order = made.order(number)
    assert order.public_key == key_of(REQUEST["csr"])
    assert order.dv_auth_content
    assert order.contacts["owner"]["zip"] == REQUEST["owner_zip"]
    made.edit(number, {"dv_auth_method": "Email", "owner_city": "Leeds"})
    assert made.order(number).dv_auth_method == "Email"
    assert made.order(number).contacts["owner"]["city"] == "Leeds"
    made.resend(number)
    sandbox.approve_email(number)
    order = made.order(number)
    assert order.issued
    assert order.auto_reissue is not None
    chain = made.download(number, "pem_intermediate")
    leaf = facts.facts(load.certificates(chain, "chain")[0])
    assert (leaf.serial, leaf.public_key) == (order.serial, order.public_key)
    assert len(load.certificates(made.download(number, "pem_server"), "leaf")) == 1
    assert made.download(number, "p7b")
    key = pki.new_key()
    again = csr.build(pki.key_pem(key), REQUEST["dns_names"] + [REQUEST["domain"]]).decode()
    sandbox.knobs(never_issue=True)
    made.reissue(number, again)
    assert not made.order(number).issued
    made.cancel_reissue(number)
    assert (made.order(number).issued, made.order(number).serial) == (True, leaf.serial)
    sandbox.reset_knobs()
    made.reissue(number, again)
    reissued = facts.facts(load.certificates(made.download(number, "pem_server"), "reissued")[0])
    assert reissued.public_key == made.order(number).public_key == facts.key_facts(key).public_key
    assert reissued.serial == made.order(number).serial != leaf.serial
    assert sandbox.count(service="sslmarket", effect="order_booked") == 1


@pytest.mark.parametrize("form", ["pem", "base64", "der"])
def test_forms_of_p7b(sandbox: Sandbox, form: str) -> None:
    made = api(sandbox)
    number = made.place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "Email"})
    sandbox.approve_email(number)
    sandbox.knobs(p7b_format=form)
    content = made.download(number, "p7b")
    assert (content[:1] == b"\x30", content.startswith(b"-----BEGIN PKCS7-----")) == (form == "der", form == "pem")


def test_tools(sandbox: Sandbox) -> None:
    made = api(sandbox)
    number = made.place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "Email"})
    sandbox.approve_email(number)
    leaf = made.download(number, "pem_server").decode()
    assert sorted(made.decode_csr(REQUEST["csr"])["sans"]) == ["alpha.example", "www.alpha.example"]
    assert made.decode_certificate(leaf)["owner"]["domain"] == "www.alpha.example"
    assert made.ocsp(leaf)["status"] == "good"


def test_revoke(sandbox: Sandbox) -> None:
    """Documented for client certificates alone."""
    made = api(sandbox)
    number = made.place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "Email"})
    with pytest.raises(ProviderError):
        made.revoke(number)


@pytest.mark.parametrize(
    ("code", "changes", "status"),
    [
        ("THAWTE_SSL_123", {"years": 99}, 400),
        ("THAWTE_SSL_123", {"owner_tel": "0123"}, 400),
        ("THAWTE_SSL_123", {"surprise": "x"}, 400),
        ("NO_SUCH_PRODUCT", {}, 404),
    ],
)
def test_a_definite_no(sandbox: Sandbox, code: str, changes: dict[str, Any], status: int) -> None:
    before = sandbox.count(effect="order_booked")
    with pytest.raises(ProviderError) as refused:
        api(sandbox).place(code, {**REQUEST, **changes})
    assert refused.type is ProviderError
    assert refused.value.status in (status, 422)
    assert refused.value.detail
    assert sandbox.count(effect="order_booked") == before


def test_a_wrong_token(sandbox: Sandbox) -> None:
    with pytest.raises(AuthError) as refused:
        api(sandbox, api_token="wrong").orders()
    assert refused.value.status == 401


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_unknown(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault("sslmarket", kind)
    with pytest.raises(OutcomeUnknown):
        api(sandbox).place("THAWTE_SSL_123", REQUEST)


@pytest.mark.parametrize("ending", ["decimal", "colons", "lower_hex", "hex"])
def test_forms_of_a_serial_number(sandbox: Sandbox, ending: str) -> None:
    made = api(sandbox)
    number = made.place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "Email"})
    sandbox.approve_email(number)
    sandbox.knobs(serial_format=ending)
    order = made.order(number)
    leaf = facts.facts(load.certificates(made.download(number, "pem_server"), "leaf")[0])
    assert order.serial == leaf.serial


@pytest.mark.parametrize(
    "wrong",
    [["order_id"], ["domain"], ["dns_names"], ["years"], ["state"], ["csr"], ["inserted", "published", "expired"]],
)
def test_wrong_types(sandbox: Sandbox, wrong: list[str]) -> None:
    made = api(sandbox)
    number = made.place("THAWTE_SSL_123", REQUEST)
    sandbox.knobs(wrong_type=wrong)
    for look in (made.orders, lambda: made.order(number)):
        with contextlib.suppress(ProtocolError):  # no other error, and no other exception
            look()


def test_modules(sandbox: Sandbox) -> None:
    sign_in = {"api_url": sandbox.sslmarket["api_url"], "ca_path": sandbox.ca_path}
    sign_in["api_token"] = sandbox.sslmarket["api_token"]
    number = api(sandbox).place("THAWTE_SSL_123", {**REQUEST, "dv_auth_method": "Email"})
    found = modules.run("sslmarket_product_info", {**sign_in, "product_code": "THAWTE_SSL_123"})
    assert [product["csr_required"] for product in found.result["products"]] == [True]
    before = sandbox.count(effect="dcv_email_sent")
    predicted = modules.run("sslmarket_dcv_resend", {**sign_in, "order_id": number}, check=True)
    assert sandbox.count(effect="dcv_email_sent") == before
    real = modules.run("sslmarket_dcv_resend", {**sign_in, "order_id": number})
    assert predicted.result["steps"] == real.result["steps"]
    assert sandbox.count(effect="dcv_email_sent") == before + 1
    sandbox.approve_email(number)
    done = modules.run("sslmarket_dcv_resend", {**sign_in, "order_id": number})
    assert "is issued" in done.result["msg"]
    orders = modules.run("sslmarket_order_info", {**sign_in, "order_id": number})
    assert [order["issued"] for order in orders.result["orders"]] == [True]
    assert sandbox.count(effect="dcv_email_sent") == before + 1
