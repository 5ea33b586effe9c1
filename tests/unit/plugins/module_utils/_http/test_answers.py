# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed and hostile answers, one row each, given to the real code of both providers over real sockets.

Whatever comes: a failure of the expected kind, no traceback, no secret in what the user sees, no record, in bounded time. And the
mark that a call of unknown outcome leaves for the next run is there exactly when the outcome is unknown.
"""

from __future__ import annotations

import gzip
import json
import os
import resource as limits
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.support import modules
from tests.support.hostile import Hostile, Play, bomb, chunked, head, packed, pieces, raw, reply, reset, silence
from tests.unit.plugins.module_utils._http.providers import GOOD, HMAC, SECRETS, create, params

TIMEOUT = 0.5
SLACK = 1.0  # seconds beyond the deadline
ECHO = "OUR-SECRETS"  # stands for them in the table

# kinds: what is said of sslcom, what of identrust. "unknown" is short for outcome_unknown.
Row = tuple[str, Any, str]
UNKNOWN, PROTOCOL, REFUSED = "outcome_unknown", "protocol", "provider"


def text(provider: str) -> bytes:
    return json.dumps(GOOD[provider]).encode()


def with_length(body: bytes, length: int) -> Play:
    return raw(head(200, {"Content-Type": "application/json", "Content-Length": str(length)}) + body)


def filled(value: Any, provider: str) -> bytes:
    """A body with our own secrets where the table has a mark: an answer that echoes them."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return body.replace(ECHO.encode(), " | ".join(SECRETS[provider]).encode())


def until_closed(body: bytes) -> Play:
    return raw(head(200, {"Content-Type": "application/json"}) + body)


# --- transport: what arrives is no HTTP, or not all of it -------------------------------------------------------------

