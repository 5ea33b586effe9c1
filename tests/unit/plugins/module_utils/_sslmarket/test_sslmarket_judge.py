# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an order is placed, adopted, edited or waited for: every guard before money moves, and what lets it move again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import OutcomeUnknown

from tests.support import ordering
from tests.support.desk import DAY, Desk, Outcome, broken, changed, instead, lost

NAME = "www.alpha.test"
POST = "POST /order/certificate"
HOUR = 3600.0
CUT = OutcomeUnknown("cut off")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def call(desk: Desk, **more: Any) -> Outcome:
    return desk.call("sslmarket_order", desk.order(NAME, **more))


def one(done: Outcome) -> dict[str, Any]:
    (found,) = done.result["orders"]
    return dict(found)


def elsewhere(desk: Desk, file: str | None = "theirs") -> int:
    """An order of another controller."""
    options = {**desk.order(NAME, file=file), "journal_dir": str(desk.directory / "other")}
    done = desk.call("sslmarket_order", options)
    assert not done.failed, done.result
    return int(desk.newest().id)


# --- the right time ---------------------------------------------------------------------------------------------------


def test_a_year(desk: Desk) -> None:
    """Once; nothing until thirty days before the end of the term; once."""
    told: Counter[str] = Counter()
    for day in range(0, 365, 5):
        done = call(desk)
        assert not done.failed, done.result
        told.update(done.steps or ["nothing"])
        assert desk.booked == (2 if day >= 335 else 1), day
        desk.clock.sleep(5 * DAY)
    assert told == {f"order {NAME}": 2, "nothing": 71}


def test_three_years(desk: Desk) -> None:
    for day in range(0, 3 * 365, 20):
        assert not call(desk, years=3).failed
        assert desk.booked == (2 if day >= 3 * 365 - 30 else 1), day
        desk.clock.sleep(20 * DAY)


@pytest.mark.parametrize("days", [1, 7, 30, 120])
def test_how_early_the_next_order_is(desk: Desk, days: int) -> None:
    call(desk)
    desk.clock.sleep((365 - days - 1) * DAY)
    assert call(desk, renew_before_days=days).steps == []
    desk.clock.sleep(DAY)
    assert call(desk, renew_before_days=days).steps == [f"order {NAME}"]


@pytest.mark.parametrize("days", [0, -1, 121, 3650])
def test_how_early_it_cannot_be(desk: Desk, days: int) -> None:
    done = call(desk, renew_before_days=days)
    assert (done.kind, desk.sent) == ("usage", [])


@pytest.mark.parametrize("word", ["published", "waiting", "revoked", "expired", "storno", ""])
def test_no_state_makes_it_buy_again(desk: Desk, word: str) -> None:
    call(desk)
    desk.market.set_word(desk.newest(), word)
    for _quarter in range(4):
        assert not call(desk).failed
        desk.clock.sleep(80 * DAY)
    assert desk.booked == 1
    desk.clock.sleep(60 * DAY)
    assert (call(desk).steps, desk.booked) == ([f"order {NAME}"], 2)


@pytest.mark.parametrize("method", ["DNS", "FILE", "Email"])
def test_an_order_that_nobody_validates(tmp_path: Path, method: str) -> None:
    """It is waited for as long as its term could last."""
    desk = Desk(tmp_path, dcv="look")
    for _month in range(12):
        assert not call(desk, dv_auth_method=method).failed
        desk.clock.sleep(30 * DAY)
    assert desk.booked == 1


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-4000, -2, -1.01, 1.01, 2, 4000])
def test_a_wrong_clock(desk: Desk, days: float) -> None:
    desk.skew = days * DAY
    done = call(desk)
    assert (done.kind, desk.posts) == ("state", 0)
    assert "this machine says it is" in done.result["msg"]
    assert "wrong by more than a day" in done.result["msg"]


@pytest.mark.parametrize("days", [-0.99, 0, 0.99])
def test_clocks_differ(desk: Desk, days: float) -> None:
    desk.skew = days * DAY
    assert not call(desk).failed


def test_a_provider_without_a_clock(desk: Desk) -> None:
    for path in ("GET /order/list", "GET /product/list"):
        desk.fault(path, lambda work: instead(200, work().content, work=False)(work), times=2)
    assert not call(desk).failed


