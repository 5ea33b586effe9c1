# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an order with published challenges to the live certificate set."""

from __future__ import annotations

import os
from typing import Any

from .._core import files
from .._core.clock import SYSTEM, Clock, Deadline, iso
from .._core.errors import ProviderError, StateError, VerifyError
from .._core.plan import Plan, Step
from .._sets.each import EachSet, readable
from .._sets.request import Have, look, still_to_issue
from .._sets.store import KEY, PENDING, REQUEST
from .._sets.wanted import Wanted
from .._x509 import chains
from .._x509.verify import VerifiedSet, verify_set
from . import model, renewal_info
from .access import Want
from .client import AcmeClient
from .order import PLACED, fitting, note_failure


class FinalizeResource(EachSet):
    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock

    def want(self, params: dict[str, Any]) -> Want:
        self._want = Want.from_params(params)
        self.workers = self._want.workers
        self._clients = self._want.clients(self._clock)
        self._deadline = Deadline(self._want.wait_timeout, self._clock)
        return self._want

    def read(self, want: Want) -> dict[str, Have]:
        return self.read_each(lambda wanted: look(want.store, wanted, self._clock), want.certificates, workers=1)

    def plan(self, want: Want, have: dict[str, Have]) -> Plan:
        steps: list[Step] = []
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for wanted in readable(want.certificates, have):
            state = have[wanted.name]
            if state.unfinished is not None:
                steps.append(Step("switch", wanted.name, data=wanted))
                before[wanted.name] = _live_text(state)
                after[wanted.name] = {"serial": state.unfinished}
            if not still_to_issue(wanted, state):
                continue
            steps.append(Step("issue", wanted.name, cost="final", data=wanted))
            before[wanted.name] = _live_text(state)
            after[wanted.name] = {"names": sorted(wanted.domains), "serial": "(new)", "not_after": "(new)"}
        texts = {"issue": "%d to issue", "switch": "%d to switch to"}
        counts = {action: sum(step.action == action for step in steps) for action in texts}
        reason = (
            "; ".join(texts[action] % count for action, count in counts.items() if count) or "all sets are in order"
        )
        return Plan(tuple(steps), before, after, reason=reason)

    def apply(self, step: Step) -> None:
        wanted: Wanted = step.data
        store = self._want.store
        files.make_directory(store.directory(wanted.name))
        with files.lock(store.directory(wanted.name)):
            state = look(store, wanted, self._clock)
            if state.unfinished is not None:  # an earlier run was cut off between two renames
                store.switch(wanted.name, state.unfinished)
                return
            if not still_to_issue(wanted, state):
                return  # another run was faster
            pending = fitting(wanted, state)
            if not pending.issued:
                self._issue(wanted, pending.order)
            store.promote(wanted.name)
            renewal_info.refresh(self._clients.get(), store, wanted, self._clock)

    def show(self, want: Want, have: dict[str, Have], plan: Plan) -> dict[str, Any]:
        done = {step.subject for step in plan.steps}
        return {
            "certificates": [
                self._show(wanted, have[wanted.name], wanted.name in done)
                for wanted in readable(want.certificates, have)
            ]
        }

    def _issue(self, wanted: Wanted, note: dict[str, Any] | None) -> None:
        """Drives the order to its end; the certificate lies beside its key when this returns."""
        if note is None or note.get("state") != PLACED:
            raise StateError(
                "there is no usable order (%s)" % (note or {}).get("problem", "none was placed"),
                hint="Run acme_order first.",
            )
        client = self._clients.get()
        try:
            order = self._drive(client, wanted, client.order(note["order_url"]))
        except ProviderError as error:
            if error.code == "validation" or (error.code or "").startswith("order_"):  # else it can still be used
                note_failure(self._want, wanted.name, note, error)
            raise
        found = client.certificate(order, alternates=wanted.preferred_chain is not None)
        choice = chains.choose(found, wanted.preferred_chain)
        issued = self._prove(wanted, note, choice.chain)
        meta = {
            "name": wanted.name,
            "directory_url": self._want.directory_url,
            "profile": wanted.profile,
            "account_url": note["account_url"],
            "order_url": order.url,
            "created": iso(self._clock.now()),
            "preferred_chain_found": choice.matched if wanted.preferred_chain else None,
            **issued.leaf.show(),
        }
        self._want.store.store_issued(wanted.name, issued, meta)

    def _drive(self, client: AcmeClient, wanted: Wanted, order: model.Order) -> model.Order:
        if order.status == model.PENDING:
            self._validate(client, wanted, order.authorizations)
        order = self._wait(client, order, (model.READY, model.PROCESSING, model.VALID, model.INVALID))
        if order.status == model.READY:
            order = client.finalize(order, self._request(wanted))
        order = self._wait(client, order, (model.VALID, model.INVALID))
        if order.status != model.VALID:
            raise ProviderError(
                "the CA did not issue the certificate (order %s)" % order.status,
                hint="Mend what it names and run again; a new order will be placed.",
                code="order_" + order.status,
                detail=order.problem,
            )
        return order

    def _validate(self, client: AcmeClient, wanted: Wanted, urls: tuple[str, ...]) -> None:
        """Answers the challenges of all authorizations, then waits for the verdicts (RFC 8555 section 7.5.1)."""
        found = [client.authorization(url) for url in urls]
        for authorization in found:
            challenge = authorization.challenge(wanted.challenge)
            if challenge is None and authorization.status == model.PENDING:
                raise ProviderError(
                    "the CA offers no %s for %s" % (wanted.challenge, authorization.domain),
                    hint="Use the other challenge.",
                )
            if challenge is not None and authorization.status == challenge.status == model.PENDING:
                client.answer(challenge)
        for authorization in found:
            if authorization.status != model.VALID:
                self._await_verdict(client, wanted, authorization.url)

    def _await_verdict(self, client: AcmeClient, wanted: Wanted, url: str) -> None:
        verdict = client.poll(
            lambda: client.authorization(url), lambda found: found.status in model.VERDICTS, self._deadline
        )
        if verdict.status != model.VALID:
            failed = verdict.challenge(wanted.challenge)
            raise ProviderError(
                "the CA could not validate %s by %s" % (verdict.domain, wanted.challenge),
                hint=_HINTS[wanted.challenge],
                code="validation",
                detail=failed.problem if failed else None,
            )

    def _wait(self, client: AcmeClient, order: model.Order, statuses: tuple[str, ...]) -> model.Order:
        if order.status in statuses:
            return order
        return client.poll(lambda: client.order(order.url), lambda found: found.status in statuses, self._deadline)

    def _prove(self, wanted: Wanted, note: dict[str, Any], chain: bytes) -> VerifiedSet:
        """The chain that the CA sent, proven to belong to our key and names."""
        try:
            return verify_set(
                key_pem=self._want.store.content(wanted.name, PENDING, KEY),
                fullchain_pem=chain,
                names=wanted.domains,
                now=self._clock.now(),
                source="the certificate that the CA issued",
            )
        except VerifyError as error:
            if error.extra.get("check") in _HOPELESS:
                note_failure(self._want, wanted.name, note, error)
            raise

    def _request(self, wanted: Wanted) -> str:
        """The CSR as ``finalize`` wants it: DER in base64url (RFC 8555 section 7.4)."""
        from base64 import urlsafe_b64encode

        from cryptography.hazmat.primitives.serialization import Encoding

        from .._x509 import load

        request = load.request(self._want.store.content(wanted.name, PENDING, REQUEST), wanted.name)
        return urlsafe_b64encode(request.public_bytes(Encoding.DER)).decode("ascii").rstrip("=")

    def _show(self, wanted: Wanted, state: Have, issued: bool) -> dict[str, Any]:
        live = state.live
        return {
            "name": wanted.name,
            "issued": issued,
            "path": os.path.join(self._want.store.directory(wanted.name), "current"),
            "serial": live.serial if live else None,
            "names": list(live.leaf.names) if live else [],
            "issuer": live.leaf.issuer if live else None,
            "key_type": live.leaf.key_type if live else None,
            "not_before": iso(live.leaf.not_before) if live else None,
            "not_after": iso(live.leaf.not_after) if live else None,
            "fingerprint": live.leaf.fingerprint if live else None,
            "renew_at": state.renew_at,
            "preferred_chain_found": live.meta.get("preferred_chain_found") if live else None,
        }


# Another try with the same order cannot end otherwise: it was used for another key (by another controller, say), or it lay too long.
# Everything else might be mended, and a new order might cost money and end the same way.
_HOPELESS = ("key", "expired")

_HINTS = {
    model.HTTP01: "Check that the name points to hosts that serve the web root on port 80, then run again.",
    model.DNS01: "Check that the TXT record was published where the CA looks, then run again.",
}


def _live_text(state: Have) -> dict[str, Any] | None:
    if state.live is None:
        return None
    leaf = state.live.leaf
    return {"names": list(leaf.names), "serial": leaf.serial, "not_after": iso(leaf.not_after)}
