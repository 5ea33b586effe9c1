# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong between two modules, two runs, or us and the provider: each run after it comes to the same end."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import OutcomeUnknown

from tests.support import ordering
from tests.support.desk import DAY, Desk, Outcome, broken, instead
from tests.support.scripted import Reply

NAME = "www.alpha.test"
LOST = OutcomeUnknown("no answer in time")


class Killed(BaseException):
    pass


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def nightly(desk: Desk, *names: str, **more: Any) -> tuple[Outcome, Outcome]:
    """One night of a fleet: requests, orders, certificates."""
    names = names or (NAME,)
    desk.request_sets(*names, **more)
    sets = {**desk.in_sets(*names), **more}
    return desk.call("sslmarket_order", {**sets, **ordering.CONTACTS}), desk.call("sslmarket_certificate", sets)


def live(outcome: Outcome) -> Any:
    return outcome.result["certificates"][0]["serial"]


def killed_at_the_switch(desk: Desk, **more: Any) -> None:
    with mock.patch.object(files, "switch_link", side_effect=Killed()), pytest.raises(Killed):
        desk.call("sslmarket_certificate", {**desk.in_sets(NAME), **more})


def test_the_first_certificate_is_not_thrown_away(desk: Desk) -> None:
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    killed_at_the_switch(desk)
    _order, certificate = nightly(desk)
    assert (certificate.failed, live(certificate)) == (False, desk.newest().certificates[-1].serial)
    assert desk.writes == [f"POST /order/certificate/{ordering.PRODUCT}"]


def test_a_reissue_by_the_provider_cut_off_before_the_switch(desk: Desk) -> None:
    nightly(desk)
    desk.clock.sleep(170 * DAY)
    desk.market.auto_reissue(desk.newest())
    killed_at_the_switch(desk, remaining_days=10)
    for _night in range(3):
        _order, certificate = nightly(desk, remaining_days=10)
        assert not certificate.failed
    assert live(certificate) == desk.newest().certificates[-1].serial
    assert nightly(desk, remaining_days=10)[1].steps == []


def test_the_download_is_behind_the_order(desk: Desk) -> None:
    nightly(desk)
    desk.clock.sleep(170 * DAY)
    order = desk.newest()
    old = order.certificates[-1]
    desk.market.auto_reissue(order)

    def stale(work: Callable[[], Reply]) -> Reply:
        order.certificates.append(old)
        reply = work()
        order.certificates.pop()
        return reply

    desk.fault("/format/pem_intermediate", stale)
    _order, certificate = nightly(desk, remaining_days=10)
    assert (certificate.failed, live(certificate)) == (True, old.serial)
    assert "still hands out the old one" in certificate.result["msg"]
    _order, certificate = nightly(desk, remaining_days=10)
    assert (certificate.failed, live(certificate)) == (False, order.certificates[-1].serial)


def test_a_reissue_that_got_lost_and_one_by_the_provider(desk: Desk) -> None:
    """The new certificate is for the old key. That is found out once, and then ours is asked for again."""
    nightly(desk)
    desk.clock.sleep(150 * DAY)
    desk.request_sets(NAME, remaining_days=60)
    desk.fault("/reissue", broken(LOST))
    desk.call("sslmarket_certificate", {**desk.in_sets(NAME), "remaining_days": 60, "wait": False})
    desk.market.auto_reissue(desk.newest())
    desk.clock.sleep(DAY)
    nightly(desk, remaining_days=60)
    for _night in range(2):
        desk.clock.sleep(DAY)
        _order, certificate = nightly(desk, remaining_days=60)
    assert (certificate.failed, live(certificate)) == (False, desk.newest().certificates[-1].serial)
    assert desk.posts == 1


def test_names_in_another_order_are_the_same_purchase(desk: Desk) -> None:
    options = {**desk.order("a.alpha.test", "b.alpha.test", file="ab"), "product_code": "THAWTE_SSL_123"}
    desk.fault("POST /order/certificate", broken(LOST))
    assert desk.call("sslmarket_order", options).kind == "outcome_unknown"
    swapped = {**options, "domain": "b.alpha.test", "dns_names": ["a.alpha.test"]}
    assert desk.call("sslmarket_order", swapped).kind == "outcome_unknown"
    assert desk.posts == 1


def test_the_list_shows_a_name_that_was_given_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path, replace={"dns_names": ["www.alpha.test"]})

    def booked(work: Callable[[], Reply]) -> Reply:
        work()
        raise LOST

    desk.fault("POST /order/certificate", booked)
    desk.call("sslmarket_order", desk.order("alpha.test"))
    found = desk.call("sslmarket_order", {**desk.order("alpha.test"), "on_unknown": "resubmit"})
    assert (found.steps, desk.posts, desk.booked) == (["adopt alpha.test"], 1, 1)


