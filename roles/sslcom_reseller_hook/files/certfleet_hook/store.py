# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transaction: what is known is read, decided upon, and stored, for many requests at once.

All writers take the lock of the table ``head`` first. So each transaction sees what the one before it has stored, on whatever
node, and the decision log is one chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from certfleet_hook import statements, tables
from certfleet_hook.chain import signed_part
from certfleet_hook.decide import authorize, deliver
from certfleet_hook.policy import Policy
from certfleet_hook.requests import Authorization, Delivery, reservation_key
from certfleet_hook.state import (
    EXPIRED,
    OPEN,
    Account,
    Certificate,
    Known,
    KnownDelivery,
    Leaf,
    Outcome,
    Refusal,
    Reservation,
)

# SQLite takes 32766 variables in a statement, old ones 999
MOST_KEYS = 400
EVENTS = ("authorization", "certificate", "delivery")
# The one form of the log's lines: their digests are over the text.
encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
# A delivery finds reservations this much older than its certificate's first day: the longest that one may live, and some days.
FINAL = 40 * 86_400_000


@dataclass(frozen=True)
class Ask:
    """SSL.com's first request."""

    request: Authorization


@dataclass(frozen=True)
class Bring:
    """SSL.com's second request, its chain proven."""

    request: Delivery
    leaf: Leaf


Job = Ask | Bring


def digest(sequence: int, previous: str, body: str) -> str:
    """The hash chain: each line covers its number and the line before."""
    return hashlib.sha256(f"{sequence}\n{previous}\n{body}".encode()).hexdigest()


