# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and consumers of events see of the store, and the few things they change there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from prometheus_client import generate_latest
from sqlalchemy import Engine, Table, delete, func, insert, select, update

from certfleet_hook import clock, tables
from certfleet_hook.metrics import AVAILABLE, RECORDS, UNREAD
from certfleet_hook.policy import MINOR, QUOTA, Policy
from certfleet_hook.state import Account
from certfleet_hook.store import Transaction
from certfleet_hook.writer import reason

CONSUMER = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
TIMES = {"at", "created", "expires", "not_before", "not_after"}


class Desk:
    """Times come out as ISO 8601, amounts as text: ``12.50`` of a balance, ``3`` of a quota."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._reader = engine, tables.reading(engine)

    @staticmethod
    def consumer(name: Any) -> str:
        if not isinstance(name, str) or not CONSUMER.fullmatch(name):
            raise ValueError("consumer must be a name of up to 64 letters, digits, _, . or -")
        return name

    # --- state --------------------------------------------------------------------------------------------------------

    def problem(self) -> str:
        """Why nothing could be stored now, or an empty text. Takes the writers' lock and writes, so a full disk shows."""
        try:
            with self._engine.begin() as connection:
                sequence = connection.execute(select(tables.head.c.sequence).with_for_update()).scalar_one()
                connection.execute(update(tables.head).where(tables.head.c.id == 1).values(sequence=sequence))
        except Exception as error:  # the answer to a probe, whatever it is
            return reason(error)
        return ""

    def metrics(self, policy: Policy) -> bytes:
        AVAILABLE.clear()
        for line in self.balances(policy):
            AVAILABLE.labels(line["customer"], line["unit"]).set(line["available_units"])
        with self._reader.connect() as connection:
            RECORDS.set(connection.execute(select(tables.head.c.sequence)).scalar_one())
            UNREAD.clear()
            for name, last in connection.execute(select(tables.consumers.c.name, tables.consumers.c.acknowledged)):
                count = select(func.count()).select_from(tables.events).where(tables.events.c.id > last)
                UNREAD.labels(name).set(connection.execute(count).scalar_one())
        return generate_latest()

    def balances(self, policy: Policy) -> list[dict[str, Any]]:
        """One line for each customer of the policy, and for accounts whose customer is no longer in it."""
        with self._reader.connect() as connection:
            found = {
                (row.customer, row.unit): Account(**row._mapping) for row in connection.execute(select(tables.accounts))
            }
        granted = {(each.id, each.unit): each.granted for each in policy.customers.values()}
        lines = []
        for place in sorted({*found, *granted}):
            account = found.get(place, Account(*place))
            available = account.available(granted.get(place, 0))
            sums = {
                "granted": granted.get(place, 0),
                "topped_up": account.topped_up,
                "debited": account.debited,
                "reserved": account.reserved,
                "available": available,
            }
            told = {name: shown(units, account.unit) for name, units in sums.items()}
            lines.append({"customer": account.customer, "unit": account.unit, **told, "available_units": available})
        return lines

    def rows(self, table: Table, customer: str, limit: int) -> list[dict[str, Any]]:
        """The newest rows of certificates or reservations, all of a customer or of everybody; without the chains."""
        columns = [column for column in table.c if column.name != "chain"]
        age = table.c.at if "at" in table.c else table.c.created
        query = select(*columns).order_by(age.desc()).limit(limit)
        if customer:
            query = query.where(table.c.customer == customer)
        with self._reader.connect() as connection:
            return [readable(dict(row._mapping)) for row in connection.execute(query)]

    def decisions(self, customer: str, limit: int) -> list[dict[str, Any]]:
        """The newest lines of the log."""
        found: list[dict[str, Any]] = []
        query = select(tables.decisions.c.body).order_by(tables.decisions.c.sequence.desc())
        with self._reader.connect().execution_options(yield_per=500) as connection:
            for (body,) in connection.execute(query):
                line = json.loads(body)
                if len(found) >= limit:
                    break
                if not customer or line.get("customer") == customer:
                    found.append(readable(line))
        return found

    def chain(self, fingerprint: str) -> str | None:
        """The full chain of a certificate, PEM."""
        query = select(tables.certificates.c.chain).where(tables.certificates.c.fingerprint == fingerprint)
        with self._reader.connect() as connection:
            return connection.execute(query).scalar()

    def head(self) -> str:
        """The log's last line as ``sequence:digest``."""
        with self._reader.connect() as connection:
            found = connection.execute(select(tables.head.c.sequence, tables.head.c.digest)).one()
        return f"{found.sequence}:{found.digest}"

    def everything(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row of each table but the queue, in one consistent view."""
        with self._reader.connect().execution_options(yield_per=500) as connection:
            for table in tables.metadata.sorted_tables:
                if table.name not in ("events", "refusals"):
                    for row in connection.execute(select(table).order_by(*table.primary_key)):
                        yield table.name, dict(row._mapping)

    def top_up(self, customer: str, unit: str, units: int, reference: str) -> bool:
        """False if the reference was booked before."""
        with self._engine.begin() as connection:
            transaction = Transaction.begin(connection, clock.now)
            booked = transaction.top_up(customer, unit, units, reference)
            if booked:
                transaction.flush()
        return booked

    # --- the queue ----------------------------------------------------------------------------------------------------

    def read(self, consumer: str, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """The consumer's cursor, and the events after it in their order."""
        with self._reader.connect() as connection:
            query = select(tables.consumers.c.acknowledged).where(tables.consumers.c.name == consumer)
            last = connection.execute(query).scalar() or 0
            lines = select(tables.events.c.id, tables.decisions.c.body).join(tables.decisions)
            lines = lines.where(tables.events.c.id > last).order_by(tables.events.c.id).limit(limit)
            found = [{"id": number, **json.loads(body)} for number, body in connection.execute(lines)]
            chains = select(tables.certificates.c.fingerprint, tables.certificates.c.chain)
            wanted = [event["fingerprint"] for event in found if event["kind"] == "certificate"]
            chosen = chains.where(tables.certificates.c.fingerprint.in_(wanted))
            chain = {row.fingerprint: row.chain for row in connection.execute(chosen)} if wanted else {}
        for event in found:
            del event["sequence"]
            if event["kind"] == "certificate":
                event["chain"] = chain[event["fingerprint"]]
        return last, [readable(event) for event in found]

    def acknowledge(self, consumer: str, last: Any) -> int:
        """Move the cursor forward to an event that exists; the cursor as it is then. ValueError for other numbers."""
        with self._engine.begin() as connection:
            newest = connection.execute(select(tables.head.c.sequence).with_for_update()).scalar_one()
            if not isinstance(last, int) or isinstance(last, bool) or not 0 <= last <= newest:
                raise ValueError("there is no such event")
            place = tables.consumers.c.name == consumer
            known = connection.execute(select(tables.consumers.c.acknowledged).where(place)).scalar()
            if known is None:
                connection.execute(insert(tables.consumers).values(name=consumer, acknowledged=last))
            elif last > known:
                connection.execute(update(tables.consumers).where(place).values(acknowledged=last))
        return max(last, known or 0)

    def prune(self, before: int) -> int:
        """Remove old events that every consumer has acknowledged; how many that were. Without consumers, none."""
        with self._engine.begin() as connection:
            connection.execute(select(tables.head.c.sequence).with_for_update())
            last = connection.execute(select(func.min(tables.consumers.c.acknowledged))).scalar() or 0
            columns = tables.events.c
            done = connection.execute(delete(tables.events).where(columns.id <= last, columns.at < before))
        return done.rowcount


def shown(units: int, unit: str) -> str:
    if unit == QUOTA:
        return str(units)
    sign, units = ("-" if units < 0 else ""), abs(units)
    return f"{sign}{units // MINOR}.{units % MINOR:02}"


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """Times, lists and amounts as people and programs read them."""
    unit = row.get("unit", "")
    found = {}
    for key, value in row.items():
        if key in TIMES and isinstance(value, int):
            value = clock.text(value)
        elif key == "names" and isinstance(value, str):
            value = json.loads(value)
        elif key == "flags" and isinstance(value, str):
            value = [each for each in value.split(",") if each]
        elif key in ("price", "amount", "released") and unit:
            value = shown(value, unit)
        found[key] = value
    return found