TRANSPORT: list[Row] = [
    ("body cut in half, with an honest length", lambda p: until_closed(text(p)[:30]), UNKNOWN),
    ("body cut in half, with a lying length", lambda p: with_length(text(p)[:30], 500), UNKNOWN),
    ("complete object, with a lying length", lambda p: with_length(text(p), 500), UNKNOWN),
    ("length shorter than the body", lambda p: with_length(text(p), 20), UNKNOWN),
    ("length is a word", lambda p: raw(head(200, {"Content-Length": "many"}) + text(p)[:9]), UNKNOWN),
    ("length is negative", lambda p: raw(head(200, {"Content-Length": "-5"}) + text(p)[:9]), UNKNOWN),
    ("two lengths", lambda p: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}"), UNKNOWN),
    ("chunked, cut after a chunk", lambda p: raw(chunked(text(p), cut=True)), UNKNOWN),
    ("chunked, cut within a chunk", lambda p: raw(chunked(text(p))[:-40]), UNKNOWN),
    ("chunked, size is junk", lambda p: raw(head(200, {"Transfer-Encoding": "chunked"}) + b"zz\r\n{}\r\n0\r\n\r\n"), UNKNOWN),
    ("chunked, size is huge", lambda p: raw(head(200, {"Transfer-Encoding": "chunked"}) + b"f" * 40 + b"\r\n{}"), UNKNOWN),
    ("no answer, connection closed", lambda p: raw(b""), UNKNOWN),
    ("no answer, connection reset", lambda p: reset, UNKNOWN),
    ("no answer, connection left open", lambda p: silence, UNKNOWN),
    ("HTTP/0.9", lambda p: raw(text(p)), UNKNOWN),
    ("status line is junk", lambda p: raw(b"\x00\xff\xfe garbage \r\n\r\n" + text(p)), UNKNOWN),
    ("status line is an SSH banner", lambda p: raw(b"SSH-2.0-OpenSSH_9.6\r\n"), UNKNOWN),
    ("status is a word", lambda p: raw(b"HTTP/1.1 OK fine\r\n\r\n" + text(p)), UNKNOWN),
    ("status has four digits", lambda p: raw(b"HTTP/1.1 2000 OK\r\n\r\n" + text(p)), UNKNOWN),
    ("status is negative", lambda p: raw(b"HTTP/1.1 -200 OK\r\n\r\n" + text(p)), UNKNOWN),
    ("HTTP/3.7", lambda p: raw(b"HTTP/3.7 200 OK\r\n\r\n" + text(p)), UNKNOWN),
    ("a header line of 100 kB", lambda p: raw(head(200, {"X-Long": "x" * 100_000}) + text(p)), UNKNOWN),
    ("1,000 header lines", lambda p: raw(head(200, {f"X-{n}": "x" for n in range(1000)}) + text(p)), UNKNOWN),
    ("headers cut", lambda p: raw(b"HTTP/1.1 200 OK\r\nContent-Le"), UNKNOWN),
    ("500 interim answers, then none", lambda p: raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 500), UNKNOWN),
    ("interim answers without end", lambda p: pieces([b"HTTP/1.1 100 Continue\r\n\r\n" * 9], 0.001, endless=True), UNKNOWN),
    ("101 switching protocols", lambda p: raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), UNKNOWN),
    ("103 early hints as the answer", lambda p: raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"), UNKNOWN),
    ("headers, byte by byte", lambda p: pieces([b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"], 0.05, endless=True), UNKNOWN),
    ("body, byte by byte", lambda p: pieces([head(200, {"Content-Length": "9999"}), b" "], 0.05, endless=True), UNKNOWN),
    (
        "chunked without end, slow",
        lambda p: pieces([head(200, {"Transfer-Encoding": "chunked"}), b"1\r\n \r\n"], 0.05, endless=True),
        UNKNOWN,
    ),
    (
        "chunked without end, fast",
        lambda p: pieces([head(200, {"Transfer-Encoding": "chunked"}), b"8000\r\n" + b" " * 0x8000 + b"\r\n"], endless=True),
        PROTOCOL,
    ),
    ("10 MB of white space", lambda p: until_closed(b" " * 10_000_000), PROTOCOL),
    ("10 MB announced", lambda p: with_length(b" " * 2_000_000, 10_000_000), PROTOCOL),
]  # fmt: skip

# --- encodings --------------------------------------------------------------------------------------------------------


def encoded(encoding: str, body: bytes) -> Play:
    return reply(200, body, {"Content-Encoding": encoding})


ENCODING: list[Row] = [
    ("gzip bomb, 300 MB", lambda p: encoded("gzip", bomb(300_000_000)), PROTOCOL),
    ("gzip, broken", lambda p: encoded("gzip", b"\x1f\x8b\x08" + b"junk" * 9), PROTOCOL),
    ("gzip, checksum wrong", lambda p: encoded("gzip", packed(GOOD[p])[:-8] + b"\0" * 8), PROTOCOL),
    ("gzip, cut", lambda p: encoded("gzip", packed(GOOD[p])[:-20]), UNKNOWN),
    ("gzip, empty", lambda p: encoded("gzip", b""), UNKNOWN),
    ("gzip named, plain sent", lambda p: encoded("gzip", text(p)), PROTOCOL),
    ("gzip in gzip", lambda p: encoded("gzip", gzip.compress(packed(GOOD[p]))), UNKNOWN),
    ("gzip sent, not named", lambda p: reply(200, packed(GOOD[p])), UNKNOWN),
    ("br", lambda p: encoded("br", b"\x0b\x02\x80{}\x03"), PROTOCOL),
    ("zstd", lambda p: encoded("zstd", b"\x28\xb5\x2f\xfd\x20\x02\x11"), PROTOCOL),
    ("gzip, gzip", lambda p: encoded("gzip, gzip", gzip.compress(packed(GOOD[p]))), PROTOCOL),
    ("an encoding that is our secret", lambda p: encoded(SECRETS[p][0], text(p)), PROTOCOL),
    ("UTF-8 with a byte order mark", lambda p: reply(200, b"\xef\xbb\xbf" + text(p)), UNKNOWN),
    ("UTF-16", lambda p: reply(200, text(p).decode().encode("utf-16")), UNKNOWN),
    ("UTF-32, no mark", lambda p: reply(200, text(p).decode().encode("utf-32-be")), UNKNOWN),
    ("Latin-1", lambda p: reply(200, b'{"eab-kid": "K\xfcnde"}'), UNKNOWN),
    ("overlong UTF-8", lambda p: reply(200, text(p).replace(b"ok", b"\xc0\xaf").replace(b"RES", b"\xc0\xaf")), UNKNOWN),
    ("a zero byte at the end", lambda p: reply(200, text(p) + b"\0"), UNKNOWN),
]

# --- JSON -------------------------------------------------------------------------------------------------------------


def member(provider: str, text_of_value: bytes) -> bytes:
    """A good answer with one more member, as it is."""
    return text(provider)[:-1] + b', "more": ' + text_of_value + b"}"


JSON: list[Row] = [
    ("empty body", lambda p: reply(200, b""), UNKNOWN),
    ("white space", lambda p: reply(200, b" \n"), UNKNOWN),
    ("HTML", lambda p: reply(200, filled(b"<html>" + ECHO.encode(), p), {"Content-Type": "text/html"}), UNKNOWN),
    ("XML", lambda p: reply(200, b"<?xml version='1.0'?><a/>"), UNKNOWN),
    ("two objects", lambda p: reply(200, text(p) + text(p)), UNKNOWN),
    ("JSON with a prefix against script inclusion", lambda p: reply(200, b")]}',\n" + text(p)), UNKNOWN),
    ("single quotes", lambda p: reply(200, str(GOOD[p]).encode()), UNKNOWN),
    ("trailing comma", lambda p: reply(200, text(p)[:-1] + b",}"), UNKNOWN),
    ("comment", lambda p: reply(200, b"/* hello */" + text(p)), UNKNOWN),
    ("member twice", lambda p: reply(200, text(p)[:-1] + b"," + text(p)[1:]), UNKNOWN),
    ("member twice, deep", lambda p: reply(200, member(p, b'[{"a": 1, "a": 1}]')), UNKNOWN),
    ("NaN", lambda p: reply(200, member(p, b"NaN")), UNKNOWN),
    ("Infinity", lambda p: reply(200, member(p, b"Infinity")), UNKNOWN),
    ("-Infinity", lambda p: reply(200, member(p, b"-Infinity")), UNKNOWN),
    ("depth 33", lambda p: reply(200, member(p, b"[" * 33 + b"]" * 33)), UNKNOWN),
    ("depth 2,000", lambda p: reply(200, member(p, b"[" * 2_000 + b"]" * 2_000)), UNKNOWN),
    ("depth 100,000", lambda p: reply(200, b"[" * 100_000 + b"]" * 100_000), UNKNOWN),
    ("depth 100,000, objects", lambda p: reply(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000), UNKNOWN),
    ("depth 100,000, never closed", lambda p: reply(200, b"[" * 100_000), UNKNOWN),
    ("half a surrogate pair", lambda p: reply(200, member(p, b'"\\ud800"')), UNKNOWN),
    ("half a surrogate pair as a name", lambda p: reply(200, text(p)[:-1] + b', "\\udfff": 1}'), UNKNOWN),
    ("control character in a text", lambda p: reply(200, member(p, b'"\x01"')), UNKNOWN),
    ("number of 5,000 digits", lambda p: reply(200, member(p, b"9" * 5_000)), UNKNOWN),
    ("number with leading zeros", lambda p: reply(200, member(p, b"007")), UNKNOWN),
    ("number in hexadecimal", lambda p: reply(200, member(p, b"0x10")), UNKNOWN),
]  # fmt: skip

# --- what is said, in good JSON ---------------------------------------------------------------------------------------

WRONG_TYPES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "42": 42,
    "1.5": 1.5,
    "empty text": "",
    "empty list": [],
    "list": [HMAC],
    "empty object": {},
    "object": {"a": HMAC},
    "deep": [[[[{"a": [HMAC]}]]]],
}
SHAPES: list[Row] = [
    (f"the whole answer is {name}", lambda p, v=value: reply(200, json.dumps(v).encode()), "absent")
    for name, value in WRONG_TYPES.items()
]
NEEDED = {"sslcom": ("eab-kid", "eab-hmac"), "identrust": ("kid", "hmacKey")}


def changed(provider: str, part: int, value: Any) -> Play:
    return reply(200, {**GOOD[provider], NEEDED[provider][part]: value})


def without(provider: str, *parts: int) -> Play:
    gone = {NEEDED[provider][part] for part in parts}
    return reply(200, {name: value for name, value in GOOD[provider].items() if name not in gone})


def wrong_kind(value: Any) -> str:
    """SSL.com: nothing in the place of a value is a refusal."""
    return PROTOCOL if value else "absent"


MEMBERS: list[Row] = [
    (f"{what} is {name}", lambda p, n=part, v=value: changed(p, n, v), wrong_kind(value))
    for part, what in enumerate(("kid", "key"))
    for name, value in WRONG_TYPES.items()
]
MEMBERS += [
    ("no kid", lambda p: without(p, 0), "absent"),
    ("no key", lambda p: without(p, 1), "absent"),
    ("neither kid nor key", lambda p: without(p, 0, 1), "absent"),
]

KIDS = {
    "a command": "abc; touch /tmp/owned",
    "a command substitution": "$(id)",
    "backquotes": "`id`",
    "a pipe": "a|b",
    "a template": "{{ lookup('pipe', 'id') }}",
    "a line break": "abc\ndef",
    "a line break at its end": "abcdef\n",
    "a carriage return": "abc\rdef",
    "a zero byte": "abc\x00def",
    "a quote": 'abc"def',
    "10,000 characters": "k" * 10_000,
    "beyond ASCII": "käse",
    "digits beyond ASCII": "١٢٣",
    "a right-to-left mark": "abc\u202edef",
    "a space": "abc def",
    "a percent sign": "%s%n",
    "a backslash": "..\\..\\x",
}
HMACS = {
    "too short": "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7",
    "one character": "A",
    "a length that base64 does not have": HMAC + "AA",
    "mixed alphabets": "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwP+-_g",
    "too much padding": HMAC + "==",
    "padding in the middle": HMAC[:20] + "=" + HMAC[20:],
    "white space in the middle": HMAC[:20] + " " + HMAC[20:],
    "not base64": "!" * 43,
    "beyond ASCII": "é" * 43,
    "full-width letters": "Ａ" * 43,
    "a PEM block": "-----BEGIN KEY-----\nAAAA\n-----END KEY-----",
    "10,000 characters": "A" * 10_000,
}
VALUES: list[Row] = [
    *((f"kid has {name}", lambda p, v=kid: changed(p, 0, v), PROTOCOL) for name, kid in KIDS.items()),
    *((f"key has {name}", lambda p, v=key: changed(p, 1, v), PROTOCOL) for name, key in HMACS.items()),
]

# --- status -----------------------------------------------------------------------------------------------------------


def status(code: int, body: Any = None, **headers: str) -> Any:
    said = {"errors": {"base": [f"no: {ECHO}"]}} if body is None else body

    def play(provider: str) -> Play:
        return reply(
            code, filled(said, provider), {name: filled(v.encode(), provider).decode() for name, v in headers.items()}
        )

    return play


STATUS: list[Row] = [
    *((f"{code} with errors", status(code), REFUSED) for code in (400, 402, 404, 405, 409, 410, 413, 415, 418, 422, 451)),
    *((f"{code} with errors", status(code), "auth") for code in (401, 403)),
    *((f"{code} with errors", status(code), UNKNOWN) for code in (408, 500, 501, 502, 503, 504, 507, 599)),
    *((f"{code} without a body", status(code, b""), REFUSED) for code in (400, 404, 409)),
    *((f"{code} with HTML", status(code, b"<html>" + ECHO.encode()), UNKNOWN) for code in (500, 502, 503)),
    ("401 with HTML", status(401, b"<html>" + ECHO.encode()), "auth"),
    ("404 with HTML", status(404, b"<html>" + ECHO.encode()), REFUSED),
    ("429", status(429), "rate_limited"),
    *(
        (f"429, Retry-After {value[:30]}", status(429, **{"Retry-After": value}), "rate_limited")
        for value in ("5", "-5", "1000000000", "9" * 400, "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
    ),
    ("429, Retry-After is no year", status(429, **{"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}), "rate_limited"),
    ("200 with errors", status(200, {"errors": {"base": [ECHO]}}), "absent"),
    ("200 with errors as text", status(200, {"errors": ECHO}), "absent"),
    ("200 with errors as a list", status(200, {"errors": [ECHO, {"a": [ECHO]}]}), "absent"),
    ("200 with OAuth's error", status(200, {"error": "access_denied", "error_description": ECHO}), "absent"),
    ("202 without a body", status(202, b""), UNKNOWN),
    ("204", lambda p: raw(b"HTTP/1.1 204 No Content\r\n\r\n"), UNKNOWN),
    ("205", status(205, b""), UNKNOWN),
    ("206 with a part", lambda p: reply(206, text(p)[:30]), UNKNOWN),
    ("300", status(300), UNKNOWN),
    ("304", lambda p: raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), UNKNOWN),
    ("302 without a target", status(302), UNKNOWN),
    ("302 to a malformed address", status(302, Location="http://[bad/"), PROTOCOL),
    ("302 with a gzip bomb", lambda p: reply(302, bomb(300_000_000), {"Location": "/x", "Content-Encoding": "gzip"}), PROTOCOL),
    ("302 to our secret", status(302, Location=f"https://{ECHO}.evil.example/x"), PROTOCOL),
    ("error text of 900 kB", status(400, {"errors": {"base": ["x" * 900_000]}}), REFUSED),
    ("error text with terminal codes", status(400, {"errors": "\x1b[31mred\x07\r\n\u202e"}), REFUSED),
    ("error as a number", status(400, {"error": 42, "code": [1]}), REFUSED),
    ("error nested", status(400, {"errors": {"a": {"b": {"c": [ECHO]}}}}), REFUSED),
]  # fmt: skip

HEADERS: list[Row] = [
    ("header with a bare CR", lambda p: raw(b"HTTP/1.1 400 No\r\nX-A: b\rInjected: 1\r\n\r\n{}"), REFUSED),
    ("header folded over lines", lambda p: raw(b"HTTP/1.1 400 No\r\nX-A: b\r\n Injected: 1\r\n\r\n{}"), REFUSED),
    ("header without a colon", lambda p: raw(b"HTTP/1.1 400 No\r\nthis is no header\r\n\r\n{}"), REFUSED),
    ("header beyond ASCII", lambda p: raw(b"HTTP/1.1 400 No\r\nX-A: \xff\xfe\r\n\r\n{}"), REFUSED),
    ("phrase with terminal codes", lambda p: raw(b"HTTP/1.1 400 \x1b[31m\r\n\r\n{}"), REFUSED),
    ("cookies", lambda p: raw(b"HTTP/1.1 400 No\r\nSet-Cookie: a=b; Domain=.example\r\n\r\n{}"), REFUSED),
]

TABLE = [*TRANSPORT, *ENCODING, *JSON, *SHAPES, *MEMBERS, *VALUES, *STATUS, *HEADERS]
BOTH = [(provider, *row) for row in TABLE for provider in GOOD]

# SSL.com and one answer for all: it did not do it. IdenTrust: what came is no account.
ABSENT = {"sslcom": REFUSED, "identrust": PROTOCOL}
# these leave a mark for the next run of a provider whose calls cannot be repeated
LEAVES_MARK = (UNKNOWN, PROTOCOL)

ACCOUNTS: list[tuple[str, dict[str, Any], str]] = [
    ("revoked", {"revoked": True}, REFUSED),
    ("revoked, as text", {"revoked": "true"}, REFUSED),
    ("revoked, as another text", {"revoked": "TRUE"}, REFUSED),
    ("revoked, as a number", {"revoked": 1}, REFUSED),
    ("deleted", {"deleted": True}, REFUSED),
    ("deleted, as text", {"deleted": "True"}, REFUSED),
    ("both", {"revoked": True, "deleted": True}, REFUSED),
    ("revoked, no key", {"revoked": True, "hmacKey": None}, REFUSED),
    ("revoked perhaps", {"revoked": "perhaps"}, PROTOCOL),
    ("revoked is a list", {"revoked": []}, PROTOCOL),
    ("revoked is an object", {"revoked": {"a": 1}}, PROTOCOL),
    ("revoked is 2", {"revoked": 2}, PROTOCOL),
    ("deleted is a date", {"deleted": "2026-11-22T10:00:00Z"}, PROTOCOL),
    ("e-mail of another account", {"email": "other@example.com"}, PROTOCOL),
    ("e-mail is a list", {"email": ["customer@example.com"]}, PROTOCOL),
    ("e-mail has a suffix", {"email": "customer@example.com.evil.example"}, PROTOCOL),
    ("e-mail in other case", {"email": "Customer@Example.COM"}, "ok"),
    ("e-mail is null", {"email": None}, "ok"),
    ("number as text", {"id": "1042"}, "ok"),
    ("number is a text of letters", {"id": "x"}, "ok"),
    ("number is a boolean", {"id": True}, "ok"),
    ("number is an object", {"id": {"a": [1]}}, "ok"),
    ("number has 5,000 digits, as text", {"id": "9" * 5_000}, "ok"),
    ("reseller code is a list", {"resellerCode": ["x"]}, "ok"),
    ("reseller code of 10,000 characters", {"resellerCode": "x" * 10_000}, "ok"),
    ("flags as text", {"revoked": "false", "deleted": "False"}, "ok"),
    ("flags are null", {"revoked": None, "deleted": None}, "ok"),
    ("more members than documented", {"colour": "blue", "nested": {"hmacKey": HMAC}}, "ok"),
]


def expected(provider: str, kind: str) -> str:
    return ABSENT[provider] if kind == "absent" else kind


def assert_clean(outcome: Any, provider: str, kind: str) -> None:
    shown = json.dumps(outcome.failure)
    assert outcome.kind == kind, shown
    if outcome.error is not None:
        shown += "".join(traceback.format_exception(outcome.error))
    for secret in (*SECRETS[provider], HMAC):
        assert secret not in shown
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    assert len(outcome.failure["msg"]) < 900
    assert not outcome.record.exists()
    assert outcome.intent is (provider == "identrust" and kind in LEAVES_MARK)
    assert outcome.seconds < TIMEOUT + SLACK


@pytest.mark.parametrize(
    ("provider", "play", "kind"), [row[:1] + row[2:] for row in BOTH], ids=[f"{row[0]}: {row[1]}" for row in BOTH]
)
def test_answer(tmp_path: Path, provider: str, play: Any, kind: str) -> None:
    with Hostile(play(provider)) as server:
        outcome = create(provider, server.url, tmp_path / "eab.json", timeout=TIMEOUT)
        assert len(server.requests) == 1, "a POST is sent once"
    assert_clean(outcome, provider, expected(provider, kind))


@pytest.mark.parametrize(("change", "kind"), [row[1:] for row in ACCOUNTS], ids=[row[0] for row in ACCOUNTS])
def test_account(tmp_path: Path, change: dict[str, Any], kind: str) -> None:
    with Hostile(reply(200, {**GOOD["identrust"], **change})) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json", timeout=TIMEOUT)
    if kind != "ok":
        assert_clean(outcome, "identrust", kind)
        return
    assert outcome.failure is None
    account = json.loads(outcome.record.read_bytes())["account"]
    assert sorted(account) == ["deleted", "email", "id", "reseller_code", "revoked"]
    assert isinstance(account["id"], (int, type(None)))
    assert not isinstance(account["id"], bool)
    assert len(account["reseller_code"] or "") <= 200


@pytest.mark.parametrize("provider", GOOD)
def test_good_answers_in_odd_clothes(tmp_path: Path, provider: str) -> None:
    """What is unusual but right is taken: strictness that refuses a good answer would lose a key."""
    good: dict[str, Play] = {
        "status 201": reply(201, GOOD[provider]),
        "no type": raw(head(200) + text(provider)),
        "chunked": raw(chunked(text(provider)[:20], text(provider)[20:])),
        "after an interim answer": raw(b"HTTP/1.1 100 Continue\r\n\r\n" + head(200) + text(provider)),
        "until closed": until_closed(text(provider)),
        "gzip": encoded("gzip", packed(GOOD[provider])),
        "indented": reply(200, json.dumps(GOOD[provider], indent=4).encode() + b"\r\n"),
        "escaped": reply(200, text(provider).replace(b'"e', b'"\\u0065')),
        "drip": pieces([head(200, {"Content-Length": str(len(text(provider)))}), *(bytes([b]) for b in text(provider))], 0.001),
        "HTTP/1.0": raw(b"HTTP/1.0 200 OK\r\n\r\n" + text(provider)),
        "null errors": reply(200, {**GOOD[provider], "errors": None}),
        "1 MiB": reply(200, text(provider) + b" " * (1024 * 1024 - len(text(provider)))),
    }  # fmt: skip
    for name, play in good.items():
        with Hostile(play) as server:
            outcome = create(provider, server.url, tmp_path / f"{name.replace('/', '')}.json")
        assert outcome.failure is None, (name, outcome.failure)
        assert json.loads(outcome.record.read_bytes())["hmac_key"] == HMAC
        assert not outcome.intent


def test_values_and_errors(tmp_path: Path) -> None:
    """SSL.com with both values and errors beside them: not trusted. The same call gives them again when all is well."""
    with Hostile(reply(200, {**GOOD["sslcom"], "errors": {"base": ["half done"]}})) as server:
        outcome = create("sslcom", server.url, tmp_path / "eab.json")
        assert_clean(outcome, "sslcom", REFUSED)
        assert "half done" in (outcome.failure or {})["msg"]
        server.play = reply(200, GOOD["sslcom"])
        assert create("sslcom", server.url, tmp_path / "eab.json").failure is None


def test_memory(tmp_path: Path) -> None:
    """Neither bombs nor endless bodies take memory: what is over the limit is never unpacked nor kept."""
    plays = [encoded("gzip", bomb(400_000_000)), until_closed(b" " * 30_000_000)]
    plays.append(reply(302, bomb(400_000_000), {"Location": "/x", "Content-Encoding": "gzip"}))
    before = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss
    for play in plays:
        with Hostile(play) as server:
            assert create("sslcom", server.url, tmp_path / "eab.json").kind == PROTOCOL
    assert limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before < 32 * 1024 * (
        1 if os.uname().sysname == "Linux" else 1024
    )


MODULE_RUNS = [
    "body cut in half, with a lying length",
    "HTML",
    "depth 100,000",
    "502 with HTML",
    "401 with errors",
    "409 with errors",
    "kid has a template",
    "key has too short",
    "429, Retry-After 5",
    "gzip bomb, 300 MB",
]


@pytest.mark.parametrize("name", MODULE_RUNS)
@pytest.mark.parametrize("provider", GOOD)
def test_module(tmp_path: Path, provider: str, name: str) -> None:
    """The same through the module itself, in a process of its own."""
    play, kind = next((row[1], row[2]) for row in TABLE if row[0] == name)
    module = "sslcom_acme_credential" if provider == "sslcom" else "identrust_account"
    with Hostile(play(provider)) as server:
        options = params(provider, server.url, tmp_path / "eab.json")
        done = modules.run(module, {name: value for name, value in options.items() if value is not None}, diff=True)
    assert done.failed
    assert done.code == 1
    assert done.result["error"]["kind"] == kind
    assert done.result["done"] == []
    assert [step["action"] for step in done.result["open"]] == ["create"]
    assert "Traceback" not in done.output
    for secret in (*SECRETS[provider], HMAC):
        assert secret not in done.output
    assert not (tmp_path / "eab.json").exists()


def test_size_of_the_table() -> None:
    names = [row[0] for row in TABLE]
    assert len(names) == len(set(names))
    assert len(TABLE) >= 150
    print(
        f"\n{len(BOTH) + len(ACCOUNTS)} malformed or hostile answers, {2 * len(MODULE_RUNS)} of them also through module runs"
    )
