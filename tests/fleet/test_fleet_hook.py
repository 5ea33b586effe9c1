# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role sslcom_reseller_hook on a host with a real systemd and without a network: from nothing, again, killed, upgraded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.conftest import missing
from tests.support import fleet_root
from tests.support.fleet_machines import Impossible, Machine, Machines
from tests.support.hook import CUSTOMER, KID

NAME, ADDRESS = "desk1", "10.77.0.71"
PLAYBOOK = "- {hosts: all, gather_facts: false, roles: [{role: certfleet.reseller.sslcom_reseller_hook}]}\n"
LOAD = """
import json, sys, threading, time, urllib.error, urllib.request
url, kid, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
end, counts, lock = time.monotonic() + seconds, {}, threading.Lock()
def ask(number):
    count = 0
    while time.monotonic() < end:
        count += 1
        names = [f"n{count}.c{number}.{time.time_ns()}.alpha.test"]
        body = {"kid": kid, "product": "sslcom_dv", "duration": "365", "identifiers": {"dns": names}}
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            told = str(urllib.request.urlopen(request, timeout=30).status)
        except urllib.error.HTTPError as error:
            told = str(error.code)
        except OSError:
            told = "none"
        with lock:
            counts[told] = counts.get(told, 0) + 1
threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(counts))
"""


@pytest.fixture(scope="module")
def wheelhouse() -> Path:
    return fleet_root.wheels()


@pytest.fixture(scope="module")
def desk() -> Iterator[Machines]:
    machines = Machines(Machine(NAME, ADDRESS))
    try:
        try:
            machines.start()
        except Impossible as error:
            missing(f"no host: {error}")
        yield machines
    finally:
        machines.stop()


def play(machines: Machines, path: Path, wheelhouse: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    host = {
        "ansible_host": ADDRESS,
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(machines.key),
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={machines.folder / 'known_hosts'} -o IdentitiesOnly=yes",
        "certfleet_state_path": str(path / "state"),
        "sslcom_reseller_hook_customers": {"alpha": CUSTOMER | {"balance": "1000000.00"}},
        "sslcom_reseller_hook_wheelhouse": str(wheelhouse),
        **{f"sslcom_reseller_hook_{name}": value for name, value in more.items()},
    }
    (path / "inventory.json").write_text(json.dumps({"all": {"hosts": {NAME: host}}}))
    (path / "play.yml").write_text(PLAYBOOK)
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        machines.outside_command(program, "-i", str(path / "inventory.json"), str(path / "play.yml"), folder=path),
        env={
            **os.environ,
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(machines.folder / "control"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_the_role_on_a_host(desk: Machines, wheelhouse: Path, tmp_path: Path) -> None:
    done = play(desk, tmp_path, wheelhouse)
    assert done.returncode == 0, done.stdout + done.stderr
    again = play(desk, tmp_path, wheelhouse)
    assert (again.returncode, "changed=0" in again.stdout) == (0, True), again.stdout + again.stderr
    prefix = (tmp_path / "state" / "hook" / "prefix").read_text().strip()
    url = f"http://127.0.0.1:8088/{prefix}/reseller_authorization"

    def load(seconds: float) -> tuple[dict[str, int], str]:
        command = desk.host_command(NAME, "python3", "-c", LOAD, url, KID, str(seconds))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout
            changed = play(desk, tmp_path, wheelhouse, log_level="warning" if seconds > 1 else "info")
            assert changed.returncode == 0, changed.stdout + changed.stderr
            return json.loads(client.stdout.read()), changed.stdout

    upgraded, output = load(60)
    assert "RUNNING HANDLER [certfleet.reseller.sslcom_reseller_hook : Restart the hook]" in output
    pid = desk.run(NAME, "systemctl", "show", "-P", "MainPID", "certfleet-hook").strip()
    desk.run(NAME, "kill", "-KILL", pid)
    killed = desk.run(NAME, "python3", "-c", LOAD, url, KID, "3")  # systemd brings it back, and the socket was there
    desk.run(NAME, "systemctl", "start", "certfleet-hook-backup.service")
    copies = desk.run(NAME, "ls", "/var/backups/certfleet-hook").split()
    verdict = desk.run(NAME, "certfleet-hook", "verify-log")
    print(
        f"\nan upgrade under load: answers {upgraded}; after SIGKILL {killed.strip()}; {len(copies)} copy; {verdict[:30]}"
    )
    assert set(upgraded) == {"200"}
    assert set(json.loads(killed)) == {"200"}
    assert len(copies) == 1
    assert ", 0 problems" in verdict
