# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records on disk: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.credential import Record
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

HMAC = "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwPkSeg"
RECORD = Record(
    provider="sslcom",
    identity="Käse & Söhne",
    api_url="https://sws.sslpki.com",
    kid="d5a26e9ae1a3",
    hmac_key=Secret(HMAC),
    directory_urls=("https://acme.ssl.com/sslcom-dv-ecc",),
    created="2026-11-22T10:00:00Z",
    account={"id": 42},
)


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "eab.json"
    before = os.umask(0)
    try:
        credential.save(str(path), RECORD)
    finally:
        os.umask(before)
    assert credential.load(str(path)) == RECORD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert HMAC not in repr(RECORD)


def test_form() -> None:
    """docs/development/architecture.md has it; other ACME clients read it."""
    assert sorted(RECORD.to_json()) == sorted(
        ["version", "provider", "identity", "api_url", "kid", "hmac_key", "directory_urls", "created", "account"]
    )
    assert RECORD.to_json()["version"] == 1


def test_none(tmp_path: Path) -> None:
    assert credential.load(str(tmp_path / "none.json")) is None


GOOD = RECORD.to_json()
DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "half": json.dumps(GOOD).encode()[:90],
    "zeros": bytes(200),
    "not UTF-8": b"\xff" + json.dumps(GOOD).encode(),
    "a list": b"[]",
    "a text": b'"hello"',
    "null": b"null",
    "deep": b"[" * 100_000,
    "over the limit": b" " * (1024 * 1024 + 1),
}
CHANGED: dict[str, dict[str, Any]] = {
    "newer": {"version": 2},
    "version as text": {"version": "1"},
    "no version": {"version": None},
    "short key": {"hmac_key": "AAAA"},
    "key is no text": {"hmac_key": 42},
    "kid with a line break": {"kid": "a\nb"},
    "kid is null": {"kid": None},
    "provider is a list": {"provider": ["sslcom"]},
    "identity is a number": {"identity": 1},
    "directories are null": {"directory_urls": None},
    "directories have numbers": {"directory_urls": [1]},
    "account is a list": {"account": []},
    "created is null": {"created": None},
}


def refused(path: Path) -> str:
    with pytest.raises(StateError) as error:
        credential.load(str(path))
    assert HMAC not in error.value.sentence()
    assert str(path) in error.value.message
    return error.value.sentence()


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "eab.json").write_bytes(content)
    refused(tmp_path / "eab.json")


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_changed(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "eab.json").write_text(json.dumps({**GOOD, **change}))
    told = refused(tmp_path / "eab.json")
    if "version" in change:
        assert "update the collection" in told


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"account"}))
def test_without(tmp_path: Path, name: str) -> None:
    (tmp_path / "eab.json").write_text(json.dumps({key: value for key, value in GOOD.items() if key != name}))
    refused(tmp_path / "eab.json")


@pytest.mark.parametrize("kind", ["link", "dangling link", "directory", "fifo"])
def test_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "eab.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        if kind == "link":
            (tmp_path / "real.json").write_text(json.dumps(GOOD))
        path.symlink_to(tmp_path / "real.json")
    refused(path)


def test_every_prefix(tmp_path: Path) -> None:
    """However a file was cut, it is never taken for another record."""
    path = tmp_path / "eab.json"
    content = json.dumps(GOOD).encode()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        refused(path)
