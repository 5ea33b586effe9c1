# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IdenTrust: the documented requests, every way to sign in, and what a second call means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._identrust.account import IdentrustAccounts

from tests.support.hostile import Hostile, reply, reset
from tests.unit.plugins.module_utils._http.providers import API_KEY, create, params

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "identrust"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


ACCOUNT, TOKEN = fixture("account"), fixture("token")
EMAIL = fixture("account-request")["customer_email"]
OAUTH = {name: value for name, value in fixture("token-request").items() if name != "grant_type"}


def headers(server: Hostile, body: bytes, **more: str) -> dict[str, str]:
    return {
        "host": server.url.partition("//")[2],
        "user-agent": "certfleet.reseller",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **more,
    }


@pytest.mark.parametrize(
    ("sign_in", "authorization"),
    [
        ({"api_key": "k-e.y/1+2=="}, "k-e.y/1+2=="),
        ({"api_key": None, "access_token": "sample-token"}, "Bearer sample-token"),
        ({"api_key": "first", "access_token": "second"}, "first"),
    ],
)
def test_the_documented_call(tmp_path: Path, sign_in: dict[str, Any], authorization: str) -> None:
    with Hostile(reply(200, ACCOUNT)) as server:
        outcome = create("identrust", server.url + "/", tmp_path / "eab.json", customer_email=EMAIL, **sign_in)
    assert outcome.failure is None
    (sent,) = server.requests
    assert (sent.method, sent.target) == ("POST", "/account")
    assert json.loads(sent.body) == fixture("account-request")
    assert sent.headers == headers(server, sent.body, authorization=authorization)
    record = json.loads(outcome.record.read_bytes())
    assert record.pop("created").endswith("Z")
    assert record == {
        "version": 1,
        "provider": "identrust",
        "identity": EMAIL,
        "api_url": server.url,
        "kid": ACCOUNT["kid"],
        "hmac_key": ACCOUNT["hmacKey"].rstrip("="),
        "directory_urls": ["https://acme.example/directory"],
        "account": {"id": 1042, "reseller_code": "RESELLER1", "email": EMAIL, "revoked": False, "deleted": False},
    }


def exchange(server: Hostile, path: Path, **more: Any) -> Any:
    return create(
        "identrust", server.url, path, **{"api_key": None, **OAUTH, "token_url": f"{server.url}/oauth/token", **more}
    )


def test_token_exchange(tmp_path: Path) -> None:
    with Hostile(reply(200, ACCOUNT)) as server:
        server.plays = [reply(200, TOKEN)]
        assert exchange(server, tmp_path / "eab.json").failure is None
    token, account = server.requests
    assert (token.method, token.target) == ("POST", "/oauth/token")
    assert json.loads(token.body) == fixture("token-request")
    assert token.headers == headers(server, token.body)
    assert account.headers == headers(server, account.body, authorization="Bearer " + TOKEN["access_token"])


TOKENS: list[tuple[str, Any, str]] = [
    ("RFC 6749's error", reply(401, fixture("token-error")), "auth"),
    ("403", reply(403, fixture("token-error")), "auth"),
    ("400", reply(400, {"error": "invalid_request"}), "provider"),
    ("500", reply(500, b""), "outcome_unknown"),
    ("cut", reset, "outcome_unknown"),
    ("no token", reply(200, {"token_type": "Bearer"}), "protocol"),
    ("null", reply(200, {"access_token": None}), "protocol"),
    ("a number", reply(200, {"access_token": 5}), "protocol"),
    ("an object", reply(200, {"access_token": {"a": 1}}), "protocol"),
    ("empty", reply(200, {"access_token": ""}), "protocol"),
    ("a line break", reply(200, {"access_token": "a\r\nX-Injected: 1"}), "protocol"),
    ("a blank", reply(200, {"access_token": "a b"}), "protocol"),
    ("beyond ASCII", reply(200, {"access_token": "ключ"}), "protocol"),
    ("a list", reply(200, ["x"]), "protocol"),
    ("echo", reply(400, {"error": "x", "error_description": "no: " + OAUTH["client_secret"]}), "provider"),
]


@pytest.mark.parametrize(("play", "kind"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS])
def test_no_token_no_call(tmp_path: Path, play: Any, kind: str) -> None:
    """And no mark of a call that was never made."""
    with Hostile(play) as server:
        outcome = exchange(server, tmp_path / "eab.json")
    assert outcome.kind == kind
    assert [sent.target for sent in server.requests] == ["/oauth/token"]
    assert not outcome.intent
    assert OAUTH["client_secret"] not in json.dumps(outcome.failure)


def test_an_echoed_token_is_masked(tmp_path: Path) -> None:
    with Hostile(reply(422, {"errors": f"{TOKEN['access_token']}, Bearer {TOKEN['access_token']}"})) as server:
        server.plays = [reply(200, TOKEN)]
        outcome = exchange(server, tmp_path / "eab.json")
    assert outcome.failure is not None
    assert outcome.failure["error"]["detail"] == "<secret>, <secret>"


