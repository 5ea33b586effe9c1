# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for hosts with every Python that hosts may have, and nothing but its standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils import basic

from tests.support.fleet import Run
from tests.unit.plugins.module_utils._deploy.pki import issue, live, store
from tools import interpreters

PYTHONS = [f"3.{minor}" for minor in range(8, 15)]
OLDEST = "%d.%d" % basic._PY_MIN
NAME = "www.example.com"
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
CONTENT = f"{TOKEN}.{'x' * 43}"  # a dot and the thumbprint of the account key, a SHA-256
# a host that has its certificate from elsewhere, and deploys it by itself
FLEET = {
    "issuers": {
        "elsewhere": {
            "kind": "acme",
            "client": "external",
            "directory_url": "https://acme.example/directory",
            "contact": "a@b.test",
        }
    },
    "own": [
        {
            "name": NAME,
            "issuer": "elsewhere",
            "hosts": "all",
            "adopt": [{"certificate": "{{ pair }}/fullchain.pem", "key": "{{ pair }}/privkey.pem"}],
        }
    ],
}
MODULES: dict[str, dict[str, Any]] = {
    "certificate_deploy": {
        "sets_path": "{{ playbook_dir }}/sets",
        "root": "{{ place }}/tls",
        "certificates": [{"name": NAME, "domains": [NAME]}],
    },
    "acme_http_challenge": {
        "webroot": "{{ place }}/www",
        "challenges": [{"token": TOKEN, "content": CONTENT}],
    },
    "validation_file": {
        "webroot": "{{ place }}/www",
        "files": [{"path": "/.well-known/pki-validation/fileauth.txt", "content": "202611220000abcdef"}],
    },
    "host_renewal": {
        "path": "{{ place }}/renewal",
        "jobs": "{{ own | certfleet.reseller.fleet_jobs(issuers, inventory_hostname, groups, settings={'root': place ~ '/own'}) }}",
        "python": "{{ ansible_python_interpreter }}",
        "timers": "cron",
        "cron_path": "{{ place }}/cron.d",
    },
    "certificate_status": {"root": "{{ place }}/tls", "certificates": [{"name": NAME, "domains": [NAME]}]},
}


def age(version: str) -> int:
    return int(version.partition(".")[2])


def play(path: Path, hosts: dict[str, dict[str, str]]) -> Run:
    """All modules, and then all of them again."""
    tasks = [
        {"name": f"{turn} {name}", f"certfleet.reseller.{name}": options}
        for turn in ("first", "second")
        for name, options in MODULES.items()
    ]
    (path / "hosts.json").write_text(
        json.dumps({"all": {"hosts": hosts, "vars": {**FLEET, "pair": str(path / "sets" / NAME / "current")}}}),
        encoding="utf-8",
    )
    playbook = path / "play.json"
    playbook.write_text(json.dumps([{"name": "Hosts", "hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", path / "hosts.json", "-c", "local", playbook],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def test_every_python(tmp_path: Path) -> None:
    supported = [version for version in PYTHONS if age(version) >= age(OLDEST)]
    found = {version: path for version in supported if (path := interpreters.find(version))}
    hosts = {f"python{version}": {"ansible_python_interpreter": path} for version, path in found.items()}
    for host, variables in hosts.items():
        variables["place"] = str(tmp_path / host)
        (tmp_path / host / "cron.d").mkdir(parents=True)
    assert hosts, "not even the Python of the tests was found"
    issued = issue([NAME])
    store(tmp_path / "sets", NAME, issued)

    run = play(tmp_path, hosts)

    assert run.code == 0, run.output
    writes = [name for name in MODULES if name != "certificate_status"]
    assert run.changed == {(f"first {name}", host) for name in writes for host in hosts}
    assert {(task, host) for task, state, host in run.tasks if state == "ok"} == {
        *((f"second {name}", host) for name in MODULES for host in hosts),
        *(("first certificate_status", host) for host in hosts),
    }
    for host, variables in hosts.items():
        program = tmp_path / host / "renewal" / "certfleet-host.pyz"
        command = [variables["ansible_python_interpreter"], program, "deploy", NAME]
        own = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert own.returncode == 0, own.stdout + own.stderr
        assert live(tmp_path / host / "own", NAME) == issued.serial
        assert live(tmp_path / host / "tls", NAME) == issued.serial
        assert (tmp_path / host / "www" / ".well-known" / "acme-challenge" / TOKEN).read_text() == CONTENT
    print(
        f"modules for hosts: {len(MODULES)} run twice, and the program of host_renewal, with each of Python {', '.join(found)}"
    )
    if absent := sorted(set(PYTHONS) - set(found), key=age):
        print(f"not run with Python {', '.join(absent)}: not on this machine, or older than ansible-core's {OLDEST}")
