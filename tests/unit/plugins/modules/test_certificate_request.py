# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certificate_request in this process: keys, requests, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.issuing import call, certificate, leftovers, loose


def run(path: Path, *certificates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return call("certificate_request", {"sets_path": str(path / "sets"), "certificates": list(certificates), **more})


@pytest.mark.parametrize(
    ("want", "kind", "size"),
    [
        ({}, "EC", 256),
        ({"key_size": 384}, "EC", 384),
        ({"key_type": "rsa"}, "RSA", 2048),
        ({"key_type": "rsa", "key_size": 3072}, "RSA", 3072),
    ],
)
def test_key_and_request(tmp_path: Path, want: dict[str, Any], kind: str, size: int) -> None:
    result = run(tmp_path, certificate("www.example.com", "WWW.example.com", "Example.com", "www.example.com", **want))
    shown = result["certificates"][0]
    path = Path(shown["csr_path"])
    request = x509.load_pem_x509_csr(path.read_bytes())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["www.example.com", "example.com"]
    assert request.subject.rfc4514_string() == "CN=www.example.com"
    key: Any = load_pem_private_key(path.with_name("privkey.pem").read_bytes(), None)
    assert kind in type(key).__name__
    assert key.key_size == size == shown["key_size"]
    assert key.public_key() == request.public_key()
    assert loose(tmp_path / "sets") == []


def test_the_second_run_keeps_key_and_request(tmp_path: Path) -> None:
    wanted = certificate("www.example.com")
    run(tmp_path, wanted)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run(tmp_path, wanted)
    assert not result["changed"]
    assert result["pending"] == ["www.example.com"]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_names_of_sets_never_leave_the_directory(tmp_path: Path) -> None:
    names = [
        "../x",
        "..",
        ".",
        "a/b",
        "/etc/x",
        "pending",
        "current",
        "*.example.com",
        "Große Straße",
        "a\nb",
        "x" * 300,
    ]
    run(tmp_path, *(certificate(name, "www.example.com") for name in names))
    made = sorted(path.name for path in (tmp_path / "sets").iterdir())
    assert len(made) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["sets"]
    assert all((tmp_path / "sets" / name / "pending" / "request.csr").is_file() for name in made)


def test_many_at_once(tmp_path: Path) -> None:
    result = run(tmp_path, *(certificate(f"n{number}.example") for number in range(200)))
    assert len(result["steps"]) == len(result["pending"]) == 200


def test_a_pending_request_that_is_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    run(tmp_path, certificate("www.example.com"))
    run(tmp_path, certificate("www.example.com", key_size=384))
    assert [item for item in leftovers(tmp_path) if not item.endswith("/pending")] == []
