# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the API client asks again, and what it makes of answers: no sockets, no waiting."""

from __future__ import annotations

import json
from datetime import datetime
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
from ansible_collections.certfleet.reseller.plugins.module_utils._http import client as client_module
from ansible_collections.certfleet.reseller.plugins.module_utils._http.client import OPTIONAL, TEXT, ApiClient
from ansible_collections.certfleet.reseller.plugins.module_utils._http.explain import explain_any

from tests.support.scripted import NOW, FakeClock, Reply, ScriptedSession

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


# --- exchange: other methods, other bodies ----------------------------------------------------------------------------

HTML = {"Content-Type": "text/html; charset=utf-8"}


def test_put() -> None:
    session = ScriptedSession(Reply(202, b""), Reply(200, b'{"a": 1}'), Reply(502))
    made = client(session, headers={"X-Auth-Token": Secret("k3y")})
    assert made.put("/thing") is None
    assert made.put("/thing", {"b": 2}) == {"a": 1}
    with pytest.raises(OutcomeUnknown):
        made.put("/thing")
    assert [(sent["method"], sent["data"]) for sent in session.sent] == [
        ("PUT", None),
        ("PUT", b'{"b": 2}'),
        ("PUT", None),
    ]
    assert "Content-Type" not in session.sent[0]["headers"]
    assert session.sent[1]["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("Sun, 22 Nov 2026 11:00:00 +0100", NOW),
        ("Sun, 22 Nov 2026 10:00:00 GMT", NOW),
        ("soon", None),
        ("", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
    ],
)
def test_the_date_of_an_answer(header: str, date: datetime | None) -> None:
    assert client(ScriptedSession(Reply(201, b"[1]", {"Date": header}))).exchange(
        "POST", "/x", {}
    ) == client_module.Reply(201, [1], b"[1]", date)


def test_an_answer_without_a_date() -> None:
    assert client(ScriptedSession(Reply())).exchange("GET", "/x").date is None


@pytest.mark.parametrize(
    ("content", "value"), [(b"", None), (b" \r\n", None), (b"null", None), (b"{}", {}), (b'["a"]', ["a"])]
)
def test_a_body_may_be_missing(content: bytes, value: Any) -> None:
    assert client(ScriptedSession(Reply(202, content))).exchange("PUT", "/x", form=OPTIONAL).value == value


@pytest.mark.parametrize("content", [b"<html>", b"ok", b"{", b'{"a": 1, "a": 1}', b"\xff"])
def test_a_body_that_is_there_is_json(content: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="a body that is not JSON"):
        client(ScriptedSession(Reply(202, content))).exchange("PUT", "/x", form=OPTIONAL)


def test_a_missing_body_is_an_error_elsewhere() -> None:
    with pytest.raises(ProtocolError, match=r"not JSON \(empty\)"):
        client(ScriptedSession(Reply(200, b""))).exchange("GET", "/x")
    with pytest.raises(OutcomeUnknown, match=r"not JSON \(empty\)"):
        client(ScriptedSession(Reply(201, b""))).exchange("POST", "/x", {})


def test_text() -> None:
    session = ScriptedSession(Reply(200, b"-----BEGIN\xff", {"Content-Type": "text/plain"}))
    got = client(session).exchange("GET", "/x", form=TEXT)
    assert (got.value, got.content) == (None, b"-----BEGIN\xff")
    assert session.sent[0]["headers"]["Accept"] == "text/plain, */*;q=0.5"


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (Reply(200, b""), "an empty body"),
        (Reply(200, b" \n"), "an empty body"),
        (Reply(200, b"<!DOCTYPE html>"), "a web page"),
        (Reply(200, b"\n  <html>"), "a web page"),
        (Reply(200, b"Please log in", HTML), "a web page"),
        (Reply(200, b"", HTML), "a web page"),
    ],
)
def test_no_text(reply: Reply, what: str) -> None:
    with pytest.raises(ProtocolError, match=f"^https://api.example answered with {what} instead of text$"):
        client(ScriptedSession(reply)).exchange("GET", "/x", form=TEXT)


def test_text_is_refused_in_json() -> None:
    with pytest.raises(ProviderError) as refused:
        client(ScriptedSession(Reply(404, b'{"error": "no such order"}'))).exchange("GET", "/x", form=TEXT)
    assert refused.value.detail == "no such order"


def test_a_safe_post_is_tried_again() -> None:
    session, clock = ScriptedSession(Reply(502), OutcomeUnknown("broke"), Reply()), FakeClock()
    assert client(session, clock).exchange("POST", "/x", {"a": 1}, safe=True).value == {}
    assert [sent["data"] for sent in session.sent] == [b'{"a": 1}'] * 3
    with pytest.raises(ProtocolError):
        client(ScriptedSession(Reply(500))).exchange("POST", "/x", {}, safe=True)


def test_a_get_that_is_not_safe_is_sent_once() -> None:
    session = ScriptedSession(Reply(502))
    with pytest.raises(OutcomeUnknown):
        client(session).exchange("GET", "/x", safe=False)
    assert len(session.sent) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize(
    ("content", "readable"),
    [
        (b'{"error": "no"}', True),
        (b"[]", True),
        (b"{}", True),
        (b"", False),
        (b"<html>", False),
        (b'{"a": 1, "a": 1}', False),
        (b"null", False),
        (b'"no"', False),
        (b"5", False),
    ],
)
def test_who_refused(status: int, content: bytes, readable: bool) -> None:
    with pytest.raises(ProviderError) as refused:
        client(ScriptedSession(Reply(status, content))).post("/x", {})
    assert refused.value.readable is readable
    assert "readable" not in refused.value.payload()


def test_another_way_to_explain() -> None:
    answer = Reply(400, b'{"kind": "bad", "words": "k3y is bad"}')
    with pytest.raises(ProviderError) as refused:
        client(ScriptedSession(answer), headers={"X": Secret("k3y")}, explained=explain_any).post("/x", {})
    assert refused.value.detail == "kind: bad; words: <secret> is bad"
    with pytest.raises(ProviderError) as refused:
        client(ScriptedSession(answer)).post("/x", {})
    assert refused.value.detail is None
