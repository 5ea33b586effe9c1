# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's API: each documented request as it is sent, each answer as it is read, and what every other answer means."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    InvalidData,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
    TransportError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.api import Api
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import facts, load

from tests.support import hostile
from tests.support.hostile import Hostile
from tests.support.scripted import FakeClock, Reply, ScriptedSession

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
URL = "https://www.sslmarket.co.uk/api"
TOKEN = "canaryToken4711"
TEXT = {"Content-Type": "text/plain"}


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


def content(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def answer(status: int, value: Any = None, **headers: str) -> Reply:
    return Reply(status, value if isinstance(value, bytes) else json.dumps(value).encode(), headers)


def api(session: ScriptedSession, clock: FakeClock | None = None, **more: Any) -> Api:
    return Api(URL + "/", Secret(TOKEN), clock=clock or FakeClock(), session=session, **more)  # type: ignore[arg-type]


def check(
    call: Callable[[Api], Any], reply: Reply, method: str, path: str, body: Any = None, accept: str = "application/json"
) -> Any:
    """Makes the call, and compares all that was sent for it; its result."""
    session = ScriptedSession(reply)
    result = call(api(session))
    (sent,) = session.sent
    data = sent.pop("data")
    assert (None if data is None else json.loads(data)) == body
    headers = {"X-Auth-Token": TOKEN, "Accept": accept}
    if body is not None:
        headers["Content-Type"] = "application/json"
    assert sent == {"method": method, "url": URL + path, "headers": headers, "timeout": 30.0}
    return result


# --- the thirteen calls -----------------------------------------------------------------------------------------------


def test_products() -> None:
    got = check(lambda made: made.products(), answer(200, fixture("product_list")), "GET", "/product/list")
    assert [product.code for product in got] == [
        "THAWTE_SSL_123",
        "RAPIDSSL_RAPIDSSL_WILDCARD",
        "DIGICERT_CLIENT_PREMIUM_CLASS_1",
    ]
    first, _second, last = got
    assert (first.title, first.product_type, first.kind, first.validate_type) == (
        "Thawte SSL 123",
        "ssl_certificate",
        "san",
        "dv",
    )
    assert (first.csr_required, first.max_years, first.min_san, first.max_san) == (True, 6, 0, 249)
    assert (last.csr_required, last.validate_type) == (False, "qv")
    assert first.raw == fixture("product_list")["products"][0]


def test_place() -> None:
    body = fixture("order-request")
    assert (
        check(
            lambda made: made.place("THAWTE_SSL_123", body),
            answer(201, fixture("order")),
            "POST",
            "/order/certificate/THAWTE_SSL_123",
            body,
        )
        == 123456
    )


def test_orders() -> None:
    first, second = check(lambda made: made.orders(), answer(200, fixture("order_list")), "GET", "/order/list")
    assert (first.order_id, first.product_type, first.product_code) == (123456, "ssl_certificate", "THAWTE_SSL_123")
    assert (first.domain, first.names, first.years) == ("www.alpha.example", ("www.alpha.example", "alpha.example"), 1)
    assert (first.inserted, first.published, first.expired) == (
        "2026-11-22 10:00:00",
        "2026-11-22 10:20:00",
        "2027-11-22",
    )
    assert (first.state, first.issued) == ("published", True)
    assert (second.names, second.published, second.issued) == (("beta.example",), None, False)


def test_order() -> None:
    got = check(lambda made: made.order(123456), answer(200, fixture("order_detail")), "GET", "/order/order_id/123456")
    certificate, chain = load.certificates(content("pem_intermediate.txt"), "sample")
    assert chain
    assert got.order_id == 123456
    assert got.serial == facts.facts(certificate).serial == "a5f3c9d1e7b42886f10c4d2b39e5a71"
    assert got.public_key == facts.facts(certificate).public_key
    assert got.csr == fixture("order_detail")["csr"]
    assert (got.dv_auth_method, got.dv_auth_content) == ("DNS", "20261122100000xw7c0g4r1n8k5t2y")
    assert (got.days_remaining, got.auto_reissue, got.issued) == (198, False, True)
    assert got.contacts["owner"] == {
        "name": "Alpha Ltd",
        "street": "1 Example Street",
        "city": "London",
        "zip": "EC1A 1BB",
        "country": "GB",
        "tel": "+44.2079460000",
    }
    assert set(got.contacts) == {"owner", "auth", "tech"}
    assert got.contacts["tech"]["firstname"] == "Jane"


def test_an_order_that_waits() -> None:
    got = api(ScriptedSession(answer(200, fixture("order_detail-waiting")))).order(7)
    assert (got.state, got.issued, got.serial, got.published, got.dv_auth_content) == (
        "waiting",
        False,
        None,
        None,
        None,
    )
    assert (got.days_remaining, got.auto_reissue, got.dv_auth_method) == (None, None, "Email")


@pytest.mark.parametrize(("status", "body"), [(200, b""), (200, b"{}"), (202, b""), (204, b""), (202, b'{"a": 1}')])
@pytest.mark.parametrize(
    ("call", "method", "path", "sent"),
    [
        (lambda made: made.edit(123456, fixture("edit-request")), "PUT", "/order/order_id/123456", "edit-request"),
        (lambda made: made.resend(123456), "PUT", "/certificate/order_id/123456/resend", None),
        (
            lambda made: made.reissue(123456, fixture("reissue-request")["csr"]),
            "POST",
            "/certificate/order_id/123456/reissue",
            "reissue-request",
        ),
        (lambda made: made.cancel_reissue(123456), "PUT", "/certificate/order_id/123456/cancel-reissue", None),
        (lambda made: made.revoke(123456), "PUT", "/certificate/order_id/123456/revoke", None),
    ],
)
def test_writes(call: Callable[[Api], Any], method: str, path: str, sent: str | None, status: int, body: bytes) -> None:
    assert check(call, answer(status, body), method, path, fixture(sent) if sent else None) is None


@pytest.mark.parametrize("form", ["pem_server", "pem_intermediate", "p7b"])
def test_download(form: str) -> None:
    sample = content(f"{form}.txt")
    got = check(
        lambda made: made.download(123456, form),
        Reply(200, sample, TEXT),
        "GET",
        f"/certificate/order_id/123456/format/{form}",
        accept="text/plain, */*;q=0.5",
    )
    assert got == sample


@pytest.mark.parametrize(
    ("call", "name", "path", "member"),
    [
        (lambda made: made.decode_csr(fixture("decoder_csr-request")["csr"]), "decoder_csr", "decoder/csr", "csr"),
        (
            lambda made: made.decode_certificate(fixture("decoder_certificate-request")["certificate"]),
            "decoder_certificate",
            "decoder/certificate",
            "certificate",
        ),
        (lambda made: made.ocsp(fixture("ocsp-request")["certificate"]), "ocsp", "ocsp", None),
    ],
)
def test_tools(call: Callable[[Api], Any], name: str, path: str, member: str | None) -> None:
    sample = fixture(name)
    got = check(call, answer(200, sample), "POST", f"/tool/{path}", fixture(f"{name}-request"))
    assert got == (sample[member] if member else sample)


def test_the_documented_spelling_is_kept() -> None:
    assert "alghoritm" in fixture("decoder_csr")["csr"]["pkey"]
    assert isinstance(fixture("decoder_certificate")["certificate"]["alghoritm"], int)


# --- answers that are no answers --------------------------------------------------------------------------------------

READS: list[Callable[[Api], Any]] = [
    lambda made: made.products(),
    lambda made: made.orders(),
    lambda made: made.order(1),
    lambda made: made.decode_csr("x"),
    lambda made: made.decode_certificate("x"),
    lambda made: made.ocsp("x"),
    lambda made: made.download(1, "pem_server"),
]
GARBAGE = [
    b"",
    b"<html>",
    b"{",
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"\xff",
    b'{"orders": 1, "orders": 2}',
    b'{"error": "no"}',
]


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage(call: Callable[[Api], Any], body: bytes) -> None:
    if body == b'{"error": "no"}' and call is READS[5]:
        return  # ocsp has no member that must be there
    with pytest.raises(ProtocolError):
        call(api(ScriptedSession(answer(200, body))))


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(400, fixture("error")), ProviderError),
        (answer(401, fixture("error")), AuthError),
        (answer(403, b"<html>"), AuthError),
        (answer(404, b""), ProviderError),
        (answer(409, ["A", "b"]), ProviderError),
        (answer(429, b""), RateLimited),
        (answer(500, b"<html>"), ProtocolError),
        (answer(502, b"<html>"), TransportError),
        (answer(302, b""), ProtocolError),
        (ProtocolError("redirects"), ProtocolError),
        (NotSent("no"), NotSent),
        (OutcomeUnknown("broke"), OutcomeUnknown),
    ],
)
def test_reads_fail(call: Callable[[Api], Any], reply: Any, kind: type[CollectionError]) -> None:
    session = ScriptedSession(reply)
    with pytest.raises(CollectionError) as error:
        call(api(session))
    assert error.type is kind
    retried = kind in (NotSent, OutcomeUnknown, TransportError, RateLimited)
    assert len(session.sent) == (4 if retried else 1)


