# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL of its own for a test: a cluster in a temporary directory, reached by a Unix socket alone.

with Postgres() as database:
    url = database.create("name")
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

SECONDS = 60
USER = "postgres"  # Debian's; PostgreSQL refuses to run as root


class Impossible(RuntimeError):
    """PostgreSQL is not installed."""


def program(name: str) -> str:
    """Debian keeps them out of PATH, one directory for each version."""
    found = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    path = str(max(found)) if found else shutil.which(name)
    if not path:
        raise Impossible(f"{name} is not installed (Debian's package postgresql)")
    return path


class Postgres:
    """Started on entry, stopped and removed on exit."""

    def __enter__(self) -> Postgres:
        initdb, self._control = program("initdb"), program("pg_ctl")
        self.folder = Path(tempfile.mkdtemp(prefix="certfleet-pg-"))
        self._user: dict[str, str | int] = {}
        if os.geteuid() == 0:
            self._user = {"user": USER, "group": pwd.getpwnam(USER).pw_gid}
            shutil.chown(self.folder, USER)
            self.folder.chmod(0o755)
        try:
            self._run(initdb, "--auth=trust", "--username=hook", "--encoding=UTF8", "--no-locale", "-D", self._data)
            options = f"-c listen_addresses='' -c unix_socket_directories={self.folder}"
            self._run(self._control, "-D", self._data, "-w", "-l", f"{self.folder}/log", "-o", options, "start")
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._run(self._control, "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def create(self, name: str) -> str:
        """The URL of a new database."""
        self._run(program("createdb"), "--host", str(self.folder), "--username=hook", name)
        return f"postgresql://hook@/{name}?host={self.folder}"

    def _run(self, *command: str) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            **self._user,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{command[0]}: {done.stderr} {log.read_text() if log.exists() else ''}")
