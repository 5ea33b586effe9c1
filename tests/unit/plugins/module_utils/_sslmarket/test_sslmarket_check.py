# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must fit before money moves: every limit of a product, in every form it comes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._renewal.policy import Policy
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.wanted import Wanted
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import check, model
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Item, Present
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.model import Product

SET = Wanted("a", ("www.alpha.test",), "ecdsa", 256, "dns-01", "X", None, None, Policy())
CSR = Present("wanted", csr=b"-----BEGIN")
NONE = Present("wanted")


def product(**changes: Any) -> Product:
    known = {"product_code": "THAWTE_SSL_123", "title": "Thawte SSL 123", "type": "san", "csr_required": "true"}
    return model.product({**known, "max_years": "3", "min_san_values": "0", "max_san_values": "2", **changes})


def item(*names: str, years: int = 1, wanted: Wanted | None = None) -> Item:
    return Item("a", "THAWTE_SSL_123", names or ("www.alpha.test",), years, "DNS", wanted=wanted)


@pytest.mark.parametrize(
    ("names", "years", "changes", "told"),
    [
        ([], 1, {}, None),
        ([], 3, {}, None),
        ([], 4, {}, "THAWTE_SSL_123 is sold for at most 3 years, not 4"),
        ([], 2, {"max_years": 1}, "THAWTE_SSL_123 is sold for at most 1 years, not 2"),
        ([], 9, {"max_years": None}, None),  # not said
        ([], 9, {"max_years": "many"}, None),
        ([], 9, {"max_years": 3.0}, "THAWTE_SSL_123 is sold for at most 3 years, not 9"),
        (["a.test", "b.test", "c.test"], 1, {}, None),
        (["a.test", "b.test", "c.test", "d.test"], 1, {}, "takes at most 2 names besides the domain, not 3"),
        (["a.test", "b.test"], 1, {"max_san_values": 0}, "takes at most 0 names besides the domain, not 1"),
        (["a.test", "b.test"], 1, {"max_san_values": ""}, None),
        (["a.test"], 1, {"min_san_values": "1"}, "is for at least 1 names besides the domain, not 0"),
        (["a.test", "b.test"], 1, {"min_san_values": "1"}, None),
        (["a.test"], 1, {"min_san_values": [1]}, None),
        (["*.a.test"], 1, {}, "does not look like a product for wildcards, and *.a.test is one"),
        (["a.test", "*.a.test"], 1, {}, "does not look like a product for wildcards, and *.a.test is one"),
        (["*.a.test"], 1, {"product_code": "X_WILDCARD"}, None),
        (["*.a.test"], 1, {"title": "RapidSSL Wildcard"}, None),
        (["*.a.test"], 1, {"type": "wildcard"}, None),
        (["*.a.test"], 1, {"product_code": "GEO_WC"}, None),
        (["*.a.test"], 1, {"title": "QuickSSL WC"}, None),
        (["*.a.test"], 1, {"title": "SWCertificate"}, "does not look like a product for wildcards"),
        (["a.test"], 1, {"title": "RapidSSL Wildcard"}, "is for wildcards, and none of the names is one"),
        (["a.test"], 1, {"type": None, "title": None}, None),
    ],
)
def test_limits(names: list[str], years: int, changes: dict[str, Any], told: str | None) -> None:
    def call() -> None:
        check.check(item(*names, years=years), CSR, product(**changes), False)

    if told is None:
        call()
        return
    with pytest.raises(UsageError) as refused:
        call()
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("required", "csr", "wanted", "allowed", "told"),
    [
        ("true", CSR, None, False, None),
        ("false", CSR, None, False, None),
        (None, CSR, None, False, None),
        ("true", NONE, None, False, "THAWTE_SSL_123 needs a CSR"),
        ("true", NONE, None, True, "THAWTE_SSL_123 needs a CSR"),
        (None, NONE, None, True, "THAWTE_SSL_123 needs a CSR"),  # when in doubt
        ("perhaps", NONE, None, True, "THAWTE_SSL_123 needs a CSR"),
        ("false", NONE, None, False, "could not be found again after a crash"),
        ("0", NONE, None, False, "could not be found again after a crash"),
        (False, NONE, None, False, "could not be found again after a crash"),
        ("false", NONE, None, True, None),
        ("true", NONE, SET, False, None),  # its request is made before
    ],
)
def test_requests(required: Any, csr: Present, wanted: Wanted | None, allowed: bool, told: str | None) -> None:
    def call() -> None:
        check.check(item(wanted=wanted), csr, product(csr_required=required), allowed)

    if told is None:
        call()
        return
    with pytest.raises(UsageError) as refused:
        call()
    assert told in refused.value.message


PRODUCTS = [product(), product(product_code="RAPIDSSL_RAPIDSSL"), product(product_code="RAPIDSSL_WILDCARD")]


@pytest.mark.parametrize("code", ["rapidssl_rapidssl", "RapidSSL_RapidSSL"])
def test_products_in_other_letters(code: str) -> None:
    """The request would name one that does not exist."""
    with pytest.raises(UsageError) as caught:
        check.product_of(PRODUCTS, code)
    assert "Did you mean RAPIDSSL_RAPIDSSL" in str(caught.value.hint)


def test_wildcards_have_no_place_for_a_file() -> None:
    wild = Item("a", "X", ("*.a.test",), 1, "FILE")
    with pytest.raises(UsageError, match="wildcards cannot be validated by FILE"):
        check.check(wild, CSR, product(title="Wildcard"), False)


@pytest.mark.parametrize("products", [PRODUCTS, []])
def test_a_product_that_is_not_sold(products: list[Product]) -> None:
    with pytest.raises(UsageError) as refused:
        check.product_of(products, "NO_SUCH_PRODUCT")
    assert refused.value.message == "the provider sells no product NO_SUCH_PRODUCT"
    assert refused.value.hint


def test_a_product_that_is_nearly_sold() -> None:
    with pytest.raises(UsageError) as refused:
        check.product_of(PRODUCTS, "rapidssl")
    assert "RAPIDSSL_RAPIDSSL" in (refused.value.hint or "")
