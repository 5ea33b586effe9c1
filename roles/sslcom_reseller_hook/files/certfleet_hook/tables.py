# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables, and how to reach them: SQLite in one file, or PostgreSQL for several nodes."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

SCHEMA = 1
GENESIS = "0" * 64
BUSY_SECONDS = 10
CONNECT_SECONDS = 5

metadata = MetaData()

# One row. Who holds its lock may write; so records, events and balances have one order, on one node or on many.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)
accounts = Table(
    "accounts",
    metadata,
    Column("customer", String(200), primary_key=True),
    Column("unit", String(10), primary_key=True),
    Column("topped_up", BigInteger, nullable=False),
    Column("debited", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("refusal_arrival", BigInteger, nullable=False),
)
reservations = Table(
    "reservations",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("customer", String(200), nullable=False),
    Column("kid", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("duration", Integer, nullable=False),
    Column("names", Text, nullable=False),
    Column("unit", String(10), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Index("reservations_due", "state", "expires"),
    Index("reservations_kid", "kid", "product", "created"),
)
refusals = Table(
    "refusals",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("code", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("refusals_at", "at"),
)
# A certificate is a debit: its fingerprint is the primary key of both.
certificates = Table(
    "certificates",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("customer", String(200), nullable=False),
    Column("kid", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("names", Text, nullable=False),
    Column("serial", String(64), nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("flags", String(100), nullable=False),
    Column("chain", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["key", "generation"], ["reservations.key", "reservations.generation"]),
    Index("certificates_customer", "customer", "at"),
    Index("certificates_serial", "serial"),
)
debits = Table(
    "debits",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("customer", String(200), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["fingerprint"], ["certificates.fingerprint"]),
)
top_ups = Table(
    "top_ups",
    metadata,
    Column("reference", String(200), primary_key=True),
    Column("customer", String(200), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
decisions = Table(
    "decisions",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)
# What a line of the log is to consumers, until all have had it; its content is the line's, and the certificate's.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["id"], ["decisions.sequence"]),
)
consumers = Table(
    "consumers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("acknowledged", BigInteger, nullable=False),
)


class SchemaError(RuntimeError):
    """The database was written by another version of the service."""


def connect(url: str) -> Engine:
    """An engine whose transactions write, are durable when committed, and wait for the lock a bounded time."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend == "postgresql":
        options = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={2 * BUSY_SECONDS}s -c synchronous_commit=on"
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS, "options": options},
        )
    raise ValueError("the database must be sqlite:///PATH or postgresql://...")


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _begin_sqlite
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock first: a transaction that read before could not get it any more."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read; they wait for nobody, and see one moment of it."""
    if engine.dialect.name == "postgresql":  # SQLite's are so anyway
        return engine.execution_options(reads=True, isolation_level="REPEATABLE READ")
    return engine.execution_options(reads=True)


def prepare(engine: Engine) -> None:
    """Make the tables where they are missing; SchemaError when they are another version's."""
    if not inspect(engine).has_table("head"):
        try:
            metadata.create_all(engine)
        except (IntegrityError, OperationalError, ProgrammingError):
            if not inspect(engine).has_table("head"):  # else another node was faster
                raise
    with engine.begin() as connection:
        found = connection.execute(select(head.c.schema)).scalar()
    if found is None:
        try:
            with engine.begin() as connection:
                connection.execute(insert(head).values(id=1, schema=SCHEMA, sequence=0, digest=GENESIS))
        except IntegrityError:
            found = SCHEMA  # another node was faster
    if found not in (None, SCHEMA):
        raise SchemaError(f"the database has version {found} of the tables, this service knows version {SCHEMA}")
