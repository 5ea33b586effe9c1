# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every knob of the simulated SSLmarket does what it says."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from certfleet_sandbox.sslmarket.knobs import Knobs, parse
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from .market import DAY, START, Desk, csr_for, dns_names, new_key, order_body

NAME = "www.example.test"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# Turning them


def test_from_the_command_line() -> None:
    text = "seed=7,book_delay=0.4,never_issue=true,list_limit=3,wrong_type=years+state,dcv=none,extra_name=a.test"
    knobs = parse(text + ",state_words=waiting:pending+reissue:processing,replace=order_id:x")
    assert (knobs.seed, knobs.book_delay, knobs.never_issue, knobs.list_limit) == (7, 0.4, True, 3)
    assert (knobs.wrong_type, knobs.dcv, knobs.extra_name) == (["years", "state"], "none", "a.test")
    assert knobs.replace == {"order_id": "x"}
    assert knobs.state_words == {**Knobs().state_words, "waiting": "pending", "reissue": "processing"}
    assert parse("") == Knobs()


@pytest.mark.parametrize(
    "text",
    [
        *("x=1", "book_delay", "book_delay=x", "book_delay=-1", "never_issue=perhaps", "list_limit=1.5"),
        *("dcv=later", "state_words=x:y", "serial_format=octal"),
    ],
)
def test_wrong_on_the_command_line(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse(text)


@pytest.mark.parametrize(
    "values",
    [
        *({"colour": 1}, {"list_limit": True}, {"list_limit": "3"}, {"never_issue": 1}, {"wrong_type": "years"}),
        *({"list_lag": -1}, {"state_words": {"x": "y"}}, {"state_words": {"waiting": 1}}, {"p7b_format": "pkcs12"}),
    ],
)
def test_wrong_values(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):
        Knobs().changed(**values)


def test_every_knob_has_its_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_sslmarket*.py"))
    names = [entry.name for entry in fields(Knobs)]
    assert [name for name in names if not re.search(rf'"{name}": |\b{name}=', text)] == []


def test_delays_are_drawn_by_seed(desk: Desk) -> None:
    def draws(seed: int) -> list[float]:
        desk.market.turn({"seed": seed, "book_delay": 1.0, "book_delay_max": 0.5, "list_lag_max": 9.0})
        found = [desk.market.delay("book_delay") for _time in range(20)]
        desk.market.delay("list_lag")
        return found

    first = draws(1)
    assert (first == draws(1), first == draws(2)) == (True, False)
    assert 1 <= min(first) < max(first) <= 1.5
    assert desk.market.delay("issue_delay") == 0
    desk.market.turn({"issue_delay_max": 2.0})
    assert 0 < desk.market.delay("issue_delay") < 2


# Lists


def test_a_list_lags(desk: Desk) -> None:
    desk.market.turn({"list_lag": 5.0})
    number = desk.order(NAME)
    assert (desk.rows(), desk.detail(number)["state"]) == ([], "waiting")
    desk.market.turn({"detail_lag": True})
    assert desk.send("GET", f"/order/order_id/{number}").status == 404
    desk.now += 5
    assert [row["order_id"] for row in desk.rows()] == [number]
    assert desk.detail(number)["domain"] == NAME


def test_what_a_list_leaves_out(desk: Desk) -> None:
    waiting, issued, over = desk.order(NAME), desk.issued(NAME), desk.issued(NAME)
    desk.market.age(desk.market.find(over), 400)

    def shown(**knobs: Any) -> list[int]:
        desk.market.reset()
        desk.market.turn(knobs)
        return [row["order_id"] for row in desk.rows()]

    assert shown() == [over, issued, waiting]
    assert shown(list_limit=2) == [over, issued]
    assert shown(omit_closed=True) == [issued, waiting]
    assert shown(omit_published=True) == [over, waiting]
    assert shown(duplicate_in_list=True) == [over, over, issued, issued, waiting, waiting]


def test_a_second_answer_differs(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.rows()
    desk.market.turn({"second_answer_differs": True})
    assert [len(desk.rows()) for _time in range(4)] == [1, 0, 1, 0]
    states = [desk.detail(number) for _time in range(3)]
    assert [found["state"] for found in states] == ["published", "waiting", "published"]
    assert (states[1]["certificate_serial_number"], "days_remaining" in states[1]) == (None, False)


def test_other_types_and_values(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"wrong_type": ["order_id", "state", "dns_names", "csr_required"], "replace": {"years": None}})
    (row,) = desk.rows()
    assert (row["order_id"], row["state"], row["dns_names"], row["years"]) == (str(number), ["published"], "", None)
    assert {type(product["csr_required"]) for product in desk.get("/product/list")["products"]} == {list}
    answer = desk.send("POST", "/order/certificate/THAWTE_SSL_123", order_body(NAME))
    assert json.loads(answer.body) == {"order_id": str(number + 1)}
    desk.market.turn({"wrong_type": ["certificate_serial_number"]})
    assert desk.detail(number + 1)["certificate_serial_number"] == {"value": None}


# Words and forms


def test_words(desk: Desk) -> None:
    desk.market.turn({"state_words": {"waiting": "Warten"}, "never_issue": True})
    number = desk.order(NAME)
    desk.publish(number)
    assert desk.detail(number)["state"] == "Warten"
    desk.market.set_word(desk.market.find(number), "on hold")
    assert (desk.detail(number)["state"], desk.rows()[0]["state"]) == ("on hold", "on hold")
    desk.market.set_word(desk.market.find(number), None)
    assert desk.detail(number)["state"] == "Warten"


def test_dates(desk: Desk) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"date_format": "%d.%m.%Y", "expired_is": "certificate"})
    assert (desk.detail(number)["inserted"], desk.detail(number)["expired"]) == ("18.11.2026", "05.06.2027")
    assert desk.detail(number)["days_remaining"] == 199
    desk.market.turn({"clock_offset": -86400.0})
    assert desk.detail(number)["inserted"] == "17.11.2026"