def test_an_order_without_a_serial_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path, replace={"certificate_serial_number": None})
    _order, certificate = nightly(desk)
    assert (certificate.failed, live(certificate)) == (False, desk.newest().certificates[-1].serial)
    for _night in range(3):
        desk.clock.sleep(DAY)
        assert nightly(desk)[1].steps == []
    assert len(desk.writes) == 1


def test_a_refused_reissue_is_not_asked_for_in_a_loop(desk: Desk) -> None:
    nightly(desk)
    desk.clock.sleep(150 * DAY)
    desk.request_sets(NAME)
    desk.fault("/reissue", instead(400, {"error": "no"}, work=False), times=50)
    done = desk.call("sslmarket_certificate", {**desk.in_sets(NAME), "wait": False})
    assert (done.kind, done.result["waiting"]) == ("provider", [])


def test_dates_as_czechs_write_them(tmp_path: Path) -> None:
    """Two years of weeks: as many orders and reissues as with other dates."""
    counts = []
    for form in ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "soon"):
        desk = Desk(tmp_path / form[-1], date_format=form)
        for _week in range(104):
            order, certificate = nightly(desk)
            assert (order.failed, certificate.failed) == (False, False)
            desk.clock.sleep(7 * DAY)
        counts.append((desk.posts, sum("reissue" in each for each in desk.writes)))
    assert counts[0] == counts[1] == counts[2]
    assert counts[0][0] == 3


def test_a_dead_provider_is_asked_once_for_all(desk: Desk) -> None:
    names = [f"c{number}.alpha.test" for number in range(20)]
    desk.request_sets(*names)
    desk.fault("/order/list", broken(LOST), times=500)
    done = desk.call("sslmarket_order", {**desk.in_sets(*names), **ordering.CONTACTS, "max_orders_per_day": 50})
    assert done.failed
    assert len(desk.sent) == 4  # a GET and its repetitions


def test_a_note_that_got_lost_costs_nothing(desk: Desk) -> None:
    names = [f"c{number}.alpha.test" for number in range(6)]
    nightly(desk, *names)
    for note in desk.journal.glob("orders/*/note.json"):
        note.unlink()
    desk.sent.clear()
    assert nightly(desk, *names)[1].steps == []
    assert [each.partition("?")[0] for each in desk.sent] == ["GET /order/list"]


def test_another_run_was_faster(desk: Desk) -> None:
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    order = desk.newest()

    def meanwhile(work: Callable[[], Reply]) -> Reply:
        reply = work()
        with mock.patch.object(files, "lock"):  # the other run is not held up in this process
            assert not desk.call("sslmarket_certificate", desk.in_sets(NAME)).failed
        return reply

    desk.fault("/format/pem_intermediate", meanwhile)
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.failed, live(done)) == (False, order.certificates[-1].serial)


def test_no_intermediate_certificates(tmp_path: Path) -> None:
    desk = Desk(tmp_path, no_chain=True)
    _order, certificate = nightly(desk)
    assert (certificate.kind, live(certificate)) == ("verify", None)


def test_a_dead_order_names_its_way_out(desk: Desk) -> None:
    nightly(desk)
    desk.market.set_word(desk.newest(), "on hold")
    desk.clock.sleep(150 * DAY)
    order, certificate = nightly(desk)
    assert any("abandoned" in text for text in order.warnings)
    assert "abandoned" in certificate.result["msg"]
    again = {**desk.in_sets(NAME), **ordering.CONTACTS, "abandoned": [desk.newest().id]}
    assert (desk.call("sslmarket_order", again).failed, desk.posts) == (False, 2)


def test_the_journal_is_lost_and_the_list_is_cut_short(tmp_path: Path) -> None:
    """The set remembers its order."""
    desk = Desk(tmp_path)
    nightly(desk)
    first = desk.newest().id
    shutil.rmtree(desk.journal)
    desk.market.knobs = dataclasses.replace(desk.market.knobs, omit_published=True)
    desk.clock.sleep(150 * DAY)
    order, certificate = nightly(desk)
    assert order.steps == [f"adopt {NAME}"]
    assert (certificate.failed, desk.posts, desk.newest().id) == (False, 1, first)


def test_a_product_code_in_other_letters(desk: Desk) -> None:
    done = desk.call("sslmarket_order", {**desk.order(NAME), "product_code": ordering.PRODUCT.lower()})
    assert (done.kind, desk.posts) == ("usage", 0)
    assert "Did you mean %s" % ordering.PRODUCT in done.result["msg"]
