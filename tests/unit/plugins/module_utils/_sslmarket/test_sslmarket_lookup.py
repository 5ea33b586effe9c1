# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the order of a certificate: by the journal, by its number, by the key; and what forbids to look no further and buy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    OutcomeUnknown,
    StateError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import items, journal
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Item, Present
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.journal import Purchase
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.lookup import (
    Finder,
    Position,
    unsettled,
    warning,
)

from tests.support import ordering
from tests.support.desk import DAY, URL, Desk, broken, changed, instead, lost
from tests.support.scripted import NOW, FakeClock

NAME = "www.alpha.test"
PRODUCT = ordering.PRODUCT
LIST, DETAIL = "GET /order/list", "GET /order/order_id"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def item(desk: Desk, file: str | None = None, **more: Any) -> Item:
    names = ("certificates", "sets_path", "csr", "csr_path", "domain", "dns_names", "years", "order_id", "name")
    given = {**dict.fromkeys(names), "csr_path": desk.csr(NAME, file=file), "product_code": PRODUCT, **more}
    (found,) = items.from_params(given)
    return found


def find(desk: Desk, made: Item | None = None, **account: Any) -> Position:
    made = made or item(desk)
    clock: Any = FakeClock()
    return Finder(desk.account(**account)).find(made, items.present(made, None, clock))


def place(desk: Desk, file: str | None = None, journal_name: str = "journal", **more: Any) -> int:
    """An order of this controller, or of another one with a journal of its own."""
    options = {**desk.order(NAME, file=file), "journal_dir": str(desk.directory / journal_name), **more}
    done = desk.call("sslmarket_order", options)
    assert not done.failed, done.result
    return int(desk.newest().id)


def elsewhere(desk: Desk, file: str | None = None, name: str = NAME) -> int:
    """Placed in the customer's account, by hand."""
    made = desk.account()
    body = {f"{group}_{field}": text for group, fields in ordering.CONTACTS.items() for field, text in fields.items()}
    return made.api.place(
        PRODUCT, {"domain": name, "years": 1, "csr": Path(desk.csr(name, file=file)).read_text(), **body}
    )


def refusal(call: Any) -> CollectionError:
    with pytest.raises(CollectionError) as refused:
        call()
    return refused.value


# --- one view of the account ------------------------------------------------------------------------------------------


def test_the_list_is_read_once(desk: Desk) -> None:
    finder = Finder(desk.account())
    made = item(desk)
    for _number in range(3):
        finder.find(made, Present("wanted"))
    assert desk.sent == [LIST]


def test_nothing_is_there(desk: Desk) -> None:
    assert find(desk) == Position()
    elsewhere(desk, name="other.alpha.test")
    assert find(desk) == Position()


@pytest.mark.parametrize("missing", [{"product_code": None}, {"csr_path": None, "order_id": 7}])
def test_product_and_names_are_needed(desk: Desk, missing: dict[str, Any]) -> None:
    error = refusal(lambda: find(desk, item(desk, **missing)))
    assert error.message == "product_code and domain are needed to find the order"


@pytest.mark.parametrize(
    "fault",
    [
        broken(OutcomeUnknown("cut off")),
        instead(500),
        instead(200, b"<html>"),
        instead(200, b"{}"),
        instead(403, b"{}"),
    ],
    ids=["cut off", "500", "page", "no list", "403"],
)
def test_no_list_is_not_an_empty_list(desk: Desk, fault: Any) -> None:
    desk.fault(LIST, fault, times=30)
    refusal(lambda: find(desk))
    done = desk.call("sslmarket_order", desk.order(NAME))
    assert (done.failed, desk.posts) == (True, 0)


# --- by the journal ---------------------------------------------------------------------------------------------------


def test_an_order_of_the_journal(desk: Desk) -> None:
    order_id = place(desk)
    desk.sent.clear()
    found = find(desk)
    assert found.order is not None
    assert (found.order.order_id, found.adopt, found.open, found.duplicates) == (order_id, None, None, ())
    assert found.seen == (order_id,)
    assert desk.sent == [LIST]


def test_the_key_may_have_changed_since(desk: Desk) -> None:
    order_id = place(desk)
    found = find(desk, item(desk, file="new"))
    assert found.order is not None
    assert (found.order.order_id, found.adopt) == (order_id, None)


@pytest.mark.parametrize("knobs", [{"list_limit": 1}, {"omit_published": True}, {"omit_closed": True}])
def test_a_list_that_is_cut_short(desk: Desk, knobs: dict[str, Any]) -> None:
    """What the journal knows is asked for by its number."""
    order_id = place(desk)
    desk.account().api.order(order_id)  # issued by now
    elsewhere(desk, name="other.alpha.test")
    desk.market.turn(knobs)
    found = find(desk)
    assert found.order is not None
    assert found.order.order_id == order_id


