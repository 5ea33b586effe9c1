# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulators take what is documented and nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from certfleet_sandbox.files import read_json
from certfleet_sandbox.identrust import Access, IdenTrust
from certfleet_sandbox.sslcom import SslCom
from certfleet_sandbox.web import Request

from tests.support.sandbox import Sandbox

from .calls import CREATE, create_account, post, shape

GOOD = {"account_key": "account", "secret_key": "secret", "description": "customer-1"}
EMAIL = {"customer_email": "one@example.test"}
TOKEN = {"client_id": "client", "client_secret": "hidden", "audience": "api", "grant_type": "client_credentials"}
KEY = {"authorization": "api-key"}


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: member for key, member in value.items() if key != name}


@pytest.fixture
def sslcom(tmp_path: Path) -> SslCom:
    return SslCom(tmp_path / "sslcom.json", tmp_path / "eab.json", "account", "secret")


def make_identrust(directory: Path, duplicate: str = "same") -> IdenTrust:
    access = Access("api-key", "client", "hidden", "api")
    return IdenTrust(directory / "identrust.json", directory / "eab.json", access, duplicate)


@pytest.fixture
def identrust(tmp_path: Path) -> IdenTrust:
    return make_identrust(tmp_path)


WRONG_SSLCOM = {
    "get": (post(CREATE, GOOD, method="GET"), 405),
    "put": (post(CREATE, GOOD, method="PUT"), 405),
    "path": (post("/acme/credentials", GOOD), 404),
    "slash": (post(CREATE + "/", GOOD), 404),
    "query": (post(CREATE, GOOD, query="test=1"), 400),
    "form": (post(CREATE, b"account_key=a", {"content-type": "application/x-www-form-urlencoded"}), 415),
    "no type": (post(CREATE, GOOD, headers={"content-type": ""}), 415),
    "no json": (post(CREATE, b"{"), 400),
    "not utf-8": (post(CREATE, b'{"description": "\xff"}'), 400),
    "list": (post(CREATE, [GOOD]), 400),
    "twice": (post(CREATE, b'{"description": "a", "description": "b"}'), 400),
    "unknown": (post(CREATE, {**GOOD, "test": "1"}), 400),
    "number": (post(CREATE, {**GOOD, "description": 1}), 400),
    "null": (post(CREATE, {**GOOD, "description": None}), 400),
    "empty": (post(CREATE, {**GOOD, "description": " "}), 400),
    "missing": (post(CREATE, without(GOOD, "description")), 400),
    "wrong account": (post(CREATE, {**GOOD, "account_key": "other"}), 401),
    "wrong secret": (post(CREATE, {**GOOD, "secret_key": "other"}), 401),
}


@pytest.mark.parametrize("name", WRONG_SSLCOM)
def test_sslcom_refuses(sslcom: SslCom, name: str) -> None:
    request, status = WRONG_SSLCOM[name]
    answer = sslcom.answer(request)
    assert (answer.status, answer.effect) == (status, None)
    assert json.loads(answer.body)["errors"]
    assert sslcom.state() == []


def test_sslcom_as_documented(sslcom: SslCom, fixtures: Path, tmp_path: Path) -> None:
    request = read_json(fixtures / "sslcom" / "create_credentials-request.json")
    assert shape(request) == shape(GOOD)
    answer = sslcom.answer(post(CREATE, GOOD))
    body = json.loads(answer.body)
    assert answer.status == 200
    assert shape(body) == shape(read_json(fixtures / "sslcom" / "create_credentials.json"))
    assert len(body["eab-hmac"]) == 43
    assert len(base64.urlsafe_b64decode(body["eab-hmac"] + "=")) == 32
    assert read_json(tmp_path / "eab.json") == {body["eab-kid"]: body["eab-hmac"]}


def test_sslcom_is_idempotent_by_description_also_after_a_restart(sslcom: SslCom, tmp_path: Path) -> None:
    first, again = sslcom.answer(post(CREATE, GOOD)), sslcom.answer(post(CREATE, GOOD))
    other = sslcom.answer(post(CREATE, {**GOOD, "description": "customer-2"}))
    restarted = SslCom(tmp_path / "sslcom.json", tmp_path / "eab.json", "account", "secret")
    assert restarted.answer(post(CREATE, GOOD)).body == first.body == again.body != other.body
    assert [found.effect for found in (first, again, other)] == [
        "credentials_created",
        "credentials_returned",
        "credentials_created",
    ]


