# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping, starting again; and nothing is left behind, whatever ends the supervisor."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from certfleet_sandbox.files import PidFile
from certfleet_sandbox.options import Options

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

from .calls import create_credentials

HOSTS = {"life": "127.0.0.1"}
CLOSED_SECONDS = 5


def processes(state: Path) -> list[str]:
    """Processes whose command line names this state directory, or that the sandbox there forked (they have the same)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(state) in line and int(entry.parent.name) != os.getpid():
            found.append(line)
    return found


def ports(sandbox: Sandbox) -> dict[str, int]:
    found: dict[str, int] = json.loads((sandbox.state / "ports.json").read_text())
    return found


def closed(numbers: dict[str, int]) -> bool:
    def refused(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    return all(refused(port) for port in numbers.values())


def wait_until_gone(state: Path) -> None:
    wait_for(lambda: not PidFile(state / "sandbox.pid").held(), CLOSED_SECONDS)


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")


@needs_proc
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_is_left_running(tmp_path: Path, how: str) -> None:
    sandbox = Sandbox(tmp_path / "state", hosts=HOSTS).start()
    used = ports(sandbox)
    assert len(processes(sandbox.state)) == 4
    getattr(sandbox, how)()
    if how == "kill":
        wait_until_gone(sandbox.state)
    assert processes(sandbox.state) == []
    assert closed(used)
    assert (sandbox.state / "endpoints.json").exists() is (how == "kill")
    status = sandbox.run("status", "--state", str(sandbox.state))
    assert (status.returncode, status.stdout) == (3, "not running\n")


def test_ports_secrets_and_credentials_are_kept(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state")
    seen = []
    for _time in range(2):
        with sandbox:
            credentials = create_credentials(sandbox, "kept").json()
            seen.append((credentials, {**sandbox.endpoints, "pid": 0}, Path(sandbox.ca_path).read_bytes()))
    assert seen[0] == seen[1]
    assert sandbox.count(effect="credentials_created") == 1


@needs_proc
def test_detached(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    sandbox = Sandbox(tmp_path / "state")
    options = ["--host=one=127.0.0.1", "--resolve=*.one.test=127.0.0.1", "--http01-port=0", "--tls-port=0"]

    def start(*more: str) -> tuple[int, str]:
        result = sandbox.run("start", "--state", state, *options, *more)
        return result.returncode, result.stdout.strip()

    try:
        assert start("--plan") == (0, "start")
        code, first = start("--detach")
        assert code == 0
        assert json.loads(first) == json.loads((tmp_path / "state" / "endpoints.json").read_text())
        assert start("--plan") == (0, "unchanged")
        assert start("--detach") == (0, first)
        # Other options do not pass unnoticed.
        assert start("--plan", "--days=47") == (0, "replace")
        assert start("--detach", "--days=47") == (2, "")
        code, second = start("--detach", "--days=47", "--replace")
        assert (code, json.loads(second)["pid"] != json.loads(first)["pid"]) == (0, True)
        assert "running, pid" in sandbox.run("status", "--state", state).stdout
        assert sandbox.run("start", "--state", state).returncode == 1
    finally:
        stopped = sandbox.run("stop", "--state", state)
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    assert processes(tmp_path / "state") == []
    assert sandbox.run("stop", "--state", state).stdout == "was not running\n"


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = sandbox.run("start", "--detach", "--state", str(tmp_path / "state"), f"--port-base={port}")
    assert (result.returncode, f"port {port}" in result.stderr) == (1, True)
    wait_until_gone(tmp_path / "state")


@pytest.mark.parametrize(
    "wrong",
    ["--host=x", "--host=x=y", "--host=a/b=127.0.0.1", "--faults=rate=5", "--resolve=x=", "--sslmarket-knobs=x=1"],
)
def test_wrong_options(tmp_path: Path, wrong: str) -> None:
    result = Sandbox(tmp_path / "state").run("start", "--state", str(tmp_path / "state"), wrong)
    assert (result.returncode, bool(result.stderr)) == (2, True)


def test_options_survive_a_command_line() -> None:
    from certfleet_sandbox.cli import _parser
    from certfleet_sandbox.options import from_arguments

    options = Options(
        8000,
        {"a": "127.0.0.2"},
        {"*.x.test": "127.0.0.2"},
        "127.0.0.3",
        1,
        2,
        47,
        "seed=2,rate=1",
        "conflict",
        "list_limit=2",
    )
    parsed = _parser().parse_args(["start", "--state", "x", *options.as_arguments()])
    assert from_arguments(parsed) == options
