# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one document: ``roles/certificate_report/files/report.schema.json`` has its form (pure, but for its file)."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any, Iterable, Mapping, Sequence

from .._core import files
from .._core.clock import iso, parse_iso
from .._core.errors import StateError, clean
from .judge import STATES
from .model import VERSION, Settings

_LONGEST = 1000
# what can be in a text of Python, and neither in UTF-8 nor in XML
_FORBIDDEN = re.compile("[\ud800-\udfff\ufffe\uffff]")
LIMIT = 256 * 1024 * 1024


def document(
    records: Iterable[Mapping[str, Any]],
    settings: Settings,
    now: datetime,
    title: str = "Certificates",
    freezes: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """All records, the worst first, then by their end. No text in it has a control character or turns what is around it."""
    ordered = sorted((_cleaned(record) for record in records), key=_rank)
    return {
        "version": VERSION,
        "title": clean(title),
        "generated": iso(now),
        "digest": digest(ordered),
        "warn_days": settings.warn_days,
        "fail_days": settings.fail_days,
        "counts": counts(ordered),
        "freezes": _cleaned(list(freezes)),
        "certificates": ordered,
    }


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else _FORBIDDEN.sub("\ufffd", clean(value, _LONGEST))
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, (list, tuple)) else value


def counts(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many certificates are in which state, and how many handshakes showed what they should."""
    found = {"certificates": len(records), **dict.fromkeys(STATES, 0)}
    for record in records:
        found[record["state"]] += 1
    proofs = [endpoint["matches"] for record in records for endpoint in record["endpoints"]]
    return {**found, "endpoints": len(proofs), "served": sum(proofs)}


def digest(records: Sequence[Mapping[str, Any]]) -> str:
    """Of all but moments of looking: the same as long as nothing changed in the fleet."""
    facts = [
        [
            record["name"],
            record["serial"],
            record["renewal"] and record["renewal"]["at"] if not (record["renewal"] or {}).get("due") else "due",
            sorted((problem["code"], problem["severity"]) for problem in record["problems"]),
            sorted((each["host"], each["serial"] or "") for each in record["deployed"]),
            sorted((str(each["host"]), each["address"], each["port"], each["matches"]) for each in record["endpoints"]),
            record["revocation"]["status"],
        ]
        for record in records
    ]
    return hashlib.sha256(json.dumps(sorted(facts, key=str), sort_keys=True).encode("utf-8")).hexdigest()


def encode(found: Mapping[str, Any]) -> bytes:
    """JSON with a line for each record: small, and still of use to diff and grep."""
    head = {name: value for name, value in found.items() if name != "certificates"}
    lines = ",\n".join(json.dumps(record, separators=(",", ":"), sort_keys=True) for record in found["certificates"])
    body = json.dumps(head, indent=1, sort_keys=True)[:-2]
    return ('%s,\n "certificates": [\n%s\n ]\n}\n' % (body, lines)).encode("utf-8")


def load(path: str) -> dict[str, Any]:
    """A report from its file; ``StateError`` if there is none that this version understands."""
    content = files.read(path, LIMIT)
    if content is None:
        raise StateError("there is no report %s" % path, hint="Run certificate_status with this path first.")
    return decode(content, path)


def decode(content: bytes, path: str) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("certificates"), list):
        raise StateError("%s is not a report" % path, hint="Run certificate_status again.")
    if found.get("version") != VERSION:
        raise StateError(
            "%s is a report of version %r, not %d" % (path, found.get("version"), VERSION),
            hint="Run certificate_status again.",
        )
    return found


def kept_digest(path: str) -> str | None:
    """Of the report that is there already, if any."""
    try:
        found = load(path)
    except StateError:
        return None
    value = found.get("digest")
    return value if isinstance(value, str) else None


def days_left(record: Mapping[str, Any], now: datetime) -> int | None:
    """Whole days, less than 0 when it has expired."""
    return (parse_iso(record["not_after"]) - now).days if record["not_after"] else None


def _rank(record: Mapping[str, Any]) -> tuple[int, str, str]:
    return STATES.index(record["state"]), record["not_after"] or "", record["name"]
