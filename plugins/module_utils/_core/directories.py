# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the URL of an ACME directory says (pure)."""

from __future__ import annotations

import re

# SSL.com's directories issue for one type of key each: .../sslcom-dv-rsa and .../sslcom-dv-ecc.
_FIXED_KEY_TYPE = re.compile(r"/sslcom-[a-z0-9-]*-(rsa|ecc)(/directory)?/?$")


def fixed_key_type(directory_url: str | None) -> str | None:
    """The type of key that a directory issues for, where its URL says so."""
    match = _FIXED_KEY_TYPE.search(directory_url or "")
    return {"rsa": "rsa", "ecc": "ecdsa"}[match.group(1)] if match else None
