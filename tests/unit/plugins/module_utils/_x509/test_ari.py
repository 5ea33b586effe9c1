# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 9773: the identifier of a certificate, and the suggested window."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.decision import Window
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import ari
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.window import parse_window as window_of
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.support import pki

EXAMPLE_KEY = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")


def certificate(serial: int, identifier: bytes | None = EXAMPLE_KEY) -> x509.Certificate:
    more = [(x509.AuthorityKeyIdentifier(identifier, None, None), False)] if identifier is not None else []
    return pki.issue("x", None, [], serial=serial, more=more, authority_key=False).certificate


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        (0x87654321, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"),  # the example of RFC 9773 section 4.1
        (0x7F, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.fw"),
        (0x80, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIA"),
        (0x0100, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AQA"),
    ],
)
def test_identifiers(serial: int, expected: str) -> None:
    assert ari.certificate_id(certificate(serial)) == expected


def test_a_certificate_without_its_issuers_key_has_no_identifier() -> None:
    assert ari.certificate_id(certificate(1, None)) is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z", (2, 4, 0, 3, 4)),
        ("2025-01-02T04:00:00.5Z", "2025-01-03T04:00:00.123456789Z", (2, 4, 500000, 3, 4)),
        ("2025-01-02t04:00:00z", "2025-01-03T06:00:00+02:00", (2, 4, 0, 3, 4)),
        ("2025-01-01T23:30:00-04:30", "2025-01-03T04:00:00-00:00", (2, 4, 0, 3, 4)),
    ],
)
def test_windows(start: str, end: str, expected: tuple[int, int, int, int, int]) -> None:
    window = window_of({"suggestedWindow": {"start": start, "end": end}, "explanationURL": "https://ca.example"})
    found = (window.start.day, window.start.hour, window.start.microsecond, window.end.day, window.end.hour)
    assert found == expected
    assert window.start.tzinfo is UTC


GOOD = "2025-01-02T04:00:00Z"
TIMES: list[object] = [
    None, "", 0, 1735790400, True, [], {}, "tomorrow", "2025-01-02", "2025-01-02T04:00:00", "2025-01-02 04:00:00Z",
    "2025-13-02T04:00:00Z", "2025-02-30T04:00:00Z", "2025-01-02T25:00:00Z", "2025-01-02T04:00:60Z", "2025-01-02T04:00:00+99:00",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2025-W01-2T04:00:00Z", "20250102T040000Z", " " + GOOD, GOOD + "\n",
    "2025-01-02T04:00:00.Z", "2025-01-02T04:00:00.1234567890Z", "٢٠٢٥-01-02T04:00:00Z", "x" * 100000,
]  # fmt: skip


@pytest.mark.parametrize("time", TIMES, ids=range(len(TIMES)))
def test_unusable_times_are_refused(time: object) -> None:
    for window in ({"start": time, "end": "2026-01-01T00:00:00Z"}, {"start": GOOD, "end": time}):
        with pytest.raises(InvalidData):
            window_of({"suggestedWindow": window})


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"suggestedWindow": None}, {"suggestedWindow": []}, {"suggestedWindow": {}}]
)
def test_unusable_answers_are_refused(answer: object) -> None:
    with pytest.raises(InvalidData):
        window_of(answer)


@pytest.mark.parametrize("end", [GOOD, "2025-01-02T03:59:59Z", "2025-01-02T05:00:00+01:00"])
def test_a_window_must_end_after_its_start(end: str) -> None:
    with pytest.raises(InvalidData, match="ends before"):
        window_of({"suggestedWindow": {"start": GOOD, "end": end}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_json_is_a_window_or_refused(answer: object) -> None:
    for each in (answer, {"suggestedWindow": answer}, {"suggestedWindow": {"start": answer, "end": answer}}):
        with pytest.raises(InvalidData):
            window_of(each)


@given(st.datetimes(min_value=datetime(1990, 1, 1)), st.integers(1, 10**6))
def test_windows_return_as_written(start: datetime, seconds: int) -> None:
    begin = start.replace(tzinfo=UTC)
    try:
        end = datetime.fromtimestamp(begin.timestamp() + seconds, UTC)
    except (ValueError, OverflowError):
        return
    text = {"start": begin.isoformat(), "end": end.isoformat()}
    assert window_of({"suggestedWindow": text}) == Window(begin, end)