def test_what_an_error_says() -> None:
    with pytest.raises(ProviderError) as refused:
        api(ScriptedSession(answer(422, fixture("error")))).orders()
    assert refused.value.code == "InvalidParameter"
    assert refused.value.detail == (
        "type: InvalidParameter; description: years: the value is not allowed for this product"
    )


def test_the_token_is_not_repeated() -> None:
    with pytest.raises(ProviderError) as refused:
        api(ScriptedSession(answer(400, {"a": f"bad {TOKEN}"}))).orders()
    assert TOKEN not in refused.value.sentence()


@pytest.mark.parametrize("call", READS[:6])
def test_a_refusal_with_status_200(call: Callable[[Api], Any]) -> None:
    with pytest.raises(ProviderError) as refused:
        call(api(ScriptedSession(answer(200, fixture("refused")))))
    assert refused.value.kind == "provider"
    assert refused.value.detail == "years: the value is not allowed for this product"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b"no certificate here",
        b'{"error": "not issued"}',
        b"-----BEGIN PKCS7-----",
    ],
)
def test_no_certificate(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        api(ScriptedSession(Reply(200, body, TEXT))).download(1, "pem_intermediate")


def test_another_order() -> None:
    with pytest.raises(ProtocolError, match="answered with another order than 7"):
        api(ScriptedSession(answer(200, {**fixture("order_detail"), "order_id": "8"}))).order(7)


WRITES: list[Callable[[Api], Any]] = [
    lambda made: made.edit(1, {}),
    lambda made: made.resend(1),
    lambda made: made.reissue(1, "x"),
    lambda made: made.cancel_reissue(1),
    lambda made: made.revoke(1),
]


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(400, fixture("error")), ProviderError),
        (answer(401, b""), AuthError),
        (answer(404, b"<html>"), ProviderError),
        (answer(409, fixture("error")), ProviderError),
        (answer(200, fixture("refused")), ProviderError),
        (answer(429, b""), RateLimited),
        (answer(408, b""), OutcomeUnknown),
        (answer(500, b""), OutcomeUnknown),
        (answer(503, b""), OutcomeUnknown),
        (answer(302, b""), OutcomeUnknown),
        (answer(200, b"<html>"), OutcomeUnknown),
        (ProtocolError("redirects"), OutcomeUnknown),
        (OutcomeUnknown("broke"), OutcomeUnknown),
        (NotSent("no"), NotSent),
    ],
)
def test_writes_fail(call: Callable[[Api], Any], reply: Any, kind: type[CollectionError]) -> None:
    session = ScriptedSession(reply)
    with pytest.raises(CollectionError) as error:
        call(api(session))
    assert error.type is kind
    assert len(session.sent) == 1


