# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Order, reissue, wait, fetch, later: each branch of the one decision, its story over the years, and what it may never say."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.decision import Facts, decide
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import course, term
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.course import Asked, Course, Situation
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Detail, Row
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import plans

CASES = plans.cases("course")
NOW = datetime(2026, 12, 1, 10, 0, 0, tzinfo=UTC)
ACTIONS = {"order", "reissue", "wait", "fetch", "later", "nothing", "blocked"}
ROW: dict[str, Any] = {
    "order_id": 7,
    "product_type": "ssl_certificate",
    "product_code": "RAPIDSSL_RAPIDSSL",
    "domain": "www.alpha.example",
    "names": ("www.alpha.example",),
    "years": 1,
    "inserted": "2026-06-01 10:00:00",
    "published": "2026-06-01 10:05:00",
    "expired": "2027-06-01 10:05:00",
    "state": "published",
    "raw": {},
}


def order_of(value: dict[str, Any]) -> Row:
    given = {"key": "ours", "serial": "a1", **value}
    row = {**ROW, **{name: given[name] for name in ROW if name in given}}
    if value.get("row"):
        return Row(**row)
    more: dict[str, Any] = {"csr": None, "dv_auth_method": "DNS", "dv_auth_content": None, "days_remaining": None}
    return Detail(**row, **more, auto_reissue=None, contacts={}, public_key=given["key"], serial=given["serial"])


def asked_of(value: dict[str, Any]) -> Asked:
    return Asked(value["key"], plans.moment(value["since"]), value["serial"], value.get("accepted", True))


def situation(case: dict[str, Any]) -> Situation:
    live = case.get("live", {})
    return Situation(
        order=None if case["order"] is None else order_of(case["order"]),
        now=plans.moment(case["now"]) if "now" in case else NOW,
        renew_before_days=case.get("renew_before_days", 30),
        reason=case.get("reason"),
        urgent=case.get("urgent", False),
        key=case.get("key", "ours"),
        live_key=live.get("key") if live is not None else None,
        live_serial="a1" if live is not None else None,
        live_end=None if live is None else plans.moment(live.get("end", "2026-12-17T00:00:00Z")),
        asked=asked_of(case["asked"]) if "asked" in case else None,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_course(case: dict[str, Any]) -> None:
    assert course.course(situation(case)) == Course(case["action"], case["says"])


def test_every_action_has_its_case() -> None:
    assert {case["action"] for case in CASES} == ACTIONS


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, False),
        ({"published": None}, False),  # the serial number tells
        ({"published": None, "serial": None}, True),
        ({"serial": None}, False),  # the date tells
        ({"row": True}, False),
        ({"row": True, "published": None}, True),
    ],
)
def test_whether_an_order_was_ever_issued(changes: dict[str, Any], first: bool) -> None:
    assert course.first(order_of(changes)) is first


# --- stories ----------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


class Story:
    """An obliging provider and an obliging controller, a day at a time. `told`: the day and the action, where it changes."""

    def __init__(self, years: int = 1, life: int = 199, moves_published: bool = True, expired_is: str = "term") -> None:
        self.start = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)
        self.years, self.life, self.moves, self.expired_is = years, life, moves_published, expired_is
        self.order: Row | None = None
        self.live: tuple[datetime, datetime] | None = None
        self.number = self.orders = self.reissues = 0
        self.told: list[tuple[int, str]] = []
        self.gaps: list[int] = []
        self.lose: dict[int, str] = {}

    def run(self, days: int, **policy: Any) -> Story:
        for day in range(days):
            now = self.start + day * DAY
            if self.lose.get(day) == "live":
                self.live = None
            action = self._turn(now, rekeyed=self.lose.get(day) == "key", policy=Policy(1 / 3, **policy)).action
            if not self.told or self.told[-1][1] != action:
                self.told.append((day, action))
            if self.live is None or not self.live[0] <= now <= self.live[1]:
                self.gaps.append(day)
        return self

    def _turn(self, now: datetime, rekeyed: bool, policy: Policy) -> Course:
        reason, urgent = "there is no certificate yet", True
        if self.live is not None:
            decision = decide(Facts("", *self.live), policy, now)
            told = decision.reason if decision.due else None
            reason, urgent = (told, now > self.live[1]) if not rekeyed else ("the key changed", True)
        found = course.course(
            Situation(
                order=self.order,
                now=now,
                renew_before_days=30,
                reason=reason,
                urgent=urgent,
                key="new" if reason else "ours",
                live_serial=f"a{self.number}" if self.live else None,
                live_end=self.live[1] if self.live else None,
            )
        )
        if found.action == course.ORDER:
            self.orders += 1
            self.end = now + self.years * 365 * DAY
            self._issue(now, inserted=now)
        elif found.action == course.REISSUE:
            self.reissues += 1
            self._issue(now)
        return found

    def _issue(self, now: datetime, inserted: datetime | None = None) -> None:
        """At once; a certificate lasts no longer than its term."""
        self.number += 1
        self.live = (now, min(now + self.life * DAY, self.end))
        old = self.order
        shown = {name: f"{when:%Y-%m-%d %H:%M:%S}" for name, when in self._dates(now, inserted, old).items()}
        self.order = order_of({"years": self.years, "serial": f"a{self.number}", **shown})

    def _dates(self, now: datetime, inserted: datetime | None, old: Row | None) -> dict[str, datetime]:
        assert self.live is not None
        if inserted is not None:
            self.inserted = self.published = inserted
        elif self.moves:
            self.published = now
        expired = self.end if self.expired_is == "term" else self.live[1]
        return {"inserted": self.inserted, "published": self.published, "expired": expired}


