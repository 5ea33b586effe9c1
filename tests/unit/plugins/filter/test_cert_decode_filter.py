# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter cert_decode, as templates use it: the module's results."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.filter.cert_decode import cert_decode

from tests.support import modules, pki

ROOT = pki.authority("Root")
SERVER = pki.server(["www.example.com"], ROOT)
REQUEST = pki.request(["www.example.com"]).decode()
BUNDLE = (SERVER.pem + ROOT.pem).decode()
AT = "2030-01-01T00:00:00Z"


def test_the_first_one() -> None:
    assert cert_decode(BUNDLE)["owner"]["domain"] == "www.example.com"
    assert cert_decode(REQUEST)["sans"] == ["www.example.com"]
    assert cert_decode(REQUEST + BUNDLE)["issuer"] == "CN=Root"
    assert cert_decode(base64.b64encode(BUNDLE.encode()).decode())["sans"] == ["www.example.com"]
    assert cert_decode(BUNDLE, at=AT)["expired"] is True


@pytest.mark.parametrize("text", [BUNDLE, REQUEST, BUNDLE + REQUEST])
def test_the_module_says_the_same(text: str) -> None:
    done = modules.run("cert_decode", {"content": text, "at": AT}).result
    found = cert_decode(text, all=True, at=AT)
    assert set(found) == {"certificates", "requests", "files"}
    assert found == {key: done[key] for key in found}
    assert cert_decode(text, at=AT) == [*done["certificates"], *done["requests"]][0]


def test_all_has_what_could_be_decoded() -> None:
    found = cert_decode(BUNDLE + "-----BEGIN CERTIFICATE-----\n", all=True)
    assert len(found["certificates"]) == 2
    assert found["files"][0]["errors"] == ["PEM block 3: it has no end, the file is cut short."]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        ("nonsense", "neither PEM nor DER nor base64"),
        (SERVER.key_pem.decode(), "neither a certificate nor a request in it"),
        (BUNDLE + "-----BEGIN CERTIFICATE-----\n", "it has no end"),
        (None, "not a value of the type NoneType"),
        (b"bytes", "not a value of the type bytes"),
        ({"a": 1}, "not a value of the type dict"),
        ("\ud800", "neither PEM"),
    ],
)
def test_what_is_none_is_one_sentence(value: Any, reason: str) -> None:
    with pytest.raises(AnsibleFilterError, match=reason) as caught:
        cert_decode(value)
    assert caught.value.__cause__ is None


def test_a_time_that_is_none() -> None:
    with pytest.raises(AnsibleFilterError, match="not a time in ISO 8601"):
        cert_decode(BUNDLE, at="now")