# --- buying -----------------------------------------------------------------------------------------------------------

DEFINITE = (400, 401, 403, 404, 413, 415, 422)
ERRORS = [fixture("error"), fixture("refused"), {}, [], ["Bad", "years is odd"], {"error": {"a": 1}}]
NO: list[tuple[str, Any]] = [
    *((f"{status}, {error}", answer(status, error)) for status in DEFINITE for error in ERRORS),
    ("429", answer(429, b"")),
    ("429 with a time", answer(429, b"<html>", **{"Retry-After": "9"})),
    ("not reached", NotSent("no")),
    ("a header that cannot be sent", InvalidData("the request cannot be built")),
]
UNREADABLE = [b"", b"<html>no</html>", b"null", b'"no"', b"5", b"{", b'{"a": 1, "a": 2}', b"NaN", b"\xff", b"[" * 99999]
IDS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.0,
    1.5,
    10**18,
    10**90,
    "",
    "0",
    "-1",
    "1.0",
    "1e3",
    "0x10",
    " 5",
    "5\n",
    "٣",
    "9" * 19,
    "9" * 5_000,
    "abc",
    [],
    [5],
    {},
    {"order_id": 5},
]
UNKNOWN: list[tuple[str, Any]] = [
    *((f"{status}, {body[:20]!r}", answer(status, body)) for status in DEFINITE for body in UNREADABLE),
    *(
        (f"{status}", answer(status, fixture("error")))
        for status in (402, 405, 406, 407, 408, 409, 410, 418, 423, 425, 451)
    ),
    *((f"{status}", answer(status, fixture("error"))) for status in (500, 501, 502, 503, 504, 507, 599)),
    *((f"{status}", answer(status, fixture("order"))) for status in (301, 302, 303, 304, 307, 308)),
    *((f"{status}", answer(status, fixture("order"))) for status in (100, 199, 600, 999)),
    *((f"{status} with an id", answer(status, fixture("order"))) for status in (200, 202, 204, 206, 299)),
    *(
        (f"201, {body[:20]!r}", answer(201, body))
        for body in [*UNREADABLE, b'{"order_id":', b'{"order_id": 1', b"[1]", b"{}"]
    ),
    *((f"201, order_id {str(value)[:20]!r}", answer(201, {"order_id": value})) for value in IDS),
    ("201, 5,000 digits", answer(201, b'{"order_id": ' + b"9" * 5_000 + b"}")),
    ("201, order_id twice", answer(201, b'{"order_id": 1, "order_id": 1}')),
    ("201, order_id not a number", answer(201, b'{"order_id": NaN}')),
    ("201, wrapped", answer(201, {"order": {"order_id": 5}})),
    ("201, with errors", answer(201, {"order_id": 5, "errors": ["no"]})),
    ("201, refused", answer(201, fixture("refused"))),
    ("200, refused", answer(200, fixture("refused"))),
    ("redirect", ProtocolError("redirects", status=302)),
    ("too large", ProtocolError("sent more than 1048576 bytes", status=201)),
    ("broken", OutcomeUnknown("broke")),
    ("transport", TransportError("odd")),
    ("a defect below us", RuntimeError("k3y")),
    ("a socket error", OSError("odd")),
]


