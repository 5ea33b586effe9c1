# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof from the controller. The host keeps its marks until the module is called again with what was seen from here.

That call removes the marks, or takes the sets back as it does when a proof of its own fails. A controller that dies before it leaves
the marks, and the next run begins with them.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from .._core.clock import SYSTEM, Clock
from . import service, units
from .handover import BACK, TROUBLE
from .handshake import Probe, Served, probe, probe_all
from .model import Endpoint, SetWant

Execute = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class RemoteProof:
    """Of the sets of one host. ``timeout`` is what the services have, in seconds."""

    def __init__(self, timeout: float, one: Probe = probe, clock: Clock = SYSTEM) -> None:
        self._timeout, self._probe, self._clock = timeout, one, clock
        self._before: dict[Endpoint, str | None] = {}

    def look(self, sets: Iterable[SetWant]) -> None:
        """What is served before anything changes: what an endpoint never showed to the controller is not waited for on the way back."""
        endpoints = [endpoint for wanted in sets for endpoint in wanted.remote]
        found = probe_all(endpoints, min(service.PROBE_TIMEOUT, self._timeout), self._probe)
        self._before = {served.endpoint: served.fingerprint for served in found}

    def conclude(
        self, first: Mapping[str, Any], sets: Iterable[SetWant], facts: Mapping[str, Any], execute: Execute
    ) -> dict[str, Any]:
        """``first`` is the module's result, ``facts`` are its options by set, ``execute`` calls it again. The result of both."""
        result = dict(first)
        names = result.pop("awaiting", ())
        waiting = [wanted for wanted in sets if wanted.name in names]
        if not waiting:
            return result
        wanted = {endpoint: each.fingerprint for each in waiting for endpoint in each.remote}
        found = service.watch(wanted, self._timeout, self._probe, self._clock)
        seen = {
            each.name: [[found[endpoint].fingerprint, found[endpoint].reason] for endpoint in each.remote]
            for each in waiting
        }
        second = dict(execute({"certificates": [facts[each.name] for each in waiting], "contents": {}, "seen": seen}))
        found.update(self._look_again(second, waiting))
        shown = {each.name: [found[one].result(each.fingerprint) for one in each.remote] for each in waiting}
        return _both(result, second, shown)

    def _look_again(self, second: dict[str, Any], waiting: Iterable[SetWant]) -> dict[Endpoint, Served]:
        """After a way back: what was served before has to be served again."""
        live = second.pop("live", {})
        back = {each["name"] for each in second.get("sets", ()) if each["rolled_back"]}
        expected = {
            endpoint: live[each.name]
            for each in waiting
            for endpoint in each.remote
            # the wanted one where an earlier run was cut off
            if each.name in back
            and live[each.name]
            and self._before.get(endpoint) in (live[each.name], each.fingerprint)
        }
        found = service.watch(expected, self._timeout, self._probe, self._clock)
        try:
            service.judge(expected, found, self._timeout)
        except service.ProofError as error:
            trouble = error.sentence().rstrip(".")
            second["msg"] = str(second["msg"]).replace(BACK, TROUBLE % trouble)
            second["error"] = {**second["error"], "rolled_back": False, "trouble": trouble, "hint": TROUBLE % trouble}
        return found


def _both(first: dict[str, Any], second: Mapping[str, Any], shown: Mapping[str, list[Any]]) -> dict[str, Any]:
    """One result of the two calls: what the first one did, and what became of it."""
    failed = bool(second.get("failed") or second.get("unreachable"))
    ends = {each["name"]: each for each in second.get("sets", ())}
    result = dict(first)
    result["sets"] = [_end(each, ends.get(each["name"]), shown.get(each["name"], [])) for each in first["sets"]]
    result["rolled_back"] = bool(first["rolled_back"] or second.get("rolled_back"))
    done = list(first.get("done", first.get("steps", ())))
    rest = list(first.get("open", [step for step in done if units.is_remote(step)]))
    closed = list(second.get("done" if failed else "steps", ()))
    if failed or first.get("failed"):
        left = [*(step for step in rest if step not in closed), *second.get("open", ())]
        left = [step for number, step in enumerate(left) if step not in left[:number]]
        result["open"] = left
        result["done"] = [*(step for step in done if step not in left and step not in closed), *closed]
    if failed:
        for name in ("steps", "reason", "diff"):
            result.pop(name, None)
        result.update(_failure(first, second))
    return result


def _end(begin: Mapping[str, Any], end: Mapping[str, Any] | None, seen: list[Any]) -> dict[str, Any]:
    last = {name: end[name] for name in ("current", "rolled_back", "endpoints")} if end else {}
    found = {**begin, **last}
    return {**found, "endpoints": [*found["endpoints"], *seen]}


def _failure(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: second[name] for name in ("msg", "error", "unreachable") if name in second}
    found["failed"] = True
    if first.get("failed"):
        # two causes: the first one is the host's
        own, other = first.get("error") or {}, second.get("error") or {}
        found["msg"] = "%s | %s" % (first.get("msg"), second.get("msg"))
        found["error"] = {
            **own,
            "rolled_back": bool(own.get("rolled_back") and other.get("rolled_back")),
            "endpoints": [*own.get("endpoints", ()), *other.get("endpoints", ())],
        }
    return found
