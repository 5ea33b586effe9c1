# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com: the request that is sent is the documented one, byte for byte what its JSON says, and the answer is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import ProtocolError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._sslcom import acme_credential
from ansible_collections.certfleet.reseller.plugins.module_utils._sslcom.acme_credential import SslcomCredentials

from tests.support.hostile import Hostile, reply
from tests.unit.plugins.module_utils._http.providers import create, params

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslcom"
REQUEST = json.loads((FIXTURES / "create_credentials-request.json").read_bytes())
ANSWER = (FIXTURES / "create_credentials.json").read_bytes()
ERRORS = (FIXTURES / "create_credentials-errors.json").read_bytes()


def test_the_documented_call(tmp_path: Path) -> None:
    with Hostile(reply(200, ANSWER)) as server:
        outcome = create("sslcom", server.url + "/", tmp_path / "eab.json", **REQUEST)
    assert outcome.failure is None
    (sent,) = server.requests
    assert (sent.method, sent.target) == ("POST", "/acme/create_credentials")
    assert json.loads(sent.body) == REQUEST
    assert sent.headers == {
        "host": server.url.partition("//")[2],
        "user-agent": "certfleet.reseller",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-type": "application/json",
        "content-length": str(len(sent.body)),
    }
    record = json.loads(outcome.record.read_bytes())
    assert record.pop("created").endswith("Z")
    assert record == {
        "version": 1,
        "provider": "sslcom",
        "identity": REQUEST["description"],
        "api_url": server.url,
        "kid": "d5a26e9ae1a3",
        "hmac_key": "qTs1vE6SMcX3UgK5DtYbc48IYUd7wUr109eCslCdY3M",  # without the stray bits
        "directory_urls": ["https://acme.example/directory"],
        "account": {},
    }


def test_errors_with_status_200(tmp_path: Path) -> None:
    with Hostile(reply(200, ERRORS)) as server:
        outcome = create("sslcom", server.url, tmp_path / "eab.json")
    assert outcome.kind == "provider"
    assert outcome.failure is not None
    assert outcome.failure["error"]["detail"] == "base: The request could not be processed."
    assert outcome.failure["error"]["status"] == 200


GOOD = json.loads(ANSWER)


@pytest.mark.parametrize("gone", [["eab-kid"], ["eab-hmac"], ["eab-kid", "eab-hmac"]])
@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, "missing"])
def test_any_answer_without_both_values_is_a_refusal(gone: list[str], value: Any) -> None:
    answer = {**GOOD, **dict.fromkeys(gone, value)}
    if value == "missing":
        answer = {name: GOOD[name] for name in GOOD if name not in gone}
    assert acme_credential.refused(answer)


@pytest.mark.parametrize(
    "answer", [None, [], [GOOD], "ok", 1, True, {}, {"response_type": "ok"}, {**GOOD, "errors": {"a": 1}}]
)
def test_refused(answer: Any) -> None:
    assert acme_credential.refused(answer)


def test_not_refused() -> None:
    for more in ({}, {"errors": None}, {"errors": {}}, {"errors": []}, {"response_type": "error"}, {"new": 1}):
        assert not acme_credential.refused({**GOOD, **more})


def test_unusable_values() -> None:
    for change in ({"eab-kid": "a b"}, {"eab-kid": 1}, {"eab-hmac": "short"}, {"eab-hmac": ["x"]}):
        with pytest.raises(ProtocolError) as error:
            acme_credential.read_answer({**GOOD, **change})
        assert GOOD["eab-hmac"] not in error.value.sentence()


def want(**changes: Any) -> Any:
    return SslcomCredentials().want(params("sslcom", "https://sws.sslpki.com", Path("/x"), **changes))


@pytest.mark.parametrize("description", ["", "   ", "x" * 256, "\n"])
def test_descriptions_that_cannot_be(description: str) -> None:
    with pytest.raises(UsageError, match="1 to 255"):
        want(description=description)


def test_description() -> None:
    assert want(description="  Alpha Ltd ").identity == "Alpha Ltd"
    assert want(description="Käse GmbH & Söhne 🧀").identity == "Käse GmbH & Söhne 🧀"


@pytest.mark.parametrize("option", ["account_key", "secret_key"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_keys(option: str, value: str | None) -> None:
    with pytest.raises(UsageError) as error:
        SslcomCredentials().check_access(want(**{option: value}))
    assert error.value.sentence().startswith(f"{option} is missing. Give it, or set SSLCOM_{option.upper()};")


def test_http_is_refused(tmp_path: Path) -> None:
    outcome = create("sslcom", "http://sws.sslpki.com", tmp_path / "eab.json")
    assert outcome.kind == "usage"
    assert "https" in (outcome.failure or {})["msg"]
