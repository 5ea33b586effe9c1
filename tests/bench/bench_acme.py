# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty certificates from one ACME server: our five tasks, and the usual playbook over community.crypto.

Both start from an account that is registered, prove control by http-01 on the same host of the sandbox, and are measured as whole runs of
ansible-playbook. The usual playbook is written as its documentation does it: for each name a key, a request, acme_certificate to get the
challenge, the file of the challenge, acme_certificate to get the certificate, and the file away again.

    make bench        or: python -m tests.bench.bench_acme [--names 20] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.support.sandbox import Sandbox

OURS, USUAL = "certfleet.reseller", "community.crypto"
HOST = "127.0.0.1"


def account_tasks(sandbox: Sandbox, state: Path) -> list[dict[str, Any]]:
    access = sandbox.sslcom
    return [
        {
            f"{OURS}.sslcom_acme_credential": {
                **{name: access[name] for name in ("account_key", "secret_key", "api_url")},
                "description": state.name,
                "path": str(state / "eab.json"),
                "ca_path": sandbox.ca_path,
            }
        },
        {
            f"{OURS}.acme_account": {
                "directory_url": access["directory_urls"]["ecc"],
                "account_key_path": str(state / "account.key"),
                "eab_path": str(state / "eab.json"),
                "contact": ["tls@example.test"],
                "terms_agreed": True,
                "ca_path": sandbox.ca_path,
            }
        },
    ]


def our_tasks(sandbox: Sandbox, state: Path, names: list[str]) -> list[dict[str, Any]]:
    directory = {"directory_url": sandbox.sslcom["directory_urls"]["ecc"]}
    sets = {"sets_path": str(state / "sets"), "certificates": [{"name": name, "domains": [name]} for name in names]}
    acme = {**directory, **sets, "account_key_path": str(state / "account.key"), "ca_path": sandbox.ca_path}
    files = {"webroot": webroot(sandbox), "challenges": "{{ orders.http_challenges }}"}
    return [
        {f"{OURS}.certificate_request": {**directory, **sets}},
        {f"{OURS}.acme_order": acme, "register": "orders"},
        {f"{OURS}.acme_http_challenge": files},
        {f"{OURS}.acme_finalize": acme},
        {f"{OURS}.acme_http_challenge": {**files, "state": "absent"}},
    ]


def usual_tasks(sandbox: Sandbox, state: Path, names: list[str]) -> list[dict[str, Any]]:
    folder, www = str(state / "usual"), webroot(sandbox)
    acme = {
        "acme_directory": sandbox.sslcom["directory_urls"]["ecc"],
        "account_key_src": str(state / "account.key"),
        "acme_version": 2,
        "modify_account": False,
        "account_uri": json.loads((state / "account.json").read_text(encoding="utf-8"))["url"],
        "csr": folder + "/{{ item }}.csr",
        "fullchain_dest": folder + "/{{ item }}.pem",
        "challenge": "http-01",
        "remaining_days": 1,
    }
    loop = {"loop": names}
    both = {**loop, "environment": {"SSL_CERT_FILE": sandbox.ca_path}}
    answers = "{{ orders.results | selectattr('changed') }}"
    resource = "item.challenge_data[item.item]['http-01'].resource"
    value = "item.challenge_data[item.item]['http-01'].resource_value"
    return [
        {"ansible.builtin.file": {"path": folder, "state": "directory", "mode": "0700"}},
        {
            f"{USUAL}.openssl_privatekey": {"path": folder + "/{{ item }}.key", "type": "ECC", "curve": "secp256r1"},
            **loop,
        },
        {
            f"{USUAL}.openssl_csr": {
                "path": folder + "/{{ item }}.csr",
                "privatekey_path": folder + "/{{ item }}.key",
                "common_name": "{{ item }}",
                "subject_alt_name": "DNS:{{ item }}",
            },
            **loop,
        },
        {f"{USUAL}.acme_certificate": acme, "register": "orders", **both},
        {"ansible.builtin.file": {"path": www + "/.well-known/acme-challenge", "state": "directory", "mode": "0755"}},
        {
            "ansible.builtin.copy": {
                "dest": www + "/{{ %s }}" % resource,
                "content": "{{ %s }}" % value,
                "mode": "0644",
            },
            "loop": answers,
        },
        {
            f"{USUAL}.acme_certificate": {
                **{
                    name: text.replace("item", "item.item") if isinstance(text, str) else text
                    for name, text in acme.items()
                },
                "data": "{{ item }}",
            },
            "loop": "{{ orders.results }}",
            "environment": both["environment"],
        },
        {"ansible.builtin.file": {"path": www + "/{{ %s }}" % resource, "state": "absent"}, "loop": answers},
    ]


def webroot(sandbox: Sandbox) -> str:
    return str(sandbox.state / "hosts" / "web" / "www")


def play(state: Path, name: str, tasks: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds of a whole ansible-playbook, and how many times a module ran."""
    path = state / f"{name}.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_STDOUT_CALLBACK": "default"}
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(path)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{path} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return seconds, len(re.findall(r"^(?:ok|changed): \[localhost\]", done.stdout, re.MULTILINE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    paths = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    if not any(Path(path, "ansible_collections", "community", "crypto").exists() for path in paths):
        print("skipped: community.crypto is missing (tools/collection_from_pypi.py brings it)")
        return
    seconds: dict[str, list[float]] = {OURS: [], USUAL: []}
    runs: dict[str, int] = {}
    with Sandbox(hosts={"web": HOST}) as sandbox:
        for number in range(arguments.rounds):
            state = Path(tempfile.mkdtemp(prefix="certfleet-bench-"))
            try:
                play(state, "account", account_tasks(sandbox, state))
                for which, tasks in ((OURS, our_tasks), (USUAL, usual_tasks)):
                    label = which.split(".", maxsplit=1)[0]
                    names = [f"n{index}.r{number}.{label}.test" for index in range(arguments.names)]
                    before = sandbox.count(effect="newOrder")
                    spent, runs[which] = play(state, which, tasks(sandbox, state, names))
                    seconds[which].append(spent)
                    placed = sandbox.count(effect="newOrder") - before
                    found = {OURS: "sets/*/current/cert.pem", USUAL: "usual/*.pem"}[which]
                    issued = len(list(state.glob(found)))
                    if not placed == issued == arguments.names:
                        sys.exit(f"{which}: {placed} orders, {issued} certificates")
            finally:
                shutil.rmtree(state, ignore_errors=True)
    print(f"{arguments.names} certificates, whole ansible-playbook runs, medians of {arguments.rounds}:")
    for which, spent in seconds.items():
        print(f"  {which:<20} {statistics.median(spent):7.1f} s   {runs[which]:4} module runs")
    print(f"  ratio                {statistics.median(seconds[USUAL]) / statistics.median(seconds[OURS]):7.1f}")


if __name__ == "__main__":
    main()
