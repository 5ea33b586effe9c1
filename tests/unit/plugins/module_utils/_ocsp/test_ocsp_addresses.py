# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate cannot make us send requests where its maker wants: SSRF, by URL and by name."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM, Deadline
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp import addresses
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.addresses import NotAllowed, Rules
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.transport import Transport

from tests.support.hostile import Hostile, reply

PUBLIC = "93.184.216.34"

ASKED = {
    "http://ocsp.ca.test": ("http", "ocsp.ca.test", 80, "/"),
    "http://ocsp.ca.test/": ("http", "ocsp.ca.test", 80, "/"),
    "HTTP://OCSP.CA.test:80/a/b?c=d": ("http", "ocsp.ca.test", 80, "/a/b?c=d"),
    "https://ocsp.ca.test/x": ("https", "ocsp.ca.test", 443, "/x"),
    "http://ocsp.ca.test:443/x": ("http", "ocsp.ca.test", 443, "/x"),
    "http://ocsp.ca.test./x": ("http", "ocsp.ca.test", 80, "/x"),
    "http://93.184.216.34/x": ("http", "93.184.216.34", 80, "/x"),
    "http://[2606:2800:220:1::1]/x": ("http", "2606:2800:220:1::1", 80, "/x"),
    "http://under_score.ca.test/": ("http", "under_score.ca.test", 80, "/"),
}

REFUSED = {
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata over IPv6": "http://[fd00:ec2::254]/latest/",
    "metadata, mapped": "http://[::ffff:169.254.169.254]/",
    "metadata, translated": "http://[64:ff9b::169.254.169.254]/",
    "metadata, 6to4": "http://[2002:a9fe:a9fe::1]/",
    "loopback": "http://127.0.0.1/",
    "loopback, other": "http://127.8.9.1/",
    "loopback, short": "http://127.1/",
    "loopback, a number": "http://2130706433/",
    "loopback, hex": "http://0x7f000001/",
    "loopback, octal": "http://0177.0.0.1/",
    "loopback, v6": "http://[::1]/",
    "loopback, v6 mapped": "http://[::ffff:7f00:1]/",
    "loopback, v4-compatible": "http://[::127.0.0.1]/",
    "loopback by name": "http://localhost/",
    "loopback by name with a dot": "http://localhost./",
    "below localhost": "http://admin.localhost/",
    "nowhere": "http://0.0.0.0/",
    "nowhere v6": "http://[::]/",
    "private 10": "http://10.0.0.1/",
    "private 172": "http://172.16.0.1/",
    "private 192": "http://192.168.1.1/",
    "carrier": "http://100.64.0.1/",
    "link-local v6": "http://[fe80::1]/",
    "link-local v6 with zone": "http://[fe80::1%25eth0]/",
    "unique local": "http://[fc00::1]/",
    "site-local": "http://[fec0::1]/",
    "multicast": "http://224.0.0.251/",
    "multicast v6": "http://[ff02::1]/",
    "broadcast": "http://255.255.255.255/",
    "documentation": "http://192.0.2.1/",
    "file": "file:///etc/passwd",
    "ldap": "ldap://ldap.ca.test/cn=x?certificateRevocationList",
    "ldaps": "ldaps://ldap.ca.test/cn=x",
    "ftp": "ftp://ftp.ca.test/x.crl",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "unix": "unix:/var/run/docker.sock",
    "data": "data:application/ocsp-response;base64,MAA=",
    "javascript": "javascript:alert(1)",
    "no scheme": "//ocsp.ca.test/",
    "no scheme and no host": "ocsp.ca.test/x",
    "empty": "",
    "no host": "http:///x",
    "credentials": "http://user:secret@ocsp.ca.test/",
    "a user": "http://user@ocsp.ca.test/",
    "an empty user": "http://@ocsp.ca.test/",
    "credentials that look like a host": "http://ocsp.ca.test@127.0.0.1/",
    "ssh": "http://ocsp.ca.test:22/",
    "redis": "http://ocsp.ca.test:6379/",
    "8080": "http://ocsp.ca.test:8080/",
    "port 0": "http://ocsp.ca.test:0/",
    "port 99999": "http://ocsp.ca.test:99999/",
    "no port number": "http://ocsp.ca.test:x/",
    "a line break": "http://ocsp.ca.test/\r\nX-Evil: 1",
    "a line break in the host": "http://ocsp.ca.test\r\nX-Evil: 1/",
    "a space": "http://ocsp.ca.test/a b",
    "a tab": "http://ocsp.ca.test/\tx",
    "a NUL": "http://ocsp.ca.test/\0x",
    "a backslash": "http://ocsp.ca.test\\@127.0.0.1/",
    "a fragment": "http://ocsp.ca.test/#x",
    "not ASCII": "http://öcsp.ca.test/",
    "a digit that is none": "http://１27.0.0.1/",
    "broken brackets": "http://[::1/",
    "brackets around a name": "http://[ocsp.ca.test]/",
    "a comma": "http://a,b/",
    "percent in the host": "http://127%2e0.0.1/",
    "too long": "http://ocsp.ca.test/" + "x" * 2048,
    "a host that is too long": "http://" + "x" * 255 + "/",
    "a hyphen first": "http://-x/",
}