def test_a_clock_that_jumps_does_not_buy(desk: Desk) -> None:
    """Each certificate looks old, each term over; the provider's clock says otherwise."""
    call(desk)
    desk.skew = -500 * DAY
    desk.clock.sleep(500 * DAY)
    assert (call(desk).kind, desk.booked) == ("state", 1)


def test_dates_that_are_wrong_do_not_buy(desk: Desk) -> None:
    """The order of yesterday looks three years old: whatever dates say, not within half of its term."""
    call(desk)
    desk.clock.sleep(DAY)
    old = {"inserted": "2023-01-01 10:00:00", "published": "2023-01-01 10:00:00", "expired": "2024-01-01 10:00:00"}
    desk.market.turn({"replace": old})
    done = call(desk)
    assert (done.kind, desk.posts) == ("state", 1)
    assert f"order {desk.newest().id} was placed at" in done.result["msg"]
    assert "list that number in abandoned" in done.result["msg"]
    desk.clock.sleep(181 * DAY)
    assert call(desk).failed
    desk.clock.sleep(DAY)
    call(desk)
    for _day in range(180):
        assert (call(desk).kind, desk.posts) == ("state", 2)
        desk.clock.sleep(DAY)


# --- orders that are not ours -----------------------------------------------------------------------------------------


def test_a_stranger_stops_the_purchase(desk: Desk) -> None:
    theirs = elsewhere(desk)
    done = call(desk)
    assert (done.kind, desk.posts) == ("state", 1)
    assert f"a paid order for {ordering.PRODUCT} of {NAME} that is not in the journal: {theirs}" in done.result["msg"]
    assert done.result["error"]["orders"] == [theirs]


def test_all_strangers_are_named(desk: Desk) -> None:
    ids = [elsewhere(desk)]
    shutil.rmtree(desk.directory / "other")
    options = {**desk.order(NAME, file="third"), "journal_dir": str(desk.directory / "third"), "abandoned": ids}
    desk.call("sslmarket_order", options)
    ids.append(desk.newest().id)
    assert sorted(call(desk).result["error"]["orders"]) == ids


def test_a_stranger_is_adopted_by_its_number(desk: Desk) -> None:
    theirs = elsewhere(desk)
    done = call(desk, order_id=theirs)
    assert (done.steps, one(done)["order_id"]) == ([f"adopt {NAME}"], theirs)
    assert (call(desk, order_id=theirs).steps, call(desk).steps, desk.posts) == ([], [], 1)


def test_a_stranger_that_does_not_count(desk: Desk) -> None:
    theirs = elsewhere(desk)
    assert call(desk, abandoned=[theirs]).steps == [f"order {NAME}"]
    assert (call(desk, abandoned=[theirs]).steps, desk.posts) == ([], 2)
    done = call(desk)  # forgotten: it is reported
    assert done.steps == []
    assert any(f"{theirs}, {desk.newest().id}" in text for text in done.warnings)


def test_a_stranger_near_its_end_is_in_nobody_s_way(desk: Desk) -> None:
    elsewhere(desk)
    desk.clock.sleep(336 * DAY)
    assert call(desk).steps == [f"order {NAME}"]


@pytest.mark.parametrize("word", ["revoked", "expired", "storno", "waiting"])
def test_a_stranger_in_any_state(desk: Desk, word: str) -> None:
    elsewhere(desk)
    desk.market.set_word(desk.newest(), word)
    assert (call(desk).kind, desk.posts) == ("state", 1)


def test_ours_by_its_key(desk: Desk) -> None:
    """The journal was lost, the request was not."""
    ours = elsewhere(desk, file=None)
    done = call(desk)
    assert (done.steps, one(done)["order_id"], desk.posts) == ([f"adopt {NAME}"], ours, 1)
    assert call(desk).steps == []


def test_journal_and_key_are_lost(desk: Desk) -> None:
    call(desk)
    shutil.rmtree(desk.journal)
    done = desk.call("sslmarket_order", desk.order(NAME, file="new"))
    assert (done.kind, desk.posts) == ("state", 1)


# --- a number that is given -------------------------------------------------------------------------------------------


def test_a_given_order_near_its_end(desk: Desk) -> None:
    theirs = elsewhere(desk)
    assert not call(desk, order_id=theirs).failed
    desk.clock.sleep(336 * DAY)
    done = call(desk, order_id=theirs)
    assert (done.kind, desk.posts) == ("usage", 1)
    assert f"order {theirs} is given, and its term ends" in done.result["msg"]
    assert "Take order_id away" in done.result["msg"]
    assert call(desk).steps == [f"order {NAME}"]


