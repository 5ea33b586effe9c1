# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README names everything that there is, and every guide that it links is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README[README.index("## What is in it") : README.index("## Testing")]
THERE = {
    kind: sorted(path.stem for path in ROOT.glob(pattern) if not path.name.startswith(("_", ".")))
    for kind, pattern in {
        "playbooks": "playbooks/*.yml",
        "roles": "roles/*",
        "modules": "plugins/modules/*.py",
        "filters": "plugins/filter/*.py",
        "lookups": "plugins/lookup/*.py",
        "event sources": "extensions/eda/plugins/event_source/*.py",
        "rulebooks": "extensions/eda/rulebooks/*.yml",
    }.items()
}


@pytest.mark.parametrize("kind", THERE)
def test_everything_is_named(kind: str) -> None:
    assert THERE[kind]
    assert [name for name in THERE[kind] if f"`{name}`" not in TABLE] == []


def test_every_guide_is_linked_and_every_link_leads_somewhere() -> None:
    linked = set(re.findall(r"blob/main/docs/docsite/rst/([a-z_]+)\.rst", README))
    assert linked == {path.stem for path in (ROOT / "docs" / "docsite" / "rst").glob("*.rst")}
    assert all((ROOT / path).exists() for path in re.findall(r"blob/main/([\w./-]+)\)", README))
