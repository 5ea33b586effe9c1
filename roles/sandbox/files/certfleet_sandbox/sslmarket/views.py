# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API shows of an order, and the ways to show it wrongly."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from certfleet_sandbox.sslmarket.knobs import Knobs
from certfleet_sandbox.sslmarket.market import DAY
from certfleet_sandbox.sslmarket.orders import Order


def date(seconds: float | None, knobs: Knobs) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds + knobs.clock_offset, timezone.utc).strftime(knobs.date_format)


def serial_number(serial: str, knobs: Knobs) -> str:
    """From lower-case hex; whole bytes, as openssl prints them."""
    if knobs.serial_format == "decimal":
        return str(int(serial, 16))
    padded = serial.zfill(len(serial) + len(serial) % 2)
    if knobs.serial_format == "colons":
        return ":".join(padded[index : index + 2] for index in range(0, len(padded), 2))
    return padded if knobs.serial_format == "lower_hex" else padded.upper()


def state(order: Order, knobs: Knobs, now: float) -> str:
    return knobs.state_words[order.condition(now)] if order.word is None else order.word


def _expired(order: Order, knobs: Knobs) -> float | None:
    if knobs.expired_is == "certificate" and order.certificates:
        return order.certificates[-1].end
    return order.term_end


def row(order: Order, knobs: Knobs, now: float) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "product_type": order.product.kind,
        "product_code": order.product_code,
        "domain": order.domain,
        "dns_names": order.dns_names,
        "sans_order_count": len(order.dns_names),
        "years": order.years,
        "inserted": date(order.inserted, knobs),
        "published": date(order.published, knobs),
        "expired": date(_expired(order, knobs), knobs),
        "state": state(order, knobs, now),
    }


def detail(order: Order, knobs: Knobs, now: float) -> dict[str, Any]:
    found = row(order, knobs, now)
    del found["order_id"]
    old = knobs.csr_while_reissuing == "old"
    found["csr"] = order.csr if old or not order.reissue_csr else order.reissue_csr
    last = order.certificates[-1] if order.certificates else None
    found["certificate_serial_number"] = serial_number(last.serial, knobs) if last else None
    found.update(order.people)
    if order.method:
        found["dv_auth_method"] = order.method
        if order.method != "Email":
            found["dv_auth_content"] = order.content
    end = _expired(order, knobs)
    if found["state"] == knobs.state_words["published"] and end is not None:
        found["days_remaining"] = int((end - now) // DAY)
    if order.years > 1:
        found["auto_reissue"] = knobs.auto_reissue
    return found


def listed(orders: list[Order], knobs: Knobs, now: float) -> list[dict[str, Any]]:
    """The rows of order/list, with what the knobs leave out or show twice."""
    hidden = {"revoked", "expired"} if knobs.omit_closed else set()
    if knobs.omit_published:
        hidden |= {"published"}
    shown = [order for order in orders if order.listed <= now and order.condition(now) not in hidden]
    if knobs.list_limit:
        shown = shown[: knobs.list_limit]
    rows = [row(order, knobs, now) for order in shown]
    return [entry for entry in rows for _time in range(2)] if knobs.duplicate_in_list else rows


def without_certificate(found: dict[str, Any], knobs: Knobs) -> dict[str, Any]:
    """A detail as it was before the certificate came."""
    early = {name: value for name, value in found.items() if name != "days_remaining"}
    empty = {"certificate_serial_number": None, "published": None, "expired": None}
    return {**early, **empty, "state": knobs.state_words["waiting"]}


def spoiled(value: Any, knobs: Knobs) -> Any:
    """The value with the members of wrong_type and replace changed, however deep."""
    if not (knobs.wrong_type or knobs.replace):
        return value
    if isinstance(value, list):
        return [spoiled(entry, knobs) for entry in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, member in value.items():
        if name in knobs.replace:
            found[name] = knobs.replace[name]
        elif name in knobs.wrong_type:
            found[name] = _other_type(member)
        else:
            found[name] = spoiled(member, knobs)
    return found


def _other_type(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return list(value)
    return {"value": value} if value is None else str(value)