@pytest.mark.parametrize("url", ASKED)
def test_asked(url: str) -> None:
    found = addresses.target(url, Rules())
    assert (found.scheme, found.host, found.port, found.path) == ASKED[url]


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        addresses.target(REFUSED[case], Rules())
    assert caught.value.message.startswith("the URL in the certificate ")
    assert "secret" not in caught.value.sentence()


def test_origins() -> None:
    assert addresses.target("http://OCSP.ca.test:80/x", Rules()).origin == "http://ocsp.ca.test"
    assert addresses.target("http://ocsp.ca.test:443/x", Rules()).origin == "http://ocsp.ca.test:443"
    assert addresses.target("http://[2606:2800:220:1::1]:443/x", Rules()).netloc == "[2606:2800:220:1::1]:443"


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "8.8.8.8", "100.128.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)  # fmt: skip
def test_public(address: str) -> None:
    assert Rules().allows(address)


def test_python_agrees() -> None:
    """On what is not public Python's lists are a lower bound (its is_global differs between versions and takes multicast for global)."""
    edges = []
    for network in addresses._NOT_PUBLIC:
        for number in (0, -1):
            edges.append(network[number])
    for address in edges:
        assert not Rules().allows(str(address))
    known = [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.1.1",
        "172.31.255.255",
        "192.168.0.1",
        "198.18.0.1",
        "203.0.113.9",
        "240.0.0.1",
    ]
    known += ["::1", "fe80::1", "fc00::1", "2001:db8::1", "100::1", "ff02::1"]
    for text in known:
        address = ipaddress.ip_address(text)
        assert address.is_private or address.is_multicast
        assert not Rules().allows(text)


@pytest.mark.parametrize("address", ["", "x", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "localhost"])
def test_what_is_no_public_address(address: str) -> None:
    assert not Rules().allows(address)


def test_allowed_networks() -> None:
    rules = Rules.of([" 10.0.0.0/8 ", "::1", "169.254.169.254"], [80, 8888])
    assert rules.allows("10.1.2.3")
    assert rules.allows("::ffff:10.1.2.3")
    assert rules.allows("::1")
    assert rules.allows("169.254.169.254")
    assert not rules.allows("169.254.169.253")
    assert not rules.allows("127.0.0.1")
    assert addresses.target("http://10.0.0.1:8888/", rules).port == 8888
    with pytest.raises(NotAllowed):
        addresses.target("https://ocsp.ca.test/", rules)
    assert addresses.target("http://localhost/", Rules.of(["127.0.0.0/8"], [80])).host == "localhost"
    for networks, ports in ((["10.0.0.1/8"], [80]), (["x"], [80]), ([], [0]), ([], [65536])):
        with pytest.raises(UsageError):
            Rules.of(networks, ports)


# --- names ------------------------------------------------------------------------------------------------------------


