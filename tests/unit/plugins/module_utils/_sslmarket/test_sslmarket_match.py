# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose order is it? By product and names, by key, by what is paid for the same time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import match, model
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Detail, Row

from tests.support import pki

NOW = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
DETAIL: dict[str, Any] = json.loads((FIXTURES / "order_detail.json").read_bytes())


def row(number: int, **changes: Any) -> Row:
    known = {
        "order_id": number,
        "product_code": "THAWTE_SSL_123",
        "domain": "www.alpha.test",
        "dns_names": ["alpha.test"],
        "years": 1,
        "inserted": "2026-11-01 10:00:00",
        "state": "published",
    }
    return model.row({**known, **changes})


def ids(rows: list[Any]) -> list[int]:
    return [each.order_id for each in rows]


# --- the same subject -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"product_code": "thawte_ssl_123"}, True),
        ({"domain": "WWW.Alpha.Test."}, True),
        ({"domain": "alpha.test", "dns_names": ["www.alpha.test"]}, True),
        ({"dns_names": ["alpha.test", "www.alpha.test"]}, True),
        ({"dns_names": "alpha.test, www.alpha.test"}, True),
        ({"dns_names": {"0": "alpha.test", "2": "www.alpha.test"}}, True),
        ({"product_code": "RAPIDSSL_RAPIDSSL"}, False),
        ({"product_code": None}, False),
        ({"dns_names": []}, False),
        ({"dns_names": None}, False),
        ({"dns_names": ["alpha.test", "shop.alpha.test"]}, False),
        ({"domain": "*.alpha.test"}, False),
        ({"domain": "www.alpha.test.evil.example"}, False),
    ],
)
def test_same_subject(changes: dict[str, Any], same: bool) -> None:
    found = match.same_subject([row(1, **changes)], "THAWTE_SSL_123", ("www.alpha.test", "alpha.test"))
    assert ids(found) == ([1] if same else [])


def test_unicode_and_a_labels_are_the_same() -> None:
    shown = row(1, domain="Bücher.example", dns_names=[])
    assert ids(match.same_subject([shown], "THAWTE_SSL_123", ("xn--bcher-kva.example",))) == [1]


def test_newest_first_and_each_once() -> None:
    rows = [row(2), row(1), row(3), row(2), row(1, state="waiting")]
    found = match.same_subject(rows, "THAWTE_SSL_123", ("alpha.test", "www.alpha.test"))
    assert ids(found) == [3, 2, 1]


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (["alpha.test"], {"www.alpha.test"}),
        (["www.alpha.test"], {"alpha.test"}),
        (["*.alpha.test"], {"alpha.test"}),
        (["alpha.test", "www.alpha.test"], set()),
        (["*.alpha.test", "alpha.test"], {"www.alpha.test"}),
        ([], set()),
    ],
)
def test_what_cas_give_away(names: list[str], given: set[str]) -> None:
    assert match.twins(names) == given


@pytest.mark.parametrize(
    ("shown", "wanted", "same"),
    [
        (["www.alpha.test", "alpha.test"], ("www.alpha.test",), True),
        (["alpha.test", "www.alpha.test"], ("alpha.test",), True),
        (["*.alpha.test", "alpha.test"], ("*.alpha.test",), True),
        (["www.alpha.test"], ("www.alpha.test", "alpha.test"), False),  # one is missing
        (["www.alpha.test", "shop.alpha.test"], ("www.alpha.test",), False),
        (["www.alpha.test", "alpha.test.evil.example"], ("www.alpha.test",), False),
        (["*.alpha.test"], ("www.alpha.test",), False),
    ],
)
def test_an_order_that_shows_what_is_given_away(shown: list[str], wanted: tuple[str, ...], same: bool) -> None:
    order = row(1, domain=shown[0], dns_names=shown[1:])
    assert match.for_names(order, wanted) is same
    assert bool(match.same_subject([order], "THAWTE_SSL_123", wanted)) is same


# --- alive ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["published", "waiting", "revoked", "expired", "storno", "", "zrušeno"])
def test_no_word_makes_an_order_dead(state: str) -> None:
    assert ids(match.alive([row(1, state=state)], NOW)) == [1]


@pytest.mark.parametrize(
    ("dates", "alive"),
    [
        ({"inserted": "2025-11-21 09:00:00"}, False),
        ({"inserted": "2025-11-21 11:00:00"}, True),  # a day later, in whatever zone
        ({"inserted": "2025-11-20 10:00:00", "expired": "2026-12-24"}, True),
        ({"inserted": "2020-01-01"}, False),
        ({"inserted": "2020-01-01", "years": 10}, True),
        ({"inserted": None, "years": None}, True),  # nobody says that it is over
        ({"inserted": "2020-01-01", "years": "many"}, True),
    ],
)
def test_alive(dates: dict[str, Any], alive: bool) -> None:
    assert bool(match.alive([row(1, **dates)], NOW)) is alive


def test_abandoned() -> None:
    assert ids(match.alive([row(1), row(2), row(3)], NOW, [2, 9])) == [1, 3]


# --- by key -----------------------------------------------------------------------------------------------------------


def detail(number: int, csr: Any = None, serial: Any = None) -> Detail:
    changes = {"order_id": number, "csr": csr, "certificate_serial_number": serial}
    return model.detail({**DETAIL, **changes}, number)


KEYS = [pki.new_key() for _number in range(3)]
REQUESTS = [pki.request(["www.alpha.test"], key).decode() for key in KEYS]
DIGESTS = [str(detail(1, csr).public_key) for csr in REQUESTS]


def test_by_key() -> None:
    details = [detail(1, REQUESTS[0]), detail(2, REQUESTS[1]), detail(3, REQUESTS[0]), detail(4)]
    assert ids(match.by_key(details, [DIGESTS[0]])) == [1, 3]
    assert ids(match.by_key(details, DIGESTS)) == [1, 2, 3]
    assert ids(match.by_key(details, [DIGESTS[2]])) == []
    assert ids(match.by_key(details, [])) == []


def test_another_request_for_the_same_key_is_ours() -> None:
    """The provider may give it back in another form, and requests are signed anew."""
    again = pki.request(["www.alpha.test"], KEYS[0]).decode()
    assert again != REQUESTS[0]
    mangled = again.replace("\n", "\\r\\n")
    assert ids(match.by_key([detail(1, again), detail(2, mangled)], [DIGESTS[0]])) == [1, 2]


def test_by_the_certificate_that_we_have() -> None:
    details = [detail(1, serial="0A1F"), detail(2, serial="0b"), detail(3)]
    assert ids(match.by_key(details, [], "a1f")) == [1]
    assert ids(match.by_key(details, [], None)) == []


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_duplicates() -> None:
    ends_soon = (NOW - timedelta(days=340)).strftime("%Y-%m-%d")
    rows = [row(1), row(2), row(3, inserted=ends_soon), row(4, inserted="2025-01-01"), row(5), row(6)]
    # 3 is renewed by 1: they overlap, and are no duplicates; 4 is over
    assert match.duplicates(rows, {1}, NOW, 30) == [2, 5, 6]
    assert match.duplicates(rows, {1, 5}, NOW, 30, [2]) == [6]
    assert match.duplicates(rows, {1}, NOW, 1) == [2, 3, 5, 6]
    assert match.duplicates([], {1}, NOW, 30) == []
