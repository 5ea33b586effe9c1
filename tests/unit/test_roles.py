# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all roles have in common."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
# Variables of the inventory that the roles share, and what Ansible itself gives.
SHARED = re.compile(r"certfleet_[a-z_]+|ansible_[a-z_]+")


def load(role: str, *parts: str) -> Any:
    path = ROOT.joinpath("roles", role, *parts)
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def options(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


def task_files(role: str) -> list[Path]:
    return sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))


def tasks(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All tasks, those of blocks included."""
    found = []
    for entry in entries or []:
        found.append(entry)
        for part in ("block", "rescue", "always"):
            found += tasks(entry.get(part, []))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_what_the_spec_says(role: str) -> None:
    defaults = load(role, "defaults", "main.yml")
    assert set(defaults) == set(options(role))
    for name, option in options(role).items():
        # documentation cannot hold a template for a list or a dictionary
        templated = isinstance(defaults[name], str) and option["type"] in ("list", "dict")
        assert "By default" in str(option["description"]) if templated else option["default"] == defaults[name], name


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role: str) -> None:
    assert all(option.get("description") and option.get("type") for option in options(role).values())


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_name_of_the_role(role: str) -> None:
    assert all(name.startswith(f"{role}_") for name in load(role, "defaults", "main.yml"))
    assert all(name.startswith(f"__{role}_") for name in load(role, "vars", "main.yml"))
    for path in task_files(role):
        for task in tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            made = [task["register"]] if "register" in task else []
            made += [*task.get("vars", {}), *task.get("ansible.builtin.set_fact", {})]
            for name in made:
                assert (
                    name.startswith((f"__{role}_", f"{role}_")) or SHARED.fullmatch(name) or name == "sandbox_endpoints"
                ), name


@pytest.mark.parametrize("role", ROLES)
def test_main_is_a_table_of_contents(role: str) -> None:
    text = (ROOT / "roles" / role / "tasks" / "main.yml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    modules = {key for task in tasks(yaml.safe_load(text)) for key in task if key.startswith("ansible.builtin.")}
    assert modules <= {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"}


@pytest.mark.parametrize("role", ROLES)
def test_tasks_have_names_and_shells_are_not_used(role: str) -> None:
    for path in task_files(role):
        for task in tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            assert "name" in task or "block" in task, path
            assert not {"ansible.builtin.shell", "shell", "ignore_errors"} & set(task), path


@pytest.mark.parametrize("role", ROLES)
def test_readme_names_every_variable_or_where_they_are(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    named = all(name in text for name in options(role))
    assert named or "argument_specs.yml" in text
    assert len(text.splitlines()) <= 70
