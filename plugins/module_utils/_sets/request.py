# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificate signing requests for a list of sets. Never touches a live key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Mapping, Sequence

from .._core import files
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import StateError
from .._core.plan import Plan, Step
from .._renewal import limits
from .._renewal.decision import Decision, Window
from .._renewal.limits import Choice, Due, Limits
from .._x509 import csr, keys
from . import decide
from .each import EachSet, readable
from .store import CURRENT, PENDING, REQUEST, Live, Pending, SetStore
from .wanted import Wanted, from_params

_MOST_ACTIONS = 5


@dataclass(frozen=True)
class Want:
    """``counted``: the sets whose certificates count for the weekly limits."""

    certificates: tuple[Wanted, ...]
    limits: Limits = Limits()
    counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Have:
    """State of one set. ``reason``: why it needs a new certificate. ``age``: what its age says about it, where there is a live version;
    ``held``: why a replacement that is due has to wait."""

    live: Live | None
    pending: Pending | None
    unfinished: str | None
    reason: str | None
    renew_at: str | None
    littered: bool = False
    age: Decision | None = None
    held: str | None = None
    deferred: bool = False  # by a weekly limit


def look(store: SetStore, wanted: Wanted, clock: Clock) -> Have:
    live = store.live(wanted.name)
    window = decide.window_of(store.renewal(wanted.name), live)
    unfinished, littered = store.unfinished(wanted.name), store.littered(wanted.name)
    return state(wanted, live, store.pending(wanted.name), window, clock.now(), unfinished, littered)


def state(
    wanted: Wanted,
    live: Live | None,
    pending: Pending | None,
    window: Window | None,
    now: datetime,
    unfinished: str | None = None,
    littered: bool = False,
) -> Have:
    """What is on disk, and what is to be said of it (pure)."""
    begun = pending is not None and decide.fits(wanted, pending)
    age = decide.age(wanted, live, window, now, begun) if live else None
    reason = decide.difference(wanted, live) or (age.reason if age and age.due else None)
    return Have(
        live=live,
        pending=pending,
        unfinished=unfinished,
        reason=reason,
        renew_at=iso(age.at) if age else None,
        littered=littered,
        age=age,
        held=age.reason if age and reason is None and now >= age.since else None,
    )


class RequestResource(EachSet):
    workers = 4  # generating RSA keys is the one slow part, and releases the interpreter

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._warnings: tuple[str, ...] = ()

    def want(self, params: dict[str, Any]) -> Want:
        self._store = SetStore(params["sets_path"])
        found = from_params(params)
        names = dict.fromkeys([*(wanted.name for wanted in found), *(params.get("counted") or ())])
        return Want(found, limits.from_params(params.get("renewal") or {}), tuple(names))

    def read(self, want: Want) -> dict[str, Have]:
        have = self.read_each(lambda wanted: look(self._store, wanted, self._clock), want.certificates, workers=1)
        if not want.limits:
            return have
        now = self._clock.now()
        choice = choose(want, have, self._store.issued(want.counted, now - limits.WEEK), now)
        self._warnings = tuple(choice.warnings())
        words = choice.words()
        deferred = {name: replace(have[name], reason=None, held=words[name], deferred=True) for name in words}
        return {**have, **deferred}

    def plan(self, want: Want, have: dict[str, Have]) -> Plan:
        steps, before, after = [], {}, {}
        for wanted in readable(want.certificates, have):
            action = _action(wanted, have[wanted.name])
            if action is None:
                continue
            steps.append(Step(action, wanted.name, data=(wanted, have[wanted.name])))
            before[wanted.name] = _pending_text(have[wanted.name].pending)
            after[wanted.name] = {
                "request": "request for %s, %s %d" % (", ".join(wanted.domains), wanted.key_type, wanted.key_size),
                "switch": "current points to %s" % have[wanted.name].unfinished,
                "discard": "no request",
                "tidy": "nothing left behind",
            }[action]
        reasons = ["%s: %s" % (step.subject, _why(step)) for step in steps]
        return Plan(
            tuple(steps), before, after, reason="; ".join(reasons) or self._nothing(have), warnings=self._warnings
        )

    def apply(self, step: Step) -> None:
        """All that the set needs, one action after the other: after a switch, say, the next version may be due at once."""
        wanted, planned = step.data
        files.make_directory(self._store.directory(wanted.name))
        with files.lock(self._store.directory(wanted.name)):
            for _unused in range(_MOST_ACTIONS):
                have = look(self._store, wanted, self._clock)  # another run may have been faster
                if planned.deferred and not _fits(wanted, have):
                    have = replace(have, reason=None)  # what is tidied up has its turn no sooner for it
                action = _action(wanted, have)
                if action is None:
                    return
                self._do(action, wanted, have)
        raise StateError("the set %s does not settle" % wanted.name, hint="Please report this.")

    def show(self, want: Want, have: dict[str, Have], plan: Plan) -> dict[str, Any]:
        planned = {step.subject: step.action for step in plan.steps}
        shown = [
            self._show(wanted, have[wanted.name], planned.get(wanted.name))
            for wanted in readable(want.certificates, have)
        ]
        return {
            "certificates": shown,
            "pending": [item["name"] for item in shown if item["pending"]],
            "deferred": [name for name, state in have.items() if state.deferred],
        }

    def _nothing(self, have: dict[str, Have]) -> str:
        held = ["%s: %s" % (name, state.held) for name, state in have.items() if state.held is not None]
        return "; ".join(held) or "all sets are in order or under way"

    def _do(self, action: str, wanted: Wanted, have: Have) -> None:
        if have.unfinished is not None:  # "switch"
            self._store.switch(wanted.name, have.unfinished)
        elif action == "discard":
            self._store.drop_pending(wanted.name)
        elif action == "tidy":
            self._store.tidy(wanted.name)
        else:
            key = keys.generate(wanted.key_type, wanted.key_size)
            self._store.open_pending(wanted.name, key, csr.build(key, wanted.domains))

    def _show(self, wanted: Wanted, have: Have, action: str | None) -> dict[str, Any]:
        pending = action == "request" or (have.pending is not None and action != "discard")
        part = PENDING if pending else CURRENT
        return {
            "name": wanted.name,
            "domains": list(wanted.domains),
            "pending": pending,
            "reason": have.reason if pending else None,
            "key_type": wanted.key_type,
            "key_size": wanted.key_size,
            "path": self._store.directory(wanted.name),
            "csr_path": self._store.file(wanted.name, part, REQUEST),
            "serial": have.live.serial if have.live else None,
            "not_after": iso(have.live.leaf.not_after) if have.live else None,
            "renew_at": have.renew_at,
            "held": have.held,
        }


