# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates come first within weekly limits, and what is said of the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.decision import Facts, decide
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.limits import Choice, Due, Limits, choose
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2027, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def due(name: str, left: float) -> Due:
    """Of a certificate of 90 days, due with 30 days left; its hard stop is with 13.5 days left."""
    end = NOW + left * DAY
    return Due(name, decide(Facts(name, end - 90 * DAY, end), Policy(), NOW))


def names(choice: Choice) -> tuple[list[str], list[str], list[str]]:
    return tuple([each.name for each in part] for part in (choice.go, choice.exceeding, choice.deferred))


THREE = (due("c", 20), due("a", 25), due("b", 15))


@pytest.mark.parametrize(
    ("limits", "issued", "begun", "expected"),
    [
        (Limits(), [1] * 99, 5, (["b", "c", "a"], [], [])),
        (Limits(own=3), [], 0, (["b", "c", "a"], [], [])),
        (Limits(own=2), [], 0, (["b", "c"], [], ["a"])),
        (Limits(own=3), [1], 0, (["b", "c"], [], ["a"])),
        (Limits(own=3), [7], 0, (["b", "c", "a"], [], [])),  # a week ago is over
        (Limits(own=3), [6.9], 1, (["b"], [], ["c", "a"])),
        (Limits(own=3), [1, 2, 3, 4], 0, ([], [], ["b", "c", "a"])),
        (Limits(ca=2), [1], 0, (["b"], [], ["c", "a"])),
        (Limits(own=5, ca=1), [], 0, (["b"], [], ["c", "a"])),
        (Limits(own=1, ca=5), [], 0, (["b"], [], ["c", "a"])),
    ],
)
def test_the_most_urgent_first(
    limits: Limits, issued: list[float], begun: int, expected: tuple[list[str], list[str], list[str]]
) -> None:
    assert names(choose(THREE, limits, [NOW - days * DAY for days in issued], NOW, begun)) == expected


def test_the_hard_stop_overrides_the_users_limit_and_says_so() -> None:
    late = (due("late", 13), due("later", 12), due("fine", 20))
    choice = choose(late, Limits(own=1), [], NOW)
    assert names(choice) == (["later", "late"], ["late"], ["fine"])
    assert choice.warnings() == ["late: the limit of 1 per week is exceeded, for it expires on 2027-05-14T12:00:00Z"]


def test_nothing_overrides_the_limit_of_the_ca() -> None:
    choice = choose((due("late", 1), due("later", 0.5)), Limits(own=1, ca=1), [], NOW)
    assert names(choice) == (["later"], [], ["late"])
    assert choice.warnings() == []
    assert choice.words()["late"].startswith(
        "deferred: the CA's limit of 1 per week is reached, and its turn is on 2027-05-08T12:00:00Z (less than 33 %"
    )


def test_when_the_turn_comes() -> None:
    issued = [NOW - 6 * DAY, NOW - 2 * DAY]
    words = choose(THREE, Limits(own=2), issued, NOW).words()
    assert words["b"].startswith(
        "deferred: the limit of 2 per week is reached, and its turn is on 2027-05-02T12:00:00Z"
    )
    assert "its turn is on 2027-05-06T12:00:00Z" in words["c"]
    assert "its turn is later" in words["a"]


@given(
    lefts=st.lists(st.floats(0.1, 29), max_size=12),
    own=st.none() | st.integers(1, 6),
    ca=st.none() | st.integers(1, 6),
    issued=st.lists(st.floats(0, 14), max_size=8),
    begun=st.integers(0, 3),
)
def test_what_always_holds(
    lefts: list[float], own: int | None, ca: int | None, issued: list[float], begun: int
) -> None:
    candidates = [due(str(number), left) for number, left in enumerate(lefts)]
    moments = [NOW - days * DAY for days in issued]
    choice = choose(candidates, Limits(own, ca), moments, NOW, begun)
    go, exceeding, deferred = names(choice)
    assert sorted(go + deferred) == sorted(each.name for each in candidates)
    used = sum(days < 7 for days in issued) + begun
    if ca is not None:
        assert len(go) <= max(0, ca - used)
    if own is not None:
        assert len(go) - len(exceeding) <= max(0, own - used)
    stopped = {each.name for each in candidates if each.decision.stop <= NOW}
    assert set(exceeding) <= stopped
    assert ca is not None or stopped <= set(go)
    assert set(choice.words()) == set(deferred)
    latest = max((each.urgency for each in choice.go if each.name not in stopped), default=None)
    assert latest is None or all(each.urgency > latest for each in choice.deferred)
