# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a first run that need a play: wrong inventories, and what goes wrong on hosts. One run provokes them all.

Each has the inventory's variables of its own, and the role that meets them; a rescue keeps what the role failed with.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.filter.fleet_certificates import fleet_certificates
from ansible_collections.certfleet.reseller.plugins.filter.fleet_issuers import fleet_issuers

from tests.support.situations import SECRETS
from tests.unit.plugins.module_utils._deploy.pki import issue, store

ROOT = Path(__file__).resolve().parents[2]
CLIENT, EAB, DEPLOY, SELLER = "acme_client", "acme_eab", "certificate_deploy", "sslmarket_client"
HOOK = "sslcom_reseller_hook"
SHOP = "shop.beta.test"
ISSUER = {
    "kind": "sslcom",
    "customer": "Alpha Ltd",
    "contact": "tls@alpha.test",
    "directory_url": "https://acme.example/sslcom-dv-ecc",
}
SOLD = {"kind": "sslmarket", "product_code": "RAPIDSSL_RAPIDSSL", "api_token": SECRETS["api_token"]}
ADDRESS = {"name": "Alpha", "street": "Gate 1", "city": "Oslo", "zip": "0150", "tel": "+47.123456789"}
CERTIFICATE = {"name": "www.alpha.test", "issuer": "alpha", "hosts": "web"}

# Ansible's own words around those of a filter
FRAME = re.compile(r"^Task failed: The filter plugin '[a-z_.]+' failed: ", re.ASCII)

PLAY = """
- hosts: web
  gather_facts: false
  tasks:
    - include_tasks: situation.yml
      loop: "{{ situations }}"
      loop_control: {loop_var: situation, label: "{{ situation.id }}"}
- hosts: web
  gather_facts: false
  tasks:
    - name: Keep what was told
      copy: {content: "{{ told | to_json }}", dest: "{{ keep }}"}
"""
SITUATION = """
- set_fact:
    certfleet_issuers: "{{ situation.issuers }}"
    certfleet_certificates: "{{ situation.certificates }}"
    certificate_deploy_root: "{{ situation.root | default(root) }}"
- block:
    - include_role: {name: "certfleet.reseller.{{ situation.role }}"}
      vars: {ansible_python_interpreter: "{{ situation.python | default(python) }}"}
  rescue:
    - set_fact:
        told: "{{ told | default({}) | combine({situation.id: {'msg': failure.msg, 'kind': failure.error.kind | default('')}}) }}"
      vars: {failure: "{{ ansible_failed_result }}"}
"""


def _issuer(**change: Any) -> dict[str, Any]:
    """One issuer with some options changed; None takes one away."""
    return {"alpha": {name: value for name, value in {**ISSUER, **change}.items() if value is not None}}


def _entry(role: str, issuers: Any = None, python: str = "", **change: Any) -> dict[str, Any]:
    certificate = {name: value for name, value in {**CERTIFICATE, **change}.items() if value is not None}
    found = {"role": role, "issuers": issuers or _issuer(), "certificates": [certificate]}
    return {**found, "python": python} if python else found


def _deployed(state: Path, name: str, **change: Any) -> dict[str, Any]:
    """A deployment of a set that is there."""
    store(state / "sets", name, issue([name]))
    return _entry(DEPLOY, name=name, **change)


def _mixed(state: Path) -> dict[str, Any]:
    """A set in which somebody has put the key of another certificate."""
    entry = _deployed(state, "mixed.alpha.test")
    version = (state / "sets" / "mixed.alpha.test" / "current").resolve()
    (version / "privkey.pem").write_bytes(issue(["other.alpha.test"]).files["privkey.pem"])
    return entry


def _without_become(path: Path) -> str:
    """A Python that may not write where root alone may. An ordinary user's need not be hindered."""
    python = path / "python-without-rights"
    hindered = "setpriv --bounding-set=-dac_override " if os.geteuid() == 0 else ""
    python.write_text(f'#!/bin/sh\nexec {hindered}{sys.executable} "$@"\n')
    python.chmod(stat.S_IRWXU)
    return str(python)


