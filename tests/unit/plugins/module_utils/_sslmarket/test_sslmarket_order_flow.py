# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sslmarket_order for many certificates: limits of a day, permission to buy, failures of some, check mode, and what is shown."""

from __future__ import annotations

import importlib
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import NotSent, OutcomeUnknown

from tests.support import ordering
from tests.support.desk import DAY, Desk, Killed, Outcome, broken, failing, instead, lost

NAME = "www.alpha.test"
POST = "POST /order/certificate"
CUT = OutcomeUnknown("cut off")
HOUR = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def names(count: int) -> list[str]:
    return [f"c{number}.alpha.test" for number in range(count)]


def listed(desk: Desk, *wanted: str, **more: Any) -> dict[str, Any]:
    entries = [{"csr_path": desk.csr(name)} for name in wanted]
    options = {**desk.access(), "product_code": ordering.PRODUCT, "certificates": entries}
    return {**options, **ordering.CONTACTS, **more}


def call(desk: Desk, *wanted: str, check: bool = False, diff: bool = False, **more: Any) -> Outcome:
    return desk.call("sslmarket_order", listed(desk, *wanted, **more), check=check, diff=diff)


def tree(*places: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for place in places for path in sorted(place.rglob("*")) if path.is_file()}


# --- many -------------------------------------------------------------------------------------------------------------


def test_many_at_once(desk: Desk) -> None:
    wanted = names(30)
    done = call(desk, *wanted, max_orders_per_day=30)
    assert (done.failed, desk.posts, desk.booked) == (False, 30, 30)
    assert [each["name"] for each in done.result["orders"]] == wanted
    assert {step["cost"] for step in done.result["steps"]} == {"paid"}
    again = call(desk, *wanted, max_orders_per_day=30)
    assert (again.steps, again.result["changed"], desk.posts) == ([], False, 30)


def test_two_entries_for_the_same_order(desk: Desk) -> None:
    """They would take the one order from each other, run by run."""
    options = listed(desk)
    options["certificates"] = [{"name": name, "csr_path": desk.csr(NAME, file=name)} for name in ("a", "b")]
    done = desk.call("sslmarket_order", options)
    assert (done.kind, desk.posts) == ("usage", 0)
    assert "a is for the same product and names" in str(done.result["msg"])


def test_one_that_fails_holds_up_no_other(desk: Desk) -> None:
    desk.fault(POST, instead(400, {"error": "no"}, work=False))
    done = call(desk, *names(4))
    assert (done.failed, done.kind, desk.booked) == (True, "provider", 3)
    assert len(done.result["done"]) == 3
    assert len(done.result["open"]) == 1
    assert done.result["changed"] is True
    assert sum(each["order_id"] is not None for each in done.result["orders"]) == 3
    assert (call(desk, *names(4)).failed, desk.posts, desk.booked) == (False, 5, 4)


def test_all_failures_are_named(desk: Desk) -> None:
    desk.fault(POST, broken(NotSent("cannot be reached")), times=2)
    done = call(desk, *names(3))
    assert len(done.result["error"]["failed"]) == 2
    assert "2 of 3 failed" in done.result["msg"]


def test_an_error_of_all_is_told_for_each_in_its_own_name(desk: Desk) -> None:
    """The products are asked for once; each certificate's sentence starts with its own name, and with no other."""
    wanted = names(3)
    desk.fault("GET /product/list", broken(NotSent("nobody answers")), times=100)
    for chosen in (wanted[:1], wanted):
        done = call(desk, *chosen)
        told = done.result["error"]["failed"]
        assert set(told) == set(chosen)
        assert set(told.values()) == {"nobody answers."}
        assert done.result["msg"].count(chosen[0]) == 1


def test_a_mixed_list(tmp_path: Path) -> None:
    """One to buy, one to adopt, one to edit, one unknown, one in order: each gets its own."""
    desk = Desk(tmp_path, dcv="look")
    buy, adopt, edit, missing, fine = names(5)
    other = {**listed(desk, adopt), "journal_dir": str(tmp_path / "other")}
    desk.call("sslmarket_order", other)
    call(desk, edit, fine)
    desk.fault(POST, broken(CUT))
    call(desk, missing)
    options = listed(desk, buy, adopt, edit, missing, fine)
    options["certificates"][2]["dv_auth_method"] = "Email"
    done = desk.call("sslmarket_order", options)
    assert Counter(done.steps) == Counter([f"order {buy}", f"adopt {adopt}", f"edit {edit}", f"look_up {missing}"])
    assert (done.kind, done.result["error"]["failed"].keys()) == ("outcome_unknown", {missing})
    again = desk.call("sslmarket_order", options)
    assert (again.steps, again.kind) == ([], "outcome_unknown")


