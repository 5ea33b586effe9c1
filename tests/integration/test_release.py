# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is released: the tarball, its signature, the changelog, the execution environment, and defaults for groups of modules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hostile import Hostile, reply
from tools import export
from tools.loopback_galaxy import Galaxy

ROOT = Path(__file__).resolve().parents[2]
NAME = "certfleet.reseller"
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def run(program: str, *arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A program of the tests' environment, or of the system."""
    own = Path(sys.executable).parent / program
    return subprocess.run(
        [str(own) if own.exists() else program, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def succeed(program: str, *arguments: object, cwd: Path, **more: str) -> str:
    done = run(program, *arguments, cwd=cwd, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    return Path(succeed(sys.executable, ROOT / "tools" / "build.py", folder, cwd=folder).strip())


# --- the tarball ------------------------------------------------------------------------------------------------------


def test_the_tarball_has_what_users_need_and_nothing_else(tarball: Path) -> None:
    assert tarball.name == f"certfleet-reseller-{VERSION}.tar.gz"
    assert tarball.stat().st_size < 5e6, "Galaxy takes 20 MB; this should stay far below"
    with tarfile.open(tarball) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert {name.partition("/")[0] for name in members} >= {
        "README.md",
        "LICENSE",
        "requirements.txt",
        "plugins",
        "roles",
    }
    tracked = succeed("git", "ls-files", cwd=ROOT).splitlines()
    added = (
        {name for name, member in members.items() if member.isfile()} - set(tracked) - {"MANIFEST.json", "FILES.json"}
    )
    untracked = succeed("git", "ls-files", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    assert added - set(untracked) == set()
    tops = {name.partition("/")[0] for name in members}
    assert tops & {"tests", "tools", "requirements", "Makefile", "noxfile.py", ".github", ".venv", ".work"} == set()


@pytest.fixture
def signer(tmp_path: Path, program: Any) -> Iterator[Any]:
    """sign(FILE, TARGET) with a key of its own, whose public half is in signer.keyring."""
    program("gpg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    more = {"GNUPGHOME": str(home)}
    options = ("--batch", "--pinentry-mode", "loopback", "--passphrase", "")
    succeed("gpg", *options, "--quick-generate-key", "tests", "ed25519", "sign", "1d", cwd=tmp_path, **more)

    def sign(file: Path, target: Path) -> Path:
        succeed("gpg", *options, "--detach-sign", "--armor", "--output", target, file, cwd=tmp_path, **more)
        return target

    sign.keyring = tmp_path / "certfleet.kbx"  # type: ignore[attr-defined]
    public = tmp_path / "release-key.asc"
    public.write_text(succeed("gpg", "--armor", "--export", "tests", cwd=tmp_path, **more), encoding="ascii")
    succeed(
        "gpg", "--no-default-keyring", "--keyring", tmp_path / "certfleet.kbx", "--import", public, cwd=tmp_path, **more
    )
    yield sign
    run("gpgconf", "--kill", "all", cwd=tmp_path, **more)


def test_signatures_are_verified(tarball: Path, signer: Any, tmp_path: Path) -> None:
    """As docs/docsite/rst/releases.rst describes it and .github/workflows/release.yml does it."""
    succeed("tar", "-xzf", tarball, "MANIFEST.json", cwd=tmp_path)
    good = signer(tmp_path / "MANIFEST.json", tmp_path / "good.asc")
    (tmp_path / "other").write_text("another manifest")
    wrong = signer(tmp_path / "other", tmp_path / "wrong.asc")
    wanted = f"{NAME}:=={VERSION}"
    with Galaxy(tarball) as galaxy:
        more = {"ANSIBLE_GALAXY_SERVER": galaxy.url, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
        more["ANSIBLE_HOME"] = str(tmp_path / "ansible")
        keyring = ("--keyring", signer.keyring, "--signature")
        install = ("collection", "install", wanted, "-p", tmp_path / "collections", *keyring)
        refused = run("ansible-galaxy", *install, wrong.as_uri(), cwd=tmp_path, **more)
        assert refused.returncode != 0
        assert not (tmp_path / "collections" / "ansible_collections" / "certfleet" / "reseller").exists()
        succeed("ansible-galaxy", *install, good.as_uri(), cwd=tmp_path, **more)
        verify = ("collection", "verify", f"{NAME}:{VERSION}", *keyring)
        succeed("ansible-galaxy", *verify, good.as_uri(), cwd=tmp_path, **more)
        assert run("ansible-galaxy", *verify, wrong.as_uri(), cwd=tmp_path, **more).returncode != 0
        place = tmp_path / "collections" / "ansible_collections" / "certfleet" / "reseller"
        with (place / "playbooks" / "site.yml").open("a") as file:
            file.write("# changed\n")
        changed = run("ansible-galaxy", *verify, good.as_uri(), cwd=tmp_path, **more)
        assert changed.returncode != 0
        assert "playbooks/site.yml" in changed.stdout + changed.stderr


def test_the_changelog_of_the_release_can_be_made(tmp_path: Path) -> None:
    copy = tmp_path / "ansible_collections" / "certfleet" / "reseller"
    export.copy_files(copy)
    before = run(sys.executable, "tools/release.py", "check", f"v{VERSION}", cwd=copy)
    fragments = {path.name for path in (copy / "changelogs" / "fragments").glob("*.yml")}
    assert (before.returncode, "fragments are not in the changelog" in before.stderr) == (1, True) or not fragments
    if fragments:
        succeed("antsibull-changelog", "release", cwd=copy)
    succeed("antsibull-changelog", "lint", cwd=copy)
    succeed("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", cwd=copy)
    text = (copy / "CHANGELOG.rst").read_text(encoding="utf-8")
    assert f"\nv{VERSION}\n" in text
    released = yaml.safe_load((copy / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    if VERSION == "1.0.0":  # everything is new
        modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
        assert {entry["name"] for entry in released[VERSION]["modules"]} == modules
        assert {entry["name"] for entry in released[VERSION]["objects"]["role"]} == {
            path.name for path in (ROOT / "roles").iterdir()
        }
    shutil.copy(copy / "LICENSE", copy / "docs" / "development" / "release-key.asc")  # any file will do here
    assert run(sys.executable, "tools/release.py", "check", f"v{VERSION}", cwd=copy).stderr == ""
    other = run(sys.executable, "tools/release.py", "check", "v0.9.0", cwd=copy)
    assert other.returncode == 1
    assert f"the tag must be v{VERSION}" in other.stderr


# --- execution environments and automation platforms ------------------------------------------------------------------


def test_the_execution_environment_makes_its_context(tmp_path: Path) -> None:
    succeed(
        "ansible-builder",
        "create",
        "-f",
        ROOT / "execution-environment.yml",
        "-c",
        tmp_path / "context",
        "--output-filename",
        "Containerfile",
        cwd=tmp_path,
    )
    files = {path.name for path in (tmp_path / "context").rglob("*")}
    assert files >= {"Containerfile", "requirements.yml", "bindep.txt"}
    collections = yaml.safe_load((tmp_path / "context" / "_build" / "requirements.yml").read_text())["collections"]
    assert [entry["name"] for entry in collections] == [NAME]
    # what the build would find in the collection itself
    place = tmp_path / "ansible_collections" / "certfleet"
    place.mkdir(parents=True)
    (place / "reseller").symlink_to(ROOT, target_is_directory=True)
    found = yaml.safe_load(succeed("ansible-builder", "introspect", tmp_path, cwd=tmp_path))
    wanted = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [re.split(r"\s+#", line)[0] for line in found["python"]] == wanted


def test_the_examples_for_automation_platforms_fit() -> None:
    folder = ROOT / "docs" / "docsite" / "examples"
    survey = json.loads((folder / "automation_survey.json").read_text(encoding="utf-8"))
    texts = [
        path.read_text(encoding="utf-8")
        for path in (*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/defaults/main.yml"))
    ]
    texts += [path.read_text(encoding="utf-8") for path in ROOT.glob("playbooks/tasks/*.yml")]
    for question in survey["spec"]:
        assert {"question_name", "variable", "type", "required", "default"} <= set(question)
        assert question["type"] != "multiplechoice" or question["default"] in question["choices"]
        assert any(re.search(rf"\b{question['variable']}\b", text) for text in texts), question["variable"]
    credential = json.loads((folder / "automation_credential_type.json").read_text(encoding="utf-8"))
    fields = {field["id"]: field["secret"] for field in credential["inputs"]["fields"]}
    assert all(fields.values())
    used = {re.findall(r"{{ (\w+) ", text)[0] for text in credential["injectors"]["env"].values()}
    assert used == set(fields)
    modules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("*.py"))
    assert all(f"E({name})" in modules for name in credential["injectors"]["env"])


# --- module_defaults --------------------------------------------------------------------------------------------------


def test_defaults_of_groups_reach_the_modules(tmp_path: Path) -> None:
    with Hostile(reply(401, {"error": "no"})) as server:
        tasks: list[dict[str, Any]] = [
            {f"{NAME}.sslcom_acme_credential": {"description": "Alpha", "path": str(tmp_path / "alpha.json")}},
            {f"{NAME}.identrust_account": {"customer_email": "tls@beta.test", "path": str(tmp_path / "beta.json")}},
            {f"{NAME}.sslmarket_product_info": {}},
            {f"{NAME}.acme_account": {"contact": ["tls@alpha.test"]}},
        ]
        defaults: dict[str, Any] = {
            f"group/{NAME}.sslcom": {
                "api_url": f"{server.url}/sslcom",
                "account_key": "key4711",
                "secret_key": "key4712",
            },
            f"group/{NAME}.identrust": {"api_url": f"{server.url}/identrust", "api_key": "key4713"},
            f"group/{NAME}.sslmarket": {"api_url": f"{server.url}/sslmarket", "api_token": "key4714"},
            f"group/{NAME}.acme": {
                "directory_url": f"{server.url}/acme",
                "account_key_path": str(tmp_path / "account.key"),
            },
        }
        plays = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "ignore_errors": True,
                "module_defaults": {**defaults, f"group/{NAME}.all": {"timeout": timeout}},
                "tasks": tasks,
            }
            for timeout in (5, 0)
        ]
        (tmp_path / "play.json").write_text(json.dumps(plays), encoding="utf-8")
        output = succeed("ansible-playbook", "play.json", cwd=tmp_path)
    places = {received.target.split("/")[1] for received in server.requests}
    assert places >= {"sslcom", "identrust", "sslmarket", "acme"}, output
    # the second play: each module refuses the time that the group of all gives
    assert len(re.findall(r'"msg": "[^"]*timeout[^"]*"', output)) == len(tasks), output
    assert "Unsupported parameters" not in output
    print(f"module_defaults: {len(defaults) + 1} groups, {len(tasks)} modules, {len(server.requests)} requests")
