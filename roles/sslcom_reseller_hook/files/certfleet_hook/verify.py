# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the decision log is whole, and whether the tables say what it says."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, select

from certfleet_hook import tables
from certfleet_hook.store import digest, encode

MOST_TOLD = 20
# Columns whose values are in the log, under the same names. States, chains and the time of a reservation are looked at apart.
RESERVED = ("customer", "kid", "product", "duration", "names", "unit", "price", "expires")
RECEIVED = (
    *("key", "generation", "customer", "kid", "product", "names", "serial", "not_before", "not_after", "flags", "at"),
)
END = "-----END CERTIFICATE-----"


def facts(values: Mapping[str, Any], names: Iterable[str]) -> bytes:
    """A digest of what has to be the same in the log and in a table; a log of years has to fit into memory."""
    return hashlib.sha256(encode([values[name] for name in names]).encode()).digest()


def is_chain(text: str, fingerprint: str) -> bool:
    """Whether a chain begins with the certificate of this fingerprint."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text.partition(END)[0] + END)).hexdigest() == fingerprint
    except ValueError:
        return False


class Audit:
    """Reads the log once, from its first line, and keeps what the tables must then contain."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.sequence, self.digest = 0, tables.GENESIS
        self.reservations: dict[tuple[str, int], tuple[str, bytes]] = {}
        self.certificates: dict[str, bytes] = {}
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
            told = facts({**line, "created": line["at"]}, (*RESERVED, "created"))
            self.reservations[line["key"], line["generation"]] = ("open", told)
            self.accounts[place][2] += line["price"]
        elif line["kind"] == "expiry":
            self._change(line, "expired")
            self.accounts[place][2] -= line["released"]
        elif line["kind"] == "certificate":
            if line["fingerprint"] in self.debits:
                self.problem(f"line {line['sequence']} debits a certificate a second time")
            self.debits[line["fingerprint"]] = (*place, line["amount"])
            self.certificates[line["fingerprint"]] = facts(line, RECEIVED)
            self._change(line, "settled")
            self.accounts[place][1] += line["amount"]
            self.accounts[place][2] -= line["released"]
        elif line["kind"] == "top_up":
            self.top_ups[line["reference"]] = (*place, line["amount"])
            self.accounts[place][0] += line["amount"]

    def _change(self, line: dict[str, Any], state: str) -> None:
        place = line["key"], line["generation"]
        self.reservations[place] = (state, self.reservations.get(place, ("", b""))[1])

    def compare(self, connection: Connection) -> None:
        """The tables against the log."""
        reservations = {}
        for row in connection.execute(select(tables.reservations)):
            told = facts({**row._mapping, "names": json.loads(row.names)}, (*RESERVED, "created"))
            reservations[row.key, row.generation] = (row.state, told)
        self._differences("reservation", self.reservations, reservations)
        certificates = {}
        for row in connection.execute(select(tables.certificates)):
            values = {"names": json.loads(row.names), "flags": [each for each in row.flags.split(",") if each]}
            whole = is_chain(row.chain, row.fingerprint)
            certificates[row.fingerprint] = facts({**row._mapping, **values}, RECEIVED) if whole else b""
        self._differences("certificate", self.certificates, certificates)
        for name, table, mine in (("debit", tables.debits, self.debits), ("top-up", tables.top_ups, self.top_ups)):
            key = table.primary_key.columns[0]
            rows = connection.execute(select(key, table.c.customer, table.c.unit, table.c.amount))
            self._differences(name, mine, {row[0]: tuple(row[1:]) for row in rows})
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