WRONG_IDENTRUST = {
    "get": (post("/account", EMAIL, KEY, method="GET"), 405),
    "plural": (post("/accounts", EMAIL, KEY), 404),
    "no sign-in": (post("/account", EMAIL), 401),
    "wrong key": (post("/account", EMAIL, {"authorization": "other"}), 401),
    "key as bearer": (post("/account", EMAIL, {"authorization": "Bearer api-key"}), 401),
    "unknown token": (post("/account", EMAIL, {"authorization": "Bearer abc"}), 401),
    "not ascii": (post("/account", EMAIL, {"authorization": "\xfc"}), 401),
    "unknown": (post("/account", {**EMAIL, "name": "x"}, KEY), 400),
    "other style": (post("/account", {"customerEmail": "one@example.test"}, KEY), 400),
    "no address": (post("/account", {"customer_email": "one"}, KEY), 400),
    "two addresses": (post("/account", {"customer_email": "one@example.test two@example.test"}, KEY), 400),
    "form": (post("/account", b"customer_email=x", {**KEY, "content-type": "application/x-www-form-urlencoded"}), 415),
    "token get": (post("/oauth/token", TOKEN, method="GET"), 405),
    "token unknown": (post("/oauth/token", {**TOKEN, "scope": "x"}), 400),
    "token missing": (post("/oauth/token", without(TOKEN, "audience")), 400),
}


@pytest.mark.parametrize("name", WRONG_IDENTRUST)
def test_identrust_refuses(identrust: IdenTrust, name: str) -> None:
    request, status = WRONG_IDENTRUST[name]
    answer = identrust.answer(request)
    assert (answer.status, answer.effect) == (status, None)
    assert json.loads(answer.body)["errors"]
    assert identrust.state() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [({"client_secret": "x"}, 401), ({"client_id": "x"}, 401), ({"audience": "x"}, 403), ({"grant_type": "x"}, 403)],
)
def test_identrust_refuses_a_wrong_client(
    identrust: IdenTrust, fixtures: Path, change: dict[str, str], status: int
) -> None:
    answer = identrust.answer(post("/oauth/token", {**TOKEN, **change}))
    assert answer.status == status
    assert shape(json.loads(answer.body)) == shape(read_json(fixtures / "identrust" / "token-error.json"))


def test_identrust_as_documented(identrust: IdenTrust, fixtures: Path, tmp_path: Path) -> None:
    samples = fixtures / "identrust"
    assert shape(read_json(samples / "token-request.json")) == shape(TOKEN)
    assert shape(read_json(samples / "account-request.json")) == shape(EMAIL)
    token = json.loads(identrust.answer(post("/oauth/token", TOKEN)).body)
    assert shape(token) == shape(read_json(samples / "token.json"))
    answer = identrust.answer(post("/account", EMAIL, {"authorization": f"Bearer {token['access_token']}"}))
    account = json.loads(answer.body)
    assert shape(account) == shape(read_json(samples / "account.json"))
    key = base64.b64decode(account["hmacKey"], validate=True)
    assert (len(key), len(account["hmacKey"])) == (32, 44)
    ((kid, published),) = read_json(tmp_path / "eab.json").items()
    assert (kid, base64.urlsafe_b64decode(published + "=")) == (account["kid"], key)


def test_identrust_gives_one_account_for_each_address(identrust: IdenTrust) -> None:
    def ask(email: str) -> Any:
        return json.loads(identrust.answer(post("/account", {"customer_email": email}, KEY)).body)

    first, other = ask("one@example.test"), ask("two@example.test")
    assert ask("ONE@example.test") == first
    assert first["kid"] != other["kid"]


def test_identrust_can_refuse_a_duplicate(tmp_path: Path) -> None:
    identrust = make_identrust(tmp_path, "conflict")
    request: Request = post("/account", EMAIL, KEY)
    assert [identrust.answer(request).status for _time in range(3)] == [200, 409, 409]


def test_identrust_account_can_be_revoked(identrust: IdenTrust, tmp_path: Path) -> None:
    request = post("/account", EMAIL, KEY)
    identrust.answer(request)
    assert identrust.mark(EMAIL["customer_email"], revoked=True)
    assert json.loads(identrust.answer(request).body)["revoked"] is True
    assert read_json(tmp_path / "eab.json") == {}
    assert not identrust.mark("nobody@example.test", revoked=True)


def test_identrust_account_is_marked_over_the_control_api(sandbox: Sandbox) -> None:
    before = create_account(sandbox, "marked@example.test").json()
    sandbox.mark_identrust_account("marked@example.test", deleted=True)
    assert create_account(sandbox, "marked@example.test").json() == {**before, "deleted": True}
    states = {entry["email"]: entry for entry in sandbox.control("GET", "/state")["identrust"]}
    assert states["marked@example.test"]["deleted"] is True
    assert "hmacKey" not in states["marked@example.test"]
