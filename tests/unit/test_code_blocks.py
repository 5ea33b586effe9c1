# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code block of README, guides, roles' READMEs and plugins' EXAMPLES is of a known kind, and right as far as that shows without
running it. tests/integration/test_guides.py runs them; docs/development/docs.md is the overview."""

from __future__ import annotations

import collections
import configparser
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.config.manager import ConfigManager
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.certfleet.reseller.extensions.eda.plugins.event_source import sslcom_hook
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential

from tests.support import block_checks as checks
from tests.support.block_commands import NOT_RUN, RUN, TESTS, way
from tests.support.blocks import LANGUAGES, ROOT, Block, all_blocks, commands, yaml_kind

BLOCKS = all_blocks()
KINDS = {
    *("inventory", "certificate", "tasks", "playbook", "roles", "rulebook", "requirements", "prometheus"),
    *("hosts", "settings", "foreign", "shell", "text", "nginx", "json"),
}


def blocks(*kinds: str) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.kind in kinds]


def test_every_block_is_of_a_known_kind() -> None:
    counts = collections.Counter(block.kind for block in BLOCKS)
    print(f"{len(BLOCKS)} blocks: {', '.join(f'{kind} {count}' for kind, count in counts.most_common())}")
    # a guide with a test of its own may have files of other programs
    unknown = [block for block in BLOCKS if block.kind not in KINDS]
    assert [block.place for block in unknown if block.source not in TESTS] == []
    assert all(block.language in LANGUAGES or block.value for block in unknown)
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


@pytest.mark.parametrize("block", blocks("hosts"))
def test_hosts(block: Block, tmp_path: Path) -> None:
    """An inventory file in Ansible's INI format, with hosts and groups that the tests know."""
    place = tmp_path / "inventory"
    place.write_text(block.text)
    groups = InventoryManager(DataLoader(), sources=str(place)).get_groups_dict()
    assert {name: groups[name] for name in groups if name in checks.GROUPS and name != "all"} != {}
    assert set(groups["all"]) <= set(checks.GROUPS["all"])


@pytest.mark.parametrize("block", blocks("settings"))
def test_settings_of_ansible(block: Block) -> None:
    """Sections and keys that Ansible, or a plugin that comes with it, knows."""
    known = {
        (place["section"], place["key"])
        for option in ConfigManager().get_configuration_definitions().values()
        for place in option.get("ini", [])
    }
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(block.text)
    assert [
        (section, key) for section in parser.sections() for key in parser[section] if (section, key) not in known
    ] == []


@pytest.mark.parametrize("block", blocks("foreign"))
def test_variables_of_other_roles(block: Block) -> None:
    """Nobody here can say whether they are right; they are YAML, and have no template that is broken."""
    assert isinstance(block.value, dict)
    assert checks.template_faults(block.value) == []


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


@pytest.mark.parametrize("block", [each for each in blocks("json") if each.values[0].source not in TESTS])
def test_credential_records(block: Block, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(block.text)
    record = credential.load(str(tmp_path / "record.json"))
    assert record
    assert set(json.loads(block.text)) <= set(record.to_json())


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
        assert block.source in TESTS or way(command), (
            f"{command}: neither run nor explained in tests/support/block_commands.py"
        )


def test_every_command_in_the_tables_is_in_a_text() -> None:
    told = [
        command
        for block in BLOCKS
        if block.kind == "shell" and block.source not in TESTS
        for command in commands(block)
    ]
    print(
        f"{len(told)} commands: {sum(way(each) == 'run' for each in told)} run, {sum(way(each) == 'not run' for each in told)} not run"
    )
    for pattern in (*RUN, *NOT_RUN):
        assert any(re.match(pattern, command) for command in told), pattern


@pytest.mark.parametrize("guide", TESTS)
def test_guides_with_a_test_of_their_own(guide: str) -> None:
    assert not (ROOT / guide).exists() or Path(guide).name in (ROOT / TESTS[guide]).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", blocks("shell"))
def test_playbooks_and_variables_of_commands_exist(block: Block) -> None:
    for command in commands(block):
        words = shlex.split(command)
        if words[0] == "export":
            names = [word.partition("=")[0] for word in words[1:]]
            assert block.source in TESTS or all(map(name_of_secret, names))
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


# --- the checks themselves --------------------------------------------------------------------------------------------

MODULE = "certfleet.reseller.validation_file"
ENTRY = {"name": "www.example.com", "issuer": "alpha", "hosts": "web"}


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        (lambda: checks.variable_faults({"certfleet_isuers": {}}), "certfleet_isuers"),
        (lambda: checks.variable_faults({"certificate_deploy_keep": "many"}), "certificate_deploy_keep"),
        (lambda: checks.variable_faults({"certfleet_webroot": ["/var/www"]}), "certfleet_webroot"),
        (lambda: checks.variable_faults({"certfleet_certificates": [{**ENTRY, "hosts": "webservres"}]}), "webservres"),
        (lambda: checks.variable_faults({"certfleet_issuers": {"alpha": {"kind": "ssl"}}}), "kind"),
        (lambda: checks.variable_faults({"certfleet_renewal": {"freeze": []}}), "freeze"),
        (lambda: checks.task_faults({"name": "x", MODULE: {"webroot": "/"}}), "files"),
        (lambda: checks.task_faults({"name": "x", MODULE: {"webroot": "/", "files": [{"pth": "/x"}]}}), "pth"),
        (lambda: checks.task_faults({"name": "x", MODULE + "s": {}}), "no such module"),
        (lambda: checks.task_faults({MODULE: {"webroot": "/", "files": []}}), "no name"),
        (lambda: checks.task_faults({"name": "{{ x", "ansible.builtin.debug": {"msg": "{{ (x }}"}}), "x"),
        (lambda: checks.play_faults({"hosts": "web", "role": []}), "no keyword"),
        (lambda: checks.play_faults({"hosts": "web", "roles": ["certfleet.reseller.acme"]}), "no such role"),
    ],
)
def test_what_is_wrong_is_found(faults: Callable[[], list[str]], word: str) -> None:
    assert word in " ".join(faults())


@pytest.mark.parametrize(
    ("language", "text"),
    [("literal", "x"), ("", "x"), ("ruby", "x"), ("yaml", "unknown: 1"), ("yaml", "- 1"), ("yaml", "a text")],
)
def test_a_block_of_no_kind_is_unknown(language: str, text: str) -> None:
    assert Block("guide.rst", 1, language, text).kind == "unknown"


def test_commands_are_found_behind_prompts_and_over_lines() -> None:
    block = Block("guide.rst", 1, "console", "$ a --b \\\n    c   # why\noutput\n# d '#1'\n")
    assert list(commands(block)) == ["a --b c", "d '#1'"]
    assert way("rm -rf /") == ""
