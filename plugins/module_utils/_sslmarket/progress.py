# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees while certificates are waited for, and one result of several runs of the module (pure)."""

from __future__ import annotations

from typing import Any, Mapping

_SHOWN = 3


def line(result: Mapping[str, Any], left: float) -> str:
    """``waiting for 2 certificates (540 s left): www.alpha.example (order 7, waiting), ...``."""
    waiting = [each for each in result.get("certificates", ()) if each.get("waiting")]
    shown = ["%s (order %s, %s)" % (each["name"], each.get("order_id"), each.get("state")) for each in waiting[:_SHOWN]]
    more = len(waiting) - len(shown)
    return "waiting for %d certificate%s (%d s left): %s%s" % (
        len(waiting),
        "" if len(waiting) == 1 else "s",
        left,
        ", ".join(shown),
        " and %d more" % more if more else "",
    )


def merged(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The later result, with what the earlier one had done. A certificate that came in any of them was issued in this task."""
    result = dict(later)
    result["changed"] = bool(earlier.get("changed")) or bool(later.get("changed"))
    for name in ("steps", "done", "warnings"):
        if name in earlier or name in later:
            result[name] = _united(earlier.get(name), later.get(name))
    if earlier.get("failed") and not later.get("failed"):
        result["steps"] = _united(earlier.get("done"), result.get("steps"))
    if not later.get("failed"):
        result.pop("done", None)
    before = {each["name"]: each for each in earlier.get("certificates", ())}
    if "certificates" in later:
        result["certificates"] = [_one(before.get(each["name"], {}), each) for each in later["certificates"]]
    if not later.get("steps") and earlier.get("reason") and earlier.get("steps"):
        result["reason"] = earlier["reason"]
    return result


def _one(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **later,
        "issued": bool(earlier.get("issued")) or bool(later.get("issued")),
        "action": later.get("action") or earlier.get("action"),
        "remarks": _united(earlier.get("remarks"), later.get("remarks")),
    }


def _united(earlier: Any, later: Any) -> list[Any]:
    found: list[Any] = []
    for each in [*(earlier or ()), *(later or ())]:
        if each not in found:
            found.append(each)
    return found
