# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented example of the lookup, as it stands, against the sandbox: community.crypto makes an account with our record."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.lookup import eab_credential

from tests.support import modules, pki
from tests.support.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PLACES = [Path(entry) for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep) if entry]
PLACES.append(ROOT / ".venv" / "collections")


def collection() -> Path:
    for place in PLACES:
        if (place / "ansible_collections" / "community" / "crypto" / "MANIFEST.json").exists():
            return place
    if os.environ.get("CERTFLEET_NO_SKIP") == "1":
        pytest.fail("community.crypto is not installed (CERTFLEET_NO_SKIP=1 asks for everything)")
    pytest.skip("community.crypto is not installed")


def credential(sandbox: Sandbox, provider: str, path: Path) -> modules.Run:
    if provider == "sslcom":
        known = {name: sandbox.sslcom[name] for name in ("api_url", "account_key", "secret_key")}
        more: dict[str, Any] = {
            "description": "Alpha Ltd",
            "directory_urls": list(sandbox.sslcom["directory_urls"].values()),
        }
        return modules.run("sslcom_acme_credential", {**known, **more, "ca_path": sandbox.ca_path, "path": str(path)})
    known = {name: sandbox.identrust[name] for name in ("api_url", "api_key")}
    more = {"customer_email": "tls@beta.test", "directory_urls": list(sandbox.identrust["directory_urls"].values())}
    return modules.run("identrust_account", {**known, **more, "ca_path": sandbox.ca_path, "path": str(path)})


@pytest.mark.parametrize("provider", ["sslcom", "identrust"])
def test_the_example_of_the_lookup(tmp_path: Path, provider: str) -> None:
    place = collection()
    tasks = yaml.safe_load(eab_credential.EXAMPLES)
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    (tmp_path / "account.pem").write_bytes(pki.key_pem(pki.new_key()))
    home = tmp_path / "home"
    with Sandbox() as sandbox:
        assert credential(sandbox, provider, home / ".certfleet" / "eab" / "alpha.json").result["changed"] is True
        env = {**os.environ, "HOME": str(home), "SSL_CERT_FILE": sandbox.ca_path}
        env["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join([os.environ["ANSIBLE_COLLECTIONS_PATH"], str(place)])
        outputs = []
        for _unused in range(2):
            done = subprocess.run(
                ["ansible-playbook", "play.yml"],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            outputs.append(done.stdout)
        hmac = json.loads((home / ".certfleet" / "eab" / "alpha.json").read_bytes())["hmac_key"]
        assert "changed=1" in outputs[0]
        assert "changed=0" in outputs[1]
        assert hmac not in "".join(outputs)
        accounts = sandbox.ledger(service=f"acme-{provider}", effect="newAccount")
        assert len(accounts) == 1, sandbox.ledger(service=f"acme-{provider}")
