# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many switches on real hosts, with readers of the set and TLS clients looking on: what they saw, and was it right."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import sets, spec

from tests.support import fleet_sets
from tests.support.fleet_deploy import Fleet
from tests.support.fleet_services import DOMAINS, LIVE, SHOP

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("fleet_switching.py")
CODE, OVER = "/root/code", "/root/over"
VERSIONS = 4  # one more than a host keeps: each switch installs one and removes one

Look = tuple[float, float, str | None, str | None]  # start, end, fingerprint, why there is none
Switch = tuple[float, float, str]  # start, proven, fingerprint


class Process:
    """A program that reads JSON and prints JSON."""

    def __init__(self, command: list[str], given: Any = None) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if given is not None:
            self.give(json.dumps(given))

    def give(self, text: str = "") -> None:
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.close()
        self._process.stdin = None

    def result(self) -> Any:
        output, _errors = self._process.communicate(timeout=900)
        assert self._process.returncode == 0, self._process.args
        return json.loads(output)

    def end(self) -> None:
        """Whatever it does. What nsenter started in a host ends with the host, which is restored."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


@dataclass(frozen=True)
class Seen:
    """On one host: the switches, what the reader counted, and the handshakes of a client outside."""

    switches: list[Switch]
    read: dict[str, int]
    looks: list[Look]


class Watch:
    """``reloads``: the hosts, and what makes the service of each take a new set."""

    def __init__(self, fleet: Fleet, folder: Path, reloads: dict[str, list[str]]) -> None:
        self.fleet, self.folder, self.reloads = fleet, folder, reloads
        self.versions = [fleet.authority.issue(*DOMAINS[SHOP]) for _number in range(VERSIONS)]
        self._processes: list[Process] = []
        for version in self.versions:
            fleet_sets.store(folder / version.serial, SHOP, version)
        for name in reloads:
            fleet.touched.add(name)
            place = f"{CODE}/ansible_collections/certfleet/reseller/plugins"
            fleet.machines.copy(name, ROOT / "plugins" / "module_utils", place)
            fleet.machines.copy(name, PROGRAM, CODE)

    def run(self, count: int) -> dict[str, Seen]:
        try:
            return self._run(count)
        finally:
            for process in self._processes:
                process.end()

    def _run(self, count: int) -> dict[str, Seen]:
        names = list(self.reloads)
        # one before anybody looks
        for switcher in [self._inside(name, self._options(name, 0), "switch", "1") for name in names]:
            switcher.result()
        readers = [self._inside(name, self._fitting(), "read", LIVE[SHOP], OVER) for name in names]
        places = self.fleet.targets()
        clients = self._start(self.fleet.client("poll", *(places[name, SHOP, 443] for name in names)))
        switchers = [self._inside(name, self._options(name, 1), "switch", str(count)) for name in names]
        switched = [self._switches(switcher.result()) for switcher in switchers]
        clients.give()
        looks = clients.result()
        for name in names:
            self.fleet.run(name, "touch", OVER)
        read = [reader.result() for reader in readers]
        return {name: Seen(*seen) for name, *seen in zip(names, switched, read, looks)}

    def _start(self, command: list[str], given: Any = None) -> Process:
        self._processes.append(Process(command, given))
        return self._processes[-1]

    def _inside(self, name: str, given: Any, *argv: str) -> Process:
        command = (f"PYTHONPATH={CODE}", "python3", f"{CODE}/{PROGRAM.name}", *argv)
        return self._start(self.fleet.machines.host_command(name, *command), given)

    def _options(self, name: str, first: int) -> list[dict[str, Any]]:
        """What the module gets on this host, for each version."""
        versions = [*self.versions[first:], *self.versions[:first]]
        return [options(self.folder / version.serial, self.reloads[name]) for version in versions]

    def _fitting(self) -> dict[str, str]:
        files = [version.files for version in self.versions]
        return {digest(each["privkey.pem"]): digest(each["fullchain.pem"]) for each in files}

    def _switches(self, done: list[tuple[float, float, str]]) -> list[Switch]:
        fingerprints = {version.serial: version.fingerprint for version in self.versions}
        found = [(start, proven, fingerprints[serial]) for start, proven, serial in done]
        return [(0.0, 0.0, self.versions[0].fingerprint), *found]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def options(folder: Path, reload: list[str]) -> dict[str, Any]:
    """The options that the controller sends with the set in this folder."""
    certificate = {"name": SHOP, "domains": list(DOMAINS[SHOP]), "reload": [reload], "endpoints": [{"port": 443}]}
    checked = ArgumentSpecValidator(spec.ARGUMENTS).validate({"sets_path": str(folder), "certificates": [certificate]})
    assert not checked.error_messages
    found = checked.validated_parameters
    loaded = sets.load(str(folder), found["certificates"][0], SYSTEM.now())
    contents = {file: base64.b64encode(content).decode() for file, content in loaded.contents.items()}
    return {**found, "certificates": [loaded.options], "contents": {SHOP: contents}}


def judge(looks: list[Look], switches: list[Switch]) -> dict[str, int]:
    """A version may be served from the start of its switch to the proof of the next one.

    ``late``: a server that hands over gracefully may still answer a client with what it served before. The certificate
    is whole and right, just old.
    """
    ends = [*(proven for _start, proven, _seen in switches[1:]), float("inf")]
    counts = {"handshakes": len(looks), "refused": 0, "wrong": 0, "late": 0}
    for begin, end, seen, _why in looks:
        live = [switch[2] for switch, over in zip(switches, ends) if switch[0] <= end and begin <= over]
        proven = [switch[2] for switch in switches if switch[1] <= begin]
        if seen is None:
            counts["refused"] += 1
        elif seen not in live:
            counts["late" if seen in proven[-2:-1] else "wrong"] += 1
    return counts