# --- the limit of a day -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "most"), [(3, 2), (11, 10), (1, 0)])
def test_more_than_a_day_allows(desk: Desk, wanted: int, most: int) -> None:
    """All or nothing."""
    for check in (True, False):
        done = call(desk, *names(wanted), check=check, max_orders_per_day=most)
        assert (done.kind, desk.posts) == ("state", 0)
        assert f"{wanted} orders would be placed" in done.result["msg"]
        assert "Raise max_orders_per_day" in done.result["msg"]
    assert not list(desk.journal.glob("purchases/*/*.json"))


def test_the_limit_counts_over_runs_and_journals_alike(desk: Desk) -> None:
    call(desk, *names(6), max_orders_per_day=10)
    desk.clock.sleep(DAY / 2)
    others = [f"d{number}.alpha.test" for number in range(5)]
    assert (call(desk, *others).failed, desk.posts) == (True, 6)
    assert (call(desk, *others[:4]).failed, desk.posts) == (False, 10)
    desk.clock.sleep(DAY / 2 + 1)
    assert (call(desk, others[4]).failed, desk.posts) == (False, 11)


def test_what_is_refused_does_not_count(desk: Desk) -> None:
    for _number in range(5):
        desk.fault(POST, instead(400, {"error": "no"}, work=False))
        assert call(desk, NAME, max_orders_per_day=1).failed
    assert (call(desk, NAME, max_orders_per_day=1).failed, desk.booked) == (False, 1)


def test_what_nobody_knows_counts(desk: Desk) -> None:
    desk.fault(POST, lost(CUT))
    call(desk, NAME, max_orders_per_day=1)
    assert (call(desk, "other.alpha.test", max_orders_per_day=1).kind, desk.posts) == ("state", 1)


def test_an_adopted_order_does_not_count(desk: Desk) -> None:
    desk.call("sslmarket_order", {**desk.order(NAME), "journal_dir": str(desk.directory / "other")})
    assert call(desk, NAME, max_orders_per_day=1).steps == [f"adopt {NAME}"]
    assert not call(desk, NAME, "other.alpha.test", max_orders_per_day=1).failed


def test_others_go_on_beside_the_limit(desk: Desk) -> None:
    """Adoptions and edits cost nothing."""
    desk.call("sslmarket_order", {**desk.order(NAME), "journal_dir": str(desk.directory / "other")})
    done = call(desk, NAME, *names(3), max_orders_per_day=2)
    assert (done.kind, desk.posts) == ("state", 1)
    assert done.steps == [f"adopt {NAME}"]
    assert set(done.result["error"]["failed"]) == set(names(3))


# --- permission to buy ------------------------------------------------------------------------------------------------


def test_without_permission(desk: Desk) -> None:
    for check in (True, False):
        done = call(desk, NAME, allow_purchase=False, years=2, check=check)
        assert (done.failed, done.result["changed"], done.steps, desk.posts) == (False, False, [], 0)
        assert done.result["would_buy"] == [
            {"name": NAME, "product_code": ordering.PRODUCT, "years": 2, "names": [NAME]}
        ]
    assert not desk.journal.exists()
    assert call(desk, NAME).result["would_buy"] == []
    assert call(desk, NAME, allow_purchase=False).result["would_buy"] == []


def test_everything_else_is_done_without_permission(desk: Desk) -> None:
    desk.fault(POST, lost(CUT))
    call(desk, NAME)
    done = call(desk, NAME, "other.alpha.test", allow_purchase=False)
    assert done.steps == [f"adopt {NAME}"]
    assert [each["name"] for each in done.result["would_buy"]] == ["other.alpha.test"]
    assert desk.posts == 1


def test_no_limit_without_permission(desk: Desk) -> None:
    done = call(desk, *names(20), allow_purchase=False)
    assert (done.failed, len(done.result["would_buy"])) == (False, 20)


# --- check mode -------------------------------------------------------------------------------------------------------


def bought(desk: Desk) -> None:
    call(desk, NAME)


def another_journal(desk: Desk) -> None:
    desk.call("sslmarket_order", {**desk.order(NAME), "journal_dir": str(desk.directory / "other")})


def stranger(desk: Desk) -> None:
    options = {**desk.order(NAME, file="theirs"), "journal_dir": str(desk.directory / "other")}
    desk.call("sslmarket_order", options)


def not_answered(desk: Desk) -> None:
    desk.fault(POST, lost(CUT))
    call(desk, NAME)


def not_booked(desk: Desk) -> None:
    desk.fault(POST, broken(CUT))
    call(desk, NAME)


def looked_at(desk: Desk) -> None:
    not_booked(desk)
    call(desk, NAME)


