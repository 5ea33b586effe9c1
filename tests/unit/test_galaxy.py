# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/development/checklist.md: what Galaxy, the Ansible community and certification ask of a collection, as far as a test can tell."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# galaxy-importer wants one of these
TAGS = [
    "ai",
    "application",
    "cloud",
    "database",
    "eda",
    "infrastructure",
    "linux",
    "monitoring",
    "networking",
    "security",
    "storage",
    "tools",
    "windows",
]
# In this order, as the partner certification wants them; Ours may stand between.
SECTIONS = [
    "Description",
    "Requirements",
    "Installation",
    "Use Cases",
    "Testing",
    "Contributing",
    "Support",
    "Release Notes and Roadmap",
    "Related Information",
    "License Information",
]
# They change nothing and are not called *_info; the reasons are in the checklist.
NOT_CALLED_INFO = {"cert_decode", "certificate_plan"}


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


GALAXY = load("galaxy.yml")
GROUPS: dict[str, list[str]] = load("meta/runtime.yml")["action_groups"]
CORES: dict[str, tuple[str, ...]] = runpy.run_path(str(ROOT / "noxfile.py"))["CORES"]


@pytest.fixture(scope="module")
def documentation() -> dict[str, dict[str, Any]]:
    """What ansible-doc says of each module, fragments included. That it is the argument spec, ansible-test proves."""
    names = [f"certfleet.reseller.{name}" for name in MODULES]
    program = str(Path(sys.executable).with_name("ansible-doc"))
    done = subprocess.run([program, "-t", "module", "-j", *names], capture_output=True, text=True, check=True)
    return {name.rsplit(".", 1)[1]: entry["doc"] for name, entry in json.loads(done.stdout).items()}


# --- galaxy.yml -------------------------------------------------------------------------------------------------------


def test_metadata() -> None:
    assert (GALAXY["namespace"], GALAXY["name"], GALAXY["readme"]) == ("certfleet", "reseller", "README.md")
    assert re.fullmatch(r"[1-9]\d*\.\d+\.\d+", GALAXY["version"])
    assert all(len(author) <= 64 for author in GALAXY["authors"])
    assert GALAXY["description"]
    assert all(GALAXY[key].startswith("https://") for key in ("repository", "documentation", "homepage", "issues"))


def test_license() -> None:
    assert GALAXY["license"] == ["GPL-3.0-or-later"]
    assert "license_file" not in GALAXY, "one of the two"
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    sources = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "extensions" / "eda").rglob("*.py")]
    assert [path for path in sources if "GPL-3.0-or-later" not in path.read_text(encoding="utf-8")[:300]] == []


def test_tags() -> None:
    assert set(GALAXY["tags"]) & set(TAGS)
    assert len(GALAXY["tags"]) <= 20
    assert all(re.fullmatch("[a-z][0-9a-z_]*", tag) and "__" not in tag for tag in GALAXY["tags"])


def test_needs_no_other_collection() -> None:
    assert GALAXY["dependencies"] == {}
    used = re.compile(r"\b(?!ansible\.builtin)(?:ansible|community|amazon)\.[a-z_]+\.[a-z_]+")
    files = [*(ROOT / "roles").rglob("tasks/*.yml"), *(ROOT / "playbooks").rglob("*.yml")]
    found = {name for path in files for name in used.findall(path.read_text(encoding="utf-8"))}
    assert files
    assert found == set()


def test_nothing_at_run_time_lies_elsewhere() -> None:
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    ignored = {name for name in GALAXY["build_ignore"] if "/" not in name}
    assert top - ignored == {
        "changelogs",
        "docs",
        "extensions",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }


# --- versions ---------------------------------------------------------------------------------------------------------


def test_supported_releases_of_ansible_core() -> None:
    cores = list(CORES)
    assert load("meta/runtime.yml")["requires_ansible"] == f">={cores[0]}.0"
    assert f"ansible-core {cores[0]} or newer" in README
    assert f"Tested with ansible-core {cores[0]} to {cores[-1]}" in README
    for role in (ROOT / "roles").iterdir():
        assert load(f"roles/{role.name}/meta/main.yml")["galaxy_info"]["min_ansible_version"] == cores[0]


