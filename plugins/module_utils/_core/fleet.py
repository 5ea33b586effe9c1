# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's description of a fleet: issuers and certificates, checked and normalised (pure).

A wrong entry is a ``UsageError`` that names it: ``certfleet_certificates[2] (www.example.com): ...``. Values of secret options are never looked
at: they may be look-ups that cost something, and they must not get into a message.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .directories import fixed_key_type
from .errors import UsageError, clean
from .names import dns_name, dns_names

ISSUERS, CERTIFICATES = "certfleet_issuers", "certfleet_certificates"
SSLCOM, IDENTRUST, ACME = "sslcom", "identrust", "acme"
KINDS = (SSLCOM, IDENTRUST, ACME)
HTTP01, DNS01 = "http-01", "dns-01"
SIZES = {"rsa": (2048, 3072, 4096), "ecdsa": (256, 384)}

_ISSUER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MODE = re.compile(r"0[0-7]{3}")
_SUBSCRIPT = re.compile(r".+\[-?[0-9]*[:-]?-?[0-9]*\]")

# What each kind of issuer signs in with.
SECRETS = {
    SSLCOM: ("account_key", "secret_key"),
    IDENTRUST: ("api_key", "access_token", "client_id", "client_secret", "token_url", "audience"),
    ACME: (),
}

Reader = Callable[[Any], Any]


class Option(NamedTuple):
    """``read`` checks and normalises a value; without it the value is left alone."""

    read: Reader | None
    required: bool = False


# -- values ------------------------------------------------------------------------------------------------------------


def _kind_of(value: Any) -> str:
    for kind, text in (
        (bool, "true or false"),
        (str, "a text"),
        ((int, float), "a number"),
        (Mapping, "a mapping"),
        ((list, tuple), "a list"),
    ):
        if isinstance(value, kind):
            return text
    return "empty" if value is None else "a %s" % type(value).__name__


