# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's JSON, in every form it may come: read, or refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData, ProtocolError
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import model
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import csr, facts, load
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import pki

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


ROW: dict[str, Any] = fixture("order_list")["orders"][0]
DETAIL: dict[str, Any] = fixture("order_detail")
PRODUCT: dict[str, Any] = fixture("product_list")["products"][0]


def row(**changes: Any) -> model.Row:
    return model.row({**ROW, **changes})


def detail(**changes: Any) -> model.Detail:
    return model.detail({**DETAIL, **changes}, 7)


# --- single members ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1), ("1", 1), ("0042", 42), (10**18 - 1, 10**18 - 1), ("9" * 18, 10**18 - 1)]
)
def test_order_id(value: Any, number: int) -> None:
    assert model.order_id(value) == number


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "None"),
        (True, "True"),
        (0, "0"),
        (-5, "-5"),
        (1.0, "1.0"),
        ("", "''"),
        ("-5", "'-5'"),
        ("5\n", r"'5\n'"),
        ("٣", "'٣'"),
        ([5], "a value of the type list"),
        (10**18, "1" + "0" * 18),
        (10**5_000, "a value of the type int"),
        ("9" * 5_000, "'" + "9" * 56 + "..."),
        (float("nan"), "a value of the type float"),
    ],
    ids=range(14),
)
def test_no_order_id(value: Any, told: str) -> None:
    with pytest.raises(InvalidData) as error:
        model.order_id(value)
    assert error.value.message == f"{told} is not the number of an order"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (3, 3),
        ("3", 3),
        (" 3 ", 3),
        ("003", 3),
        (3.0, 3),
        (999_999, 999_999),
        (10**6, None),
        ("9" * 18, None),
        ("9" * 5_000, None),
        (-1, None),
        ("-1", None),
        (3.5, None),
        ("3.0", None),
        ("3 years", None),
        ("", None),
        (None, None),
        (True, None),
        ([3], None),
        (float("inf"), None),
        ("٣", None),
    ],
    ids=range(21),
)
def test_number(value: Any, number: int | None) -> None:
    assert model.number(value) == number


@pytest.mark.parametrize(
    ("value", "found"),
    [(text, True) for text in (True, "true", "True", " TRUE ", "1", 1, "yes", "y")]
    + [(text, False) for text in (False, "false", "False", "0", 0, "no", "N")]
    + [(text, None) for text in (None, "", "maybe", 2, -1, 1.5, [], {}, "true" * 99, 10**5_000)],
    ids=range(25),
)
def test_boolean(value: Any, found: bool | None) -> None:
    assert model.boolean(value) is found


@pytest.mark.parametrize(
    ("value", "serial"),
    [
        ("a5f3", "a5f3"),
        ("A5F3", "a5f3"),
        ("0xA5F3", "a5f3"),
        ("00:A5:F3", "a5f3"),
        (" 00a5 f3 ", "a5f3"),
        ("0" * 20 + "1", "1"),
        ("10", "10"),  # hex
        (16, "10"),
        (2**127, "8" + "0" * 31),
        (str(2**127), "8" + "0" * 31),  # 39 digits: decimal
        ("1" * 32, "1" * 32),  # hex
        ("f" * 40, "f" * 40),
        ("f" * 41, None),
        ("f" * 61, None),
        (2**160, None),
        (10**5_000, None),
        (0, None),
        ("0", None),
        (-1, None),
        (True, None),
        ("", None),
        ("none", None),
        (None, None),
        (1.5, None),
        (["a5"], None),
        ("-a5", None),
    ],
    ids=range(26),
)
def test_serial(value: Any, serial: str | None) -> None:
    assert model.serial(value) == serial


