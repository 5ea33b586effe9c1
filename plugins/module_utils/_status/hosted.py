# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that hosts renew by themselves: each host has one of its own, and the controller has no set of them (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping, Sequence

from .._core.errors import clean
from .._core.names import file_name
from .._renewal.decision import on_host
from .model import Certificate, Issued, Look
from .observed import Deployed, Observed
from .record import Facts


def facts(
    wanted: Certificate, seen: Observed, looks: Sequence[Look], deployed: Sequence[Deployed], freezes: str | None
) -> Iterator[Facts]:
    """What is known of the certificate on each of its hosts. Nothing where a host was not asked what it renews."""
    silent = dict(seen.silent)
    for host in wanted.hosts or ():
        if host not in silent and host not in seen.renewals:
            continue
        own = [each for each in deployed if each.host == host]
        noted = seen.renewals.get(host, {}).get(file_name(wanted.name), {})
        yield Facts(
            wanted=replace(
                wanted, name="%s (%s)" % (wanted.name, host), hosts=(host,), drawn_by=on_host(host, wanted.name)
            ),
            issued=_issued(own, noted, host, host in silent),
            looks=[each for each in looks if each.target.host == host],
            deployed=own,
            silent=[(host, silent[host])] if host in silent else [],
            asked=True,
            freezes=freezes,
        )


def _issued(own: Sequence[Deployed], noted: Mapping[str, Any], host: str, unknown: bool) -> Issued:
    found = own[0] if own else None
    leaf = found.leaf if found else None
    window = noted.get("window")
    return Issued(
        leaf,
        {},
        renewal={**window, "serial": noted.get("serial")} if isinstance(window, Mapping) else None,
        damage=found.reason or "it says too little" if found and leaf is None else None,
        unknown=unknown,
        failure=_failure(noted, host),
    )


def _failure(noted: Mapping[str, Any], host: str) -> str | None:
    """Why the last run on the host failed, and since when they do."""
    if noted.get("reason"):
        return clean("what %s noted cannot be read: %s" % (host, noted["reason"]))
    if noted.get("ok", True) or not noted:
        return None
    errors = noted.get("errors")
    first = errors[0] if isinstance(errors, (list, tuple)) and errors and isinstance(errors[0], Mapping) else {}
    # what a client says comes last, after its command line
    return clean("runs of %s fail since %s: %s" % (host, noted.get("failing_since"), first.get("message")), 900)
