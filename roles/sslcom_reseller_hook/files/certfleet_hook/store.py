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
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, tuple_, update

from certfleet_hook import tables
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

SWEPT_AT_ONCE = 500
# SQLite takes 32766 variables in a statement, old ones 999
MOST_KEYS = 400
FINAL = 30 * 86_400_000  # a delivery finds reservations this much older than its certificate's first day


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
    changed: set[tuple[str, str]] = field(default_factory=set)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def begin(cls, connection: Connection, clock: Callable[[], int]) -> Transaction:
        found = connection.execute(select(tables.head.c.sequence, tables.head.c.digest).with_for_update()).one()
        made = cls(connection, clock(), found.sequence, found.digest)  # the time goes with the order of the log
        return made

    def run(self, policy: Policy, jobs: Sequence[Job]) -> list[Outcome]:
        """Decide in order; consecutive authorizations share their queries."""
        self._release()
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
        keys = [_key(policy, job.request) for job in jobs]
        known = [key for key, job in zip(keys, jobs) if job.request.kid in policy.by_kid]
        reservations = self._newest(known)
        refusals = {
            row.key: Refusal(row.key, row.code, row.at)
            for row in self._chosen(tables.refusals, tables.refusals.c.key, known)
        }
        customers = [policy.by_kid[job.request.kid] for job in jobs if job.request.kid in policy.by_kid]
        self._load((customer.id, customer.unit) for customer in customers)
        outcomes, refused_before = [], set(refusals)
        for key, job in zip(keys, jobs):
            customer = policy.by_kid.get(job.request.kid)
            place = (customer.id, customer.unit) if customer else ("", "")
            account = self.accounts.get(place, Account(*place))
            outcome = authorize(policy, Known(account, reservations.get(key), refusals.get(key)), job.request, self.now)
            outcomes.append(outcome)
            if outcome.record is not None:
                self._record(outcome.kind, outcome.record)
            if outcome.account is not None:
                self._set(outcome.account)
            if outcome.reservation is not None:
                reservations[key] = outcome.reservation
                self._add(tables.reservations, _reservation_row(outcome.reservation))
            if outcome.refusal is not None:
                refusals[key] = outcome.refusal
        self._store_refusals([each for key, each in refusals.items() if each.at == self.now], refused_before)
        return outcomes

    def _deliver(self, policy: Policy, job: Bring) -> Outcome:
        self._write()  # what was decided before in this transaction is to be found
        table = tables.certificates
        query = select(table.c.kid).where(table.c.fingerprint == job.leaf.fingerprint)
        owner = self.connection.execute(query).scalar()
        columns = tables.reservations.c
        query = select(tables.reservations).where(
            columns.kid == job.request.kid,
            columns.product == policy.product(job.request.product),
            columns.created >= job.leaf.not_before - FINAL,
        )
        found = tuple(map(_reservation, self.connection.execute(query)))
        self._load((each.customer, each.unit) for each in found)
        outcome = deliver(policy, KnownDelivery(owner, found, self.accounts), job.request, job.leaf, self.now)
        if outcome.record is not None and outcome.account and outcome.certificate and outcome.reservation:
            self._record(outcome.kind, outcome.record, {"chain": job.leaf.chain})
            self._set(outcome.account)
            self._settle(outcome.certificate, outcome.reservation.state)
        return outcome

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
                "names": json.dumps(leaf.names),
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
        values = asdict(account)
        self._set(Account(**{**values, "topped_up": account.topped_up + units}))
        row = {"reference": reference, "customer": customer, "unit": unit, "amount": units}
        self._add(table, {**row, "at": self.now})
        self._record("top_up", row)
        return True

    # --- what expires -------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        """Give back what reservations hold whose time is over. A few at a time: until then they hold it a little longer."""
        columns = tables.reservations.c
        query = select(tables.reservations).where(columns.state == OPEN, columns.expires <= self.now)
        due = list(map(_reservation, self.connection.execute(query.order_by(columns.expires).limit(SWEPT_AT_ONCE))))
        self._load((each.customer, each.unit) for each in due)
        for each in due:
            account = self.accounts[each.customer, each.unit]
            self._set(Account(**{**asdict(account), "reserved": account.reserved - each.price}))
            self._change(each, EXPIRED)
            facts = {"key": each.key, "generation": each.generation, "customer": each.customer, "kid": each.kid}
            self._record("expiry", {**facts, "unit": each.unit, "released": each.price})

    # --- reading ------------------------------------------------------------------------------------------------------

    def _newest(self, keys: Iterable[str]) -> dict[str, Reservation]:
        rows = self._chosen(tables.reservations, tables.reservations.c.key, keys)
        found: dict[str, Reservation] = {}
        for each in map(_reservation, rows):
            if each.key not in found or found[each.key].generation < each.generation:
                found[each.key] = each
        return found

    def _load(self, places: Iterable[tuple[str, str]]) -> None:
        """Accounts that are not there yet."""
        wanted = sorted(set(places) - set(self.accounts))
        columns = tables.accounts.c
        for start in range(0, len(wanted), MOST_KEYS):
            part = wanted[start : start + MOST_KEYS]
            query = select(tables.accounts).where(tuple_(columns.customer, columns.unit).in_(part))
            for row in self.connection.execute(query):
                self.accounts[row.customer, row.unit] = Account(**row._mapping)

    def _chosen(self, table: Table, column: Any, values: Iterable[str]) -> list[Row[Any]]:
        wanted = sorted(set(values))
        found: list[Row[Any]] = []
        for start in range(0, len(wanted), MOST_KEYS):
            found += self.connection.execute(select(table).where(column.in_(wanted[start : start + MOST_KEYS]))).all()
        return found

    # --- writing ------------------------------------------------------------------------------------------------------

    def _record(self, kind: str, facts: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> None:
        """A line of the log, and for SSL.com's requests an event with the same number."""
        self.sequence += 1
        body = json.dumps(
            {"sequence": self.sequence, "kind": kind, "at": self.now, **facts},
            ensure_ascii=True,
            sort_keys=True,
            separators=(",", ":"),
        )
        self.previous = digest(self.sequence, self.previous, body)
        self._add(tables.decisions, {"sequence": self.sequence, "body": body, "digest": self.previous})
        if kind in ("authorization", "certificate"):
            told = json.dumps({**facts, **(more or {})}, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
            self._add(tables.events, {"id": self.sequence, "kind": kind, "at": self.now, "body": told})

    def _set(self, account: Account) -> None:
        self.accounts[account.customer, account.unit] = account
        self.changed.add((account.customer, account.unit))

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        self.rows.setdefault(table.name, []).append(row)

    def _change(self, reservation: Reservation, state: str) -> None:
        columns = tables.reservations.c
        place = (columns.key == reservation.key) & (columns.generation == reservation.generation)
        self.connection.execute(update(tables.reservations).where(place).values(state=state))

    def _store_refusals(self, refusals: list[Refusal], before: set[str]) -> None:
        old = [each.key for each in refusals if each.key in before]
        if old:
            self.connection.execute(delete(tables.refusals).where(tables.refusals.c.key.in_(old)))
        if refusals:
            self.connection.execute(insert(tables.refusals), [asdict(each) for each in refusals])

    def _write(self) -> None:
        for name, rows in self.rows.items():
            self.connection.execute(insert(tables.metadata.tables[name]), rows)
        self.rows.clear()

    def flush(self) -> None:
        """Send what is left to the database; the commit is the caller's."""
        self._write()
        changed = [self.accounts[place] for place in sorted(self.changed)]
        if changed:
            columns = tables.accounts.c
            places = tuple_(columns.customer, columns.unit).in_([(each.customer, each.unit) for each in changed])
            self.connection.execute(delete(tables.accounts).where(places))
            self.connection.execute(insert(tables.accounts), [asdict(each) for each in changed])
        place = update(tables.head).where(tables.head.c.id == 1)
        self.connection.execute(place.values(sequence=self.sequence, digest=self.previous))


def _key(policy: Policy, request: Authorization) -> str:
    return reservation_key(request.kid, policy.product(request.product), request.duration, request.names)


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(**{**row._mapping, "names": tuple(json.loads(row.names))})


def _reservation_row(reservation: Reservation) -> dict[str, Any]:
    return {**asdict(reservation), "names": json.dumps(reservation.names)}


def apply(connection: Connection, policy: Policy, jobs: Sequence[Job], clock: Callable[[], int]) -> list[Outcome]:
    """Decide and store; the caller commits."""
    transaction = Transaction.begin(connection, clock)
    before = transaction.sequence
    outcomes = transaction.run(policy, jobs)
    if transaction.sequence != before:
        transaction.flush()
    return outcomes
