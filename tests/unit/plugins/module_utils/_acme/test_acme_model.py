# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME objects: what a server may send more or otherwise, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._acme import model
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData

ORDER: dict[str, Any] = {
    "status": "pending",
    "identifiers": [{"type": "dns", "value": "WWW.Example.com"}],
    "authorizations": ["https://acme.example/a/1"],
    "finalize": "https://acme.example/f/1",
}
CHALLENGE: dict[str, Any] = {
    "type": "http-01",
    "url": "https://acme.example/c/1",
    "status": "pending",
    "token": "abc_-9",
}
AUTHORIZATION: dict[str, Any] = {
    "status": "pending",
    "identifier": {"type": "dns", "value": "Example.com"},
    "challenges": [CHALLENGE],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"status": "pending", "names": ("www.example.com",), "certificate": None, "problem": None}),
        ({"status": "thinking"}, {"status": "thinking"}),  # an open string
        ({"expires": 5, "certificate": [], "error": "text"}, {"expires": None, "certificate": None, "problem": None}),
        ({"expires": "soon"}, {"expires": "soon"}),
        ({"notBefore": None, "x-more": [{}], "replaces": "abc"}, {}),
        ({"identifiers": []}, {"names": ()}),
        ({"error": {"type": "urn:ietf:params:acme:error:caa", "detail": "no\r\nCAA"}}, {"problem": "caa: no CAA"}),
    ],
)
def test_an_order_is_read_tolerantly(change: dict[str, Any], expected: dict[str, Any]) -> None:
    found = model.order("https://acme.example/o/1", {**ORDER, **change})
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("missing", ["status", "identifiers", "authorizations", "finalize"])
@pytest.mark.parametrize("value", [None, 5, {}, "", True, ["x"] * 1001])
def test_an_order_without_what_is_needed(missing: str, value: Any) -> None:
    with pytest.raises(InvalidData, match="the ACME server sent"):
        model.order("https://acme.example/o/1", {**ORDER, missing: value})


@pytest.mark.parametrize("value", [None, [], "text", 5, True])
def test_what_is_no_object(value: Any) -> None:
    for read in (model.order, model.authorization):
        with pytest.raises(InvalidData, match="not an object"):
            read("https://acme.example/x", value)


@pytest.mark.parametrize("value", [None, "text", {"type": "dns"}, {"value": 5}, []])
def test_identifiers_are_objects_with_a_value(value: Any) -> None:
    with pytest.raises(InvalidData):
        model.order("https://acme.example/o/1", {**ORDER, "identifiers": [value]})
    with pytest.raises(InvalidData):
        model.authorization("https://acme.example/a/1", {**AUTHORIZATION, "identifier": value})


def test_other_challenges_are_ignored_whatever_they_are() -> None:
    others = [{"type": "tls-alpn-01"}, {"type": "dns-persist-01", "token": "../x"}, "text", None, {}, CHALLENGE]
    found = model.authorization("https://acme.example/a/1", {**AUTHORIZATION, "challenges": others})
    assert [challenge.type for challenge in found.challenges] == ["http-01"]
    assert found.domain == "example.com"
    assert found.challenge("dns-01") is None


@pytest.mark.parametrize(
    "token",
    [
        *(
            "../../etc/cron.d/x",
            "..",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "a b",
            "a\n",
            "\x00",
            "ä",
            "$(id)",
            "{{ 1 }}",
            "a.b",
        ),
        *("a" * 129, "", None, 5, ["a"]),
    ],
)
def test_a_token_must_be_base64url(token: Any) -> None:
    with pytest.raises(InvalidData):
        model.authorization(
            "https://acme.example/a/1", {**AUTHORIZATION, "challenges": [{**CHALLENGE, "token": token}]}
        )


def test_a_problem_and_its_subproblems_are_one_clean_line() -> None:
    value = {
        "type": "urn:ietf:params:acme:error:compound",
        "detail": "several\x1b[31m things\n",
        "subproblems": [
            {
                "type": "urn:ietf:params:acme:error:caa",
                "detail": "forbidden",
                "identifier": {"type": "dns", "value": "a.example"},
            },
            "text",
            {"identifier": "text"},
        ],
    }
    text = model.problem(value)
    assert text is not None
    assert text.startswith("compound: several [31m things; a.example caa: forbidden; ")
    assert "\n" not in text
    assert "\x1b" not in text
    huge = model.problem({"type": "x" * 10000, "detail": "y" * 10000, "subproblems": [value] * 1000})
    assert huge is not None
    assert len(huge) < 5000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "no reason given"),
        ({"detail": None}, "no reason given"),
        ({"type": "about:blank", "title": "Forbidden"}, "Forbidden"),
        ({"type": 5, "detail": ["x"]}, "5: ['x']"),
        ({"type": "urn:ietf:params:acme:error:dns"}, "dns: no reason given"),
    ],
)
def test_a_problem_that_says_little(value: Any, text: str) -> None:
    assert model.problem(value) == text
