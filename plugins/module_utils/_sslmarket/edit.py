# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an open order and the options differ in, and what to send about it (pure).

Comparable is what the provider gives back: the CSR, the method of validation, and the contacts but those of the invoice
(``PUT /order/order_id/{ID}`` takes them all).
"""

from __future__ import annotations

from typing import Any, Mapping

from .contacts import body as contact_members
from .items import Item, Present
from .model import Detail

_READABLE = ("owner", "auth", "tech")


def differences(item: Item, present: Present, order: Detail) -> dict[str, tuple[str, str]]:
    """Field -> (there, wanted). A field that the provider does not show is not compared."""
    found: dict[str, tuple[str, str]] = {}
    if present.key is not None and order.public_key is not None and present.key != order.public_key:
        found["csr"] = ("key %s" % order.public_key[:16], "key %s" % present.key[:16])
    method = order.dv_auth_method
    if method is not None and method.lower() != item.dv_auth_method.lower():
        found["dv_auth_method"] = (method, item.dv_auth_method)
    for group in _READABLE:
        shown = order.contacts.get(group) or {}
        for name, value in item.contacts.get(group, {}).items():
            there = shown.get(name)
            if there is not None and _plain(there) != _plain(value):
                found["%s_%s" % (group, name)] = (there, value)
    return found


def body(item: Item, present: Present, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The whole group of a contact that differs; the invoice's goes with any of them, for it cannot be compared."""
    sent: dict[str, Any] = {}
    if "csr" in fields and present.csr is not None:
        sent["csr"] = present.csr.decode("ascii")
    if "dv_auth_method" in fields:
        sent["dv_auth_method"] = item.dv_auth_method
    groups = [group for group in _READABLE if any(name.startswith(group + "_") for name in fields)]
    if item.contacts.get("invoice"):
        groups.append("invoice")
    sent.update(contact_members({group: item.contacts[group] for group in groups}))
    return sent


def _plain(text: object) -> str:
    return " ".join(str(text).split()).lower()
