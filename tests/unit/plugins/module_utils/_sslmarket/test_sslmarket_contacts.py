# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contacts of an order: what is sent, and what is refused in words that name the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import contacts
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
REQUEST: dict[str, Any] = json.loads((FIXTURES / "order-request.json").read_bytes())
GIVEN: dict[str, dict[str, Any]] = {
    group: {name[len(group) + 1 :]: value for name, value in REQUEST.items() if name.startswith(group + "_")}
    for group in contacts.GROUPS
}
FIELDS = {group: tuple(given) for group, given in GIVEN.items()}
FIELDS["auth"] = FIELDS["tech"] = ("title", "firstname", "lastname", "tel", "email")


def refused(group: str, given: Any) -> str:
    with pytest.raises(UsageError) as error:
        contacts.check(group, given)
    assert "\n" not in error.value.sentence()
    return error.value.sentence()


def test_the_documented_request() -> None:
    checked = {group: contacts.check(group, GIVEN[group]) for group in contacts.GROUPS}
    contacts.require_all(checked)
    sent = contacts.body(checked)
    assert sent == {name: value for name, value in REQUEST.items() if name.partition("_")[0] in contacts.GROUPS}
    assert list(sent)[:2] == ["owner_name", "owner_street"]
    assert contacts.body({"tech": checked["tech"]}) == {
        name: value for name, value in sent.items() if name.startswith("tech_")
    }
    assert contacts.body({}) == {}


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, given in GIVEN.items() for name in given if name not in ("ic", "dic")]
)
@pytest.mark.parametrize("value", [None, "", "  ", "left out"])
def test_required(group: str, name: str, value: str | None) -> None:
    given = {key: each for key, each in GIVEN[group].items() if key != name or value != "left out"}
    if value != "left out":
        given[name] = value
    assert refused(group, given).startswith(f"{group}.{name} is missing. {group} needs ")


@pytest.mark.parametrize("value", [None, "", "left out"])
def test_optional(value: str | None) -> None:
    given = {name: each for name, each in GIVEN["invoice"].items() if name not in ("ic", "dic")}
    if value != "left out":
        given.update(ic=value, dic=value)
    assert set(contacts.check("invoice", given)) == {"name", "street", "city", "zip", "country", "email"}


@pytest.mark.parametrize(
    ("group", "name", "message"),
    [
        ("owner", "adress", 'owner has no field "adress".'),
        ("owner", "postcode", 'owner has no field "postcode".'),
        ("owner", "countri", 'owner has no field "countri" (did you mean "country"?).'),
        ("owner", "owner_name", 'owner has no field "owner_name" (did you mean "name"?).'),
        ("owner", "email", 'owner has no field "email".'),
        ("owner", "ic", 'owner has no field "ic".'),
        ("auth", "first_name", 'auth has no field "first_name" (did you mean "firstname"?).'),
        ("auth", "Tel", 'auth has no field "Tel" (did you mean "tel"?).'),
        ("tech", "e-mail", 'tech has no field "e-mail" (did you mean "email"?).'),
        ("invoice", "tel", 'invoice has no field "tel".'),
        ("invoice", "a\nb", 'invoice has no field "a b".'),
        ("invoice", 5, 'invoice has no field "5".'),
    ],
)
def test_unknown_fields(group: str, name: Any, message: str) -> None:
    told = refused(group, {**GIVEN[group], name: "x"})
    assert told == f"{message} Its fields are {', '.join(FIELDS[group])}."


@pytest.mark.parametrize("given", [None, "Alpha Ltd", [], ["name"], 5, True])
def test_no_mapping(given: Any) -> None:
    assert (
        refused("owner", given)
        == "owner is not a mapping of fields. Its fields are name, street, city, zip, country, tel."
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [("GB", "GB"), ("gb", "GB"), (" cz ", "CZ"), ("Sk", "SK"), ("NO", "NO"), ("AX", "AX"), ("ZW", "ZW")],
)
def test_country(value: str, code: str) -> None:
    assert contacts.check("owner", {**GIVEN["owner"], "country": value})["country"] == code


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("UK", 'owner.country is "UK", not a country code of ISO 3166-1. The code is "GB".'),
        ("uk", 'owner.country is "uk", not a country code of ISO 3166-1. The code is "GB".'),
        ("EL", 'owner.country is "EL", not a country code of ISO 3166-1. The code is "GR".'),
        ("EU", 'owner.country is "EU", not a country code of ISO 3166-1. It has two letters, like "GB" or "CZ".'),
        ("XX", 'owner.country is "XX", not'),
        ("GBR", 'owner.country is "GBR", not'),
        ("United Kingdom", 'owner.country is "United Kingdom", not'),
        ("G", 'owner.country is "G", not'),
        ("G B", 'owner.country is "G B", not'),
        ("ＧＢ", 'owner.country is "ＧＢ", not'),
        (44, 'owner.country is "44", not'),
        (False, 'owner.country is false, not a text. Put it in quotes: YAML takes NO for "no".'),
        (["GB"], "owner.country is a list, not a text."),
    ],
)
def test_no_country(value: Any, told: str) -> None:
    assert refused("owner", {**GIVEN["owner"], "country": value}).startswith(told)


