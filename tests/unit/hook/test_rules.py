# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the reseller hook looks at its policy again."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from certfleet_hook.rules import EMPTY, Rules


def test_a_policy_that_could_not_be_read_is_read_when_its_mode_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the kernel's refusal, for root may read anything."""
    path = tmp_path / "policy.json"
    path.write_bytes(EMPTY)
    path.chmod(0)
    real = Path.open

    def guarded(self: Path, *arguments: Any, **more: Any) -> Any:
        if self == path and not stat.S_IMODE(self.stat().st_mode):
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", guarded)
    rules = Rules(str(path), str(tmp_path))
    assert not rules.good
    path.chmod(0o640)
    rules.refresh()
    assert rules.good