def choose(want: Want, have: Mapping[str, Have], issued: Sequence[datetime], now: datetime) -> Choice:
    """Which of the sets that are due for their age have their turn within the limits (pure).

    What is new, changed or under way is not held back, but it counts. After a week under way it does not any more: requests that fail
    in every run would keep the places of the others for ever.
    """
    due, begun = [], 0
    for wanted in readable(want.certificates, have):
        state = have[wanted.name]
        if state.unfinished is not None or state.reason is None:
            continue
        fits = _fits(wanted, state)
        if state.age is None or not state.age.due or fits or decide.difference(wanted, state.live) is not None:
            since = state.pending.since if state.pending is not None and fits else None
            begun += since is None or since > now - limits.WEEK
        else:
            due.append(Due(wanted.name, state.age))
    return limits.choose(due, want.limits, issued, now, begun)


def still_to_issue(wanted: Wanted, have: Have) -> bool:
    """Whether there is something to issue once ``certificate_request`` has done its part, in check mode as in a run."""
    if have.unfinished is not None:
        return False  # a switch is missing, nothing else; what is due after it is for the next run
    if have.reason is not None:
        return True
    return have.pending is not None and have.pending.issued and decide.fits(wanted, have.pending)


def _action(wanted: Wanted, have: Have) -> str | None:
    """What is to be done first: finish what was cut off, ask for what is needed, forget what is not, clean up.

    A pending version whose certificate is there is kept when it fits: it may have been paid for, and is as good as the live one.
    """
    if have.unfinished is not None:
        return "switch"
    fits = _fits(wanted, have)
    if have.reason is not None and not fits:
        return "request"
    if have.reason is None and have.pending is not None and not (fits and have.pending.issued):
        return "discard"
    return "tidy" if have.littered else None


def _fits(wanted: Wanted, have: Have) -> bool:
    """Whether there is a request for what is wanted."""
    return have.pending is not None and decide.fits(wanted, have.pending)


def _why(step: Step) -> str:
    _wanted, have = step.data
    if step.action == "switch":
        return "an earlier run was cut off before the switch"
    if step.action == "tidy":
        return "an earlier run was cut off and left files behind"
    return have.reason or "the live certificate is what is wanted"


def _pending_text(pending: Pending | None) -> str:
    if pending is None:
        return "no request"
    return "request for %s, %s %d" % (
        ", ".join(pending.request.names),
        pending.request.key_type,
        pending.request.key_size,
    )
