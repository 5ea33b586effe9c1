# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five small hosts of a sandbox that serve one set, and rollouts to them by the playbook ``deploy``."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import fleet_sets
from tests.support.fleet import Run
from tests.support.sandbox import Sandbox

NAMES = ("web1", "web2", "web3", "web4", "web5")
SHOP, PORTAL = "shop.test", "portal.test"
DEPLOY = "certfleet.reseller.deploy"
INSTALL = "Install the certificates and prove that they are served"
SUMMARY = "Say what became of the hosts"


def environment() -> dict[str, str]:
    how = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_PIPELINING": "1"}
    return {**os.environ, **how}


def command(inventory: Path, playbook: str, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), playbook, *arguments]


def kill_at(argv: list[str], folder: Path, task: str, line: str) -> None:
    """SIGKILL to a playbook with all its processes, at the first such line of a task's output."""
    play = subprocess.Popen(
        argv,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert play.stdout
    now, shown = "", []
    with play.stdout:
        for text in play.stdout:
            shown.append(text)
            now = text if text.startswith("TASK [") else now
            if task in now and text.startswith(line):
                break
        else:
            raise AssertionError("".join(shown))
        os.killpg(play.pid, signal.SIGKILL)
    play.wait()


class Rollout:
    """``settings`` are for all hosts, ``hosts`` for one of them."""

    def __init__(self, sandbox: Sandbox, path: Path, authority: fleet_sets.Authority) -> None:
        self.sandbox, self.path, self.authority = sandbox, path, authority
        self.state, self.record = path / "state", path / "state" / "rollout"
        (self.state / "sets").mkdir(parents=True, mode=0o700)
        self.authority_path = path / "ca.pem"
        self.authority_path.write_bytes(authority.root.pem)
        self.reset()

    def reset(self) -> None:
        self.record.unlink(missing_ok=True)
        self.settings: dict[str, Any] = {}
        self.hosts = {name: self._host(name) for name in NAMES}
        self.certificates: list[dict[str, Any]] = []
        self.add(SHOP, "all")

    def _host(self, name: str) -> dict[str, Any]:
        place = self.sandbox.host(name)
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "certificate_deploy_root": f"{place['root']}/tls",
            "certificate_deploy_address": place["address"],
            "certificate_deploy_services": {"web": {"reload": self.sandbox.reload_command(name)}},
        }

    def add(self, name: str, hosts: str, **more: Any) -> None:
        endpoints = [{"port": self.sandbox.host(NAMES[0])["tls_port"]}]
        entry = {"name": name, "hosts": hosts, "services": ["web"], "endpoints": endpoints, **more}
        self.certificates.append(entry)

    def issue(self) -> None:
        self.version = self.authority.issue(SHOP)
        fleet_sets.store(self.state / "sets", SHOP, self.version)

    # -- what happens to hosts ---------------------------------------------------------------------------------------

    def breaks(self, name: str) -> None:
        """The reload of its server fails."""
        self.hosts[name]["certificate_deploy_services"] = {"web": {"reload": ["false"]}}

    def mend(self, name: str) -> None:
        self.hosts[name] = self._host(name)

    def unplug(self, name: str) -> None:
        self.hosts[name].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)

    plug = mend

    # -- plays -------------------------------------------------------------------------------------------------------

    def inventory(self) -> Path:
        shared = {
            "certfleet_state_path": str(self.state),
            "certfleet_certificates": self.certificates,
            "certificate_deploy_proof_timeout": 1,
            **self.settings,
        }
        path = self.path / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": shared}}))
        return path

    def play(self, *arguments: str) -> Run:
        done = subprocess.run(
            command(self.inventory(), DEPLOY, *arguments),
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def killed_at(self, line: str) -> None:
        kill_at(command(self.inventory(), DEPLOY), self.path, INSTALL, line)

    # -- what is seen ------------------------------------------------------------------------------------------------

    @staticmethod
    def batches(run: Run) -> list[set[str]]:
        """Who was deployed to in each run of the play that deploys."""
        plays = run.output.split("PLAY [Serve the certificates]")[1:]
        parts = [Run(0, part.split("PLAY [")[0]).tasks for part in plays]
        return [found for part in parts if (found := {who for task, _state, who in part if task == INSTALL})]

    @staticmethod
    def failed(run: Run) -> set[str]:
        return {name for name, counts in run.recap.items() if counts["failed"]}

    @staticmethod
    def summary(run: Run) -> list[str]:
        text = run.output.split(f"TASK [{SUMMARY}]")[1].split("=> ", 1)[1]
        found: list[str] = json.JSONDecoder().raw_decode(text)[0]["msg"]
        return found

    def served(self) -> dict[str, str]:
        """Fingerprints that the hosts serve."""
        context = ssl.create_default_context(cafile=str(self.authority_path))
        found = {}
        for name in NAMES:
            place = self.sandbox.host(name)
            with (
                socket.create_connection((place["address"], place["tls_port"]), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=SHOP) as tls,
            ):
                found[name] = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
        return found

    def renewed(self) -> set[str]:
        """The hosts that serve the newest version."""
        return {name for name, seen in self.served().items() if seen == self.version.fingerprint}
