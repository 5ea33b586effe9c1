# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose order is it? (pure)

SSLmarket takes no reference of ours with an order, but gives its CSR back: the public key in it is how an order is recognised.
"""

from __future__ import annotations

from datetime import datetime
from typing import Iterable, Sequence

from . import term
from .model import Detail, Row


def twins(names: Iterable[str]) -> set[str]:
    """What CAs give away with a name: ``www.`` to a domain, the domain to its ``www.`` and to its wildcard."""
    plain = [name for name in names if not name.startswith("*.")]
    found = {name[4:] if name.startswith("www.") else "www." + name for name in plain}
    return (found | {name[2:] for name in names if name.startswith("*.")}) - set(names)


def for_names(row: Row, names: Sequence[str]) -> bool:
    """Whether an order is for these names; it may show what the CA gives away with them."""
    return set(names) <= set(row.names) and set(row.names) - set(names) <= twins(names)


def same_subject(rows: Iterable[Row], product_code: str, names: Sequence[str]) -> list[Row]:
    """The orders of a product for these names, newest first; each of them once, whatever the list repeats."""
    code = product_code.lower()
    found = {row.order_id: row for row in rows if row.product_code.lower() == code and for_names(row, names)}
    return [found[order_id] for order_id in sorted(found, reverse=True)]


def alive(rows: Iterable[Row], now: datetime, abandoned: Iterable[int] = ()) -> list[Row]:
    """Orders whose paid term is not over. What their state says does not matter: its words are not documented."""
    gone = set(abandoned)
    return [row for row in rows if row.order_id not in gone and not term.over(row, now)]


def by_key(details: Iterable[Detail], keys: Iterable[str], serial: str | None = None) -> list[Detail]:
    """The orders for one of our keys, or with the certificate that we have."""
    ours = set(keys)
    return [
        detail for detail in details if detail.public_key in ours or (serial is not None and detail.serial == serial)
    ]


def duplicates(
    rows: Sequence[Row], ours: Iterable[int], now: datetime, renew_before_days: int, abandoned: Iterable[int] = ()
) -> list[int]:
    """Ids of other orders that are paid for the same time as ours; an order and its renewal overlap, and are none.

    ``rows``: those of the subject. ``ours``: all ids in the journal.
    """
    known = set(ours)
    found = [row for row in alive(rows, now, abandoned) if not term.renewable(row, now, renew_before_days)]
    return sorted(row.order_id for row in found if row.order_id not in known)
