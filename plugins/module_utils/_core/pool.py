# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing for many items at once, with a bounded number of threads."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Generic, Sequence, TypeVar

from .errors import CollectionError

Item = TypeVar("Item")


class Outcome(Generic[Item]):
    """What became of one item: ``value``, or ``error``."""

    def __init__(self, item: Item, value: Any = None, error: Exception | None = None) -> None:
        self.item = item
        self.value = value
        self.error = error


def each(function: Callable[[Item], Any], items: Sequence[Item], workers: int) -> list[Outcome[Item]]:
    """Outcomes in the order of the items. One that fails does not hold up the others."""

    def attempt(item: Item) -> Outcome[Item]:
        try:
            return Outcome(item, value=function(item))
        except Exception as error:
            return Outcome(item, error=error)

    if workers < 2 or len(items) < 2:
        return [attempt(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as threads:
        return list(threads.map(attempt, items))


def failures(outcomes: Sequence[Outcome[Any]], name: Callable[[Any], str]) -> Exception | None:
    """What failed, as one error: itself if it is one, else an error that names all. A defect of ours goes first."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        if not isinstance(outcome.error, CollectionError):
            return outcome.error
    errors = [(name(outcome.item), outcome.error) for outcome in failed if isinstance(outcome.error, CollectionError)]
    if not errors:
        return None
    sentences = {item: error.sentence() for item, error in errors}
    first_name, first = errors[0]
    if len(errors) == 1:
        alone = copy.copy(first)  # several items may have failed by one error, and each time it is told anew
        alone.message, alone.extra = "%s: %s" % (first_name, first.message), {**first.extra, "failed": sentences}
        return alone
    combined = CollectionError(
        "%d of %d failed: %s" % (len(errors), len(outcomes), " | ".join("%s: %s" % pair for pair in sentences.items())),
        status=first.status,
        code=first.code,
        failed=sentences,
        retry_at=max(
            (str(error.extra["retry_at"]) for _item, error in errors if error.extra.get("retry_at")), default=None
        ),
    )
    combined.kind = first.kind
    return combined


def raise_failures(outcomes: Sequence[Outcome[Any]], name: Callable[[Any], str]) -> None:
    """Raises what :func:`failures` returns."""
    error = failures(outcomes, name)
    if error is not None:
        raise error
