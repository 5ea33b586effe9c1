# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sslmarket_certificate from order to renewal: waits, reissues, what gets lost on the way, and how little is asked."""

from __future__ import annotations

import importlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import NotSent, OutcomeUnknown
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Present
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.journal import Note
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.view import _asked

from tests.support import ordering
from tests.support.desk import DAY, Desk, Killed, Outcome, broken, changed, instead, lost

NAME = "www.alpha.test"
CUT = OutcomeUnknown("cut off")
REISSUE = "POST /certificate"
LIST, DETAIL, DOWNLOAD = "GET /order/list", "GET /order/order_id", "GET /certificate"
HOUR = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An order that is issued as soon as it is looked at."""
    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order(NAME))
    desk.sent.clear()
    return desk


def get(desk: Desk, file: str | None = None, check: bool = False, **more: Any) -> Outcome:
    return desk.call("sslmarket_certificate", {**desk.certificate(NAME, file=file), **more}, check=check)


def one(done: Outcome) -> dict[str, Any]:
    (found,) = done.result["certificates"]
    return dict(found)


def reissues(desk: Desk) -> int:
    return sum(line.startswith(REISSUE) for line in desk.sent)


def kinds(desk: Desk) -> Counter[str]:
    def kind(line: str) -> str:
        return next((part for part in (LIST, DETAIL, DOWNLOAD, REISSUE) if line.startswith(part)), line)

    return Counter(map(kind, desk.sent))


def note(desk: Desk) -> dict[str, Any]:
    (path,) = desk.journal.glob("orders/*/note.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


# --- how little is asked ----------------------------------------------------------------------------------------------


def test_fetched_once(desk: Desk) -> None:
    done = get(desk)
    assert (done.steps, one(done)["action"], one(done)["issued"]) == ([f"fetch {NAME}"], "fetch", True)
    desk.sent.clear()
    again = get(desk)
    assert (again.result["changed"], again.steps, one(again)["issued"], desk.sent) == (False, [], False, [LIST])


def test_many(desk: Desk) -> None:
    names = [f"c{number}.alpha.test" for number in range(20)]
    options = {**desk.in_sets(*names), **ordering.CONTACTS, "max_orders_per_day": 50}
    desk.request_sets(*names)
    desk.call("sslmarket_order", options)
    desk.sent.clear()
    done = desk.call("sslmarket_certificate", desk.in_sets(*names))
    assert (done.failed, len(done.steps)) == (False, 20)
    assert kinds(desk)[DOWNLOAD] == 20
    desk.sent.clear()
    assert desk.call("sslmarket_certificate", desk.in_sets(*names)).result["changed"] is False
    assert desk.sent == [LIST]
    desk.sent.clear()
    assert desk.call("sslmarket_order", options).result["changed"] is False
    assert desk.sent == []


def test_an_auto_reissue_is_picked_up(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(DAY)
    serial = desk.market.auto_reissue(desk.newest())
    desk.sent.clear()
    done = get(desk)
    assert (done.steps, one(done)["serial"]) == ([f"fetch {NAME}"], serial)
    assert reissues(desk) == 0
    assert get(desk).result["changed"] is False


@pytest.mark.parametrize("days", [140, 158.9, 159.1, 190])
def test_looked_at_more_closely_near_the_end(tmp_path: Path, days: float) -> None:
    """The list need not show that the CA reissued by itself, as it does in the last weeks."""
    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order(NAME, years=2))
    more = {"remaining_share": 0.01}
    get(desk, **more)
    desk.clock.sleep(days * DAY)
    desk.sent.clear()
    done = get(desk, check=True, **more)
    assert kinds(desk)[DETAIL] == (1 if days > 159 else 0)
    assert kinds(desk)[LIST] == 1
    assert not done.failed


# --- waiting ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path, dcv="look")
    desk.call("sslmarket_order", desk.order(NAME))
    desk.sent.clear()
    return desk


def test_not_waited_for(waiting: Desk) -> None:
    done = get(waiting, wait=False)
    assert (done.failed, done.result["changed"], done.steps) == (False, False, [])
    assert (done.result["waiting"], one(done)["waiting"], one(done)["pending"]) == ([NAME], True, True)
    assert one(done)["dcv"]["records"][0]["record"] == f"_dnsauth.{NAME}"


def test_waited_for_in_vain(waiting: Desk) -> None:
    done = get(waiting, wait_timeout=300)
    assert done.failed
    assert (done.result["error"]["code"], done.result["error"]["order_id"]) == ("waiting", waiting.newest().id)
    assert 'is in the state "waiting"' in done.result["msg"]
    assert "run again to go on" in done.result["msg"]
    assert done.result["waiting"] == [NAME]
    assert 299 <= sum(waiting.clock.sleeps) <= 301
    assert max(waiting.clock.sleeps) <= 30
    assert len(waiting.sent) < 40
    waiting.market.turn({"dcv": "none"})
    assert get(waiting).steps == [f"fetch {NAME}"]
    assert get(waiting).steps == []


def test_it_comes_while_it_is_waited_for(waiting: Desk) -> None:
    def later(work: Any) -> Any:
        waiting.market.turn({"dcv": "none"})
        return work()

    for _number in range(3):
        waiting.fault(LIST, lambda work: work())
    waiting.fault(LIST, later)
    done = get(waiting)
    assert (done.failed, one(done)["issued"], one(done)["waiting"]) == (False, True, False)
    assert 0 < sum(waiting.clock.sleeps) < 60


def test_no_time_to_wait(waiting: Desk) -> None:
    done = get(waiting, wait_timeout=0)
    assert (done.failed, done.result["error"]["code"], waiting.clock.sleeps) == (True, "waiting", [])


def test_one_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    names = ["a.alpha.test", "b.alpha.test"]
    desk.request_sets(*names)
    desk.call("sslmarket_order", {**desk.in_sets(*names), **ordering.CONTACTS})
    first = desk.market.all()[-1]
    desk.market.approve(first)
    done = desk.call("sslmarket_certificate", {**desk.in_sets(*names), "wait_timeout": 20})
    assert (done.failed, done.result["error"]["code"]) == (True, "waiting")
    other = ({"a.alpha.test", "b.alpha.test"} - {first.domain}).pop()
    assert done.result["waiting"] == [other]
    assert [step["subject"] for step in done.result["done"]] == [first.domain]
    assert done.result["changed"] is True


# --- renewals inside the term -----------------------------------------------------------------------------------------


def test_a_year(desk: Desk) -> None:
    """Fetched, reissued when it is due, ordered again; there is always a certificate, and each of the reissues is for its time."""
    told: list[tuple[int, str]] = []
    for day in range(0, 400, 2):
        ordered = desk.call("sslmarket_order", desk.order(NAME))
        done = get(desk)
        assert not ordered.failed
        assert not done.failed, done.result
        told += [(day, step.split()[0]) for step in [*ordered.steps, *done.steps]]
        end = one(done)["not_after"]
        assert end > f"{desk.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        desk.clock.sleep(2 * DAY)
    assert [action for _day, action in told] == ["fetch", "reissue", "reissue", "order", "fetch"]
    assert [day for day, _action in told] == [0, 134, 268, 336, 336]
    assert desk.booked == 2


@pytest.mark.parametrize("knobs", [{}, {"csr_while_reissuing": "old"}, {"dcv_on_reissue": True}, {"issue_delay": 40.0}])
def test_due(tmp_path: Path, knobs: dict[str, Any]) -> None:
    desk = Desk(tmp_path, **knobs)
    desk.call("sslmarket_order", desk.order(NAME))
    get(desk)
    before = one(get(desk))["serial"]
    desk.clock.sleep(140 * DAY)
    desk.sent.clear()
    done = get(desk, wait_timeout=300)
    assert (done.failed, done.steps, reissues(desk)) == (False, [f"reissue {NAME}"], 1), done.result
    assert one(done)["serial"] not in (None, before)
    desk.sent.clear()
    assert (get(desk).result["changed"], desk.sent, desk.booked) == (False, [LIST], 1)


def test_not_waited_for_when_due(desk: Desk) -> None:
    """Asked for in one run, fetched in another."""
    desk.market.turn({"issue_delay": 300.0})
    get(desk, wait_timeout=600)
    desk.clock.sleep(140 * DAY)
    first = get(desk, wait=False)
    assert (first.steps, first.result["waiting"]) == ([f"reissue {NAME}"], [NAME])
    second = get(desk, wait=False)
    assert (second.steps, second.result["changed"], reissues(desk)) == ([], False, 1)
    desk.clock.sleep(301)
    third = get(desk, wait=False)
    assert (third.steps, third.result["waiting"], reissues(desk)) == ([f"fetch {NAME}"], [], 1)


def test_a_new_key(desk: Desk) -> None:
    get(desk)
    done = get(desk, file="new")
    assert (done.steps, reissues(desk), desk.booked) == ([f"reissue {NAME}"], 1, 1)
    assert get(desk, file="new").steps == []
    back = get(desk)
    assert (back.steps, reissues(desk)) == ([f"reissue {NAME}"], 2)


def test_without_a_request_the_order_s_own_is_used(desk: Desk) -> None:
    """A user who gives the number alone."""
    options = {**desk.access(), "order_id": desk.newest().id, "path": str(desk.directory / "cert.pem")}
    desk.call("sslmarket_certificate", options)
    desk.clock.sleep(140 * DAY)
    done = desk.call("sslmarket_certificate", options)
    assert (done.failed, done.steps, reissues(desk)) == (False, ["reissue order %d" % desk.newest().id], 1)
    assert desk.call("sslmarket_certificate", options).steps == []


def test_no_reissue_that_does_not_last_longer(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(300 * DAY)
    get(desk)  # expired meanwhile
    desk.clock.sleep(33 * DAY)
    desk.sent.clear()
    done = get(desk, remaining_days=40)
    assert (done.failed, done.steps, reissues(desk)) == (False, [], 0)
    assert "the next order is for" in one(done)["reason"]


def test_never_buys(desk: Desk) -> None:
    get(desk)
    for _year in range(3):
        desk.clock.sleep(365 * DAY)
        get(desk)
    assert desk.posts == 0
    assert desk.booked == 1


# --- reissues that get lost ---------------------------------------------------------------------------------------------


@pytest.fixture
def due(desk: Desk) -> Desk:
    """Time for a reissue; the provider takes its time."""
    get(desk)
    desk.clock.sleep(140 * DAY)
    desk.market.turn({"issue_delay": 3000.0})
    desk.sent.clear()
    return desk


@pytest.mark.parametrize("csr", ["old", "new"])
def test_the_answer_got_lost(due: Desk, csr: str) -> None:
    """202 was not heard: the next runs see it running, and do not ask again."""
    due.market.turn({"csr_while_reissuing": csr})
    due.fault(REISSUE, lost(CUT))
    assert get(due, wait=False).kind == "outcome_unknown"
    for _run in range(10):
        assert get(due, wait=False).result["waiting"] == [NAME]
        due.clock.sleep(200)
    assert reissues(due) == 1
    due.clock.sleep(1500)
    assert (get(due).failed, reissues(due)) == (False, 1)


def test_it_never_arrived(due: Desk) -> None:
    """Nobody knows for two minutes; then it is asked for again. It costs nothing."""
    due.fault(REISSUE, broken(CUT))
    assert get(due, wait=False).failed
    assert get(due, wait=False).result["waiting"] == [NAME]
    assert reissues(due) == 1
    due.clock.sleep(121)
    assert (get(due, wait=False).steps, reissues(due)) == ([f"reissue {NAME}"], 2)


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_after_the_request(due: Desk, arrived: bool) -> None:
    fault: Any = lost(Killed()) if arrived else broken(Killed())  # type: ignore[arg-type]
    due.fault(REISSUE, fault)
    with pytest.raises(Killed):
        get(due, wait=False)
    assert note(due)["reissue"]["key"]
    for _run in range(5):
        get(due, wait=False)
    assert reissues(due) == 1
    due.clock.sleep(121)
    get(due, wait=False)
    assert reissues(due) == (1 if arrived else 2)
    due.clock.sleep(3000)
    assert (get(due).failed, reissues(due)) == (False, 1 if arrived else 2)


def test_it_is_issued_before_anybody_looks(due: Desk) -> None:
    """The answer got lost, and the certificate is there in the next run."""
    due.market.turn({"issue_delay": 0.0})
    due.fault(REISSUE, lost(CUT))
    assert get(due).failed
    assert (get(due).steps, reissues(due)) == ([f"fetch {NAME}"], 1)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_refused_reissue(due: Desk, status: int) -> None:
    due.fault(REISSUE, instead(status, {"error": "no"}, work=False))
    done = get(due)
    assert (done.failed, done.result["error"]["status"]) == (True, status)
    assert note(due)["reissue"] is None
    assert (get(due, wait=False).failed, reissues(due)) == (False, 2)


def test_not_sent(due: Desk) -> None:
    due.fault(REISSUE, broken(NotSent("cannot be reached")))
    assert (get(due).kind, note(due)["reissue"]) == ("unreachable", None)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 302])
def test_an_answer_that_is_none(due: Desk, status: int) -> None:
    """Whether it was taken nobody knows: it is looked for."""
    due.fault(REISSUE, instead(status, b"<html>"))
    assert get(due, wait=False).failed
    assert note(due)["reissue"]["key"]
    get(due, wait=False)
    assert reissues(due) == 1


def test_the_journal_cannot_be_written(due: Desk) -> None:
    """No intent, no request."""
    path = next(due.journal.glob("orders/*/note.json"))
    shutil.rmtree(path.parent)
    path.parent.write_text("")
    assert (get(due, wait=False).kind, reissues(due)) == ("state", 0)


def test_a_reissue_of_somebody_else(due: Desk) -> None:
    other = Path(due.csr(NAME, file="other")).read_text()
    due.account().api.reissue(due.newest().id, other)
    due.sent.clear()
    done = get(due, wait=False)
    assert (done.kind, done.steps, reissues(due)) == ("state", [], 0)
    assert "not for the key that is wanted" in done.result["msg"]
    assert "reissue_cancelled" in done.result["msg"]


# --- orders in odd states -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["revoked", "expired", "storno", "", "Published"])
def test_a_word_that_nobody_knows(desk: Desk, word: str) -> None:
    """The certificate is here: it stays, and a person hears of it."""
    get(desk)
    desk.market.set_word(desk.newest(), word)
    done = get(desk)
    assert (done.failed, done.steps, one(done)["waiting"]) == (False, [], False)
    assert any(f'is in the state "{word}", though its certificate is here' in text for text in done.warnings)
    assert len(desk.writes) == 0


def test_an_order_that_the_provider_does_not_know(desk: Desk) -> None:
    desk.fault(DETAIL, instead(404, {"error": "not_found"}))
    done = get(desk)
    assert f"the provider does not know order {desk.newest().id}" in done.result["msg"]


def test_there_is_no_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    done = get(desk)
    assert (done.result["changed"], desk.writes) == (False, [])
    assert any("there is no order for it" in text for text in [*done.warnings, done.result.get("msg", "")])
    desk.request_sets(NAME)
    done = desk.call("sslmarket_certificate", desk.in_sets(NAME))
    assert (done.failed, done.steps, one(done)["pending"]) == (False, [], True)


def test_duplicates_are_reported(desk: Desk) -> None:
    get(desk)
    first = desk.newest().id
    other = {**desk.order(NAME, file="theirs"), "journal_dir": str(desk.directory / "other"), "abandoned": [first]}
    desk.call("sslmarket_order", other)
    assert any(f"{first}, {desk.newest().id}" in text for text in get(desk).warnings)


# --- check mode ---------------------------------------------------------------------------------------------------------


def ready(desk: Desk) -> None:
    pass


def fetched(desk: Desk) -> None:
    get(desk)


def not_issued(desk: Desk) -> None:
    desk.market.turn({"never_issue": True, "dcv": "look"})
    desk.newest().certificates.clear()


def is_due(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(140 * DAY)


def is_running(desk: Desk) -> None:
    is_due(desk)
    desk.market.turn({"never_issue": True})
    get(desk, wait=False)


def is_lost(desk: Desk) -> None:
    is_due(desk)
    desk.fault(REISSUE, broken(CUT))
    get(desk, wait=False)


def has_expired(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(250 * DAY)


def is_over(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(400 * DAY)


def is_revoked(desk: Desk) -> None:
    get(desk)
    desk.market.revoke(desk.newest())


def is_odd(desk: Desk) -> None:
    get(desk)
    desk.market.set_word(desk.newest(), "vyřizuje se")


def was_reissued(desk: Desk) -> None:
    get(desk)
    desk.clock.sleep(DAY)
    desk.market.auto_reissue(desk.newest())


def is_damaged(desk: Desk) -> None:
    get(desk)
    next((desk.directory / "files").iterdir()).unlink()


STATES = (
    *(ready, fetched, not_issued, is_due, is_running, is_lost, has_expired, is_over, is_revoked, is_odd),
    *(was_reissued, is_damaged),
)


def tree(desk: Desk) -> dict[str, bytes]:
    places = [desk.journal, desk.directory / "files", desk.directory / "sets"]
    return {str(path): path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file", [None, "new"], ids=["", "new key"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_check_mode_says_what_the_run_does(desk: Desk, state: Any, file: str | None) -> None:
    state(desk)
    desk.csr(NAME, file=file)
    before, written = tree(desk), len(desk.writes)
    predicted = get(desk, file, check=True, wait=False)
    assert (tree(desk), len(desk.writes)) == (before, written)
    real = get(desk, file, wait=False)
    assert (predicted.steps, predicted.failed, predicted.kind) == (real.steps, real.failed, real.kind)
    if not real.failed:
        assert predicted.result["changed"] == real.result["changed"]
        again = get(desk, file, wait=False)
        assert (again.failed, again.result["changed"]) == (False, False), again.result


def set_fetched(desk: Desk) -> None:
    desk.request_sets(NAME)
    desk.call("sslmarket_order", {**desk.in_sets(NAME), **ordering.CONTACTS})
    assert not desk.call("sslmarket_certificate", desk.in_sets(NAME)).failed


def set_due(desk: Desk) -> None:
    set_fetched(desk)
    desk.clock.sleep(140 * DAY)
    desk.request_sets(NAME)


def set_for_the_next_term(desk: Desk) -> None:
    set_due(desk)
    desk.call("sslmarket_certificate", desk.in_sets(NAME))
    desk.clock.sleep(200 * DAY)
    desk.request_sets(NAME)


def set_lost(desk: Desk) -> None:
    set_fetched(desk)
    shutil.rmtree(desk.directory / "sets")
    desk.request_sets(NAME)


def set_before_the_switch(desk: Desk) -> None:
    set_fetched(desk)
    place = desk.directory / "sets" / NAME
    serial = (place / "current").readlink()
    (place / "current").unlink()
    (place / serial).rename(place / "pending")


SETS = (set_fetched, set_due, set_for_the_next_term, set_lost, set_before_the_switch)


@pytest.mark.parametrize("state", SETS, ids=lambda state: state.__name__)
def test_check_mode_of_sets(tmp_path: Path, state: Any) -> None:
    desk = Desk(tmp_path)
    state(desk)
    for module, more in (("sslmarket_order", ordering.CONTACTS), ("sslmarket_certificate", {"wait": False})):
        options: dict[str, Any] = {**desk.in_sets(NAME), **more}
        before, written = tree(desk), len(desk.writes)
        predicted = desk.call(module, options, check=True)
        assert (tree(desk), len(desk.writes)) == (before, written)
        real = desk.call(module, options)
        assert (predicted.steps, predicted.failed) == (real.steps, real.failed) == (real.steps, False), real.result
        assert predicted.result["changed"] == real.result["changed"]
        assert desk.call(module, options).result["changed"] is False
    assert desk.booked == (2 if state is set_for_the_next_term else 1)


# --- what is shown ------------------------------------------------------------------------------------------------------


def test_results_have_what_is_documented(desk: Desk) -> None:
    module = importlib.import_module("ansible_collections.certfleet.reseller.plugins.modules.sslmarket_certificate")
    documented = yaml.safe_load(module.RETURN)
    for done in (get(desk), get(desk)):
        assert set(done.result) - {"changed"} == set(documented)
        assert set(one(done)) == set(documented["certificates"]["contains"])


def test_no_secret_is_told(desk: Desk) -> None:
    text = "".join(json.dumps(get(desk).result) for _run in range(2))
    kept = b"".join(path.read_bytes() for path in desk.journal.rglob("*.json")).decode()
    assert "canary" not in text + kept


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"path": None, "fullchain_path": None, "p7b_path": None},
            "one of path, fullchain_path and p7b_path is needed",
        ),
        (
            {"sets_path": "/sets", "csr_path": None, "domain": NAME, "name": NAME},
            "path and sets_path exclude each other",
        ),
    ],
)
def test_where_to_put_it(desk: Desk, options: dict[str, Any], told: str) -> None:
    given = {name: value for name, value in {**desk.certificate(NAME), **options}.items() if value is not None}
    done = desk.call("sslmarket_certificate", given)
    assert (done.kind, desk.sent) == ("usage", [])
    assert told in done.result["msg"]


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (None, False),
        ({}, False),
        ({"key": "k", "since": "2026-11-22T10:00:00Z"}, True),
        ({"key": "k", "since": "2026-11-22T10:00:00Z", "serial": "a", "accepted": "yes"}, True),
        ({"key": "k"}, False),
        ({"since": "2026-11-22T10:00:00Z"}, False),
        ({"key": "k", "since": "yesterday"}, False),
        ({"key": "k", "since": 5}, False),
        ({"key": "k", "since": None}, False),
    ],
)
def test_what_a_note_says_of_a_reissue(value: Any, good: bool) -> None:
    """What cannot be read costs another request, and no money."""
    found = _asked(Note("x", reissue=value))
    assert (found is not None) is good
    assert found is None or found.accepted is False


def test_what_is_there_has_no_secret() -> None:
    assert "BEGIN" not in repr(Present("x", csr=b"-----BEGIN CERTIFICATE REQUEST-----"))


def test_a_changed_answer_is_no_crash(desk: Desk) -> None:
    for change in ({"state": None}, {"published": 5}, {"csr": []}, {"certificate_serial_number": {}}, {"years": "x"}):
        desk.fault(DETAIL, changed(lambda answer, change=change: {**answer, **change}), times=3)
        done = get(desk, wait=False)
        desk.faults.clear()
        assert done.kind != "internal", done.result
    assert desk.booked == 1
