# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's decoders: their answers with the keys of ours."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import AuthError, ProtocolError
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import document, shape
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.document import Local
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.remote import Remote

from tests.support import pki

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
NOW = datetime(2026, 11, 25, tzinfo=timezone.utc)


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return found


CERTIFICATE, REQUEST = fixture("decoder_certificate")["certificate"], fixture("decoder_csr")["csr"]
CERTIFICATE_PEM = fixture("decoder_certificate-request")["certificate"]
REQUEST_PEM = fixture("decoder_csr-request")["csr"]


class Desk:
    """The part of the API that is asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def decode_certificate(self, pem: str) -> Any:
        self.asked.append(pem)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    decode_csr = decode_certificate


def decode(pem: str, answer: Any) -> tuple[document.Document, Desk]:
    desk = Desk(answer)
    return document.decode(pem.encode(), "x", Remote(desk, NOW)), desk  # type: ignore[arg-type]


def entry(pem: str, answer: Any) -> dict[str, Any]:
    found, _desk = decode(pem, answer)
    assert found.errors == []
    (shown,) = [*found.certificates, *found.requests]
    return dict(shown)


def local(pem: str) -> dict[str, Any]:
    found = document.decode(pem.encode(), "x", Local(NOW))
    (shown,) = [*found.certificates, *found.requests]
    return dict(shown)


SAID = (
    "owner",
    "sans",
    "key_type",
    "key_size",
    "key_curve",
    "key_algorithm",
    "public_key",
    "public_key_pem",
    "serial",
    "serial_number",
    "serial_number_hex",
    "not_before",
    "not_after",
    "days_left",
    "share_left",
    "expired",
)


def test_a_certificate_has_our_keys_and_says_what_ours_says() -> None:
    shown, own = entry(CERTIFICATE_PEM, CERTIFICATE), local(CERTIFICATE_PEM)
    assert set(shown) == set(own) == {"source", *shape.CERTIFICATE}
    for field in SAID:
        assert shown[field] == own[field], field
    unsaid = set(shape.CERTIFICATE) - set(SAID) - {"decoder", "problems"}
    assert {field for field in unsaid if shown[field] is not None} == set()
    assert [problem["code"] for problem in shown["problems"]] == ["zone_unknown"]


def test_a_request_has_our_keys_and_says_what_ours_says() -> None:
    shown, own = entry(REQUEST_PEM, REQUEST), local(REQUEST_PEM)
    assert set(shown) == set(own) == {"source", *shape.REQUEST}
    for field in ("owner", "sans", "key_type", "key_size", "key_algorithm", "public_key", "subject_parts"):
        assert shown[field] == own[field], field
    assert shown["signature_valid"] is None


def test_only_certificates_and_requests_are_sent() -> None:
    key = pki.key_pem(pki.new_key()).decode()
    found, desk = decode("# " + key + CERTIFICATE_PEM + key, CERTIFICATE)
    assert found.others == ["PRIVATE KEY"]
    assert desk.asked == [CERTIFICATE_PEM]
    assert found.chain is None


NOBODY = dict.fromkeys(("domain", "organization", "unit", "city", "locality", "country"))
FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"sans": "DNS:a.example, DNS:b.example, IP Address:192.0.2.1"}, {"sans": ["a.example", "b.example", "192.0.2.1"]}),
    ({"sans": {"0": "a.example", "2": "b.example"}}, {"sans": ["a.example", "b.example"]}),
    ({"sans": None}, {"sans": None}),
    ({"sans": 7}, {"sans": None}),
    ({"length": "256", "pkey": ""}, {"key_size": 256, "key_type": None, "key_algorithm": "408"}),
    ({"alghoritm": "rsaEncryption", "pkey": None}, {"key_algorithm": "rsaEncryption", "public_key": None}),
    ({"alghoritm": None, "algorithm": "rsaEncryption", "pkey": 5}, {"key_algorithm": None}),
    ({"serial_number_hex": None, "serial_number": "255"}, {"serial": "ff", "serial_number_hex": "FF"}),
    ({"serial_number_hex": "0A:5F", "serial_number": 1}, {"serial": "a5f", "serial_number": "2655"}),
    ({"serial_number_hex": "zz", "serial_number": None}, {"serial": None, "serial_number": None}),
    ({"valid_from": None}, {"not_before": None, "not_after": None, "days_left": None, "problems": []}),
    ({"valid_to": "soon"}, {"not_before": None, "expired": None}),
    ({"valid_to": "2026-11-23"}, {"not_after": "2026-11-23T00:00:00Z", "expired": True}),
    ({"owner": None}, {"owner": NOBODY}),
    ({"owner": []}, {"owner": NOBODY}),
    ({"pkey": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}, {"key_type": None}),
    ({"pkey": "-----BEGIN PUBLIC KEY-----\n\xe9\n-----END PUBLIC KEY-----"}, {"key_type": None, "public_key": None}),
]


@pytest.mark.parametrize(("change", "expected"), FORMS)
def test_forms_that_the_documentation_leaves_open(change: dict[str, Any], expected: dict[str, Any]) -> None:
    shown = entry(CERTIFICATE_PEM, {**CERTIFICATE, **change})
    assert {field: shown[field] for field in expected} == expected


@pytest.mark.parametrize("answer", [{}, {"owner": "x"}, {"owner": {"domain": {"a": 1}}}, {"pkey": []}, {"sans": [[]]}])
def test_other_answers_are_values_or_one_error(answer: dict[str, Any]) -> None:
    for pem in (CERTIFICATE_PEM, REQUEST_PEM):
        found, _desk = decode(pem, answer)
        assert len(found.errors) + len(found.certificates) + len(found.requests) == 1


def test_what_meets_all_the_others_is_asked_once() -> None:
    found, desk = decode(CERTIFICATE_PEM * 5, AuthError("no", status=401))
    assert len(desk.asked) == 1
    assert len(found.errors) == 5
    found, desk = decode(CERTIFICATE_PEM * 5, ProtocolError("what?", status=200))
    assert len(desk.asked) == 5
    assert found.errors[4] == "5 of 5: what?."