def quiet_is_over(desk: Desk) -> None:
    looked_at(desk)
    desk.clock.sleep(7 * HOUR)


def term_is_over(desk: Desk) -> None:
    bought(desk)
    desk.clock.sleep(400 * DAY)


def term_ends(desk: Desk) -> None:
    bought(desk)
    desk.clock.sleep(340 * DAY)


def odd_word(desk: Desk) -> None:
    bought(desk)
    desk.market.set_word(desk.newest(), "vyřizuje se")


def wrong_clock(desk: Desk) -> None:
    desk.skew = 5 * DAY


STATES = {
    function.__name__: function
    for function in (
        *(bought, another_journal, stranger, not_answered, not_booked, looked_at, quiet_is_over),
        *(term_is_over, term_ends, odd_word, wrong_clock),
    )
}


@pytest.mark.parametrize("dcv", ["none", "look"])
@pytest.mark.parametrize("eager", [False, True], ids=["", "eager"])
@pytest.mark.parametrize("state", ["nothing", *STATES])
def test_check_mode_says_what_the_run_does(tmp_path: Path, state: str, eager: bool, dcv: str) -> None:
    desk = Desk(tmp_path, dcv=dcv)
    if state != "nothing":
        STATES[state](desk)
    more: dict[str, Any] = {"on_unknown": "resubmit", "tech": {**ordering.CONTACTS["tech"], "lastname": "New"}}
    more = more if eager else {}
    desk.csr(NAME)
    before, written = tree(desk.journal), len(desk.writes)
    predicted = call(desk, NAME, check=True, **more)
    assert (tree(desk.journal), len(desk.writes)) == (before, written)
    real = call(desk, NAME, **more)
    assert predicted.steps == real.steps
    assert predicted.failed == real.failed
    assert predicted.kind == real.kind
    if not real.failed:
        assert predicted.result["changed"] == real.result["changed"]
        again = call(desk, NAME, **more)
        assert (again.result["changed"], again.steps) == (False, [])


def test_diff(desk: Desk) -> None:
    done = call(desk, NAME, "b.alpha.test", years=2, diff=True)
    text = f"a paid order for {ordering.PRODUCT} of %s, 2 years"
    assert done.result["diff"] == {
        "before": {NAME: "no order", "b.alpha.test": "no order"},
        "after": {NAME: text % NAME, "b.alpha.test": text % "b.alpha.test"},
    }
    assert done.result["reason"] == (
        f"{NAME}: {text % NAME} (a certificate is wanted); b.alpha.test: {text % 'b.alpha.test'} (a certificate is wanted)"
    )
    assert call(desk, NAME, years=2, diff=True).result["diff"] == {"before": {}, "after": {}}


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_is_to_be_published(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    for method, part in (("DNS", "records"), ("FILE", "files")):
        name = f"{method.lower()}.alpha.test"
        done = call(desk, name, dv_auth_method=method)
        (shown,) = done.result["orders"]
        assert (shown["pending"], shown["issued"], shown["action"]) == (True, False, "order")
        assert shown["dcv"]["method"] == method
        (entry,) = shown["dcv"][part]
        assert desk.newest().content in (entry.get("value"), entry.get("content"))
        assert call(desk, name, dv_auth_method=method).result["orders"][0]["dcv"] == shown["dcv"]


def test_what_an_order_shows(desk: Desk) -> None:
    call(desk, NAME)
    (shown,) = call(desk, NAME).result["orders"]
    order = desk.newest()
    assert {name: shown[name] for name in ("name", "names", "order_id", "years", "product_code")} == {
        "name": NAME,
        "names": [NAME],
        "order_id": order.id,
        "years": 1,
        "product_code": ordering.PRODUCT,
    }
    assert (shown["state"], shown["issued"], shown["action"], shown["dcv"]) == ("published", True, None, None)
    assert (shown["pending"], shown["duplicates"]) == (False, [])


def test_results_have_what_is_documented(desk: Desk) -> None:
    module = importlib.import_module("ansible_collections.certfleet.reseller.plugins.modules.sslmarket_order")
    documented = yaml.safe_load(module.RETURN)
    done = call(desk, NAME)
    assert set(done.result) - {"changed"} == set(documented)
    assert set(done.result["orders"][0]) == set(documented["orders"]["contains"])


def test_duplicates_are_reported_in_both_journals(desk: Desk) -> None:
    call(desk, NAME)
    first = desk.newest().id
    other = {**desk.order(NAME, file="theirs"), "journal_dir": str(desk.directory / "other"), "abandoned": [first]}
    desk.call("sslmarket_order", other)
    second = desk.newest().id
    for options in (listed(desk, NAME), {**other, "abandoned": []}):
        done = desk.call("sslmarket_order", options)
        assert not done.failed
        assert any(f"{first}, {second}" in text for text in done.warnings), done.warnings
        (shown,) = done.result["orders"]
        assert sorted([shown["order_id"], *shown["duplicates"]]) == [first, second]


# --- sets -------------------------------------------------------------------------------------------------------------


def sets(desk: Desk, *wanted: str, **more: Any) -> Outcome:
    return desk.call("sslmarket_order", {**desk.in_sets(*wanted), **ordering.CONTACTS, **more})


def test_sets(desk: Desk) -> None:
    wanted = names(5)
    desk.request_sets(*wanted)
    assert len(sets(desk, *wanted).steps) == 5
    assert sets(desk, *wanted).steps == []
    fetched = desk.call("sslmarket_certificate", desk.in_sets(*wanted))
    assert not fetched.failed, fetched.result
    desk.sent.clear()
    assert (sets(desk, *wanted).result["changed"], desk.sent) == (False, [])


def test_a_set_that_is_lost_is_not_bought_again(desk: Desk) -> None:
    desk.request_sets(NAME)
    sets(desk, NAME)
    desk.call("sslmarket_certificate", desk.in_sets(NAME))
    shutil.rmtree(desk.directory / "sets")
    desk.request_sets(NAME)
    assert (sets(desk, NAME).steps, desk.posts) == ([], 1)
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.failed, done.steps, desk.posts) == (False, [f"reissue {NAME}"], 1)


