# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that renew by themselves, each with a systemd, Debian's lego or certbot and nginx, and an ACME server beside them."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret

from tests.support import fleet_deploy
from tests.support.canary import Runs
from tests.support.fleet_machines import Machine, Machines

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("fleet_client.py")
# the key is in no other process of this machine, all of which are looked at
KID, HMAC = "kid-1", secrets.token_urlsafe(48)
# A certificate's life, in seconds, and how many of them are over when it is due. The program's own timers come once a minute at
# most; a drop-in makes them come as often as a test can wait for.
LIFE, DUE = 300, 15
OFTEN = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\n"
NGINX = """
server {
    listen 443 ssl;
    server_name %(name)s;
    ssl_certificate /etc/certfleet/%(name)s/current/fullchain.pem;
    ssl_certificate_key /etc/certfleet/%(name)s/current/privkey.pem;
    return 200 "%(name)s\\n";
}
"""
WEB = "[Service]\nExecStart=busybox httpd -f -p %s -h %s\n"
INSTALL = "rm /etc/nginx/sites-enabled/default; exec dpkg --force-unsafe-io -i /opt/clients/$0/*.deb"
# an archive as lego's releases have it, behind a web server
ARCHIVE = """rm /etc/nginx/sites-enabled/default; mkdir -p /srv/archive
dpkg-deb -x /opt/clients/lego/lego_*.deb /srv/lego
tar -czf /srv/archive/lego.tar.gz -C /srv/lego/usr/bin lego
sha256sum < /srv/archive/lego.tar.gz"""
PLAY = "- {hosts: all, gather_facts: %s, roles: [certfleet.reseller.host_renewal]}\n"


@dataclass(frozen=True)
class Renewing:
    """``listen``: the client answers http-01 by itself, else a web server that is there does. ``download``: the role installs lego from an
    archive, else Debian's package is there.
    """

    name: str
    address: str
    client: str
    listen: bool
    key_type: str = "ecdsa"
    user: str = "root"
    download: bool = False

    @property
    def certificate(self) -> str:
        return f"{self.name}.shop.test"

    @property
    def issuer(self) -> str:
        return f"{self.client}-{'alone' if self.listen else 'webroot'}"


HOSTS = (
    Renewing("lego1", "10.77.0.81", "lego", listen=True),
    Renewing("lego2", "10.77.0.82", "lego", listen=False, user="deploy"),
    Renewing("lego3", "10.77.0.83", "lego", listen=True, key_type="rsa", download=True),
    Renewing("cert1", "10.77.0.84", "certbot", listen=True),
    Renewing("cert2", "10.77.0.85", "certbot", listen=False, key_type="rsa"),
)


def machines() -> Machines:
    return Machines(*(Machine(host.name, host.address) for host in HOSTS))


