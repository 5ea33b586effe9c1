# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving that services serve what they shall."""

from __future__ import annotations

from typing import Iterable, Mapping

from .._core.clock import SYSTEM, Clock, Deadline
from .._core.errors import CollectionError
from .handshake import Probe, Served, probe, probe_all
from .model import Endpoint

# One handshake. What takes longer is as good as down.
PROBE_TIMEOUT = 5.0
_PAUSE = 0.1


class ProofError(CollectionError):
    """An endpoint serves something else. ``extra["endpoints"]`` says what was seen; ``missing`` are these endpoints."""

    kind = "proof"
    missing: tuple[Endpoint, ...] = ()


def prove(wanted: Iterable[tuple[Endpoint, str]], timeout: float, one: Probe = probe, clock: Clock = SYSTEM) -> None:
    """Waits until every endpoint serves its fingerprint, for ``timeout`` seconds in all."""
    fingerprints = dict(wanted)
    judge(fingerprints, watch(fingerprints, timeout, one, clock), timeout)


def watch(
    wanted: Mapping[Endpoint, str], timeout: float, one: Probe = probe, clock: Clock = SYSTEM
) -> dict[Endpoint, Served]:
    """The same wait; what each endpoint served in the end."""
    deadline = Deadline(timeout, clock)
    found: dict[Endpoint, Served] = {}
    missing = list(wanted)
    while missing:
        for served in probe_all(missing, min(PROBE_TIMEOUT, max(deadline.left(), 1.0)), one):
            found[served.endpoint] = served
        missing = [endpoint for endpoint in missing if found[endpoint].fingerprint != wanted[endpoint]]
        if missing and deadline.over():
            break
        if missing:
            deadline.sleep(_PAUSE)
    return found


def judge(wanted: Mapping[Endpoint, str], found: Mapping[Endpoint, Served], timeout: float) -> None:
    """``ProofError`` if an endpoint serves something else."""
    missing = {endpoint: each for endpoint, each in wanted.items() if found[endpoint].fingerprint != each}
    if missing:
        raise _not_proven(tuple(found[endpoint] for endpoint in missing), missing, timeout)


def _not_proven(seen: tuple[Served, ...], missing: dict[Endpoint, str], timeout: float) -> ProofError:
    lines = [
        "%s: %s" % (served.endpoint, "serves %s" % served.fingerprint if served.fingerprint else served.reason)
        for served in seen
    ]
    more = "" if len(lines) <= 3 else " and %d more" % (len(lines) - 3)
    error = ProofError(
        "%d endpoint(s) do not serve the certificate after %g seconds (%s%s)"
        % (len(seen), timeout, "; ".join(lines[:3]), more),
        hint="Make sure that the service reads the certificate through the link 'current' and that its reload works.",
        endpoints=[
            {
                **served.endpoint.show(),
                "served": served.fingerprint,
                "wanted": missing[served.endpoint],
                "reason": served.reason,
            }
            for served in seen
        ],
    )
    error.missing = tuple(missing)
    return error
