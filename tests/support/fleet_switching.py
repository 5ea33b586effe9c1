# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a host of the fleet, on its own Python: the module's work many times over, and a reader beside it.

    fleet_switching.py switch COUNT         gets a list, the module's options for each version; deploys them in turn:
                                            [[start, proven, serial], ...]
    fleet_switching.py read DIRECTORY OVER  gets an object, the digests of key and full chain of each version; opens
                                            DIRECTORY each millisecond until there is OVER: reads, mixed, incomplete

Reads JSON, prints one line of it. The times are of the monotonic clock, the same in all hosts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time

PACE = 0.001


def switch(count: int) -> list[list[float | str]]:
    from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.deployment import Deployment

    versions, switches = json.load(sys.stdin), []
    for number in range(count):
        options = versions[number % len(versions)]
        start = time.monotonic()
        deployment = Deployment()
        want = deployment.want(options)
        plan = deployment.plan(want, deployment.read(want))
        actions = [step.action for step in plan.steps]
        assert "switch" in actions, actions
        assert actions[-1] in ("prove", "remove"), actions
        proven = 0.0
        for step in plan.steps:
            deployment.apply(step)
            if step.action == "prove":
                proven = time.monotonic()
        deployment.close()
        switches.append([start, proven, options["certificates"][0]["serial"]])
    return switches


def read(directory: str, over: str) -> dict[str, int]:
    """As a careful service does it: opens the directory once, and in it key and chain."""
    fitting = json.load(sys.stdin)
    reads = mixed = incomplete = 0
    while not os.path.exists(over):
        try:
            opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                mixed += fitting.get(digest(opened, "privkey.pem")) != digest(opened, "fullchain.pem")
            finally:
                os.close(opened)
        except FileNotFoundError:
            incomplete += 1
        reads += 1
        time.sleep(PACE)
    return {"reads": reads, "mixed": mixed, "incomplete": incomplete}


def digest(folder: int, name: str) -> str:
    with contextlib.closing(os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb")) as file:
        return hashlib.sha256(file.read()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(switch(int(sys.argv[2])) if sys.argv[1] == "switch" else read(*sys.argv[2:])))
