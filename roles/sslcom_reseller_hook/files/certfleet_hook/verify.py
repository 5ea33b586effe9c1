# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the decision log is whole, and whether the tables say what it says."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Engine, select

from certfleet_hook import tables
from certfleet_hook.store import digest

MOST_TOLD = 20


class Audit:
    """Reads the log once, from its first line, and keeps what the tables must then contain."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.sequence, self.digest = 0, tables.GENESIS
        self.reservations: dict[tuple[str, int], str] = {}
        self.accounts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self.debits: dict[str, tuple[str, str, int]] = {}
        self.top_ups: dict[str, tuple[str, str, int]] = {}

    def line(self, sequence: int, body: str, told: str) -> None:
        expected = digest(self.sequence + 1, self.digest, body)
        if sequence != self.sequence + 1:
            self.problem(f"line {self.sequence + 1} is missing")
        elif told != expected:
            self.problem(f"line {sequence} was changed, or one before it")
        self.sequence, self.digest = sequence, told
        try:
            self._count(json.loads(body))
        except (KeyError, TypeError, ValueError):
            self.problem(f"line {sequence} cannot be read")

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def _count(self, line: dict[str, Any]) -> None:
        place = (line["customer"], line.get("unit", ""))
        if line["kind"] == "authorization" and line["allowed"]:
            self.reservations[line["key"], line["generation"]] = "open"
            self.accounts[place][2] += line["price"]
        elif line["kind"] == "expiry":
            self.reservations[line["key"], line["generation"]] = "expired"
            self.accounts[place][2] -= line["released"]
        elif line["kind"] == "certificate":
            if line["fingerprint"] in self.debits:
                self.problem(f"line {line['sequence']} debits a certificate a second time")
            self.debits[line["fingerprint"]] = (*place, line["amount"])
            self.reservations[line["key"], line["generation"]] = "settled"
            self.accounts[place][1] += line["amount"]
            self.accounts[place][2] -= line["released"]
        elif line["kind"] == "top_up":
            self.top_ups[line["reference"]] = (*place, line["amount"])
            self.accounts[place][0] += line["amount"]

    def compare(self, connection: Connection) -> None:
        """The tables against the log."""
        self._differences(
            "reservation",
            self.reservations,
            {(row.key, row.generation): row.state for row in connection.execute(select(tables.reservations))},
        )
        for name, table, mine in (("debit", tables.debits, self.debits), ("top-up", tables.top_ups, self.top_ups)):
            key = table.primary_key.columns[0]
            rows = connection.execute(select(key, table.c.customer, table.c.unit, table.c.amount))
            self._differences(name, mine, {row[0]: tuple(row[1:]) for row in rows})
        stored = {row[0] for row in connection.execute(select(tables.certificates.c.fingerprint))}
        self._differences("certificate", dict.fromkeys(self.debits, True), dict.fromkeys(stored, True))
        columns = tables.accounts.c
        sums = connection.execute(
            select(columns.customer, columns.unit, columns.topped_up, columns.debited, columns.reserved)
        )
        found = {(row[0], row[1]): list(row[2:]) for row in sums}
        zero = [0, 0, 0]
        for place in sorted({*found, *self.accounts}):
            if found.get(place, zero) != self.accounts.get(place, zero):
                self.problem(f"the account of {place[0]} ({place[1]}) differs from the log")

    def _differences(self, what: str, mine: dict[Any, Any], theirs: dict[Any, Any]) -> None:
        for key in sorted({*mine, *theirs}, key=str):
            if mine.get(key) != theirs.get(key):
                self.problem(f"{what} {key} differs from the log")


def verify(engine: Engine, sequence: int | None = None, expected: str | None = None) -> Audit:
    """All problems. With a head that was noted elsewhere, also whether the log still goes through it: a log that was cut
    or written anew as a whole shows only there."""
    audit = Audit()
    noted = False
    with tables.reading(engine).connect().execution_options(yield_per=1000) as connection:
        query = select(tables.decisions).order_by(tables.decisions.c.sequence)
        if connection.dialect.name == "postgresql":
            # one view for all queries, while others write
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        for row in connection.execute(query):
            audit.line(row.sequence, row.body, row.digest)
            noted = noted or (row.sequence == sequence and row.digest == expected)
        told = connection.execute(select(tables.head.c.sequence, tables.head.c.digest)).one()
        if tuple(told) != (audit.sequence, audit.digest):
            audit.problem("the log ends elsewhere than its head says")
        if sequence is not None and not noted:
            audit.problem(f"the log does not go through line {sequence} as it was noted")
        audit.compare(connection)
    return audit
