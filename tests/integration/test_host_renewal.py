# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role host_renewal with the real lego and certbot, against pebble, which requires a binding: issue, renew, rotate, and no HMAC anywhere."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.support.canary import MARK, Runs, Spy, forms
from tests.support.dns_updates import ALGORITHM, KEY_NAME, Updates
from tests.support.pebble import Pebble

HMAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
OTHER = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH"
SECRETS = [("first", HMAC), ("second", OTHER)]
# as nsupdate and lego want the key of updates
TSIG = "Y2FuYXJ5IG9mIHRoZSB1cGRhdGVzIG9mIGEgem9uZSE="
# issuers and certificates, all of one host, by the client or the challenge that they are about
ISSUERS = {"lego": "alpha", "certbot": "beta", "dns": "gamma"}
NAMES = {"lego": "www.alpha.test", "certbot": "www.beta.test", "dns": "*.gamma.test"}
FILES = {**NAMES, "dns": "_wildcard.gamma.test"}

pytestmark = pytest.mark.needs("pebble", "pebble-challtestsrv", "lego", "certbot")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
def pebble() -> Iterator[Pebble]:
    port = free_port()
    keys = {"kid-1": HMAC, "kid-2": OTHER}
    with Pebble(keys, http01_port=port, answer_http01=False, alternate_roots=1) as found:
        yield found


@pytest.fixture
def updates(pebble: Pebble) -> Iterator[Updates]:
    with Updates("gamma.test", TSIG, pebble) as found:
        yield found


