# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of the architecture are true to the code: its layers, its roles, and the files of the state directory."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.unit.test_architecture import LAYERS, MODULE_UTILS

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "docsite" / "images"
SVG = "{http://www.w3.org/2000/svg}"
GUIDE = (ROOT / "docs" / "docsite" / "rst" / "architecture.rst").read_text(encoding="utf-8")


def texts(element: ElementTree.Element, kind: str = "") -> list[str]:
    return [
        each.text or "" for each in element.iter(f"{SVG}text") if not kind or kind in (each.get("class") or "").split()
    ]


def drawing(name: str) -> ElementTree.Element:
    return ElementTree.parse(IMAGES / f"{name}.svg").getroot()


def test_the_layers() -> None:
    drawn = [set(texts(group, "code")[0].split()) for group in drawing("layers").iter(f"{SVG}g")]
    assert drawn == LAYERS
    packages = {path.name for path in MODULE_UTILS.iterdir() if path.is_dir() and re.match("_[a-z]", path.name)}
    assert packages == {name for names in LAYERS for name in names if name.startswith("_")}


def test_the_roles_and_files() -> None:
    named = texts(drawing("flow"), "code")
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    model = (ROOT / "docs" / "docsite" / "rst" / "data_model.rst").read_text(encoding="utf-8")
    for name in named:
        assert name in roles or name.split("*")[0] in model, name
    # the rest is not on the way of a certificate
    assert len(set(named) & roles) == 5


def test_the_places_that_the_guide_names_exist() -> None:
    named = re.findall(r"``(_[a-z0-9]+/[a-z_]+\.py)``", GUIDE)
    assert len(named) == 5
    assert [name for name in named if not (MODULE_UTILS / name).is_file()] == []


def test_drawings_can_be_seen_by_everyone() -> None:
    """A title and a description for those who cannot see, and nothing that is loaded from elsewhere."""
    for path in IMAGES.glob("*.svg"):
        root = drawing(path.stem)
        assert root.find(f"{SVG}title") is not None
        assert root.find(f"{SVG}desc") is not None
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text