def test_a_given_order_that_is_edited(tmp_path: Path) -> None:
    """Adopted, and then made what is wanted, in one run."""
    desk = Desk(tmp_path, dcv="look")
    theirs = elsewhere(desk)
    done = call(desk, order_id=theirs)
    assert (done.failed, done.steps) == (False, [f"adopt {NAME}"])
    assert "PUT /order/order_id/%d" % theirs in desk.sent
    assert (call(desk, order_id=theirs).steps, desk.posts) == ([], 1)
    assert desk.newest().csr == Path(desk.csr(NAME)).read_text()


# --- unknown outcomes -------------------------------------------------------------------------------------------------


def unknown(desk: Desk, booked: bool) -> None:
    desk.fault(POST, (lost if booked else broken)(CUT))
    done = call(desk)
    assert (done.kind, done.result["changed"]) == ("outcome_unknown", False)


def purchase_of(desk: Desk, number: int = 1) -> dict[str, Any]:
    (path,) = desk.journal.glob(f"purchases/*/{number:04d}.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_it_was_booked(desk: Desk) -> None:
    unknown(desk, booked=True)
    done = call(desk)
    assert (done.steps, done.failed, desk.posts) == ([f"adopt {NAME}"], False, 1)
    assert (purchase_of(desk)["state"], purchase_of(desk)["adopted"]) == ("placed", False)
    assert call(desk).steps == []


@pytest.mark.parametrize("lag", [0.5, 3, 5.9, 30, 400])
def test_it_is_listed_late(tmp_path: Path, lag: float) -> None:
    """However late: until then nothing is ordered, and then it is adopted."""
    desk = Desk(tmp_path, list_lag=lag * HOUR)
    unknown(desk, booked=True)
    while desk.clock.passed < lag * HOUR:
        assert call(desk).kind == "outcome_unknown"
        desk.clock.sleep(max(900, lag * HOUR / 20))
    assert (call(desk).failed, desk.posts) == (False, 1)


def test_it_was_not_booked_and_nobody_may_decide(desk: Desk) -> None:
    """on_unknown=fail: it never comes to an end by itself."""
    unknown(desk, booked=False)
    for _day in range(10):
        done = call(desk)
        assert (done.kind, desk.posts) == ("outcome_unknown", 1)
        desk.clock.sleep(DAY)
    assert "run once with on_unknown: resubmit" in done.result["msg"]
    assert not call(desk, on_unknown="resubmit").failed
    assert (desk.posts, desk.booked) == (2, 1)


def test_resubmitted_after_the_quiet_period_and_two_looks(desk: Desk) -> None:
    unknown(desk, booked=False)
    start = desk.clock.passed
    told: list[tuple[float, str | None]] = []
    while desk.posts == 1:
        desk.clock.sleep(HOUR / 2)
        told.append((desk.clock.passed - start, call(desk, on_unknown="resubmit").kind))
    assert told[-1] == (6 * HOUR, None)
    assert {kind for _when, kind in told[:-1]} == {"outcome_unknown"}
    assert (purchase_of(desk)["state"], purchase_of(desk, 2)["state"], desk.booked) == ("lost", "placed", 1)


@pytest.mark.parametrize("late", [6.1, 50, 5000])
def test_one_look_is_not_enough(desk: Desk, late: float) -> None:
    """The first look after the quiet period is the first one: another follows, later."""
    unknown(desk, booked=False)
    desk.clock.sleep(late * HOUR)
    assert call(desk, on_unknown="resubmit").kind == "outcome_unknown"
    desk.clock.sleep(1.4 * HOUR)
    assert call(desk, on_unknown="resubmit").kind == "outcome_unknown"
    desk.clock.sleep(0.2 * HOUR)
    assert (call(desk, on_unknown="resubmit").failed, desk.posts) == (False, 2)


def test_a_look_that_fails_is_none(desk: Desk) -> None:
    unknown(desk, booked=False)
    for _run in range(5):
        desk.clock.sleep(5 * HOUR)
        desk.fault("GET /order/list", instead(502, b"<html>"), times=20)
        done = call(desk, on_unknown="resubmit")
        desk.faults.clear()
        assert (done.failed, desk.posts) == (True, 1)
        assert purchase_of(desk)["looked"] is None


def test_the_same_request_is_sent_again(desk: Desk) -> None:
    """With the same key it would be recognised, should both be booked."""
    unknown(desk, booked=False)
    for _run in range(2):
        desk.clock.sleep(7 * HOUR)
        call(desk, on_unknown="resubmit")
    first, second = [body for line, body in zip(desk.sent, desk.bodies) if line.startswith(POST)]
    assert first == second
    assert purchase_of(desk)["public_key"] == purchase_of(desk, 2)["public_key"]


def test_resubmitted_and_lost_again(desk: Desk) -> None:
    unknown(desk, booked=False)
    for _run in range(2):
        desk.clock.sleep(7 * HOUR)
        desk.faults[:] = [(POST, lost(CUT))]
        done = call(desk, on_unknown="resubmit")
    assert done.kind == "outcome_unknown"
    assert (call(desk).failed, desk.posts, desk.booked) == (False, 2, 1)


def test_a_purchase_with_another_key_does_not_follow(desk: Desk) -> None:
    """The request was made anew meanwhile: the open purchase is for the old one, and counts."""
    unknown(desk, booked=True)
    done = desk.call("sslmarket_order", desk.order(NAME, file="new", on_unknown="resubmit", quiet_period=1))
    assert (done.failed, desk.posts) == (False, 1)


def test_the_order_came_into_being_in_another_way(desk: Desk) -> None:
    """Somebody ordered by hand while the outcome was unknown: that order is not for our key, and stops us."""
    unknown(desk, booked=False)
    elsewhere(desk)
    for _run in range(4):
        desk.clock.sleep(7 * HOUR)
        assert call(desk, on_unknown="resubmit").failed
    assert (desk.posts, desk.booked) == (2, 1)  # the other one's and ours


# --- what is checked before -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"product_code": "NO_SUCH_PRODUCT"}, "sells no product NO_SUCH_PRODUCT"),
        ({"product_code": "RAPIDSSL"}, "Did you mean RAPIDSSL_RAPIDSSL"),
        ({"years": 4}, "is sold for at most 3 years, not 4"),
        ({"product_code": "RAPIDSSL_RAPIDSSL_WILDCARD"}, "is for wildcards"),
        ({"product_code": "GEOTRUST_QUICKSSL_PREMIUM"}, "is for at least 1 names besides the domain"),
        ({"csr_path": None, "domain": NAME}, "needs a CSR"),
    ],
)
def test_what_cannot_be_ordered(desk: Desk, changes: dict[str, Any], told: str) -> None:
    options = {name: value for name, value in {**desk.order(NAME), **changes}.items() if value is not None}
    done = desk.call("sslmarket_order", options)
    assert told in done.result["msg"]
    assert (done.kind, desk.posts, list(desk.journal.glob("purchases/*/*.json"))) == ("usage", 0, [])