def _locked(path: Path) -> str:
    """A directory of root in which others may not write."""
    (path / "etc").mkdir(mode=0o500)
    return str(path / "etc" / "certfleet")


INVENTORY = {
    "issuer-kind-unknown": _entry(CLIENT, _issuer(kind="ssl.com")),
    "issuer-option-misspelt": _entry(CLIENT, _issuer(custommer="Alpha Ltd", customer=None)),
    "issuer-no-contact": _entry(CLIENT, _issuer(contact=None)),
    "issuer-no-directory": _entry(CLIENT, _issuer(directory_url=None)),
    "issuers-a-list": _entry(CLIENT, [ISSUER]),
    "certificate-option-misspelt": _entry(CLIENT, domain=["www.alpha.test"]),
    "domains-not-a-list": _entry(CLIENT, domains="www.alpha.test"),
    "name-twice": {**_entry(CLIENT), "certificates": [CERTIFICATE, CERTIFICATE]},
    "issuer-missing": _entry(CLIENT, issuer=None),
    "wildcard-without-dns-01": _entry(CLIENT, name="*.alpha.test"),
    "no-hosts-for-http-01": _entry(CLIENT, hosts=None),
    "hosts-unknown": _entry(CLIENT, hosts="wbe"),
    "key-type-of-directory": _entry(CLIENT, key_type="rsa"),
    "mode-without-quotes": _entry(CLIENT, key_mode=0o640),
    "sslmarket-no-contacts": _entry(SELLER, {"alpha": SOLD}),
    "sslmarket-norway": _entry(SELLER, {"alpha": {**SOLD, "owner": {**ADDRESS, "country": False}}}),
}
GROUPS = {"all": ["web1"], "ungrouped": [], "web": ["web1"]}


def refused(entry: dict[str, Any]) -> str:
    """What the filters of the roles say of an inventory, before anything is asked or written."""
    try:
        fleet_issuers(entry["issuers"])
        fleet_certificates(entry["certificates"], entry["issuers"], hosts=["web1"], groups=GROUPS)
    except AnsibleFilterError as error:
        return str(error)
    raise AssertionError("the inventory is taken")


NAMES = (
    *("issuer-unknown", "issuer-no-key", "no-dns-tasks", "not-issued-yet", "service-misspelt"),
    *("key-of-another-certificate", "owner-unknown", "no-web-server", "configuration-wrong", "reload-fails"),
    *("not-served", "no-become", "python-missing", "hook-customer-unknown", "hook-no-certificate"),
)


def situations(path: Path, closed: int) -> dict[str, dict[str, Any]]:
    """By id, those of NAMES. ``closed`` is a port where nobody listens."""
    state = path / "state"
    become = _deployed(state, "become.alpha.test", python=_without_become(path))
    return {
        "issuer-unknown": _entry(CLIENT, issuer="alfa"),
        "issuer-no-key": _entry(EAB),
        "no-dns-tasks": _entry(CLIENT, name="*.alpha.test", challenge="dns-01", hosts=None),
        "not-issued-yet": _entry(DEPLOY),
        "service-misspelt": _entry(DEPLOY, services=["ngnix"]),
        "key-of-another-certificate": _mixed(state),
        "owner-unknown": _deployed(state, "owner.alpha.test", owner="wwwdata"),
        "no-web-server": _deployed(state, "absent.alpha.test", services=["absent"]),
        "configuration-wrong": _deployed(state, "wrong.alpha.test", services=["wrong"]),
        "reload-fails": _deployed(state, "reload.alpha.test", services=["stuck"]),
        "not-served": _deployed(state, "served.alpha.test", endpoints=[{"port": closed}]),
        "no-become": {**become, "root": _locked(path)},
        "python-missing": _deployed(state, "python.alpha.test", python="/opt/python/bin/python3"),
        "hook-customer-unknown": _entry(HOOK),
        "hook-no-certificate": _entry(HOOK, {"beta": ISSUER}),
    }


