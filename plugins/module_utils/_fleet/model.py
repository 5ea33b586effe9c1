# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's description of a fleet: issuers and certificates, checked and normalised (pure).

A wrong entry is a ``UsageError`` that names it: ``certfleet_certificates[2] (www.example.com): ...``. Values of secret options are never looked
at: they may be look-ups that cost something, and they must not get into a message.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from .._core.directories import fixed_key_type
from .._core.errors import UsageError, clean
from .._core.names import dns_name
from . import options
from .hosts import Hosts

ISSUERS, CERTIFICATES = "certfleet_issuers", "certfleet_certificates"
SSLCOM, IDENTRUST, ACME = "sslcom", "identrust", "acme"
KINDS = (SSLCOM, IDENTRUST, ACME)
HTTP01, DNS01 = "http-01", "dns-01"
SIZES = {"rsa": (2048, 3072, 4096), "ecdsa": (256, 384)}

_ISSUER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# What each kind of issuer signs in with.
SECRETS = {
    SSLCOM: ("account_key", "secret_key"),
    IDENTRUST: ("api_key", "access_token", "client_id", "client_secret", "token_url", "audience"),
    ACME: (),
}


_ENDPOINT = {
    "port": options.Option(options.integer(1, 65535), required=True),
    "address": options.Option(options.text),
    "server_name": options.Option(lambda value: dns_name(options.text(value))),
}


def _endpoints(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)):
        raise options.refuse("a list of mappings with port", value)
    found = []
    for number, item in enumerate(value):
        try:
            found.append(options.entry(item, _ENDPOINT))
        except UsageError as error:
            raise options.within("[%d]" % number, error) from None
    return found


_ISSUER = {
    "kind": options.Option(options.choice(*KINDS), required=True),
    "customer": options.Option(options.text),
    "contact": options.Option(options.text_or_texts, required=True),
    "directory_url": options.Option(options.url, required=True),
    "ca_path": options.Option(options.text),
    "timeout": options.Option(options.integer(1, 3600)),
    "profile": options.Option(options.text),
    "preferred_chain": options.Option(options.text),
    "remaining_share": options.Option(options.share),
    "remaining_days": options.Option(options.integer(1, 3650)),
    "terms_agreed": options.Option(options.flag),
    "eab_path": options.Option(options.text),
}
_PROVIDER = {"api_url": options.Option(options.url)}

_CERTIFICATE = {
    "name": options.Option(options.text, required=True),
    "domains": options.Option(options.names),
    "issuer": options.Option(options.text),
    "hosts": options.Option(options.pattern),
    "challenge": options.Option(options.choice(HTTP01, DNS01)),
    "key_type": options.Option(options.choice(*sorted(SIZES))),
    "key_size": options.Option(options.integer(1, 65536)),
    "profile": options.Option(options.text),
    "preferred_chain": options.Option(options.text),
    "services": options.Option(lambda value: options.texts(value) if value != [] else []),
    "endpoints": options.Option(_endpoints),
    "owner": options.Option(options.text),
    "group": options.Option(options.text),
    "key_mode": options.Option(options.mode),
    "mode": options.Option(options.mode),
}


# -- issuers -----------------------------------------------------------------------------------------------------------


def issuers(value: Any) -> dict[str, dict[str, Any]]:
    """All issuers by name, without their secrets."""
    if not isinstance(value, Mapping):
        raise UsageError("%s must be a mapping, not %s" % (ISSUERS, options.kind_of(value)))
    found: dict[str, dict[str, Any]] = {}
    for name in value:
        try:
            if not isinstance(name, str) or not _ISSUER_NAME.fullmatch(name):
                raise UsageError("the name has other characters than letters, digits, dots, hyphens and underscores")
            issuer = _issuer(value[name])
            _refuse_same_account(issuer, found)
        except UsageError as error:
            raise options.at("%s.%s" % (ISSUERS, clean(name, 80)), error) from None
        found[str(name)] = issuer
    return found


def _issuer(value: Any) -> dict[str, Any]:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    allowed = dict(_ISSUER)
    if kind is not None:  # first, for it decides which options there are
        options.entry({"kind": kind}, {"kind": _ISSUER["kind"]})
    if kind in (SSLCOM, IDENTRUST):
        allowed.update(_PROVIDER)
        allowed.update({name: options.Option(None) for name in SECRETS[str(kind)]})
        allowed["customer"] = options.Option(options.text, required=True)
    found = options.entry(value, allowed)
    found.setdefault("terms_agreed", True)
    if kind == IDENTRUST and "@" not in found["customer"]:
        raise UsageError("customer is %s, not an e-mail address" % options.shown(found["customer"]))
    for address in found["contact"]:
        if address.count("@") != 1:
            raise UsageError("contact %s is not an e-mail address" % options.shown(address))
    return found


