# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a fleet, ``certfleet_certificates``: checked, normalised and selected (pure).

A wrong entry is a ``UsageError`` that names it: ``certfleet_certificates[2] (www.example.com): ...``.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._core import options
from .._core.directories import fixed_key_type
from .._core.errors import UsageError, clean
from .._core.names import dns_name
from .._core.options import Option
from .._renewal import policy
from .._sslmarket import contacts
from .._tls.starttls import PROTOCOLS
from .hosts import Hosts
from .issuers import CONTACTS, ISSUERS, PRODUCT, SSLMARKET

CERTIFICATES = "certfleet_certificates"
HOST, CONTROLLER = "host", "controller"
HTTP01, DNS01 = "http-01", "dns-01"
SIZES = {"rsa": (2048, 3072, 4096), "ecdsa": (256, 384)}

_ENDPOINT = {
    "port": Option(options.integer(1, 65535), required=True),
    "address": Option(options.text),
    "server_name": Option(lambda value: dns_name(options.text(value))),
    "starttls": Option(options.choice(*PROTOCOLS)),
    "key_type": Option(options.choice(*sorted(SIZES))),
    "proof_from": Option(options.choice(HOST, CONTROLLER)),
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


_LINEAGE = {"certificate": Option(options.text, required=True), "key": Option(options.text, required=True)}


def _adopt(value: Any) -> list[dict[str, Any]]:
    """Files on the hosts: the chain of a certificate that another client has written, and its key."""
    if not isinstance(value, (list, tuple)):
        raise options.refuse("a list of mappings with certificate and key", value)
    found = [options.entry(item, _LINEAGE) for item in value]
    for path in (path for each in found for path in each.values()):
        if not path.startswith("/"):
            raise UsageError("has %s, which is not an absolute path" % options.shown(path))
    return found


def _file_owner(value: Any) -> str:
    if isinstance(value, Mapping):
        raise UsageError("is the user that owns the files", hint="The contacts of an order belong into contacts.")
    return options.text(value)


# Options of the certificates that ACME issues, and of those that SSLmarket does.
_OF_ACME = {"profile": Option(options.text), "preferred_chain": Option(options.text)}
_OF_SSLMARKET = {
    **PRODUCT,
    "contacts": Option(lambda value: options.entry(value, CONTACTS)),
    "order_id": Option(options.order_id),
    "voucher": Option(None),  # as good as money: not looked at before it is needed
}
_CERTIFICATE = {
    "name": Option(options.text, required=True),
    "domains": Option(options.names),
    "issuer": Option(options.text),
    "hosts": Option(options.pattern),
    "challenge": Option(options.choice(HTTP01, DNS01)),
    "key_type": Option(options.choice(*sorted(SIZES))),
    "key_size": Option(options.integer(1, 65536)),
    "services": Option(lambda value: options.texts(value) if value != [] else []),
    "endpoints": Option(_endpoints),
    "owner": Option(_file_owner),
    "group": Option(options.text),
    "key_mode": Option(options.mode),
    "mode": Option(options.mode),
    "unit": Option(options.text),
    "bundles": Option(options.texts),
    "keystore_password_path": Option(options.text),
    "adopt": Option(_adopt),
    "renewal": Option(lambda value: policy.check(value, of_certificate=True)),
    **_OF_ACME,
    **_OF_SSLMARKET,
}


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
                raise UsageError(
                    "the name is used twice, first in %s[%d]" % (CERTIFICATES, first),
                    hint="Give one of the two another name.",
                )
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
            raise UsageError(
                "domains is missing, and the name is no DNS name", hint="List the names that the certificate is for."
            ) from None
    market = (known or {}).get(str(found.get("issuer")), {}).get("kind") == SSLMARKET
    found.setdefault("challenge", DNS01 if market else HTTP01)
    found.setdefault("services", [])
    found.setdefault("endpoints", [])
    if "hosts" not in found and (found["services"] or found["endpoints"]):
        raise UsageError("services and endpoints need hosts", hint="Give the hosts that they are on.")
    if known is not None:
        _issuable(found, known, entry)
    return found


def _issuable(found: dict[str, Any], known: Mapping[str, Mapping[str, Any]], entry: Mapping[str, Any]) -> None:
    name = found.get("issuer")
    if name is None:
        raise UsageError("issuer is missing", hint="Name a key of %s." % ISSUERS)
    if name not in known:
        raise UsageError(
            "issuer %s is not in %s%s" % (options.shown(name), ISSUERS, options.did_you_mean(name, known)),
            hint="Correct issuer, or add it there.",
        )
    issuer = known[name]
    market = issuer["kind"] == SSLMARKET
    for option in _OF_ACME if market else _OF_SSLMARKET:
        if option in entry:
            raise UsageError(
                "%s is no option for an issuer of the kind %s" % (option, issuer["kind"]),
                hint="Remove it, or name another issuer.",
            )
    for option in PRODUCT if market else _OF_ACME:
        if option not in found and option in issuer:
            found[option] = issuer[option]
    _challenge(found)
    _key(found, issuer.get("directory_url"))
    if market:
        _orderable(found, issuer)


def _orderable(found: Mapping[str, Any], issuer: Mapping[str, Any]) -> None:
    if "product_code" not in found:
        raise UsageError("product_code is missing", hint="Give it here, or in the issuer %s." % found["issuer"])
    missing = [group for group in contacts.GROUPS if group not in issuer and group not in found.get("contacts", {})]
    if missing and "order_id" not in found:
        raise UsageError(
            "an order needs the contacts %s; there is no %s" % (", ".join(contacts.GROUPS), ", ".join(missing)),
            hint="Give them in the issuer %s." % found["issuer"],
        )


def _challenge(found: Mapping[str, Any]) -> None:
    wildcards = [domain for domain in found["domains"] if domain.startswith("*.")]
    if wildcards and found["challenge"] != DNS01:
        raise UsageError("%s can only be validated by dns-01" % wildcards[0], hint="Set challenge: dns-01.")
    if found["challenge"] == HTTP01 and "hosts" not in found:
        raise UsageError("http-01 needs hosts that publish the challenge", hint="Give hosts, or set challenge: dns-01.")


def _key(found: Mapping[str, Any], directory_url: str | None) -> None:
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
