# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet_init.py FOLDER ROOT.TAR CGROUP: the first process of a test fleet's namespaces; ``fleet_machines`` starts it.

Reads requests and writes answers, one line of JSON each. When its input ends, it ends, and with it every process,
mount, bridge and file of the fleet: the kernel sees to that, whatever happened to the tests. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BOOT_SECONDS = 60.0
BRIDGE = "10.77.0.1"
PREFIX = 16
# A host without systemd: services start from /etc/init.d, and sshd is all that runs.
PLAIN_INIT = "mkdir -p /run/sshd /run/lock; service $0 start; exec /usr/sbin/sshd -D"


class Impossible(Exception):
    """This machine does not allow it."""


def command(*argv: str, given: str | None = None) -> None:
    try:
        subprocess.run(argv, input=given, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise Impossible(f"{' '.join(argv)}: {error.stderr.strip()}") from None


class Host:
    """A root file system above the common one, a network namespace, and, while it is on, a systemd."""

    def __init__(self, fleet: Fleet, name: str, address: str, init: str, service: str) -> None:
        self.fleet, self.name, self.address, self.init, self.service = fleet, name, address, init, service
        self.folder = fleet.folder / name
        self.root = self.folder / "root"
        self.process: subprocess.Popen[bytes] | None = None
        self.leader = 0
        self.ready: socket.socket | None = None

    def create(self) -> None:
        self.root.mkdir(parents=True)
        command("ip", "netns", "add", self.name)
        command("ip", "link", "add", f"v-{self.name}", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        command("ip", "link", "set", f"v-{self.name}", "master", "br0", "up")
        lines = f"link set lo up\naddr add {self.address}/{PREFIX} dev eth0\nlink set eth0 up\n"
        command("ip", "-n", self.name, "-batch", "-", given=lines)
        self.mount()
        identity = os.urandom(16).hex()
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/machine-id").write_text(f"{identity}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        (self.root / "etc/resolv.conf").touch()
        if self.init == "plain":
            (self.root / "usr/sbin/init").unlink()  # by this Ansible tells what manages services

    def mount(self) -> None:
        upper, work = self.folder / "upper", self.folder / "work"
        upper.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        layers = f"lowerdir={self.fleet.base},upperdir={upper},workdir={work}"
        command("mount", "-t", "overlay", "-o", layers, "overlay", str(self.root))

    def on(self) -> None:
        """Starts it; ``wait`` waits."""
        self.leader = 0
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(str(notify))
        nspawn = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no"),
            *("--resolv-conf=off", "--timezone=off", "--console=pipe", f"--machine={self.name}"),
            *(f"--network-namespace-path=/run/netns/{self.name}", f"--directory={self.root}"),
        ]
        if self.init == "systemd":
            nspawn += ["--notify-ready=yes", "--boot"]
        else:
            nspawn += ["--as-pid2", "/bin/sh", "-c", PLAIN_INIT, self.service]
        group = self.fleet.cgroup / self.name
        group.mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            # its own control group, or the hosts' systemds would get in each other's way
            self.process = subprocess.Popen(
                ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(group), *nspawn],
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it has booted and sshd answers."""
        end, told = time.monotonic() + BOOT_SECONDS, ""
        assert self.ready
        assert self.process
        while not re.search(r"^READY=1$", told, re.MULTILINE) or not self.greets():
            if select.select([self.ready], [], [], 0.02)[0]:
                told += self.ready.recv(4096).decode() + "\n"
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not boot:\n{(self.folder / 'log').read_text(errors='replace')}")
        self.leader = int(re.findall(r"^X_NSPAWN_LEADER_PID=(\d+)$", told, re.MULTILINE)[-1])
        self.ready.close()

    def greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, 22), 1) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def off(self) -> None:
        """As if its power were cut. Its first process is gone when all others are."""
        if self.process:
            os.kill(self.leader or self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def save(self) -> None:
        self.off()
        command("cp", "-a", str(self.folder / "upper"), str(self.folder / "saved"))

    def restore(self) -> None:
        """The file system as it was when saved."""
        self.off()
        command("umount", str(self.root))
        shutil.rmtree(self.folder / "upper")
        shutil.rmtree(self.folder / "work")
        command("cp", "-a", str(self.folder / "saved"), str(self.folder / "upper"))
        self.mount()


class Fleet:
    def __init__(self, folder: Path, tar: str, cgroup: Path) -> None:
        self.folder, self.cgroup = folder / "hosts", cgroup
        self.base = self.folder / "base"
        self.hosts: dict[str, Host] = {}
        # what daemons of this machine have there is none of the fleet's business
        command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        command("mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", str(self.folder))
        self.base.mkdir()
        command("tar", "--extract", "--file", tar, "--directory", str(self.base))
        lines = f"link set lo up\nlink add br0 type bridge\naddr add {BRIDGE}/{PREFIX} dev br0\nlink set br0 up\n"
        command("ip", "-batch", "-", given=lines)

    def do(self, action: str, names: list[str], hosts: list[dict[str, Any]], key: str) -> dict[str, Any]:
        if action == "add":
            for home, owner in (("root", 0), ("home/deploy", 1000)):
                self.authorize(self.base / home, owner, key)
            for described in hosts:
                host = self.hosts[described["name"]] = Host(self, **described)
                host.create()
            return {"host_key": (self.base / "etc/ssh/ssh_host_ed25519_key.pub").read_text()}
        chosen = [self.hosts[name] for name in names]
        for host in chosen:
            getattr(host, action)()
        if action == "on":
            for host in chosen:
                host.wait()
        return {"leaders": {host.name: host.leader for host in chosen}}

    def authorize(self, home: Path, owner: int, key: str) -> None:
        folder = home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text(key)
        for path in (folder, folder / "authorized_keys"):
            os.chown(path, owner, owner)

    def reap(self) -> None:
        """Orphans of the fleet end up here."""
        own = {host.process.pid for host in self.hosts.values() if host.process}
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
                os.waitpid(ended.si_pid, 0)


def main() -> None:
    folder, tar, cgroup = sys.argv[1:]
    os.umask(0o022)

    def answer(value: dict[str, Any]) -> None:
        print(json.dumps(value), flush=True)

    try:
        fleet = Fleet(Path(folder), tar, Path(cgroup))
    except (Impossible, OSError) as error:
        answer({"impossible": str(error)})
        return
    answer({})
    while True:
        fleet.reap()
        if not select.select([sys.stdin], [], [], 1)[0]:
            continue
        line = sys.stdin.readline()
        if not line:
            return
        try:
            answer(fleet.do(**json.loads(line)))
        except Impossible as error:
            answer({"impossible": str(error)})
        except (OSError, RuntimeError) as error:
            answer({"error": str(error)})


if __name__ == "__main__":
    main()
