# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must fit before money moves: the product, the names, the contacts (pure)."""

from __future__ import annotations

import difflib
from typing import Sequence

from .._core.errors import UsageError
from .items import Item, Present
from .model import Product


def product_of(products: Sequence[Product], code: str) -> Product:
    found = [product for product in products if product.code == code]
    if not found:
        codes = [product.code for product in products]
        close = [known for known in codes if code.lower() in known.lower()] or difflib.get_close_matches(code, codes)
        hint = (
            "Did you mean %s?" % " or ".join(close[:3])
            if close
            else "Correct product_code; sslmarket_product_info lists them."
        )
        raise UsageError("the provider sells no product %s" % code, hint=hint)
    return found[0]


def check(item: Item, present: Present, product: Product, allow_unmatched: bool) -> None:
    """``UsageError`` for what the provider would refuse, or what would be bought in vain.

    A set without a request gets one before the order is placed: in check mode it is not there yet.
    """
    if product.max_years is not None and item.years > product.max_years:
        raise UsageError(
            "%s is sold for at most %d years, not %d" % (product.code, product.max_years, item.years),
            hint="Change years.",
        )
    if item.dv_auth_method == "FILE" and any(name.startswith("*.") for name in item.names):
        raise UsageError("wildcards cannot be validated by FILE", hint="Set dv_auth_method: DNS.")
    _check_sans(item, product)
    _check_wildcards(item, product)
    check_csr(item, present, product, allow_unmatched)


def check_csr(item: Item, present: Present, product: Product, allow_unmatched: bool) -> None:
    if present.csr is not None or item.wanted is not None:
        return
    if product.csr_required is not False:
        raise UsageError("%s needs a CSR" % product.code, hint="Give csr or csr_path.")
    if not allow_unmatched:
        raise UsageError(
            "an order for %s without a CSR could not be found again after a crash" % product.code,
            hint="Give a CSR all the same, or set allow_unmatched: true and take the risk.",
        )


def _check_sans(item: Item, product: Product) -> None:
    count = len(item.names) - 1
    if product.max_san is not None and count > product.max_san:
        text = "%s takes at most %d names besides the domain, not %d"
        raise UsageError(text % (product.code, product.max_san, count), hint="Take a product for several domains.")
    if product.min_san is not None and count < product.min_san:
        text = "%s is for at least %d names besides the domain, not %d"
        raise UsageError(text % (product.code, product.min_san, count), hint="Take a product for fewer domains.")


def _check_wildcards(item: Item, product: Product) -> None:
    """The API has no member for it; products say it in their type, code or title."""
    stars = [name for name in item.names if name.startswith("*.")]
    words = " ".join([product.code, product.title or "", product.kind or ""]).lower()
    covers = "wildcard" in words or " wc" in " " + words.replace("_", " ").replace("-", " ")
    if stars and not covers:
        raise UsageError(
            "%s does not look like a product for wildcards, and %s is one" % (product.code, stars[0]),
            hint="Take a wildcard product; if this one is right, set validate_product: false.",
        )
    if covers and not stars:
        raise UsageError(
            "%s is for wildcards, and none of the names is one" % product.code,
            hint='Order it for "*.example.com"; if the names are right, set validate_product: false.',
        )
