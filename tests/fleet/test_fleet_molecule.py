# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario for real hosts: check mode, a rollout, nothing to do afterwards, and handshakes from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.certfleet import reseller

from tests.support.fleet_deploy import Fleet

SMTP = 25  # it speaks TLS after STARTTLS alone; the tests look at it, the scenario does not


def test_molecule_rolls_out_to_the_fleet(fleet: Fleet) -> None:
    renewed = fleet.issue()
    inventory = fleet.inventory(set(fleet.hosts), {"certfleet_serial": 2, "fleet_ca_path": str(fleet.authority_path)})
    endpoints: dict[str, list[dict[str, str]]] = {}
    for (host, _set, port), target in fleet.targets().items():
        if port != SMTP:
            endpoints.setdefault(host, []).append({"port": str(port), "name": target.rsplit(":", 1)[1]})
    inventory["all"]["hosts"] = {host: {"fleet_endpoints": found} for host, found in endpoints.items()}
    path = fleet.path / "molecule.json"
    path.write_text(json.dumps(inventory))
    program = str(Path(sys.executable).parent / "molecule")
    # by its linked path, so that molecule and Ansible agree about where the collection is
    place = Path(next(iter(reseller.__path__)))
    done = subprocess.run(
        fleet.machines.outside_command(program, "test", "-s", "fleet", folder=place),
        env={**fleet.environment(), "PWD": str(place), "NO_COLOR": "1", "CERTFLEET_FLEET_INVENTORY": str(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    fleet.touched |= set(fleet.hosts)
    assert done.returncode == 0, done.stdout
    assert fleet.served() == fleet.expected(renewed)
    print(f"molecule: {len(fleet.hosts)} hosts, {sum(map(len, endpoints.values()))} handshakes, 0 wrong")
