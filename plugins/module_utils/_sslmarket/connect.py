# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options to what all items of a call share."""

from __future__ import annotations

from typing import Any

from .._core.clock import Clock
from .._core.errors import UsageError
from .._core.secret import Secret
from .._sets.store import SetStore
from .api import Api
from .journal import Journal
from .lookup import Account

_LATEST, _EARLIEST = 1, 120


def account(params: dict[str, Any], clock: Clock) -> Account:
    days = params["renew_before_days"]
    if not _LATEST <= days <= _EARLIEST:
        raise UsageError("renew_before_days is %d, not within %d and %d" % (days, _LATEST, _EARLIEST))
    api_url = params["api_url"].rstrip("/")
    token = params["api_token"]
    if not token:
        raise UsageError(
            "api_token is missing",
            hint="Give it, or set SSLMARKET_API_TOKEN; it is made in the settings of the customer account.",
        )
    return Account(
        Api(api_url, Secret(token), params["timeout"], params["ca_path"]),
        Journal(params["journal_dir"], api_url, clock),
        clock,
        days,
        tuple(params["abandoned"] or ()),
    )


def store(params: dict[str, Any]) -> SetStore | None:
    return SetStore(params["sets_path"]) if params["sets_path"] else None
