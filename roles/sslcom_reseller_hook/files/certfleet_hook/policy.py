# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy: which credentials belong to whom, and what they may order. One JSON file, read as a whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from certfleet_hook import names, strict

BALANCE, QUOTA = "balance", "quota"
# The documentation's two samples name one product in two ways.
PRODUCT_NAMES = {"basicssl": "sslcom_dv"}
LARGEST = 10**15  # units; far below what a 64-bit column holds
DECIMALS = 2  # of a price, at most
MINOR = 10**DECIMALS  # units in one of the currency
AMOUNT = re.compile(r"([0-9]{1,14})(?:\.([0-9]{1,2}))?", re.ASCII)
UNPINNED = "trusted_ca is empty: whoever knows the prefix can deliver any certificate, and it is stored and debited"
TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")


class PolicyError(ValueError):
    """Every fault of a policy, as sentences."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class Rate:
    """``count`` in ``seconds``."""

    count: int
    seconds: int


@dataclass(frozen=True)
class Customer:
    """``unit`` is ``balance`` (prices and ``granted`` in hundredths of the currency) or ``quota`` (certificates)."""

    id: str
    name: str
    kids: frozenset[str]
    prices: Mapping[str, int]
    longest_days: int
    names: tuple[str, ...]
    unit: str
    granted: int
    rate: Rate
    enabled: bool = True

    def allows(self, name: str) -> bool:
        return any(names.covers(each, name) for each in self.names)


@dataclass(frozen=True)
class Policy:
    """``digest`` of the file is in each record, so that the rules of a decision can be found again."""

    digest: str
    reservation_seconds: int
    product_names: Mapping[str, str]
    trusted: tuple[x509.Certificate, ...]
    customers: Mapping[str, Customer]
    by_kid: Mapping[str, Customer]

    def product(self, name: str) -> str:
        return self.product_names.get(name, name)


def load(text: bytes) -> Policy:
    """The policy of a file's content; PolicyError names everything that is wrong with it."""
    try:
        data = strict.parse(text)
    except strict.BadJson as error:
        raise PolicyError([f"the policy is not JSON: {error}"]) from None
    reader = Reader()
    policy = reader.policy(data, hashlib.sha256(text).hexdigest())
    if policy is None or reader.problems:
        raise PolicyError(reader.problems or ["the policy is not an object"])
    return policy


def amount(text: Any, decimals: int = DECIMALS) -> int:
    """Hundredths of the currency from ``"12.50"`` or a whole number; without decimals, certificates. ValueError for any other form."""
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError("not an amount")
    match = AMOUNT.fullmatch(str(text))
    if match is None or (match[2] and not decimals):
        raise ValueError("not an amount")
    units: int = int(match[1]) * 10**decimals + int((match[2] or "").ljust(decimals, "0") or 0)
    if units > LARGEST:
        raise ValueError("not an amount")
    return units