@pytest.mark.parametrize(
    ("form", "shown"), [("hex", "0ABC"), ("lower_hex", "0abc"), ("colons", "0a:bc"), ("decimal", "2748")]
)
def test_serial_numbers(desk: Desk, form: str, shown: str) -> None:
    number = desk.issued(NAME)
    desk.market.find(number).certificates[-1].serial = "abc"
    desk.market.turn({"serial_format": form})
    assert desk.detail(number)["certificate_serial_number"] == shown


@pytest.mark.parametrize("form", ["pem", "base64", "der"])
def test_bundles(desk: Desk, form: str) -> None:
    number = desk.issued(NAME)
    desk.market.turn({"p7b_format": form})
    body = desk.send("GET", f"/certificate/order_id/{number}/format/p7b").body
    if form == "pem":
        assert len(pkcs7.load_pem_pkcs7_certificates(body)) == 3
    else:
        encoded = base64.b64decode(body) if form == "base64" else body
        assert len(pkcs7.load_der_pkcs7_certificates(encoded)) == 3


def test_refusals(desk: Desk) -> None:
    desk.market.turn({"error_member": "type", "description_member": "message", "echo_secret": True})
    answer = desk.send("GET", "/nothing", headers={"x-auth-token": "wrong-token"})
    assert json.loads(answer.body) == {
        "type": "unauthorized",
        "message": "X-Auth-Token: is not known (token wrong-token)",
    }
    assert "wrong-token" not in json.dumps(answer.facts)


def test_more_than_a_year(desk: Desk) -> None:
    desk.market.turn({"auto_reissue": False})
    assert desk.detail(desk.order(NAME, years=2))["auto_reissue"] is False


def test_names_of_a_csr_can_be_any(desk: Desk) -> None:
    desk.market.turn({"check_csr_names": False})
    number = desk.issued(NAME, csr=csr_for("other.test"))
    assert dns_names(desk.download(number)[0]) == [NAME]


# Certificates that are not what was ordered


def quirk(desk: Desk, **knobs: Any) -> x509.Certificate:
    desk.market.turn(knobs)
    return desk.download(desk.issued(NAME, "example.test"))[0]


def days(certificate: x509.Certificate) -> tuple[float, float]:
    """Begin and end, in days from now."""
    dates = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    begin, end = ((date.timestamp() - START) / DAY for date in dates)
    return round(begin, 1), round(end, 1)


def test_names_of_certificates(desk: Desk) -> None:
    assert dns_names(quirk(desk, drop_name=True)) == [NAME]
    assert dns_names(quirk(desk, drop_name=False, extra_name="more.test")) == [NAME, "example.test", "more.test"]
    desk.market.turn({"extra_name": "", "drop_name": True})
    assert dns_names(desk.download(desk.issued(NAME))[0]) == ["dropped.invalid"]


def test_lives_of_certificates(desk: Desk) -> None:
    assert days(quirk(desk, certificate_days=47)) == (0, 47)
    assert days(quirk(desk, short_days=5)) == (0, 5)
    assert days(quirk(desk, short_days=0, not_yet_valid=True)) == (1, 47)
    assert days(quirk(desk, expired=True)) == (-47, -1)


def test_uses_of_certificates(desk: Desk) -> None:
    def is_ca(certificate: x509.Certificate) -> bool:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca

    def uses(certificate: x509.Certificate) -> list[str]:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return [str(use._name) for use in found]

    good, other = quirk(desk), quirk(desk, is_ca=True, wrong_usage=True)
    assert (is_ca(good), uses(good), is_ca(other), uses(other)) == (False, ["serverAuth"], True, ["clientAuth"])


def test_keys_of_certificates(desk: Desk) -> None:
    key = new_key()
    desk.market.turn({"wrong_key": True})
    number = desk.issued(NAME, key=key)
    assert desk.download(number)[0].public_key() != key.public_key()


def test_serial_numbers_of_certificates(desk: Desk) -> None:
    desk.market.turn({"same_serial": True})
    number, other = desk.issued(NAME), desk.issued(NAME)
    before = desk.download(number)
    desk.reissue(number, csr_for(NAME))
    after = desk.download(number)
    assert (before[0].serial_number == after[0].serial_number, before == after) == (True, False)
    assert desk.download(other)[0].serial_number != before[0].serial_number


def test_chains(desk: Desk) -> None:
    number = desk.issued(NAME)
    leaf, issuer = desk.download(number, "pem_intermediate")
    desk.market.turn({"reversed_chain": True})
    assert desk.download(number, "pem_intermediate") == [issuer, leaf]
    desk.market.turn({"no_chain": True})
    assert desk.download(number, "pem_intermediate") == [leaf]
    assert desk.download(number, "p7b") == [leaf]
