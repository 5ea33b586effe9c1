# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a status is made of: the options, checked and normalised, and what was found out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Mapping

from .._core.errors import UsageError
from .._core.names import dns_name
from .._renewal import policy
from .._renewal.policy import Policy

VERSION = 1
# A client never asks for a wildcard; this label stands for any.
_ANY = "certfleet-probe."


@dataclass(frozen=True)
class Target:
    """Where to shake hands. ``name`` is the certificate that must be there, ``None`` for a server that is only watched."""

    address: str
    port: int
    server_name: str
    starttls: str | None = None
    host: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Certificate:
    """A certificate as the inventory describes it. ``client``: what its hosts renew it with, by themselves, if they do. ``drawn_by``: what
    the splay of its renewal is drawn by.
    """

    name: str
    issuer: str | None
    provider: str | None
    domains: tuple[str, ...]
    hosts: tuple[str, ...] | None
    policy: Policy
    drawn_by: str
    client: str | None = None


@dataclass(frozen=True)
class Leaf:
    """What is known of a certificate, on disk or out of a handshake. Hex is lower case, times are aware."""

    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...] = ()
    ca: str | None = None
    key_type: str | None = None
    key_size: int | None = None


@dataclass(frozen=True)
class Issued:
    """A set: its live version, or why there is none. ``meta`` is what was noted when it was issued. ``unknown``: nobody could be asked.
    ``failure``: what went wrong when its host last looked after it.
    """

    leaf: Leaf | None
    meta: Mapping[str, Any]
    renewal: Mapping[str, Any] | None = None
    pending: bool = False
    damage: str | None = None
    unknown: bool = False
    failure: str | None = None


@dataclass(frozen=True)
class Look:
    """What one handshake showed: the server's certificate, or the reason why there is none."""

    target: Target
    at: datetime
    leaf: Leaf | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Settings:
    """Times are in seconds, the others in days."""

    warn_days: int
    fail_days: int
    timeout: float
    endpoint_timeout: float
    workers: int


def settings(params: Mapping[str, Any]) -> Settings:
    for name in ("timeout", "endpoint_timeout", "workers"):
        if params[name] <= 0:
            raise UsageError("%s is %s, not more than 0" % (name, params[name]))
    if not 0 <= params["fail_days"] <= params["warn_days"]:
        raise UsageError(
            "fail_days must lie between 0 and warn_days (%d), not be %d" % (params["warn_days"], params["fail_days"])
        )
    chosen = ("warn_days", "fail_days", "timeout", "endpoint_timeout", "workers")
    return Settings(**{name: params[name] for name in chosen})


def certificates(params: Mapping[str, Any]) -> list[Certificate] | None:
    """``None``: all that there are."""
    if params["certificates"] is None:
        return None
    found: dict[str, Certificate] = {}
    for entry in params["certificates"]:
        if entry["name"] in found:
            raise UsageError("certificates has the name %r twice" % entry["name"])
        found[entry["name"]] = certificate(params, entry)
    return list(found.values())


def certificate(params: Mapping[str, Any], entry: Mapping[str, Any]) -> Certificate:
    hosts = entry.get("hosts")
    try:
        rule = _policy(*(json.dumps(each.get("renewal") or {}, sort_keys=True) for each in (params, entry)))
    except UsageError as error:
        error.message = "certificates (%s): %s" % (entry["name"], error.message)
        raise
    return Certificate(
        name=entry["name"],
        issuer=entry.get("issuer"),
        provider=entry.get("provider"),
        domains=tuple(entry.get("domains") or ()),
        hosts=None if hosts is None else tuple(hosts),
        policy=rule,
        drawn_by=entry["name"],
        client=entry.get("client"),
    )


@lru_cache(maxsize=1024)  # certificates of an issuer have one in common
def _policy(default: str, own: str) -> Policy:
    return policy.from_params({"renewal": json.loads(default)}, {"renewal": json.loads(own)})


def targets(params: Mapping[str, Any], host: str | None = None) -> list[Target]:
    """The endpoints of the certificates, and the others."""
    found = [
        _target(endpoint, entry["name"], (entry.get("domains") or [entry["name"]])[0], host)
        for entry in params["certificates"] or ()
        for endpoint in entry.get("endpoints") or ()
    ]
    found += [_target(endpoint, endpoint["name"], endpoint["address"], host) for endpoint in params["endpoints"]]
    return list(dict.fromkeys(found))


def _target(endpoint: Mapping[str, Any], name: str | None, fallback: str, host: str | None) -> Target:
    port = endpoint["port"]
    if not 1 <= port <= 65535:
        raise UsageError("the endpoint %s has the port %d" % (endpoint["address"], port))
    try:
        server_name = dns_name(endpoint["server_name"] or fallback)
    except UsageError:
        if endpoint["server_name"]:
            raise
        raise UsageError(
            "the endpoint %s:%d needs a server_name" % (endpoint["address"], port),
            hint="Servers choose their certificate by the name that a client asks for.",
        ) from None
    if server_name.startswith("*."):
        server_name = _ANY + server_name[2:]
    return Target(endpoint["address"], port, server_name, endpoint["starttls"], endpoint.get("host") or host, name)
