# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders for the sets that have a pending request, and the challenges to publish for them.

The intent is on disk before an order is placed, and the order's URL before anything else happens with it. An order that is still usable is never
replaced: after a kill between the server's work and our note of it, the order is found again in the account's list.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from .._core import files
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import CollectionError, ProviderError, StateError
from .._core.plan import Plan, Step
from .._sets import decide
from .._sets.each import EachSet, readable
from .._sets.request import Have as SetHave
from .._sets.request import look, still_to_issue
from .._sets.store import Live, Pending
from .._sets.wanted import Wanted
from . import model
from .access import Want
from .client import AcmeClient

INTENT, PLACED, FAILED = "intent", "placed", "failed"
_MOST_ORDERS = 50  # an order that was cut off is one of the newest of its account


@dataclass(frozen=True)
class Have:
    set: SetHave
    order: model.Order | None  # as the server sees it now, if it is usable
    authorizations: tuple[model.Authorization, ...]


class OrderResource(EachSet):
    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._adopting = threading.Lock()
        self._adopted: set[str] = set()

    def want(self, params: dict[str, Any]) -> Want:
        self._want = Want.from_params(params)
        self.workers = self._want.workers
        self._clients = self._want.clients(self._clock)
        return self._want

    def read(self, want: Want) -> dict[str, Have]:
        return self.read_each(self._read_one, want.certificates, want.workers)

    def plan(self, want: Want, have: dict[str, Have]) -> Plan:
        steps = []
        for wanted in readable(want.certificates, have):
            state = have[wanted.name]
            if _needs_order(wanted, state):
                steps.append(Step("order", wanted.name, data=wanted))
        before = {step.subject: "no usable order" for step in steps}
        after = {step.subject: "order for %s" % ", ".join(step.data.domains) for step in steps}
        reason = "no certificate of the list needs an order" if not steps else "%d to order" % len(steps)
        return Plan(tuple(steps), before, after, reason=reason)

    def apply(self, step: Step) -> None:
        wanted: Wanted = step.data
        store = self._want.store
        files.make_directory(store.directory(wanted.name))
        with files.lock(store.directory(wanted.name)):
            current = self._read_one(wanted)
            if _needs_order(wanted, current):  # else another run was faster
                self._place(wanted, current.set, fitting(wanted, current.set).order)

    def show(self, want: Want, have: dict[str, Have], plan: Plan) -> dict[str, Any]:
        http: list[dict[str, Any]] = []
        dns: list[dict[str, Any]] = []
        shown: list[dict[str, Any]] = []
        for wanted in readable(want.certificates, have):
            state = have[wanted.name]
            shown.append(
                {
                    "name": wanted.name,
                    "pending": still_to_issue(wanted, state.set),
                    "reason": state.set.reason if still_to_issue(wanted, state.set) else None,
                    "order_url": state.order.url if state.order else None,
                    "status": state.order.status if state.order else None,
                    "expires": state.order.expires if state.order else None,
                }
            )
            for challenge in self._challenges(wanted, state):
                (http if wanted.challenge == model.HTTP01 else dns).append(challenge)
        return {"certificates": shown, "http_challenges": http, "dns_records": dns}

    def _read_one(self, wanted: Wanted) -> Have:
        found = look(self._want.store, wanted, self._clock)
        note = found.pending.order if found.pending else None
        if note is None or note.get("state") != PLACED or not self._is_ours(wanted, note):
            return Have(found, None, ())
        client = self._clients.get()
        try:
            order = client.order(note["order_url"])
        except ProviderError as error:
            if error.kind == "provider" or error.status == 404:
                return Have(found, None, ())  # the server has forgotten it
            raise
        if order.status == model.INVALID:
            return Have(found, None, ())
        urls = order.authorizations if order.status == model.PENDING else ()
        return Have(found, order, tuple(client.authorization(url) for url in urls))

    def _is_ours(self, wanted: Wanted, note: dict[str, Any]) -> bool:
        """An order for another directory, account or profile is of no use any more."""
        url = self._want.account_url()
        expected = {"directory_url": self._want.directory_url, "account_url": url, "profile": wanted.profile}
        return all(note.get(name) == value for name, value in expected.items())

    def _place(self, wanted: Wanted, found: SetHave, earlier: dict[str, Any] | None) -> None:
        client, store = self._clients.get(), self._want.store
        note: dict[str, Any] = {
            "state": INTENT,
            "directory_url": self._want.directory_url,
            "account_url": self._want.account_url(),
            "profile": wanted.profile,
            "since": iso(self._clock.now()),
        }
        cut_off = earlier is not None and earlier.get("state") == INTENT and self._is_ours(wanted, earlier)
        if not cut_off:
            store.save_order(wanted.name, note)
        order = self._find_again(client, wanted) if cut_off else None
        if order is None:
            order = client.new_order(wanted.domains, wanted.profile, self._replaces(client, found.live, wanted))
        store.save_order(
            wanted.name,
            {**note, "state": PLACED, "order_url": order.url, "expires": order.expires, "found_again": cut_off},
        )

    def _find_again(self, client: AcmeClient, wanted: Wanted) -> model.Order | None:
        """The order that a run which was cut off had placed: open, for these names, and no other set's."""
        taken = self._taken()
        newest_first = [url for url in reversed(client.orders()) if url not in taken]
        for url in newest_first[:_MOST_ORDERS]:
            try:
                order = client.order(url)
            except ProviderError:
                continue  # listed, but gone
            if order.status in (model.PENDING, model.READY) and set(order.names) == set(wanted.domains):
                with self._adopting:  # another set of this run may have the same names, and the same luck
                    if url not in self._adopted:
                        self._adopted.add(url)
                        return order
        return None

    def _taken(self) -> set[str]:
        notes = [self._want.store.order(wanted.name) for wanted in self._want.certificates]
        return {str(note.get("order_url")) for note in notes if note is not None}

    def _replaces(self, client: AcmeClient, live: Live | None, wanted: Wanted) -> str | None:
        """The certificate that the new one takes the place of (RFC 9773 section 5), where the server wants to know.

        Servers refuse it after a change of the account, and the live version may come from another one.
        """
        if live is None or not client.directory().get("renewalInfo") or live.leaf.not_after < self._clock.now():
            return None
        if live.meta.get("account_url") != self._want.account_url():
            return None
        from .._x509 import ari, load

        certificate = load.certificates(self._want.store.content(wanted.name, live.serial, "cert.pem"), wanted.name)[0]
        return ari.certificate_id(certificate)

    def _challenges(self, wanted: Wanted, state: Have) -> list[dict[str, Any]]:
        found = []
        for authorization in state.authorizations:
            if authorization.status != model.PENDING:
                continue
            challenge = authorization.challenge(wanted.challenge)
            if challenge is None:
                continue  # acme_finalize says so; the other sets can go on
            content = self._clients.get().key_authorization(challenge.token)
            found.append(_published(wanted, authorization.domain, challenge.token, content))
        return found


