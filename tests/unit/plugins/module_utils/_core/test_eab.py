# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kid and HMAC key: every spelling that means the same bytes gets one form, everything else is refused without being shown."""

from __future__ import annotations

import base64
import re
import traceback
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import eab
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from hypothesis import given
from hypothesis import strategies as st

SSLCOM_SAMPLE = "qTs1vE6SMcX3UgK5DtYbc48IYUd7wUr109eCslCdY3N"  # stray bits in the last character
IDENTRUST_SAMPLE = "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwPkSeg="
ALPHABETS = base64.urlsafe_b64encode(bytes(range(224, 256)) + b"\xfb\xff").decode()  # has both - and _


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(
        text.translate(str.maketrans("+/", "-_")).rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    )


ACCEPTED = {
    "SSL.com's documented sample": SSLCOM_SAMPLE,
    "the same, padded": SSLCOM_SAMPLE + "=",
    "IdenTrust's documented sample": IDENTRUST_SAMPLE,
    "the same, unpadded": IDENTRUST_SAMPLE.rstrip("="),
    "base64url, unpadded": ALPHABETS.rstrip("="),
    "base64url, padded": ALPHABETS,
    "base64, padded": ALPHABETS.translate(str.maketrans("-_", "+/")),
    "base64, unpadded": ALPHABETS.translate(str.maketrans("-_", "+/")).rstrip("="),
    "white space around": f" \t{IDENTRUST_SAMPLE}\r\n",
    "32 bytes of zero": base64.b64encode(bytes(32)).decode(),
    "33 bytes: no padding at all": base64.b64encode(bytes(range(33))).decode(),
    "34 bytes: two signs of padding": base64.b64encode(bytes(range(34))).decode(),
    "64 bytes": base64.b64encode(bytes(range(64))).decode(),
    "768 bytes, the longest": base64.b64encode(bytes(768)).decode(),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_hmac_key(text: str) -> None:
    found = eab.hmac_key(text).open()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", found)
    assert raw(found) == raw(text.strip())
    assert eab.hmac_key(found).open() == found


def test_stray_bits_are_dropped() -> None:
    """RFC 4648 section 3.5; clients that are strict about them would refuse the sample as it stands."""
    found = eab.hmac_key(SSLCOM_SAMPLE).open()
    assert found[:-1] == SSLCOM_SAMPLE[:-1]
    assert base64.urlsafe_b64encode(raw(found)).decode().rstrip("=") == found


SECRET = "cAnArY"
REFUSED: dict[str, Any] = {
    "nothing": "",
    "white space": " \n",
    "padding alone": "====",
    "31 bytes": base64.b64encode(bytes(31)).decode(),
    "24 bytes": base64.b64encode(bytes(24)).decode(),
    "1 byte": "AA==",
    "a length that does not exist": SECRET + "A" * 39,
    "mixed alphabets": SECRET + "+-" + "A" * 36,
    "mixed alphabets, the other two": SECRET + "/_" + "A" * 36,
    "too much padding": IDENTRUST_SAMPLE + "=",
    "padding where none belongs": base64.b64encode(bytes(33)).decode() + "=",
    "padding, then more": IDENTRUST_SAMPLE + "AAAA",
    "padding in the middle": SECRET + "=" + "A" * 40,
    "white space in the middle": SECRET + " " + "A" * 37,
    "a line break in the middle": SECRET + "\n" + "A" * 37,
    "no-break space around": "\u00a0" + IDENTRUST_SAMPLE,
    "hexadecimal with colons": ":".join(["ab"] * 32),
    "other characters": SECRET + "!" * 38,
    "a zero byte": SECRET + "\x00" + "A" * 37,
    "letters beyond ASCII": "é" * 44,
    "full-width letters": "Ａ" * 44,
    "digits beyond ASCII": "٣" * 44,
    "half a surrogate pair": "\ud800" * 44,
    "over 1024 characters": "A" * 1028,
    "a megabyte": "A" * 1_000_000,
    "None": None,
    "a number": 42,
    "a boolean": True,
    "bytes": IDENTRUST_SAMPLE.encode(),
    "a list": [IDENTRUST_SAMPLE],
    "an object": {"k": IDENTRUST_SAMPLE},
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_hmac_key_refused(value: Any) -> None:
    with pytest.raises(InvalidData) as refused:
        eab.hmac_key(value)
    told = "".join(traceback.format_exception(refused.value)) + str(refused.value.payload())
    for secret in (SECRET, IDENTRUST_SAMPLE[:20], "AAAAAA", "ababab"):
        assert secret not in told
    assert len(refused.value.message) < 120


@given(st.binary(min_size=32, max_size=200), st.booleans(), st.booleans())
def test_every_spelling_of_the_same_bytes(value: bytes, url: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if url else base64.b64encode)(value).decode()
    found = eab.hmac_key(text if padded else text.rstrip("=")).open()
    assert found == base64.urlsafe_b64encode(value).decode().rstrip("=")


@given(st.text(max_size=80) | st.text("AZaz09+/-_= ", min_size=40, max_size=90))
def test_any_text_is_a_key_or_invalid_data(text: str) -> None:
    try:
        found = eab.hmac_key(text)
    except InvalidData:
        return
    assert len(raw(found.open())) >= eab.MINIMUM_BYTES


@pytest.mark.parametrize(
    "text", ["d5a26e9ae1a3", "3b9e2c1a-6f0d-4a57-9c1e-2d8f7a6b5c40", "a", "A" * 256, "kid:1/2+3=@x~y.z_", "-x"]
)
def test_kid(text: str) -> None:
    assert eab.kid(text) == text


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a\n", "\na", "a\r\n", "a\x00", "a;b", "$(id)", "`id`", "a|b", "a&b", "{{ a }}", "{% a %}", "a'b", 'a"b']
    + ["<a>", "a\\b", "a*", "a?", "a,b", "a#b", "a!b", "%s", "(a)", "[a]", "é", "١", "a\u202eb", "\ud800", "A" * 257, "k" * 10_000]
    + [None, 1, True, 1.5, b"kid", ["kid"], {"kid": 1}],
)  # fmt: skip
def test_kid_refused(value: Any) -> None:
    with pytest.raises(InvalidData) as refused:
        eab.kid(value)
    assert refused.value.sentence() == "the key identifier (kid) from the provider has a form that cannot be used."
