# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each endpoint of SSLmarket as documented."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from certfleet_sandbox.sslmarket.service import OPERATIONS
from certfleet_sandbox.web import Request
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .market import Desk, csr_for, dns_names, new_key, order_body

ROW = "order_id product_type product_code domain dns_names sans_order_count years inserted published expired state"
WILDCARD, CLIENT = "RAPIDSSL_RAPIDSSL_WILDCARD", "DIGICERT_CLIENT_PREMIUM_CLASS_1"
NAME = "www.example.test"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_products(desk: Desk) -> None:
    products = {product["product_code"]: product for product in desk.get("/product/list")["products"]}
    for product in products.values():
        assert list(product) == [
            *("product_type", "product_code", "title", "type", "validate_type"),
            *("csr_required", "max_years", "min_san_values", "max_san_values"),
        ]
        assert {type(value) for value in product.values()} == {str}
    assert products["RAPIDSSL_RAPIDSSL"]["max_san_values"] == "0"
    assert (products["RAPIDSSL_FREESSL"]["csr_required"], products[WILDCARD]["type"]) == ("false", "wildcard")
    assert {product["product_type"] for product in products.values()} == {
        *("ssl_certificate", "client_certificate", "code_signing"),
    }
    assert {product["validate_type"] for product in products.values()} == {"dv", "ov", "qv"}


def test_an_order(desk: Desk) -> None:
    key = new_key()
    body = order_body(NAME, "example.test", key=key, years=2)
    answer = desk.send("POST", "/order/certificate/THAWTE_SSL_123", body)
    assert (answer.status, json.loads(answer.body)) == (201, {"order_id": 100001})
    assert answer.facts["price"] == 108.0
    assert (answer.facts["names"], answer.facts["years"]) == ([NAME, "example.test"], 2)
    (row,) = desk.rows()
    assert list(row) == ROW.split()
    assert (row["order_id"], row["sans_order_count"], row["state"]) == (100001, 1, "waiting")
    assert (row["inserted"], row["published"], row["expired"]) == ("2026-11-18 11:06:40", None, None)
    found = desk.detail(100001)
    people = {name for name in body if name.split("_")[0] in ("owner", "auth", "tech")}
    assert set(found) == {
        *(set(ROW.split()) - {"order_id"}),
        *people,
        *("csr", "certificate_serial_number", "dv_auth_method", "dv_auth_content", "auto_reissue"),
    }
    assert {name: found[name] for name in people} == {name: body[name] for name in people}
    assert (found["csr"], found["certificate_serial_number"], found["auto_reissue"]) == (body["csr"], None, True)


def test_a_certificate(desk: Desk) -> None:
    key = new_key()
    number = desk.issued("*.example.test", "example.test", key=key, product="DIGICERT_SECURE_SITE")
    found = desk.detail(number)
    (leaf,) = desk.download(number)
    assert leaf.public_key() == key.public_key()
    assert dns_names(leaf) == ["*.example.test", "example.test"]
    assert found["certificate_serial_number"].lstrip("0") == format(leaf.serial_number, "X")
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 199
    assert (found["published"], found["expired"]) == ("2026-11-18 11:06:40", "2027-11-18 11:06:40")
    assert (found["days_remaining"], "auto_reissue" in found) == (365, False)
    chain = desk.download(number, "pem_intermediate")
    assert (chain[0], len(chain)) == (leaf, 2)
    chain[0].verify_directly_issued_by(chain[1])
    bundle = desk.download(number, "p7b")
    assert (set(bundle) >= set(chain), len(bundle)) == (True, 3)
    chain[1].verify_directly_issued_by(desk.root.certificate)
    assert desk.root.certificate in bundle


def test_edit(desk: Desk) -> None:
    number = desk.order(NAME, method="Email")
    assert "dv_auth_content" not in desk.detail(number)
    csr = csr_for(NAME)
    changes = {"csr": csr, "dv_auth_method": "DNS", "tech_tel": "+420.123456789", "invoice_dic": "CZ1"}
    answer = desk.send("PUT", f"/order/order_id/{number}", changes)
    assert (answer.status, answer.body, answer.effect) == (200, b"", "order_edited")
    found = desk.detail(number)
    assert (found["csr"], found["dv_auth_method"], found["tech_tel"]) == (csr, "DNS", "+420.123456789")
    assert len(found["dv_auth_content"]) > 40
    desk.send("PUT", f"/order/order_id/{number}", {"dv_auth_method": "DNS"})
    assert desk.detail(number)["dv_auth_content"] != found["dv_auth_content"]


def test_an_order_without_a_csr_waits_for_one(desk: Desk) -> None:
    number = desk.order(NAME, csr=None, product="RAPIDSSL_FREESSL")
    desk.publish(number)
    assert (desk.detail(number)["state"], desk.detail(number)["csr"]) == ("waiting", None)
    desk.send("PUT", f"/order/order_id/{number}", {"csr": csr_for(NAME)})
    assert desk.detail(number)["state"] == "published"


