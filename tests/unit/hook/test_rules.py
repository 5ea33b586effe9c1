# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the reseller hook looks at its policy again."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest
from certfleet_hook import cli
from certfleet_hook.logs import logger
from certfleet_hook.policy import UNPINNED
from certfleet_hook.rules import EMPTY, Rules

from tests.support import pki
from tests.support.hook import CUSTOMER


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


@pytest.mark.parametrize("pinned", [True, False])
def test_a_policy_without_a_pinned_ca_is_warned_of_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], pinned: bool
) -> None:
    path = tmp_path / "policy.json"
    data = {"version": 1, "trusted_ca": pki.authority().pem.decode() if pinned else "", "customers": {"a": CUSTOMER}}
    path.write_text(json.dumps(data))
    with caplog.at_level(logging.WARNING, logger.name):
        rules = Rules(str(path), str(tmp_path))
        path.write_text(json.dumps(data, indent=1))
        rules.refresh()
    assert rules.good
    assert caplog.messages.count(UNPINNED) == (0 if pinned else 2)
    assert cli.main(["check-policy", str(path)]) == 0
    assert (UNPINNED in capsys.readouterr().err) is not pinned