@pytest.mark.parametrize(("days", "hint"), [(0.5, "It was placed at"), (1.5, "list the order in abandoned")])
def test_an_order_that_the_provider_does_not_know(desk: Desk, days: float, hint: str) -> None:
    order_id = place(desk)
    desk.clock.sleep(days * DAY)
    desk.fault(LIST, changed(lambda _answer: {"orders": []}))
    desk.fault(DETAIL, instead(404, {"error": "not_found"}))
    error = refusal(lambda: find(desk))
    assert isinstance(error, StateError)
    assert error.message == f"the provider does not know order {order_id}"
    assert hint in (error.hint or "")


@pytest.mark.parametrize("status", [400, 401, 403, 410, 500, 502])
def test_only_404_is_does_not_know(desk: Desk, status: int) -> None:
    place(desk)
    desk.fault(LIST, changed(lambda _answer: {"orders": []}))
    desk.fault(DETAIL, instead(status, {"error": "x"}), times=30)
    error = refusal(lambda: find(desk))
    assert "does not know" not in error.message


def test_an_abandoned_order(desk: Desk) -> None:
    first = place(desk)
    assert find(desk, abandoned=(first,)).order is None
    second = place(desk, abandoned=[first])
    found = find(desk, abandoned=(first,))
    assert found.order is not None
    assert (found.order.order_id, found.duplicates) == (second, ())
    known = find(desk, abandoned=(second,)).order
    assert known is not None
    assert known.order_id == first


# --- by its key -------------------------------------------------------------------------------------------------------


def test_the_journal_is_lost(desk: Desk) -> None:
    """Found by the key of the request, and adopted; one request for its detail."""
    order_id = place(desk)
    shutil.rmtree(desk.journal)
    desk.sent.clear()
    found = find(desk)
    assert found.order is not None
    assert (found.order.order_id, found.adopt, found.purchases) == (order_id, order_id, ())
    assert desk.sent == [LIST, f"{DETAIL}/{order_id}"]


def test_the_journal_and_the_key_are_lost(desk: Desk) -> None:
    order_id = place(desk)
    shutil.rmtree(desk.journal)
    made = item(desk, file="new")
    found = find(desk, made)
    assert (found.order, found.adopt, found.seen) == (None, None, (order_id,))
    error = refusal(lambda: Finder(desk.account()).refuse_strangers(made, found))
    assert str(order_id) in error.message
    assert "as order_id to adopt it" in (error.hint or "")
    assert error.extra["orders"] == [order_id]
    Finder(desk.account((order_id,))).refuse_strangers(made, found)  # it does not count


def test_by_the_certificate_that_we_have(desk: Desk) -> None:
    """The pending key is new, and the journal is lost: the live certificate tells whose order it is."""
    order_id = place(desk)
    serial = desk.account().api.order(order_id).serial
    shutil.rmtree(desk.journal)
    made = item(desk, file="new")
    present = Present("due", request=made.request, live_serial=serial)
    assert Finder(desk.account()).find(made, present).adopt == order_id
    assert Finder(desk.account()).find(made, Present("due", request=made.request, live_serial="ff")).adopt is None


def test_the_journal_is_lost_near_the_end_of_the_term(desk: Desk) -> None:
    """What ends soon is neither adopted nor in the way of the next order."""
    order_id = place(desk)
    shutil.rmtree(desk.journal)
    desk.clock.sleep(340 * DAY)
    found = find(desk)
    assert (found.order, found.adopt, found.seen) == (None, None, (order_id,))
    Finder(desk.account()).refuse_strangers(item(desk), found)


def test_two_orders_for_our_key(desk: Desk) -> None:
    """Without a journal: the newer one, and the other one is a duplicate."""
    first, second = elsewhere(desk), elsewhere(desk)
    found = find(desk)
    assert found.order is not None
    assert (found.order.order_id, found.adopt, found.duplicates) == (second, second, (first,))


def test_too_many_to_look_at(desk: Desk) -> None:
    for _number in range(21):
        elsewhere(desk, file="theirs")
    error = refusal(lambda: find(desk))
    assert error.message == "there are 21 orders for the same product and names"
    assert "as order_id" in (error.hint or "")


# --- by its number ----------------------------------------------------------------------------------------------------


def test_a_given_number(desk: Desk) -> None:
    order_id = elsewhere(desk, file="theirs")
    made = item(desk, order_id=order_id)
    found = find(desk, made)
    assert found.order is not None
    assert (found.order.order_id, found.adopt) == (order_id, order_id)


def test_a_given_number_that_is_in_the_journal(desk: Desk) -> None:
    order_id = place(desk)
    assert find(desk, item(desk, order_id=order_id)).adopt is None


def test_a_given_number_of_an_older_order(desk: Desk) -> None:
    """It is the one that is meant; the newer one is reported."""
    first = place(desk)
    second = place(desk, abandoned=[first])
    found = find(desk, item(desk, order_id=first))
    assert (found.adopt, found.duplicates) == (first, ())
    assert find(desk, item(desk, order_id=second)).adopt is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"product_code": "THAWTE_SSL_123"}, "is for RAPIDSSL_RAPIDSSL of www.alpha.test, not for THAWTE_SSL_123 of"),
        ({"csr": None, "csr_path": None, "domain": "b.alpha.test"}, "not for RAPIDSSL_RAPIDSSL of b.alpha.test"),
    ],
)
def test_a_number_of_another_order(desk: Desk, changes: dict[str, Any], told: str) -> None:
    order_id = elsewhere(desk)
    error = refusal(lambda: find(desk, item(desk, order_id=order_id, **changes)))
    assert isinstance(error, UsageError)
    assert told in error.message


