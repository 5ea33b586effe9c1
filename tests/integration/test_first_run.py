# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles and Ansible itself say of a first run that goes wrong: the troubleshooting guide's situations that need a play."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import situations_play, troubleshooting


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """One run for all of them."""
    told, output = situations_play.play(tmp_path_factory.mktemp("first run"))
    troubleshooting.check_silence(output)
    return told


@pytest.mark.needs("setpriv")
@pytest.mark.parametrize("name", situations_play.NAMES)
def test_a_role_says_so(played: dict[str, dict[str, str]], name: str) -> None:
    kind = played[name]["kind"]
    # a role that fails with the words of a module or a filter has no kind of its own
    troubleshooting.check(name, played[name]["msg"], kind or troubleshooting.ROWS[name]["kind"])


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("name", situations_play.COMMANDS)
def test_ansible_says_so(name: str, tmp_path: Path) -> None:
    output = situations_play.COMMANDS[name](tmp_path)
    told = troubleshooting.ROWS[name]["told"]
    assert troubleshooting.pattern(told).search(" ".join(output.split())), output
    troubleshooting.check_silence(output)