def _refuse_same_account(issuer: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> None:
    """IdenTrust has one account per e-mail address, and may show its key once: two records of one account cannot be made."""
    if issuer["kind"] != IDENTRUST:
        return
    what = ("kind", "customer", "api_url")
    for name, other in others.items():
        if all(issuer.get(key) == other.get(key) for key in what) and issuer.get("eab_path") != other.get("eab_path"):
            raise UsageError(
                "the issuer %s is for the same customer, with another eab_path" % name,
                hint="Give both the same eab_path.",
            )
        if all(issuer.get(key) == other.get(key) for key in what) and not issuer.get("eab_path"):
            raise UsageError("the issuer %s is for the same customer" % name, hint="Give both the same eab_path.")


# -- certificates ------------------------------------------------------------------------------------------------------


def certificates(entries: Any, known: Mapping[str, Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """All certificates. ``known`` are the normalised issuers; without it the issuers are not checked."""
    if not isinstance(entries, (list, tuple)):
        raise UsageError("%s must be a list, not %s" % (CERTIFICATES, options.kind_of(entries)))
    found: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for number, entry in enumerate(entries):
        try:
            certificate = _certificate(entry, known)
            first = numbers.setdefault(certificate["name"], number)
            if first != number:
                raise UsageError("the name is used twice, first in %s[%d]" % (CERTIFICATES, first))
        except UsageError as error:
            raise options.at(_label(number, entry), error) from None
        found.append(certificate)
    return found


def _label(number: int, entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    shown = " (%s)" % clean(name, 100) if isinstance(name, str) and name.strip() else ""
    return "%s[%d]%s" % (CERTIFICATES, number, shown)


def _certificate(entry: Any, known: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    found = options.entry(entry, _CERTIFICATE)
    if "domains" not in found:
        try:
            found["domains"] = [dns_name(found["name"])]
        except UsageError:
            raise UsageError("domains is missing, and the name is no DNS name") from None
    found.setdefault("challenge", HTTP01)
    found.setdefault("services", [])
    found.setdefault("endpoints", [])
    if "hosts" not in found and (found["services"] or found["endpoints"]):
        raise UsageError("services and endpoints need hosts")
    if known is not None:
        _issuable(found, known)
    return found


def _issuable(found: dict[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
    name = found.get("issuer")
    if name is None:
        raise UsageError("issuer is missing", hint="Name a key of %s." % ISSUERS)
    if name not in known:
        raise UsageError("issuer %s is not in %s%s" % (options.shown(name), ISSUERS, options.did_you_mean(name, known)))
    issuer = known[name]
    for option in ("profile", "preferred_chain"):
        if option not in found and option in issuer:
            found[option] = issuer[option]
    _challenge(found)
    _key(found, issuer["directory_url"])


def _challenge(found: Mapping[str, Any]) -> None:
    wildcards = [domain for domain in found["domains"] if domain.startswith("*.")]
    if wildcards and found["challenge"] != DNS01:
        raise UsageError("%s can only be validated by dns-01" % wildcards[0], hint="Set challenge: dns-01.")
    if found["challenge"] == HTTP01 and "hosts" not in found:
        raise UsageError("http-01 needs hosts that publish the challenge", hint="Give hosts, or set challenge: dns-01.")


def _key(found: Mapping[str, Any], directory_url: str) -> None:
    fixed = fixed_key_type(directory_url)
    key_type = found.get("key_type") or fixed or "ecdsa"
    if fixed and key_type != fixed:
        raise UsageError(
            "the directory %s issues for %s keys, not %s" % (directory_url, fixed, key_type),
            hint="Change key_type, or use an issuer with the directory for this type of key.",
        )
    if "key_size" in found and found["key_size"] not in SIZES[key_type]:
        sizes = ", ".join(map(str, SIZES[key_type]))
        raise UsageError("key_size of %s is %d, not one of %s" % (key_type, found["key_size"], sizes))


def check_hosts(found: Iterable[Mapping[str, Any]], hosts: Hosts) -> None:
    """Refuses what names nobody."""
    for number, certificate in enumerate(found):
        if "hosts" not in certificate:
            continue
        try:
            hosts.of(certificate["hosts"])
        except UsageError as error:
            raise options.at(_label(number, certificate), error) from None


def on_hosts(
    found: Iterable[dict[str, Any]], hosts: Hosts, wanted: Iterable[str], unbound: bool
) -> list[dict[str, Any]]:
    """The certificates for at least one of these hosts; ``unbound`` keeps those that are bound to no host, too."""
    names = set(wanted)
    return [
        certificate
        for certificate in found
        if ("hosts" not in certificate and unbound)
        or ("hosts" in certificate and not names.isdisjoint(hosts.of(certificate["hosts"])))
    ]


# -- for the modules ---------------------------------------------------------------------------------------------------

_FOR_ACME = ("name", "domains", "key_type", "key_size", "challenge", "profile", "preferred_chain")
_FOR_DEPLOY = ("name", "domains", "owner", "group", "key_mode", "mode")


def for_acme(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate as the modules for requests and orders take it."""
    return {name: certificate[name] for name in _FOR_ACME if name in certificate}


def for_deploy(
    certificate: Mapping[str, Any], services: Mapping[str, Any] | None, address: str | None
) -> dict[str, Any]:
    """The certificate as ``certificate_deploy`` takes it: services become their commands."""
    known = services or {}
    commands = []
    for name in certificate["services"]:
        if name not in known:
            raise UsageError(
                "%s (%s): there is no service %s%s"
                % (CERTIFICATES, certificate["name"], options.shown(name), options.did_you_mean(name, known)),
                hint="Describe it in certificate_deploy_services, or correct services.",
            )
        if known[name].get("reload"):
            commands.append(list(known[name]["reload"]))
    defaults = {"address": address} if address else {}
    return {
        **{name: certificate[name] for name in _FOR_DEPLOY if name in certificate},
        "reload": commands,
        "endpoints": [{**defaults, **endpoint} for endpoint in certificate["endpoints"]],
    }
