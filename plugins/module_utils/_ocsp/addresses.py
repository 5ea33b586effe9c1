# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which URLs of a certificate are asked, and which addresses may answer (pure).

Whoever made the certificate chose the URLs. Without these rules a certificate could make the controller send requests into its own
network: to cloud metadata services, to admin interfaces on loopback. So: http and https alone, no credentials, the usual ports, and
public addresses. A name is judged by the address that it leads to, at the moment of the connection.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Iterable, Union
from urllib.parse import urlsplit

from .._core.errors import CollectionError, UsageError, clean

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048
_ODD = re.compile(r"[^\x21-\x7e]|[\\<>\"^`{}|]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_])?|[0-9a-f:.]+")

# What is not the public Internet: https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, and multicast.
# Python's is_global says other things in other versions, and takes multicast for public.
_NOT_PUBLIC: list[Network] = [
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("10.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv4Network("169.254.0.0/16"),
    ipaddress.IPv4Network("172.16.0.0/12"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.0.2.0/24"),
    ipaddress.IPv4Network("192.31.196.0/24"),
    ipaddress.IPv4Network("192.52.193.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv4Network("192.168.0.0/16"),
    ipaddress.IPv4Network("192.175.48.0/24"),
    ipaddress.IPv4Network("198.18.0.0/15"),
    ipaddress.IPv4Network("198.51.100.0/24"),
    ipaddress.IPv4Network("203.0.113.0/24"),
    ipaddress.IPv4Network("224.0.0.0/3"),
    ipaddress.IPv6Network("::/3"),
    ipaddress.IPv6Network("2001::/23"),
    ipaddress.IPv6Network("2001:db8::/32"),
    ipaddress.IPv6Network("2002::/16"),
    ipaddress.IPv6Network("2620:4f:8000::/48"),
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("4000::/2"),
    ipaddress.IPv6Network("8000::/1"),
]
# IPv4 addresses in the clothes of IPv6: mapped (RFC 4291), and for translators (RFC 6052), where the real target is in the last 32 bits.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class NotAllowed(CollectionError):
    """Nothing was sent."""

    kind = "usage"


@dataclass(frozen=True)
class Rules:
    """``networks``: addresses that may be asked besides public ones."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset(_PORTS.values())

    @classmethod
    def of(cls, networks: Iterable[str], ports: Iterable[int]) -> Rules:
        """From the options; ``UsageError`` for what is no network and no port."""
        found: list[Network] = []
        for text in networks:
            try:
                found.append(ipaddress.ip_network(text.strip()))
            except ValueError:
                raise UsageError(
                    "allowed_networks: %r is not a network" % clean(text, 60), hint='Write it like "10.0.0.0/8".'
                ) from None
        asked = frozenset(ports)
        if not all(0 < port < 65536 for port in asked):
            raise UsageError("allowed_ports: a port is a number from 1 to 65535")
        return cls(tuple(found), asked)

    def allows(self, address: str) -> bool:
        try:
            found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        return is_public(found) or any(found in network for network in self.networks)


@dataclass(frozen=True)
class Target:
    """A URL taken apart. ``path`` has the query in it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        host = "[%s]" % self.host if ":" in self.host else self.host
        return "%s://%s%s" % (self.scheme, host, "" if self.port == _PORTS[self.scheme] else ":%d" % self.port)

    @property
    def netloc(self) -> str:
        return self.origin.partition("://")[2]


def target(url: str, rules: Rules) -> Target:
    """The URL, if it is one that is asked; ``NotAllowed`` otherwise."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _refused("is malformed") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _refused("has the scheme %s; only http and https are asked" % (clean(scheme, 20) or "that is missing"))
    if "@" in parts.netloc:
        raise _refused("has credentials in it")
    if len(url) > _LONGEST or _ODD.search(url) or not _HOST.fullmatch(host) or parts.fragment:
        raise _refused("is malformed")
    port = _PORTS[scheme] if port is None else port
    if port not in rules.ports:
        raise _refused("has the port %d, which is not among allowed_ports" % port)
    if _numeric(host) and not literal(host):
        raise _refused("is malformed")  # 127.1 and 0x7f000001 are addresses to some
    if literal(host) and not rules.allows(host):
        raise refused_address(host)
    if (host == "localhost" or host.endswith(".localhost")) and not rules.allows("127.0.0.1"):
        raise refused_address(host)
    path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    return Target(scheme, host, port, path)


def literal(host: str) -> bool:
    """Whether it is an address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _numeric(host: str) -> bool:
    last = host.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def is_public(address: Address) -> bool:
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def refused_address(address: str) -> NotAllowed:
    return _refused("leads to %s, which is neither public nor in allowed_networks" % clean(address, 60))


def _plain(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and (address in _MAPPED or address in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _refused(reason: str) -> NotAllowed:
    return NotAllowed("the URL in the certificate " + reason)
