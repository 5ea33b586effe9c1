# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuers of a fleet, ``certfleet_issuers``: checked and normalised (pure).

Values of secret options are never looked at: they may be look-ups that cost something, and they must not get into a message.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from .._core import options
from .._core.errors import UsageError, clean
from .._core.options import Option
from .._renewal import policy
from .._sslmarket import contacts

ISSUERS, RENEWAL = "certfleet_issuers", "certfleet_renewal"
SSLCOM, IDENTRUST, ACME, SSLMARKET = "sslcom", "identrust", "acme", "sslmarket"
KINDS = (SSLCOM, IDENTRUST, ACME, SSLMARKET)

# How often a host looks whether a certificate is due: what divides an hour or a day.
INTERVALS = ("1m", "2m", "5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d")

# What each kind of issuer signs in with.
SECRETS = {
    SSLCOM: ("account_key", "secret_key"),
    IDENTRUST: ("api_key", "access_token", "client_id", "client_secret", "token_url", "audience"),
    ACME: (),
    SSLMARKET: ("api_token",),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY = 24 * 60 * 60
_EMAIL = 'Write it like "tls@example.com".'


def _contact(group: str) -> Option:
    """The rules of the provider; its sentences name the group and the field."""

    def read(value: Any) -> dict[str, str]:
        try:
            return contacts.check(group, value)
        except UsageError as error:
            raise UsageError(error.message[len(group) :].lstrip(), hint=error.hint) from None

    return Option(read)


# What is ordered, of an issuer or of a single certificate.
PRODUCT = {
    "product_code": Option(options.text),
    "years": Option(options.integer(1, 10)),
}
CONTACTS = {group: _contact(group) for group in contacts.GROUPS}

_ALL = {
    "kind": Option(options.choice(*KINDS), required=True),
    "ca_path": Option(options.text),
    "timeout": Option(options.integer(1, 3600)),
    "remaining_share": Option(options.share),
    "remaining_days": Option(options.integer(1, 3650)),
    "renewal": Option(policy.check),
    "public": Option(options.flag),
    "lifetime_days": Option(options.integer(1, 3650)),
}
# Who renews: the controller, or a client on the hosts, which need no controller then.
AT_CONTROLLER, LEGO, CERTBOT, EXTERNAL = "controller", "lego", "certbot", "external"
ON_HOSTS = (LEGO, CERTBOT, EXTERNAL)
OF_HOST, SHARED = "host", "shared"
_CLIENT = {
    "client": Option(options.choice(AT_CONTROLLER, *ON_HOSTS)),
    "client_account": Option(options.choice(OF_HOST, SHARED)),
    "client_arguments": Option(options.texts),
    "client_dns": Option(options.text),
    "client_dns_settings": Option(None),  # what the DNS provider wants: secrets
    "client_interval": Option(options.choice(*INTERVALS)),
    "client_listen": Option(options.text),
    "client_program": Option(options.text),
    "client_timeout": Option(options.integer(1, 86400)),
}
_ACME = {
    **_ALL,
    **_CLIENT,
    "customer": Option(options.text),
    "contact": Option(options.text_or_texts, required=True),
    "directory_url": Option(options.url, required=True),
    "profile": Option(options.text),
    "preferred_chain": Option(options.text),
    "terms_agreed": Option(options.flag),
    "eab_path": Option(options.text),
}
_PROVIDER = {"api_url": Option(options.url), "customer": Option(options.text, required=True)}
_SSLMARKET = {
    **_ALL,
    **PRODUCT,
    **CONTACTS,
    "api_url": Option(options.url),
    "renew_before_days": Option(options.integer(1, 120)),
    "max_orders_per_day": Option(options.integer(0, 100000)),
    "quiet_period": Option(options.integer(0, 30 * _DAY)),
    "on_unknown": Option(options.choice("fail", "resubmit")),
    "wait": Option(options.flag),
    "abandoned": Option(options.order_ids),
}


def _options_of(kind: Any) -> dict[str, Option]:
    secrets = {name: Option(None) for name in SECRETS.get(kind, ())}
    if kind == SSLMARKET:
        return {**_SSLMARKET, **secrets}
    return {**_ACME, **(_PROVIDER if kind in (SSLCOM, IDENTRUST) else {}), **secrets}


def renewal(value: Any) -> dict[str, Any]:
    """``certfleet_renewal``: how all certificates are renewed whose issuers or themselves do not say otherwise."""
    try:
        return policy.check({} if value is None else value)
    except UsageError as error:
        raise options.at(RENEWAL, error) from None


def issuers(value: Any, common: Any = None) -> dict[str, dict[str, Any]]:
    """All issuers by name, without their secrets. With ``common``, ``certfleet_renewal``, each has all of its ``renewal``."""
    everywhere = renewal(common)
    if not isinstance(value, Mapping):
        raise UsageError("%s must be a mapping, not %s" % (ISSUERS, options.kind_of(value)))
    found: dict[str, dict[str, Any]] = {}
    for name in value:
        try:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UsageError(
                    "the name has other characters than letters, digits, dots, hyphens and underscores",
                    hint="Give it a plain name: files are called after it.",
                )
            issuer = _issuer(value[name])
            _refuse_same_account(issuer, found)
        except UsageError as error:
            raise options.at("%s.%s" % (ISSUERS, clean(name, 80)), error) from None
        if everywhere or "renewal" in issuer:
            issuer["renewal"] = policy.merge(everywhere, _shares(issuer), issuer.get("renewal"))
        found[str(name)] = issuer
    return found


def _shares(issuer: Mapping[str, Any]) -> dict[str, Any]:
    """What an issuer says of renewals in options of its own."""
    return {name: issuer[name] for name in ("remaining_share", "remaining_days") if name in issuer}


def _issuer(value: Any) -> dict[str, Any]:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if kind is not None:  # first, for it decides which options there are
        options.entry({"kind": kind}, {"kind": _ALL["kind"]})
    found = options.entry(value, _options_of(kind))
    if kind == SSLMARKET:
        found.setdefault("wait", True)
        return found
    found.setdefault("terms_agreed", True)
    if kind == IDENTRUST and "@" not in found["customer"]:
        raise UsageError("customer is %s, not an e-mail address" % options.shown(found["customer"]), hint=_EMAIL)
    for address in found["contact"]:
        if address.count("@") != 1:
            raise UsageError("contact %s is not an e-mail address" % options.shown(address), hint=_EMAIL)
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