@pytest.mark.parametrize("reply", [reply for _name, reply in NO], ids=[name for name, _reply in NO])
def test_a_definite_no(reply: Any) -> None:
    session = ScriptedSession(reply)
    with pytest.raises((ProviderError, NotSent, InvalidData)) as refused:
        api(session).place("CODE", {"domain": "x"})
    assert not isinstance(refused.value, ProtocolError)
    assert len(session.sent) == 1


@pytest.mark.parametrize("reply", [reply for _name, reply in UNKNOWN], ids=[name for name, _reply in UNKNOWN])
def test_unknown(reply: Any) -> None:
    session = ScriptedSession(reply)
    with pytest.raises(OutcomeUnknown) as unknown:
        api(session).place("CODE", {"domain": "x"})
    assert len(session.sent) == 1
    told = unknown.value.sentence()
    assert "\n" not in told
    assert "k3y" not in told
    assert len(told) < 700


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1), (10**18 - 1, 10**18 - 1), ("42", 42), ("007", 7), ("9" * 18, int("9" * 18))]
)
def test_placed(value: Any, number: int) -> None:
    assert api(ScriptedSession(answer(201, {"order_id": value, "more": None}))).place("CODE", {}) == number


BEFORE: list[tuple[str, Any, Any]] = [
    *(
        (f"product {code!r}", code, {})
        for code in (
            "",
            ".",
            "..",
            "a/b",
            "../x",
            "a b",
            "a?b",
            "a#b",
            "a%2fb",
            "ä",
            "a\n",
            "a" * 65,
            None,
            5,
            "a\x00b",
        )
    ),
    ("bytes", "CODE", {"csr": b"x"}),
    ("an object", "CODE", {"csr": object()}),
    ("not a number", "CODE", {"years": float("nan")}),
    ("a set", "CODE", {"dns_names": {"a"}}),
]


