# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work for many servers at once, none of which can hold up the others.

Each server has a lane of its own. The first task of a lane runs alone: whether the server lives is found out once. Then up to ``width``
threads take what is left. A lane of a dead server costs one time-out, beside the other lanes.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Callable, Sequence

# Servers that get a lane of their own; thousands of made-up ones share the last.
_MOST_LANES = 100

Task = Callable[[], None]


class Lanes:
    """Tasks must not raise: what became of them is theirs to keep."""

    def __init__(self, width: int) -> None:
        self._width = max(1, width)
        self._lanes: dict[str, _Lane] = {}

    def submit(self, key: str, task: Task) -> None:
        if key not in self._lanes and len(self._lanes) >= _MOST_LANES:
            key = "more"
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(self._width)
        lane.add(task)

    def wait(self) -> None:
        for lane in self._lanes.values():
            lane.wait()


class _Lane:
    def __init__(self, width: int) -> None:
        self._width = width
        self._state = threading.Condition()
        self._tasks: deque[Task] = deque()
        self._open = False
        self._threads = 0

    def add(self, task: Task) -> None:
        with self._state:
            self._tasks.append(task)
            self._staff()

    def wait(self) -> None:
        with self._state:
            while self._threads:
                self._state.wait()

    def _staff(self) -> None:
        """One thread until the first task is done, then as many as there is work for."""
        wanted = min(self._width, self._threads + len(self._tasks)) if self._open else 1
        while self._threads < wanted:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._state:
                if not self._tasks:
                    self._threads -= 1
                    self._state.notify_all()
                    return
                task = self._tasks.popleft()
            try:
                task()
            finally:
                with self._state:
                    if not self._open:
                        self._open = True
                        self._staff()


def gather(items: Sequence[Any], key: Callable[[Any], str], work: Callable[[Any], Any], width: int) -> list[Any]:
    """``work`` on each item, in its lane; the results in the order of the items.

    What a task raises is raised here, at the end.
    """
    results: list[Any] = [None] * len(items)
    errors: list[BaseException] = []
    lanes = Lanes(width)

    def task(place: int, item: Any) -> Task:
        def run() -> None:
            try:
                results[place] = work(item)
            except BaseException as error:
                errors.append(error)

        return run

    for place, item in enumerate(items):
        lanes.submit(key(item), task(place, item))
    lanes.wait()
    if errors:
        raise errors[0]
    return results
