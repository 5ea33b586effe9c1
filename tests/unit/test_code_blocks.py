# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code block of README, guides, roles' READMEs and plugins' EXAMPLES is of a known kind, and right as far as that shows without
running it. tests/integration/test_guides.py runs them; docs/development/docs.md is the overview."""

from __future__ import annotations

import collections
import re
import shlex
import subprocess
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.extensions.eda.plugins.event_source import sslcom_hook

from tests.support import block_checks as checks
from tests.support.block_commands import NOT_RUN, RUN, way
from tests.support.blocks import ROOT, Block, all_blocks, commands, yaml_kind

BLOCKS = all_blocks()
KINDS = {
    *("inventory", "certificate", "tasks", "playbook", "roles", "rulebook", "requirements", "prometheus"),
    *("shell", "text", "nginx"),
}


def blocks(*kinds: str) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.kind in kinds]


def test_every_block_is_of_a_known_kind() -> None:
    counts = collections.Counter(block.kind for block in BLOCKS)
    print(f"{len(BLOCKS)} blocks: {', '.join(f'{kind} {count}' for kind, count in counts.most_common())}")
    assert [block.place for block in BLOCKS if block.kind not in KINDS] == []
    assert {block.source for block in BLOCKS} >= {
        str(path.relative_to(ROOT)) for path in (*ROOT.glob("plugins/modules/*.py"), *ROOT.glob("roles/*/README.md"))
    }


@pytest.mark.parametrize("block", blocks("inventory"))
def test_inventory(block: Block, capfd: pytest.CaptureFixture[str]) -> None:
    assert checks.variable_faults(block.value) == []
    assert "WARNING" not in capfd.readouterr().err  # keys that are there twice


@pytest.mark.parametrize("block", blocks("certificate"))
def test_parts_of_a_certificate(block: Block) -> None:
    entry = {"name": "www.example.com", "hosts": "web", **block.value}
    assert checks.fleet_faults({"certfleet_certificates": [entry]}) == []


@pytest.mark.parametrize("block", blocks("tasks"))
def test_tasks(block: Block) -> None:
    assert [fault for task in checks.flat(block.value) for fault in checks.task_faults(task)] == []


@pytest.mark.parametrize("block", blocks("playbook", "roles"))
def test_playbooks_and_roles(block: Block) -> None:
    plays = block.value if block.kind == "playbook" else [{"hosts": "all", "roles": block.value}]
    assert [fault for play in plays for fault in checks.play_faults(play)] == []


@pytest.mark.parametrize("block", blocks("requirements"))
def test_requirements(block: Block) -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    named = {entry["name"]: entry.get("version", "") for entry in block.value["collections"]}
    assert f"{galaxy['namespace']}.{galaxy['name']}" in named


# --- Event-Driven Ansible ---------------------------------------------------------------------------------------------


def actions(value: Any) -> list[dict[str, Any]]:
    rules = [value] if isinstance(value, dict) else value
    found = [rule["action"] for entry in rules for rule in entry.get("rules", [entry] if "action" in entry else [])]
    assert all(len(action) == 1 for action in found)
    return found


@pytest.mark.parametrize("block", blocks("rulebook"))
def test_rulebooks(block: Block) -> None:
    entries = block.value if isinstance(block.value, list) else [block.value]
    assert entries
    for entry in entries:
        for source in entry.get("sources", []):
            arguments = source["certfleet.reseller.sslcom_hook"]
            assert set(arguments) <= set(yaml.safe_load(sslcom_hook.DOCUMENTATION)["options"])
    assert actions(block.value)
    for action in actions(block.value):
        (kind,) = action
        name = action[kind]["name"]
        assert kind in ("run_playbook", "run_job_template", "debug")
        assert not name.startswith("certfleet.reseller.") or checks.playbook(name)
        assert checks.template_faults(action) == []


# --- what is not Ansible's --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("prometheus"))
def test_prometheus_rules(block: Block) -> None:
    """The metrics exist, and their labels are among those that the guide lists."""
    written = "".join(path.read_text() for path in (ROOT / "plugins" / "module_utils" / "_report").glob("*.py"))
    for rule in block.value:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        names = re.findall(r"certfleet_[a-z_]+", rule["expr"])
        assert names
        assert [name for name in names if name.removeprefix("certfleet_") not in written] == []


@pytest.mark.parametrize("block", blocks("nginx"))
def test_nginx(block: Block) -> None:
    lines = [line.strip() for line in block.text.splitlines()]
    assert all(
        re.fullmatch(r"ssl_[a-z_]+\s+/etc/certfleet/\S+/current/(fullchain|privkey)\.pem;", line) for line in lines
    )


@pytest.mark.parametrize("block", blocks("text"))
def test_text_is_no_code(block: Block) -> None:
    """Drawings, trees and output. What could be run has to say what it is, so that it is run."""
    first = block.text.split("\n", 1)[0]
    assert not re.match(r"[$#] |- name:|ansible|curl |export ", first)
    try:
        assert yaml_kind(yaml.safe_load(block.text)) == "unknown"
    except yaml.YAMLError:
        return


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("shell"))
def test_shell(block: Block) -> None:
    """A shell can read it, and each command is run by a test, or there is a reason why not."""
    found = list(commands(block))
    assert found
    for command in found:
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=10)
        assert way(command), f"{command}: neither run nor explained in tests/support/block_commands.py"


def test_every_command_in_the_tables_is_in_a_text() -> None:
    told = [command for block in BLOCKS if block.kind == "shell" for command in commands(block)]
    print(
        f"{len(told)} commands: {sum(way(each) == 'run' for each in told)} run, {sum(way(each) == 'not run' for each in told)} not run"
    )
    for pattern in (*RUN, *NOT_RUN):
        assert any(re.match(pattern, command) for command in told), pattern


@pytest.mark.parametrize("block", blocks("shell"))
def test_playbooks_and_variables_of_commands_exist(block: Block) -> None:
    for command in commands(block):
        words = shlex.split(command)
        if words[0] == "export":
            assert all(name_of_secret(word.partition("=")[0]) for word in words[1:])
        if words[0] != "ansible-playbook":
            continue
        names = [word for word in words[1:] if word.startswith("certfleet.reseller.")]
        assert all(checks.playbook(name) for name in names)
        for option, value in zip(words, words[1:]):
            if option == "-e":
                given = yaml.safe_load(value) if value.startswith("{") else dict([value.split("=", 1)])
                assert checks.variable_faults(given) == [], value


def name_of_secret(name: str) -> bool:
    """Whether a module takes something from this variable of the environment."""
    return any(name in path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/doc_fragments/*.py")) or any(
        name in path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/modules/*.py")
    )