@pytest.mark.parametrize(("code", "body"), [row[1:] for row in BEFORE], ids=[row[0] for row in BEFORE])
def test_nothing_is_sent(code: Any, body: Any) -> None:
    session = ScriptedSession(answer(201, fixture("order")))
    with pytest.raises((UsageError, InvalidData)):
        api(session).place(code, body)
    assert session.sent == []


def test_secrets_in_an_order() -> None:
    session = ScriptedSession(answer(400, {"error": "the voucher v0ucher is used up"}))
    with pytest.raises(ProviderError) as refused:
        api(session).place("CODE", {"voucher": Secret("v0ucher")})
    assert json.loads(session.sent[0]["data"]) == {"voucher": "v0ucher"}
    assert refused.value.detail == "the voucher <secret> is used up"


PLAYS: list[tuple[str, Any, type[CollectionError]]] = [
    ("reset", hostile.reset, OutcomeUnknown),
    ("silence", hostile.silence, OutcomeUnknown),
    ("redirect", hostile.reply(302, b"", {"Location": "https://evil.example/"}), OutcomeUnknown),
    ("redirect to itself", hostile.reply(307, b"", {"Location": "/api"}), OutcomeUnknown),
    ("cut, with an honest length", hostile.raw(hostile.head(201) + b'{"order_id": 1234'), OutcomeUnknown),
    (
        "cut, with a lying length",
        hostile.raw(hostile.head(201, {"Content-Length": "99"}) + b'{"order_id": 1}'),
        OutcomeUnknown,
    ),
    ("2 MB", hostile.reply(201, b" " * 2_000_000), OutcomeUnknown),
    ("a gzip bomb", hostile.reply(201, hostile.bomb(99_000_000), {"Content-Encoding": "gzip"}), OutcomeUnknown),
    ("gzip, broken", hostile.reply(400, b"\x1f\x8b\x08junk", {"Content-Encoding": "gzip"}), OutcomeUnknown),
    ("502 of a proxy", hostile.reply(502, b"<html>", {"Content-Type": "text/html"}), OutcomeUnknown),
    ("403 of a proxy", hostile.reply(403, b"<html>", {"Content-Type": "text/html"}), OutcomeUnknown),
    ("403 of SSLmarket", hostile.reply(403, fixture("error")), AuthError),
    ("not HTTP", hostile.raw(b"SSH-2.0-OpenSSH_9.6\r\n"), OutcomeUnknown),
]


@pytest.mark.parametrize(("play", "kind"), [row[1:] for row in PLAYS], ids=[row[0] for row in PLAYS])
def test_over_sockets(play: Any, kind: type[CollectionError]) -> None:
    with Hostile(play) as server:
        with pytest.raises(CollectionError) as error:
            Api(server.url + "/api", Secret(TOKEN), timeout=0.5).place("CODE", fixture("order-request"))
        assert error.type is kind
        assert len(server.requests) == 1
    (received,) = server.requests
    assert (received.method, received.target) == ("POST", "/api/order/certificate/CODE")
    assert received.headers["x-auth-token"] == TOKEN
    assert json.loads(received.body) == fixture("order-request")
    assert TOKEN not in error.value.sentence()


