# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states in tests/fixtures/plans/*.yml as the objects that plans are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso, parse_iso
from ansible_collections.certfleet.reseller.plugins.module_utils._sets import decide
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.request import Have, state
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import Live, Pending
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.wanted import Wanted
from ansible_collections.certfleet.reseller.plugins.module_utils._x509.facts import Facts, RequestFacts

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "plans"
NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DIRECTORY = "https://acme.example/directory"
ACCOUNT = "https://acme.example/account/1"
NAME = "www.example.com"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def moment(value: Any) -> datetime:
    if value is None:
        return NOW
    return value.astimezone(UTC) if isinstance(value, datetime) else parse_iso(value)


def entry(**more: Any) -> dict[str, Any]:
    """One certificate as the argument spec leaves it."""
    found: dict[str, Any] = {
        "name": NAME,
        "domains": [NAME],
        "key_type": None,
        "key_size": None,
        "challenge": "http-01",
        "profile": None,
        "preferred_chain": None,
    }
    return {**found, **more}


def params(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "sets_path": "/nowhere",
        "certificates": [entry(**case.get("want", {}))],
        "directory_url": case.get("directory_url", DIRECTORY),
        "remaining_share": case.get("remaining_share", 1 / 3),
        "remaining_days": case.get("remaining_days"),
    }


def live(value: dict[str, Any]) -> Live:
    facts = Facts(
        serial="4a1f",
        fingerprint="f" * 64,
        public_key="a" * 64,
        names=tuple(sorted(value.get("names", [NAME]))),
        not_before=moment(value.get("not_before", "2026-11-01T00:00:00Z")),
        not_after=moment(value.get("not_after", "2027-01-30T00:00:00Z")),
        issuer="CN=CA",
        subject="CN=" + NAME,
        issuer_cn="CA",
        key_type=value.get("key_type", "ecdsa"),
        key_size=value.get("key_size", 256),
        is_ca=False,
        server_auth=True,
    )
    meta = {"directory_url": value.get("directory_url", DIRECTORY), "profile": value.get("profile")}
    return Live("4a1f", facts, {**meta, "account_url": value.get("account_url", ACCOUNT)}, value.get("damage"))


def pending(value: dict[str, Any]) -> Pending:
    names = tuple(sorted(value.get("names", [NAME])))
    request = RequestFacts("b" * 64, names, value.get("key_type", "ecdsa"), value.get("key_size", 256))
    return Pending(request, value.get("order"), value.get("issued", False))


def set_have(value: dict[str, Any], wanted: Wanted, now: datetime) -> Have:
    """As `_sets.request.look` makes it of what is on disk."""
    alive = live(value["live"]) if "live" in value else None
    renewal = None
    if "window" in value:
        start, end = map(moment, value["window"])
        renewal = {"serial": value.get("window_serial", "4a1f"), "start": iso(start), "end": iso(end)}
    request = pending(value["pending"]) if "pending" in value else None
    return state(
        wanted,
        alive,
        request,
        decide.window_of(renewal, alive),
        now,
        value.get("unfinished"),
        value.get("littered", False),
    )
