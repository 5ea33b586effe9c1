# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an SSLmarket order: validation, reissues, terms, time; and that it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .market import DAY, START, Desk, csr_for, new_key

NAME = "www.example.test"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def serial(desk: Desk, number: int) -> str:
    return str(desk.detail(number)["certificate_serial_number"])


def state(desk: Desk, number: int) -> str:
    return str(desk.detail(number)["state"])


# Validation


def test_every_name_needs_its_record(desk: Desk) -> None:
    number = desk.order(NAME, "example.test", "*.example.test", product="DIGICERT_SECURE_SITE")
    content = desk.detail(number)["dv_auth_content"]
    desk.names.add_text("_dnsauth.example.test", content)
    desk.names.add_text(f"_dnsauth.{NAME}", "something else")
    assert state(desk, number) == "waiting"
    assert desk.market.find(number).validated == ["example.test"]
    desk.names.add_text(f"_dnsauth.{NAME}", content)
    assert state(desk, number) == "published"


def test_records_are_those_of_the_order(desk: Desk) -> None:
    first, second = desk.order(NAME), desk.order(NAME)
    desk.publish(first)
    assert [state(desk, number) for number in (first, second)] == ["published", "waiting"]


@pytest.mark.parametrize(
    ("place", "knobs", "good"),
    [
        ("", {}, True),
        ("", {"dcv_on_apex": False}, False),
        ("_dnsauth.", {"dcv_on_apex": False}, True),
        ("_acme-challenge.", {}, False),
    ],
)
def test_where_a_record_can_be(desk: Desk, place: str, knobs: dict[str, bool], good: bool) -> None:
    desk.market.turn(knobs)
    number = desk.order(NAME)
    desk.names.add_text(place + NAME, desk.detail(number)["dv_auth_content"])
    assert state(desk, number) == ("published" if good else "waiting")


def test_a_parent_counts_when_told(desk: Desk) -> None:
    number = desk.order(NAME)
    desk.names.add_text("_dnsauth.example.test", desk.detail(number)["dv_auth_content"])
    assert state(desk, number) == "waiting"
    desk.market.turn({"dcv_parents": True})
    assert state(desk, number) == "published"


@pytest.mark.parametrize("days", [30, 2])
def test_a_content_grows_old(desk: Desk, days: int) -> None:
    desk.market.turn({"dcv_content_days": days})
    number = desk.order(NAME)
    desk.now += (days + 1) * DAY
    desk.publish(number)
    assert state(desk, number) == "waiting"
    desk.send("PUT", f"/order/order_id/{number}", {"dv_auth_method": "DNS"})
    desk.publish(number)
    assert state(desk, number) == "published"


def test_nobody_looks_when_told(desk: Desk) -> None:
    desk.market.turn({"dcv": "none"})
    assert state(desk, desk.order(NAME, method="Email")) == "published"


def test_the_certificate_comes_later(desk: Desk) -> None:
    desk.market.turn({"issue_delay": 60.0})
    number = desk.order(NAME)
    desk.publish(number)
    assert state(desk, number) == "waiting"
    # Its issuance has been asked for.
    assert desk.send("PUT", f"/order/order_id/{number}", {"owner_name": "x"}).status == 409
    desk.now += 61
    assert state(desk, number) == "published"


# Reissues


def test_a_reissue(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"issue_delay": 60.0})
    before, old = desk.detail(number), desk.download(number)
    key = new_key()
    csr = csr_for(NAME, key=key)
    desk.now += 10 * DAY
    answer = desk.reissue(number, csr)
    assert (answer.status, answer.body, answer.effect) == (202, b"", "reissue_started")
    during = desk.detail(number)
    assert (during["state"], during["csr"], "days_remaining" in during) == ("reissue", csr, False)
    assert during["certificate_serial_number"] == before["certificate_serial_number"]
    assert desk.download(number) == old
    assert desk.reissue(number, csr).status == 409
    desk.now += 61
    after = desk.detail(number)
    assert (after["state"], after["csr"], after["expired"]) == ("published", csr, before["expired"])
    assert after["published"] > before["published"]
    (leaf,) = desk.download(number)
    assert leaf.public_key() == key.public_key()
    assert leaf.serial_number != old[0].serial_number
    assert desk.market.find(number).cents == 3900


