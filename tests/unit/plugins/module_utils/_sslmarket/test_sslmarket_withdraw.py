# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reissues that are taken back, and certificates that are revoked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import OutcomeUnknown

from tests.support import ordering
from tests.support.desk import DAY, Desk, Outcome, broken, instead, lost

NAME = "www.alpha.test"
CUT = OutcomeUnknown("cut off")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An order with a certificate that is here."""
    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order(NAME))
    desk.call("sslmarket_certificate", desk.certificate(NAME))
    desk.sent.clear()
    return desk


def withdraw(desk: Desk, state: str = "reissue_cancelled", check: bool = False, **more: Any) -> Outcome:
    options = {**desk.certificate(NAME), "state": state, **more}
    return desk.call("sslmarket_certificate", options, check=check)


def running(desk: Desk) -> None:
    desk.clock.sleep(140 * DAY)
    desk.market.turn({"never_issue": True})
    done = desk.call("sslmarket_certificate", {**desk.certificate(NAME), "wait": False})
    assert done.result["waiting"] == [NAME]
    desk.sent.clear()


def one(done: Outcome) -> dict[str, Any]:
    (found,) = done.result["certificates"]
    return dict(found)


def note(desk: Desk) -> dict[str, Any]:
    (path,) = desk.journal.glob("orders/*/note.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


# --- reissues ---------------------------------------------------------------------------------------------------------


def test_a_reissue_is_taken_back(desk: Desk) -> None:
    running(desk)
    order_id = desk.newest().id
    predicted = withdraw(desk, check=True)
    assert (predicted.steps, desk.writes) == ([f"cancel_reissue {NAME}"], [])
    assert note(desk)["reissue"]
    done = withdraw(desk)
    assert (done.steps, done.result["changed"], one(done)["state"]) == (predicted.steps, True, "published")
    assert desk.writes == [f"PUT /certificate/order_id/{order_id}/cancel-reissue"]
    assert note(desk)["reissue"] is None
    again = withdraw(desk)
    assert (again.result["changed"], again.result["reason"]) == (False, f"{NAME}: no reissue is under way")


def test_the_certificate_before_stays(desk: Desk) -> None:
    """And the reissue that is still due is asked for in the next run."""
    running(desk)
    withdraw(desk)
    desk.market.turn({"never_issue": False})
    done = desk.call("sslmarket_certificate", desk.certificate(NAME))
    assert (done.failed, done.steps, desk.booked) == (False, [f"reissue {NAME}"], 1)


def test_a_reissue_of_somebody_else_is_taken_back(desk: Desk) -> None:
    desk.market.turn({"never_issue": True})
    desk.account().api.reissue(desk.newest().id, Path(desk.csr(NAME, file="other")).read_text())
    assert withdraw(desk).steps == [f"cancel_reissue {NAME}"]


def test_by_its_number(desk: Desk) -> None:
    running(desk)
    options = {**desk.access(), "order_id": desk.newest().id, "state": "reissue_cancelled"}
    assert desk.call("sslmarket_certificate", options).result["changed"] is True


def test_the_first_issue_cannot_be_taken_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, dcv="look")
    desk.call("sslmarket_order", desk.order(NAME))
    done = withdraw(desk)
    assert (done.kind, len(desk.writes)) == ("state", 1)
    assert "has not been issued yet, so there is no reissue to cancel" in done.result["msg"]
    assert "write to SSLmarket's support" in done.result["msg"]


def test_the_answer_got_lost(desk: Desk) -> None:
    running(desk)
    desk.fault("cancel-reissue", lost(CUT))
    assert withdraw(desk).kind == "outcome_unknown"
    assert (withdraw(desk).result["changed"], len(desk.writes)) == (False, 1)


def test_a_refusal(desk: Desk) -> None:
    running(desk)
    desk.fault("cancel-reissue", instead(409, {"error": "too late"}, work=False))
    done = withdraw(desk)
    assert (done.kind, done.result["error"]["status"]) == ("provider", 409)
    assert note(desk)["reissue"]


@pytest.mark.parametrize("state", ["reissue_cancelled", "revoked"])
def test_no_order(tmp_path: Path, state: str) -> None:
    desk = Desk(tmp_path)
    done = withdraw(desk, state, serial_number="aa")
    assert (done.kind, desk.sent) == ("usage", [])
    assert "there is no order for" in done.result["msg"]


# --- revocations ------------------------------------------------------------------------------------------------------


def client(tmp_path: Path) -> tuple[Desk, dict[str, Any], str]:
    """A certificate of the one kind that the API revokes; it was ordered by other means."""
    desk = Desk(tmp_path)
    people = {f"{group}_{name}": text for group, each in ordering.CONTACTS.items() for name, text in each.items()}
    body = {"domain": "ada@alpha.test", "years": 1, "csr": Path(desk.csr(NAME)).read_text(), **people}
    order_id = desk.account().api.place("DIGICERT_CLIENT_PREMIUM_CLASS_1", body)
    serial = desk.account().api.order(order_id).serial
    assert serial is not None
    desk.sent.clear()
    return desk, {**desk.access(), "order_id": order_id, "state": "revoked", "serial_number": serial}, serial


def test_revoked_once(tmp_path: Path) -> None:
    desk, options, serial = client(tmp_path)
    predicted = desk.call("sslmarket_certificate", options, check=True)
    assert (predicted.result["changed"], desk.writes) == (True, [])
    assert predicted.result["steps"][0]["cost"] == "final"
    done = desk.call("sslmarket_certificate", options)
    assert done.result["steps"] == predicted.result["steps"]
    assert (desk.newest().revoked, note(desk)["revoked"]["serial"]) == (True, serial)
    again = desk.call("sslmarket_certificate", options)
    assert (again.failed, again.result["changed"], len(desk.writes)) == (False, False, 1)
    assert "it was revoked at" in again.result["reason"]


@pytest.mark.parametrize("form", ["{0:x}", "{0:X}", "0x{0:x}", "000{0:x}", "colons"])
def test_the_serial_number_in_any_form(tmp_path: Path, form: str) -> None:
    desk, options, serial = client(tmp_path)
    padded = serial.zfill(len(serial) + len(serial) % 2)
    colons = ":".join(padded[index : index + 2] for index in range(0, len(padded), 2))
    written = colons if form == "colons" else form.format(int(serial, 16))
    done = desk.call("sslmarket_certificate", {**options, "serial_number": written})
    assert (done.failed, done.result["changed"]) == (False, True), done.result


@pytest.mark.parametrize("serial", ["aa", "0", "not hex", ""])
def test_another_serial_number(tmp_path: Path, serial: str) -> None:
    """What is revoked is gone for good: who does not know which one it is does not revoke."""
    desk, options, _serial = client(tmp_path)
    done = desk.call("sslmarket_certificate", {**options, "serial_number": serial})
    assert (done.kind, desk.writes, desk.newest().revoked) == ("usage", [], False)


def test_no_serial_number(tmp_path: Path) -> None:
    desk, options, _serial = client(tmp_path)
    del options["serial_number"]
    done = desk.call("sslmarket_certificate", options)
    assert (done.kind, desk.sent) == ("usage", [])
    assert "serial_number is missing" in done.result["msg"]


def test_a_tls_certificate_cannot_be_revoked(desk: Desk) -> None:
    serial = desk.newest().certificates[-1].serial
    for check in (True, False):
        done = withdraw(desk, "revoked", serial_number=serial, check=check)
        assert (done.kind, desk.writes) == ("usage", [])
        assert "is for a TLS certificate, which the API cannot revoke" in done.result["msg"]
        assert "write to SSLmarket's support" in done.result["msg"]


def test_a_revocation_without_an_answer(tmp_path: Path) -> None:
    """The next run sees that it was done."""
    desk, options, _serial = client(tmp_path)
    desk.fault("revoke", lost(CUT))
    assert desk.call("sslmarket_certificate", options).kind == "outcome_unknown"
    assert desk.newest().revoked
    for _run in range(2):
        done = desk.call("sslmarket_certificate", options)
        assert (done.failed, done.result["changed"], len(desk.writes)) == (False, False, 1), done.result
        assert 'the order is in the state "revoked"' in done.result["reason"]


def test_a_revocation_that_did_not_arrive(tmp_path: Path) -> None:
    desk, options, serial = client(tmp_path)
    desk.fault("revoke", broken(CUT))
    assert desk.call("sslmarket_certificate", options).kind == "outcome_unknown"
    assert note(desk)["revoked"] == {"serial": serial, "at": note(desk)["revoked"]["at"], "accepted": False}
    assert desk.call("sslmarket_certificate", options).result["changed"] is True
    assert (desk.newest().revoked, len(desk.writes)) == (True, 2)


def test_a_refused_revocation(tmp_path: Path) -> None:
    desk, options, _serial = client(tmp_path)
    desk.fault("revoke", instead(403, {"error": "forbidden"}, work=False))
    assert desk.call("sslmarket_certificate", options).kind == "auth"
    assert note(desk)["revoked"] is None
    assert desk.call("sslmarket_certificate", options).result["changed"] is True


def test_the_certificate_was_reissued_meanwhile(tmp_path: Path) -> None:
    desk, options, serial = client(tmp_path)
    desk.market.auto_reissue(desk.newest())
    done = desk.call("sslmarket_certificate", options)
    assert (done.kind, desk.writes) == ("usage", [])
    assert f"not {serial}" in done.result["msg"]