def note_failure(want: Want, name: str, note: dict[str, Any], error: CollectionError) -> None:
    """Remembers that an order is dead, so that the next run places a new one."""
    want.store.save_order(name, {**note, "state": FAILED, "problem": error.detail or error.message})


def fitting(wanted: Wanted, found: SetHave) -> Pending:
    """The pending version, if it is there and for what is wanted now."""
    if found.pending is None:
        raise StateError("there is no request", hint="Run certificate_request first.")
    if not decide.fits(wanted, found.pending):
        raise StateError(
            "the pending request is for %s with a key of type %s %d"
            % (", ".join(found.pending.request.names), found.pending.request.key_type, found.pending.request.key_size),
            hint="Run certificate_request first, with the same list of certificates.",
        )
    return found.pending


def _needs_order(wanted: Wanted, state: Have) -> bool:
    issued = state.set.pending is not None and state.set.pending.issued
    return still_to_issue(wanted, state.set) and state.order is None and not issued


def _published(wanted: Wanted, domain: str, token: str, content: str) -> dict[str, Any]:
    """RFC 8555 section 8.3 (http-01) and 8.4 (dns-01)."""
    if wanted.challenge == model.HTTP01:
        return {"name": wanted.name, "domain": domain, "token": token, "content": content}
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    digest = urlsafe_b64encode(sha256(content.encode("ascii")).digest()).decode("ascii").rstrip("=")
    return {
        "name": wanted.name,
        "domain": domain,
        "record": "_acme-challenge." + domain,
        "type": "TXT",
        "value": digest,
    }
