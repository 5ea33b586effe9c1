# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the DNS server answers, over UDP and TCP."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.support.sandbox import Sandbox


def ask(sandbox: Sandbox, name: str, kind: str, tcp: bool = False) -> Any:
    address, _sep, port = sandbox.endpoints["dns"].partition(":")
    function = dns.query.tcp if tcp else dns.query.udp
    return function(dns.message.make_query(name, kind), address, port=int(port), timeout=5)


def values(answer: Any) -> list[str]:
    return [record.to_text() for record_set in answer.answer for record in record_set]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("www.web2.test", "127.0.0.42"),
        ("WWW.Web2.Test", "127.0.0.42"),
        ("a.web1.test", "127.0.0.41"),
        ("a.b.web1.test", "127.0.0.41"),
        ("web1.test", "127.0.0.1"),
        ("anything.example", "127.0.0.1"),
    ],
)
def test_every_name_has_an_address(sandbox: Sandbox, name: str, address: str, tcp: bool) -> None:
    answer = ask(sandbox, name, "A", tcp)
    assert (answer.rcode(), values(answer)) == (dns.rcode.NOERROR, [address])
    assert answer.flags & dns.flags.AA


def test_addresses_can_be_set(sandbox: Sandbox) -> None:
    sandbox.set_addresses("set.dns.test", "127.0.0.7", "127.0.0.8", "::1")
    assert sorted(values(ask(sandbox, "set.dns.test", "A"))) == ["127.0.0.7", "127.0.0.8"]
    assert values(ask(sandbox, "set.dns.test", "AAAA")) == ["::1"]


def test_a_name_can_have_several_texts(sandbox: Sandbox) -> None:
    name = "_acme-challenge.dns.test"
    for value in ("one", 'with "quotes" and \\', "one"):
        sandbox.add_txt(name, value)
    assert sorted(values(ask(sandbox, name, "TXT"))) == ['"one"', '"with \\"quotes\\" and \\\\"']
    sandbox.remove_txt(name, "one")
    assert len(values(ask(sandbox, name, "TXT"))) == 1
    sandbox.remove_txt(name)
    answer = ask(sandbox, name, "TXT")
    assert (answer.rcode(), values(answer)) == (dns.rcode.NOERROR, [])


def test_a_long_answer_is_cut_over_udp(sandbox: Sandbox) -> None:
    for number in range(20):
        sandbox.add_txt("long.dns.test", f"{number:02d}" * 100)
    assert ask(sandbox, "long.dns.test", "TXT").flags & dns.flags.TC
    assert len(values(ask(sandbox, "long.dns.test", "TXT", tcp=True))) == 20


def test_there_is_no_caa_and_a_zone(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "www.dns.test", "CAA")
    assert (answer.rcode(), values(answer)) == (dns.rcode.NOERROR, [])
    assert answer.authority[0].name.to_text() == "dns.test."
    assert values(ask(sandbox, "dns.test", "SOA"))[0].startswith("ns.dns.test. ")
    assert values(ask(sandbox, "dns.test", "NS")) == ["ns.dns.test."]
    assert values(ask(sandbox, "www.dns.test", "SOA")) == []