@pytest.mark.parametrize("moves_published", [True, False])
@pytest.mark.parametrize("expired_is", ["term", "certificate"])
def test_a_year(moves_published: bool, expired_is: str) -> None:
    """Ordered, reissued when two thirds of its life are over, too late for another reissue, ordered for the next year."""
    story = Story(moves_published=moves_published, expired_is=expired_is).run(800)
    assert story.told[:7] == [
        (0, "order"),
        (1, "nothing"),
        (133, "reissue"),
        (134, "nothing"),
        (266, "reissue"),
        (267, "nothing"),
        (332, "later"),
    ]
    assert story.told[7:9] == [(335, "order"), (336, "nothing")]
    assert (story.orders, story.gaps) == (3, [])


@pytest.mark.parametrize("life", [397, 199, 99, 46, 9])
@pytest.mark.parametrize("years", [1, 2, 3])
@pytest.mark.parametrize("moves_published", [True, False])
@pytest.mark.parametrize("expired_is", ["term", "certificate"])
def test_terms_and_lives(life: int, years: int, moves_published: bool, expired_is: str) -> None:
    """Ten years, whatever the CAs' longest life is: there is always a certificate, and one order for each term."""
    story = Story(years, life, moves_published, expired_is).run(3650)
    each = years * 365 - 30
    assert story.gaps == []
    assert story.orders <= -(-3650 // each)
    assert story.orders >= 3650 // (years * 365)
    assert story.reissues <= 3650 // (life // 2)


def test_a_new_key_is_a_reissue() -> None:
    story = Story()
    story.lose = {40: "key", 41: "key", 300: "key", 360: "live"}
    story.run(400)
    assert [day for day, action in story.told if action == "reissue"][0] == 40
    assert story.orders == 2  # the second one for the second year
    assert story.gaps == []


@pytest.mark.parametrize("day", [5, 100, 200, 330, 364])
def test_a_lost_set_is_a_reissue(day: int) -> None:
    story = Story()
    story.lose = {day: "live"}
    story.run(370)
    assert story.orders == 2
    assert (day, "reissue") in story.told


# --- what it may never say --------------------------------------------------------------------------------------------

MANY = 20_000
WORDS = (
    "published",
    "published",
    "published",
    "waiting",
    "expired",
    "revoked",
    "reissue",
    "",
    "Published",
    "storniert",
)
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")


def situations() -> list[Situation]:
    """Orders of any age, in any state, with dates missing, wrong or moved; the same ones in each run."""
    dice = random.Random(20261122)

    def text(when: datetime) -> str | None:
        return dice.choice([None, "soon"]) if dice.random() < 0.1 else when.strftime(dice.choice(FORMS))

    found = []
    for _number in range(MANY):
        years = dice.choice([1, 1, 1, 2, 3])
        age = dice.uniform(0, years * 365 + 60) * DAY
        inserted = NOW - age
        issued = inserted + dice.random() * age * dice.choice([0, 0, 1])
        live = min(issued + 199 * DAY, inserted + years * 365 * DAY)
        order = order_of(
            {
                "state": dice.choice(WORDS),
                "years": years if dice.random() < 0.95 else None,
                "inserted": text(inserted),
                "published": None if dice.random() < 0.3 else text(issued),
                "expired": text(dice.choice([live, inserted + years * 365 * DAY])),
                "key": dice.choice([None, "ours", "theirs"]),
                "serial": dice.choice([None, "a1", "a1", "b2"]),
                "row": dice.random() < 0.3,
            }
        )
        asked = Asked(
            dice.choice(["ours", "theirs"]),
            NOW - dice.choice([0.01, 1, 3, 59, 61, 6000]) * timedelta(minutes=1),
            dice.choice([None, "a1"]),
            dice.random() < 0.5,
        )
        found.append(
            Situation(
                order=order,
                now=NOW,
                renew_before_days=dice.choice([1, 7, 30, 120]),
                reason=None if dice.random() < 0.2 else "due",
                urgent=dice.random() < 0.4,
                key=dice.choice([None, "ours", "ours", "theirs"]),
                live_serial=dice.choice([None, "a1", "a1"]),
                live_end=None if dice.random() < 0.2 else live,
                asked=asked if dice.random() < 0.4 else None,
            )
        )
    return found


SITUATIONS = situations()


def test_no_order_while_one_is_paid_for() -> None:
    """Whatever state, keys, serial numbers and requests say."""
    told: Counter[str] = Counter()
    for at in SITUATIONS:
        assert at.order is not None
        found = course.course(at)
        told[found.action] += 1
        assert found.reason
        if found.action == course.ORDER:
            assert at.reason is not None
            assert term.renewable(at.order, at.now, at.renew_before_days)
            if not term.over(at.order, at.now):
                assert not at.urgent
                assert at.order.issued or not course.first(at.order)
    print(f"\nsituations {sum(told.values())}, orders beside a paid one 0; {dict(told)}")
    assert set(told) == ACTIONS
    assert min(told.values()) > MANY // 400


def test_no_word_buys() -> None:
    """No state that the provider could show makes one buy again."""
    tried = 0
    for at in SITUATIONS:
        assert at.order is not None
        if not term.renewable(at.order, at.now, at.renew_before_days):
            for word in set(WORDS) - {at.order.state}:
                changed = replace(at, order=replace(at.order, state=word))
                assert course.course(changed).action != course.ORDER
                tried += 1
    assert tried > MANY


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20))
def test_no_word_that_nobody_thought_of_buys(word: str) -> None:
    for at in SITUATIONS[:50]:
        assert at.order is not None
        if not term.renewable(at.order, at.now, at.renew_before_days):
            assert course.course(replace(at, order=replace(at.order, state=word))).action != course.ORDER


