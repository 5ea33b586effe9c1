# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of services: tests of their configuration, reloads, and what brings them back."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from tempfile import TemporaryFile
from typing import Mapping

from .._core.errors import CollectionError, clean
from .model import Command

# A command that hangs must not hold the play for ever.
TIMEOUT = 120.0
# For the kernel to end it. What belongs to another user (sudo) cannot be ended, and is not waited for.
_KILL_TIMEOUT = 5.0
# The end of the output: that is where programs say why they gave up.
_OUTPUT = 300
# A command in a message.
_SHOWN = 200
# Where servers are; the path of somebody who came by ssh, or of an ordinary user, may lack it.
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
# There is systemd where it is the first process (sd_booted(3)).
_BOOTED = "/run/systemd/system"


class ConfigTestError(CollectionError):
    """A service does not accept its configuration. It was not told to reload."""

    kind = "config_test"


class ReloadError(CollectionError):
    """A command that makes a service take the new files failed."""

    kind = "reload"


class RecoverError(CollectionError):
    """A service could not be brought back."""

    kind = "recover"


def systemd() -> bool:
    """Whether this host runs systemd."""
    return os.path.isdir(_BOOTED)


def run(
    argv: Command,
    failure: type[CollectionError] = ReloadError,
    timeout: float = TIMEOUT,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Runs a command without a shell; the end of its output, which ``failure`` has, too. ``variables`` are added to its environment."""
    line = clean(" ".join(shlex.quote(word) for word in argv), _SHOWN)
    try:
        status, output = _run(argv, timeout, {**environment(), **(variables or {})})
    except OSError as error:
        detail = "%s (is it installed?)" % error.strerror if isinstance(error, FileNotFoundError) else error.strerror
        raise failure("%s cannot be run" % line, detail=detail, command=line, rc=None) from None
    if status is None:
        raise failure("%s did not end within %g seconds" % (line, timeout), command=line, rc=None)
    said = output.decode("utf-8", "replace").strip()
    if status:
        raise failure("%s ended with status %d" % (line, status), detail=said or None, command=line, rc=status)
    return said


def environment() -> dict[str, str]:
    """As it is, with the directories of servers at the end of the path."""
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return {**os.environ, "PATH": os.pathsep.join([*path, *(each for each in _SYSTEM if each not in path)])}


def _run(argv: Command, timeout: float, variables: Mapping[str, str]) -> tuple[int | None, bytes]:
    """Status and the end of the output; no status when it took too long, which Ansible's own ``run_command`` cannot notice.

    The command alone is waited for: what it leaves in the background is a service, perhaps. So the output goes to a file without
    a name. A pipe ends with the last process that holds it, and a service that writes to one that nobody reads is killed.
    """
    import asyncio

    async def work(output: int) -> int | None:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return await asyncio.wait_for(process.wait(), timeout)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), _KILL_TIMEOUT)
            return None

    with TemporaryFile() as stream:
        status = asyncio.run(work(stream.fileno()))
        # The position is shared with what may still be writing: read without moving it.
        size = os.fstat(stream.fileno()).st_size
        return status, os.pread(stream.fileno(), _OUTPUT, max(size - _OUTPUT, 0))
