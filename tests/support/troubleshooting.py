# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the troubleshooting guide, and what must hold of a message in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.support.situations import SECRETS

TABLE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "docs" / "docsite" / "troubleshooting.yml").read_text(encoding="utf-8")
)
KINDS: list[str] = [entry["kind"] for entry in TABLE["kinds"]]
ROWS: dict[str, dict[str, Any]] = {row["id"]: row for row in TABLE["situations"]}
KEYS = ("id", "kind", "did", "told", "names", "do")

LONGEST = 330
_SENTENCE = re.compile(r"(?<=[.?])\s+(?=[A-Z])")
# what says in a sentence of its own what to do, or what would be right
_ADVICE = re.compile(r"did you mean|must be|write it|; or set", re.IGNORECASE)


def place(name: str) -> int:
    """Where the kind of a situation stands in the guide: rows are sorted by it."""
    return KINDS.index(ROWS[name]["kind"])


def pattern(told: str) -> re.Pattern[str]:
    """A message of the guide; what is in angle brackets may be anything."""
    return re.compile(".+?".join(map(re.escape, re.split(r"<[^<>]+>", told))), re.DOTALL)


def check(name: str, message: str, kind: str | None) -> None:
    """That a situation was told what the guide says, as an error of its kind. Ansible's own errors have none."""
    row = ROWS[name]
    assert pattern(row["told"]).fullmatch(message), f"{message}\nis not\n{row['told']}"
    assert (kind or "ansible") == row["kind"]


def check_style(row: dict[str, Any]) -> None:
    """A short sentence that says what is wrong, with the options it is about, and another one that says what to do."""
    assert set(row) <= set(KEYS)
    assert all(row[key] == " ".join(row[key].split()) for key in ("did", "told", "do"))
    assert all(row[key].endswith((".", "?")) for key in ("did", "do"))
    told = row["told"]
    assert all(name in told for name in row.get("names", []))
    assert len(told) <= LONGEST
    if row["kind"] == "ansible":  # not our words
        return
    assert told.endswith((".", "?"))
    sentences = _SENTENCE.split(told)
    assert len(sentences) == 2 or (len(sentences) == 1 and _ADVICE.search(told)), sentences


def check_silence(output: str) -> None:
    """That nothing was printed which nobody wants to read, or may."""
    assert "Traceback" not in output
    assert "Internal error" not in output
    assert not any(secret in output for secret in SECRETS.values())
