# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say of themselves: results of ``certificate_status`` and of ``certificate_deploy``, read leniently (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Iterator, Mapping

from .._core.clock import parse_iso
from .._core.errors import clean
from . import leaf
from .model import Leaf, Look, Target


@dataclass(frozen=True)
class Deployed:
    """A set on a host. ``serial`` is ``None`` where there is none that could be read, for a ``reason``."""

    host: str
    name: str
    serial: str | None
    leaf: Leaf | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Observed:
    """``silent``: the hosts that said nothing, and why. ``renewals``: of each host that was asked what it renews by itself what it has
    noted, by the name of the set's directory.
    """

    deployed: tuple[Deployed, ...] = ()
    looks: tuple[Look, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()
    renewals: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


def read(results: Mapping[str, Any], now: datetime) -> Observed:
    """``results``: host -> result. What has another form than ours is left out."""
    deployed: list[Deployed] = []
    looks: list[Look] = []
    silent: list[tuple[str, str]] = []
    renewals: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    for host, result in results.items():
        if not isinstance(result, Mapping) or not result:
            continue
        if result.get("unreachable") or ("sets" not in result and result.get("msg")):
            silent.append((host, clean(result.get("msg") or "no reason given", 200)))
            continue
        at = _moment(result.get("looked_at")) or now
        if isinstance(result.get("renewals"), (list, tuple)):
            noted = [each for each in result["renewals"] if isinstance(each, Mapping)]
            renewals[host] = {each["file_name"]: each for each in noted if isinstance(each.get("file_name"), str)}
        for each in result.get("sets") or ():
            if isinstance(each, Mapping) and isinstance(each.get("name"), str):
                serial = each.get("serial")
                if isinstance(serial, str) or each.get("reason"):  # else there is nothing but endpoints
                    deployed.append(_deployed(host, each, serial if isinstance(serial, str) else None))
                looks += _looks(host, each["name"], each.get("endpoints"), at)
    return Observed(tuple(deployed), tuple(looks), tuple(silent), renewals)


def _deployed(host: str, shown: Mapping[str, Any], serial: str | None) -> Deployed:
    found, names, reason = leaf.of_result(shown) if serial else None, shown.get("names"), shown.get("reason")
    if found and isinstance(names, (list, tuple)):
        found = replace(found, names=tuple(name for name in names if isinstance(name, str)))
    return Deployed(host, shown["name"], serial, found, clean(reason, 200) if reason else None)


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
