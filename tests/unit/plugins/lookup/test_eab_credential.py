# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup hands out records, and says what to do when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible_collections.certfleet.reseller.plugins.lookup import eab_credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.credential import Record
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

HMAC = "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwPkSeg"


def lookup(*terms: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lookup_loader.get("certfleet.reseller.eab_credential").run(list(terms), {})
    return found


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "alpha.json"
    urls = ("https://a.example/d", "https://b.example/d")
    made = Record(
        "sslcom", "Alpha Ltd", "https://api.example", "kid-1", Secret(HMAC), urls, "2026-11-22T10:00:00Z", {"id": 1}
    )
    credential.save(str(path), made)
    return path


def test_record(record: Path) -> None:
    assert lookup(str(record)) == [
        {
            "provider": "sslcom",
            "identity": "Alpha Ltd",
            "kid": "kid-1",
            "hmac_key": HMAC,
            "directory_urls": ["https://a.example/d", "https://b.example/d"],
            "created": "2026-11-22T10:00:00Z",
        }
    ]
    documented = yaml.safe_load(eab_credential.RETURN)["_raw"]["contains"]
    assert sorted(documented) == sorted(lookup(str(record))[0])


def test_terms(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(lookup(str(record), str(record))) == 2
    assert lookup() == []
    monkeypatch.setenv("HOME", str(record.parent))
    assert lookup("~/alpha.json")[0]["kid"] == "kid-1"
    monkeypatch.chdir(record.parent)
    assert lookup("alpha.json")[0]["kid"] == "kid-1"


def test_nothing_is_written(record: Path) -> None:
    before = record.stat()
    lookup(str(record))
    assert (record.stat().st_mtime_ns, record.stat().st_mode) == (before.st_mtime_ns, before.st_mode)
    assert list(record.parent.iterdir()) == [record]


@pytest.mark.parametrize("kind", ["none", "damaged", "newer", "link", "directory", "below a file"])
def test_failures(record: Path, kind: str) -> None:
    path = record
    if kind == "none":
        path = record.with_name("none.json")
    elif kind == "damaged":
        record.write_text(record.read_text()[:100])
    elif kind == "newer":
        record.write_text(record.read_text().replace('"version": 1', '"version": 2'))
    elif kind == "link":
        path = record.with_name("link.json")
        path.symlink_to(record)
    elif kind == "directory":
        path = record.parent
    else:
        path = record / "x.json"
    with pytest.raises(AnsibleLookupError) as error:
        lookup(str(path))
    assert str(path) in str(error.value)
    assert HMAC not in str(error.value)
    if kind == "none":
        assert "sslcom_acme_credential or identrust_account" in str(error.value)


@pytest.mark.parametrize("term", [None, 5, ["x"], {"path": "x"}])
def test_terms_that_are_no_path(term: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="is not a path"):
        lookup(term)