def test_resend(desk: Desk) -> None:
    number = desk.order(NAME, method="Email")
    path = f"/certificate/order_id/{number}/resend"
    answer = desk.send("PUT", path)
    assert (answer.status, answer.body, answer.effect) == (202, b"", "dcv_email_sent")
    desk.market.approve(desk.market.find(number))
    assert desk.detail(number)["state"] == "published"
    assert desk.send("PUT", path).status == 409
    other = desk.order("other.example.test")
    assert desk.send("PUT", f"/certificate/order_id/{other}/resend").status == 409


def test_revoke(desk: Desk) -> None:
    number = desk.order("somebody@example.test", dv_auth_method=None, product=CLIENT)
    assert "dv_auth_method" not in desk.detail(number)
    (leaf,) = desk.download(number)
    pem = leaf.public_bytes(serialization.Encoding.PEM).decode()
    assert json.loads(desk.send("POST", "/tool/ocsp", {"certificate": pem}).body)["status"] == "good"
    path = f"/certificate/order_id/{number}/revoke"
    answer = desk.send("PUT", path)
    assert (answer.status, answer.body, answer.effect) == (202, b"", "certificate_revoked")
    found = desk.detail(number)
    assert (found["state"], "days_remaining" in found) == ("revoked", False)
    status = json.loads(desk.send("POST", "/tool/ocsp", {"certificate": pem}).body)
    assert (status["status"], list(status)) == ("revoked", ["status", "this_update", "next_update"])
    assert desk.send("PUT", path).status == 409
    server = desk.issued(NAME)
    assert desk.send("PUT", f"/certificate/order_id/{server}/revoke").status == 403


def test_decoders(desk: Desk) -> None:
    key = rsa.generate_private_key(65537, 2048)
    csr = csr_for(NAME, "example.test", key=key, common_name=NAME)
    found = json.loads(desk.send("POST", "/tool/decoder/csr", {"csr": csr}).body)["csr"]
    assert found["subject"] == {"CN": NAME, "O": None, "L": None, "ST": None, "C": None, "OU": None}
    assert (found["pkey"]["length"], found["pkey"]["alghoritm"]) == (2048, "RSA")
    assert found["sans"] == [NAME, "example.test"]
    number = desk.issued(NAME, "example.test", csr=csr)
    (leaf,) = desk.download(number)
    der = base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()
    pem = leaf.public_bytes(serialization.Encoding.PEM).decode()
    both = [desk.send("POST", "/tool/decoder/certificate", {"certificate": text}).body for text in (der, pem)]
    assert both[0] == both[1]
    certificate = json.loads(both[0])["certificate"]
    assert set(certificate) == {
        *("owner", "length", "alghoritm", "pkey", "sans"),
        *("valid_from", "valid_to", "serial_number", "serial_number_hex"),
    }
    assert set(certificate["owner"]) == {"domain", "organization", "city", "locality", "country"}
    assert (certificate["length"], certificate["alghoritm"], certificate["owner"]["domain"]) == (2048, 0, NAME)
    assert int(certificate["serial_number_hex"], 16) == int(certificate["serial_number"]) == leaf.serial_number
    foreign = desk.root.certificate.public_bytes(serialization.Encoding.PEM).decode()
    assert desk.send("POST", "/tool/ocsp", {"certificate": foreign}).status == 400


def test_every_operation_has_its_name(desk: Desk) -> None:
    calls = [
        ("GET", "/product/list"),
        ("POST", "/order/certificate/X"),
        ("GET", "/order/list"),
        ("GET", "/order/order_id/1"),
        ("PUT", "/order/order_id/1"),
        ("PUT", "/certificate/order_id/1/resend"),
        ("POST", "/certificate/order_id/1/reissue"),
        ("PUT", "/certificate/order_id/1/cancel-reissue"),
        ("PUT", "/certificate/order_id/1/revoke"),
        ("GET", "/certificate/order_id/1/format/p7b"),
        ("POST", "/tool/decoder/csr"),
        ("POST", "/tool/decoder/certificate"),
        ("POST", "/tool/ocsp"),
    ]
    found = [desk.service.operation(Request(method, f"/api{path}", "", {}, b"", "-"))[0] for method, path in calls]
    assert tuple(found) == OPERATIONS
    # None works without the token, and none takes a query.
    for method, path in calls:
        assert desk.send(method, path, headers={}).status == 401
        assert desk.send(method, path, headers={"x-auth-token": "wrong"}).status == 401
        assert desk.send(method, path, query="a=b").status == 400


def test_a_wildcard_and_optional_members(desk: Desk) -> None:
    number = desk.issued("*.example.test", product=WILDCARD, voucher="V", invoice_ic="1", invoice_dic="2")
    assert desk.detail(number)["domain"] == "*.example.test"


def test_email_is_the_default(desk: Desk) -> None:
    number = desk.order(NAME, dv_auth_method=None)
    assert desk.detail(number)["dv_auth_method"] == "Email"
