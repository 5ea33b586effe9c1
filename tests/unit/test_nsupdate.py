# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/tasks/nsupdate.yml, with commands that keep a zone in a file in the place of dig and nsupdate."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TASKS = Path(__file__).resolve().parents[2] / "playbooks" / "tasks" / "nsupdate.yml"
RECAP = re.compile(r"changed=(\d+) +unreachable=0 +failed=(\d+)")

DIG = r"""
import json, os, sys
zone = json.load(open(os.environ["ZONE"]))
for name in [word for word in sys.argv if word.endswith(".")]:
    records = zone.get(name, [])
    status = os.environ.get("STATUS") or ("NOERROR" if records else "NXDOMAIN")
    print(";; ->>HEADER<<- opcode: QUERY, status: %s, id: 1" % status)
    for value in records:
        print('%s\t\tTXT\t"%s"' % (name, value))
"""

NSUPDATE = r"""
import json, os, shlex, sys
assert sys.argv[1:] == ["-t", "30", "-k", "/keys/certfleet"], sys.argv
lines = sys.stdin.read().splitlines()
assert lines[0] == "server 192.0.2.53 53" and lines[2::2] == ["send"] * len(lines[2::2]), lines
zone = json.load(open(os.environ["ZONE"]))
for line in lines[1::2]:
    words = shlex.split(line)
    if words[1] == "add":
        update, add, name, ttl, kind, value = words
        assert (kind, ttl) == ("TXT", "60"), line
        zone.setdefault(name, []).append(value)
    else:
        update, delete, name, kind, value = words
        zone[name].remove(value)
if os.environ.get("REFUSE"):
    sys.exit("update failed: REFUSED")
json.dump(zone, open(os.environ["ZONE"], "w"))
"""

RECORDS = [
    {"record": "_acme-challenge.a.test", "value": "one-_", "type": "TXT"},
    {"record": "_acme-challenge.a.test", "value": "two", "type": "TXT"},
    {"record": "_dnsauth.B.test", "value": "20270101=", "type": "TXT"},
]


class Zone:
    def __init__(self, path: Path) -> None:
        self._path, self.file = path, path / "zone.json"
        self.file.write_text(json.dumps({"_acme-challenge.a.test.": ["foreign"]}))
        for name, code in (("dig", DIG), ("nsupdate", NSUPDATE)):
            (path / name).write_text(f"#!{sys.executable}\n{code}")
            (path / name).chmod(0o755)
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {
                "certfleet_nsupdate_server": "192.0.2.53",
                "certfleet_nsupdate_key_path": "/keys/certfleet",
                "ansible_python_interpreter": sys.executable,
            },
            "tasks": [{"ansible.builtin.include_tasks": str(TASKS)}],
        }
        (path / "play.yml").write_text(json.dumps([play]))

    @property
    def records(self) -> dict[str, list[str]]:
        return {name: sorted(values) for name, values in json.loads(self.file.read_text()).items()}

    def play(self, state: str, *arguments: str, records: Any = None, **environment: str) -> tuple[int, int, str]:
        """How many tasks changed something, how many failed, and what was said."""
        variables = {"certfleet_dns_state": state, "certfleet_dns_records": RECORDS if records is None else records}
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                "play.yml",
                "-e",
                json.dumps(variables),
                *arguments,
            ],
            cwd=self._path,
            env={
                **os.environ,
                "PATH": f"{self._path}{os.pathsep}{os.environ['PATH']}",
                "ZONE": str(self.file),
                "ANSIBLE_NOCOLOR": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        match = RECAP.search(done.stdout)
        assert match, done.stdout + done.stderr
        return int(match[1]), int(match[2]), done.stdout + done.stderr


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


def test_life(zone: Zone) -> None:
    """check, present, again, absent, again; what others have there stays."""
    before = zone.records
    changed, failed, output = zone.play("present", "--check")
    assert (failed, zone.records) == (0, before), output
    for state, expected in (("present", 1), ("present", 0), ("absent", 1), ("absent", 0)):
        changed, failed, output = zone.play(state)
        assert (changed, failed) == (expected, 0), output
        if state == "present":
            assert zone.records == {
                "_acme-challenge.a.test.": ["foreign", "one-_", "two"],
                "_dnsauth.b.test.": ["20270101="],
            }
    assert zone.records == {"_acme-challenge.a.test.": ["foreign"], "_dnsauth.b.test.": []}


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [({"STATUS": "SERVFAIL"}, "SERVFAIL"), ({"REFUSE": "1"}, "update failed: REFUSED")],
)
def test_a_server_that_refuses(zone: Zone, environment: dict[str, str], sentence: str) -> None:
    before = zone.records
    _changed, failed, output = zone.play("present", **environment)
    assert (failed, zone.records) == (1, before)
    assert sentence in output


@pytest.mark.parametrize(
    "change",
    [
        {"value": "x\n"},
        {"value": 'x"\nserver 192.0.2.66'},
        {"value": "x;y"},
        {"value": ""},
        {"record": "a.test. TXT x\nsend"},
        {"record": "a b"},
    ],
)
def test_nothing_else_becomes_a_command(zone: Zone, change: dict[str, str]) -> None:
    before = zone.records
    _changed, failed, output = zone.play("present", records=[{**RECORDS[0], **change}])
    assert (failed, zone.records) == (1, before)
    assert "has characters that have no business there" in output
