# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs, retries, strict JSON, and what an answer says about its failure: tables for pure functions."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._http import explain, retry, strict_json, urls
from ansible_collections.certfleet.reseller.plugins.module_utils._http.client import scrub
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import NOW

# --- URLs -------------------------------------------------------------------------------------------------------------

USABLE = [
    "https://sws.sslpki.com",
    "https://sws.sslpki.com/",
    "HTTPS://SWS.SSLPKI.COM/acme",
    "https://sws.sslpki.com:8443/base/path",
    "https://10.1.2.3/x",
    "https://[2001:db8::1]:8443/x",
    "https://bücher.example/x",
    "https://xn--bcher-kva.example/x",
    "https://host/path?query=1",
    "https://host/path@with-at",
    "http://127.0.0.1:8080/x",
    "http://127.1.2.3/x",
    "http://[::1]:8080/x",
    "http://localhost:8080/x",
    "HTTP://LOCALHOST/x",
]
REFUSED = [
    "http://sws.sslpki.com",
    "HTTP://sws.sslpki.com",
    "hTtP://sws.sslpki.com",
    "http:/\\sws.sslpki.com",
    "http:\\\\sws.sslpki.com",
    "https:/\\sws.sslpki.com",
    "https://good.example\\@evil.example",
    "https://user@host/x",
    "https://user:pass@host/x",
    "https://@host/x",
    "https://:@host/x",
    "http://user:pass@127.0.0.1/x",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "http://evil.example#localhost",
    "http://evil.example/127.0.0.1",
    "http://0.0.0.0/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://127.1/",
    "http://10.0.0.1/",
    "http://169.254.169.254/",
    "http://[fe80::1]/",
    "http://[::]/",
    "http://１２７.0.0.1/",
    "https://host:99999/",
    "https://host:-1/",
    "https://host:port/",
    "https://[::1/",
    "https://[bad]/",
    "https://",
    "https:///path",
    "https:host",
    "https:/host/path",
    "//host/path",
    "host/path",
    "",
    " https://host",
    "https://host ",
    "https://ho st/",
    "https://host/a b",
    "https://host/\r\nX: y",
    "https://host/\x00",
    "https://host\t/",
    "https://host/\u2028",
    "ftp://host/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "unix:///var/run/x",
    "https+http://host/",
]


@pytest.mark.parametrize("url", USABLE)
def test_usable_url(url: str) -> None:
    assert urls.check_url(url) == url


