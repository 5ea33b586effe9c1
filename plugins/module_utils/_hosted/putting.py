# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a host that renews by itself, as a resource of the engine. On the host."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from typing import Any, Mapping

from .._core import files
from .._core.errors import CollectionError, InvalidData, StateError, UsageError
from .._core.plan import Plan, Step
from .._deploy import commands
from . import record
from .job import CLIENTS, JOBS, SECRETS

_JOB = re.compile(r".+\.json")
_TIMER = re.compile(r"certfleet-renew(@.+\.timer|@\.service|-.+)")
_READABLE = 0o755


class TimerError(CollectionError):
    """systemd did not do what it was told."""

    kind = "timer"


@dataclass(frozen=True)
class Want:
    """``files``: contents and modes by path. ``jobs``: names of the jobs' files, by the names of the certificates.

    ``cron_path``: where cron is wanted. Timers that nobody wants are looked for in all ``timer_paths``.
    """

    path: str
    timer_paths: tuple[str, ...]
    cron_path: str | None
    files: Mapping[str, tuple[bytes, int]] = field(repr=False)
    jobs: Mapping[str, str]


@dataclass(frozen=True)
class Have:
    """``same``: what is as it should be. ``stale``: jobs, timers and secrets of DNS providers that nobody wants any more.

    ``pending``: jobs whose certificate is not in order yet.
    """

    same: tuple[str, ...]
    modes: Mapping[str, int | None]
    stale: tuple[str, ...]
    pending: tuple[str, ...]


class HostFiles:
    """Puts files where the program and systemd look for them. Contents are secret: a difference shows modes and digests alone."""

    def want(self, params: dict[str, Any]) -> Want:
        if params["files"] is None:
            raise UsageError(
                "the files did not travel to the host",
                hint="Run the module as a task: its action plugin makes them on the controller.",
            )
        if not os.path.isabs(params["path"]):
            raise UsageError("path is %r, not an absolute path" % params["path"])
        return Want(
            os.path.normpath(params["path"]),
            (params["unit_path"], params["cron_path"]),
            None if params["timers"] == "systemd" else params["cron_path"],
            {path: _content(path, given) for path, given in params["files"].items()},
            {entry["name"]: entry["file_name"] for entry in params["jobs"]},
        )

    def read(self, want: Want) -> Have:
        if want.files and want.cron_path and not os.path.isdir(want.cron_path):
            raise StateError(
                "%s does not exist, so nothing would renew certificates" % want.cron_path, hint="Install cron there."
            )
        modes = {path: files.mode_of(path) for path in want.files}
        same = tuple(
            path
            for path, (content, mode) in want.files.items()
            if modes[path] == mode and files.read(path, max(files.LIMIT, len(content))) == content
        )
        return Have(same, modes, self._stale(want), self._pending(want))

    def plan(self, want: Want, have: Have) -> Plan:
        writes = [path for path in sorted(want.files) if path not in have.same]
        steps = [Step("write", path, data=(path, *want.files[path])) for path in writes]
        steps += [Step("remove", path, data=(path,)) for path in have.stale]
        before: dict[str, object] = {path: _shown(have.modes[path]) for path in writes}
        after: dict[str, object] = {path: "%04o, new content" % want.files[path][1] for path in writes}
        before.update(dict.fromkeys(have.stale, "present"))
        after.update(dict.fromkeys(have.stale, "absent"))
        reason = "%d files differ" % len(steps) if steps else "every file is in place"
        return Plan(tuple(steps), before, after, reason=reason)

    def apply(self, step: Step) -> None:
        if step.action == "remove":
            if step.subject.endswith(".timer") and commands.systemd():
                # while its file is there: systemd does not know how to disable a unit without one
                commands.run(("systemctl", "disable", "--now", os.path.basename(step.subject)), TimerError)
            files.remove(step.data[0])
            return
        path, content, mode = step.data
        files.make_directory(os.path.dirname(path), _directory_mode(path))
        files.write(path, content, mode)

    def show(self, want: Want, have: Have, plan: Plan) -> dict[str, Any]:
        timers = sorted(os.path.basename(path) for path in want.files if path.endswith(".timer"))
        return {"timers": timers, "pending": list(have.pending)}

    def _stale(self, want: Want) -> tuple[str, ...]:
        """Jobs, timers and secrets of ours; what clients keep of a certificate stays, for its key may be needed."""
        places = [(os.path.join(want.path, JOBS), _JOB), *((path, _TIMER) for path in want.timer_paths)]
        secrets = os.path.join(want.path, SECRETS)
        places += [(os.path.join(secrets, issuer), re.compile(".+")) for issuer in _entries(secrets)]
        found = [
            os.path.join(directory, entry)
            for directory, pattern in places
            for entry in _entries(directory)
            if pattern.fullmatch(entry)
        ]
        return tuple(path for path in found if path not in want.files)

    def _pending(self, want: Want) -> tuple[str, ...]:
        """Certificates that have not been deployed yet, or whose last run failed."""
        known = {each.get("name"): each for each in record.load_all(want.path)}
        return tuple(file for name, file in sorted(want.jobs.items()) if not known.get(name, {}).get("ok"))


def _entries(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def _content(path: str, given: Any) -> tuple[bytes, int]:
    try:
        mode, content = given.split(" ")
        return base64.b64decode(content, validate=True), int(mode, 8)
    except (AttributeError, ValueError, binascii.Error):
        raise InvalidData("the content of %s was damaged on its way to the host" % path) from None


def _directory_mode(path: str) -> int:
    """What has secrets in it is closed to others, whatever the files say."""
    private = {CLIENTS, SECRETS, JOBS}.intersection(path.split("/"))
    return files.PRIVATE_DIRECTORY if private else _READABLE


def _shown(mode: int | None) -> str:
    return "absent" if mode is None else "%04o, other content or mode" % mode
