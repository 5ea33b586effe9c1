# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a set needs a new certificate (pure). Everything is compared, not the dates alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping

from .._core.clock import parse_iso
from .._renewal.decision import Decision, Facts, Window, without_freezes
from .._renewal.decision import decide as decide_renewal
from .store import Live, Pending
from .wanted import Wanted


def difference(wanted: Wanted, live: Live | None) -> str | None:
    """What is wrong with the live version, whatever its age, in words, or ``None``."""
    if live is None:
        return "there is no certificate yet"
    if live.damage is not None:
        return live.damage
    missing = sorted(set(wanted.domains) - set(live.leaf.names))
    surplus = sorted(set(live.leaf.names) - set(wanted.domains) - set(added_by_ca(live.meta)))
    if missing or surplus:
        parts = ["adds " + name for name in missing] + ["drops " + name for name in surplus]
        return "the list of names changed (%s)" % ", ".join(parts)
    if (live.leaf.key_type, live.leaf.key_size) != (wanted.key_type, wanted.key_size):
        return "the key changed from %s %d to %s %d" % (
            live.leaf.key_type,
            live.leaf.key_size,
            wanted.key_type,
            wanted.key_size,
        )
    for what in ("directory_url", "profile"):
        old, new = live.meta.get(what), getattr(wanted, what)
        if old != new and not (what == "directory_url" and new is None):
            return "the %s changed from %s to %s" % (what, old, new)
    return None


def age(wanted: Wanted, live: Live, window: Window | None, now: datetime, begun: bool = False) -> Decision:
    """Whether the live version is to be replaced because of its age. A freeze does not hold up what has begun."""
    facts = Facts(wanted.name, live.leaf.not_before, live.leaf.not_after, window)
    return decide_renewal(facts, without_freezes(wanted.policy) if begun else wanted.policy, now)


def added_by_ca(meta: Mapping[str, Any]) -> list[str]:
    """Names that the CA put into the certificate by itself, such as ``www.``, and that were taken when it was issued."""
    names = meta.get("extra_names")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def fits(wanted: Wanted, pending: Pending) -> bool:
    """Whether the pending request is for what is wanted now."""
    request = pending.request
    same_key = (request.key_type, request.key_size) == (wanted.key_type, wanted.key_size)
    return same_key and set(request.names) == set(wanted.domains)


def window_of(renewal: dict[str, object] | None, live: Live | None) -> Window | None:
    """The window the ACME server suggested for the live version, from ``renewal.json``."""
    if renewal is None or live is None or renewal.get("serial") != live.serial or not renewal.get("start"):
        return None
    return Window(parse_iso(str(renewal["start"])), parse_iso(str(renewal["end"])))
