# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with root file systems of their own, each booted with a real systemd by systemd-nspawn, on a private bridge.

    with Machines(Machine("web1", "10.77.0.11"), Machine("old1", "10.77.0.12", init="plain")) as machines:
        machines.run("web1", "systemctl", "reload", "nginx")  # in the host, as root
        subprocess.run(machines.outside_command("ssh", ...))  # on the bridge, where the controller is

Needs root, and nothing of the machine's own systemd. Everything is below one process, see ``fleet_init``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import fleet_root

INIT = Path(__file__).with_name("fleet_init.py")
PROGRAMS = ("systemd-nspawn", "unshare", "nsenter", "setpriv", "mount", "ip", "tar", "ssh", "ssh-keygen")
# where a control group can be made: version 2, or what systemd uses of a machine with both
CGROUPS = tuple(Path("/sys/fs/cgroup", name) for name in ("", "unified", "systemd"))
# processes in hosts do not inherit what is set here
SEARCHED = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOST_ENVIRONMENT = ("/usr/bin/env", "-i", "-C", "/", SEARCHED, "HOME=/root")
# of folders and control groups; the id of the process that made them follows
PREFIX = "certfleet-fleet-"


class Impossible(Exception):
    """This machine cannot run a fleet."""


@dataclass(frozen=True)
class Machine:
    """A host to be. ``init``: ``systemd``, or ``plain`` for one that has none and starts ``service`` itself."""

    name: str
    address: str
    init: str = "systemd"
    service: str = ""