class Reader:
    """Collects problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def policy(self, data: Any, digest: str) -> Policy | None:
        known = {"version", "reservation_seconds", "product_names", "trusted_ca", "customers"}
        if not self._object(data, "the policy", known):
            return None
        if data.get("version") != 1:
            self.problems.append("version must be 1")
        aliases = data.get("product_names", PRODUCT_NAMES)
        if not isinstance(aliases, dict) or not all(map(_text, [*aliases, *aliases.values()])):
            self.problems.append("product_names must map names of products to names of products")
            aliases = {}
        customers = self._customers(data.get("customers"), aliases)
        by_kid: dict[str, Customer] = {}
        for customer in customers.values():
            for kid in sorted(customer.kids):
                other = by_kid.setdefault(kid, customer)
                if other is not customer:
                    self.problems.append(f"customers {other.id} and {customer.id} have the same kid")
        return Policy(
            digest=digest,
            reservation_seconds=self._number(
                data.get("reservation_seconds", 86400), "reservation_seconds", 60, 31 * 86400
            ),
            product_names=aliases,
            trusted=self._trusted(data.get("trusted_ca", "")),
            customers=customers,
            by_kid=by_kid,
        )

    def _object(self, data: Any, what: str, known: set[str]) -> bool:
        if not isinstance(data, dict):
            self.problems.append(f"{what} must be an object")
            return False
        unknown = sorted(set(data) - known)
        if unknown:
            self.problems.append(f"{what} has unknown keys: {', '.join(unknown)}")
        return True

    def _number(self, value: Any, what: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.problems.append(f"{what} must be a whole number from {least} to {most}")
            return least
        return value

    def _trusted(self, text: Any) -> tuple[x509.Certificate, ...]:
        if text == "":
            return ()
        try:
            return tuple(x509.load_pem_x509_certificates(text.encode()))
        except (AttributeError, ValueError, x509.InvalidVersion):
            self.problems.append("trusted_ca must be certificates in PEM")
            return ()

    def _customers(self, data: Any, aliases: Mapping[str, str]) -> dict[str, Customer]:
        if not isinstance(data, dict):
            self.problems.append("customers must be an object")
            return {}
        found = {}
        for key, entry in data.items():
            if not _text(key):
                self.problems.append("a customer's key must be text without control characters")
            elif customer := self._customer(key, entry, aliases):
                found[key] = customer
        return found

    def _customer(self, key: str, entry: Any, aliases: Mapping[str, str]) -> Customer | None:
        what = f"customer {key}"
        known = {"name", "kids", "products", "longest_days", "names", BALANCE, QUOTA, "rate", "enabled"}
        if not self._object(entry, what, known):
            return None
        if (BALANCE in entry) == (QUOTA in entry):
            self.problems.append(f"{what} needs either balance or quota")
        unit = QUOTA if QUOTA in entry else BALANCE
        if not isinstance(entry.get("enabled", True), bool):
            self.problems.append(f"{what}: enabled must be true or false")
        if not _text(entry.get("name", key)):
            self.problems.append(f"{what}: name must be text without control characters")
        return Customer(
            id=key,
            name=entry.get("name", key),
            kids=frozenset(self._texts(entry.get("kids"), f"{what}: kids")),
            prices=self._prices(entry.get("products"), what, unit, aliases),
            longest_days=self._number(entry.get("longest_days"), f"{what}: longest_days", 1, 3650),
            names=self._patterns(entry.get("names"), what),
            unit=unit,
            granted=self._granted(entry, unit, what),
            rate=self._rate(entry.get("rate"), what),
            enabled=entry.get("enabled", True) is True,
        )

    def _granted(self, entry: Mapping[str, Any], unit: str, what: str) -> int:
        if unit == QUOTA:
            return self._number(entry[QUOTA], f"{what}: quota", 0, LARGEST)
        return self._amount(entry.get(BALANCE, 0), f"{what}: balance")

    def _amount(self, value: Any, what: str) -> int:
        try:
            return amount(value)
        except ValueError:
            self.problems.append(f'{what} must be an amount such as "12.50"')
            return 0

    def _texts(self, value: Any, what: str) -> list[str]:
        if not isinstance(value, list) or not all(map(_text, value)):
            self.problems.append(f"{what} must be a list of texts")
            return []
        return value

    def _prices(self, value: Any, what: str, unit: str, aliases: Mapping[str, str]) -> dict[str, int]:
        """A quota counts certificates, so its products are a list; a balance needs a price for each."""
        if unit == QUOTA:
            return {aliases.get(name, name): 1 for name in self._texts(value, f"{what}: products")}
        if not isinstance(value, dict) or not all(map(_text, value)):
            self.problems.append(f"{what}: products must map each product to its price")
            return {}
        found: dict[str, int] = {}
        for name, price in value.items():
            if aliases.get(name, name) in found:
                self.problems.append(f"{what}: product {name} is there twice, by another of its names")
            found[aliases.get(name, name)] = self._amount(price, f"{what}: price of {name}")
        return found

    def _patterns(self, value: Any, what: str) -> tuple[str, ...]:
        found = []
        for text in self._texts(value, f"{what}: names"):
            try:
                found.append(names.pattern(text))
            except ValueError:
                self.problems.append(f"{what}: {text} is neither a DNS name nor a pattern (*.name, **.name, **)")
        return tuple(found)

    def _rate(self, value: Any, what: str) -> Rate:
        if not self._object(value, f"{what}: rate", {"count", "seconds"}):
            return Rate(1, 1)
        return Rate(
            self._number(value.get("count"), f"{what}: rate.count", 1, 10**6),
            self._number(value.get("seconds"), f"{what}: rate.seconds", 1, 31 * 86400),
        )


def _text(value: Any) -> bool:
    return isinstance(value, str) and TEXT.fullmatch(value) is not None
