# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thread that writes: it stores in one commit whatever has come in while the last one went to the disk.

A commit waits for the disk, and that is what limits a service that records before it answers. Sharing commits is what lets
many requests at once cost little more than one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from sqlalchemy import Engine

from certfleet_hook import clock
from certfleet_hook.logs import logger
from certfleet_hook.metrics import BATCH, FAILURES
from certfleet_hook.policy import Policy
from certfleet_hook.state import Outcome
from certfleet_hook.store import Job, apply

MOST_AT_ONCE = 200
MOST_WAITING = 2000


class Busy(RuntimeError):
    """More requests wait than can be answered in time."""


class Writer:
    """``submit`` from the event loop; the answer comes when it is stored. ``policy`` gives the rules of the moment."""

    def __init__(self, engine: Engine, policy: Callable[[], Policy]) -> None:
        self._engine, self._policy = engine, policy
        self._queue: queue.Queue[tuple[Job, Future[Outcome]] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="writer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Answers what is waiting, then ends."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        answer: Future[Outcome] = Future()
        try:
            self._queue.put_nowait((job, answer))
        except queue.Full:
            raise Busy from None
        return asyncio.wrap_future(answer)

    def _work(self) -> None:
        going = True
        while going:
            entries = [self._queue.get()]
            while len(entries) < MOST_AT_ONCE and not self._queue.empty():
                entries.append(self._queue.get_nowait())
            going = None not in entries
            # who has given up waiting is left out, unless it is being decided already
            batch = [entry for entry in entries if entry and entry[1].set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)

    def _answer(self, batch: list[tuple[Job, Future[Outcome]]]) -> None:
        BATCH.observe(len(batch))
        try:
            outcomes = self._store([job for job, _answer in batch])
        except Exception as error:  # whatever it is, the thread lives on, and nobody gets a "yes"
            if len(batch) > 1:
                # One request must not spoil the others. Storing again is harmless: what was committed after all is found.
                for entry in batch:
                    self._answer([entry])
                return
            FAILURES.inc()
            logger.error(
                "a request was not stored", extra={"facts": {"error": type(error).__name__, "reason": reason(error)}}
            )
            batch[0][1].set_exception(error)
            return
        for (_job, answer), outcome in zip(batch, outcomes):
            answer.set_result(outcome)

    def _store(self, jobs: list[Job]) -> list[Outcome]:
        with self._engine.begin() as connection:
            return apply(connection, self._policy(), jobs, clock.now)


def reason(error: Exception) -> str:
    """The database driver's own words, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0][:200]
