# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes and weekly limits, from the options of certificate_request to what it prepares."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.limits import Limits
from ansible_collections.certfleet.reseller.plugins.module_utils._sets import request
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.request import Have, RequestResource, Want
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.wanted import Wanted, from_params
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import csr, keys

from tests.support import plans

DAY = timedelta(days=1)
# The live version of plans.live() is due on 2026-12-31, a Thursday; its hard stop is on 2027-01-16T12:00:00Z.
FREEZE = {"cron": "0 0 1 1 *", "duration": "7d", "name": "new year"}
LONG = {"cron": "0 0 1 1 *", "duration": "10w"}


def wanted(**more: Any) -> Wanted:
    (found,) = from_params({**plans.params({}), **more})
    return found


def have(each: Wanted, now: str, **value: Any) -> Have:
    return plans.set_have({"live": {}, **value}, each, plans.moment(now))


def steps(each: Wanted, found: Have) -> tuple[list[str], str]:
    plan = RequestResource().plan(Want((each,)), {each.name: found})
    return [step.action for step in plan.steps], plan.reason


def test_a_freeze_holds_a_renewal_back() -> None:
    frozen = wanted(renewal={"freezes": [FREEZE]})
    found = have(frozen, "2027-01-02T00:00:00Z")
    assert steps(frozen, found) == (
        [],
        "www.example.com: frozen until 2027-01-08T00:00:00Z: less than 33 % of its life is left (since 2026-12-31T00:00:00Z)",
    )
    assert found.renew_at == "2027-01-08T00:00:00Z"
    assert steps(frozen, have(frozen, "2027-01-08T00:00:00Z"))[0] == ["request"]
    assert steps(frozen, have(frozen, "2026-12-31T12:00:00Z"))[0] == ["request"]


def test_the_hard_stop_overrides_it() -> None:
    frozen = wanted(renewal={"freezes": [LONG]})
    assert steps(frozen, have(frozen, "2027-01-16T11:00:00Z"))[0] == []
    assert have(frozen, "2027-01-16T11:00:00Z").renew_at == "2027-01-16T12:00:00Z"
    actions, reason = steps(frozen, have(frozen, "2027-01-16T12:00:00Z"))
    assert actions == ["request"]
    assert reason.endswith("; overrides the freeze until 2027-03-12T00:00:00Z")


def test_a_freeze_does_not_hold_up_what_is_wrong_or_under_way() -> None:
    """A request under way may be paid for: to discard it would lose its key."""
    frozen = wanted(renewal={"freezes": [LONG]})
    now = "2027-01-02T00:00:00Z"
    under_way = have(frozen, now, pending={})
    assert steps(frozen, under_way)[0] == []
    assert under_way.reason == "less than 33 % of its life is left (since 2026-12-31T00:00:00Z)"
    assert request.still_to_issue(frozen, under_way)
    assert steps(frozen, have(frozen, now, live={"names": ["old.example"]}))[0] == ["request"]
    assert steps(frozen, have(frozen, now, live={"damage": "cert.pem is missing"}))[0] == ["request"]


@pytest.mark.parametrize(
    ("level", "own", "renew_at"),
    [
        ({}, {}, "2026-12-31T00:00:00Z"),
        ({"remaining_days": 10}, {}, "2027-01-20T00:00:00Z"),
        ({"remaining_days": 10}, {"remaining_share": 0.5}, "2026-12-16T00:00:00Z"),
        ({"remaining_share": 0.5}, {"remaining_days": 20}, "2027-01-10T00:00:00Z"),
        ({"freezes": [FREEZE], "remaining_days": 28}, {}, "2027-01-08T00:00:00Z"),
        ({"freezes": [FREEZE], "remaining_days": 28}, {"freezes": []}, "2027-01-02T00:00:00Z"),
        ({"freezes": [FREEZE], "remaining_days": 28}, {"hard_stop_days": 26}, "2027-01-04T00:00:00Z"),
        ({"weekly_limit": 5}, {"remaining_days": None}, "2026-12-31T00:00:00Z"),
    ],
)
def test_each_level_overrides_what_it_names(level: dict[str, Any], own: dict[str, Any], renew_at: str) -> None:
    (each,) = from_params({**plans.params({"want": {"renewal": own}}), "renewal": level})
    assert plans.set_have({"live": {}}, each, plans.NOW).renew_at == renew_at