def test_a_number_that_nobody_knows(desk: Desk) -> None:
    error = refusal(lambda: find(desk, item(desk, order_id=4711)))
    assert error.message == "the provider does not know order 4711"


def test_a_given_number_resolves_an_open_purchase(desk: Desk) -> None:
    desk.fault("POST", lost(OutcomeUnknown("cut off")))
    desk.call("sslmarket_order", desk.order(NAME))
    found = find(desk, item(desk, order_id=desk.newest().id))
    assert (found.open, found.adopt) == (None, desk.newest().id)


# --- a purchase with an unknown outcome -------------------------------------------------------------------------------


def unknown(desk: Desk, booked: bool = True) -> None:
    desk.fault("POST", (lost if booked else broken)(OutcomeUnknown("cut off")))
    assert desk.call("sslmarket_order", desk.order(NAME)).kind == "outcome_unknown"


def test_it_was_booked(desk: Desk) -> None:
    unknown(desk)
    found = find(desk)
    assert found.order is not None
    assert (found.order.order_id, found.adopt, found.open) == (desk.newest().id, desk.newest().id, None)


def test_it_left_no_trace(desk: Desk) -> None:
    unknown(desk, booked=False)
    found = find(desk)
    assert (found.order, found.adopt) == (None, None)
    assert found.open is not None
    assert found.open.state == journal.UNKNOWN


def test_an_older_order_for_the_same_key_is_not_its_outcome(desk: Desk) -> None:
    """A renewal with the same request: the order of last year was there before."""
    place(desk)
    desk.clock.sleep(340 * DAY)
    unknown(desk, booked=False)
    found = find(desk)
    assert (found.order, found.open is not None) == (None, True)


def test_an_order_for_another_key_is_not_its_outcome(desk: Desk) -> None:
    unknown(desk, booked=False)
    theirs = elsewhere(desk, file="theirs")
    found = find(desk)
    assert (found.order, found.seen) == (None, (theirs,))


def test_its_key_is_that_of_its_request(desk: Desk) -> None:
    """And not the one that is wanted now."""
    unknown(desk)
    assert find(desk, item(desk, file="new")).adopt == desk.newest().id


def test_it_was_booked_twice(desk: Desk) -> None:
    unknown(desk)
    elsewhere(desk)
    error = refusal(lambda: find(desk))
    first, second = sorted(order.id for order in desk.market.all())
    assert error.message == f"there are several orders for one request: {second}, {first}"
    assert "ask SSLmarket to cancel the others" in (error.hint or "")
    done = desk.call("sslmarket_order", desk.order(NAME, on_unknown="resubmit", quiet_period=1))
    assert (done.failed, desk.booked) == (True, 2)
    done = desk.call("sslmarket_order", desk.order(NAME, order_id=first))
    assert not done.failed
    assert any(f"{first}, {second}" in text for text in done.warnings)


@pytest.mark.parametrize("csr", [None, "", "no request", 5])
def test_an_order_that_shows_no_request_may_be_the_one(desk: Desk, csr: Any) -> None:
    unknown(desk)
    desk.market.turn({"replace": {"csr": csr}})
    error = refusal(lambda: find(desk))
    assert error.message.startswith(f"order {desk.newest().id} may be the one of ")


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_duplicates(desk: Desk) -> None:
    ours, theirs = place(desk), elsewhere(desk, file="theirs")
    assert find(desk).duplicates == (theirs,)
    assert find(desk, abandoned=(theirs,)).duplicates == ()
    finder = Finder(desk.account())
    assert finder.duplicates(item(desk), ours) == []  # no list was read, and none is for this
    finder.rows()
    assert finder.duplicates(item(desk), ours) == [theirs]


def test_a_renewal_is_no_duplicate(desk: Desk) -> None:
    first = place(desk)
    desk.clock.sleep(340 * DAY)
    second = place(desk)
    assert second != first
    assert find(desk).duplicates == ()


def test_the_warning_has_all_numbers() -> None:
    assert "the same product, names and time: 7, 9, 11. Ask" in warning("a", [9, 11, 7])


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "hint"), [(False, "Run again after T"), (True, "on_unknown: resubmit")])
def test_unsettled(over: bool, hint: str) -> None:
    error = unsettled(Purchase(URL, PRODUCT, (NAME,), journal.UNKNOWN, iso(NOW)), "T", over)
    assert isinstance(error, OutcomeUnknown)
    assert f"an order for {NAME} was sent at {iso(NOW)}" in error.message
    assert hint in (error.hint or "")
    assert "order_id" in (error.hint or "")
    assert error.extra["retry_at"] == "T"