@given(st.integers(1, 2**160 - 1))
def test_serials_are_written_as_those_of_certificates(number: int) -> None:
    assert model.serial(number) == format(number, "x")
    assert model.serial("0x" + format(number, "X")) == format(number, "x")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22", datetime(2026, 11, 22)),
        ("2026-11-22 10:20:30", datetime(2026, 11, 22, 10, 20, 30)),
        ("2026-11-22 10:20", datetime(2026, 11, 22, 10, 20)),
        ("2026-11-22T10:20:30", datetime(2026, 11, 22, 10, 20, 30)),
        ("2026-11-22T10:20:30.123456", datetime(2026, 11, 22, 10, 20, 30)),
        ("2026-11-22T10:20:30Z", datetime(2026, 11, 22, 10, 20, 30)),
        ("2026-11-22T10:20:30+01:00", datetime(2026, 11, 22, 9, 20, 30)),
        ("2026-11-22T10:20:30+0100", datetime(2026, 11, 22, 9, 20, 30)),
        ("2026-11-22 00:20:30 -03:30", datetime(2026, 11, 22, 3, 50, 30)),
        (" 2026-11-22 ", datetime(2026, 11, 22)),
        ("1970-01-01", datetime(1970, 1, 1)),
        ("2999-12-31", datetime(2999, 12, 31)),
        ("9999-12-31", None),
        ("0001-01-01", None),
        ("0000-00-00 00:00:00", None),
        ("2026-02-30", None),
        ("2026-13-01", None),
        ("2026-11-22 24:00:00", None),
        ("22/11/2026", None),
        ("11/22/2026", None),
        ("20261122", None),
        ("2026-11-22 10", None),
        ("2026-11-22Z", None),
        ("٢٠٢٦-11-22", None),
        ("1795000000", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_moment(text: str | None, moment: datetime | None) -> None:
    found = model.moment(text)
    assert found == moment
    assert found is None or found.tzinfo is None


@given(st.text("0123456789-: TZ+.", max_size=40))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    found = model.moment(text)
    assert found is None or 1969 <= found.year <= 3000


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "more", "names"),
    [
        ("www.alpha.example", [], ("www.alpha.example",)),
        ("WWW.Alpha.Example.", ["ALPHA.example"], ("www.alpha.example", "alpha.example")),
        ("*.alpha.example", ["alpha.example", "alpha.example"], ("*.alpha.example", "alpha.example")),
        ("bücher.example", [], ("xn--bcher-kva.example",)),
        ("alpha.example", None, ("alpha.example",)),
        ("alpha.example", "", ("alpha.example",)),
        ("alpha.example", "b.example, c.example;d.example e.example", ("alpha.example", "b.example", "c.example", "d.example", "e.example")),
        ("alpha.example", {"0": "b.example", "2": "c.example"}, ("alpha.example", "b.example", "c.example")),
        ("alpha.example", [None, "", "b.example"], ("alpha.example", "b.example")),
        ("Alpha Ltd", [], ("alpha ltd",)),
        ("JANE@alpha.example", [], ("jane@alpha.example",)),
        ("localhost", [], ("localhost",)),
        ("a..example", [], ("a..example",)),
        ("  alpha.example\n", [], ("alpha.example",)),
        ("a\x1b[31m.example", [], ("a [31m.example",)),
        (None, ["b.example"], ("b.example",)),
        ("", [], ()),
        (None, None, ()),
    ],
)  # fmt: skip
def test_names(domain: Any, more: Any, names: tuple[str, ...]) -> None:
    found = row(domain=domain, dns_names=more)
    assert found.names == names
    assert found.domain == (names[0] if domain else "")


@pytest.mark.parametrize("bad", [5, True, 1.5, ["a"], {"a": 1}])
def test_names_that_are_no_texts(bad: Any) -> None:
    """Names decide what is bought again: none of them is left out."""
    with pytest.raises(ProtocolError, match="names that are no texts"):
        row(dns_names=[bad])
    if not isinstance(bad, list):
        with pytest.raises(ProtocolError, match="names that are no texts"):
            row(domain=bad)


@pytest.mark.parametrize("name", ["product_type", "product_code", "state"])
@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (5, "5"), (["a"], ""), (True, ""), ("a\r\nb", "a b"), ("x" * 999, "x" * 297 + "...")],
)
def test_texts(name: str, value: Any, text: str) -> None:
    assert getattr(row(**{name: value}), name) == text


@pytest.mark.parametrize("name", ["inserted", "published", "expired"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
        ("soon", "soon"),
        ("22.11.2026", "22.11.2026"),
        (1795000000, "1795000000"),
        ({"date": "2026-11-22"}, None),
        (False, None),
    ],
)
def test_dates(name: str, value: Any, text: str | None) -> None:
    assert getattr(row(**{name: value}), name) == text


@pytest.mark.parametrize(
    ("value", "years"), [("1", 1), (3, 3), (99, 99), (100, None), ("9" * 17, None), (None, None), (-1, None)]
)
def test_years(value: Any, years: int | None) -> None:
    assert row(years=value).years == years


@pytest.mark.parametrize(
    ("state", "issued"),
    [
        ("published", True),
        (" published ", True),
        ("Published", False),
        ("publishing", False),
        ("vydano", False),
        ("", False),
        (None, False),
    ],
)
def test_states(state: Any, issued: bool) -> None:
    assert row(state=state).issued is issued