def test_the_workflow_runs_each_session_of_the_matrix() -> None:
    included = load(".github/workflows/ci.yml")["jobs"]["ansible-core"]["strategy"]["matrix"]["include"]
    asked = [(entry["core"], entry["python"]) for entry in included]
    assert asked == [(core, python) for core, pythons in CORES.items() for python in pythons]


def test_version_added_is_a_version_of_the_collection() -> None:
    path = ROOT / "changelogs" / "changelog.yaml"
    versions = {GALAXY["version"], *(load("changelogs/changelog.yaml")["releases"] if path.exists() else ())}
    pattern = re.compile(r"""^\s*version_added: ["']?([^\s"']+)""", re.MULTILINE)
    folders = ("plugins", "roles", "extensions")
    files = [path for folder in folders for ext in ("py", "yml") for path in (ROOT / folder).rglob(f"*.{ext}")]
    found = {path: set(pattern.findall(path.read_text(encoding="utf-8"))) for path in files}
    assert {path: those - versions for path, those in found.items() if those - versions} == {}
    assert sum(1 for those in found.values() if those) >= len(MODULES)


# --- modules ----------------------------------------------------------------------------------------------------------


def test_all_modules_have_the_attributes(documentation: dict[str, dict[str, Any]]) -> None:
    for name, doc in documentation.items():
        attributes = doc["attributes"]
        assert {"check_mode", "diff_mode", "idempotent", "platform"} <= set(attributes), name
        for key, attribute in attributes.items():
            assert attribute["support"] in ("full", "partial", "none", "N/A"), (name, key)
            assert attribute["support"] not in ("partial", "none") or attribute.get("details"), (name, key)
        assert "check mode" not in str(doc.get("notes", "")).lower(), name
        assert doc["version_added_collection"] == "certfleet.reseller"


