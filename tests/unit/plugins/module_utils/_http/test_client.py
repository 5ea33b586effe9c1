# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the API client asks again, and what it makes of answers: no sockets, no waiting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
    TransportError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._http.client import ApiClient

from tests.support.scripted import FakeClock, Reply, ScriptedSession

URL = "https://api.example/base/"


def client(session: ScriptedSession, clock: FakeClock | None = None, **options: Any) -> ApiClient:
    return ApiClient(URL, session, clock=clock or FakeClock(), **options)  # type: ignore[arg-type]


def test_request() -> None:
    session = ScriptedSession(Reply(content=b'{"a": 1}'))
    made = client(session, headers={"Authorization": Secret("k3y"), "X-Plain": "1"}, timeout=7)
    assert made.post("/thing", {"secret": Secret("s3cret"), "name": "Käse"}) == {"a": 1}
    (sent,) = session.sent
    body = sent.pop("data")
    assert json.loads(body) == {"secret": "s3cret", "name": "Käse"}
    assert sent == {
        "method": "POST",
        "url": "https://api.example/base/thing",
        "timeout": 7,
        "headers": {
            "Authorization": "k3y",
            "X-Plain": "1",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
    }
    made.get("/thing")
    assert session.sent[1]["data"] is None
    assert "Content-Type" not in session.sent[1]["headers"]


def test_what_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="^bytes cannot be sent$"):
        client(ScriptedSession(Reply())).post("/x", {"a": b"s3cret"})
    with pytest.raises(UsageError):
        ApiClient("http://api.example", ScriptedSession(Reply()))  # type: ignore[arg-type]


GIVE_UP = 4  # attempts
CASES: list[tuple[str, list[Reply | Exception], type[CollectionError] | None, list[float]]] = [
    ("once", [Reply()], None, []),
    ("one 502", [Reply(502), Reply()], None, [0.5]),
    ("503 with a time", [Reply(503, headers={"Retry-After": "3"}), Reply()], None, [0.5]),
    ("429 with a time", [Reply(429, headers={"Retry-After": "3"}), Reply()], None, [3.0]),
    ("429, junk", [Reply(429, headers={"Retry-After": "soon"}), Reply()], None, [0.5]),
    ("429, negative", [Reply(429, headers={"Retry-After": "-9"}), Reply()], None, [0.5]),
    ("429, in the past", [Reply(429, headers={"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}), Reply()], None, [0.0]),
    ("429, a date", [Reply(429, headers={"Retry-After": "Sun, 22 Nov 2026 10:00:09 GMT"}), Reply()], None, [9.0]),
    ("429, too long", [Reply(429, headers={"Retry-After": "21"})], RateLimited, []),
    ("429, 10^9", [Reply(429, headers={"Retry-After": "1000000000"})], RateLimited, []),
    ("429, always", [Reply(429)], RateLimited, [0.5, 1.0, 2.0]),
    ("504, always", [Reply(504)], TransportError, [0.5, 1.0, 2.0]),
    ("connection broken", [OutcomeUnknown("broke"), Reply()], None, [0.5]),
    ("not reached", [NotSent("no"), NotSent("no"), Reply()], None, [0.5, 1.0]),
    ("not reached, always", [NotSent("no")], NotSent, [0.5, 1.0, 2.0]),
    ("500", [Reply(500)], ProtocolError, []),
    ("404", [Reply(404)], ProviderError, []),
    ("401", [Reply(401)], AuthError, []),
    ("not JSON", [Reply(content=b"<html>")], ProtocolError, []),
    ("redirect", [ProtocolError("redirects")], ProtocolError, []),
]


@pytest.mark.parametrize(("script", "error", "sleeps"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_get_is_tried_again(
    script: list[Reply | Exception], error: type[CollectionError] | None, sleeps: list[float]
) -> None:
    session, clock = ScriptedSession(*script), FakeClock()
    if error is None:
        assert client(session, clock).get("/x") == {}
    else:
        with pytest.raises(error):
            client(session, clock).get("/x")
    assert clock.sleeps == sleeps
    assert len(session.sent) == len(sleeps) + 1


@pytest.mark.parametrize(
    "script", [case[1] for case in CASES if case[0] not in ("once",)], ids=[case[0] for case in CASES[1:]]
)
def test_post_is_sent_once(script: list[Reply | Exception]) -> None:
    session, clock = ScriptedSession(*script), FakeClock()
    with pytest.raises(CollectionError):
        client(session, clock).post("/x", {})
    assert len(session.sent) == 1
    assert clock.sleeps == []


def test_get_keeps_the_deadline() -> None:
    session, clock = ScriptedSession(Reply(429, headers={"Retry-After": "8"})), FakeClock()
    with pytest.raises(RateLimited):
        client(session, clock, timeout=20).get("/x")
    assert clock.sleeps == [8.0, 8.0]
    assert [sent["timeout"] for sent in session.sent] == [20, 12, 4]


@pytest.mark.parametrize(
    ("header", "retry_at", "hint"),
    [
        ("90", "2026-11-22T10:01:30Z", "Run again after 2026-11-22T10:01:30Z."),
        ("1000000000", "2027-11-23T10:00:00Z", "Run again after 2027-11-23T10:00:00Z."),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "2027-11-23T10:00:00Z", "Run again after 2027-11-23T10:00:00Z."),
        ("junk", None, "Run again later."),
    ],
)
def test_rate_limited(header: str, retry_at: str | None, hint: str) -> None:
    with pytest.raises(RateLimited) as limited:
        client(ScriptedSession(Reply(429, b'{"errors": "slow down"}', {"Retry-After": header}))).post("/x", {})
    assert limited.value.payload()["retry_at"] == retry_at
    assert limited.value.sentence() == f"https://api.example limits the rate of requests: slow down. {hint}"


def test_secrets_are_not_in_what_the_session_says() -> None:
    session = ScriptedSession(ProtocolError("redirects", detail="https://k3y.evil.example"))
    with pytest.raises(ProtocolError) as error:
        client(session, headers={"Authorization": Secret("Bearer k3y")}).post("/x", {})
    assert error.value.detail == "https://<secret>.evil.example"
