# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store tells the database again and again. Built once: building a statement takes longer than running it."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from certfleet_hook import tables
from certfleet_hook.state import OPEN

SWEPT_AT_ONCE = 500
_PLACE = (tables.reservations.c.key == bindparam("at_key")) & (
    tables.reservations.c.generation == bindparam("at_generation")
)
_ACCOUNT = (tables.accounts.c.customer == bindparam("at_customer")) & (tables.accounts.c.unit == bindparam("at_unit"))
HEAD = select(tables.head.c.sequence, tables.head.c.digest).with_for_update()
MOVE_HEAD = update(tables.head).where(tables.head.c.id == 1).values(sequence=bindparam("new"), digest=bindparam("line"))
DUE = (
    select(tables.reservations)
    .where(tables.reservations.c.state == OPEN, tables.reservations.c.expires <= bindparam("now"))
    .order_by(tables.reservations.c.expires)
    .limit(SWEPT_AT_ONCE)
)
RESERVATIONS = select(tables.reservations).where(tables.reservations.c.key.in_(bindparam("keys", expanding=True)))
REFUSAL = select(tables.refusals).where(tables.refusals.c.key == bindparam("at_key"))
ACCOUNTS = select(tables.accounts).where(
    tuple_(tables.accounts.c.customer, tables.accounts.c.unit).in_(bindparam("places", expanding=True))
)
CHANGE = update(tables.reservations).where(_PLACE).values(state=bindparam("new_state"))
FORGET_REFUSALS = delete(tables.refusals).where(
    (tables.refusals.c.key == bindparam("at_key")) | (tables.refusals.c.at <= bindparam("before"))
)
CHANGE_ACCOUNT = (
    update(tables.accounts).where(_ACCOUNT).values({each.name: bindparam(each.name) for each in tables.accounts.c})
)
INSERT = {name: insert(table) for name, table in tables.metadata.tables.items()}