def test_what_is_not_known_is_kept() -> None:
    assert row(surprise={"a": [1]}).raw["surprise"] == {"a": [1]}


def test_members_may_be_missing() -> None:
    found = model.row({"order_id": "5"})
    assert (found.order_id, found.names, found.years, found.state, found.issued) == (5, (), None, "", False)


# --- lists ------------------------------------------------------------------------------------------------------------


def test_lists() -> None:
    assert model.orders({"orders": []}) == []
    assert model.orders({"orders": {}}) == []
    assert [order.order_id for order in model.orders({"orders": {"0": ROW, "3": {**ROW, "order_id": 9}}})] == [
        123456,
        9,
    ]
    assert model.orders({"orders": [ROW], "total": "1", "next": None, "more": 5})


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        5,
        "x",
        {},
        {"orders": None},
        {"orders": "x"},
        {"orders": {"a": ROW}},
        {"order": [ROW]},
        [ROW],
        {"products": []},
    ],
)
def test_no_list(answer: Any) -> None:
    with pytest.raises(ProtocolError):
        model.orders(answer)


@pytest.mark.parametrize(
    "more", [{"total": 2}, {"total_count": "2"}, {"count": 2}, {"next": "/order/list?page=2"}, {"next": 2}]
)
def test_a_part_of_a_list(more: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="a part of the list of orders only"):
        model.orders({"orders": [ROW], **more})


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (None, "a NoneType where an object belongs"),
        ([], "a list where an object belongs"),
        ({}, "an order_id that is none: None"),
        ({**ROW, "order_id": True}, "an order_id that is none: True"),
        ({**ROW, "order_id": "5\x1b[31m"}, "an order_id that is none: '5"),
        ({**ROW, "dns_names": [[]]}, "names that are no texts"),
    ],
)
def test_an_order_that_cannot_be_read(bad: Any, told: str) -> None:
    with pytest.raises(ProtocolError) as error:
        model.orders({"orders": [ROW, bad]})
    assert error.value.message.startswith("order/list, entry 2: ")
    assert told in error.value.message
    assert "\x1b" not in error.value.message


@pytest.mark.parametrize("bad", [None, {}, {"product_code": ""}, {"product_code": []}])
def test_a_product_that_cannot_be_read(bad: Any) -> None:
    with pytest.raises(ProtocolError) as error:
        model.products({"products": [bad]})
    assert error.value.message.startswith("product/list, entry 1: ")


@pytest.mark.parametrize(
    ("name", "attribute", "value", "found"),
    [
        ("csr_required", "csr_required", "true", True),
        ("csr_required", "csr_required", False, False),
        ("csr_required", "csr_required", "depends", None),
        ("max_years", "max_years", 3, 3),
        ("max_years", "max_years", "3", 3),
        ("max_years", "max_years", "unlimited", None),
        ("min_san_values", "min_san", "", None),
        ("max_san_values", "max_san", 249.0, 249),
        ("type", "kind", None, ""),
        ("validate_type", "validate_type", "qv", "qv"),
        ("title", "title", "Käse\n", "Käse"),
    ],
)
def test_products(name: str, attribute: str, value: Any, found: Any) -> None:
    assert getattr(model.product({**PRODUCT, name: value}), attribute) == found
    del value
    missing = model.product({key: each for key, each in PRODUCT.items() if key != name})
    assert getattr(missing, attribute) in (None, "")


# --- details ----------------------------------------------------------------------------------------------------------


def test_alone_or_wrapped() -> None:
    assert model.detail({"order": DETAIL}, 7) == model.detail(DETAIL, 7)
    assert model.detail({"anything": DETAIL}, 7).order_id == 7
    assert detail(order_id="7").order_id == 7


@pytest.mark.parametrize("value", [8, "8", True, -7, "x", 7.0])
def test_of_another_order(value: Any) -> None:
    with pytest.raises(ProtocolError):
        detail(order_id=value)


@pytest.mark.parametrize(
    "answer", [None, [], [DETAIL], {}, {"order": None}, {"order": []}, {"order": DETAIL, "x": 1}, {"error": "no"}]
)
def test_no_detail(answer: Any) -> None:
    with pytest.raises(ProtocolError):
        model.detail(answer, 7)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("days_remaining", "0", 0),
        ("days_remaining", -3, None),
        ("days_remaining", None, None),
        ("auto_reissue", "1", True),
        ("auto_reissue", None, None),
        ("dv_auth_method", "", None),
        ("dv_auth_method", "carrier pigeon", "carrier pigeon"),
        ("dv_auth_content", "", None),
        ("dv_auth_content", "a\nb", "a b"),
        ("dv_auth_content", "x" * 1_900, "x" * 1_900),
        ("csr", 5, None),
        ("csr", " ", None),
    ],
)
def test_detail(name: str, value: Any, found: Any) -> None:
    assert getattr(detail(**{name: value}), name) == found


