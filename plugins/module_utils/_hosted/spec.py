# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``host_renewal``, for the module and for its action plugin."""

from __future__ import annotations

from typing import Any

JOB: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "file_name": {"type": "str", "required": True},
    "issuer": {"type": "str", "required": True},
    "client": {"type": "str"},
    "account": {"type": "str"},
    "interval": {"type": "str", "default": "12h"},
    "account_key_path": {"type": "path", "no_log": False},
    "ca_path": {"type": "path"},
    "job": {"type": "dict", "required": True},
}

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "jobs": {"type": "list", "elements": "dict", "required": True, "options": JOB},
    "dns_settings": {"type": "dict", "no_log": True},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "timers": {"type": "str", "choices": ["systemd", "cron"], "default": "systemd"},
    "unit_path": {"type": "path", "default": "/etc/systemd/system"},
    "cron_path": {"type": "path", "default": "/etc/cron.d"},
    "files": {"type": "dict", "no_log": True},
}