class Network:
    """A resolver and a connector that a test writes. `connected`: addresses that a connection was made to."""

    def __init__(self, *answers: list[str], actually: int | None = None) -> None:
        self._answers = list(answers)
        self._actually = actually
        self.looked_up: list[str] = []
        self.connected: list[str] = []

    def resolve(self, host: str, _port: int) -> list[str]:
        self.looked_up.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def connect(self, address: str, _port: int, seconds: float) -> socket.socket:
        self.connected.append(address)
        if self._actually is None:
            raise ConnectionRefusedError("refused")
        return socket.create_connection(("127.0.0.1", self._actually), seconds)

    def transport(self, **options: Any) -> Transport:
        options.setdefault("rules", Rules())
        rules = options.pop("rules")
        return Transport(rules, Deadline(20, SYSTEM), 2.0, resolve=self.resolve, connect=self.connect, **options)


def fetch(transport: Transport, url: str = "http://ocsp.ca.test/x") -> Any:
    return transport.fetch(url, accept="*/*", limit=1000)


PRIVATE = {
    "metadata": ["169.254.169.254"],
    "loopback": ["127.0.0.1"],
    "loopback v6": ["::1"],
    "several": ["10.0.0.1", "192.168.1.1", "fd00::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "link-local": ["fe80::1%eth0"],
    "nonsense": ["what?"],
}


@pytest.mark.parametrize("case", PRIVATE)
def test_a_name_that_leads_into_our_network(case: str) -> None:
    network = Network(PRIVATE[case])
    transport = network.transport()
    for _again in range(3):
        with pytest.raises(NotAllowed):
            fetch(transport)
    assert network.connected == []
    assert network.looked_up == ["ocsp.ca.test"]


def test_only_the_public_addresses_of_a_name() -> None:
    network = Network(["127.0.0.1", PUBLIC, "10.0.0.1", "2606:2800:220:1::1"])
    with pytest.raises(CollectionError, match="cannot be reached"):
        fetch(network.transport())
    assert network.connected == [PUBLIC, "2606:2800:220:1::1"]


def test_rebinding_between_two_look_ups() -> None:
    """Public at first, loopback then: a name is looked up once."""
    network = Network([PUBLIC], ["127.0.0.1"])
    transport = network.transport()
    for _again in range(3):
        with pytest.raises(CollectionError):
            fetch(transport)
    assert set(network.connected) == {PUBLIC}
    assert len(network.looked_up) == 1


def test_rebinding_below_the_look_up() -> None:
    """The look-up says a public address, the socket is connected to loopback: what counts is the socket."""
    with Hostile(reply(200, b"secret")) as server:
        network = Network([PUBLIC], actually=server.port)
        transport = network.transport()
        for _again in range(3):
            with pytest.raises(NotAllowed, match=r"leads to 127\.0\.0\.1"):
                fetch(transport)
        assert server.requests == []
        allowed = Network([PUBLIC], actually=server.port).transport(rules=Rules.of(["127.0.0.0/8"], [80]))
        assert fetch(allowed).body == b"secret"
        assert len(server.requests) == 1


def test_ssrf_count() -> None:
    """All of the above at once: not one connection."""
    network = Network(["127.0.0.1"])
    transport = network.transport()
    refused = 0
    for url in REFUSED.values():
        with pytest.raises(NotAllowed):
            fetch(transport, url)
        refused += 1
    for answer in PRIVATE.values():
        other = Network(answer)
        with pytest.raises(NotAllowed):
            fetch(other.transport())
        assert other.connected == []
        refused += 1
    assert network.connected == []
    print("%d URLs and names that lead elsewhere, 0 connections, 0 requests" % refused)


def test_a_name_that_is_not_known() -> None:
    def fails(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    transport = Transport(Rules(), Deadline(20, SYSTEM), 2.0, resolve=fails)
    with pytest.raises(CollectionError, match="its name is not known"):
        fetch(transport)


def test_a_look_up_that_takes_too_long() -> None:
    import threading
    import time

    over = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        over.wait(10)
        return [PUBLIC]

    transport = Transport(Rules(), Deadline(20, SYSTEM), 0.3, resolve=slow)
    started = time.monotonic()
    with pytest.raises(CollectionError, match="its name is not known"):
        fetch(transport)
    with pytest.raises(CollectionError, match="its name is not known"):
        fetch(transport)
    assert time.monotonic() - started < 1.3
    over.set()