def test_nobody_there() -> None:
    with Hostile() as server:
        url = server.url
    with pytest.raises(NotSent):
        Api(url, Secret(TOKEN), timeout=1).place("CODE", {})


def test_put_over_a_socket() -> None:
    with Hostile(hostile.reply(202, b"")) as server:
        Api(server.url, Secret(TOKEN), timeout=5).resend(5)
    (received,) = server.requests
    assert (received.method, received.target, received.body) == ("PUT", "/certificate/order_id/5/resend", b"")
    assert received.headers["content-length"] == "0"
    assert "content-type" not in received.headers


# --- what is checked before -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [*IDS, object(), float("inf"), 10**5_000], ids=range(len(IDS) + 3))
@pytest.mark.parametrize(
    "call",
    [
        lambda made, value: made.order(value),
        lambda made, value: made.edit(value, {}),
        lambda made, value: made.resend(value),
        lambda made, value: made.reissue(value, "x"),
        lambda made, value: made.cancel_reissue(value),
        lambda made, value: made.revoke(value),
        lambda made, value: made.download(value, "pem_server"),
    ],
)
def test_order_ids_in_paths(call: Callable[[Api, Any], Any], value: Any) -> None:
    session = ScriptedSession(answer(200, {}))
    with pytest.raises(InvalidData, match="is not the number of an order"):
        call(api(session), value)
    assert session.sent == []


@pytest.mark.parametrize("form", ["", "pem", "PEM_SERVER", "../x", "pem_server/..", None])
def test_formats(form: Any) -> None:
    session = ScriptedSession(answer(200, {}))
    with pytest.raises(UsageError, match="is none of pem_server, pem_intermediate, p7b"):
        api(session).download(1, form)
    assert session.sent == []


@pytest.mark.parametrize("url", ["http://www.sslmarket.co.uk/api", "www.sslmarket.co.uk", "https://u:p@host/", ""])
def test_api_url(url: str) -> None:
    with pytest.raises(UsageError, match="^api_url"):
        Api(url, Secret(TOKEN))


def test_no_token() -> None:
    with pytest.raises(UsageError) as error:
        Api(URL, None)
    assert "SSLMARKET_API_TOKEN" in error.value.sentence()


@pytest.mark.parametrize("token", ["cAnArY\n", "cAn ArY", "cAnArYé", "\x00cAnArY", "cAnArY\r\nX: y"])
def test_tokens_that_no_header_can_carry(token: str) -> None:
    with pytest.raises(UsageError, match="^api_token has characters") as error:
        Api(URL, Secret(token))
    assert "cAn" not in error.value.sentence()


def test_from_params() -> None:
    made = Api.from_params({"api_url": URL + "/", "api_token": TOKEN, "timeout": 5, "ca_path": None})
    assert made.api_url == URL
    assert made.server_time is None
    with pytest.raises(UsageError, match="api_token is missing"):
        Api.from_params({"api_url": URL, "api_token": "", "timeout": 5, "ca_path": None})


def test_server_time() -> None:
    """Of the last answer that had one."""
    dated = {"Date": "Sun, 22 Nov 2026 10:00:05 GMT"}
    made = api(
        ScriptedSession(
            answer(200, {"orders": []}, **dated),
            answer(200, {"orders": []}),
            answer(201, {"order_id": 5}, Date="Sun, 22 Nov 2026 10:00:07 GMT"),
        )
    )
    made.orders()
    assert made.server_time == datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
    made.orders()
    assert made.server_time == datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
    made.place("CODE", {})
    assert made.server_time == datetime(2026, 11, 22, 10, 0, 7, tzinfo=UTC)
