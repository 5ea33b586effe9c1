# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sandbox is started with."""

from __future__ import annotations

import argparse
import ipaddress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DUPLICATE_ACCOUNT = ("same", "conflict")
URLS = ("none", "ocsp", "crl", "both")


@dataclass(frozen=True)
class Options:
    """The options of ``start``; kept as options.json, so that a second start can tell whether anything differs."""

    port_base: int = 0
    hosts: dict[str, str] = field(default_factory=dict)
    resolve: dict[str, str] = field(default_factory=dict)
    default_address: str = "127.0.0.1"
    http01_port: int = 5002
    tls_port: int = 8443
    days: int = 90
    faults: str = ""
    duplicate_account: str = "same"
    sslmarket_knobs: str = ""
    revocation_urls: str = "none"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_arguments(self) -> list[str]:
        """The same options on a command line."""
        found = []
        for name, value in asdict(self).items():
            option = "--" + {"hosts": "host"}.get(name, name).replace("_", "-")
            if isinstance(value, dict):
                found += [f"{option}={key}={address}" for key, address in value.items()]
            elif value != "":
                found.append(f"{option}={value}")
        return found


def address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ADDRESS")
    try:
        return name, address(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _host(text: str) -> tuple[str, str]:
    name, value = _pair(text)
    if name in (".", "..") or "/" in name:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be the name of a directory")
    return name, value


def add_to(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port-base", type=int, default=0, metavar="N", help="first port of the services; 0 takes free ones (default)")
    add(
        "--host",
        dest="hosts",
        type=_host,
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="a host that serves http-01 files and TLS on this local address; repeatable",
    )
    add(
        "--resolve",
        type=_pair,
        action="append",
        default=[],
        metavar="DNSNAME=ADDRESS",
        help="an A record of the sandbox's DNS server; *.NAME for a wildcard; repeatable",
    )
    add("--default-address", type=address, default="127.0.0.1", help="the address of every other name (127.0.0.1)")
    add(
        "--http01-port",
        type=int,
        default=5002,
        help="where http-01 is validated and hosts serve it (5002); 0: a free one",
    )
    add("--tls-port", type=int, default=8443, help="where hosts serve TLS (8443); 0: a free one")
    add("--days", type=int, default=90, help="life of the issued certificates (90)")
    add("--faults", default="", metavar="SPEC", help="seeded faults: seed=1,rate=0.3,kinds=cut_before+cut_after+502")
    add(
        "--duplicate-account",
        choices=DUPLICATE_ACCOUNT,
        default="same",
        help="what a second IdenTrust account of one e-mail address gets: the same one, or 409",
    )
    add(
        "--sslmarket-knobs",
        default="",
        metavar="NAME=VALUE,...",
        help="see sslmarket/knobs.py: book_delay=0.4,list_limit=9",
    )
    add(
        "--revocation-urls",
        choices=URLS,
        default="none",
        help="which URLs of the OCSP responder and of the CRLs are in the issued certificates (none)",
    )


def from_arguments(arguments: argparse.Namespace) -> Options:
    values = {name: getattr(arguments, name) for name in Options.__dataclass_fields__}
    values["hosts"] = dict(arguments.hosts)
    values["resolve"] = {name.lower().rstrip("."): value for name, value in arguments.resolve}
    return Options(**values)


def state_directory(path: Path) -> Path:
    """The state directory as an absolute path, private to its owner."""
    path = path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
