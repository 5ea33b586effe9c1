# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making services take a new certificate, and proving that they did."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from tempfile import TemporaryFile
from typing import Iterable

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import CollectionError
from .handshake import Probe, Served, probe, probe_all
from .model import Endpoint

# A reload command that hangs must not hold the play for ever.
RELOAD_TIMEOUT = 120.0
# For the kernel to end it. What belongs to another user (sudo) cannot be ended, and is not waited for.
_KILL_TIMEOUT = 5.0
# The end of the output: that is where programs say why they gave up.
_OUTPUT = 300
# One handshake. What takes longer is as good as down.
PROBE_TIMEOUT = 5.0
_PAUSE = 0.1


class ReloadError(CollectionError):
    """A reload command failed. The new version is on the host and linked."""

    kind = "reload"


class ProofError(CollectionError):
    """An endpoint serves something else. ``extra["endpoints"]`` says what was seen."""

    kind = "proof"


def reload(argv: tuple[str, ...], timeout: float = RELOAD_TIMEOUT) -> None:
    """Runs a command without a shell."""
    line = " ".join(shlex.quote(word) for word in argv)
    hint = "The new files are in place, the service may still serve the old ones. Correct the cause and run again."
    try:
        status, output = _run(argv, timeout)
    except OSError as error:
        raise ReloadError("%s cannot be run" % line, hint=hint, detail=error.strerror) from None
    if status is None:
        raise ReloadError("%s did not end within %g seconds" % (line, timeout), hint=hint)
    if status:
        detail = output.decode("utf-8", "replace")
        raise ReloadError("%s ended with status %d" % (line, status), hint=hint, detail=detail or None)


def _run(argv: tuple[str, ...], timeout: float) -> tuple[int | None, bytes]:
    """Status and the end of the output; no status when it took too long, which Ansible's own ``run_command`` cannot notice.

    The command alone is waited for: what it leaves in the background is a service, perhaps. So the output goes to a file without
    a name. A pipe ends with the last process that holds it, and a service that writes to one that nobody reads is killed.
    """
    import asyncio

    async def work(output: int) -> int | None:
        process = await asyncio.create_subprocess_exec(
            *argv,
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


def prove(wanted: Iterable[tuple[Endpoint, str]], timeout: float, one: Probe = probe, clock: Clock = SYSTEM) -> None:
    """Waits until every endpoint serves its fingerprint, for ``timeout`` seconds in all."""
    deadline = Deadline(timeout, clock)
    missing = dict(wanted)
    seen: tuple[Served, ...] = ()
    while missing:
        seen = tuple(
            served
            for served in probe_all(missing, min(PROBE_TIMEOUT, max(deadline.left(), 1.0)), one)
            if served.fingerprint != missing[served.endpoint]
        )
        missing = {served.endpoint: missing[served.endpoint] for served in seen}
        if missing and deadline.over():
            raise _not_proven(seen, missing, timeout)
        if missing:
            deadline.sleep(_PAUSE)


def _not_proven(seen: tuple[Served, ...], missing: dict[Endpoint, str], timeout: float) -> ProofError:
    lines = [
        "%s: %s" % (served.endpoint, "serves %s" % served.fingerprint if served.fingerprint else served.reason)
        for served in seen
    ]
    more = "" if len(lines) <= 3 else " and %d more" % (len(lines) - 3)
    return ProofError(
        "%d endpoint(s) do not serve the new certificate after %g seconds (%s%s)"
        % (len(seen), timeout, "; ".join(lines[:3]), more),
        hint="Make sure that the service reads the certificate through the link 'current' and that its reload works.",
        endpoints=[
            {
                "address": served.endpoint.address,
                "port": served.endpoint.port,
                "server_name": served.endpoint.server_name,
                "served": served.fingerprint,
                "wanted": missing[served.endpoint],
                "reason": served.reason,
            }
            for served in seen
        ],
    )
