# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet serves, as rows and as text (pure)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Iterable, Mapping, Sequence

from .._core.clock import parse_iso
from .._core.errors import clean

COLUMNS = ("host", "name", "issuer", "serial", "days_left", "proof")
MISSING = "-"
WIDEST = 60


def rows(certificates: Iterable[Mapping[str, Any]], results: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """One row for each certificate on each host. ``results``: host -> result of ``certificate_deploy``."""
    issuers = {certificate["name"]: certificate.get("issuer") for certificate in certificates}
    found = []
    for host in results:
        result = results[host] or {}
        if result.get("failed") or result.get("error"):  # single sets that failed may be no failure of the task
            found.append({**dict.fromkeys(COLUMNS), "host": host, "proof": "FAILED: %s" % result.get("msg")})
        for each in result.get("sets") or ():
            found.append(
                {
                    "host": host,
                    "name": each["name"],
                    "issuer": issuers.get(each["name"]),
                    "serial": each.get("serial"),
                    "days_left": (parse_iso(each["not_after"]) - now).days if each.get("not_after") else None,
                    "proof": _proof(each),
                }
            )
    return found


def _proof(deployed: Mapping[str, Any]) -> str:
    """What the handshakes said. Without an endpoint nothing was asked, and that is said, too."""
    if deployed.get("serial") is None:
        return "not issued yet"
    endpoints = deployed.get("endpoints") or ()
    if not endpoints:
        return "not asked"
    wrong = [endpoint for endpoint in endpoints if not endpoint["proof"]]
    if wrong:
        return "NOT SERVED on %s" % ", ".join(_address(endpoint) for endpoint in wrong)
    return "served on %s" % ", ".join(_address(endpoint) for endpoint in endpoints)


def _address(endpoint: Mapping[str, Any]) -> str:
    host = str(endpoint["address"])
    return "%s:%s" % ("[%s]" % host if ":" in host else host, endpoint["port"])


def lines(entries: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> list[str]:
    """An aligned table. Text from certificates may hold anything: it is cleaned and capped."""
    if not entries:
        return ["nothing to show"]
    names = list(columns) if columns else list(dict.fromkeys(key for entry in entries for key in entry))
    body = [[_cell(entry.get(name)) for name in names] for entry in entries]
    head = [clean(name, WIDEST).replace("_", " ").upper() for name in names]
    widths = [max(len(row[index]) for row in [head, *body]) for index in range(len(names))]
    numeric = [_is_number(entries, name) for name in names]

    def line(row: Sequence[str]) -> str:
        cells = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric))
        return "  ".join(cells).rstrip()

    return [line(head), *(line(row) for row in body)]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return clean(value, WIDEST) or MISSING


def _is_number(entries: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [entry.get(name) for entry in entries if entry.get(name) is not None]
    return bool(values) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
