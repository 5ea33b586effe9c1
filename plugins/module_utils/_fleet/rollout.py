# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a rollout goes to, in which order, and what became of them (pure)."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from .._core.errors import UsageError, clean
from .hosts import Hosts

DEPLOYED, UNCHANGED, FAILED, ROLLED_BACK = "deployed", "unchanged", "failed", "rolled back"
UNREACHABLE, NOT_TRIED = "unreachable", "not tried"
STATES = (DEPLOYED, UNCHANGED, FAILED, ROLLED_BACK, UNREACHABLE, NOT_TRIED)
PREDICTED = {DEPLOYED: "to be deployed to"}
LONGEST = 1000
LOST = "the connection was lost during the deployment"


class Seen(NamedTuple):
    """One host: results of ``certificate_deploy`` in check mode and for real, why its rollout failed, and whether it is still in the play."""

    look: Mapping[str, Any]
    result: Mapping[str, Any] | None
    problem: str | None
    alive: bool


class Row(NamedTuple):
    """``counts``: against the limit of failures, for it may happen to the next host, too."""

    host: str
    state: str
    reason: str | None
    counts: bool


# -- before -----------------------------------------------------------------------------------------------------------


def plan(seen: Mapping[str, Seen], owed: Iterable[str], canary: Any, serial: Any, places: Hosts) -> dict[str, Any]:
    """``hosts`` in their order, ``canaries``, the value of the keyword ``serial``, and in ``problem`` why nobody is deployed to.

    ``planned`` are the hosts where something is to do; with a problem ``hosts`` is empty.

    ``owed``: hosts that an earlier rollout has not finished, in order or not. ``canary``: a pattern; the first host without, ``False`` for none.
    """
    unfinished = set(owed)
    hosts = [host for host, each in seen.items() if each.alive and _to_do(each.look, host in unfinished)]
    batches = list(serial) if isinstance(serial, (list, tuple)) else [serial]
    named = [] if canary is None or canary is False else [host for host in places.of(_pattern(canary)) if host in seen]
    problem = _problem(seen, named)
    first = [] if canary is False else _first(hosts, seen)
    canaries = [host for host in named if host in hosts] if named else first
    ordered = [*canaries, *(host for host in hosts if host not in canaries)]
    return {
        "hosts": [] if problem else ordered,
        "planned": ordered,
        "canaries": canaries,
        "serial": [len(canaries), *batches] if canaries else batches,
        "problem": problem,
    }


def _problem(seen: Mapping[str, Seen], canaries: Sequence[str]) -> str | None:
    """Without words of others: it is kept as a variable, and those are templates."""
    broken = [row.host for row in rows(seen, ()) if row.state == FAILED]
    if broken:
        return "nobody is deployed to, for looking at %s failed" % ", ".join(broken)
    if canaries and not any(seen[host].alive for host in canaries):
        return "nobody is deployed to, for no canary can be reached: %s" % ", ".join(canaries)
    return None


def _pattern(canary: Any) -> str:
    if isinstance(canary, str) and canary.strip():
        return canary
    if isinstance(canary, (list, tuple)) and canary and all(isinstance(each, str) for each in canary):
        return ",".join(canary)
    raise UsageError("certfleet_canary must be a pattern of hosts, a list of hosts, or false for none")


def _to_do(look: Mapping[str, Any], owed: bool) -> bool:
    if not look or look.get("skipped"):
        return False
    return bool(owed or look.get("steps") or look.get("error") or look.get("msg"))


def _first(hosts: Sequence[str], seen: Mapping[str, Seen]) -> list[str]:
    """A host that can prove something; a set that is missing on the controller proves nothing."""
    whole = [host for host in hosts if _whole(seen[host].look)]
    return (whole or list(hosts))[:1]


def _whole(look: Mapping[str, Any]) -> bool:
    return not look.get("error") and all(each.get("serial") for each in look.get("sets") or ())


# -- afterwards -------------------------------------------------------------------------------------------------------


def rows(seen: Mapping[str, Seen], planned: Iterable[str]) -> list[Row]:
    """One for each host that shall have certificates. ``planned``: whom the rollout was to go to."""
    chosen = set(planned)
    found = (_row(host, each, host in chosen) for host, each in seen.items())
    return [row for row in found if row is not None]


def _row(host: str, seen: Seen, planned: bool) -> Row | None:
    result = seen.result
    if seen.problem is not None:
        state = ROLLED_BACK if ((result or {}).get("error") or {}).get("rolled_back") else FAILED
        return Row(host, state, _reason(seen.problem), not _refused(result, seen.problem))
    if result is not None and not result.get("skipped"):
        if result.get("unreachable"):
            return Row(host, UNREACHABLE, LOST, True)
        return Row(host, DEPLOYED if result.get("changed") else UNCHANGED, None, False)
    if seen.look.get("unreachable") or not (seen.look or seen.alive):
        return Row(host, UNREACHABLE, None, False)
    if not seen.alive:
        return Row(host, FAILED, _reason(seen.look.get("msg")), True)
    if planned:
        return Row(host, NOT_TRIED, None, False)
    return None if not seen.look or seen.look.get("skipped") else Row(host, UNCHANGED, None, False)


def _refused(result: Mapping[str, Any] | None, problem: str) -> bool:
    """Whether sets were refused on the controller, and all else was done: it says nothing about the host."""
    if not result:
        return False
    return "failed" in (result.get("error") or {}) and not result.get("open") and problem == result.get("msg")


def _reason(text: Any) -> str:
    return clean(text or "no reason was given", LONGEST)


def lines(found: Sequence[Row], predicted: bool = False) -> list[str]:
    """How many hosts have which state, and all names but those where all is well. ``predicted``: it was in check mode."""
    words = {**{state: state for state in STATES}, **(PREDICTED if predicted else {})}
    counts = [(state, [row for row in found if row.state == state]) for state in STATES]
    told = ", ".join("%d %s" % (len(group), words[state]) for state, group in counts if group)
    text = ["%d host%s%s" % (len(found), "" if len(found) == 1 else "s", ": " + told if told else "")]
    for state, group in counts:
        if state == UNCHANGED:
            continue
        plain = [row.host for row in group if row.reason is None]
        if plain:
            text.append("%s: %s" % (words[state], ", ".join(plain)))
        text += ["%s: %s: %s" % (words[state], row.host, row.reason) for row in group if row.reason is not None]
    return text


def progress(seen: Mapping[str, Seen], planned: Iterable[str], predicted: bool = False) -> dict[str, Any]:
    """``lines`` for people; ``failed``, reasons by host; ``counted`` of them; ``finished``, hosts that nothing is owed to."""
    found = rows(seen, planned)
    bad = [row for row in found if row.state in (FAILED, ROLLED_BACK) or (row.state == UNREACHABLE and row.counts)]
    return {
        "lines": lines(found, predicted),
        "failed": {row.host: row.reason for row in bad},
        "counted": [row.host for row in bad if row.counts],
        "finished": [
            row.host for row in found if row.state in (DEPLOYED, UNCHANGED) or (row in bad and not row.counts)
        ],
    }
