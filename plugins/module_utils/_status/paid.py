# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal of orders knows of a certificate. Reads alone; a journal that cannot be read is no reason to report nothing."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Mapping

from .._core.errors import CollectionError
from .._sslmarket.journal import Journal, Purchase
from . import due


def term_end(journal_path: str | None, issuer: str | None, meta: Mapping[str, Any]) -> datetime | None:
    """Until when the certificate's reissues are paid for."""
    return due.term_end(meta, _purchases(journal_path, issuer, meta))


def _purchases(journal_path: str | None, issuer: str | None, meta: Mapping[str, Any]) -> list[Purchase]:
    product, names, api_url = meta.get("profile"), meta.get("names"), meta.get("api_url")
    if not journal_path or not issuer or not isinstance(product, str) or not isinstance(api_url, str):
        return []
    if not isinstance(names, list) or not names:
        return []
    added = meta.get("extra_names")
    wanted = [name for name in names if name not in (added if isinstance(added, list) else ())]
    try:
        return Journal(os.path.join(journal_path, issuer), api_url).purchases(product, wanted or names)
    except (CollectionError, OSError):
        return []
