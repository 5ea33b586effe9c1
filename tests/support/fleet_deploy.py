# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller beside real hosts: its sets, its inventory, its playbooks over ssh, and what clients see there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import fleet_services, fleet_sets
from tests.support.fleet import Run
from tests.support.fleet_machines import Machine, Machines
from tests.support.fleet_services import DOMAINS, KINDS, LIVE, MAIL, SHOP, WILDCARD, Host, Kind

CLIENT = Path(__file__).with_name("fleet_client.py")
# a reload that fails, for any service of systemd
FAILING = "[Service]\nExecReload=\nExecReload=/bin/false\n"
# in front of Debian's own tools; its start-stop-daemon cannot do what Debian's init scripts ask of it
BUSYBOX = "cd /usr/local/bin; for each in $(busybox --list); do ln -s /bin/busybox $each; done; rm start-stop-daemon"
PLAYBOOK = "certfleet.reseller.deploy"
RESULT = re.compile(r"^(?:ok|changed|fatal): \[(\S+)\](?:: FAILED!|: UNREACHABLE!)? => (\{.*\})$", re.MULTILINE)
# what the role does not know of itself: an administrator's own way to one file
SERVICES = {
    "haproxy": {
        "config_test": [fleet_services.HAPROXY_RELOAD, "test"],
        "reload": [fleet_services.HAPROXY_RELOAD],
        "recover": ["systemctl", "start", "haproxy"],
    },
}

Place = tuple[str, str, int]  # host, set, port


@dataclass
class Deployment(Run):
    """``results``: of the deploying task, by host."""

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        found = ((match[1], json.loads(match[2])) for match in RESULT.finditer(self.output))
        return {host: result for host, result in found if "steps" in result or "error" in result}

    def hosts(self, state: str) -> set[str]:
        """The hosts with this state in the recap: changed, failed or unreachable."""
        return {name for name, counts in self.recap.items() if counts[state]}


def boot(hosts: list[Host]) -> Machines:
    return Machines(*(Machine(host.name, host.address, host.init, host.service) for host in hosts))


def set_up(machines: Machines, hosts: list[Host]) -> None:
    """Servers with a configuration, but without a certificate: they do not run."""
    for host in hosts:
        kind = KINDS[host.kind]
        machines.write(host.name, kind.path, kind.text(), kind.mode)
        for path, content in kind.more.items():
            machines.write(host.name, path, content)
        if host.wildcard:
            machines.write(host.name, "/etc/nginx/conf.d/wildcard.conf", fleet_services.NGINX_WILDCARD)
        if host.kind == "postfix":
            append = 'printf "%s" "$0" >> /etc/postfix/master.cf'
            machines.run(host.name, "sh", "-ec", append, fleet_services.POSTFIX_MASTER)
        if host.busybox:
            machines.run(host.name, "sh", "-ec", BUSYBOX)


def enable(machines: Machines, hosts: list[Host]) -> None:
    """The servers start at boot from now on."""
    for host in hosts:
        if host.init == "systemd":
            machines.run(host.name, "systemctl", "--quiet", "enable", host.service)


