# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred certificates decoded: cert_decode in one task, and the other ways to look into them.

Whole runs of ansible-playbook: one task of cert_decode; our filter; a loop over community.crypto.x509_certificate_info; its filter; and a play
with a ping, which is what Ansible costs. Then processes: `openssl x509` for each file, a plain script with cryptography that
reads the same fields, and the module as Ansible starts it (its AnsiballZ file) less an empty module.

    make bench        or: python -m tests.bench.bench_decode [--certificates 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ObjectIdentifier

from tests.bench.targets import Target, show
from tests.support import pki

OURS, USUAL = "certfleet.reseller", "community.crypto"
LOOP = f"{USUAL}.x509_certificate_info (loop)"
LONG = {LOOP}
PLAIN = Path(__file__).with_name("plain_decode.py")
EMPTY = """
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={"paths": {"type": "list", "elements": "path"}}).exit_json()
"""
# two timestamps as logs make them (RFC 6962 section 3.3)
TIMESTAMP = b"\x00" + bytes(32) + bytes(8) + b"\x00\x00" + b"\x04\x03" + b"\x00\x08" + bytes(8)
TIMESTAMPS = 2 * (len(TIMESTAMP).to_bytes(2, "big") + TIMESTAMP)


def make(folder: Path, count: int) -> list[str]:
    """Certificates as a public CA issues them, half of them with RSA keys."""
    issuer = pki.authority("Bench CA", pki.authority("Bench Root"))
    uri = x509.UniformResourceIdentifier
    access = {
        AuthorityInformationAccessOID.OCSP: "http://o.example",
        AuthorityInformationAccessOID.CA_ISSUERS: "http://i.example",
    }
    listed = bytes((0x04, len(TIMESTAMPS) + 2)) + len(TIMESTAMPS).to_bytes(2, "big") + TIMESTAMPS
    more: list[tuple[x509.ExtensionType, bool]] = [
        (
            x509.AuthorityInformationAccess([x509.AccessDescription(oid, uri(url)) for oid, url in access.items()]),
            False,
        ),
        (
            x509.CRLDistributionPoints([x509.DistributionPoint([uri("http://c.example/1.crl")], None, None, None)]),
            False,
        ),
        (x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("2.23.140.1.2.1"), None)]), False),
        (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), listed), False),
    ]
    for number in range(count):
        key = pki.new_key("rsa", 2048) if number % 2 else pki.new_key()
        names = [f"www{number}.bench.example", f"{number}.bench.example"]
        (folder / f"{number:04}.pem").write_bytes(pki.server(names, issuer, key=key, more=more).pem)
    return sorted(map(str, folder.glob("*.pem")))


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout


def play(folder: Path, name: str, task: dict[str, Any], count: int) -> Callable[[], object]:
    """A playbook with one task, and a check in the playbook that it saw `count` certificates."""
    seen = task.pop("seen", None)
    tasks = [{**task, "register": "result"}]
    if seen:
        tasks.append({"ansible.builtin.assert": {"that": f"({seen}) | length == {count}", "quiet": True}})
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(path)]
    return lambda: (run(command, ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_STDOUT_CALLBACK="default"), None)[1]


def module_file(folder: Path, name: str, arguments: dict[str, Any], library: Path | None = None) -> Path:
    """What Ansible copies to a host and starts."""
    home = folder / f"tmp-{name}"
    environment = {"ANSIBLE_KEEP_REMOTE_FILES": "true", "ANSIBLE_REMOTE_TMP": str(home)}
    if library:
        environment["ANSIBLE_LIBRARY"] = str(library)
    run(["ansible", "localhost", "-c", "local", "-m", name, "-a", json.dumps(arguments)], **environment)
    (found,) = home.glob("**/AnsiballZ_*.py")
    return found