def test_a_request_made_anew_goes_to_the_open_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    desk.request_sets(NAME)
    sets(desk, NAME)
    shutil.rmtree(desk.directory / "sets")
    desk.request_sets(NAME)
    assert sets(desk, NAME).steps == [f"edit {NAME}"]
    assert sets(desk, NAME).steps == []
    desk.market.turn({"dcv": "none"})
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.failed, desk.posts) == (False, 1), done.result


# --- years of nights --------------------------------------------------------------------------------------------------


def night(desk: Desk, dice: random.Random, told: Counter[str]) -> None:
    """certificate_request, sslmarket_order, sslmarket_certificate, with whatever goes wrong in between."""
    desk.faults.clear()
    if dice.random() < 0.3:
        answers = [
            lost(CUT),
            broken(CUT),
            broken(NotSent("x")),
            instead(201, b""),
            instead(404, {"error": "x"}, work=False),
        ]
        answers += [instead(502, b"<html>"), instead(502, b"<html>", work=False), instead(429, b"", work=False)]
        part = dice.choice([POST, "GET /order", "GET /cert", "POST /cert", "PUT"])
        desk.fault(part, dice.choice(answers), times=dice.choice([1, 2, 30]))
        told["nights with faults"] += 1
    desk.request_sets(NAME)
    order = {**desk.in_sets(NAME), **ordering.CONTACTS, "on_unknown": dice.choice(["fail", "resubmit"])}
    runs = [("sslmarket_order", order), ("sslmarket_certificate", {**desk.in_sets(NAME), "wait_timeout": 30})]
    for module, options in runs:
        kill = dice.randrange(1, 50)  # most nights write nothing
        try:
            with failing(desk, kill, Killed()):
                done = desk.call(module, options)
            assert done.kind != "internal", done.result
            told["runs"] += 1
        except Killed:
            told["kills"] += 1


@pytest.mark.parametrize("seed", range(5))
def test_years_of_nights(tmp_path: Path, seed: int) -> None:
    """Answers get lost, runs are killed, lists lag, keys or the journal are lost: one order for each year, whatever happens."""
    dice, told = random.Random(f"20261122/{seed}"), Counter[str]()
    desk = Desk(tmp_path)
    while desk.clock.passed < 3 * 365 * DAY:
        desk.market.turn({"list_lag": dice.choice([0.0, 600.0]), "csr_while_reissuing": dice.choice(["old", "new"])})
        desk.market.turn({"expired_is": dice.choice(["term", "certificate"]), "short_days": dice.choice([0, 0, 5])})
        lost_part = dice.choice(["sets", "journal"]) if dice.random() < 0.02 else ""
        if lost_part:
            shutil.rmtree(desk.directory / lost_part, ignore_errors=True)
            told[f"{lost_part} lost"] += 1
        night(desk, dice, told)
        desk.clock.sleep(dice.choice([HOUR, DAY, 5 * DAY, 20 * DAY]))
        starts = sorted(order.inserted for order in desk.market.all())
        gaps = [(later - earlier) / DAY for earlier, later in zip(starts, starts[1:])]
        assert all(gap > 330 for gap in gaps), gaps
    print(f"\norders {desk.booked} in 3 years, requests to buy {desk.posts}, twice 0; {dict(told)}")
    assert 3 <= desk.booked <= 4