@dataclass
class Transaction:
    """Opened with the head's lock held. Nothing counts before ``flush`` and the commit of the connection."""

    connection: Connection
    now: int
    sequence: int
    previous: str
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    stored: set[tuple[str, str]] = field(default_factory=set)
    changed: set[tuple[str, str]] = field(default_factory=set)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def begin(cls, connection: Connection, clock: Callable[[], int]) -> Transaction:
        found = connection.execute(statements.HEAD).one()
        made = cls(connection, clock(), found.sequence, found.digest)  # the time goes with the order of the log
        return made

    def run(self, policy: Policy, jobs: Sequence[Job]) -> list[Outcome]:
        """Decide in order; consecutive authorizations share their queries."""
        outcomes: list[Outcome] = []
        pending: list[Ask] = []
        for job in jobs:
            if isinstance(job, Ask):
                pending.append(job)
                continue
            outcomes += self._authorize(policy, pending)
            pending = []
            outcomes.append(self._deliver(policy, job))
        return outcomes + self._authorize(policy, pending)

    # --- the two requests ---------------------------------------------------------------------------------------------

    def _authorize(self, policy: Policy, jobs: Sequence[Ask]) -> list[Outcome]:
        known = [job for job in jobs if job.request.kid in policy.by_kid]
        newest = self._newest(_key(policy, job.request) for job in known)
        reservations = dict(zip(newest, self._current(newest.values())))
        customers = [policy.by_kid[job.request.kid] for job in known]
        self._load((customer.id, customer.unit) for customer in customers)
        return [self._authorize_one(policy, job.request, reservations) for job in jobs]

    def _authorize_one(self, policy: Policy, request: Authorization, reservations: dict[str, Reservation]) -> Outcome:
        customer, key = policy.by_kid.get(request.kid), _key(policy, request)
        place = (customer.id, customer.unit) if customer else ("", "")
        account = self.accounts.get(place, Account(*place))
        outcome = authorize(policy, Known(account, reservations.get(key)), request, self.now)
        if outcome.refusal is not None:  # only a "no" depends on the one before
            before = self._refusal(key)
            outcome = authorize(policy, Known(account, reservations.get(key), before), request, self.now)
        if outcome.record is not None:
            self._record(outcome.kind, outcome.record)
        if outcome.account is not None:
            self._set(outcome.account)
        if outcome.reservation is not None:
            reservations[key] = outcome.reservation
            self._add(tables.reservations, _reservation_row(outcome.reservation))
        self._remember(policy, outcome.refusal)
        return outcome

    def _deliver(self, policy: Policy, job: Bring) -> Outcome:
        self._write()  # what was decided before in this transaction is to be found
        owner = self._owner(policy, job.leaf)
        columns = tables.reservations.c
        query = select(tables.reservations).where(
            columns.kid == job.request.kid,
            columns.product == policy.product(job.request.product),
            columns.created >= job.leaf.not_before - FINAL,
        )
        found = self._current(map(_reservation, self.connection.execute(query)))
        customer = policy.by_kid.get(job.request.kid)
        self._load((each.customer, each.unit) for each in found)
        self._load([(customer.id, customer.unit)] if customer else [])
        known = KnownDelivery(owner, found, self.accounts)
        outcome = deliver(policy, known, job.request, job.leaf, self.now)
        if outcome.refusal is not None:
            known = replace(known, refusal=self._refusal(outcome.refusal.key))
            outcome = deliver(policy, known, job.request, job.leaf, self.now)
        if outcome.record is not None:
            self._record(outcome.kind, outcome.record)
        if outcome.account is not None:
            self._set(outcome.account)
        if outcome.certificate is not None and outcome.reservation is not None:
            self._settle(outcome.certificate, outcome.reservation.state)
        self._remember(policy, outcome.refusal)
        return outcome

    def _owner(self, policy: Policy, leaf: Leaf) -> str | None:
        """The kid of a certificate that is stored already; also with another form of its signature, if a CA vouches for both.

        Without a pinned CA anybody could store its content with any signature first, and keep the true one out.
        """
        columns = tables.certificates.c
        query = select(columns.kid).where(columns.fingerprint == leaf.fingerprint)
        owner = self.connection.execute(query).scalar()
        if owner is not None or not policy.trusted:
            return owner
        alike = (columns.serial == leaf.serial, columns.not_before == leaf.not_before)
        for row in self.connection.execute(select(columns.kid, columns.chain).where(*alike)):
            if signed_part(row.chain) == signed_part(leaf.chain):
                return str(row.kid)
        return None

    def _settle(self, certificate: Certificate, state: str) -> None:
        leaf, paid = certificate.leaf, certificate.reservation
        self._change(paid, state)
        self._add(
            tables.certificates,
            {
                "fingerprint": leaf.fingerprint,
                "key": paid.key,
                "generation": paid.generation,
                "customer": paid.customer,
                "kid": paid.kid,
                "product": paid.product,
                "names": encode(leaf.names),
                "serial": leaf.serial,
                "not_before": leaf.not_before,
                "not_after": leaf.not_after,
                "flags": ",".join(certificate.flags),
                "chain": leaf.chain,
                "at": certificate.at,
            },
        )
        debit = {"fingerprint": leaf.fingerprint, "customer": paid.customer, "unit": paid.unit, "amount": paid.price}
        self._add(tables.debits, {**debit, "at": certificate.at})

    # --- the desk -----------------------------------------------------------------------------------------------------

    def top_up(self, customer: str, unit: str, units: int, reference: str) -> bool:
        """Add to an account; False if this reference was booked before, with the same content or not."""
        table = tables.top_ups
        if self.connection.execute(select(table.c.reference).where(table.c.reference == reference)).scalar():
            return False
        self._load([(customer, unit)])
        account = self.accounts.get((customer, unit), Account(customer, unit))
        self._set(replace(account, topped_up=account.topped_up + units))
        row = {"reference": reference, "customer": customer, "unit": unit, "amount": units}
        self._add(table, {**row, "at": self.now})
        self._record("top_up", row)
        return True

    # --- what expires -------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Give back what reservations hold whose time is over. A few at a time: until then they hold it a little longer."""
        self._current(map(_reservation, self.connection.execute(statements.DUE, {"now": self.now})))

    def _current(self, reservations: Iterable[Reservation]) -> tuple[Reservation, ...]:
        """The same ones as of now: those whose time is over are given back, so that nothing is decided on them as if they lived."""
        found = list(reservations)
        due = [each.state == OPEN and each.expires <= self.now for each in found]
        self._load((each.customer, each.unit) for each, over in zip(found, due) if over)
        return tuple(self._expire(each) if over else each for each, over in zip(found, due))

    def _expire(self, reservation: Reservation) -> Reservation:
        account = self.accounts[reservation.customer, reservation.unit]
        self._set(replace(account, reserved=account.reserved - reservation.price))
        self._change(reservation, EXPIRED)
        facts = {name: getattr(reservation, name) for name in ("key", "generation", "customer", "kid", "unit")}
        self._record("expiry", {**facts, "released": reservation.price})
        return replace(reservation, state=EXPIRED)

    # --- reading ------------------------------------------------------------------------------------------------------

    def _newest(self, keys: Iterable[str]) -> dict[str, Reservation]:
        wanted = sorted(set(keys))
        found: dict[str, Reservation] = {}
        for start in range(0, len(wanted), MOST_KEYS):
            rows = self.connection.execute(statements.RESERVATIONS, {"keys": wanted[start : start + MOST_KEYS]})
            for each in map(_reservation, rows):
                if each.key not in found or found[each.key].generation < each.generation:
                    found[each.key] = each
        return found

    def _refusal(self, key: str) -> Refusal | None:
        row = self.connection.execute(statements.REFUSAL, {"at_key": key}).one_or_none()
        return Refusal(row.key, row.code, row.at) if row else None

    def _remember(self, policy: Policy, refusal: Refusal | None) -> None:
        """In the place of the one before, and of all that are too old to spare a record."""
        if refusal is not None:
            before = self.now - policy.reservation_seconds * 1000
            self.connection.execute(statements.FORGET_REFUSALS, {"at_key": refusal.key, "before": before})
            self.connection.execute(statements.INSERT["refusals"], vars(refusal))

    def _load(self, places: Iterable[tuple[str, str]]) -> None:
        """Accounts that are not there yet."""
        wanted = sorted(set(places) - set(self.accounts))
        for start in range(0, len(wanted), MOST_KEYS):
            for row in self.connection.execute(statements.ACCOUNTS, {"places": wanted[start : start + MOST_KEYS]}):
                self.accounts[row.customer, row.unit] = Account(**row._mapping)
                self.stored.add((row.customer, row.unit))

    # --- writing ------------------------------------------------------------------------------------------------------

    def _record(self, kind: str, facts: Mapping[str, Any]) -> None:
        """A line of the log; those about SSL.com's requests are events, too."""
        self.sequence += 1
        body = encode({"sequence": self.sequence, "kind": kind, "at": self.now, **facts})
        self.previous = digest(self.sequence, self.previous, body)
        self._add(tables.decisions, {"sequence": self.sequence, "body": body, "digest": self.previous})
        if kind in EVENTS:
            self._add(tables.events, {"id": self.sequence, "at": self.now})

    def _set(self, account: Account) -> None:
        self.accounts[account.customer, account.unit] = account
        self.changed.add((account.customer, account.unit))

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        self.rows.setdefault(table.name, []).append(row)

    def _change(self, reservation: Reservation, state: str) -> None:
        place = {"at_key": reservation.key, "at_generation": reservation.generation}
        self.connection.execute(statements.CHANGE, {**place, "new_state": state})

    def _write(self) -> None:
        for name, rows in self.rows.items():
            self.connection.execute(statements.INSERT[name], rows)
        self.rows.clear()

    def flush(self) -> None:
        """Send what is left to the database; the commit is the caller's."""
        self._write()
        known = [place for place in sorted(self.changed) if place in self.stored]
        if known:
            rows = [{"at_customer": place[0], "at_unit": place[1], **vars(self.accounts[place])} for place in known]
            self.connection.execute(statements.CHANGE_ACCOUNT, rows)
        made = [vars(self.accounts[place]) for place in sorted(self.changed - self.stored)]
        if made:
            self.connection.execute(statements.INSERT["accounts"], made)
        self.connection.execute(statements.MOVE_HEAD, {"new": self.sequence, "line": self.previous})


def _key(policy: Policy, request: Authorization) -> str:
    return reservation_key(request.kid, policy.product(request.product), request.duration, request.names)


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(**{**row._mapping, "names": tuple(json.loads(row.names))})


def _reservation_row(reservation: Reservation) -> dict[str, Any]:
    return {**vars(reservation), "names": encode(reservation.names)}  # asdict() copies, and takes ten times as long


def apply(
    connection: Connection, policy: Policy, jobs: Sequence[Job], clock: Callable[[], int], sweep: bool = True
) -> list[Outcome]:
    """Decide and store; the caller commits. ``sweep``: give back what has expired, first."""
    transaction = Transaction.begin(connection, clock)
    before = transaction.sequence
    if sweep:
        transaction.release()
    outcomes = transaction.run(policy, jobs)
    if transaction.sequence != before:
        transaction.flush()
    return outcomes