class Fleet:
    """``hosts`` are those that plays concern. What a play or a test changed of them is undone by ``restore``."""

    def __init__(self, machines: Machines, hosts: list[Host], authority: fleet_sets.Authority, path: Path) -> None:
        self.machines, self.authority, self.path = machines, authority, path
        self.hosts = {host.name: host for host in hosts}
        self.state = path / "state"
        self.touched: set[str] = set()
        (self.state / "sets").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.authority_path = path / "ca.pem"
        self.authority_path.write_bytes(authority.root.pem)

    def copy(self, path: Path) -> Fleet:
        """The same hosts, and a state directory of its own."""
        shutil.copytree(self.state, path / "state", symlinks=True)
        return Fleet(self.machines, list(self.hosts.values()), self.authority, path)

    def restore(self) -> None:
        if self.touched:
            self.machines.restore(*sorted(self.touched))
            self.touched.clear()

    # -- sets --------------------------------------------------------------------------------------------------------

    def issue(self, *names: str) -> dict[str, fleet_sets.Version]:
        """New versions of sets, all of them without names."""
        versions = {name: self.authority.issue(*DOMAINS[name]) for name in names or DOMAINS}
        for name, version in versions.items():
            fleet_sets.store(self.state / "sets", name, version)
        return versions

    # -- hosts -------------------------------------------------------------------------------------------------------

    def kind(self, name: str) -> Kind:
        return KINDS[self.hosts[name].kind]

    def named(self, kind: str, init: str = "systemd") -> str:
        """The first host of a kind."""
        return next(host.name for host in self.hosts.values() if (host.kind, host.init) == (kind, init))

    def run(self, name: str, *argv: str, check: bool = True) -> str:
        return self.machines.run(name, *argv, check=check).strip()

    def configure(self, name: str, cert: str | None = None, key: str | None = None) -> None:
        """Other files of the certificate for a host's server."""
        self.touched.add(name)
        kind = self.kind(name)
        self.machines.write(name, kind.path, kind.text(cert, key), kind.mode)

    def break_reload(self, name: str) -> None:
        self.touched.add(name)
        self.machines.write(name, f"/etc/systemd/system/{self.kind(name).service}.service.d/fleet.conf", FAILING)
        self.run(name, "systemctl", "daemon-reload")

    def mend_reload(self, name: str) -> None:
        self.run(name, "rm", f"/etc/systemd/system/{self.kind(name).service}.service.d/fleet.conf")
        self.run(name, "systemctl", "daemon-reload")

    def restart(self, name: str) -> None:
        """As an administrator does it who has mended something."""
        kind = self.kind(name)
        if self.hosts[name].init == "plain":
            self.run(name, "service", kind.service, "restart")
            return
        # systemd may have tried too often
        self.run(name, "systemctl", "reset-failed", kind.service)
        self.run(name, *([kind.path] if kind.service == "haproxy" else ["systemctl", "restart", kind.service]))

    def live(self, name: str, certificate: str = SHOP) -> str:
        """The serial number that the link on a host points at."""
        return self.run(name, "readlink", LIVE[certificate])

    # -- plays -------------------------------------------------------------------------------------------------------

    def inventory(self, limit: set[str], variables: dict[str, Any]) -> dict[str, Any]:
        groups: dict[str, dict[str, Any]] = {"web": {"hosts": {}}, "mail": {"hosts": {}}, "wildcard": {"hosts": {}}}
        for host in self.hosts.values():
            if host.name in limit:
                described = {
                    "ansible_host": host.address,
                    "ansible_user": host.user,
                    "ansible_become": host.user != "root",
                    "fleet_service": host.service,
                }
                groups["mail" if host.kind == "postfix" else "web"]["hosts"][host.name] = described
                if host.wildcard:
                    groups["wildcard"]["hosts"][host.name] = {}
        known = self.machines.folder / "known_hosts"
        shared = {
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.machines.key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known} -o IdentitiesOnly=yes",
            "certfleet_state_path": str(self.state),
            "certificate_deploy_services": SERVICES,
            # what these tests look at is hosts; one that fails does not end the others' play
            "certfleet_canary": False,
            "certfleet_max_fail_percentage": 100,
            "certfleet_certificates": [
                {
                    "name": name,
                    "domains": list(DOMAINS[name]),
                    "hosts": group,
                    "services": ["{{ fleet_service }}"],
                    "endpoints": [{"port": port}],
                }
                for name, group, port in ((SHOP, "web", 443), (WILDCARD, "wildcard", 443), (MAIL, "mail", 465))
            ],
        }
        return {"all": {"children": groups, "vars": {**shared, **variables}}}

    def command(self, *arguments: str, limit: set[str] | None = None, **variables: Any) -> list[str]:
        """The command line of a play."""
        inventory = self.path / "inventory.json"
        inventory.write_text(json.dumps(self.inventory(limit or set(self.hosts), variables)))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        return self.machines.outside_command(
            program, "-v", "-i", str(inventory), PLAYBOOK, *arguments, folder=self.path
        )

    def environment(self, pipelining: bool = True) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_FORKS": "10",
            "ANSIBLE_PIPELINING": str(pipelining),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.machines.folder / "control"),
        }

    def deploy(
        self, *arguments: str, limit: set[str] | None = None, pipelining: bool = True, **variables: Any
    ) -> Deployment:
        """Runs the playbook that deploys, over ssh; ``limit``: the inventory has just these hosts."""
        done = subprocess.run(
            self.command(*arguments, limit=limit, **variables),
            env=self.environment(pipelining),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        run = Deployment(done.returncode, done.stdout)
        self.touched |= run.hosts("changed") | run.hosts("failed")
        return run

    # -- clients -----------------------------------------------------------------------------------------------------

    def targets(self) -> dict[Place, str]:
        """What clients ask for."""
        found = {}
        for host in self.hosts.values():
            kind = KINDS[host.kind]
            for certificate in (kind.set, *([WILDCARD] if host.wildcard else [])):
                name = DOMAINS[certificate][0].replace("*", "any")
                for port in kind.ports:
                    found[host.name, certificate, port] = f"{host.address}:{port}:{name}"
        return found

    def expected(self, *versions: dict[str, fleet_sets.Version]) -> dict[Place, str]:
        """What ``served`` is when all hosts serve these, the later ones before the earlier ones."""
        merged = {name: version for each in versions for name, version in each.items()}
        return {place: merged[place[1]].fingerprint for place in self.targets()}

    def client(self, action: str, *targets: str) -> list[str]:
        return self.machines.outside_command(sys.executable, str(CLIENT), action, str(self.authority_path), *targets)

    def served(self) -> dict[Place, str]:
        """Fingerprints seen from outside, by a client that trusts the CA; or why there is none."""
        targets = self.targets()
        done = subprocess.run(
            self.client("once", *targets.values()), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return {key: look[0] or look[1] for key, look in zip(targets, json.loads(done.stdout))}


@dataclass(frozen=True)
class First:
    """The fleet after its first deployment, and what that said and saw."""

    fleet: Fleet
    versions: dict[str, fleet_sets.Version]
    run: Deployment
    served: dict[Place, str]
    second: Deployment
