# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service remembers, as data: times are milliseconds since 1970, amounts are units of a customer's account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPEN, EXPIRED, SETTLED = "open", "expired", "settled"


@dataclass(frozen=True)
class Reservation:
    """One "yes". ``generation`` counts those with the same key, one after the other."""

    key: str
    generation: int
    customer: str
    kid: str
    product: str
    duration: int
    names: tuple[str, ...]
    unit: str
    price: int
    created: int
    expires: int
    state: str = OPEN


@dataclass(frozen=True)
class Account:
    """What a customer has in one unit, besides what the policy grants.

    ``arrival`` and ``refusal_arrival`` (microseconds since 1970) are the times at which the next authorization and the next record of a refusal
    would be due if all came evenly spaced (the generic cell rate algorithm).
    """

    customer: str
    unit: str
    topped_up: int = 0
    debited: int = 0
    reserved: int = 0
    arrival: int = 0
    refusal_arrival: int = 0

    def available(self, granted: int) -> int:
        return granted + self.topped_up - self.debited - self.reserved


@dataclass(frozen=True)
class Refusal:
    """The last recorded refusal of a key; a certificate's is its fingerprint."""

    key: str
    code: str
    at: int


@dataclass(frozen=True)
class Leaf:
    """A delivered certificate that was found to be one. ``chain`` is PEM, the certificate itself first; times in ms."""

    fingerprint: str
    serial: str
    names: tuple[str, ...]
    not_before: int
    not_after: int
    chain: str


@dataclass(frozen=True)
class Certificate:
    """A stored certificate, and the one debit for it."""

    leaf: Leaf
    reservation: Reservation
    flags: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Answer:
    """``code`` is for metrics and logs, ``message`` for the end customer."""

    status: int
    code: str
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """An answer, and what has to be stored before it is given. ``record`` is a line of the decision log and an event."""

    answer: Answer
    kind: str = ""
    record: Mapping[str, Any] | None = None
    reservation: Reservation | None = None
    account: Account | None = None
    refusal: Refusal | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Known:
    """What is stored about one authorization: its newest reservation, the customer's account, the last refusal."""

    account: Account
    reservation: Reservation | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class KnownDelivery:
    """What is stored about one delivery. ``owner`` is the kid of the certificate with this fingerprint, if it is there."""

    owner: str | None = None
    reservations: tuple[Reservation, ...] = ()
    accounts: Mapping[tuple[str, str], Account] = field(default_factory=dict)
    refusal: Refusal | None = None