def test_a_cancelled_reissue(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"never_issue": True})
    before = desk.detail(number)
    desk.reissue(number, csr_for(NAME))
    assert state(desk, number) == "reissue"
    answer = desk.send("PUT", f"/certificate/order_id/{number}/cancel-reissue")
    assert (answer.status, answer.body, answer.effect) == (202, b"", "reissue_cancelled")
    desk.market.turn({"never_issue": False})
    assert desk.detail(number) == before


def test_a_reissue_can_need_validation(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"dcv_on_reissue": True, "csr_while_reissuing": "old", "download_while_reissuing": False})
    before = desk.detail(number)
    desk.reissue(number, csr_for(NAME))
    during = desk.detail(number)
    assert (during["state"], during["csr"]) == ("reissue", before["csr"])
    assert during["dv_auth_content"] != before["dv_auth_content"]
    assert desk.send("GET", f"/certificate/order_id/{number}/format/pem_server").status == 409
    desk.publish(number)
    assert state(desk, number) == "published"
    assert serial(desk, number) != before["certificate_serial_number"]


def test_an_automatic_reissue(desk: Desk) -> None:
    key = new_key()
    number = desk.issued(NAME, key=key, years=3)
    before = desk.detail(number)
    desk.now += 170 * DAY
    new = desk.market.auto_reissue(desk.market.find(number))
    after = desk.detail(number)
    assert int(after["certificate_serial_number"], 16) == int(new, 16)
    assert after["certificate_serial_number"] != before["certificate_serial_number"]
    assert (after["csr"], after["state"]) == (before["csr"], "published")
    assert desk.download(number)[0].public_key() == key.public_key()


# Terms and time


def test_a_reissue_does_not_outlive_the_term(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.now += 300 * DAY
    desk.reissue(number, csr_for(NAME))
    (leaf,) = desk.download(number)
    assert leaf.not_valid_after_utc.timestamp() == START + 365 * DAY
    desk.now += 66 * DAY
    found = desk.detail(number)
    assert (found["state"], "days_remaining" in found) == ("expired", False)
    assert desk.reissue(number, csr_for(NAME)).status == 409


def test_an_order_grows_old(desk: Desk) -> None:
    number, other = desk.issued(NAME), desk.order("other.example.test")
    before, (leaf,) = desk.detail(number), desk.download(number)
    untouched = desk.detail(other)
    desk.market.age(desk.market.find(number), 100)
    after, (old,) = desk.detail(number), desk.download(number)
    assert (old.serial_number, old.public_key()) == (leaf.serial_number, leaf.public_key())
    assert (leaf.not_valid_after_utc - old.not_valid_after_utc).days == 100
    assert (leaf.not_valid_before_utc - old.not_valid_before_utc).days == 100
    assert list(old.extensions) == list(leaf.extensions)
    assert (before["inserted"][:10], after["inserted"][:10]) == ("2026-11-18", "2026-08-10")
    assert (after["published"][:10], after["expired"][:10]) == ("2026-08-10", "2027-08-10")
    assert before["days_remaining"] - after["days_remaining"] == 100
    assert desk.detail(other) == untouched
    desk.market.age(desk.market.find(number), 300)
    assert state(desk, number) == "expired"


# Files


def test_orders_are_kept(desk: Desk) -> None:
    numbers = [desk.issued(NAME), desk.order("other.example.test", method="Email", years=3)]
    desk.market.turn({"never_issue": True})
    desk.reissue(numbers[0], csr_for(NAME))
    before = [desk.detail(number) for number in numbers], desk.rows(), desk.download(numbers[0])
    desk.restart()
    desk.market.turn({"never_issue": True})
    assert ([desk.detail(number) for number in numbers], desk.rows(), desk.download(numbers[0])) == before
    desk.market.turn({"never_issue": False})
    assert state(desk, numbers[0]) == "published"
    assert desk.order("third.example.test") == numbers[1] + 1


def test_a_change_writes_one_file(desk: Desk) -> None:
    numbers = [desk.order(NAME) for _time in range(3)]
    files = {path.name: path.stat().st_ino for path in (desk.directory / "orders").iterdir()}
    assert sorted(files) == [f"{number}.json" for number in numbers]
    desk.send("PUT", f"/order/order_id/{numbers[1]}", {"owner_name": "other"})
    changed = [path.name for path in (desk.directory / "orders").iterdir() if files[path.name] != path.stat().st_ino]
    assert changed == [f"{numbers[1]}.json"]
    assert json.loads((desk.directory / "orders" / changed[0]).read_text())["people"]["owner_name"] == "other"
