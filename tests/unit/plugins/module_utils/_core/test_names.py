# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: what is a DNS name, and that no name leaves its directory or meets another."""

from __future__ import annotations

import itertools
import os

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core import names
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

LABEL = "a" * 63


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("*.example.com", "*.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.Bücher.example", "*.xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("a。example", "a.example"),
        ("1.example", "1.example"),
        ("a-b--c.example", "a-b--c.example"),
        (LABEL + ".example", LABEL + ".example"),
        (".".join([LABEL] * 3 + ["a" * 61]), ".".join([LABEL] * 3 + ["a" * 61])),
    ],
)
def test_a_dns_name_has_one_form(text: str, expected: str) -> None:
    assert names.dns_name(text) == expected
    assert names.dns_name(expected) == expected


BAD = [
    "", ".", "..", "*", "*.", "*.com", "*.*.example.com", "a.*.example.com", "w*.example.com", "**.example.com", "localhost",
    "www.example.com.", ".example.com", "a..example.com", "-a.example.com", "a-.example.com", "a_b.example.com",
    "a b.example.com", " a.example.com", "a.example.com ", "www.example.com\n", "www\n.example.com", "a.example.com\x00",
    "a.example.com\r\n", "192.0.2.1", "2001:db8::1", "../../etc/passwd", "/etc/passwd", "a/b.example.com", "a\\b.example.com",
    "a" * 64 + ".example", ".".join([LABEL] * 3 + ["a" * 62]), "*." + ".".join([LABEL] * 3 + ["a" * 61]), "x" * 300,
    "bücher.example.", "bücher.example\n", "a\u200d.example", "☃.example", "＊.example.com", "a／b.example", "\ud800.example",
    "https://www.example.com", "www.example.com:443", "user@example.com", "{{ name }}.example.com", "$(id).example.com",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_dns_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        names.dns_name(text)
    assert "\n" not in caught.value.sentence()
    assert len(caught.value.message) < 4000


def test_names_keep_their_order_and_lose_repetitions() -> None:
    assert names.dns_names(["b.example", "A.example", "B.EXAMPLE", "a.example"]) == ("b.example", "a.example")


def hostile() -> list[str]:
    """At least 200 names that differ in ways file systems, shells and normalisations like to forget."""
    base = "www.example.com"
    pieces = [
        "",
        ".",
        "..",
        "/",
        "\\",
        "\x00",
        "\n",
        "\r",
        " ",
        "~",
        "-",
        "_",
        "*",
        "*.",
        "%2e",
        "%2F",
        "../",
        "./",
        ":",
        "|",
    ]
    pieces += ["é", "e\u0301", "ß", "ẞ", "İ", "ı", "K", "\u200b", "\u202e", "\ud800", "\udfff", "🔐", "．", "／"]
    found = [*BAD, "con", "nul", "current", "pending", "_wildcard.example.com", "_wildcard.", "*._wildcard.example.com"]
    found += [before + base for before in pieces] + [base + after for after in pieces]
    found += [base[:4] + middle + base[4:] for middle in pieces] + [
        one + other for one, other in itertools.product("./*", "./\n")
    ]
    found += [
        base.upper(),
        base.title(),
        "*." + base,
        "*." + base.upper(),
        "a" * 200,
        "a" * 201,
        "a" * 1000,
        "../" * 100 + "x",
    ]
    found += ["*." + "a" * 200, "*." + "a" * 201, names.file_name("*.Example.com"), "." + base + ".new", base + "/.."]
    found += [names.file_name(name) for name in found]
    return list(dict.fromkeys(found))


def test_hostile_names_stay_in_one_path_component_and_never_collide(tmp_path: object) -> None:
    found = hostile()
    # a file name of ours is a name too: for it the same must hold, but a plain one is its own
    by_file: dict[str, str] = {}
    for name in found:
        made = names.file_name(name)
        assert made.isascii()
        assert made == made.lower(), "would meet another one on a file system without case"
        assert not set(made) & set("/\\\0\n\r \t*~$`'\"")
        assert not made.startswith((".", "-"))
        assert ".." not in made
        assert len("." + made + ".json.new") <= 255
        assert os.path.dirname(os.path.realpath(os.path.join(str(tmp_path), made))) == os.path.realpath(str(tmp_path))
        assert by_file.setdefault(made, name) == name
    assert len(by_file) == len(found) >= 200
    print(f"{len(found)} hostile names, {len(by_file)} file names")


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_names_never_share_a_file(one: str, other: str) -> None:
    assert (names.file_name(one) == names.file_name(other)) == (one == other)


@given(st.text(max_size=80))
def test_any_text_is_a_stable_dns_name_or_refused(text: str) -> None:
    try:
        name = names.dns_name(text)
    except UsageError:
        return
    assert names.dns_name(name) == name
    assert name.isascii()
    assert name == name.lower()
    assert len(name) <= 253
    assert names.dns_name(text.upper() if text.isascii() else text) == name


def test_readable_names_stay_readable() -> None:
    assert names.file_name("www.example.com") == "www.example.com"
    assert names.file_name("*.example.com") == "_wildcard.example.com"
    assert names.file_name("My Name!").startswith("_my-name-")
