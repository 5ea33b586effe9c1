# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at SSLmarket's products and at the orders of an account."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .._core.errors import InvalidData, ProviderError, UsageError
from .api import Api
from .model import Detail, Product, Row, number, order_id, order_name

Connect = Callable[[Mapping[str, Any]], Api]


class ProductInfo:
    def __init__(self, connect: Connect = Api.from_params) -> None:
        self._connect = connect

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        found = [show_product(product) for product in self._connect(params).products()]
        for option in ("product_code", "product_type", "validate_type"):
            if params[option] is not None:
                found = [product for product in found if product[option].lower() == params[option].lower()]
        return {"products": found}


class OrderInfo:
    def __init__(self, connect: Connect = Api.from_params) -> None:
        self._connect = connect

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        api = self._connect(params)
        if params["order_id"] is not None:
            asked = [given_id(value) for value in params["order_id"]]
            return {"orders": [show_order(order_of(api, each)) for each in asked]}
        rows = [row for row in api.orders() if _fits(row, params)]
        if params["details"]:
            rows = [order_of(api, row.order_id) for row in rows]
        return {"orders": [show_order(row) for row in rows]}


def given_id(value: Any) -> int:
    """The option ``order_id``."""
    try:
        return order_id(value)
    except InvalidData as error:
        raise UsageError("order_id: " + error.message, hint=error.hint) from None


def order_of(api: Api, asked: int) -> Detail:
    try:
        return api.order(asked)
    except ProviderError as error:
        if error.status != 404:
            raise
        raise ProviderError(
            "there is no order %d at %s" % (asked, api.api_url),
            hint="Each account sees its own orders only: check api_url and api_token, too.",
            status=404,
            code=error.code,
            detail=error.detail,
        ) from None


def show_product(product: Product) -> dict[str, Any]:
    """The provider's members with their names, numbers and booleans as such; what we do not know stays as it is."""
    return {
        **product.raw,
        "product_code": product.code,
        "title": product.title,
        "product_type": product.product_type,
        "type": product.kind,
        "validate_type": product.validate_type,
        "csr_required": product.csr_required,
        "max_years": product.max_years,
        "min_san_values": product.min_san,
        "max_san_values": product.max_san,
    }


def show_order(row: Row) -> dict[str, Any]:
    """The provider's members with their names, those that belong to a contact in one place, and what we read from them."""
    shown = {name: value for name, value in row.raw.items() if name != "dns_names"}
    shown.update(
        order_id=row.order_id,
        product_type=row.product_type,
        product_code=row.product_code,
        domain=row.domain,
        names=list(row.names),
        sans_order_count=number(row.raw.get("sans_order_count")),
        years=row.years,
        inserted=row.inserted,
        published=row.published,
        expired=row.expired,
        state=row.state,
        issued=row.issued,
    )
    if isinstance(row, Detail):
        for group, fields in row.contacts.items():
            for name in fields:
                shown.pop("%s_%s" % (group, name), None)
        shown.pop("certificate_serial_number", None)
        shown.update(
            csr=row.csr,
            public_key=row.public_key,
            serial=row.serial,
            dv_auth_method=row.dv_auth_method,
            dv_auth_content=row.dv_auth_content,
            days_remaining=row.days_remaining,
            auto_reissue=row.auto_reissue,
            contacts={group: dict(fields) for group, fields in row.contacts.items()},
        )
    return shown


def _fits(row: Row, params: Mapping[str, Any]) -> bool:
    code, domain, state = params["product_code"], params["domain"], params["state"]
    return (
        (code is None or row.product_code.lower() == code.lower())
        and (domain is None or order_name(domain) in row.names)
        and (state is None or row.state == state)
    )
