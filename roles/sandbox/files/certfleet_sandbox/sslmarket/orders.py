# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An order, and its file: one for each order, so that a change costs the same however many orders there are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from certfleet_sandbox.files import write_atomic
from certfleet_sandbox.sslmarket.products import PRODUCTS, Product


@dataclass
class Issued:
    """A certificate; its dates here are those in it."""

    serial: str  # lower-case hex
    pem: str
    begin: float
    end: float


@dataclass
class Order:
    """Times are seconds since 1970."""

    id: int
    product_code: str
    domain: str
    dns_names: list[str]
    years: int
    method: str | None  # dv_auth_method; None for what has no domain validation
    csr: str | None
    people: dict[str, str]  # owner_, auth_ and tech_
    cents: int
    inserted: float
    listed: float  # when order/list shows it
    content: str  # dv_auth_content
    content_made: float
    validated: list[str] = field(default_factory=list)
    ready: float | None = None  # everything is validated: when the certificate may come
    certificates: list[Issued] = field(default_factory=list)
    published: float | None = None
    term_end: float | None = None
    reissue_csr: str | None = None
    revoked: bool = False
    word: str | None = None  # a state that a test has set

    @property
    def product(self) -> Product:
        return PRODUCTS[self.product_code]

    @property
    def names(self) -> list[str]:
        return [self.domain, *self.dns_names]

    @property
    def bases(self) -> list[str]:
        """What has to be validated."""
        return list(dict.fromkeys(name.removeprefix("*.") for name in self.names)) if self.method else []

    @property
    def wanted_csr(self) -> str | None:
        """The CSR that a certificate is still to be issued for."""
        if self.revoked:
            return None
        return self.reissue_csr if self.certificates else self.csr

    def open(self) -> bool:
        return not self.revoked and (not self.certificates or self.reissue_csr is not None)

    def condition(self, now: float) -> str:
        """The key of its state in the knob state_words."""
        if self.revoked:
            return "revoked"
        if not self.certificates:
            return "waiting"
        if self.term_end is not None and self.term_end <= now:
            return "expired"
        return "reissue" if self.reissue_csr else "published"


class Files:
    """The directory of the orders."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[int, Order]:
        found = sorted(
            (_read(json.loads(path.read_text(encoding="utf-8"))) for path in self._directory.glob("[0-9]*.json")),
            key=lambda order: order.id,
        )
        return {order.id: order for order in found}

    def save(self, order: Order) -> None:
        write_atomic(self._directory / f"{order.id}.json", json.dumps(asdict(order)).encode())


def _read(value: dict[str, Any]) -> Order:
    return Order(**{**value, "certificates": [Issued(**entry) for entry in value["certificates"]]})
