# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure says to a person and to a machine."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import errors, failure
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, clean

KINDS = {
    "CollectionError": "error",
    "UsageError": "usage",
    "StateError": "state",
    "LockedError": "locked",
    "InvalidData": "invalid_data",
    "VerifyError": "verify",
    "ProviderError": "provider",
    "AuthError": "auth",
    "RateLimited": "rate_limited",
    "ProtocolError": "protocol",
    "TransportError": "transport",
    "NotSent": "unreachable",
    "OutcomeUnknown": "outcome_unknown",
}


def test_kinds() -> None:
    """Users compare `error.kind`: a promise."""
    found = {
        name: value.kind
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, CollectionError)
    }
    assert found == KINDS
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"message": "it failed"}, "it failed."),
        ({"message": "it failed."}, "it failed."),
        ({"message": "it failed", "hint": "Do this."}, "it failed. Do this."),
        ({"message": "it failed", "detail": "no money"}, "it failed: no money."),
        ({"message": "it failed", "detail": "no money.", "hint": "Pay."}, "it failed: no money. Pay."),
        ({"message": "it failed: no money", "detail": "no money"}, "it failed: no money."),
        ({"message": "it failed", "detail": ""}, "it failed."),
        ({"message": "it failed", "detail": "a\r\nb\x1b[31m"}, "it failed: a b [31m."),
    ],
)
def test_sentence(parts: dict[str, Any], sentence: str) -> None:
    assert CollectionError(**parts).sentence() == sentence


def test_payload() -> None:
    error = errors.RateLimited(
        "slow down", hint="Wait.", status=429, code="rate\nlimited", detail="x" * 999, retry_at="2026"
    )
    assert error.payload() == {
        "kind": "rate_limited",
        "status": 429,
        "code": "rate limited",
        "detail": "x" * 297 + "...",
        "hint": "Wait.",
        "retry_at": "2026",
    }
    assert CollectionError("x").payload() == {
        "kind": "error",
        "status": None,
        "code": None,
        "detail": None,
        "hint": None,
    }


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("  around  ", "around"),
        ("a\nb\r\nc\td\x00e", "a b c d e"),
        ("\x1b]0;title\x07x", "]0;title x"),
        ("a\x85b\u2028c\u2029d", "a b c d"),
        ("abc\u202edef\u2066g", "abc def g"),
        ("é😀", "é😀"),
        (42, "42"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 297 + "..."),
    ],
)
def test_clean(text: object, cleaned: str) -> None:
    assert clean(text) == cleaned


# --- what the engine makes of exceptions ------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["requests", "cryptography", "acme", "josepy", "idna"])
def test_missing_library(library: str) -> None:
    for name in (library, library + ".some.part"):
        told = failure.describe(ImportError("No module", name=name))
        assert told["error"]["kind"] == "missing_library"
        assert told["error"]["code"] == library
        assert library in told["msg"]
        assert "Install it" in told["error"]["hint"]


def test_another_missing_module_is_a_defect() -> None:
    assert failure.describe(ImportError("x", name="antigravity2"))["error"]["kind"] == "internal"
    assert failure.describe(ImportError("cannot import name x"))["error"]["kind"] == "internal"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device."),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied."),
        (OSError(errno.EIO, "Input/output error"), "file operation: Input/output error."),
        (OSError("odd"), "file operation: OSError."),
    ],
)
def test_operating_system(error: OSError, text: str) -> None:
    told = failure.describe(error)
    assert told["error"]["kind"] == "state"
    assert told["msg"].startswith(text)


def test_defects_show_no_data() -> None:
    def deep(secret: str) -> None:
        raise ValueError(f"invalid literal: {secret}")

    with pytest.raises(ValueError, match="invalid literal") as caught:
        deep("cAnArY")
    told = failure.describe(caught.value)
    assert told["error"]["kind"] == "internal"
    assert told["error"]["code"] == "ValueError"
    assert "deep:" in told["error"]["detail"]
    assert "report it" in told["msg"]
    assert "cAnArY" not in str(told)