class Scene:
    """``path`` is the controller's. Ends the ACME server with ``stop``."""

    def __init__(self, found: Machines, path: Path) -> None:
        self.machines, self.path, self.state = found, path, path / "state"
        self.runs = Runs(path, lambda *argv: found.outside_command(*argv, folder=path))
        self._server = subprocess.Popen(
            found.outside_command(sys.executable, "-m", "tests.support.fleet_pebble", folder=ROOT),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        given = {"keys": {KID: HMAC}, "addresses": {each.certificate: each.address for each in HOSTS}, "seconds": LIFE}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(given) + "\n")
        self._server.stdin.flush()
        self.acme: dict[str, str] = json.loads(self._server.stdout.readline())
        (path / "root.pem").write_text(self.acme["root"])
        self._installs: dict[str, dict[str, str]] = {}

    def stop(self) -> None:
        self._server.communicate(timeout=30)

    # -- hosts -------------------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Clients and servers, as an administrator has them; nginx has no certificate yet, and does not run."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._set_up, HOSTS))
        self._inventory()

    def _set_up(self, host: Renewing) -> None:
        self.machines.write(host.name, "/etc/nginx/conf.d/shop.conf", NGINX % {"name": host.certificate})
        said = self.machines.run(host.name, "sh", "-ec", ARCHIVE if host.download else INSTALL, host.client)
        self._installs[host.name] = {"host_renewal_install": "none"}
        if host.download:
            self._installs[host.name] = {
                "host_renewal_install": "download",
                "host_renewal_lego_url": "http://127.0.0.1:8080/lego.tar.gz",
                "host_renewal_lego_checksum": f"sha256:{said.split()[0]}",
            }
        web = WEB % (("127.0.0.1:8080", "/srv/archive") if host.download else ("80", "/var/www/html"))
        self.machines.write(host.name, "/etc/systemd/system/web.service", web)
        if host.download or not host.listen:
            self.machines.run(host.name, "systemctl", "start", "web")

    def hasten(self) -> None:
        for host in HOSTS:
            timer = f"certfleet-renew@{host.certificate}.timer"
            self.machines.write(host.name, f"/etc/systemd/system/{timer}.d/fleet.conf", OFTEN)
            self.machines.run(host.name, "sh", "-ec", "systemctl daemon-reload; systemctl restart $0", timer)

    def record(self, host: Renewing) -> dict[str, Any]:
        """The status record on the host."""
        path = f"/var/lib/certfleet/status/{host.certificate}.json"
        found: dict[str, Any] = json.loads(self.machines.run(host.name, "cat", path))
        return found

    def unit(self, host: Renewing) -> str:
        """The state of the unit that the timer starts."""
        unit = f"certfleet-renew@{host.certificate}.service"
        return self.machines.run(host.name, "systemctl", "show", "-P", "ActiveState", unit).strip()

    def live(self, host: Renewing) -> str:
        """The fingerprint of the certificate that the link points at."""
        path = f"/etc/certfleet/{host.certificate}/current/meta.json"
        return str(json.loads(self.machines.run(host.name, "cat", path))["fingerprint"])

    def key_type(self, host: Renewing) -> str:
        """Of the live certificate."""
        path = f"/etc/certfleet/{host.certificate}/current/cert.pem"
        text = self.machines.run(host.name, "openssl", "x509", "-noout", "-text", "-in", path)
        return "rsa" if "rsaEncryption" in text else "ecdsa" if "id-ecPublicKey" in text else text

    def served(self, host: Renewing) -> str | None:
        """The fingerprint of the certificate that a client outside is shown, if it is content with it."""
        done = subprocess.run(self._client("once", host), stdin=subprocess.DEVNULL, capture_output=True, check=True)
        found: str | None = json.loads(done.stdout)[0][0]
        return found

    def break_reload(self, host: Renewing) -> None:
        self.machines.write(host.name, "/etc/systemd/system/nginx.service.d/fleet.conf", fleet_deploy.FAILING)
        self.machines.run(host.name, "systemctl", "daemon-reload")

    def mend_reload(self, host: Renewing) -> None:
        self.machines.run(host.name, "rm", "/etc/systemd/system/nginx.service.d/fleet.conf")
        self.machines.run(host.name, "systemctl", "daemon-reload")

    # -- the controller ----------------------------------------------------------------------------------------------

    def _inventory(self) -> None:
        for directory in (self.state, self.state / "eab"):
            directory.mkdir(mode=0o700)
        record = credential.Record("x", "fleet", "https://x", KID, Secret(HMAC), (), "2026-11-22T10:00:00Z")
        credential.save(str(self.state / "eab" / "fleet.json"), record)
        hosts = {
            host.name: {
                "ansible_host": host.address,
                "ansible_user": host.user,
                "ansible_become": host.user != "root",
                **self._installs[host.name],
            }
            for host in HOSTS
        }
        known = self.machines.folder / "known_hosts"
        shared = {
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.machines.key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known} -o IdentitiesOnly=yes",
            "certfleet_state_path": str(self.state),
            "certfleet_renewal": {"remaining_share": 1 - DUE / LIFE},
            "certfleet_issuers": {host.issuer: self._issuer(host) for host in HOSTS},
            "certfleet_certificates": [
                {
                    "name": host.certificate,
                    "issuer": host.issuer,
                    "hosts": host.name,
                    "key_type": host.key_type,
                    "services": ["nginx"],
                    "endpoints": [{"port": 443}],
                }
                for host in HOSTS
            ],
        }
        (self.path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}))

    def _issuer(self, host: Renewing) -> dict[str, Any]:
        return {
            "kind": "acme",
            "contact": "tls@shop.test",
            "directory_url": self.acme["directory_url"],
            "ca_path": self.acme["ca_path"],
            "eab_path": str(self.state / "eab" / "fleet.json"),
            "client": host.client,
            **({"client_listen": ":80"} if host.listen else {}),
        }

    def play(self, facts: bool = False) -> dict[str, dict[str, int]]:
        """The role on all hosts; its recap."""
        play = self.path / "play.yml"
        play.write_text(PLAY % str(facts).lower())
        environment = {
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_FORKS": str(len(HOSTS)),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.machines.folder / "control"),
        }
        code = self.runs.play("-i", str(self.path / "inventory.json"), str(play), environment=environment)
        output = self.runs.sinks["output"].decode(errors="replace")
        assert code == 0, output[-6000:]
        return fleet_deploy.Run(code, output.rsplit("PLAY RECAP", 1)[1]).recap

    def follow(self) -> subprocess.Popen[str]:
        """A client outside, with an eye on each nginx; close its input, and it tells what it saw."""
        command = self._client("follow", *HOSTS)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _client(self, action: str, *hosts: Renewing) -> list[str]:
        targets = [f"{host.address}:443:{host.certificate}" for host in hosts]
        root = str(self.path / "root.pem")
        return self.machines.outside_command(sys.executable, str(CLIENT), action, root, *targets)