def _services(path: Path) -> dict[str, Any]:
    """A web server that is not there, and two that do not take what they get."""
    server = path / "server"
    server.write_text('#!/bin/sh\necho "$1: unknown directive in line 12"\nexit 1\n')
    server.chmod(stat.S_IRWXU)
    return {
        "absent": {"config_test": ["certfleet-no-such-server", "-t"], "reload": ["true"]},
        "wrong": {"config_test": [str(server), "-t"], "reload": ["true"]},
        "stuck": {"reload": [str(server), "reload"]},
    }


def play(path: Path) -> tuple[dict[str, dict[str, str]], str]:
    """By situation, ``msg`` and, where a module failed, ``kind``; and all that was printed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        provoked = situations(path, taken.getsockname()[1])
        host = {
            "ansible_connection": "local",
            "certfleet_state_path": str(path / "state"),
            "root": str(path / "root"),
            "certificate_deploy_services": _services(path),
            "certificate_deploy_proof_timeout": 1,
            "sslcom_reseller_hook_customers": {"beta": {"names": ["beta.test"]}},
            "sslcom_reseller_hook_nginx": True,
            "python": sys.executable,
            "keep": str(path / "told.json"),
            "situations": [{"id": name, **each} for name, each in provoked.items()],
        }
        (path / "inventory.json").write_text(json.dumps({"web": {"hosts": {"web1": host}}}))
        (path / "play.yml").write_text(PLAY)
        (path / "situation.yml").write_text(SITUATION)
        output = run(path, "-i", "inventory.json", "play.yml")
    assert (path / "told.json").exists(), output
    told: dict[str, dict[str, str]] = json.loads((path / "told.json").read_text())
    return {name: {**each, "msg": FRAME.sub("", each["msg"])} for name, each in told.items()}, output


def run(path: Path, *arguments: str, **environment: str) -> str:
    """All that ansible-playbook printed."""
    program = str(Path(sys.executable).parent / "ansible-playbook")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SSLCOM_", "IDENTRUST_"))}
    done = subprocess.run(
        [program, *arguments],
        cwd=path,
        env={**env, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.stdout + done.stderr


# --- what Ansible itself says, each in a run of its own ------------------------------------------------------------------


def no_vault_password(path: Path) -> str:
    (path / "secrets.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n" + "3" * 80 + "\n")
    return run(path, "-i", "web1,", "-e", "@secrets.yml", "certfleet.reseller.provision_eab")


def host_unreachable(path: Path) -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = {"ansible_host": "127.0.0.1", "ansible_port": taken.getsockname()[1], "ansible_ssh_retries": 0}
        host.update(certfleet_issuers=_issuer(), certfleet_certificates=[CERTIFICATE])
        (path / "inventory.json").write_text(json.dumps({"web": {"hosts": {"web1": host}}}))
        return run(path, "-i", "inventory.json", "certfleet.reseller.deploy")


def collection_missing(path: Path) -> str:
    return run(path, "-i", "web1,", "certfleet.reseller.site", ANSIBLE_COLLECTIONS_PATH=str(path))


def ansible_too_old(path: Path) -> str:
    """A collection that is this one, but for the ansible-core that it wants."""
    place = path / "ansible_collections" / "certfleet" / "reseller"
    (place / "meta").mkdir(parents=True)
    for name in ("plugins", "roles", "playbooks", "galaxy.yml"):
        (place / name).symlink_to(ROOT / name)
    (place / "meta" / "runtime.yml").write_text('---\nrequires_ansible: ">=99.0.0"\n')
    return run(path, "-i", "web1,", "certfleet.reseller.provision_eab", ANSIBLE_COLLECTIONS_PATH=str(path))


COMMANDS = {
    "no-vault-password": no_vault_password,
    "host-unreachable": host_unreachable,
    "collection-missing": collection_missing,
    "ansible-too-old": ansible_too_old,
}