def test_without_a_look_at_the_products(desk: Desk) -> None:
    assert not call(desk, validate_product=False).failed
    assert "GET /product/list" not in desk.sent


def test_no_products_no_purchase(desk: Desk) -> None:
    desk.fault("GET /product/list", changed(lambda _answer: {"products": []}))
    assert (call(desk).kind, desk.posts) == ("usage", 0)


# --- edits ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(tmp_path: Path) -> Desk:
    """An order that is not issued yet."""
    desk = Desk(tmp_path, dcv="look")
    call(desk)
    desk.sent.clear()
    return desk


def edits(desk: Desk) -> list[str]:
    return [line for line in desk.sent if line.startswith("PUT /order/")]


def test_nothing_to_edit(waiting: Desk) -> None:
    assert (call(waiting).steps, edits(waiting)) == ([], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"tech": {**ordering.CONTACTS["tech"], "email": "new@alpha.test"}},
        {"owner": {**ordering.CONTACTS["owner"], "city": "Leeds"}},
        {"invoice": {**ordering.CONTACTS["invoice"], "email": "new@alpha.test"}},  # never shown, but sent before
        {"dv_auth_method": "Email"},
    ],
    ids=["tech", "owner", "invoice", "method"],
)
def test_edited_once(waiting: Desk, changes: dict[str, Any]) -> None:
    done = call(waiting, **changes)
    assert (done.steps, len(edits(waiting))) == ([f"edit {NAME}"], 1)
    assert (call(waiting, **changes).steps, len(edits(waiting))) == ([], 1)
    assert (waiting.posts, waiting.booked) == (0, 1)


