# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role host_renewal with the real lego and certbot, against pebble, which requires a binding: issue, renew, and no HMAC anywhere."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

from tests.support.canary import MARK, Runs, Spy, forms
from tests.support.pebble import Pebble

HMAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
OTHER = "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH"
NAME = "www.alpha.test"
CLIENTS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("lego", "certbot")]

pytestmark = pytest.mark.needs("pebble", "pebble-challtestsrv")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    port = free_port()
    with Pebble({"kid-1": HMAC, "kid-2": OTHER}, http01_port=port, answer_http01=False) as found:
        yield found


class Scene:
    """One host, this machine, with all that is written below one folder."""

    def __init__(self, folder: pathlib.Path, pebble: Pebble, client: str) -> None:
        self.folder, self.client = folder, client
        self.path, self.root, self.cron = folder / "lib", folder / "etc", folder / "cron"
        self.state = folder / "state"
        self.bind("kid-1", HMAC)
        self.issuer: dict[str, Any] = {
            "kind": "acme",
            "contact": "tls@alpha.test",
            "directory_url": pebble.directory_url,
            "ca_path": pebble.ca_path,
            "eab_path": str(self.eab),
            "client": client,
            "client_listen": f"127.0.0.1:{pebble.http01_port}",
        }
        self.certificate: dict[str, Any] = {"name": NAME, "issuer": "alpha", "hosts": "web1"}
        self.runs = Runs(folder)

    @property
    def eab(self) -> pathlib.Path:
        return self.state / "eab" / "alpha.json"

    def bind(self, kid: str, hmac_key: str) -> None:
        for directory in (self.state, self.eab.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        record = credential.Record("x", "alpha", "https://x", kid, Secret(hmac_key), (), "2026-11-22T10:00:00Z")
        credential.save(str(self.eab), record)

    @property
    def variables(self) -> dict[str, Any]:
        return {
            "certfleet_issuers": {"alpha": self.issuer},
            "certfleet_certificates": [self.certificate],
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

    def job(self, **changes: Any) -> None:
        path = self.path / "jobs" / f"{NAME}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def run(self) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-I", str(self.path / "certfleet-host.pyz"), "run", NAME]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, MARK: "host"}
        )

    @property
    def record(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.path / "status" / f"{NAME}.json").read_text())
        return value

    @property
    def live(self) -> str:
        return os.readlink(self.root / NAME / "current")


@pytest.mark.parametrize("client", CLIENTS)
def test_life(tmp_path: pathlib.Path, pebble: Pebble, client: str) -> None:
    """Issue, a second run that changes nothing, three renewals without the controller, another credential, and no HMAC on the host."""
    scene = Scene(tmp_path, pebble, client)
    assert scene.play()["changed"] > 0
    first = scene.live
    assert scene.record["ok"]
    assert scene.record["issued"]
    assert scene.play()["changed"] == 0
    assert scene.live == first

    # due at once, from here on without the controller
    scene.state.rename(tmp_path / "elsewhere")
    scene.job(renewal={"remaining_share": 0.999999999})
    seen = [first]
    with Spy("host") as spy:
        for _renewal in range(3):
            done = scene.run()
            assert done.returncode == 0, done.stderr
            seen.append(scene.live)
    assert len(set(seen)) == 4
    assert any(client.encode() in argv and b"--server" in argv for argv in spy.arguments)
    for text in (*spy.arguments, *spy.environments):
        assert not any(form in text for form in forms(HMAC))
    (tmp_path / "elsewhere").rename(scene.state)

    # another credential, another account; the certificate stays until it is due
    scene.bind("kid-2", OTHER)
    assert scene.play()["changed"] > 0
    assert scene.live == seen[-1]
    assert scene.play()["changed"] == 0
    scene.job(renewal={"remaining_share": 0.999999999})
    account = scene.record["account"]
    done = scene.run()
    assert done.returncode == 0, done.stderr
    assert scene.record["account"] != account
    assert len(list((scene.state / "accounts" / "hosts" / "web1").glob("*.key"))) == 2

    secrets = [("first", HMAC), ("second", OTHER)]
    assert scene.runs.hits(secrets) == []
    files = [path for folder in (scene.path, scene.root, scene.cron) for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        assert not any(form in content for _name, secret in secrets for form in forms(secret)), path
    print(
        f"\n{client}: 5 certificates, 2 accounts; no HMAC in {len(files)} files and {scene.runs.looks} looks at processes"
    )


@pytest.mark.parametrize("client", CLIENTS[:1])
def test_rotation(tmp_path: pathlib.Path, pebble: Pebble, client: str) -> None:
    """A playbook brings the new account, proves it by one order, ends the old one, and leaves nothing for the next run."""
    scene = Scene(tmp_path, pebble, client)
    scene.play()
    first, old = scene.live, scene.record["account"]
    new = tmp_path / "new.json"
    record = credential.Record("x", "alpha", "https://x", "kid-2", Secret(OTHER), (), "2026-11-22T10:00:00Z")
    credential.save(str(new), record)
    variables = {**scene.variables, "certfleet_rotate_issuer": "alpha", "certfleet_rotate_eab_path": str(new)}
    (tmp_path / "vars.json").write_text(json.dumps(variables))
    scene.recap("-e", f"@{tmp_path / 'vars.json'}", "certfleet.reseller.rotate_eab")
    assert scene.live != first
    assert scene.record["account"] != old
    known = [json.loads(path.read_text()) for path in (scene.state / "accounts").rglob("*.json")]
    assert sorted((each["kid"], "retired" in each) for each in known) == [("kid-1", True), ("kid-2", False)]
    assert json.loads(scene.eab.read_text())["kid"] == "kid-2"
    second = scene.live
    assert scene.play()["changed"] == 0
    assert scene.live == second
    assert scene.runs.hits([("first", HMAC), ("second", OTHER)]) == []
