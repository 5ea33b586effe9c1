# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for domain validation in a web root."""

from __future__ import annotations

import json
import pathlib
import stat
import subprocess
import sys
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.validation import ValidationFiles

PLACE = "/.well-known/pki-validation/"
PATH = f"{PLACE}fileauth.txt"


def file(content: str | None = "20261122abc", path: str = PATH) -> dict[str, Any]:
    return {"path": path, "content": content}


def run(webroot: pathlib.Path, *files: dict[str, Any], state: str = "present", check: bool = False) -> Plan:
    resource = ValidationFiles()
    want = resource.want({"webroot": str(webroot), "files": list(files), "state": state})
    plan = resource.plan(want, resource.read(want))
    if not check:
        for step in plan.steps:
            resource.apply(step)
    return plan


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


def test_life(tmp_path: pathlib.Path) -> None:
    """check, real, again, another content, absent with the wrong content, absent, again."""
    place = tmp_path / "www" / ".well-known" / "pki-validation" / "fileauth.txt"
    webroot = tmp_path / "www"
    assert actions(run(webroot, file(), check=True)) == ["publish"]
    assert list(tmp_path.iterdir()) == []
    assert actions(run(webroot, file(), file())) == ["publish"]
    assert place.read_text() == "20261122abc"
    assert stat.S_IMODE(place.stat().st_mode) == 0o644
    assert actions(run(webroot, file())) == []
    assert actions(run(webroot, file("other"))) == ["publish"]
    assert actions(run(webroot, file(), state="absent")) == []
    assert place.read_text() == "other"
    assert actions(run(webroot, file(), file("other"), state="absent")) == ["remove"]
    assert actions(run(webroot, file(None), state="absent")) == []
    run(webroot, file("x\ny.example\n", PLACE + "0A1B.txt"))
    assert actions(run(webroot, file(None, PLACE + "0A1B.txt"), state="absent")) == ["remove"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        PLACE,
        PLACE + ".",
        PLACE + "..",
        PLACE + ".htaccess",
        PLACE + "../../index.html",
        PLACE + "a/b",
        PLACE + "a\n",
        PLACE + "a\0",
        PLACE + "%2e%2e",
        PLACE + "x" * 129,
        "/.well-known/acme-challenge/x",
        "fileauth.txt",
        "/etc/passwd",
        "." + PATH,
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_hostile_paths(tmp_path: pathlib.Path, path: str, state: str) -> None:
    with pytest.raises(UsageError, match="and a plain file name"):
        run(tmp_path, file(path=path), state=state)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["x\0", "\x1b[31m", "ü", "x" * 4097])
def test_hostile_contents(tmp_path: pathlib.Path, content: str) -> None:
    with pytest.raises(UsageError, match="is not plain text"):
        run(tmp_path, file(content))


def test_one_file_has_one_content(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="two contents for /.well-known") as caught:
        run(tmp_path, file(), file("other"))
    assert "TXT record" in caught.value.sentence()
    for nothing in (None, ""):
        with pytest.raises(UsageError, match="has no content"):
            run(tmp_path, file(nothing))


def test_odd_things_in_the_place(tmp_path: pathlib.Path) -> None:
    place = tmp_path / ".well-known" / "pki-validation"
    place.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (place / "fileauth.txt").symlink_to(tmp_path / "secret")
    for state in ("present", "absent"):
        with pytest.raises(StateError, match="symbolic link"):
            run(tmp_path, file(), state=state)
    with pytest.raises(UsageError, match="absolute"):
        run(pathlib.Path("relative"), file())


def test_whole_module(tmp_path: pathlib.Path) -> None:
    """Through Ansible: check and real agree, the second run is free."""
    arguments = json.dumps({"webroot": str(tmp_path), "files": [{**file(), "name": "a", "domain": "a.test"}]})
    command = ["ansible", "-i", "host.example,", "-c", "local", "all"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    command += ["-m", "certfleet.reseller.validation_file", "-a", arguments]
    seen = []
    for more in (["--check"], [], []):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        seen.append(json.loads(done.stdout.split("=>", 1)[1]))
    assert [each["changed"] for each in seen] == [True, True, False]
    assert seen[0] == seen[1]
    assert seen[2]["paths"] == [str(tmp_path) + PATH]
