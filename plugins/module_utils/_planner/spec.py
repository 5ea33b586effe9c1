# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of ``certificate_plan``."""

from __future__ import annotations

from typing import Any

_CERTIFICATE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "issuer": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str"},
    "renewal": {"type": "dict"},
}
_ISSUER: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "public": {"type": "bool", "default": True},
    "lifetime_days": {"type": "int"},
    "renewal": {"type": "dict"},
}
_OUTAGE: dict[str, Any] = {
    "issuer": {"type": "str", "required": True},
    "start": {"type": "str", "required": True},
    "days": {"type": "float", "required": True},
}

PLAN: dict[str, Any] = {
    "certificates": {"type": "list", "elements": "dict", "required": True, "options": _CERTIFICATE},
    "issuers": {"type": "list", "elements": "dict", "required": True, "options": _ISSUER},
    "sets_path": {"type": "path"},
    "start": {"type": "str"},
    "end": {"type": "str"},
    "interval": {"type": "str", "default": "1d"},
    "outages": {"type": "list", "elements": "dict", "default": [], "options": _OUTAGE},
    "hosts_down": {"type": "float", "default": 0.0},
    "hosts_down_days": {"type": "int", "default": 1},
    "seed": {"type": "int", "default": 1},
    "advice": {"type": "bool", "default": True},
}