def test_edited_though_the_provider_shows_it_in_its_own_way(waiting: Desk) -> None:
    """What was sent once is not sent again, else each run would change something."""
    waiting.market.turn({"replace": {"owner_city": "LONDON EC1A", "tech_lastname": "of Alpha"}})
    leeds = {"owner": {**ordering.CONTACTS["owner"], "city": "Leeds"}}
    assert call(waiting, **leeds).steps == [f"edit {NAME}"]
    assert call(waiting, **leeds).steps == []
    assert call(waiting, **leeds).steps == []


def test_a_new_request_for_an_open_order(waiting: Desk) -> None:
    done = waiting.call("sslmarket_order", waiting.order(NAME, file="new"))
    assert done.steps == [f"edit {NAME}"]
    assert waiting.call("sslmarket_order", waiting.order(NAME, file="new")).steps == []
    assert waiting.booked == 1


def test_what_the_edit_of_a_request_shows(waiting: Desk) -> None:
    done = waiting.call("sslmarket_order", waiting.order(NAME, file="new"), check=True, diff=True)
    before, after = done.result["diff"]["before"][NAME], done.result["diff"]["after"][NAME]
    assert set(before) == set(after) == {"csr"}
    assert before["csr"] != after["csr"]
    assert edits(waiting) == []


def test_a_refused_edit(waiting: Desk) -> None:
    waiting.fault("PUT /order/", instead(409, {"error": "conflict"}, work=False))
    """Told once, and not asked for in each run; the order goes on as it is."""
    leeds = {"owner": {**ordering.CONTACTS["owner"], "city": "Leeds"}}
    done = call(waiting, **leeds)
    assert (done.failed, done.steps) == (False, [f"edit {NAME}"])
    assert any("does not take the changes of order" in text and "owner_city" in text for text in done.warnings)
    assert call(waiting, **leeds).steps == []


def test_a_refused_request(waiting: Desk) -> None:
    """Without the new CSR there is no way on."""
    options = waiting.order(NAME, file="new")
    for _run in range(2):
        waiting.fault("PUT /order/", instead(409, {"error": "conflict"}, work=False))
        done = waiting.call("sslmarket_order", options)
        assert (done.kind, done.steps, waiting.booked) == ("provider", [f"edit {NAME}"], 1)
    assert not waiting.call("sslmarket_order", options).failed


def test_an_edit_that_nobody_answered(waiting: Desk) -> None:
    """It is sent again: it is the same."""
    waiting.fault("PUT /order/", lost(CUT))
    leeds = {"owner": {**ordering.CONTACTS["owner"], "city": "Leeds"}}
    assert call(waiting, **leeds).kind == "outcome_unknown"
    assert not call(waiting, **leeds).failed
    assert call(waiting, **leeds).steps == []


def test_too_late_to_edit(desk: Desk) -> None:
    call(desk)
    call(desk)
    leeds = {"owner": {**ordering.CONTACTS["owner"], "city": "Leeds"}}
    for _run in range(2):
        done = call(desk, **leeds)
        assert (done.failed, done.steps) == (False, [])
        assert any("can no longer be edited, and differs in owner_city" in text for text in done.warnings)
    assert not edits(desk)


def test_an_adopted_order_and_its_invoice(tmp_path: Path) -> None:
    """Which invoice it has nobody knows: it is sent when the user says so, once."""
    desk = Desk(tmp_path, dcv="look")
    elsewhere(desk, file=None)
    call(desk)
    assert not edits(desk)
    assert call(desk).steps == []
    assert call(desk, update_invoice=True).steps == [f"edit {NAME}"]
    assert call(desk, update_invoice=True).steps == []
    assert len(edits(desk)) == 1
    sent = next(body for line, body in zip(desk.sent, desk.bodies) if line.startswith("PUT /order/"))
    assert {name.split("_")[0] for name in json.loads(sent)} == {"invoice"}


def test_an_open_order_without_contacts(waiting: Desk) -> None:
    """A later call need not repeat them."""
    options = {name: value for name, value in waiting.order(NAME).items() if name not in ordering.CONTACTS}
    done = waiting.call("sslmarket_order", options)
    assert (done.failed, done.steps) == (False, [])
