# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python -m certfleet_sandbox start|stop|status|ledger|reload-host``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from certfleet_sandbox import options, supervisor
from certfleet_sandbox.faults import Seeded
from certfleet_sandbox.files import read_json, write_atomic
from certfleet_sandbox.ledger import Ledger, closing, table
from certfleet_sandbox.options import Options
from certfleet_sandbox.reload import reload_host
from certfleet_sandbox.sslmarket import knobs

STOP_SECONDS = 15
LOG_LINES = 30


def main(arguments: list[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    command: Any = parsed.command
    return int(command(parsed))


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="certfleet_sandbox",
        description="Simulators of SSL.com, IdenTrust and SSLmarket, real ACME servers, a DNS server and hosts, all on loopback.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=function)
        return found

    def with_state(found: argparse.ArgumentParser) -> argparse.ArgumentParser:
        found.add_argument("--state", type=_path, required=True, metavar="DIR", help="state directory")
        return found

    start = with_state(command("start", _start, "Run a sandbox, in the foreground unless told otherwise."))
    start.add_argument(
        "--detach", action="store_true", help="start in the background, wait until it is ready, print its endpoints"
    )
    start.add_argument(
        "--replace", action="store_true", help="with --detach: stop one that runs with other options first"
    )
    start.add_argument(
        "--plan", action="store_true", help="only say what --detach would do: unchanged, start or replace"
    )
    options.add_to(start)
    with_state(command("stop", _stop, "Stop a sandbox and wait until all of its processes are gone."))
    with_state(command("status", _status, "Say whether a sandbox runs; exit code 0 if so, 3 if not."))
    ledger = with_state(command("ledger", _ledger, "Show every request that the services got."))
    ledger.add_argument("--json", action="store_true", help="one JSON object per line, with all details")
    reload = command(
        "reload-host", _reload, "Make a host read its certificates again; exit code 1 when it refuses them."
    )
    reload.add_argument("--root", type=_path, required=True, help="the host's root directory")
    return parser


def _fail(text: str, code: int = 1) -> int:
    print(text, file=sys.stderr)
    return code


def _plan(state: Path, wanted: Options) -> str:
    """What has to be done to have a sandbox with these options."""
    if not supervisor.pid_file(state).held():
        return "start"
    same = read_json(state / "options.json") == wanted.as_dict() and supervisor.endpoints_path(state).exists()
    return "unchanged" if same else "replace"


def _start(arguments: argparse.Namespace) -> int:
    wanted = options.from_arguments(arguments)
    try:
        Seeded.parse(wanted.faults)
        knobs.parse(wanted.sslmarket_knobs)
    except ValueError as error:
        return _fail(str(error), 2)
    if arguments.plan:
        print(_plan(arguments.state.resolve(), wanted))
        return 0
    state = options.state_directory(arguments.state)
    if arguments.detach:
        return _detach(state, wanted, arguments.replace)
    try:
        supervisor.Supervisor(state, wanted).run()
    except supervisor.Failed as error:
        return _fail(str(error))
    return 0


def _detach(state: Path, wanted: Options, replace: bool) -> int:
    plan = _plan(state, wanted)
    if plan == "replace":
        if not replace:
            return _fail(f"a sandbox runs in {state} with other options; stop it first, or use --replace", 2)
        if not _ended(state):
            return _fail(f"the sandbox in {state} does not end")
    if plan != "unchanged":
        problem = _launch(state, wanted)
        if problem:
            return _fail(problem)
    print(json.dumps(read_json(supervisor.endpoints_path(state)), indent=2))
    return 0


def _launch(state: Path, wanted: Options) -> str | None:
    """Starts one in the background; why it did not come up, or None."""
    # What a killed sandbox left behind must not be taken for this one's.
    supervisor.endpoints_path(state).unlink(missing_ok=True)
    write_atomic(state / "sandbox.log", b"")
    command = [
        sys.executable,
        str(Path(__file__).resolve().parent),
        "start",
        "--state",
        str(state),
        *wanted.as_arguments(),
    ]
    with (state / "sandbox.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + supervisor.READY_SECONDS + 10
    while process.poll() is None:
        endpoints = read_json(supervisor.endpoints_path(state))
        if endpoints and endpoints["pid"] == process.pid:
            return None
        if time.monotonic() > end:
            process.terminate()
            process.wait()
        time.sleep(0.02)
    lines = (state / "sandbox.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(["the sandbox did not come up; the end of its log:", *lines[-LOG_LINES:]])


def _ended(state: Path) -> bool:
    """Ends the sandbox of a state directory; the lock of its pid file is free when its last process has gone."""
    lock = supervisor.pid_file(state)
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = lock.pid()
        if pid is None:
            return True
        # It may be dead already, and its children on their way.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end:
            if not lock.held():
                return True
            time.sleep(0.02)
    return False


def _stop(arguments: argparse.Namespace) -> int:
    state = arguments.state.resolve()
    running = supervisor.pid_file(state).held()
    if not _ended(state):
        return _fail(f"the sandbox in {state} does not end")
    supervisor.endpoints_path(state).unlink(missing_ok=True)
    print("stopped" if running else "was not running")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    state = arguments.state.resolve()
    pid = supervisor.pid_file(state).pid()
    if pid is None:
        print("not running")
        return 3
    endpoints = read_json(supervisor.endpoints_path(state))
    if endpoints is None:
        print(f"running, pid {pid}, not ready")
        return 0
    lines = [f"running, pid {pid}", f"control    {endpoints['control_url']}", f"dns        {endpoints['dns']}"]
    for provider in ("sslcom", "identrust", "sslmarket"):
        lines.append(f"{provider:<10} {endpoints[provider]['api_url']}")
        lines += [f"  {name:<8} {url}" for name, url in endpoints[provider].get("directory_urls", {}).items()]
    for name, entry in endpoints["hosts"].items():
        lines.append(
            f"host       {name}: {entry['address']}, http {entry['http_port']}, tls {entry['tls_port']}, {entry['root']}"
        )
    print("\n".join(lines))
    return 0


def _ledger(arguments: argparse.Namespace) -> int:
    entries = Ledger(arguments.state / "ledger.jsonl").entries()
    if arguments.json:
        print("\n".join(json.dumps(entry) for entry in entries))
    else:
        print("\n".join([table(entries), *closing(entries)]))
    return 0


def _reload(arguments: argparse.Namespace) -> int:
    problem = reload_host(arguments.root)
    return _fail(problem) if problem else 0
