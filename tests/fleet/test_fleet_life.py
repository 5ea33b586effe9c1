# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet ends with the process that started it, however that ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fleet_machines
from tests.support.fleet_machines import Machines

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import sys
from tests.support.fleet_machines import Machine, Machines
with Machines(Machine("short", "10.77.0.11")) as machines:
    print(machines.folder, *machines.processes(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_fleet_whose_starter_ends(machines: Machines, number: int) -> None:
    """Nothing runs, nothing is mounted; what a killed one leaves in the file system goes with the next fleet."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout
    assert starter.stdin
    with starter:
        folder, *processes = starter.stdout.readline().split()
        ends = []
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # what starts at boot, some of it briefly
                ends.append(os.pidfd_open(int(process)))
        starter.send_signal(number)
        starter.wait()
    for end in ends:
        assert select.select([end], [], [], 20)[0], "a process of the fleet still runs"
        os.close(end)
    assert len(ends) >= 5  # unshare, the first process, systemd-nspawn, systemd, sshd
    fleet_machines.remove_leftovers()
    assert not Path(folder).exists()
    assert [place for place in fleet_machines.CGROUPS if (place / Path(folder).name).exists()] == []
    assert folder not in Path("/proc/self/mounts").read_text()
    assert machines.folder.exists()
    print(f"{signal.Signals(number).name}: {len(ends)} processes of a fleet, 0 of them left")
