# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource of ``sslmarket_certificate`` with ``state=present``: waits, fetches, proves and stores; asks for reissues."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from .._core import files, pool
from .._core.clock import SYSTEM, Clock, Deadline, iso
from .._core.errors import CollectionError, NotSent, ProviderError, StateError, TransportError, UsageError, VerifyError
from .._core.plan import Plan, Step
from .._renewal import policy as renewal
from .._renewal.decision import Facts, decide
from . import connect, course, dcv, delivery, items
from .delivery import Targets
from .items import Item
from .journal import Note
from .lookup import Finder, warning
from .view import View, Viewer, detailed

FETCH, WAIT, REISSUE, SWITCH = course.FETCH, course.WAIT, course.REISSUE, "switch"
_CALLS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_MOST_ACTIONS = 5


@dataclass(frozen=True)
class Want:
    items: tuple[Item, ...]
    targets: dict[str, Targets]
    wait: bool
    wait_timeout: int
    timeout: int


class CertificateResource:
    """All items wait at the same time, each in a thread of its own; what they ask the provider goes through a gate."""

    problem: Exception | None = None
    workers = 2

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._gate = threading.BoundedSemaphore(_CALLS)
        self._polling = threading.Lock()
        self._seen: tuple[float, Finder] | None = None
        self._remarks: dict[str, tuple[str, ...]] = {}

    def want(self, params: dict[str, Any]) -> Want:
        self._account = connect.account(params, self._clock)
        self._store = connect.store(params)
        self._policy = renewal.from_params(params)
        self._viewer = Viewer(self._account, self._policy, self._store)
        found = items.from_params(params)
        targets = _targets(params, found)
        self.workers = max(2, min(len(found), 500))
        self._deadline = Deadline(params["wait_timeout"], self._clock)
        self._want = Want(found, targets, params["wait"], params["wait_timeout"], params["timeout"])
        return self._want

    def read(self, want: Want) -> dict[str, View]:
        finder = Finder(self._account)
        outcomes = pool.each(lambda item: self._view(item, finder), want.items, _CALLS)
        for outcome in outcomes:
            if outcome.error is None:
                outcome.error = outcome.value.problem
        self.problem = pool.failures(outcomes, lambda item: str(item.name))
        return {outcome.item.name: outcome.value for outcome in outcomes if outcome.value is not None}

    def plan(self, want: Want, have: dict[str, View]) -> Plan:
        steps, before, after, reasons = [], {}, {}, []
        for item in want.items:
            view = have.get(item.name)
            if view is None or view.problem is not None or not self._to_do(view):
                continue
            steps.append(Step(view.action, item.name, data=item))
            before[item.name] = {"serial": view.leaf.serial if view.leaf else None}
            after[item.name] = {"serial": "(new)", "order_id": view.order.order_id if view.order else None}
            reasons.append("%s: %s" % (item.name, view.course.reason))
        return Plan(tuple(steps), before, after, reason="; ".join(reasons) or "there is nothing to fetch")

    def apply(self, step: Step) -> None:
        """From wherever the item is to its certificate, or as far as ``wait`` allows."""
        item: Item = step.data
        pause = _FIRST_PAUSE
        while True:
            view = self._turn(item)
            if view.action != WAIT or not self._want.wait:
                return
            while view.action == WAIT:
                if self._deadline.over():
                    raise self._late(view)
                self._deadline.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                view = self._view(item, self._polled(), polling=True)

    def _turn(self, item: Item) -> View:
        """Looks at the item, does what is next until there is nothing left but to wait, and returns what it saw last."""
        order_id, _purchase = self._viewer.order_of(item)
        journal, wait = self._account.journal, 60.0 + 3 * self._want.timeout
        with journal.order_lock(order_id, wait) if order_id is not None else nullcontext():
            for _unused in range(_MOST_ACTIONS):
                view = self._view(item, Finder(self._account))
                if view.problem is not None:
                    raise view.problem
                if view.action == SWITCH:
                    self._switch(item)
                elif view.action == FETCH:
                    self._fetch(item, view)
                elif view.action == REISSUE:
                    self._reissue(item, view)
                else:
                    return view
        raise StateError(
            "%s does not settle: %s" % (item.name, view.course.reason), hint="Run again, and report it if it stays."
        )

    def show(self, want: Want, have: dict[str, View], plan: Plan) -> dict[str, Any]:
        planned = {step.subject: step.action for step in plan.steps}
        shown = [self._show(item, have[item.name], planned.get(item.name)) for item in want.items if item.name in have]
        return {"certificates": shown, "waiting": [each["name"] for each in shown if each["waiting"]]}

    def remarks(self, want: Want, have: dict[str, View]) -> list[str]:
        found: list[str] = []
        for item in want.items:
            found += self._remarks.get(item.name, ())
            view = have.get(item.name)
            if view is None:
                continue
            if view.order is None:
                if item.wanted is None and view.present.reason is not None and view.action != SWITCH:
                    found.append("%s: there is no order for it; sslmarket_order places one" % item.name)
                continue
            if view.duplicates:
                found.append(warning(item.name, [view.order.order_id, *view.duplicates]))
            if view.present.reason is None and not view.order.issued:
                text = '%s: order %d is in the state "%s", though its certificate is here. Was it revoked, or reissued by others?'
                found.append(text % (item.name, view.order.order_id, view.order.state))
        return found

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _view(self, item: Item, finder: Finder, polling: bool = False) -> View:
        with self._gate:
            return self._viewer.view(item, self._want.targets[item.name], finder, polling)

    def _polled(self) -> Finder:
        """One list of orders for all that wait, not older than a second."""
        with self._polling:
            if self._seen is None or self._clock.monotonic() > self._seen[0] + 1.0:
                self._seen = (self._clock.monotonic(), Finder(self._account))
            return self._seen[1]

    def _to_do(self, view: View) -> bool:
        return view.action in (FETCH, REISSUE, SWITCH) or (view.action == WAIT and self._want.wait)

    def _switch(self, item: Item) -> None:
        store = self._store
        if store is None:
            return
        with files.lock(store.directory(item.name)):
            unfinished = store.unfinished(item.name)
            if unfinished is not None:
                store.switch(item.name, unfinished)
            elif store.pending(item.name) is not None:
                store.promote(item.name)

    def _fetch(self, item: Item, view: View) -> None:
        order, detail, at = view.order, detailed(view), self._account
        if order is None:
            return
        key = view.present.key if view.present.reason else view.present.live_key
        if key is None and detail is not None and item.wanted is None:
            key = detail.public_key
        try:
            with self._gate:
                delivered = delivery.deliver(at, item, order, key)
        except VerifyError as error:
            if error.extra.get("check") == "key" and view.note.reissue:
                at.journal.save_note(order.order_id, replace(view.note, reissue=None))
                error.hint = "It was reissued by others meanwhile. Run again: the reissue is asked for anew."
            raise
        if delivered.leaf.serial == view.present.live_serial:
            raise TransportError(
                "SSLmarket has a new certificate of order %d, and still hands out the old one" % order.order_id,
                hint="Run again.",
                code="waiting",
            )
        if self._store is not None and item.wanted is not None:
            delivery.store_set(at, self._store, item, order, delivered, live_key=view.present.reason is None)
        else:
            delivery.write_files(at, order, delivered, self._want.targets[item.name])
        self._remarks[item.name] = delivered.remarks
        note = Note(at.journal.api_url, row=delivery.row_of(order), serial=delivered.leaf.serial)
        at.journal.save_note(order.order_id, note)

    def _reissue(self, item: Item, view: View) -> None:
        """The intent is noted first: after a crash the reissue is recognised by it, though the provider may still show the old CSR."""
        order, note, (csr, key) = detailed(view), view.note, _request(item, view)
        if order is None or csr is None:
            raise UsageError(
                "a reissue needs a CSR",
                hint="Run certificate_request first." if item.wanted else "Give csr or csr_path.",
            )
        asked = {"key": key, "since": iso(self._clock.now()), "serial": order.serial}
        self._account.journal.save_note(order.order_id, replace(note, reissue=asked))
        try:
            with self._gate:
                self._account.api.reissue(order.order_id, csr)
            self._account.journal.save_note(order.order_id, replace(note, reissue={**asked, "accepted": True}))
        except (NotSent, ProviderError) as error:
            if error.kind in ("protocol", "rate_limited"):
                raise
            self._account.journal.save_note(order.order_id, note)
            error.hint = (
                error.hint or "If the paid term is over, raise renew_before_days, so that a new order is placed."
            )
            raise

    def _late(self, view: View) -> CollectionError:
        return TransportError(
            "%s, and the time to wait is over" % view.course.reason,
            hint="Publish what the CA looks for, and run again to go on; list an order that is dead in abandoned.",
            code="waiting",
            order_id=view.order.order_id if view.order else None,
        )

    def _renew_at(self, item: Item, view: View) -> str | None:
        if view.leaf is None:
            return None
        policy = item.wanted.policy if item.wanted else item.policy or self._policy
        facts = Facts(item.name, view.leaf.not_before, view.leaf.not_after)
        return iso(decide(facts, policy, self._clock.now()).at)

    def _show(self, item: Item, view: View, action: str | None) -> dict[str, Any]:
        order, detail, leaf = view.order, detailed(view), view.leaf
        return {
            "name": item.name,
            "order_id": order.order_id if order else item.order_id,
            "state": order.state if order else None,
            "action": action,
            "issued": action is not None and view.action in (course.NOTHING, course.LATER),
            "waiting": view.action == WAIT,
            "pending": view.present.reason is not None,
            "reason": view.course.reason,
            "dcv": dcv.to_publish(detail) if detail else None,
            "path": self._store.file(item.name, "current") if self._store and item.wanted else None,
            "renew_at": self._renew_at(item, view),
            "remarks": list(self._remarks.get(item.name, ())),
            **delivery.show(leaf),
        }


def _request(item: Item, view: View) -> tuple[str | None, str | None]:
    """The CSR and its key: ours; or, for a user who gave none, the one that the order was placed with."""
    if view.present.csr is not None:
        return view.present.csr.decode("ascii"), view.present.key
    detail = detailed(view)
    if item.wanted is not None or detail is None:
        return None, None
    return detail.csr, detail.public_key


def _targets(params: dict[str, Any], found: tuple[Item, ...]) -> dict[str, Targets]:
    entries = params.get("certificates") or [params]
    targets = {item.name: delivery.targets_of(entry) for item, entry in zip(found, entries)}
    for item in found:
        if item.wanted is None and not targets[item.name].all():
            raise UsageError("%s: one of path, fullchain_path and p7b_path is needed, or sets_path" % item.name)
        if item.wanted is not None and targets[item.name].all():
            raise UsageError("%s: path and sets_path exclude each other" % item.name)
    return targets
