# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many handshakes at once, within one total time. A server that does not answer holds one thread for its own short time, and nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Mapping, Sequence

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import InvalidData
from .._tls import peer
from . import leaf
from .model import Leaf, Look, Settings, Target


class Wanted:
    """What a server must show: the fingerprint, and the type of its key for servers that have several certificates for a name."""

    def __init__(self, fingerprint: str, key_type: str | None) -> None:
        self.fingerprint = fingerprint
        self.key_type = key_type if key_type in peer.CIPHERS else None


def look(
    targets: Sequence[Target], settings: Settings, wanted: Mapping[str, Wanted], clock: Clock = SYSTEM
) -> list[Look]:
    """One look at each target, in their order."""
    if not targets:
        return []
    total = Deadline(settings.timeout, clock)

    def one(target: Target) -> Look:
        if total.over():
            return Look(target, clock.now(), reason="not asked: the total of %g seconds was over" % settings.timeout)
        seconds = min(settings.endpoint_timeout, total.left())
        return _one(target, seconds, wanted.get(target.name or ""), clock)

    with ThreadPoolExecutor(min(settings.workers, len(targets))) as threads:
        return list(threads.map(one, targets))


def _one(target: Target, seconds: float, wanted: Wanted | None, clock: Clock) -> Look:
    deadline = Deadline(seconds, clock)
    read: Callable[[bytes], Leaf] = leaf.of_der if wanted else leaf.of_stranger
    try:
        found = _shake(target, deadline.left(), None)
        shown = read(found)
        if wanted and shown.fingerprint != wanted.fingerprint and wanted.key_type and not deadline.over():
            other = _second(target, deadline.left(), wanted)
            shown = other or shown
    except peer.Unreachable as error:
        return Look(target, clock.now(), reason=str(error))
    except InvalidData as error:
        return Look(target, clock.now(), reason=error.message)
    return Look(target, clock.now(), shown)


def _second(target: Target, seconds: float, wanted: Wanted) -> Leaf | None:
    """The server may have a certificate for another type of key, too, and prefer that one."""
    try:
        found = leaf.of_der(_shake(target, seconds, wanted.key_type))
    except (peer.Unreachable, InvalidData):
        return None
    return found if found.fingerprint == wanted.fingerprint else None


def _shake(target: Target, seconds: float, key_type: str | None) -> bytes:
    return peer.connect(target.address, target.port, target.server_name, seconds, target.starttls, key_type).leaf
