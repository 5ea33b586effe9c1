# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates as the modules take them (pure)."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._core import options
from .._core.errors import UsageError
from .._renewal import policy
from .certificates import CERTIFICATES, CONTROLLER, DNS01
from .hosts import Hosts
from .issuers import ACME, ON_HOSTS
from .services import for_deploy as for_services

_FOR_SETS = ("name", "key_type", "key_size", "renewal")
_FOR_ACME = (*_FOR_SETS, "domains", "challenge", "profile", "preferred_chain")
_FOR_SSLMARKET = (*_FOR_SETS, "product_code", "years", "order_id")
_FOR_DEPLOY = ("name", "domains", "owner", "group", "key_mode", "mode", "unit", "bundles", "keystore_password_path")
_AGE = ("remaining_share", "remaining_days")
_OF_ENDPOINT = ("address", "port", "server_name", "starttls")


def for_acme(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """For the modules of requests and orders. A certificate of SSLmarket has its product in the place of the profile."""
    found = {name: certificate[name] for name in _FOR_ACME if name in certificate}
    if "product_code" in certificate:
        found["profile"] = certificate["product_code"]
    return found


def for_sslmarket(certificate: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """For ``sslmarket_order`` and ``sslmarket_certificate``. ``entry`` is the certificate as the user has it, with its secret."""
    domain, *others = certificate["domains"]
    return {
        **{name: certificate[name] for name in _FOR_SSLMARKET if name in certificate},
        **({"voucher": entry["voucher"]} if entry.get("voucher") else {}),
        **certificate.get("contacts", {}),
        "domain": domain,
        "dns_names": others,
        "dv_auth_method": "DNS" if certificate["challenge"] == DNS01 else "FILE",
    }


def for_deploy(
    certificate: Mapping[str, Any], services: Mapping[str, Any] | None, address: str | None
) -> dict[str, Any]:
    """The certificate as ``certificate_deploy`` takes it: services become their commands."""
    own = {name: certificate[name] for name in _FOR_DEPLOY if name in certificate}
    try:
        needed = for_services(certificate["services"], services or {}, own)
    except UsageError as error:
        raise options.at("%s (%s)" % (CERTIFICATES, certificate["name"]), error) from None
    # from the controller a host has another address
    defaults = {"address": address} if address else {}
    return {
        **needed,
        **own,
        "endpoints": [
            {**({} if is_remote(endpoint) else defaults), **endpoint} for endpoint in certificate["endpoints"]
        ],
    }


def for_status(
    certificate: Mapping[str, Any], issuer: Mapping[str, Any], on: Iterable[str] | None, address: str | None
) -> dict[str, Any]:
    """For ``certificate_status``: what is wanted of a certificate ``on`` hosts, and when it is renewed.

    Endpoints are seen from a host, so they are for those who give its ``address``, and not those that the controller proves.
    """
    levels = ({name: issuer.get(name) for name in _AGE}, issuer.get("renewal"), certificate.get("renewal"))
    renewal = {name: value for name, value in policy.merge(*levels).items() if name not in policy.LIMITS}
    endpoints = [
        {"address": address, **{name: endpoint[name] for name in _OF_ENDPOINT if name in endpoint}}
        for endpoint in certificate["endpoints"]
        if address and not is_remote(endpoint)
    ]
    return {
        **{name: certificate[name] for name in ("name", "domains", "issuer") if name in certificate},
        **({"provider": issuer["kind"]} if "kind" in issuer else {}),
        **({"client": issuer["client"]} if issuer.get("client") in ON_HOSTS else {}),
        **({"hosts": list(on)} if on is not None else {}),
        **({"renewal": renewal} if renewal else {}),
        **({"endpoints": endpoints} if endpoints else {}),
    }


def is_remote(endpoint: Mapping[str, Any]) -> bool:
    """Whether the controller is to prove an endpoint."""
    return endpoint.get("proof_from") == CONTROLLER


def for_plan(certificate: Mapping[str, Any], hosts: Hosts) -> dict[str, Any]:
    """For ``certificate_plan``: who issues it, and who serves it."""
    found = {name: certificate[name] for name in ("name", "issuer", "renewal") if name in certificate}
    return {**found, "hosts": list(hosts.of(certificate["hosts"])) if "hosts" in certificate else []}


def issuer_for_plan(name: str, issuer: Mapping[str, Any]) -> dict[str, Any]:
    """For ``certificate_plan``. A server with a root of its own is taken for a private CA."""
    private = issuer["kind"] == ACME and "ca_path" in issuer
    levels = ({each: issuer.get(each) for each in _AGE}, issuer.get("renewal"))
    return {
        "name": name,
        "public": issuer.get("public", not private),
        "renewal": policy.merge(*levels),
        **({"lifetime_days": issuer["lifetime_days"]} if "lifetime_days" in issuer else {}),
    }
