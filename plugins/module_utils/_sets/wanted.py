# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user wants of each certificate: the option ``certificates`` of the modules, checked and normalised (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core.directories import fixed_key_type
from .._core.errors import UsageError
from .._core.names import dns_names
from .._renewal import policy as renewal
from .._renewal.policy import Policy
from .._x509.keys import DEFAULT_SIZE

HTTP01, DNS01 = "http-01", "dns-01"


@dataclass(frozen=True)
class Wanted:
    name: str
    domains: tuple[str, ...]
    key_type: str
    key_size: int
    challenge: str
    profile: str | None
    preferred_chain: str | None
    directory_url: str | None
    policy: Policy


def from_params(params: dict[str, Any]) -> tuple[Wanted, ...]:
    """All certificates of a call; a ``UsageError`` names the entry it is about."""
    policy = renewal.from_params(params)
    found: list[Wanted] = []
    for number, entry in enumerate(params["certificates"]):
        try:
            own = renewal.from_params(params, entry) if entry.get("renewal") else policy
            wanted = _one(entry, params["directory_url"], own)
            if any(wanted.name == other.name for other in found):
                raise UsageError("the name is used twice", hint="Give one of the two another name.")
        except UsageError as error:
            error.message = "certificates[%d] (%s): %s" % (number, entry["name"], error.message)
            raise
        found.append(wanted)
    return tuple(found)


def _one(entry: dict[str, Any], directory_url: str | None, policy: Policy) -> Wanted:
    domains = dns_names(entry["domains"])
    if not domains:
        raise UsageError("domains is empty", hint="List the names that the certificate is for.")
    fixed = fixed_key_type(directory_url)
    key_type = entry["key_type"] or fixed or "ecdsa"
    if fixed and key_type != fixed:
        raise UsageError(
            "the directory %s issues for %s keys, not %s" % (directory_url, fixed, key_type),
            hint="Change key_type, or use the directory for this type of key.",
        )
    challenge = entry["challenge"]
    wildcards = [domain for domain in domains if domain.startswith("*.")]
    if wildcards and challenge != DNS01:
        raise UsageError("%s can only be validated by dns-01" % wildcards[0], hint="Set challenge: dns-01.")
    return Wanted(
        name=entry["name"],
        domains=domains,
        key_type=key_type,
        key_size=entry["key_size"] or DEFAULT_SIZE[key_type],
        challenge=challenge,
        profile=entry["profile"] or None,
        preferred_chain=entry["preferred_chain"] or None,
        directory_url=directory_url,
        policy=policy,
    )
