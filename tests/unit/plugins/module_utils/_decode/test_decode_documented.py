# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the guides have every field and every problem that there is, and no other; RETURN has the same fields."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import shape
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.model import Verdict
from ansible_collections.certfleet.reseller.plugins.modules import cert_decode, ocsp_check

ROOT = Path(__file__).resolve().parents[5]
GUIDES = ROOT / "docs" / "docsite" / "rst"
SOURCES = ROOT / "plugins" / "module_utils" / "_decode"
BOTH = set(shape.CERTIFICATE) & set(shape.REQUEST)


def rows(guide: str, title: str) -> list[str]:
    """The first column of the first table below a title."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    parts = re.split(r"^([^\n]+)\n[-^=]{4,}\n", text, flags=re.MULTILINE)
    section = parts[parts.index(title) + 1]
    return re.findall(r"^   \* - (.*)$", section, re.MULTILINE)[1:]


def words(cell: str) -> list[str]:
    return re.findall(r"``([a-z0-9_]+)``", cell)


def test_the_fields_of_certificates_and_requests() -> None:
    seen: dict[str, str] = {}
    for cell in rows("certificates.rst", "Fields"):
        kind = cell.rpartition("(")[2].rstrip(")") if cell.endswith(")") else ""
        seen.update(dict.fromkeys(words(cell), kind))
    assert set(seen) == {"source", *shape.CERTIFICATE, *shape.REQUEST}
    for name in set(seen) - BOTH - {"source", "authority_key_id"}:
        assert seen[name] == ("certificates" if name in shape.CERTIFICATE else "requests"), name
    assert all(seen[name] == "" for name in BOTH)
    documented = yaml.safe_load(cert_decode.RETURN)
    assert set(documented["certificates"]["contains"]) == {"source", *shape.CERTIFICATE}
    assert set(documented["requests"]["contains"]) <= {"source", *shape.REQUEST}
    assert set(documented["requests"]["contains"]) >= set(shape.REQUEST) - BOTH
    print(f"{len(seen)} fields, all in the table and in RETURN")


def codes(pattern: str, *files: str) -> set[str]:
    text = "".join((SOURCES / file).read_text(encoding="utf-8") for file in files)
    return set(re.findall(pattern, text))


def test_the_problems() -> None:
    everywhere = sorted(path.name for path in SOURCES.glob("*.py") if path.name != "bundle.py")
    own = codes(r"""(?:notes|self)\.add\(\s*"([a-z_]+)\"""", *everywhere)
    assert len(own) >= 10
    assert {cell for row in rows("certificates.rst", "Problems") for cell in words(row)} == own
    chains = codes(r"""_problem\(\s*"([a-z_]+)\"""", "bundle.py") | {"expired_link", "not_yet_valid_link"}
    listed = rows("certificates.rst", "Chains")
    assert {cell for row in listed for cell in words(row)} == chains


def test_the_fields_of_a_check() -> None:
    said = set(Verdict("good").show())
    table = {name for cell in rows("revocation.rst", "Result fields") for name in words(cell)}
    assert said - {"reason"} <= table
    assert table <= set(yaml.safe_load(ocsp_check.RETURN)["certificates"]["contains"])
