# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role eab_config: what it writes is read by Caddy itself, and has the fields of cert-manager's ClusterIssuer."""

from __future__ import annotations

import base64
import getpass
import grp
import json
import os
import pathlib
import stat
import subprocess
from collections.abc import Callable

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

from tests.support.canary import Runs

# begins with what a shell would take for an option, and YAML for a list
HMAC = "-zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ1_"
KID = "kid:1/+=~@x"
DIRECTORY = "https://ca.example/acme/dir"


ROOT = "-----BEGIN CERTIFICATE-----\n"
# with what JSON writes in another way than a Caddyfile
ROOT_FILE = 'gr\u00f6\u00dfe "1\\a.pem'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a file of each form, by the role in one play, run twice; the second time nothing changes."""
    folder = tmp_path_factory.mktemp("written")
    state = folder / "state"
    (state / "eab").mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    (folder / ROOT_FILE).write_text(ROOT)
    record = credential.Record("x", "alpha", "https://x", KID, Secret(HMAC), (), "2026-11-22T10:00:00Z")
    credential.save(str(state / "eab" / "alpha.json"), record)
    alpha = {
        "kind": "acme",
        "contact": "tls@alpha.test",
        "directory_url": DIRECTORY,
        "ca_path": str(folder / ROOT_FILE),
        "profile": "tls",
        "preferred_chain": "Root X",
        "eab_path": str(state / "eab" / "alpha.json"),
    }
    common = {
        "eab_config_issuer": "alpha",
        "eab_config_owner": getpass.getuser(),
        "eab_config_group": grp.getgrgid(os.getgid()).gr_name,
    }
    roles = [
        {
            "role": "certfleet.reseller.eab_config",
            "vars": {**common, "eab_config_format": form, "eab_config_dest": str(folder / form)},
        }
        for form in ("caddy", "cert_manager")
    ]
    play = {"hosts": "all", "gather_facts": False, "roles": roles, "vars": {"certfleet_issuers": {"alpha": alpha}}}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    runs = Runs(folder)
    for changed in (2, 0):
        assert runs.play("-i", "web1,", "-c", "local", str(folder / "play.yml")) == 0, runs.sinks["output"].decode()
        recap = runs.sinks["output"].decode().rsplit("PLAY RECAP", 1)[1]
        assert f"changed={changed} " in recap
    assert runs.hits([("hmac", HMAC)]) == []
    return folder


@pytest.mark.needs("caddy")
def test_caddy(written: pathlib.Path, tmp_path: pathlib.Path, program: Callable[[str], str]) -> None:
    """Adapted by Caddy to its own JSON, the binding is the record's, to the letter."""
    target = written / "caddy"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    site = tmp_path / "Caddyfile"
    site.write_text(f"import {target}\n\nwww.alpha.test {{\n\trespond ok\n}}\n")
    argv = [program("caddy"), "adapt", "--config", str(site), "--adapter", "caddyfile"]
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env, timeout=60)
    assert done.returncode == 0, done.stderr
    policies = json.loads(done.stdout)["apps"]["tls"]["automation"]["policies"]
    issuer = policies[0]["issuers"][0]
    assert issuer["ca"] == DIRECTORY
    assert issuer["email"] == "tls@alpha.test"
    assert issuer["trusted_roots_pem_files"] == [str(written / ROOT_FILE)]
    assert issuer["external_account"] == {"key_id": KID, "mac_key": HMAC}


def test_cert_manager(written: pathlib.Path) -> None:
    """Names of fields: cert-manager, pkg/apis/acme/v1/types_issuer.go."""
    target = written / "cert_manager"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    secret, issuer = yaml.safe_load_all(target.read_text())
    assert (secret["apiVersion"], secret["kind"]) == ("v1", "Secret")
    assert (issuer["apiVersion"], issuer["kind"]) == ("cert-manager.io/v1", "ClusterIssuer")
    acme = issuer["spec"]["acme"]
    binding = acme["externalAccountBinding"]
    assert binding["keyID"] == KID
    assert secret["metadata"] == {"name": binding["keySecretRef"]["name"], "namespace": "cert-manager"}
    assert secret["stringData"][binding["keySecretRef"]["key"]] == HMAC
    assert base64.b64decode(acme["caBundle"]) == ROOT.encode()
    known = {
        "email",
        "server",
        "caBundle",
        "preferredChain",
        "profile",
        "privateKeySecretRef",
        "externalAccountBinding",
        "solvers",
    }
    assert set(acme) == known
    assert acme["server"] == DIRECTORY
    assert acme["solvers"] == [{"http01": {"ingress": {}}}]