def _refuse(wanted: str, value: Any) -> UsageError:
    return UsageError("must be %s, not %s" % (wanted, _kind_of(value)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse("a text", value)
    if not value.strip() or clean(value, len(value) + 1) != value:
        raise UsageError("is empty, or has line breaks or spaces around it")
    return str(value)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise _refuse("a list of texts", value)
    if not value:
        raise UsageError("is an empty list")
    return [_text(item) for item in value]


def _text_or_texts(value: Any) -> list[str]:
    return [_text(value)] if isinstance(value, str) else _texts(value)


def _names(value: Any) -> list[str]:
    return list(dns_names(_texts(value)))


def _integer(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        # a template may have made a text of it
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refuse("a whole number", value)
        if not least <= value <= most:
            raise UsageError("is %d, not within %d and %d" % (value, least, most))
        return int(value)

    return read


def _share(value: Any) -> float:
    try:
        number = float(value if not isinstance(value, bool) else None)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _refuse("a number between 0 and 1", value) from None
    if not 0 < number < 1:
        raise UsageError("is %s, not between 0 and 1" % number)
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "yes", "false", "no"):
        return value.lower() in ("true", "yes")
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


def _choice(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if value not in choices:
            raise UsageError(
                "is %s, not one of %s%s" % (_shown(value), ", ".join(choices), did_you_mean(value, choices))
            )
        return str(value)

    return read


def _url(value: Any) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", _text(value)):
        raise UsageError("is %s, not a URL" % _shown(value))
    return str(value)


def _mode(value: Any) -> str:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise UsageError("is %s; write it as four octal digits in quotes, like '0640'" % _shown(value))
    return str(value)


def _pattern(value: Any) -> str:
    return ",".join(_text_or_texts(value))


def _shown(value: Any) -> str:
    return '"%s"' % clean(value, 60) if isinstance(value, (str, int, float)) else _kind_of(value)


def did_you_mean(value: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(value), list(known), 1) if isinstance(value, str) else []
    return ' (did you mean "%s"?)' % close[0] if close else ""


# -- entries -----------------------------------------------------------------------------------------------------------

_ENDPOINT = {
    "port": Option(_integer(1, 65535), required=True),
    "address": Option(_text),
    "server_name": Option(lambda value: dns_name(_text(value))),
}


def _endpoints(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)):
        raise _refuse("a list, like [{port: 443}]", value)
    found = []
    for number, item in enumerate(value):
        try:
            found.append(_entry(item, _ENDPOINT))
        except UsageError as error:
            raise _within("[%d]" % number, error) from None
    return found


_ISSUER = {
    "kind": Option(_choice(*KINDS), required=True),
    "customer": Option(_text),
    "contact": Option(_text_or_texts, required=True),
    "directory_url": Option(_url, required=True),
    "ca_path": Option(_text),
    "timeout": Option(_integer(1, 3600)),
    "profile": Option(_text),
    "preferred_chain": Option(_text),
    "remaining_share": Option(_share),
    "remaining_days": Option(_integer(1, 3650)),
    "terms_agreed": Option(_flag),
    "eab_path": Option(_text),
}
_PROVIDER = {"api_url": Option(_url)}

_CERTIFICATE = {
    "name": Option(_text, required=True),
    "domains": Option(_names),
    "issuer": Option(_text),
    "hosts": Option(_pattern),
    "challenge": Option(_choice(HTTP01, DNS01)),
    "key_type": Option(_choice(*sorted(SIZES))),
    "key_size": Option(_integer(1, 65536)),
    "profile": Option(_text),
    "preferred_chain": Option(_text),
    "services": Option(lambda value: _texts(value) if value != [] else []),
    "endpoints": Option(_endpoints),
    "owner": Option(_text),
    "group": Option(_text),
    "key_mode": Option(_mode),
    "mode": Option(_mode),
}


def _entry(value: Any, options: Mapping[str, Option]) -> dict[str, Any]:
    """The options of one entry. An option that is null is as good as not there."""
    if not isinstance(value, Mapping):
        raise _refuse("a mapping", value)
    for key in value:
        if key not in options:
            raise UsageError("there is no option %s%s" % (_shown(key), did_you_mean(key, options)))
    found = {}
    for key, option in options.items():
        if option.read is None:
            continue
        if key not in value or value[key] is None:
            if option.required:
                raise UsageError("%s is missing" % key)
            continue
        try:
            found[key] = option.read(value[key])
        except UsageError as error:
            raise _within(key, error) from None
    return found


def _within(where: str, error: UsageError) -> UsageError:
    separator = "" if error.message.startswith("[") else " "
    return UsageError(where + separator + error.message, hint=error.hint)


def _at(where: str, error: UsageError) -> UsageError:
    return UsageError("%s: %s" % (where, error.message), hint=error.hint)


# -- issuers -----------------------------------------------------------------------------------------------------------


def issuers(value: Any) -> dict[str, dict[str, Any]]:
    """All issuers by name, without their secrets."""
    if not isinstance(value, Mapping):
        raise UsageError("%s must be a mapping, not %s" % (ISSUERS, _kind_of(value)))
    found: dict[str, dict[str, Any]] = {}
    for name in value:
        try:
            if not isinstance(name, str) or not _ISSUER_NAME.fullmatch(name):
                raise UsageError("the name has other characters than letters, digits, dots, hyphens and underscores")
            issuer = _issuer(value[name])
            _refuse_same_account(issuer, found)
        except UsageError as error:
            raise _at("%s.%s" % (ISSUERS, clean(name, 80)), error) from None
        found[str(name)] = issuer
    return found


def _issuer(value: Any) -> dict[str, Any]:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    options = dict(_ISSUER)
    if kind is not None:  # first, for it decides which options there are
        _entry({"kind": kind}, {"kind": _ISSUER["kind"]})
    if kind in (SSLCOM, IDENTRUST):
        options.update(_PROVIDER)
        options.update({name: Option(None) for name in SECRETS[str(kind)]})
        options["customer"] = Option(_text, required=True)
    found = _entry(value, options)
    found.setdefault("terms_agreed", True)
    if kind == IDENTRUST and "@" not in found["customer"]:
        raise UsageError("customer is %s, not an e-mail address" % _shown(found["customer"]))
    for address in found["contact"]:
        if address.count("@") != 1:
            raise UsageError("contact %s is not an e-mail address" % _shown(address))
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
        raise UsageError("%s must be a list, not %s" % (CERTIFICATES, _kind_of(entries)))
    found: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for number, entry in enumerate(entries):
        try:
            certificate = _certificate(entry, known)
            first = numbers.setdefault(certificate["name"], number)
            if first != number:
                raise UsageError("the name is used twice, first in %s[%d]" % (CERTIFICATES, first))
        except UsageError as error:
            raise _at(_label(number, entry), error) from None
        found.append(certificate)
    return found


def _label(number: int, entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    shown = " (%s)" % clean(name, 100) if isinstance(name, str) and name.strip() else ""
    return "%s[%d]%s" % (CERTIFICATES, number, shown)


def _certificate(entry: Any, known: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    found = _entry(entry, _CERTIFICATE)
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
        raise UsageError("issuer %s is not in %s%s" % (_shown(name), ISSUERS, did_you_mean(name, known)))
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


# -- hosts -------------------------------------------------------------------------------------------------------------


class Hosts:
    """Who is meant by a pattern of hosts: names, groups, wildcards, ``~regex``, joined by ``:`` or ``,``; ``&`` and ``!`` as in Ansible."""

    def __init__(self, groups: Mapping[str, Iterable[str]]) -> None:
        self._groups = {str(name): [str(host) for host in groups[name]] for name in groups}
        self._all = self._groups.get("all", [])
        self._known = set(self._all)
        self._found: dict[str, list[str]] = {}

    def of(self, pattern: str) -> list[str]:
        if pattern not in self._found:
            self._found[pattern] = self._resolve(pattern)
        return self._found[pattern]

    def _resolve(self, pattern: str) -> list[str]:
        parts = [part.strip() for part in _split(pattern) if part.strip()]
        plain = [part for part in parts if part[0] not in "&!"] or ["all"]
        chosen = dict.fromkeys(host for part in plain for host in self._part(part))
        for part in (part for part in parts if part[0] == "&"):
            others = set(self._part(part[1:]))
            chosen = {host: None for host in chosen if host in others}
        for part in (part for part in parts if part[0] == "!"):
            others = set(self._part(part[1:], must_exist=False))
            chosen = {host: None for host in chosen if host not in others}
        return list(chosen)

    def _part(self, part: str, must_exist: bool = True) -> list[str]:
        """Who is excluded need not exist; who is meant must, or a typo would leave a certificate undeployed."""
        if part in self._groups:
            return self._groups[part]
        if part in self._known or part == "localhost":
            return [part]
        if part == "*":
            return self._all
        if _SUBSCRIPT.fullmatch(part) and not part.startswith("~"):
            raise UsageError("hosts %s picks hosts by number" % _shown(part), hint="Make a group of them.")
        expression = part[1:] if part.startswith("~") else _glob(part)
        try:
            matcher = re.compile(expression)
        except re.error:
            raise UsageError("hosts %s is not a pattern of hosts" % _shown(part)) from None
        groups = [host for name, hosts in self._groups.items() if matcher.match(name) for host in hosts]
        found = groups + [host for host in self._all if matcher.match(host)]
        if must_exist and not found and not any(character in part for character in "~*?["):
            names = [*self._groups, *self._all]
            raise UsageError("hosts %s is neither a host nor a group%s" % (_shown(part), did_you_mean(part, names)))
        return found


def _split(pattern: str) -> list[str]:
    """At commas, else at colons outside brackets; an address of IPv6 has no place here."""
    return pattern.split(",") if "," in pattern else re.split(r":(?![^\[]*\])", pattern)


def _glob(part: str) -> str:
    import fnmatch

    return fnmatch.translate(part)


def check_hosts(found: Iterable[Mapping[str, Any]], hosts: Hosts) -> None:
    """Refuses what names nobody."""
    for number, certificate in enumerate(found):
        if "hosts" not in certificate:
            continue
        try:
            hosts.of(certificate["hosts"])
        except UsageError as error:
            raise _at(_label(number, certificate), error) from None


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
                % (CERTIFICATES, certificate["name"], _shown(name), did_you_mean(name, known)),
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