def test_no_reissue_beside_another() -> None:
    """Asked for only when the order is at rest, and not while an earlier request may still show."""
    again = 0
    for at in SITUATIONS:
        assert at.order is not None
        if course.course(at).action == course.REISSUE:
            assert at.order.issued
            assert at.reason is not None
            if at.asked is not None and at.asked.key == at.key:
                again += 1
                assert at.now - at.asked.since >= timedelta(minutes=60 if at.asked.accepted else 2)
    assert again > 50


def test_nothing_needed_is_nothing_asked() -> None:
    told = Counter(course.course(replace(at, reason=None)).action for at in SITUATIONS)
    assert set(told) == {course.NOTHING, course.FETCH}


def test_a_row_and_the_detail_agree_about_money() -> None:
    """sslmarket_order decides by the list, sslmarket_certificate by the detail: never one an order and the other a reissue."""
    seen: Counter[tuple[str, str]] = Counter()
    for at in SITUATIONS:
        if not isinstance(at.order, Detail):
            continue
        row = replace(at, order=Row(**{name: getattr(at.order, name) for name in ROW}))
        seen[course.course(row).action, course.course(at).action] += 1
    assert not {("order", "reissue"), ("reissue", "order"), ("order", "wait"), ("later", "order")} & set(seen)
    assert seen["order", "order"] > 100
    assert seen["reissue", "reissue"] > 100


def test_the_time_of_the_next_order_is_said() -> None:
    at = situation(next(case for case in CASES if case["action"] == "later"))
    assert at.order is not None
    end = term.end_of(at.order)
    assert end is not None
    assert iso(end.replace(tzinfo=UTC) - 30 * DAY)[:10] in course.course(at).reason
