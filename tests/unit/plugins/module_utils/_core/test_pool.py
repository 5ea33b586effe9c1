# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many items at once: order kept, workers bounded, and one failure that names all."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import pool
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    ProviderError,
    RateLimited,
)


def fail_odd(number: int) -> int:
    if number % 2:
        raise ProviderError("number %d is odd" % number, status=400 + number, hint="Take another.")
    return number * 10


@pytest.mark.parametrize("workers", [0, 1, 2, 8])
def test_outcomes_are_in_order(workers: int) -> None:
    outcomes = pool.each(fail_odd, [1, 2, 3, 4], workers)
    assert [outcome.item for outcome in outcomes] == [1, 2, 3, 4]
    assert [outcome.value for outcome in outcomes] == [None, 20, None, 40]
    assert [type(outcome.error) for outcome in outcomes] == [ProviderError, type(None)] * 2
    assert pool.each(fail_odd, [], workers) == []


def test_as_many_at_once_as_allowed() -> None:
    barrier, lock, most, now = threading.Barrier(3), threading.Lock(), [0], [0]

    def work(_number: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait(5)
        with lock:
            now[0] -= 1

    outcomes = pool.each(work, range(6), 3)
    assert [outcome.error for outcome in outcomes] == [None] * 6
    assert most == [3]


def failures(*numbers: int) -> CollectionError:
    with pytest.raises(CollectionError) as raised:
        pool.raise_failures(pool.each(fail_odd, numbers, 4), lambda number: f"item-{number}")
    return raised.value


def test_no_failure() -> None:
    pool.raise_failures(pool.each(fail_odd, [2, 4], 4), str)


def test_one_failure_keeps_its_kind() -> None:
    error = failures(2, 3, 4)
    assert isinstance(error, ProviderError)
    assert error.sentence() == "item-3: number 3 is odd. Take another."
    assert error.payload()["failed"] == {"item-3": "number 3 is odd. Take another."}
    assert error.status == 403


def test_one_error_of_several_items() -> None:
    """What is asked for once fails once: told again for another item, it has no name of the first one in it."""
    shared = ProviderError("nobody answers")
    for item in ("a", "b", "b"):
        told = pool.failures([pool.Outcome(item, error=shared)], str)
        assert isinstance(told, ProviderError)
        assert (told.message, told.extra["failed"]) == (f"{item}: nobody answers", {item: "nobody answers."})
    assert (shared.message, shared.extra) == ("nobody answers", {})


def test_several_failures_are_one_that_names_all() -> None:
    error = failures(1, 2, 3)
    assert error.kind == "provider"
    assert error.message.startswith("2 of 3 failed: item-1: number 1 is odd. Take another.")
    assert sorted(error.payload()["failed"]) == ["item-1", "item-3"]  # type: ignore[call-overload]
    assert error.status == 401


def test_the_latest_time_to_come_back_counts() -> None:
    def limited(day: int) -> None:
        raise RateLimited("slow", retry_at="2026-11-%02dT00:00:00Z" % day)

    with pytest.raises(CollectionError) as raised:
        pool.raise_failures(pool.each(limited, [22, 24, 23], 2), str)
    assert raised.value.payload()["retry_at"] == "2026-11-24T00:00:00Z"


def test_a_defect_goes_first() -> None:
    def work(number: int) -> None:
        raise KeyError(number) if number == 3 else ProviderError("no")

    with pytest.raises(KeyError):
        pool.raise_failures(pool.each(work, [1, 2, 3], 2), str)