# --- options ----------------------------------------------------------------------------------------------------------


def want(**changes: Any) -> Any:
    return IdentrustAccounts().want(params("identrust", "https://api.example", Path("/x"), **changes))


@pytest.mark.parametrize(
    "missing",
    [{}, {"client_id": "a"}, {"client_id": "a", "client_secret": "b"}, {"client_secret": "b", "token_url": "https://t.example"}]
    + [{"client_id": "a", "token_url": "https://t.example"}, {"api_key": ""}, {"access_token": ""}],
)  # fmt: skip
def test_no_way_to_sign_in(missing: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no way to sign in") as error:
        IdentrustAccounts().check_access(want(**{"api_key": None, **missing}))
    assert "IDENTRUST_API_KEY" in error.value.sentence()


@pytest.mark.parametrize("token_url", ["http://auth.example/token", "auth.example", "https://u:p@auth.example/"])
def test_token_url_is_checked(token_url: str) -> None:
    with pytest.raises(UsageError, match="token_url"):
        IdentrustAccounts().check_access(want(api_key=None, client_id="a", client_secret="b", token_url=token_url))


@pytest.mark.parametrize("option", ["api_key", "access_token"])
@pytest.mark.parametrize(
    "value", ["cAnArY\n", "cAnArY\r\nX: y", " cAnArY", "cAn ArY", "cAnArY\x00", "cAnArYé", "\u200bcAnArY"]
)
def test_keys_that_no_header_can_carry(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} has characters") as error:
        want(**{"api_key": None, option: value})
    assert "cAn" not in error.value.sentence()


@pytest.mark.parametrize(
    "url",
    ["http://reseller-cms-pte.identrust.com", "HTTP://reseller-cms-pte.identrust.com/", "hTTp://reseller-cms-pte.identrust.com:80"]
    + ["http://reseller-cms-pte.identrust.com/account", "http://127.0.0.1.identrust.com"],
)  # fmt: skip
def test_the_documented_example_is_http(tmp_path: Path, url: str) -> None:
    outcome = create("identrust", url, tmp_path / "eab.json")
    assert outcome.kind == "usage"
    told = (outcome.failure or {})["msg"]
    assert "https://docs-cms-pte.identrust.com/acme-integration" in told
    assert "Use https." in told
    assert API_KEY not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http:/\\reseller-cms-pte.identrust.com", "http:reseller-cms-pte.identrust.com", "ftp://x"]
)
def test_other_spellings_are_refused_too(tmp_path: Path, url: str) -> None:
    assert create("identrust", url, tmp_path / "eab.json").kind == "usage"


@pytest.mark.parametrize(
    "email", ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\nc", "<a@b>", "a,b@c", "a;b@c", "x" * 65 + "@b"]
)
def test_no_e_mail_address(email: str) -> None:
    with pytest.raises(UsageError, match="is not an e-mail address"):
        want(customer_email=email)


def test_e_mail_address() -> None:
    assert want(customer_email=" tls@beta.example ").identity == "tls@beta.example"
    assert want(customer_email="käse+tls@beta.example").identity == "käse+tls@beta.example"


# --- the second call --------------------------------------------------------------------------------------------------


def test_a_conflict_after_a_cut_names_the_earlier_run(tmp_path: Path) -> None:
    path = tmp_path / "eab.json"
    with Hostile(reset) as server:
        assert create("identrust", server.url, path).kind == "outcome_unknown"
        since = json.loads(Path(f"{path}.intent").read_bytes())["since"]
        server.play = reply(409, {"errors": "exists"})
        outcome = create("identrust", server.url, path)
    assert outcome.kind == "provider"
    told = (outcome.failure or {})["msg"]
    assert since in told
    assert f"{path}.intent" in told
    assert "its key is lost" in told
    assert outcome.intent


def test_a_conflict_without_an_earlier_run(tmp_path: Path) -> None:
    with Hostile(reply(409, {"errors": "exists"})) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json")
    assert outcome.kind == "provider"
    assert "its key is lost" not in (outcome.failure or {})["msg"]
    assert not outcome.intent


def test_a_repeated_call_that_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "eab.json"
    with Hostile(reply(200, ACCOUNT)) as server:
        server.plays = [reset]
        assert create("identrust", server.url, path).kind == "outcome_unknown"
        outcome = create("identrust", server.url, path)
    assert outcome.failure is None
    assert not outcome.intent
    assert len(server.requests) == 2


@pytest.mark.parametrize("flag", ["revoked", "deleted"])
def test_dead_accounts(tmp_path: Path, flag: str) -> None:
    with Hostile(reply(200, {**ACCOUNT, flag: True})) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json")
    told = (outcome.failure or {})["msg"]
    assert told.startswith(f"the account of {EMAIL} at IdenTrust is {flag}.")
    assert "Ask IdenTrust to restore it" in told
    assert outcome.failure is not None
    assert outcome.failure["error"]["code"] == flag
