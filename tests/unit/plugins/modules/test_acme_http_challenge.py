# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""http-01 challenges in a web root."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.plan import Plan
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.challenge import HttpChallenges

TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
OTHER = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
THUMBPRINT = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
PLACE = pathlib.Path(".well-known", "acme-challenge")


def challenge(token: str = TOKEN, content: str | None = None) -> dict[str, Any]:
    return {"token": token, "content": content or f"{token}.{THUMBPRINT}"}


def run(webroot: pathlib.Path, *challenges: dict[str, Any], state: str = "present", check: bool = False) -> Plan:
    resource = HttpChallenges()
    want = resource.want({"webroot": str(webroot), "challenges": list(challenges), "state": state})
    plan = resource.plan(want, resource.read(want))
    if not check:
        for step in plan.steps:
            resource.apply(step)
    return plan


def actions(plan: Plan) -> list[str]:
    return [step.action for step in plan.steps]


def test_life(tmp_path: pathlib.Path) -> None:
    """check, real, again, changed, again, absent, again."""
    webroot = tmp_path / "www"
    before = os.umask(0o077)
    try:
        predicted = run(webroot, challenge(), challenge(OTHER), check=True)
        assert list(tmp_path.iterdir()) == []
        assert run(webroot, challenge(), challenge(OTHER)) == predicted
    finally:
        os.umask(before)
    assert actions(predicted) == ["publish", "publish"]
    assert (webroot / PLACE / TOKEN).read_text() == f"{TOKEN}.{THUMBPRINT}"
    for directory in (webroot, webroot / ".well-known", webroot / PLACE):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    assert stat.S_IMODE((webroot / PLACE / TOKEN).stat().st_mode) == 0o644
    assert actions(run(webroot, challenge(), challenge(OTHER))) == []

    (webroot / PLACE / TOKEN).write_text("something else")
    (webroot / PLACE / OTHER).chmod(0o600)
    assert actions(run(webroot, challenge(), challenge(OTHER))) == ["publish", "publish"]
    assert actions(run(webroot, challenge(), challenge(OTHER))) == []

    (webroot / PLACE / "not-ours").write_text("stays")
    assert actions(run(webroot, challenge(), state="absent")) == ["remove"]
    assert sorted(path.name for path in (webroot / PLACE).iterdir()) == sorted([OTHER, "not-ours"])
    assert actions(run(webroot, challenge(), state="absent")) == []
    assert actions(run(tmp_path / "nothing", {"token": TOKEN, "content": None}, state="absent")) == []


def test_difference(tmp_path: pathlib.Path) -> None:
    plan = run(tmp_path, challenge())
    content = {"content": f"{TOKEN}.{THUMBPRINT}", "mode": "0644"}
    assert plan.diff() == {"before": {TOKEN: None}, "after": {TOKEN: content}}
    assert run(tmp_path, challenge(), state="absent").diff() == {"before": {TOKEN: content}, "after": {TOKEN: None}}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a.b",
        "a b",
        "a\n",
        "\n",
        "a\0",
        "ü",
        "x" * 129,
        "%2e%2e",
        "/etc/passwd",
        "~",
        "a\\b",
    ],
)
def test_hostile_tokens(tmp_path: pathlib.Path, token: str, state: str) -> None:
    with pytest.raises(UsageError, match="not a token"):
        run(tmp_path, challenge(token), state=state)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "<script>",
        TOKEN,
        f"{TOKEN}.",
        f"{OTHER}.{THUMBPRINT}",
        f"{TOKEN}.{THUMBPRINT}\n",
        f"{TOKEN}.{THUMBPRINT[:-1]}",
        f"{TOKEN}.{THUMBPRINT}A",
        f"{TOKEN}.{THUMBPRINT[:-1]}<",
    ],
)
def test_hostile_contents(tmp_path: pathlib.Path, content: str) -> None:
    with pytest.raises(UsageError, match="not its key authorization"):
        run(tmp_path, challenge(TOKEN, content))


def test_missing_content(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="not its key authorization"):
        run(tmp_path, {"token": TOKEN, "content": None})


def test_the_same_token_twice(tmp_path: pathlib.Path) -> None:
    assert actions(run(tmp_path, challenge(), challenge())) == ["publish"]
    with pytest.raises(UsageError, match="two contents"):
        run(tmp_path, challenge(), challenge(TOKEN, f"{TOKEN}.{THUMBPRINT[::-1]}"))


def test_odd_things_in_the_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / PLACE).mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / PLACE / TOKEN).symlink_to(tmp_path / "secret")
    for state in ("present", "absent"):
        with pytest.raises(StateError, match="symbolic link"):
            run(tmp_path, challenge(), state=state)
    assert (tmp_path / "secret").read_text() == "secret"
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="not a directory"):
        run(tmp_path / "file", challenge())
    with pytest.raises(UsageError, match="absolute"):
        run(pathlib.Path("relative"), challenge())


def test_whole_module(tmp_path: pathlib.Path) -> None:
    """Through Ansible: check and real agree, the second run is free."""
    arguments = json.dumps({"webroot": str(tmp_path / "www"), "challenges": [challenge()]})
    command = [
        "ansible",
        "-i",
        "host.example,",
        "-c",
        "local",
        "all",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    command += ["-m", "certfleet.reseller.acme_http_challenge", "-a", arguments]
    seen = []
    for more in (["--check"], [], []):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        seen.append(json.loads(done.stdout.split("=>", 1)[1]))
    assert [each["changed"] for each in seen] == [True, True, False]
    assert seen[0] == seen[1]
    assert seen[2]["paths"] == [str(tmp_path / "www" / PLACE / TOKEN)]
