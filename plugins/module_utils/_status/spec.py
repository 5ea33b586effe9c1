# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suboptions of ``certificate_status``."""

from __future__ import annotations

from typing import Any

from .._tls.starttls import PROTOCOLS

ENDPOINT: dict[str, Any] = {
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "server_name": {"type": "str"},
    "starttls": {"type": "str", "choices": list(PROTOCOLS)},
    "host": {"type": "str"},
}
WATCHED: dict[str, Any] = {**ENDPOINT, "name": {"type": "str"}}
CERTIFICATE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "domains": {"type": "list", "elements": "str"},
    "issuer": {"type": "str"},
    "provider": {"type": "str"},
    "hosts": {"type": "list", "elements": "str"},
    "client": {"type": "str"},
    "renewal": {"type": "dict"},
    "endpoints": {"type": "list", "elements": "dict", "default": [], "options": ENDPOINT},
}
