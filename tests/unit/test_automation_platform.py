# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide docs/docsite/rst/automation_platform.rst: what can be proven without a controller, a registry and a cluster."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.loader import module_loader

from tests.support import block_checks as checks
from tests.support.blocks import ROOT, Block, commands, is_variable, rst

GUIDE = "docs/docsite/rst/automation_platform.rst"
BLOCKS = rst(GUIDE)
FILES = {found: block for block in BLOCKS for found in re.findall(r"\A# (\S+\.yml)\n", block.text)}
EXAMPLES = {path.name: json.loads(path.read_text()) for path in ROOT.glob("docs/docsite/examples/automation_*.json")}
NOT_RUN = {
    "ansible-builder build": "needs a container engine, and the images of a registry",
    "podman push": "needs a registry",
}


def blocks(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = EXAMPLES[f"automation_{name}.json"]
    return found


def test_every_block_is_looked_at() -> None:
    assert {block.language for block in BLOCKS} == {"yaml", "json", "console"}
    assert set(FILES) == {"group_vars/all.yml", "pod.yml", "site.yml", "report.yml", "configure.yml"}
    assert len(FILES) == len(blocks("yaml"))
    assert (len(blocks("console")), len(blocks("json"))) == (1, 1 + len(EXAMPLES))


def test_the_definition_makes_a_context(tmp_path: Path) -> None:
    """As ansible-builder reads it, without network and engine; the rest of the commands needs both."""
    shutil.copy(ROOT / "execution-environment.yml", tmp_path)
    scripts = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    (block,) = blocks("console")
    for command in commands(block):
        if not command.startswith(tuple(NOT_RUN)):
            subprocess.run(command.split(), cwd=tmp_path, env=env, check=True, capture_output=True, timeout=60)
    (container,) = (tmp_path / "context").glob("*file")  # a Containerfile or a Dockerfile, as the machine has it
    assert "ansible-galaxy collection install" in container.read_text()
    assert "certfleet.reseller" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()


def test_the_blocks_are_the_files() -> None:
    written = [block.value for block in blocks("json")]
    assert [value for value in written if isinstance(value, dict)] == [example("credential_type"), example("survey")]
    for name in EXAMPLES:
        assert name in (ROOT / GUIDE).read_text()


@pytest.mark.parametrize("name", ["site.yml", "report.yml", "configure.yml"])
def test_plays(name: str) -> None:
    plays = FILES[name].value
    assert [fault for play in plays for fault in checks.play_faults(play)] == []
    for task in plays[0].get("tasks", []):  # so that their options were compared
        assert module_loader.find_plugin_with_context(checks.module_of(task)).resolved, task["name"]


def test_the_state_is_on_the_volume() -> None:
    place = FILES["group_vars/all.yml"].value["certfleet_state_path"]
    spec = FILES["pod.yml"].value["spec"]
    (container,) = spec["containers"]
    assert container["name"] == "worker"  # the one that AWX gives the job to
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [place]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in spec["volumes"]]
    (paths,) = [block.value for block in blocks("json") if isinstance(block.value, list)]
    assert [path.split(":")[:2] for path in paths] == [[place, place]]


def test_the_credential_type_gives_what_the_modules_take() -> None:
    kind = example("credential_type")
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    texts = [
        path.read_text()
        for folder in ("modules", "doc_fragments")
        for path in (ROOT / "plugins" / folder).iterdir()
        if path.is_file()
    ]
    for variable, template in kind["injectors"]["env"].items():
        (name,) = re.findall(r"\{\{ (\w+)", template)
        assert fields[name]["secret"] is True
        assert any(f"E({variable})" in text for text in texts), variable
    assert len(kind["injectors"]["env"]) == len(fields)


def test_the_survey_asks_for_variables_that_there_are() -> None:
    questions = {question["variable"]: question for question in example("survey")["spec"]}
    assert [name for name in questions if not is_variable(name)] == []
    assert questions["sslmarket_client_allow_purchase"]["default"] == "false"
    play = FILES["configure.yml"].value[0]
    (schedule,) = [task["awx.awx.schedule"] for task in play["tasks"] if "awx.awx.schedule" in task]
    for name, answer in schedule["extra_data"].items():
        assert answer in questions[name].get("choices", [answer])
