# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates the sandbox's CAs issued and revoked, and the URLs in them that lead to who says so.

What is revoked comes from three places: ACME's revokeCert, orders of SSLmarket that were revoked, and the control API:

GET  /revocation                                        {ca: {"issued": [serial, ...], "revoked": {serial: [seconds since 1970, reason]}}}
POST /revocation  {"serial"[, "ca", "reason"]}          revokes; serial in hex, reason in RFC 5280's words (unspecified)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from certfleet_sandbox import pki
from certfleet_sandbox.files import read_json, write_json

if TYPE_CHECKING:
    from certfleet_sandbox.sslmarket.market import Market

MARKET = "sslmarket"
_ROUTE = "/revocation"


def ocsp_url(base_url: str, ca: str) -> str:
    return f"{base_url}/ocsp/{ca}"


def crl_url(base_url: str, ca: str) -> str:
    return f"{base_url}/crl/{ca}.crl"


def pointers(which: str, base_url: str, ca: str) -> list[x509.ExtensionType]:
    """The extensions of a certificate that name the responder and the list of its CA."""
    found: list[x509.ExtensionType] = []
    if which in ("ocsp", "both"):
        location = x509.UniformResourceIdentifier(ocsp_url(base_url, ca))
        found.append(
            x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)])
        )
    if which in ("crl", "both"):
        name = x509.UniformResourceIdentifier(crl_url(base_url, ca))
        found.append(x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None)]))
    return found


@dataclass(frozen=True)
class Authority:
    """A CA: ``issued`` are its serial numbers, ``revoked`` those that it revoked itself."""

    pair: pki.Pair
    responder: pki.Pair
    issued: Callable[[], set[int]]
    revoked: Callable[[], set[int]]


def authorities(directory: Path, acme: dict[str, Path], market: Market) -> dict[str, Authority]:
    """All issuing CAs. ``directory`` has their keys, ``acme`` what the ACME servers keep."""

    def pairs(ca: str) -> tuple[pki.Pair, pki.Pair]:
        pair = pki.issuing(directory, ca, pki.root(directory))
        return pair, pki.responder(directory, ca, pair)

    found = {ca: _acme_authority(*pairs(ca), place) for ca, place in acme.items()}
    return {**found, MARKET: _market_authority(*pairs(MARKET), market)}


def _acme_authority(pair: pki.Pair, responder: pki.Pair, directory: Path) -> Authority:
    """acme2certifier keeps each certificate in a file that is named by its serial number, and a list of what it revoked."""

    def issued() -> set[int]:
        return {int(path.stem) for path in (directory / "certs").glob("*.pem") if path.stem.isdigit()}

    def revoked() -> set[int]:
        try:
            found = x509.load_pem_x509_crl((directory / "crl.pem").read_bytes())
        except (FileNotFoundError, ValueError):
            return set()
        return {entry.serial_number for entry in found}

    return Authority(pair, responder, issued, revoked)


def _market_authority(pair: pki.Pair, responder: pki.Pair, market: Market) -> Authority:
    def serials(only_revoked: bool) -> Iterator[int]:
        for order in market.all():
            if order.revoked or not only_revoked:
                yield from (int(issued.serial, 16) for issued in order.certificates)

    return Authority(pair, responder, lambda: set(serials(False)), lambda: set(serials(True)))


class Revocations:
    """What was revoked when, and why; kept in a file."""

    def __init__(self, path: Path, authorities: dict[str, Authority]) -> None:
        self._path, self.authorities = path, authorities
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, list[Any]]] = read_json(path, {})

    def revoked(self, ca: str) -> dict[int, tuple[float, str]]:
        """When and why, for each serial number. The CAs do not say when: the time is that of the first look."""
        with self._lock:
            known = self._known.setdefault(ca, {})
            missing = [serial for serial in self.authorities[ca].revoked() if format(serial, "x") not in known]
            for serial in missing:
                known[format(serial, "x")] = [int(time.time()), "unspecified"]
            if missing:
                write_json(self._path, self._known)
            return {int(serial, 16): (when, reason) for serial, (when, reason) in known.items()}

    def in_market(self, serial: str) -> bool:
        """For SSLmarket's own tool: it tells what the responder would."""
        return int(serial, 16) in self.revoked(MARKET)

    def revoke(self, serial: str, ca: str | None = None, reason: str = "unspecified") -> None:
        """Raises ValueError for what no CA issued, and for a reason that does not exist."""
        x509.ReasonFlags(reason)
        number = int(serial, 16)
        found = [name for name, authority in self.authorities.items() if number in authority.issued()]
        if not found or (ca is not None and ca not in found):
            raise ValueError("there is no such certificate")
        with self._lock:
            self._known.setdefault(ca or found[0], {})[format(number, "x")] = [int(time.time()), reason]
            write_json(self._path, self._known)

    # Its part of the control API

    def read(self, route: str) -> dict[str, Any] | None:
        if route != f"GET {_ROUTE}":
            return None
        return {
            ca: {
                "issued": sorted(format(serial, "x") for serial in authority.issued()),
                "revoked": {format(serial, "x"): list(entry) for serial, entry in self.revoked(ca).items()},
            }
            for ca, authority in self.authorities.items()
        }

    def change(self, route: str, value: dict[str, Any]) -> dict[str, Any] | None:
        if route != f"POST {_ROUTE}":
            return None
        self.revoke(**value)
        return {}
