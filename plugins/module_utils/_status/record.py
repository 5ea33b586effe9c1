# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One record for each certificate: what was issued, what is served, what is next, and what is wrong (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from .._core.clock import iso
from .._renewal.decision import Decision
from . import due, judge
from .model import Certificate, Issued, Leaf, Look, Settings
from .observed import Deployed


@dataclass(frozen=True)
class Facts:
    """All that is known of one certificate. ``silent``: its hosts that could not be asked, and why."""

    wanted: Certificate
    issued: Issued
    looks: Sequence[Look] = ()
    deployed: Sequence[Deployed] = ()
    silent: Sequence[tuple[str, str]] = ()
    revocation: Mapping[str, Any] | None = None
    term_end: datetime | None = None
    # whether hosts were asked for what lies on their disks
    asked: bool = False
    freezes: str | None = None


def of_set(facts: Facts, settings: Settings, now: datetime) -> dict[str, Any]:
    """A certificate of ours."""
    wanted, meta, leaf = facts.wanted, facts.issued.meta, facts.issued.leaf
    renewal = due.decision(leaf, wanted.policy, facts.issued.renewal, wanted.drawn_by, now) if leaf else None
    record = {
        "kind": "certificate",
        "name": wanted.name,
        **_of_leaf(leaf),
        "names": list(leaf.names if leaf else wanted.domains),
        "issuer": wanted.issuer,
        "provider": wanted.provider or meta.get("provider"),
        "order": _order(meta),
        "term": _term(facts, leaf, renewal),
        "renewal": _renewal(renewal, leaf, wanted, now) if renewal and leaf else None,
        "freezes": facts.freezes,
        "revocation": _revocation(facts.revocation),
        "deployed": [_deployed(each, leaf) for each in facts.deployed],
        "endpoints": [_endpoint(each, leaf) for each in facts.looks],
    }
    record["proof"] = _proof(record["endpoints"])
    return judge.judged(record, judge.of_set(facts, record, renewal, settings, now))


def of_endpoint(look: Look, revocation: Mapping[str, Any] | None, settings: Settings, now: datetime) -> dict[str, Any]:
    """A server that is only watched: its certificate is not ours."""
    leaf = look.leaf
    record = {
        "kind": "endpoint",
        "name": look.target.server_name,
        **_of_leaf(leaf),
        "names": list(leaf.names) if leaf else [],
        "issuer": None,
        "provider": None,
        "order": None,
        "term": None,
        "renewal": None,
        "freezes": None,
        "revocation": _revocation(revocation),
        "deployed": [],
        "endpoints": [_endpoint(look, leaf)],
    }
    record["proof"] = _proof(record["endpoints"])
    return judge.judged(record, judge.of_endpoint(look, record, settings, now))


def _of_leaf(leaf: Leaf | None) -> dict[str, Any]:
    if leaf is None:
        keys = ("ca", "serial", "fingerprint", "not_before", "not_after", "key_type", "key_size")
        return dict.fromkeys(keys)
    return {
        "ca": leaf.ca,
        "serial": leaf.serial,
        "fingerprint": leaf.fingerprint,
        "not_before": iso(leaf.not_before),
        "not_after": iso(leaf.not_after),
        "key_type": leaf.key_type,
        "key_size": leaf.key_size,
    }


def _order(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    number, url, product = meta.get("order_id"), meta.get("order_url"), meta.get("profile")
    if number is None and url is None:
        return None
    return {
        "id": number if isinstance(number, int) else None,
        "url": url if isinstance(url, str) else None,
        "product": product if isinstance(product, str) else None,
    }


def _renewal(found: Decision, leaf: Leaf, wanted: Certificate, now: datetime) -> dict[str, Any]:
    return {
        "at": iso(found.at),
        "due": found.due,
        "reason": found.reason,
        "hard_stop": iso(found.stop),
        "frozen_until": iso(found.frozen_until) if found.frozen_until else None,
        "later": [iso(moment) for moment in due.later(leaf, wanted.policy, found.at, wanted.drawn_by, now)],
    }


def _term(facts: Facts, leaf: Leaf | None, renewal: Decision | None) -> dict[str, Any] | None:
    if facts.term_end is None or leaf is None or renewal is None:
        return None
    return {
        "end": iso(facts.term_end),
        "reissues_due": due.reissues(leaf, renewal.at, facts.wanted.policy, facts.term_end),
    }


def _revocation(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """In the words of ``ocsp_check``."""
    if found is None:
        return {"status": "not_checked", "reason": None, "at": None}
    return {"status": found.get("status") or "unknown", "reason": found.get("reason"), "at": found.get("this_update")}


def _deployed(each: Deployed, leaf: Leaf | None) -> dict[str, Any]:
    return {
        "host": each.host,
        "serial": each.serial,
        "matches": leaf is not None and each.serial == leaf.serial,
    }


def _endpoint(look: Look, leaf: Leaf | None) -> dict[str, Any]:
    target, served = look.target, look.leaf
    dated = served if served and served.serial else None
    return {
        "host": target.host,
        "address": target.address,
        "port": target.port,
        "server_name": target.server_name,
        "starttls": target.starttls,
        "serial": dated.serial if dated else leaf.serial if served and leaf and _same(served, leaf) else None,
        "fingerprint": served.fingerprint if served else None,
        "not_after": iso(dated.not_after) if dated else None,
        "matches": served is not None and leaf is not None and _same(served, leaf),
        "reason": look.reason,
        "at": iso(look.at),
    }


def _same(served: Leaf, leaf: Leaf) -> bool:
    return served.fingerprint == leaf.fingerprint


def _proof(endpoints: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many endpoints served the certificate when they were last asked."""
    return {
        "asked": len(endpoints),
        "served": sum(each["matches"] for each in endpoints),
        "at": max((each["at"] for each in endpoints), default=None),
    }
