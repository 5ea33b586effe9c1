# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stores: one transaction for all requests that have come in while the last one went to the disk.

A commit waits for the disk, and that is what limits a service that records before it answers. Sharing commits is what lets
many requests at once cost little more than one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import TypeVar

from sqlalchemy import Connection, Engine

from certfleet_hook import clock
from certfleet_hook.logs import logger
from certfleet_hook.metrics import BATCH, FAILURES
from certfleet_hook.policy import Policy
from certfleet_hook.state import Outcome
from certfleet_hook.store import Job, apply

MOST_AT_ONCE = 200
MOST_WAITING = 2000
SWEEP_SECONDS = 1
TROUBLE_SECONDS = 10

T = TypeVar("T")
Waiting = tuple[Job, asyncio.Future[Outcome]]


class Busy(RuntimeError):
    """More requests wait than can be answered in time."""


class Writer:
    """``submit`` from the event loop; the answer comes when it is stored. ``policy`` gives the rules of the moment.

    Whatever waits (for the lock, for the disk, for PostgreSQL) does so in a thread of its own. What only computes stays in the
    event loop's: two threads that compute in one process take turns, and each turn costs milliseconds.
    """

    def __init__(self, engine: Engine, policy: Callable[[], Policy]) -> None:
        self._engine, self._policy = engine, policy
        self._embedded = engine.dialect.name == "sqlite"
        self._waiting: list[Waiting] = []
        self._came = asyncio.Event()
        self._next_sweep = 0.0
        self._failed = -inf
        self._thread = ThreadPoolExecutor(1, "writer")

    def troubled(self) -> bool:
        """Whether the last thing to store could not be, a short time ago."""
        return time.monotonic() < self._failed + TROUBLE_SECONDS

    async def submit(self, job: Job, seconds: float) -> Outcome:
        """What came of it, when that is stored; Busy when it is not after some seconds. It may be stored later all the same."""
        if len(self._waiting) >= MOST_WAITING:
            raise Busy
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        limit = loop.call_later(seconds, _give_up, answer)
        self._waiting.append((job, answer))
        self._came.set()
        try:
            return await answer
        finally:
            limit.cancel()

    async def run(self) -> None:
        """Store until cancelled. What is being stored then is committed or not as a whole, and nobody gets an answer."""
        while True:
            await self._came.wait()
            await asyncio.sleep(0)  # those who came at the same moment
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not self._waiting:
                self._came.clear()
            batch = [entry for entry in batch if not entry[1].done()]  # who gave up waiting is left out
            if batch:
                BATCH.observe(len(batch))
                await self._answer(batch)

    async def _answer(self, batch: list[Waiting]) -> None:
        try:
            outcomes = await self._store([job for job, _answer in batch])
        except Exception as error:  # whatever it is, the others have to be answered, and nobody gets a "yes"
            if len(batch) > 1:
                # One request must not spoil the others. Storing again is harmless: what was committed after all is found.
                for entry in batch:
                    if not entry[1].done():  # each may wait for a lock, too, longer than its sender does
                        await self._answer([entry])
                return
            FAILURES.inc()
            self._failed = time.monotonic()
            facts = {"error": type(error).__name__, "reason": reason(error)}
            logger.error("a request was not stored", extra={"facts": facts})
            if not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        self._failed = -inf
        for (_job, answer), outcome in zip(batch, outcomes):
            if not answer.done():
                answer.set_result(outcome)

    async def _store(self, jobs: list[Job]) -> list[Outcome]:
        connection = await self._aside(self._begin)
        try:
            decide = partial(apply, connection, self._policy(), jobs, clock.now, self._sweep())
            outcomes = decide() if self._embedded else await self._aside(decide)
        except BaseException:
            await self._aside(connection.close)  # which rolls back
            raise
        await self._aside(partial(_commit, connection))
        return outcomes

    def _sweep(self) -> bool:
        """Once in a second is often enough: until then what has expired may hold its money, but answers nothing."""
        due = time.monotonic() >= self._next_sweep
        if due:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
        return due

    def _begin(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    async def _aside(self, wait: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, wait)


def _give_up(answer: asyncio.Future[Outcome]) -> None:
    if not answer.done():
        answer.set_exception(Busy())


def _commit(connection: Connection) -> None:
    with connection:
        connection.commit()


def reason(error: Exception) -> str:
    """The database driver's own words, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0][:200]
