# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a list of sets."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence, TypeVar

from .._core import pool
from .wanted import Wanted

Found = TypeVar("Found")


def readable(sets: Sequence[Wanted], have: Mapping[str, object]) -> list[Wanted]:
    """The sets that could be read."""
    return [wanted for wanted in sets if wanted.name in have]


class EachSet:
    """For resources that work on a list of sets: one that cannot be read does not hold up the others.

    What could be read is returned by name; the rest is kept in ``problem``, which the engine raises at the end.
    """

    problem: Exception | None = None

    def read_each(self, look: Callable[[Wanted], Found], sets: Sequence[Wanted], workers: int) -> dict[str, Found]:
        outcomes = pool.each(look, sets, workers)
        self.problem = pool.failures(outcomes, lambda wanted: wanted.name)
        return {outcome.item.name: outcome.value for outcome in outcomes if outcome.error is None}
