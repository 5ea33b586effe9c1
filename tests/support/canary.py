# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks with everything open that could tell a secret, and looks for canaries in it."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

CALLBACKS = Path(__file__).resolve().parent / "callbacks"
KINDS = {"log": "log file", "results": "callback", "arguments": "task arguments", "facts": "fact cache"}
MARK = "CERTFLEET_CANARY_RUN"


def forms(secret: str) -> set[bytes]:
    """The spellings of a secret: as it is, base64 at each alignment, hexadecimal, for URLs, as JSON and Python escape it."""
    plain = secret.encode()
    found = {
        plain,
        plain.hex().encode(),
        plain.hex().upper().encode(),
        urllib.parse.quote(secret, safe="").encode(),
        plain[::-1],
    }
    found.add(secret.replace("/", "\\/").encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + plain)
        middle = encoded[4 if offset else 0 :].rstrip(b"=")[: -1 if (len(plain) + offset) % 3 else None]
        found |= {middle, middle.translate(bytes.maketrans(b"+/", b"-_"))}
    return {form for form in found if len(form) >= 8}


class Spy:
    """Reads arguments and environments of every process of a run, again and again; processes are known by a mark they inherit.

    Without a mark: of every process that is younger than this, in whatever namespace, ``pace`` seconds between two looks.
    """

    def __init__(self, mark: str | None, pace: float = 0.004) -> None:
        self._mark, self._pace = f"{MARK}={mark}".encode() if mark else b"", pace
        self._over = threading.Event()
        self._foreign: set[str] = set(os.listdir("/proc"))  # older than the run
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.arguments: set[bytes] = set()
        self.environments: set[bytes] = set()
        self.looks = 0

    def __enter__(self) -> Spy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._pace):
            for pid in set(os.listdir("/proc")) - self._foreign:
                if pid.isdigit():
                    self._look(pid)
            self.looks += 1

    def _look(self, pid: str) -> None:
        with contextlib.suppress(OSError):
            environment = Path("/proc", pid, "environ").read_bytes()
            if self._mark in environment:
                self.environments.add(environment)
                self.arguments.add(Path("/proc", pid, "cmdline").read_bytes())


class Runs:
    """Playbook runs below one folder; `sinks` is all that they told. `wrap` makes a command line of another one, to run it elsewhere."""

    def __init__(self, folder: Path, wrap: Callable[..., list[str]] | None = None) -> None:
        self.folder, self.wrap = folder, wrap
        self.sinks: dict[str, bytes] = {}
        self.number = 0
        self.looks = 0

    def play(self, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
        self.number += 1
        mark = f"run-{self.number}-{os.getpid()}"
        place = self.folder / mark
        place.mkdir()
        env = {**os.environ, **(environment or {}), MARK: mark, "CERTFLEET_DUMP": str(place)}
        env.update(
            ANSIBLE_LOG_PATH=str(place / "log"),
            ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS),
            ANSIBLE_CALLBACKS_ENABLED="certfleet_dump",
            ANSIBLE_CACHE_PLUGIN="jsonfile",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(place / "facts"),
            ANSIBLE_RETRY_FILES_ENABLED="true",
            ANSIBLE_RETRY_FILES_SAVE_PATH=str(place / "retry"),
            ANSIBLE_LOCAL_TEMP=str(place / "local-tmp"),
            ANSIBLE_REMOTE_TEMP=str(place / "remote-tmp"),
            ANSIBLE_NOCOLOR="1",
        )
        command = ["ansible-playbook", "-vvvv", "--diff", *arguments]
        with Spy(mark) as spy:
            done = subprocess.run(
                self.wrap(*command) if self.wrap else command,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=500,
                check=False,
            )
        self.looks += spy.looks
        self._keep("output", done.stdout + done.stderr)
        self._keep("process arguments", b"\n".join(spy.arguments))
        self._keep("process environments", b"\n".join(spy.environments))
        for path in sorted(place.rglob("*")):
            if path.is_file():
                kind = KINDS.get(path.relative_to(place).parts[0], "left over files")
                self._keep(kind, path.read_bytes())
        return done.returncode

    def _keep(self, kind: str, content: bytes) -> None:
        self.sinks[kind] = self.sinks.get(kind, b"") + content + b"\n"

    def hits(self, secrets: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
        """(name of the secret, spelling, sink) of all that was told."""
        found = []
        for name, secret in secrets:
            for form in sorted(forms(secret)):
                found += [(name, form.decode(), kind) for kind, content in self.sinks.items() if form in content]
        return found