class Machines:
    def __init__(self, *machines: Machine) -> None:
        self.machines = {machine.name: machine for machine in machines}
        # short: the sockets of ssh's shared connections are below it
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._process: subprocess.Popen[str] | None = None
        self._leaders: dict[str, int] = {}
        self._cgroup: Path | None = None

    # -- its life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Machines:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Machines:
        if os.geteuid() != 0:
            raise Impossible("a fleet of hosts needs the rights of root")
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise Impossible(f"{', '.join(missing)}: not installed")
        if not fleet_root.path().exists():
            raise Impossible("there is no root file system for the hosts yet (`make fleet` makes one)")
        remove_leftovers()
        self._cgroup = self._make_cgroup()
        (self.folder / "hosts").mkdir()
        (self.folder / "control").mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        namespaces = ["--mount", "--net", "--pid", "--propagation=private", "--mount-proc", "--fork", "--kill-child"]
        command = ["unshare", *namespaces, sys.executable, INIT, self.folder, fleet_root.path(), self._cgroup]
        with (self.folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                # A test process that is killed takes unshare along, that its child, and the kernel the rest.
                ["setpriv", "--pdeathsig=KILL", *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # an interrupt is for the tests; they stop the fleet
            )
        self._answer()
        host_key = self._do("add", hosts=[vars(machine) for machine in self.machines.values()])["host_key"]
        (self.folder / "known_hosts").write_text(f"* {host_key}")
        self.on()
        return self

    def stop(self) -> None:
        """Ends all of it. What it wrote was in memory."""
        if self._process:
            assert self._process.stdin
            assert self._process.stdout
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its child gets the same, and the rest with it
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        if self._cgroup:
            _remove_cgroups(self._cgroup.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cgroup(self) -> Path:
        reason = "no control groups"
        for parent in CGROUPS:
            if not (parent / "cgroup.procs").exists():
                continue
            try:
                made = parent / self.folder.name
                made.mkdir()
                return made
            except OSError as error:
                reason = str(error)
        raise Impossible(f"hosts need control groups of their own: {reason}")

    def _answer(self) -> dict[str, Any]:
        assert self._process
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            # unshare itself is what a machine without the rights refuses first
            raise Impossible((self.folder / "log").read_text().strip() or "the fleet's first process ended")
        answer: dict[str, Any] = json.loads(line)
        if "impossible" in answer:
            raise Impossible(answer["impossible"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _do(
        self, action: str, names: tuple[str, ...] = (), hosts: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        assert self._process
        assert self._process.stdin
        key = Path(f"{self.key}.pub").read_text()
        request = {"action": action, "names": names or tuple(self.machines), "hosts": hosts or [], "key": key}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    # -- its hosts ---------------------------------------------------------------------------------------------------

    @property
    def key(self) -> Path:
        return self.folder / "key"

    def processes(self) -> list[int]:
        """The ids of all its processes."""
        assert self._process
        found, left = [self._process.pid], [self._process.pid]
        while left:
            children = Path(f"/proc/{left[0]}/task/{left.pop(0)}/children").read_text().split()
            found += map(int, children)
            left += map(int, children)
        return found

    def on(self, *names: str) -> None:
        """Boots hosts, all of them without names; returns when they are up."""
        self._leaders.update(self._do("on", names)["leaders"])

    def off(self, *names: str) -> None:
        """As if their power were cut."""
        self._do("off", names)

    def save(self, *names: str) -> None:
        """Keeps their file systems as they are, for ``restore``. Switches them off and on again."""
        self._do("save", names)
        self.on(*names)

    def restore(self, *names: str) -> None:
        self._do("restore", names)
        self.on(*names)

    # -- commands ----------------------------------------------------------------------------------------------------

    def _inside(self) -> list[str]:
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return ["nsenter", f"--target={children[0]}", "--mount", "--net", "--pid", "--root"]

    def outside_command(self, *argv: str, folder: Path | None = None) -> list[str]:
        """The command line that runs a program on the bridge, where the controller and the hosts' clients are."""
        return [*self._inside(), "env", "-C", str(folder or self.folder), *argv]

    def host_command(self, name: str, *argv: str) -> list[str]:
        enter = ["nsenter", f"--target={self._leaders[name]}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        return [*self._inside(), *enter, "--root", *HOST_ENVIRONMENT, *argv]

    def run(self, name: str, *argv: str, given: str | None = None, check: bool = True) -> str:
        """A command in a host, as root; what it printed."""
        done = subprocess.run(
            self.host_command(name, *argv),
            **({"input": given} if given is not None else {"stdin": subprocess.DEVNULL}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{name}: {' '.join(argv)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def copy(self, name: str, source: Path, target: str) -> None:
        """Files of this machine into a folder of a host."""
        place = self.folder / "hosts" / name / "root" / target.lstrip("/")
        script = ("sh", "-ec", 'mkdir -p "$1"; cp -R "$0" "$1"', str(source), str(place))
        subprocess.run(self.outside_command(*script), check=True)

    def write(self, name: str, path: str, content: str, mode: str = "644") -> None:
        """A file in a host."""
        self.run(name, "sh", "-ec", 'mkdir -p "${0%/*}"; cat > "$0"; chmod "$1" "$0"', path, mode, given=content)


def remove_leftovers() -> None:
    """What tests that were killed left behind: the kernel ended their processes, and empty groups and a key stay."""
    for parent in (*CGROUPS, Path(tempfile.gettempdir())):
        for left in parent.glob(f"{PREFIX}*"):
            if not Path("/proc", left.name.removeprefix(PREFIX).partition("-")[0]).exists():
                _remove_cgroups(left.name)
                if left.parent not in CGROUPS:
                    shutil.rmtree(left, ignore_errors=True)


def _remove_cgroups(name: str) -> None:
    """In all hierarchies: systemd-nspawn makes the same groups in the others."""
    for parent in CGROUPS:
        for folder, _folders, _files in os.walk(parent / name, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def main() -> int:
    """Whether this machine can run a fleet: it makes the root file system if it is not there, and boots one host."""
    try:
        fleet_root.main()
        with Machines(Machine("probe", "10.77.0.11")) as machines:
            state = machines.run("probe", "systemctl", "is-system-running", "--wait", check=False).strip()
    except (Impossible, OSError, RuntimeError, subprocess.SubprocessError, SystemExit) as error:
        print(f"This machine cannot run a fleet of hosts: {error}")
        return 1
    print(f"This machine can run a fleet of hosts; one of them is {state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
