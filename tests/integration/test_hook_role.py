# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role sslcom_reseller_hook without systemd: what it writes is what systemd, nginx and the service take."""

from __future__ import annotations

import getpass
import grp
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import pki
from tests.support.hook import CUSTOMER

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: certfleet.reseller.sslcom_reseller_hook
"""
RECORD = {
    "version": 1,
    "provider": "sslcom",
    "identity": "Alpha Ltd",
    "api_url": "https://sws.test",
    "kid": "kid-from-the-record",
    "hmac_key": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ",
    "directory_urls": ["https://acme.test/dir"],
    "created": "2026-11-22T00:00:00Z",
}
ROOT = Path(__file__).resolve().parents[2]
MOST_EXPOSED = 2.5  # of 10, in systemd's own measure

Play = Callable[..., tuple[int, int, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The controller's state, and what the role needs to have on a host."""
    home = tmp_path_factory.mktemp("hook")
    (home / "play.yml").write_text(PLAYBOOK)
    (home / "state" / "eab").mkdir(parents=True)
    (home / "state" / "eab" / "alpha.json").write_text(json.dumps(RECORD))
    (home / "state" / "eab" / "alpha.json").chmod(0o600)
    (home / "units").mkdir()
    (home / "ca.pem").write_bytes(pki.authority().pem)
    return home


@pytest.fixture(scope="module")
def play(home: Path, program: Callable[[str], str]) -> Play:
    """Runs the role; exit code, number of changed tasks, output."""
    customer = {key: value for key, value in CUSTOMER.items() if key != "kids"}

    def run(*arguments: str, **more: Any) -> tuple[int, int, str]:
        wanted = {
            "certfleet_state_path": str(home / "state"),
            "certfleet_issuers": {
                "alpha": {
                    "kind": "sslcom",
                    "customer": "Alpha Ltd",
                    "contact": "tls@alpha.test",
                    "directory_url": "https://acme.test/dir",
                }
            },
            "customers": {"alpha": customer},
            "trusted_ca_path": str(home / "ca.pem"),
            "interpreter": sys.executable,
            "program_path": str(home / "program"),
            "config_path": str(home / "config"),
            "data_path": str(home / "data"),
            "backup_path": str(home / "backups"),
            "command_path": str(home / "certfleet-hook"),
            "unit_path": str(home / "units"),
            "user": getpass.getuser(),
            "group": grp.getgrgid(os.getgid()).gr_name,
            "manage_user": False,
            "manage_service": False,
            **more,
        }
        variables = {
            name if name.startswith("certfleet_") else f"sslcom_reseller_hook_{name}": value
            for name, value in wanted.items()
        }
        command = [
            program("ansible-playbook"),
            "-i",
            "localhost,",
            str(home / "play.yml"),
            "-e",
            json.dumps(variables),
        ]
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, "ANSIBLE_PIPELINING": "true"},  # half the processes of a task
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        changed = re.search(r"changed=(\d+)", done.stdout)
        return done.returncode, int(changed[1]) if changed else -1, done.stdout + done.stderr

    return run


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def installed(play: Play) -> str:
    """The output of the first run, which all tests here build on."""
    code, changed, output = play("--diff", "-vv")
    assert (code, changed > 0) == (0, True), output
    return output


def test_the_first_run(installed: str, home: Path) -> None:
    prefix = (home / "state" / "hook" / "prefix").read_text().strip()
    assert len(prefix) == 43
    assert prefix not in installed
    assert RECORD["hmac_key"] not in installed
    config = home / "config"
    assert [mode(config / name) for name in ("prefix", "events_token", "metrics_token")] == [0o600] * 3
    assert mode(config) == 0o750
    assert (mode(home / "data"), mode(config / "settings.json")) == (0o700, 0o640)
    policy = json.loads((config / "policy.json").read_text())
    assert policy["customers"]["alpha"]["kids"] == ["kid-from-the-record"]
    assert policy["customers"]["alpha"]["name"] == "Alpha Ltd"
    assert RECORD["hmac_key"] not in (config / "policy.json").read_text()
    assert "BEGIN CERTIFICATE" in policy["trusted_ca"]


