# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of the years to come, as the page draws it (pure, but for its file)."""

from __future__ import annotations

from typing import Any, Mapping

from .._core import files
from .._core.errors import StateError, clean

_LONGEST = 600


def load(path: str) -> dict[str, Any]:
    """A plan from its file; ``StateError`` if there is none that can be drawn."""
    found = files.read_json(path)
    if found is None:
        raise StateError("there is no plan %s" % path, hint="Run the playbook certfleet.reseller.plan first.")
    try:
        return shown(found)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StateError("%s is not a plan" % path, hint="Run the playbook certfleet.reseller.plan again.") from None


def shown(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the page needs of it: sentences, and orders by the week."""
    weeks = [{"start": clean(week["start"])[:10], "orders": int(week["orders"])} for week in plan["weeks"]]
    outages = [[clean(each["start"])[:10], clean(each["end"])[:10]] for each in plan["outages"]]
    first, tightest, expired = plan["first_expired"], plan["tightest"], plan["expired_count"]
    lines = [{"kind": "error" if expired else "ok", "text": _verdict(plan)}]
    if plan.get("never_issued"):  # plans of before do not say
        lines.append({"kind": "error", "text": "Nothing is ever issued for %d certificates" % plan["never_issued"]})
    if first:
        lines.append({"kind": "error", "text": "First to expire, on %s: %s" % (_day(first["not_after"]), _what(first))})
        words = [each["words"] for each in plan["advice"]] or ["no single change of the policy does"]
        lines += [{"kind": "next", "text": "What would prevent it: %s" % clean(each, _LONGEST)} for each in words]
    elif tightest:
        what = "%s with %s days left: %s" % (_day(tightest["at"]), tightest["days_left"], _what(tightest))
        lines.append({"kind": "next", "text": "The tightest moment is on " + what})
    return {"until": _day(plan["until"]), "lines": lines, "weeks": weeks, "outages": outages}


def _verdict(plan: Mapping[str, Any]) -> str:
    text = "%d certificates on %d hosts, %d orders until %s: " % (
        plan["certificates"],
        plan["hosts"],
        plan["orders"],
        _day(plan["until"]),
    )
    if not plan["expired_count"]:
        return text + "nothing expires"
    return text + "%d times a certificate expires before it is replaced" % plan["expired_count"]


def _what(moment: Mapping[str, Any]) -> str:
    where = " on %s" % moment["host"] if moment["host"] else ""
    return clean("%s%s; %s" % (moment["name"], where, moment["why"]), _LONGEST)


def _day(text: Any) -> str:
    return clean(text)[:10]
