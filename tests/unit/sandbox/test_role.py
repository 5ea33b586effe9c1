# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role: check mode, start, start again, stop, stop again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.sandbox import PACKAGE, Sandbox

ROLE = PACKAGE.parents[1]
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: certfleet.reseller.sandbox
  tasks:
    - name: Show that the endpoints are there
      ansible.builtin.debug:
        msg: "api={{ sandbox_endpoints.sslcom.api_url | default('none') }}"
      when: sandbox_endpoints is defined
"""

Play = Callable[..., tuple[int, str]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Runs the role; the number of changed tasks, and the output."""
    playbook, state = tmp_path / "play.yml", tmp_path / "state"
    playbook.write_text(PLAYBOOK)

    def run(*arguments: str, **variables: Any) -> tuple[int, str]:
        wanted = {
            "sandbox_path": str(state),
            "sandbox_python": sys.executable,
            "sandbox_hosts": {"web1": "127.0.0.1"},
            "sandbox_resolve": {"*.example.test": "127.0.0.1"},
            "sandbox_http01_port": 0,
            "sandbox_tls_port": 0,
            **variables,
        }
        program = str(Path(sys.executable).parent / "ansible-playbook")
        command = [program, "-i", "localhost,", str(playbook), "-e", json.dumps(wanted), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        found = re.search(r"changed=(\d+)", result.stdout)
        assert found
        return int(found[1]), result.stdout

    yield run
    Sandbox(state).run("stop", "--state", str(state))


def test_the_role(play: Play, tmp_path: Path) -> None:
    endpoints = tmp_path / "state" / "endpoints.json"
    assert play("--check")[0] == 1
    assert not (tmp_path / "state").exists()
    changed, output = play("-vvv")
    found = json.loads(endpoints.read_text())
    assert (changed, f"api={found['sslcom']['api_url']}" in output) == (1, True)
    assert found["sslcom"]["secret_key"] not in output
    assert found["hosts"]["web1"]["address"] == "127.0.0.1"
    changed, output = play()
    assert (changed, f"api={found['sslcom']['api_url']}" in output) == (0, True)
    assert play("--check", sandbox_state="stopped")[0] == 1
    assert endpoints.exists()
    assert [play(sandbox_state="stopped")[0] for _time in range(2)] == [1, 0]
    assert not endpoints.exists()


def test_every_variable_is_described() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(options) == set(defaults)
    assert {name: option["default"] for name, option in options.items()} == defaults
    assert all(name.startswith("sandbox_") and option["description"] for name, option in options.items())
