# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sold. Codes and limits are those of the market; the prices are ours, and are never shown by the API."""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "EUR"


@dataclass(frozen=True)
class Product:
    code: str
    title: str
    validate_type: str
    cents: int  # for a year
    min_sans: int = 0
    max_sans: int = 0
    san_cents: int = 0  # for each name more, for a year
    wildcard: str = "no"  # must: the domain is one; may: any name can be one
    csr_required: bool = True
    max_years: int = 3
    kind: str = "ssl_certificate"
    revocable: bool = False

    @property
    def validates_domain(self) -> bool:
        return self.kind == "ssl_certificate"

    def price(self, years: int, sans: int) -> int:
        return years * (self.cents + sans * self.san_cents)

    def row(self) -> dict[str, str]:
        """As the documented sample has it: every value is a string."""
        kind = "wildcard" if self.wildcard == "must" else "san" if self.max_sans else "standard"
        return {
            "product_type": self.kind,
            "product_code": self.code,
            "title": self.title,
            "type": kind,
            "validate_type": self.validate_type,
            "csr_required": "true" if self.csr_required else "false",
            "max_years": str(self.max_years),
            "min_san_values": str(self.min_sans),
            "max_san_values": str(self.max_sans),
        }


_CLIENT = "client_certificate"

PRODUCTS = {
    product.code: product
    for product in (
        Product("RAPIDSSL_RAPIDSSL", "RapidSSL", "dv", 1400),
        Product("RAPIDSSL_RAPIDSSL_WILDCARD", "RapidSSL Wildcard", "dv", 9900, wildcard="must"),
        Product("RAPIDSSL_FREESSL", "FreeSSL", "dv", 0, csr_required=False, max_years=1),
        Product("THAWTE_SSL_123", "Thawte SSL 123", "dv", 3900, max_sans=249, san_cents=1500),
        Product("GEOTRUST_QUICKSSL_PREMIUM", "QuickSSL Premium", "dv", 6900, min_sans=1, max_sans=4, san_cents=900),
        Product("GEOTRUST_TRUE_BUSINESSID", "True BusinessID", "ov", 9900),
        Product("DIGICERT_SECURE_SITE", "Secure Site", "ov", 29900, max_sans=249, san_cents=9900, wildcard="may"),
        Product("THAWTE_CODE_SIGNING", "Code Signing", "ov", 19900, csr_required=False, kind="code_signing"),
        Product("DIGICERT_CLIENT_PREMIUM_CLASS_1", "Client Premium Class 1", "qv", 1900, kind=_CLIENT, revocable=True),
        Product("DIGICERT_CLIENT_PREMIUM_CLASS_2", "Client Premium Class 2", "qv", 2900, kind=_CLIENT, revocable=True),
    )
}
