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
MOST_EXPOSED = 2.5  # of 10, in systemd's own measure

Play = Callable[..., tuple[int, int, str]]


@pytest.fixture
def play(tmp_path: Path, program: Callable[[str], str]) -> Play:
    """Runs the role; exit code, number of changed tasks, output."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "state" / "eab").mkdir(parents=True)
    (tmp_path / "state" / "eab" / "alpha.json").write_text(json.dumps(RECORD))
    (tmp_path / "state" / "eab" / "alpha.json").chmod(0o600)
    (tmp_path / "units").mkdir()
    (tmp_path / "ca.pem").write_bytes(pki.authority().pem)
    customer = {key: value for key, value in CUSTOMER.items() if key != "kids"}

    def run(*arguments: str, **more: Any) -> tuple[int, int, str]:
        wanted = {
            "certfleet_state_path": str(tmp_path / "state"),
            "certfleet_issuers": {
                "alpha": {
                    "kind": "sslcom",
                    "customer": "Alpha Ltd",
                    "contact": "tls@alpha.test",
                    "directory_url": "https://acme.test/dir",
                }
            },
            "customers": {"alpha": customer},
            "trusted_ca_path": str(tmp_path / "ca.pem"),
            "interpreter": sys.executable,
            "program_path": str(tmp_path / "program"),
            "config_path": str(tmp_path / "config"),
            "data_path": str(tmp_path / "data"),
            "backup_path": str(tmp_path / "backups"),
            "command_path": str(tmp_path / "certfleet-hook"),
            "unit_path": str(tmp_path / "units"),
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
            str(tmp_path / "play.yml"),
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


def test_the_role(play: Play, tmp_path: Path) -> None:
    code, changed, output = play("--diff", "-vv")
    assert (code, changed > 0) == (0, True), output
    prefix = (tmp_path / "state" / "hook" / "prefix").read_text().strip()
    assert len(prefix) == 43
    assert prefix not in output
    assert RECORD["hmac_key"] not in output
    config = tmp_path / "config"
    assert [mode(config / name) for name in ("prefix", "events_token", "metrics_token")] == [0o600] * 3
    assert mode(config) == 0o750
    assert (mode(tmp_path / "data"), mode(config / "settings.json")) == (0o700, 0o640)
    policy = json.loads((config / "policy.json").read_text())
    assert policy["customers"]["alpha"]["kids"] == ["kid-from-the-record"]
    assert policy["customers"]["alpha"]["name"] == "Alpha Ltd"
    assert RECORD["hmac_key"] not in (config / "policy.json").read_text()
    assert "BEGIN CERTIFICATE" in policy["trusted_ca"]
    code, changed, output = play()
    assert (code, changed) == (0, 0), output
    (tmp_path / "program" / "lib" / "certfleet_hook" / "old.py").write_text("")
    code, changed, output = play("--check")
    assert (code, changed) == (0, 1), output
    # a policy that is wrong is not installed
    wrong = {"alpha": {**CUSTOMER, "names": ["*"]}}
    code, _changed, _output = play(customers=wrong, secure_logging=False)
    assert code != 0
    assert json.loads((config / "policy.json").read_text()) == policy
    code, _changed, output = play(customers={"nobody": {**wrong["alpha"], "kids": []} | {"names": []}, "beta": {}})
    assert code != 0
    assert "beta: neither an issuer" in output


@pytest.mark.needs("systemd-analyze")
def test_the_units_are_valid_and_hardened(play: Play, tmp_path: Path) -> None:
    code, _changed, output = play()
    assert code == 0, output
    units = sorted(str(path) for path in (tmp_path / "units").iterdir())
    assert len(units) == 4
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}/units:"},
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if "certfleet-hook" in line]
    assert complaints == []
    exposed = {}
    for name in ("certfleet-hook.service", "certfleet-hook-backup.service"):
        told = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", f"{tmp_path}/units/{name}"],
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
def test_nginx_takes_its_settings_and_refuses_wrong_ones(play: Play, tmp_path: Path) -> None:
    identity = pki.server(["desk.test"])
    (tmp_path / "chain.pem").write_bytes(identity.pem)
    (tmp_path / "key.pem").write_bytes(identity.key_pem)
    (tmp_path / "key.pem").chmod(0o600)
    options: dict[str, Any] = {
        "nginx": True,
        "nginx_server_name": "desk.test",
        "nginx_certificate_path": str(tmp_path / "chain.pem"),
        "nginx_key_path": str(tmp_path / "key.pem"),
        "nginx_client_ca_path": str(tmp_path / "ca.pem"),
        "nginx_allow": ["192.0.2.0/24", "2001:db8::/32"],
        "nginx_config_path": str(tmp_path / "certfleet-hook.conf"),
    }
    code, _changed, output = play(**options)
    assert code == 0, output
    text = (tmp_path / "certfleet-hook.conf").read_text()
    assert "allow 192.0.2.0/24;" in text
    assert "deny all;" in text
    assert "ssl_verify_client on;" in text
    assert (tmp_path / "state" / "hook" / "prefix").read_text().strip() not in text
    code, _changed, _output = play(**{**options, "nginx_allow": ["not-a-network"]})
    assert code != 0
    assert (tmp_path / "certfleet-hook.conf").read_text() == text
