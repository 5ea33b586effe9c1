# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sslmarket_certificate sees of one item, and how much it asks to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import course, delivery, items
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.delivery import Targets
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.lookup import Finder
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Detail
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.view import View, Viewer, detailed

from tests.support import ordering
from tests.support.desk import DAY, Desk, instead

NAME = "www.alpha.test"
LIST, DETAIL = "GET /order/list", "GET /order/order_id"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A certificate that is here, in three files."""
    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order(NAME))
    desk.call("sslmarket_certificate", desk.certificate(NAME))
    desk.sent.clear()
    return desk


def targets(desk: Desk) -> Targets:
    return delivery.targets_of(desk.certificate(NAME))


def look(desk: Desk, file: str | None = None, polling: bool = False, share: float = 1 / 3, **more: Any) -> View:
    names = ("certificates", "sets_path", "csr", "csr_path", "domain", "dns_names", "years", "order_id", "name")
    given = {**dict.fromkeys(names), "csr_path": desk.csr(NAME, file=file), "product_code": ordering.PRODUCT, **more}
    policy = {"remaining_share": share, "remaining_days": None}
    (item,) = items.from_params({**given, **policy})
    store = SetStore(str(desk.directory / "sets")) if more.get("sets_path") else None
    account = desk.account()
    place = Targets() if store else targets(desk)
    return Viewer(account, Policy(share), store).view(item, place, Finder(account), polling)


def test_all_is_well(desk: Desk) -> None:
    """One look at the list tells it."""
    seen = look(desk)
    assert (seen.action, seen.course.reason, seen.problem) == (course.NOTHING, "the certificate is in order", None)
    assert seen.leaf is not None
    assert seen.leaf.serial == desk.newest().certificates[-1].serial
    assert (desk.sent, detailed(seen)) == ([LIST], None)


def test_what_the_list_shows_has_changed(desk: Desk) -> None:
    desk.clock.sleep(DAY)
    desk.market.auto_reissue(desk.newest())
    seen = look(desk)
    assert (seen.action, isinstance(seen.order, Detail)) == (course.FETCH, True)
    assert desk.sent == [LIST, f"{DETAIL}/{desk.newest().id}"]


@pytest.mark.parametrize("member", ["state", "published", "expired"])
def test_each_member_that_could_change_is_looked_at(desk: Desk, member: str) -> None:
    desk.market.turn({"replace": {member: "2026-12-01 00:00:00"}})
    look(desk)
    assert desk.sent[1:] == [f"{DETAIL}/{desk.newest().id}"]


def test_the_order_is_not_in_the_list(desk: Desk) -> None:
    desk.market.turn({"omit_published": True})
    assert look(desk).action == course.NOTHING
    assert desk.sent == [LIST, f"{DETAIL}/{desk.newest().id}"]


def test_the_note_is_lost(desk: Desk) -> None:
    next(desk.journal.glob("orders/*/note.json")).unlink()
    assert look(desk).action == course.NOTHING
    assert len(desk.sent) == 2


@pytest.mark.parametrize("days", [158, 160])
def test_more_closely_near_the_end(desk: Desk, days: int) -> None:
    desk.clock.sleep(days * DAY)
    seen = look(desk, share=0.01)
    assert (seen.action, len(desk.sent)) == (course.NOTHING, 1 if days < 159 else 2)


def test_a_new_certificate_is_needed(desk: Desk) -> None:
    """Then the list is not enough, and not asked for."""
    seen = look(desk, file="new")
    assert (seen.action, seen.present.urgent) == (course.REISSUE, True)
    assert seen.present.reason == "the CSR has another key than the certificate"
    assert desk.sent == [f"{DETAIL}/{desk.newest().id}"]


@pytest.mark.parametrize("days", [140, 250])
def test_it_comes_to_its_end(desk: Desk, days: int) -> None:
    """Not urgent: a reissue now, or the next order later."""
    desk.clock.sleep(days * DAY)
    seen = look(desk)
    assert (seen.action, seen.present.urgent) == (course.REISSUE, False)


def test_it_lacks_a_name(desk: Desk) -> None:
    other = desk.csr(NAME, "shop.alpha.test", file="more")
    seen = look(desk, csr_path=other, order_id=desk.newest().id)
    assert seen.present.reason == "the CSR has another key than the certificate"
    options = {"csr_path": None, "domain": NAME, "dns_names": ["shop.alpha.test"], "order_id": desk.newest().id}
    seen = look(desk, **options)
    assert (seen.present.reason, seen.present.urgent) == ("the certificate lacks names of the order", True)


def test_polling_asks_for_the_list_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    desk.call("sslmarket_order", desk.order(NAME))
    desk.sent.clear()
    for _number in range(3):
        assert look(desk, polling=True).action == course.WAIT
    assert desk.sent == [LIST] * 3
    desk.market.turn({"dcv": "none"})
    assert look(desk, polling=True).action == course.FETCH
    assert desk.sent[3:] == [LIST, f"{DETAIL}/{desk.newest().id}"]


def test_no_order_is_known(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    seen = look(desk)
    assert (seen.order, seen.action, desk.sent) == (None, course.NOTHING, [])
    assert seen.course.reason == "there is no order for it"


def test_the_provider_does_not_know_it(desk: Desk) -> None:
    desk.fault(DETAIL, instead(404, {"error": "x"}))
    with pytest.raises(StateError, match="does not know order"):
        look(desk, file="new")


def test_another_key_is_under_way(desk: Desk) -> None:
    desk.market.turn({"never_issue": True})
    desk.account().api.reissue(desk.newest().id, Path(desk.csr(NAME, file="other")).read_text())
    desk.clock.sleep(140 * DAY)
    seen = look(desk)
    assert seen.action == course.BLOCKED
    assert isinstance(seen.problem, StateError)
    assert "reissue_cancelled" in (seen.problem.hint or "")


def test_the_first_issue_is_for_another_key(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    desk.call("sslmarket_order", desk.order(NAME))
    seen = look(desk, file="new")
    assert seen.action == course.BLOCKED
    assert seen.problem is not None
    assert "Run sslmarket_order" in (seen.problem.hint or "")


# --- sets -------------------------------------------------------------------------------------------------------------


def in_sets(desk: Desk) -> View:
    return look(desk, csr_path=None, name=NAME, domain=NAME, sets_path="x")


def test_a_set_and_its_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert in_sets(desk).course.reason == "there is no order for it"
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    assert in_sets(desk).action == course.FETCH
    desk.call("sslmarket_certificate", desk.in_sets(NAME))
    desk.sent.clear()
    seen = in_sets(desk)
    assert (seen.action, desk.sent) == (course.NOTHING, [LIST])
    assert seen.present.live_key


def test_only_the_switch_is_missing(tmp_path: Path) -> None:
    """Nothing is asked."""
    desk = Desk(tmp_path)
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    desk.call("sslmarket_certificate", desk.in_sets(NAME))
    place = desk.directory / "sets" / NAME
    serial = (place / "current").readlink()
    (place / "current").unlink()
    (place / serial).rename(place / "pending")
    desk.sent.clear()
    seen = in_sets(desk)
    assert (seen.action, seen.switch, desk.sent) == ("switch", True, [])
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.failed, done.steps) == (False, [f"switch {NAME}"])
    assert (place / "current").readlink() == serial
    assert desk.call("sslmarket_certificate", desk.in_sets(NAME)).steps == []
