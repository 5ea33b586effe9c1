# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that hosts renew by themselves, as the jobs of the program for hosts (pure)."""

from __future__ import annotations

from typing import Any, Mapping

from .._core import options
from .._core.directories import fixed_key_type
from .._core.errors import UsageError
from .._core.names import file_name
from .._renewal import policy
from . import forms
from .certificates import CERTIFICATES, DNS01, certificates, check_hosts
from .certificates import on_hosts as on_these_hosts
from .hosts import Hosts
from .issuers import EXTERNAL, ISSUERS, OF_HOST, ON_HOSTS, issuers

VERSION = 1
INTERVAL = "12h"
_SIZE = {"rsa": 2048, "ecdsa": 256}
# As the role host_renewal has them.
SETTINGS: dict[str, Any] = {
    "root": "/etc/certfleet",
    "webroot": "/var/www/html",
    "keep": 2,
    "proof_timeout": 10.0,
    "directory_mode": "0755",
    "address": "127.0.0.1",
    "on_failure": [],
}
_AGE = ("remaining_share", "remaining_days")
# Of the job's parts, what `certificate_deploy` takes for one certificate.
_NOT_FOR_CERTIFICATE = ("name", "domains", "keystore_password_path")


def on_hosts(issuer: Any) -> bool:
    """Whether the certificates of an issuer are renewed by the hosts."""
    return isinstance(issuer, Mapping) and issuer.get("client") in ON_HOSTS


def jobs(
    entries: Any,
    issuers_given: Any,
    host: str,
    groups: Mapping[str, Any],
    renewal: Any = None,
    services: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    accounts: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The jobs of a host: of the whole inventory, which is checked."""
    known, places = issuers(issuers_given, renewal), Hosts(groups)
    found = certificates(entries, known)
    check_hosts(found, places)
    mine = [each for each in on_these_hosts(found, places, [host], unbound=False) if on_hosts(known[each["issuer"]])]
    given = {**SETTINGS, **(settings or {})}
    made = [_entry(each, known[each["issuer"]], host, given, services or {}) for each in mine]
    keys = accounts or {}
    return [{**each, **({"account_key_path": keys[each["issuer"]]} if each["issuer"] in keys else {})} for each in made]


def _entry(
    certificate: Mapping[str, Any],
    issuer: Mapping[str, Any],
    host: str,
    settings: Mapping[str, Any],
    services: Mapping[str, Any],
) -> dict[str, Any]:
    """A job, and what its account and its timer are made of."""
    try:
        _check(certificate, issuer)
    except UsageError as error:
        raise options.at("%s (%s)" % (CERTIFICATES, certificate["name"]), error) from None
    return {
        "name": certificate["name"],
        "file_name": file_name(certificate["name"]),
        "issuer": certificate["issuer"],
        "client": issuer["client"],
        "account": issuer.get("client_account", OF_HOST),
        "interval": issuer.get("client_interval", INTERVAL),
        **({"ca_path": issuer["ca_path"]} if "ca_path" in issuer else {}),
        "job": {
            "version": VERSION,
            "name": certificate["name"],
            "host": host,
            "domains": certificate["domains"],
            "client": _client(certificate, issuer, settings),
            "renewal": _renewal(certificate, issuer),
            "certificate": _certificate(certificate, services, settings),
            "deploy": {name: settings[name] for name in ("root", "directory_mode", "keep", "proof_timeout")},
            "adopt": certificate.get("adopt", []),
            "on_failure": settings["on_failure"],
        },
    }


def _check(certificate: Mapping[str, Any], issuer: Mapping[str, Any]) -> None:
    if issuer["client"] == EXTERNAL:
        return
    if certificate["challenge"] == DNS01 and "client_dns" not in issuer:
        raise UsageError(
            "dns-01 by %s needs client_dns, the name of a DNS provider, in the issuer" % issuer["client"],
            hint="Give it in %s.%s, with client_dns_settings." % (ISSUERS, certificate["issuer"]),
        )
    if "keystore.p12" in certificate.get("bundles", ()):
        raise UsageError(
            "keystore.p12 is made on the controller, which has no part in renewals by %s" % issuer["client"],
            hint="Use combined.pem, or an issuer without client.",
        )


def _client(certificate: Mapping[str, Any], issuer: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    if issuer["client"] == EXTERNAL:
        return {"kind": EXTERNAL}
    kind = certificate.get("key_type") or fixed_key_type(issuer["directory_url"]) or "ecdsa"
    by_dns = certificate["challenge"] == DNS01
    listen = None if by_dns else issuer.get("client_listen")
    found = {
        "kind": issuer["client"],
        "program": [issuer.get("client_program", issuer["client"])],
        "server": issuer["directory_url"],
        "email": issuer["contact"][0],
        "key_type": kind,
        "key_size": certificate.get("key_size", _SIZE[kind]),
        "dns": issuer["client_dns"] if by_dns else None,
        "listen": listen,
        "webroot": None if by_dns or listen else settings["webroot"],
        "profile": certificate.get("profile"),
        "preferred_chain": certificate.get("preferred_chain"),
        "timeout": issuer.get("client_timeout"),
        "arguments": issuer.get("client_arguments"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _renewal(certificate: Mapping[str, Any], issuer: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of an issuer are for a fleet: a host cannot know what others order."""
    levels = ({name: issuer.get(name) for name in _AGE}, issuer.get("renewal"), certificate.get("renewal"))
    return {name: value for name, value in policy.merge(*levels).items() if name not in policy.LIMITS}


def _certificate(
    certificate: Mapping[str, Any], services: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Endpoints that the controller is to prove are left out: it is not there."""
    found = forms.for_deploy(certificate, services, settings["address"])
    endpoints = [endpoint for endpoint in found["endpoints"] if not forms.is_remote(endpoint)]
    return {
        **{name: value for name, value in found.items() if name not in _NOT_FOR_CERTIFICATE},
        "endpoints": endpoints,
    }