@pytest.mark.parametrize(
    ("level", "own", "words"),
    [
        ({"remaining_shares": 1}, {}, 'renewal there is no option "remaining_shares" (did you mean "remaining_share"?)'),
        ({"remaining_share": 2}, {}, "renewal remaining_share is 2.0, not between 0 and 1"),
        ({"remaining_share": 0.2, "remaining_days": 3}, {}, "renewal remaining_share and remaining_days exclude each other"),
        ({"hard_stop_days": 30, "remaining_days": 30}, {}, "renewal hard_stop_days is 30, not less than remaining_days (30)"),
        ({"weekly_limit": 0}, {}, "renewal weekly_limit is 0, not within 1 and 1000000"),
        ({}, {"weekly_limit": 3}, "certificates[0] (www.example.com): renewal weekly_limit is for issuers, not for single certificates"),
        ({}, {"splay": 3}, 'certificates[0] (www.example.com): renewal splay is "3"; write it like 62h, 2d12h or 1w'),
        ({}, {"freezes": {}}, "certificates[0] (www.example.com): renewal freezes must be a list of mappings"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(level: dict[str, Any], own: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_params({**plans.params({"want": {"renewal": own}}), "renewal": level})
    assert caught.value.message.startswith(words)


# --- weekly limits ----------------------------------------------------------------------------------------------------


def several(count: int, **renewal: Any) -> tuple[Want, dict[str, Have]]:
    """All of them due, each a day more urgent than the one before it."""
    params = {**plans.params({}), "renewal": renewal}
    params["certificates"] = [
        plans.entry(name=f"{number}.example", domains=["www.example.com"]) for number in range(count)
    ]
    found = from_params(params)
    now = plans.moment("2027-01-03T00:00:00Z")
    state = {}
    for number, each in enumerate(found):
        end = plans.moment("2027-01-30T00:00:00Z") - number * DAY
        state[each.name] = plans.set_have(
            {"live": {"not_after": iso(end), "not_before": iso(end - 90 * DAY)}}, each, now
        )
    return Want(found, Limits(own=renewal.get("weekly_limit"))), state


def test_the_most_urgent_go_first_and_the_others_are_named() -> None:
    want, state = several(4, weekly_limit=2)
    choice = request.choose(want, state, [], plans.moment("2027-01-03T00:00:00Z"))
    assert [each.name for each in choice.go] == ["3.example", "2.example"]
    assert list(choice.words()) == ["1.example", "0.example"]


def test_what_is_new_changed_or_under_way_counts_and_does_not_wait() -> None:
    want, state = several(4, weekly_limit=3)
    now = plans.moment("2027-01-03T00:00:00Z")
    state["0.example"] = plans.set_have({}, want.certificates[0], now)
    state["1.example"] = plans.set_have({"live": {}, "pending": {}}, want.certificates[1], now)
    choice = request.choose(want, state, [], now)
    assert [each.name for each in choice.go] == ["3.example"]
    assert list(choice.words()) == ["2.example"]


def test_records_of_versions_count(tmp_path: Path) -> None:
    store, now = SetStore(str(tmp_path)), plans.NOW
    for number, days in enumerate((0.5, 3, 6.9, 7.1, 30)):
        folder = tmp_path / f"{number}.example" / "4a1f"
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text('{"created": "%s"}' % iso(now - days * DAY))
    (tmp_path / "0.example" / "pending").mkdir()
    (tmp_path / "1.example" / "5b2a").mkdir()
    (tmp_path / "1.example" / "5b2a" / "meta.json").write_text("{}")
    for number, damaged in enumerate(
        ("", "[]", '{"created": 7}', '{"created": "yesterday"}', '{"created": "2026-11-22T09:00:00"}')
    ):
        folder = tmp_path / "2.example" / f"6c{number}"
        folder.mkdir()
        (folder / "meta.json").write_text(damaged)
    names = [f"{number}.example" for number in range(7)]
    assert sorted(store.issued(names, now - 7 * DAY)) == [now - days * DAY for days in (6.9, 3, 0.5)]
    assert store.issued(["9.example"], now - 7 * DAY) == []


def test_requests_that_fail_for_weeks_do_not_keep_the_places_of_others() -> None:
    want, state = several(4, ca_weekly_limit=2)
    want = replace(want, limits=Limits(ca=2))
    now = plans.moment("2027-01-03T00:00:00Z")
    for number, days in enumerate((6.9, 7.1)):
        found = plans.set_have({"live": {}, "pending": {}}, want.certificates[number], now)
        assert found.pending is not None
        pending = replace(found.pending, since=now - days * DAY)
        state[f"{number}.example"] = replace(found, pending=pending)
    choice = request.choose(want, state, [], now)
    assert [each.name for each in choice.go] == ["3.example"]
    assert list(choice.words()) == ["2.example"]


def test_a_request_knows_when_it_was_begun(tmp_path: Path) -> None:
    store = SetStore(str(tmp_path))
    key = keys.generate("ecdsa", 256)
    store.open_pending("a.example", key, csr.build(key, ("a.example",)))
    os.utime(tmp_path / "a.example" / "pending" / "request.csr", (0, plans.NOW.timestamp()))
    pending = store.pending("a.example")
    assert pending is not None
    assert pending.since == plans.NOW


@pytest.mark.parametrize("left", ["litter", "pending"])
def test_what_is_tidied_up_does_not_have_its_turn_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """A step of a set that waits for its turn must not become a request on the way."""
    want, state = several(2, weekly_limit=1)
    waiting = want.certificates[0]
    more = {"littered": True} if left == "litter" else {"pending": {"names": ["other.example"]}}
    resource = RequestResource()
    resource.want({**plans.params({}), "sets_path": str(tmp_path)})
    due = plans.set_have({"live": {}, **more}, waiting, plans.moment("2027-01-03T00:00:00Z"))
    deferred = replace(due, reason=None, deferred=True)
    (step,) = resource.plan(Want((waiting,)), {waiting.name: deferred}).steps
    tidied = replace(due, littered=False, pending=None)
    looks = [due, tidied, tidied]
    monkeypatch.setattr(request, "look", lambda *_where: looks.pop(0))
    resource.apply(step)
    assert not (tmp_path / waiting.name / "pending").exists()
    assert len(looks) == 1