def plays(folder: Path, files: list[str], other: bool) -> dict[str, Callable[[], object]]:
    pattern, count = str(Path(files[0]).parent / "*.pem"), len(files)

    def with_filter(name: str) -> dict[str, Any]:
        decoded = "{{ query('ansible.builtin.file', *files) | map('%s') | list }}" % name
        found = "{{ query('ansible.builtin.fileglob', '%s') }}" % pattern
        return {"ansible.builtin.set_fact": {"decoded": decoded}, "vars": {"files": found}, "seen": "decoded"}

    tasks: dict[str, dict[str, Any]] = {
        "ping": {"ansible.builtin.ping": {}},
        f"{OURS}.cert_decode": {f"{OURS}.cert_decode": {"paths": [pattern]}, "seen": "result.certificates"},
        f"{OURS}.cert_decode (filter)": with_filter(f"{OURS}.cert_decode"),
    }
    if other:
        tasks[f"{USUAL}.x509_certificate_info (filter)"] = with_filter(f"{USUAL}.x509_certificate_info")
        tasks[LOOP] = {
            f"{USUAL}.x509_certificate_info": {"path": "{{ item }}"},
            "loop": files,
            "seen": "result.results",
        }
    return {name: play(folder, f"play{number}", task, count) for number, (name, task) in enumerate(tasks.items())}


def processes(folder: Path, files: list[str]) -> dict[str, Callable[[], object]]:
    library = folder / "library"
    library.mkdir()
    (library / "empty.py").write_text(EMPTY, encoding="utf-8")
    pattern = str(Path(files[0]).parent / "*.pem")
    ours = module_file(folder, f"{OURS}.cert_decode", {"paths": [pattern]})
    empty = module_file(folder, "empty", {"paths": [pattern]}, library)
    loop = 'for file in "$@"; do openssl x509 -noout -text -fingerprint -sha256 -in "$file"; done'
    commands = {
        "openssl x509 for each file": ["sh", "-c", loop, "sh", *files],
        "plain script": [sys.executable, str(PLAIN), *files],
        "cert_decode, the module": [sys.executable, str(ours)],
        "an empty module": [sys.executable, str(empty)],
    }
    return {name: partial(run, command) for name, command in commands.items()}


def measure(cases: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians; the cases take turns, so that what else the machine does meets all of them. The short ones have a turn before and
    after each of the long ones: the machine may have another load by then."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    short = {name: case for name, case in cases.items() if name not in LONG}
    for _round in range(rounds):
        for name, case in [*cases.items(), *(short.items() if len(short) < len(cases) else ())]:
            started = time.monotonic()
            case()
            seconds[name].append(time.monotonic() - started)
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    paths = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    other = any(Path(path, "ansible_collections", "community", "crypto").exists() for path in paths)
    if not other:
        print("community.crypto is missing (tools/collection_from_pypi.py brings it); measured without it")
    with tempfile.TemporaryDirectory(prefix="certfleet-bench-") as name:
        folder = Path(name)
        (folder / "certificates").mkdir()
        files = make(folder / "certificates", arguments.certificates)
        whole = measure(plays(folder, files, other), arguments.rounds)
        single = measure(processes(folder, files), 3 * arguments.rounds)
    ours = whole[f"{OURS}.cert_decode"]
    print(f"{len(files)} certificates, whole ansible-playbook runs, medians of {arguments.rounds} rounds:")
    for name, spent in whole.items():
        print(f"  {name:<46} {spent:7.2f} s   {spent / ours:6.1f} x")
    print(f"processes, medians of {3 * arguments.rounds}:")
    for name, spent in single.items():
        print(f"  {name:<46} {spent:7.3f} s")
    own = single["cert_decode, the module"] - single["an empty module"]
    print(f"  {'the module less an empty one':<46} {own:7.3f} s")
    targets = [Target("the module less an empty one, to the plain script", own / single["plain script"], "<=", 3, "x")]
    if other:
        targets.append(Target(f"the loop over {USUAL}'s module, to our task", whole[LOOP] / ours, ">=", 40, "x"))
    show(targets)


if __name__ == "__main__":
    main()