@pytest.mark.usefixtures("installed")
def test_later_runs(play: Play, home: Path) -> None:
    code, changed, output = play()
    assert (code, changed) == (0, 0), output
    program = home / "program" / "lib" / "certfleet_hook"
    files = sorted((ROOT / "roles" / "sslcom_reseller_hook" / "files" / "certfleet_hook").glob("*.py"))
    assert {path.name: path.read_bytes() for path in program.glob("*.py")} == {
        path.name: path.read_bytes() for path in files
    }
    (program / "old.py").write_text("")
    (program / files[0].name).write_text("another version")
    (program / files[1].name).chmod(0o600)
    (program / files[2].name).unlink()
    code, changed, output = play("--check")
    assert (code, changed) == (0, 2), output
    code, changed, output = play()
    assert (code, changed) == (0, 2), output
    assert [path.name for path in files if f"changed: [localhost] => (item={path.name})" in output] == [
        path.name for path in files[:3]
    ]
    assert {path.name: path.read_bytes() for path in program.glob("*.py")} == {
        path.name: path.read_bytes() for path in files
    }
    assert {mode(path) for path in program.glob("*.py")} == {0o644}


@pytest.mark.usefixtures("installed")
def test_a_wrong_policy_is_not_installed(play: Play, home: Path) -> None:
    before = (home / "config" / "policy.json").read_bytes()
    wrong = {"alpha": {**CUSTOMER, "names": ["*"]}}
    code, _changed, _output = play(customers=wrong, secure_logging=False)
    assert code != 0
    assert (home / "config" / "policy.json").read_bytes() == before
    code, _changed, output = play(customers={"nobody": {**wrong["alpha"], "kids": []} | {"names": []}, "beta": {}})
    assert code != 0
    assert "beta: neither an issuer" in output


@pytest.mark.needs("systemd-analyze")
@pytest.mark.usefixtures("installed")
def test_the_units_are_valid_and_hardened(home: Path) -> None:
    units = sorted(str(path) for path in (home / "units").iterdir())
    assert len(units) == 4
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{home}/units:"},
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if "certfleet-hook" in line]
    assert complaints == []
    exposed = {}
    for name in ("certfleet-hook.service", "certfleet-hook-backup.service"):
        told = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", f"{home}/units/{name}"],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"exposure level for [^:]+: ([0-9.]+)", told.stdout)
        assert found, told.stdout + told.stderr
        exposed[name] = float(found[1])
    print(f"\nexposure by systemd-analyze security (0 is none, 10 is all): {exposed}")
    assert max(exposed.values()) <= MOST_EXPOSED


@pytest.mark.needs("nginx")
@pytest.mark.usefixtures("installed")
def test_nginx_takes_its_settings_and_refuses_wrong_ones(play: Play, home: Path) -> None:
    identity = pki.server(["desk.test"])
    (home / "chain.pem").write_bytes(identity.pem)
    (home / "key.pem").write_bytes(identity.key_pem)
    (home / "key.pem").chmod(0o600)
    options: dict[str, Any] = {
        "nginx": True,
        "nginx_server_name": "desk.test",
        "nginx_certificate_path": str(home / "chain.pem"),
        "nginx_key_path": str(home / "key.pem"),
        "nginx_client_ca_path": str(home / "ca.pem"),
        "nginx_allow": ["192.0.2.0/24", "2001:db8::/32"],
        "nginx_config_path": str(home / "certfleet-hook.conf"),
    }
    code, _changed, output = play(**options)
    assert code == 0, output
    text = (home / "certfleet-hook.conf").read_text()
    assert "allow 192.0.2.0/24;" in text
    assert "deny all;" in text
    assert "ssl_verify_client on;" in text
    assert (home / "state" / "hook" / "prefix").read_text().strip() not in text
    code, _changed, _output = play(**{**options, "nginx_allow": ["not-a-network"]})
    assert code != 0
    assert (home / "certfleet-hook.conf").read_text() == text
