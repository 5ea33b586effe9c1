# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's home for the commands of README and guides: everything is as the texts say, but for what is replaced here.

    shelter = Shelter(sandbox, tmp_path)
    shelter.describe(block, block)
    assert shelter.run("ansible-playbook -i inventory certfleet.reseller.site").code == 0

Replaced are addresses of providers, by those of the sandbox; the hosts, by directories with a small TLS server each; and programs that
only such hosts have, by scripts in `bin`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.blocks import ROOT, Block
from tests.support.fleet import Run
from tests.support.sandbox import Sandbox

# The hosts and groups that the texts speak of.
HOSTS = {"web1": "127.0.0.71", "web2": "127.0.0.72"}
GROUPS = {"webservers": ["web1"], "loadbalancers": ["web2"]}
# Names lead to the one host of the group that the texts give them to.
RESOLVE = {
    **{f"*.{domain}.example": HOSTS["web1"] for domain in ("alpha", "beta")},
    **dict.fromkeys(("beta.example", "www.beta.example"), HOSTS["web2"]),
    "alpha.example": HOSTS["web1"],
}
SERVICES = ("nginx", "haproxy")


def _join(known: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, entry in new.items():
        if known.setdefault(name, entry) != entry:
            raise ValueError(f"two texts describe {name}: {known[name]} and {entry}")


class Shelter:
    """`words` are replaced in all that is written or run, the longest ones first."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        self.sandbox, self.path = sandbox, path
        self.home, self.work, self.bin = path / "home", path / "work", path / "bin"
        self.ran: set[str] = set()
        self.environment: dict[str, str] = {}
        self.words: dict[str, str] = {
            "https://acme.ssl.com/sslcom-dv-ecc": sandbox.sslcom["directory_urls"]["ecc"],
            "https://acme.ssl.com/sslcom-dv-rsa": sandbox.sslcom["directory_urls"]["rsa"],
            "https://acme-cms-pte.identrust.com/acme/TLS-90d/directory": sandbox.identrust["directory_urls"]["TLS-90d"],
            "https://reseller-cms-pte.identrust.com": sandbox.identrust["api_url"],
            "CONTROL_URL": sandbox.endpoints["control_url"],
        }
        for place in (self.home, self.work / "group_vars", self.bin):
            place.mkdir(parents=True)

    # What is there

    def write(self, name: str, text: str) -> Path:
        """A file below the working directory, with its words replaced."""
        place = self.work / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.replace(text), encoding="utf-8")
        return place

    def program(self, name: str, *command: str) -> None:
        """A stand-in for a program; its own arguments do not count unless `command` ends with "$@"."""
        place = self.bin / name
        words = " ".join('"$@"' if word == "$@" else "'" + word + "'" for word in command)
        place.write_text(f"#!/bin/sh\nexec {words}\n")
        place.chmod(0o755)

    def describe(self, *blocks: Block) -> dict[str, Any]:
        """The inventory: the blocks together, on the hosts that stand in for theirs. What two of them describe has to be the same."""
        variables: dict[str, Any] = {"certfleet_issuers": {}, "certfleet_certificates": []}
        certificates: dict[str, Any] = {}
        for block in blocks:
            value = self.replaced(block.value)
            _join(variables["certfleet_issuers"], value.pop("certfleet_issuers", {}))
            _join(certificates, {entry["name"]: entry for entry in value.pop("certfleet_certificates", [])})
            variables.update(value)
        variables["certfleet_certificates"] = list(certificates.values())
        # the sandbox has no server for nsupdate
        variables["certfleet_dns_tasks"] = "{{ inventory_dir }}/publish_txt.yml"
        variables["acme_client_wait_timeout"] = 60
        for name in ("client_id", "client_secret", "token_url", "audience"):
            variables[f"vault_identrust_{name}"] = self.sandbox.identrust[name]
        for issuer in variables["certfleet_issuers"].values():
            issuer["ca_path"] = self.sandbox.ca_path
            issuer["api_url"] = getattr(self.sandbox, issuer["kind"])["api_url"]  # never the default
        self.write("group_vars/all.json", json.dumps(variables))
        children = {group: {"hosts": dict.fromkeys(hosts)} for group, hosts in GROUPS.items()}
        hosts = {name: self._host(name) for name in HOSTS}
        self.write("inventory", json.dumps({"all": {"hosts": hosts, "children": children}}))
        shutil.copy(ROOT / "playbooks" / "tasks" / "sandbox_dns.yml", self.work / "publish_txt.yml")
        return variables

    def _host(self, name: str) -> dict[str, Any]:
        place = self.sandbox.host(name)
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,  # all hosts are this user's
            "certfleet_webroot": f"{place['root']}/www",
            "certfleet_root": f"{place['root']}/tls",
            "certificate_deploy_address": place["address"],
            "certificate_deploy_services": dict.fromkeys(SERVICES, {"reload": self.sandbox.reload_command(name)}),
            "quickstart_sandbox": {"control_url": self.sandbox.endpoints["control_url"]},
        }

    # Words

    @contextlib.contextmanager
    def speaking(self, words: Mapping[str, str]) -> Iterator[None]:
        """With these words, too."""
        before = self.words
        self.words = {**before, **words}
        try:
            yield
        finally:
            self.words = before

    def replace(self, text: str) -> str:
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word, self.words[word])
        return text

    def replaced(self, value: Any) -> Any:
        """A value of YAML with its words replaced, and with the port of the sandbox's hosts in the place of 443."""
        if isinstance(value, Mapping):
            port = self.sandbox.host("web1")["tls_port"]
            return {
                str(key): port if (key, entry) == ("port", 443) else self.replaced(entry)
                for key, entry in value.items()
            }
        if isinstance(value, list):
            return [self.replaced(entry) for entry in value]
        return self.replace(str(value)) if isinstance(value, str) else value

    # What is done

    def run(self, *told: str) -> Run:
        """Commands of a text, one after the other in one shell."""
        self.ran.update(told)
        return self.shell(self.replace(" && ".join(told)))

    def shell(self, command: str) -> Run:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SSL", "IDENTRUST"))}
        env.update(
            self.environment,
            HOME=str(self.home),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_PIPELINING="1",
            ANSIBLE_LOCALHOST_WARNING="false",
        )
        env["PATH"] = os.pathsep.join([str(self.bin), env["PATH"]])
        env.setdefault("ANSIBLE_INVENTORY", str(self.work / "inventory"))
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.work,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def export(self, command: str) -> None:
        """`export NAME=... NAME=...`: the secrets of the sandbox under the names that the text gives."""
        known = {
            "SSLCOM_ACCOUNT_KEY": self.sandbox.sslcom["account_key"],
            "SSLCOM_SECRET_KEY": self.sandbox.sslcom["secret_key"],
            "IDENTRUST_API_KEY": self.sandbox.identrust["api_key"],
            "SSLMARKET_API_TOKEN": self.sandbox.sslmarket["api_token"],
        }
        self.ran.add(command)
        for word in command.split()[1:]:
            self.environment[word.partition("=")[0]] = known[word.partition("=")[0]]