class Scene:
    """One host, this machine, with all that is written below one folder."""

    def __init__(self, folder: pathlib.Path, pebble: Pebble, updates: Updates) -> None:
        self.folder = folder
        root = x509.load_pem_x509_certificate(pebble.issuing_root(1))
        self.root_name = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        self.path, self.root, self.cron = folder / "lib", folder / "etc", folder / "cron"
        self.state = folder / "state"
        for directory in (self.state, self.state / "eab", self.cron):
            directory.mkdir(mode=0o700)
        for client in ISSUERS:
            self.bind(self.eab(client), "kid-1", HMAC)
        self.issuers = {issuer: self._issuer(pebble, client) for client, issuer in ISSUERS.items()}
        self.issuers[ISSUERS["dns"]].update(self._dns(updates))
        self.runs = Runs(folder)

    def _issuer(self, pebble: Pebble, client: str) -> dict[str, Any]:
        return {
            "kind": "acme",
            "contact": "tls@alpha.test",
            "directory_url": pebble.directory_url,
            "ca_path": pebble.ca_path,
            "eab_path": str(self.eab(client)),
            "preferred_chain": self.root_name,
            "client": "certbot" if client == "certbot" else "lego",
            "client_listen": f"127.0.0.1:{pebble.http01_port}",
        }

    def _dns(self, updates: Updates) -> dict[str, Any]:
        settings = {
            "NAMESERVER": updates.address,
            "TSIG_ALGORITHM": ALGORITHM,
            "TSIG_KEY": KEY_NAME,
            "TSIG_SECRET": TSIG,
        }
        return {
            "client_dns": "rfc2136",
            "client_dns_settings": {f"RFC2136_{name}": value for name, value in settings.items()},
            # pebble's own DNS is where records are looked for
            "client_arguments": ["--dns.resolvers", updates.address, "--dns.disable-cp"],
        }

    def eab(self, client: str) -> pathlib.Path:
        return self.state / "eab" / f"{ISSUERS[client]}.json"

    def bind(self, path: pathlib.Path, kid: str, hmac_key: str) -> None:
        record = credential.Record("x", "fleet", "https://x", kid, Secret(hmac_key), (), "2026-11-22T10:00:00Z")
        credential.save(str(path), record)

    @property
    def variables(self) -> dict[str, Any]:
        return {
            "certfleet_issuers": self.issuers,
            "certfleet_certificates": [
                {
                    "name": NAMES[client],
                    "issuer": issuer,
                    "hosts": "web1",
                    "challenge": "dns-01" if client == "dns" else "http-01",
                }
                for client, issuer in ISSUERS.items()
            ],
            "certfleet_state_path": str(self.state),
            "certfleet_root": str(self.root),
            "host_renewal_path": str(self.path),
            "host_renewal_install": "none",
            "host_renewal_timers": "cron",
            "host_renewal_cron_path": str(self.cron),
            "host_renewal_python": sys.executable,
        }

    def play(self) -> dict[str, int]:
        """The role, once; the counts of its recap."""
        roles = ["certfleet.reseller.host_renewal"]
        play = {"hosts": "all", "gather_facts": False, "roles": roles, "vars": self.variables}
        (self.folder / "play.yml").write_text(yaml.safe_dump([play]))
        return self.recap(str(self.folder / "play.yml"))

    def recap(self, *arguments: str) -> dict[str, int]:
        code = self.runs.play("-i", "web1,", "-c", "local", *arguments)
        output = self.runs.sinks["output"].decode()
        assert code == 0, output[-4000:]
        recap = output.rsplit("PLAY RECAP", 1)[1].split("web1", 1)[1].splitlines()[0]
        return {name: int(count) for name, count in (word.split("=") for word in recap.split() if "=" in word)}

    def renew(self, client: str) -> str:
        """What a timer starts, of a certificate that is due; the serial number of the new one."""
        name = FILES[client]
        path = self.path / "jobs" / f"{name}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "renewal": {"remaining_share": 0.999999999}}))
        argv = [sys.executable, "-I", str(self.path / "certfleet-host.pyz"), "run", name]
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, MARK: "host"}
        )
        assert done.returncode == 0, done.stderr
        return self.live(client)

    def record(self, client: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / "status" / f"{FILES[client]}.json").read_text())
        return value

    def live(self, client: str) -> str:
        return os.readlink(self.root / FILES[client] / "current")

    def top(self, client: str) -> str:
        """The name of the root that the chain ends at."""
        chain = (self.root / FILES[client] / "current" / "fullchain.pem").read_bytes()
        last = x509.load_pem_x509_certificates(chain)[-1]
        return str(last.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    def accounts(self, issuer: str) -> list[tuple[str, bool]]:
        """The credential of each account, and whether the account has come to its end."""
        known = [json.loads(path.read_text()) for path in (self.state / "accounts").rglob(f"{issuer}-*.json")]
        return sorted((each["kid"], "retired" in each) for each in known)


def test_life(tmp_path: pathlib.Path, pebble: Pebble, updates: Updates) -> None:
    """Issue, a second run that changes nothing, three renewals without the controller, another credential, and no HMAC on the host."""
    scene = Scene(tmp_path, pebble, updates)
    assert scene.play()["changed"] > 0
    first = {client: scene.live(client) for client in ISSUERS}
    assert all(scene.record(client)["ok"] and scene.record(client)["issued"] for client in ISSUERS)
    assert {scene.top(client) for client in ISSUERS} == {scene.root_name}
    assert scene.play()["changed"] == 0
    assert {client: scene.live(client) for client in ISSUERS} == first

    # from here on without the controller
    scene.state.rename(tmp_path / "elsewhere")
    with Spy("host") as spy:
        for client in ISSUERS:
            assert len({first[client], *(scene.renew(client) for _renewal in range(3))}) == 4
    for client in ("lego", "certbot", "rfc2136"):
        assert any(client.encode() in argv and b"--server" in argv for argv in spy.arguments)
    for text in (*spy.arguments, *spy.environments):
        assert not any(form in text for form in forms(HMAC) | forms(TSIG))
    (tmp_path / "elsewhere").rename(scene.state)

    rotate(scene)
    report(scene)

    assert scene.runs.hits([*SECRETS, ("updates", TSIG)]) == []
    assert (updates.added, updates.refused) == (4, 0)
    files = [path for folder in (scene.path, scene.root, scene.cron) for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        assert not any(form in content for _name, secret in SECRETS for form in forms(secret)), path
    keepers = [path for path in files if TSIG.encode() in path.read_bytes()]
    assert keepers == [scene.path / "secrets" / ISSUERS["dns"] / "RFC2136_TSIG_SECRET"]
    assert stat.S_IMODE(keepers[0].stat().st_mode) == 0o600
    print(
        f"\nlego and certbot: 5 certificates and 2 accounts each; lego by DNS: {updates.added} certificates; "
        f"no HMAC in {len(files)} files and {scene.runs.looks} looks at processes"
    )


def rotate(scene: Scene) -> None:
    """Of certbot by the playbook: new account, one order as proof, the end of the old one. Of lego by another record: the next renewal has a
    new account, and the certificate stays until it is due."""
    live = {client: scene.live(client) for client in ISSUERS}
    old = {client: scene.record(client)["account"] for client in ISSUERS}
    scene.bind(scene.eab("lego"), "kid-2", OTHER)
    new = scene.folder / "new.json"
    scene.bind(new, "kid-2", OTHER)
    variables = {
        **scene.variables,
        "certfleet_rotate_issuer": ISSUERS["certbot"],
        "certfleet_rotate_eab_path": str(new),
    }
    (scene.folder / "vars.json").write_text(json.dumps(variables))
    accounts = scene.state / "accounts" / "hosts"
    # of an issuer whose name begins alike, and of a host that is not reached
    for issuer, host in (("beta-b", "web1"), ("beta", "web2")):
        (accounts / host).mkdir(exist_ok=True)
        for source in (accounts / "web1").glob("beta-????????.*"):
            shutil.copy(source, accounts / host / source.name.replace("beta", issuer))
    arguments = ("-e", f"@{scene.folder / 'vars.json'}", "certfleet.reseller.rotate_eab")
    assert scene.runs.play("-i", "web1,web2,", "-c", "local", *arguments, "-e", "certfleet_hosts=web1") != 0
    assert b"web2 took no part" in scene.runs.sinks["output"]
    assert all(not ended for _kid, ended in scene.accounts(ISSUERS["certbot"]))
    shutil.rmtree(accounts / "web2")
    scene.recap(*arguments)
    assert [ended for _kid, ended in scene.accounts("beta-b")] == [False]
    for path in (accounts / "web1").glob("beta-b-*"):
        path.unlink()
    assert scene.live("certbot") != live["certbot"]
    assert scene.record("certbot")["account"] != old["certbot"]
    assert scene.accounts(ISSUERS["certbot"]) == [("kid-1", True), ("kid-2", False)]
    assert json.loads(scene.eab("certbot").read_text())["kid"] == "kid-2"
    assert scene.live("lego") == live["lego"]
    assert scene.accounts(ISSUERS["lego"]) == [("kid-1", False), ("kid-2", False)]

    proven = scene.live("certbot")
    assert scene.play()["changed"] == 0
    assert scene.live("certbot") == proven
    assert scene.renew("lego") != live["lego"]
    assert scene.record("lego")["account"] != old["lego"]


def report(scene: Scene) -> None:
    """The playbook knows the certificates from the host, misses none on the controller, and orders none."""
    live = {client: scene.live(client) for client in ISSUERS}
    variables = {
        **scene.variables,
        "certificate_report_renewals_path": str(scene.path),
        "certificate_report_revocation": False,
    }
    (scene.folder / "vars.json").write_text(json.dumps(variables))
    scene.recap("-e", f"@{scene.folder / 'vars.json'}", "certfleet.reseller.report")
    found = json.loads((scene.state / "report" / "report.json").read_text())["certificates"]
    assert {each["name"]: (each["serial"], each["problems"]) for each in found} == {
        f"{NAMES[client]} (web1)": (serial, []) for client, serial in live.items()
    }