@pytest.mark.parametrize("url", REFUSED)
def test_refused_url(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        urls.check_url(url, "api_url")
    assert refused.value.message.startswith("api_url ")
    assert refused.value.hint
    assert "\n" not in refused.value.sentence()


@pytest.mark.parametrize(
    "url",
    ["https://u:hunter2@host/", "https://u:hunter2@host:99999/", "https://u:hunter2@ho st/", "http://u:hunter2@host/"],
)
def test_a_password_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        urls.check_url(url)
    assert "hunter2" not in refused.value.sentence()


def test_origin() -> None:
    assert urls.origin("https://user:pass@host:8443/path?key=1#x") == "https://host:8443"
    assert urls.origin("HTTPS://Host/") == "https://Host"


@given(st.text(max_size=60) | st.text("htps:/\\@[]?#.:1 \t%", max_size=30).map("http".__add__))
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    try:
        urls.check_url(text)
    except UsageError:
        return
    assert text.lower().startswith(("https://", "http://127.", "http://localhost", "http://[::"))


# --- retries ----------------------------------------------------------------------------------------------------------

DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("5", 5),
        (" 7 ", 7),
        ("007", 7),
        ("1000000000", 10**9),
        ("9999999999", 10**9),
        ("9" * 5_000, 10**9),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("٣", None),
        ("²", None),
        ("", None),
        ("soon", None),
        ("5 seconds", None),
        (DATE, 90),
        (DATE.replace("GMT", "+0000"), 90),
        (DATE.replace("GMT", "-0000"), 90),
        (DATE.replace(" GMT", ""), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("Sun, 31 Feb 2027 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2027 00:00:00 +9999", None),
        ("2026-11-22T10:01:30Z", None),
        ("\r\nX: y", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry.retry_after(header, NOW) == seconds


def test_retry_after_far_away() -> None:
    found = retry.retry_after("Fri, 31 Dec 9999 23:59:59 GMT", NOW)
    assert found is not None
    assert found > 10**9


@given(
    st.text(max_size=50) | st.from_regex(r"\w{3}, \d{1,4} \w{3} \d{1,30} \d\d:\d\d:\d\d [+-]?\w{1,6}", fullmatch=True)
)
def test_any_header_is_read_or_ignored(text: str) -> None:
    found = retry.retry_after(text, NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("attempt", "asked", "left", "wait"),
    [
        (1, None, 30, 0.5),
        (2, None, 30, 1.0),
        (3, None, 30, 2.0),
        (4, None, 30, None),
        (1, 5, 30, 5),
        (1, 0, 30, 0),
        (1, 20, 30, 20),
        (1, 20.1, 30, None),  # longer than we wait
        (1, 5, 4, None),  # longer than is left
        (1, None, 0.4, None),
        (1, 10**9, 10**10, None),
        (4, 0, 30, None),
    ],
)
def test_wait(attempt: int, asked: float | None, left: float, wait: float | None) -> None:
    assert retry.wait_before(attempt, asked, left) == wait


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "ä😀\u0000\u2028", [], {}, {"a": [1, {"b": None}]}, 10**99, [[]] * 9]
)
def test_json(value: Any) -> None:
    assert strict_json.parse(json.dumps(value).encode()) == value
    assert strict_json.parse(json.dumps(value, ensure_ascii=False).encode()) == value


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": .5}', "not JSON"),
        (b'{"a": +5}', "not JSON"),
        (b'"\n"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff\xfe{\0}\0", "not UTF-8"),
        (b'"\xe4"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\ud800"', "half a surrogate pair"),
        (b'{"\\udc00": 1}', "half a surrogate pair"),
        (b'"\\udc00\\ud800"', "half a surrogate pair"),
        (b'{"a": 1, "a": 1}', "duplicate member names"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate member names"),
        (b'[{"b": {"a": 1, "a": 1}}]', "duplicate member names"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"1" * 101, "a number is too long"),
        (b"-" + b"1" * 5_000, "a number is too long"),
        (nested(34), "nested too deeply"),
        (nested(990), "nested too deeply"),
        (nested(100_000), "nested too deeply"),
        (b'{"a":' * 34 + b"1" + b"}" * 34, "nested too deeply"),
    ],
)
def test_json_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        strict_json.parse(body)


def test_json_depth() -> None:
    assert strict_json.parse(nested(32))
    assert strict_json.parse(b'"\\ud83d\\ude00"') == "😀"


@given(st.binary(max_size=80) | st.text('{}[]":,0123456789.eE+-truefalsn\\ud8', max_size=60).map(str.encode))
def test_json_never_breaks(body: bytes) -> None:
    try:
        value = strict_json.parse(body)
    except ValueError:
        return
    assert json.loads(body) == value


# --- what an answer says about its failure ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (None, None, None),
        ([], None, None),
        ("error", None, None),
        ({}, None, None),
        ({"errors": {}}, None, None),
        ({"errors": {"base": ["No such account."]}}, "errors", "base: No such account."),
        ({"errors": ["a", "b"]}, "errors", "a; b"),
        ({"errors": {"a": [1, None], "b": {"c": True}}}, "errors", "a: 1; None; b: c: True"),
        ({"error": "access_denied", "error_description": "Unauthorized"}, "access_denied", "Unauthorized"),
        ({"error": "access_denied"}, "access_denied", "access_denied"),
        ({"error": {"code": 5}}, "error", "code: 5"),
        ({"message": "no", "code": "E17"}, "E17", "no"),
        ({"title": "Conflict", "detail": "exists", "status": 409}, "detail", "exists"),
        ({"code": "E17"}, None, None),
    ],
)
def test_explain(body: Any, code: str | None, detail: str | None) -> None:
    assert explain.explain(body) == (code, detail)


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (None, None, None),
        ("error", None, None),
        (5, None, None),
        ([], None, None),
        ({}, None, None),
        (["bad", "years is odd"], None, "bad; years is odd"),
        ([{"a": 1}, None, [1]], None, None),
        (["x"] * 99, None, "; ".join(["x"] * 10)),
        ({"a": "Bad", "b": "years is odd"}, None, "a: Bad; b: years is odd"),
        ({"type": "Bad", "description": "years is odd"}, "Bad", "type: Bad; description: years is odd"),
        ({"code": 17, "description": "years is odd"}, None, "description: years is odd"),
        ({"code": "E17"}, "E17", "E17"),
        ({"error": "Bad", "description": "years is odd"}, "Bad", "Bad; description: years is odd"),
        ({"error": "Bad", "message": "years is odd"}, "Bad", "Bad; message: years is odd"),
        ({"error": {"type": "Bad", "text": "odd"}}, "error", "type: Bad; text: odd"),
        ({"ack": "Error", "errors": ["a", "b"]}, "errors", "a; b"),
        ({"message": "no", "code": "E17"}, "E17", "no"),
        ({"a": "", "b": None, "c": {"d": 1}, "e": [], "f": "x" * 301}, None, None),
        ({"a": True, "b": 1.5, "c": 0}, None, "a: True; b: 1.5; c: 0"),
        ({str(number): number for number in range(99)}, None, "; ".join(f"{n}: {n}" for n in range(10))),
    ],
)
def test_explain_any(body: Any, code: str | None, detail: str | None) -> None:
    assert explain.explain_any(body) == (code, detail)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "code", "type", "message"]) | st.text(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=9,
)


@given(JSON_VALUES)
def test_any_value_is_explained(value: Any) -> None:
    for told in (*explain.explain(value), *explain.explain_any(value)):
        assert told is None or isinstance(told, str)


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("s3cret", "no s3cret here, s3cret", "no <secret> here, <secret>"),
        ("Bearer t0ken", "token t0ken, header Bearer t0ken", "token <secret>, header <secret>"),
        ("ends with a blank ", "all well", "all well"),
        ("has a", "a has a b", "a <secret> b"),
        ("x" * 400, "y" * 100 + "x" * 400, "y" * 100 + "<secret>"),
        ("s3cret", None, None),
        ("s3cret", "\x1b[31ms3cret\r\n", "[31m<secret>"),
    ],
)
def test_scrub(secret: str, text: str | None, shown: str | None) -> None:
    assert scrub(text, [Secret(secret)]) == shown


def test_a_date_without_a_zone_is_utc() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    assert retry.retry_after("Thu, 01 Jan 2026 00:00:00", now) == 5 * 3600