@pytest.mark.parametrize(
    "value", ["+44.123456789", "+1.2125550100", "+420.1234", "+420.12345678901234", " +44.2079460000 "]
)
def test_tel(value: str) -> None:
    assert contacts.check("auth", {**GIVEN["auth"], "tel": value})["tel"] == value.strip()


@pytest.mark.parametrize(
    "value",
    [
        "0123456789",
        "+44123456789",
        "+44 123456789",
        "+44.12 34 56",
        "+44.123-456",
        "0044.123456789",
        "44.123456789",
        44.123456789,
        441234,
        "+4444.123456",
        "+44.123",
        "+44.123456789012345",
        "+.123456",
        "+44.",
        "+44.١٢٣٤٥",
        "+44.12345x12",
        "x+44.12345",
        "+44.12345;+44.12346",
    ],
)
def test_no_tel(value: Any) -> None:
    told = refused("tech", {**GIVEN["tech"], "tel": value})
    assert told.startswith(f'tech.tel is "{value}", not a telephone number')
    assert 'Write it like "+44.123456789"' in told


@pytest.mark.parametrize("value", ["a@b", "jane.doe+tls@alpha.example", "käse@bücher.example", " a@b "])
def test_email(value: str) -> None:
    assert contacts.check("invoice", {**GIVEN["invoice"], "email": value})["email"] == value.strip()


@pytest.mark.parametrize(
    "value", ["a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "Jane <a@b>", "a@b,c@d", "a@b;c@d", 'a"@b', "a\\@b", 5]
)
def test_no_email(value: Any) -> None:
    told = refused("invoice", {**GIVEN["invoice"], "email": value})
    assert told == f'invoice.email is "{value}", not an e-mail address.'


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("zip", 12345, "12345"),
        ("zip", 0, "0"),
        ("zip", "01234", "01234"),
        ("street", "1 Straße des 17. Juni", "1 Straße des 17. Juni"),
        ("name", "Käse & Söhne \"Ltd\" 'x' <y> {{ z }}", "Käse & Söhne \"Ltd\" 'x' <y> {{ z }}"),
        ("name", "x" * 255, "x" * 255),
        ("city", "  London ", "London"),
        ("city", 1.5, "1.5"),
    ],
)
def test_texts(name: str, value: Any, text: str) -> None:
    assert contacts.check("owner", {**GIVEN["owner"], name: value})[name] == text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a\nb", "owner.street has line breaks or control characters."),
        ("a\rb", "owner.street has line breaks"),
        ("a\tb", "owner.street has line breaks"),
        ("a\x00b", "owner.street has line breaks"),
        ("a\x1b[31mb", "owner.street has line breaks"),
        ("a\x85b", "owner.street has line breaks"),
        ("a\u2028b", "owner.street has line breaks"),
        ("a\ud800b", "owner.street has line breaks"),
        ("x" * 256, "owner.street is longer than 255 characters."),
        (10**5_000, "owner.street is longer than 255 characters."),
        (10**256, "owner.street is longer than 255 characters."),
        (True, "owner.street is true, not a text."),
        ({}, "owner.street is a dict, not a text."),
        ([], "owner.street is a list, not a text."),
    ],
    ids=range(14),
)
def test_no_texts(value: Any, told: str) -> None:
    assert refused("owner", {**GIVEN["owner"], "street": value}).startswith(told)


@pytest.mark.parametrize("missing", contacts.GROUPS)
def test_all_four(missing: str) -> None:
    checked = {group: contacts.check(group, GIVEN[group]) for group in contacts.GROUPS if group != missing}
    for some in (checked, {**checked, missing: {}}):
        with pytest.raises(UsageError, match=f"there is no {missing}$"):
            contacts.require_all(some)


def test_none_of_the_four() -> None:
    with pytest.raises(UsageError, match="there is no owner, auth, tech, invoice$"):
        contacts.require_all({})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.lists(st.text(max_size=3))


@given(
    st.sampled_from(contacts.GROUPS),
    st.dictionaries(
        st.sampled_from(sorted({name for given in GIVEN.values() for name in given})) | st.text(max_size=5), VALUES
    ),
)
def test_anything(group: str, changes: dict[str, Any]) -> None:
    try:
        found = contacts.check(group, {**GIVEN[group], **changes})
    except UsageError:
        return
    assert all(text and len(text) <= 255 and "\n" not in text for text in found.values())
