# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet for tests of the playbooks: two customers, two hosts, an inventory file, and what a run of a playbook said."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
HOSTS = {"web1": "127.0.0.11", "web2": "127.0.0.12"}
PROVIDERS = ("sslcom", "identrust")
LINE = re.compile(r"(ok|changed|failed|fatal|skipping): \[([^\]]+)\](?:.*?\(item=([^)]*)\))?")
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclasses.dataclass
class Run:
    """What a playbook said. ``tasks``: (task, state, host or item), without what was skipped."""

    code: int
    output: str

    @property
    def tasks(self) -> list[tuple[str, str, str]]:
        task, found = "", []
        for line in self.output.splitlines():
            if line.startswith("TASK ["):
                task = line[6 : line.rindex("]")].split(" : ")[-1]
            elif (match := LINE.match(line)) and match[1] != "skipping":
                found.append((task, match[1], match[3] or match[2].split(" ->")[0]))
        return found

    @property
    def changed(self) -> set[tuple[str, str]]:
        return {(task, who) for task, state, who in self.tasks if state == "changed"}

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        names = ("ok", "changed", "unreachable", "failed")
        return {match[1]: dict(zip(names, map(int, match.groups()[1:]))) for match in RECAP.finditer(self.output)}


class Fleet:
    """Two customers, two hosts, and an inventory file that describes them."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        self.sandbox, self.path, self.state = sandbox, path, path / "state"
        common = {"ca_path": sandbox.ca_path}
        self.hosts: dict[str, dict[str, Any]] = {name: self._host(name) for name in HOSTS}
        self.variables: dict[str, Any] = {
            "certfleet_state_path": str(self.state),
            "certfleet_issuers": {
                "alpha": {
                    **common,
                    "kind": "sslcom",
                    "customer": "Alpha Ltd",
                    "contact": "tls@alpha.test",
                    "directory_url": sandbox.sslcom["directory_urls"]["ecc"],
                    "api_url": sandbox.sslcom["api_url"],
                    "account_key": sandbox.sslcom["account_key"],
                    "secret_key": sandbox.sslcom["secret_key"],
                },
                "beta": {
                    **common,
                    "kind": "identrust",
                    "customer": "tls@beta.test",
                    "contact": ["tls@beta.test"],
                    "directory_url": sandbox.identrust["directory_urls"]["TLS-90d"],
                    "api_url": sandbox.identrust["api_url"],
                    "api_key": sandbox.identrust["api_key"],
                },
            },
            "certfleet_certificates": [
                self._certificate("www.alpha.test", "alpha", "web1,web2"),
                self._certificate("shop.beta.test", "beta", "web2"),
            ],
            "certfleet_dns_tasks": str(ROOT / "playbooks" / "tasks" / "sandbox_dns.yml"),
            "quickstart_sandbox": {"control_url": sandbox.endpoints["control_url"]},
        }

    def _host(self, name: str) -> dict[str, Any]:
        place = self.sandbox.host(name)
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "certfleet_webroot": f"{place['root']}/www",
            "certificate_deploy_root": f"{place['root']}/tls",
            "certificate_deploy_address": place["address"],
            "certificate_deploy_services": {"web": {"reload": self.sandbox.reload_command(name)}},
        }

    def _certificate(self, name: str, issuer: str, hosts: str, **more: Any) -> dict[str, Any]:
        port = self.sandbox.host("web1")["tls_port"]
        return {
            "name": name,
            "issuer": issuer,
            "hosts": hosts,
            "services": ["web"],
            "endpoints": [{"port": port}],
            **more,
        }

    def add(self, name: str, issuer: str, hosts: str, **more: Any) -> None:
        self.variables["certfleet_certificates"].append(self._certificate(name, issuer, hosts, **more))

    def play(self, playbook: str = "certfleet.reseller.site", *arguments: str, **variables: Any) -> Run:
        inventory = self.path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": {**self.variables, **variables}}}))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        result = subprocess.run(
            [program, "-i", str(inventory), playbook, *arguments],
            cwd=self.path,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Run(result.returncode, result.stdout + result.stderr)

    def provider_calls(self) -> int:
        return sum(self.sandbox.count(service=name) for name in PROVIDERS)

    def written(self) -> dict[str, bytes]:
        """Everything below the state directory, and what the hosts have."""
        places = [self.state, *(Path(self.sandbox.host(name)["root"]) for name in HOSTS)]
        return {
            str(path): path.read_bytes() if path.is_file() else os.readlink(path).encode() if path.is_symlink() else b""
            for place in places
            for path in sorted(place.rglob("*"))
            if "run" not in path.parts
        }

    def served(self, host: str, name: str) -> bool:
        """Whether a TLS client that trusts the sandbox's CA is content with what the host serves."""
        place = self.sandbox.host(host)
        context = ssl.create_default_context(cafile=self.sandbox.ca_path)
        try:
            with (
                socket.create_connection((place["address"], place["tls_port"]), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=name),
            ):
                return True
        except ssl.SSLError:
            return False