def test_modules_that_only_look_are_called_info(documentation: dict[str, dict[str, Any]]) -> None:
    looks = {name for name, doc in documentation.items() if "does not modify state" in str(doc["attributes"])}
    assert {name for name in looks if not name.endswith("_info")} == NOT_CALLED_INFO
    assert {name for name in documentation if name.endswith("_info")} <= looks
    checklist = (ROOT / "docs" / "development" / "checklist.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in checklist for name in NOT_CALLED_INFO)


def test_state_is_never_a_question(documentation: dict[str, dict[str, Any]]) -> None:
    states = {
        name: set(doc["options"]["state"]["choices"])
        for name, doc in documentation.items()
        if "choices" in doc["options"].get("state", {})
    }
    states = {name: found for name, found in states.items() if not name.endswith("_info")}
    assert states
    assert {name for name, found in states.items() if found & {"get", "list", "query", "info"}} == set()


def test_what_a_group_shares_all_its_modules_take(documentation: dict[str, dict[str, Any]]) -> None:
    shared = {"sslmarket": {"api_url", "api_token"}, "acme": {"directory_url", "account_key_path"}}
    shared["all"] = {"timeout", "ca_path"}
    for group, names in GROUPS.items():
        for name in names:
            assert shared.get(group, set()) <= set(documentation[name]["options"]), (group, name)


def test_every_module_is_in_the_groups_whose_options_it_has(documentation: dict[str, dict[str, Any]]) -> None:
    # for ocsp_check and certificate_status, timeout is the time for everything
    servers = {name for name, doc in documentation.items() if {"timeout", "ca_path"} <= set(doc["options"])}
    assert set(GROUPS["all"]) == servers - {"ocsp_check"}
    credentials = {
        name for name, doc in documentation.items() if {"directory_url", "account_key_path"} <= set(doc["options"])
    }
    assert set(GROUPS["acme"]) == credentials
    assert set(GROUPS["sslmarket"]) == {name for name, doc in documentation.items() if "api_token" in doc["options"]}
    providers = {name for name, doc in documentation.items() if "api_url" in doc["options"]}
    assert {name for group in ("sslcom", "identrust", "sslmarket") for name in GROUPS[group]} == providers


def test_modules_name_their_groups(documentation: dict[str, dict[str, Any]]) -> None:
    for name, doc in documentation.items():
        expected = {f"certfleet.reseller.{group}" for group, names in GROUPS.items() if name in names}
        named = doc["attributes"].get("action_group", {}).get("membership", [])
        assert set(named) == expected, name


def test_module_utils_are_private() -> None:
    folders = [path for path in (ROOT / "plugins" / "module_utils").iterdir() if path.name != "__pycache__"]
    assert folders
    assert all(path.name.startswith(("_", ".")) for path in folders)


# --- texts and requirements -------------------------------------------------------------------------------------------


def test_readme_has_the_sections_in_order() -> None:
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    assert prose.startswith("# certfleet.reseller\n")
    headings = re.findall(r"^## (.+)$", prose, re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS
    assert (
        3
        <= len(re.findall(r"^### ", prose[prose.index("## Use Cases") : prose.index("## Testing")], re.MULTILINE))
        <= 5
    )
    installation = README[README.index("## Installation") : README.index("## Use Cases")]
    for words in ("ansible-galaxy collection install certfleet.reseller\n", "requirements.yml", "--upgrade", ":=="):
        assert words in installation
    assert "pip install ansible" not in README


def test_readme_has_full_urls_alone() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []


def test_community() -> None:
    conduct = "docs.ansible.com/"
    assert conduct in (ROOT / "CODE_OF_CONDUCT.md").read_text(encoding="utf-8")
    assert "https://forum.ansible.com/tag/" in README
    assert "security/advisories/new" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert load("docs/docsite/links.yml")["communication"]["forums"]


def test_requirements_have_lower_bounds_alone() -> None:
    described = load("meta/execution-environment.yml")["dependencies"]
    assert (ROOT / described["python"]).name == "requirements.txt"
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    for line in filter(None, lines):
        assert re.fullmatch(r"[a-z0-9-]+(>=[0-9.]+)?", line), line
        assert not line.startswith("ansible")


def test_no_sanity_test_is_ignored() -> None:
    assert not [*(ROOT / "tests" / "sanity").glob("ignore*")]


def test_each_role_has_what_galaxy_shows_and_a_scenario() -> None:
    for role in (path for path in (ROOT / "roles").iterdir() if path.is_dir()):
        for part in ("README.md", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"):
            assert (role / part).is_file(), (role.name, part)
        assert load(f"roles/{role.name}/meta/argument_specs.yml")["argument_specs"]["main"]["version_added"]
        scenario = ROOT / "extensions" / "molecule" / role.name
        for part in ("molecule.yml", "converge.yml", "verify.yml"):
            assert (scenario / part).is_file(), f"the role {role.name} has no molecule scenario: {part} is missing"
        played = yaml.safe_load((scenario / "converge.yml").read_text(encoding="utf-8"))
        names = [entry["role"] for play in played for entry in play.get("roles", [])]
        assert f"certfleet.reseller.{role.name}" in names
        texts = "".join(path.read_text(encoding="utf-8") for path in scenario.glob("*.yml"))
        assert re.search(rf"^\s+{role.name}_\w+:", texts, re.MULTILINE), f"the scenario of {role.name} changes no value"


def test_molecule_checks_and_repeats() -> None:
    shared = load("extensions/molecule/config.yml")
    assert shared["driver"]["name"] == "default"
    sequence = shared["scenario"]["test_sequence"]
    assert [step for step in sequence if step in ("check", "converge", "idempotence", "verify")] == [
        "check",
        "converge",
        "idempotence",
        "verify",
    ]
    own = [path for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml") if path.parent.name != "fleet"]
    assert [path for path in own if "test_sequence" in path.read_text(encoding="utf-8")] == []


def test_the_checklist_is_whole_and_names_what_is_there() -> None:
    text = (ROOT / "docs" / "development" / "checklist.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| \d", line)]
    assert [int(row[0]) for row in rows] == list(range(1, 31))
    assert [row for row in rows if len(row) < 4 or not row[3].strip()] == []
    places = re.findall(r"((?:tests|tools|\.github)/[\w./-]+\.(?:py|yml)|docs/[\w./-]+\.(?:md|rst))", text)
    assert len(places) > 5
    assert [place for place in places if not (ROOT / place).exists()] == []
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not (ROOT / "docs" / "development" / link).exists()] == []