def test_contacts() -> None:
    found = detail(owner_zip=12345, owner_city=None, owner_surprise="x", auth_title=["x"], invoice_name="y").contacts
    assert found["owner"]["zip"] == "12345"
    assert found["owner"]["surprise"] == "x"
    assert "city" not in found["owner"]
    assert found["auth"]["title"] == ""
    assert set(found) == {"owner", "auth", "tech"}
    assert model.detail({"state": "x"}, 7).contacts == {"owner": {}, "auth": {}, "tech": {}}


# --- the CSR ----------------------------------------------------------------------------------------------------------

KEYS = {"ecdsa": pki.new_key(), "rsa": pki.new_key("rsa", 2048)}
REQUESTS = {kind: csr.build(pki.key_pem(key), ["www.alpha.example"]).decode() for kind, key in KEYS.items()}


def bare(pem: str) -> str:
    return "".join(pem.split("\n")[1:-2])


MANGLED: dict[str, Callable[[str], str]] = {
    "as it is": lambda pem: pem,
    "CR LF": lambda pem: pem.replace("\n", "\r\n"),
    "CR": lambda pem: pem.replace("\n", "\r"),
    "line breaks written out": lambda pem: pem.replace("\n", "\\n"),
    "CR LF written out": lambda pem: pem.replace("\n", "\\r\\n"),
    "blanks for line breaks": lambda pem: pem.replace("\n", " "),
    "no line breaks in the middle": lambda pem: pem.replace("\n", "").replace("-----M", "-----\nM"),
    "no line breaks": lambda pem: pem.replace("\n", ""),
    "no armour": bare,
    "a new request": lambda pem: pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
    "text around it": lambda pem: "The request:\n" + pem + "\nThat was it.",
}


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
@pytest.mark.parametrize("kind", KEYS)
def test_public_key(kind: str, mangle: Callable[[str], str]) -> None:
    assert detail(csr=mangle(REQUESTS[kind])).public_key == facts.key_facts(KEYS[kind]).public_key


PEM = REQUESTS["ecdsa"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        [],
        "",
        "x" * 200,
        "A" * 200,
        "A" * 200_000,
        PEM[:200],
        PEM.replace("MII", "MIJ", 1),
        bare(PEM)[:-9] + "AAAAAAAA=",
        pki.authority("Root").pem.decode(),
        "ä" * 200,
        "\ud800" * 200,
        pki.key_pem(KEYS["ecdsa"]).decode(),
    ],
    ids=range(14),
)
def test_no_public_key(value: Any) -> None:
    assert detail(csr=value).public_key is None


def test_the_sample() -> None:
    request = load.request(DETAIL["csr"].encode(), "sample")
    assert detail().public_key == facts.request_facts(request).public_key


# --- anything ---------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1", "true", "published", "2026-11-22", "0000-00-00", "*.a.example", "9" * 400, PEM, 10**90]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = sorted({*ROW, *DETAIL, *PRODUCT, "surprise"})
ANSWERS = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=12)


def read_or_refused(read: Callable[[], Any]) -> None:
    """Every other exception is a failure of the test."""
    told = None
    try:
        repr(read())
    except (ProtocolError, InvalidData) as error:
        told = error.sentence()
    if told is not None:
        assert "\n" not in told
        assert len(told) < 500


@settings(max_examples=500)
@given(ANSWERS, st.booleans())
def test_any_answer(members: dict[str, Any], sure: bool) -> None:
    if sure:
        members = {**members, "order_id": 7, "product_code": "X"}
    read_or_refused(lambda: model.orders({"orders": [members]}))
    read_or_refused(lambda: model.products({"products": [members]}))
    read_or_refused(lambda: model.detail(members, 7))
    read_or_refused(lambda: model.detail({"order": members}, 7))


@given(VALUES)
def test_any_value(value: Any) -> None:
    read_or_refused(lambda: model.orders(value))
    read_or_refused(lambda: model.products(value))
    read_or_refused(lambda: model.detail(value, 7))
    read_or_refused(lambda: model.order_id(value))
    for read in (model.number, model.boolean, model.serial):
        read(value)
