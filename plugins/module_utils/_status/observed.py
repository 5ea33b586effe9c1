# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say of themselves: results of ``certificate_status`` and of ``certificate_deploy``, read leniently (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterator, Mapping

from .._core.clock import parse_iso
from .._core.errors import clean
from . import leaf
from .model import Look, Target


@dataclass(frozen=True)
class Deployed:
    """A set on a host. ``serial`` is ``None`` where there is none that could be read."""

    host: str
    name: str
    serial: str | None


@dataclass(frozen=True)
class Observed:
    """``silent``: the hosts that said nothing, and why."""

    deployed: tuple[Deployed, ...] = ()
    looks: tuple[Look, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()


def read(results: Mapping[str, Any], now: datetime) -> Observed:
    """``results``: host -> result. What has another form than ours is left out."""
    deployed: list[Deployed] = []
    looks: list[Look] = []
    silent: list[tuple[str, str]] = []
    for host, result in results.items():
        if not isinstance(result, Mapping) or not result:
            continue
        if result.get("unreachable") or ("sets" not in result and result.get("msg")):
            silent.append((host, clean(result.get("msg") or "no reason given", 200)))
            continue
        at = _moment(result.get("looked_at")) or now
        for each in result.get("sets") or ():
            if isinstance(each, Mapping) and isinstance(each.get("name"), str):
                serial = each.get("serial")
                if isinstance(serial, str) or each.get("reason"):  # else there is nothing but endpoints
                    deployed.append(Deployed(host, each["name"], serial if isinstance(serial, str) else None))
                looks += _looks(host, each["name"], each.get("endpoints"), at)
    return Observed(tuple(deployed), tuple(looks), tuple(silent))


def _looks(host: str, name: str, endpoints: Any, at: datetime) -> Iterator[Look]:
    for shown in endpoints if isinstance(endpoints, (list, tuple)) else ():
        try:
            target = Target(
                str(shown["address"]), int(shown["port"]), str(shown["server_name"]), shown.get("starttls"), host, name
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        found = leaf.of_result({**shown, "fingerprint": shown.get("served")})
        if found is None and isinstance(shown.get("served"), str):
            found = leaf.only_fingerprint(shown["served"])
        reason = shown.get("reason")
        yield Look(target, at, found, None if found else clean(reason or "no reason given", 200))


def _moment(text: Any) -> datetime | None:
    try:
        return parse_iso(text)
    except (TypeError, ValueError, AttributeError):
        return None
