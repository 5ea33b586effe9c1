# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for orders and for certificates share. Documented in ``plugins/doc_fragments/sslmarket_items.py`` and ``sslmarket_files.py``."""

from __future__ import annotations

from typing import Any

from .._core import spec

_CONTACTS: dict[str, Any] = {group: {"type": "dict"} for group in ("owner", "auth", "tech", "invoice")}

# of one certificate
ENTRY: dict[str, Any] = {
    "name": {"type": "str"},
    "product_code": {"type": "str"},
    "domain": {"type": "str"},
    "dns_names": {"type": "list", "elements": "str"},
    "years": {"type": "int"},
    "csr": {"type": "str"},
    "csr_path": {"type": "path"},
    "order_id": {"type": "int"},
    "key_type": {"type": "str", "choices": ["ecdsa", "rsa"]},
    "key_size": {"type": "int", "no_log": False},
    "dv_auth_method": {"type": "str", "choices": ["DNS", "FILE", "Email"]},
    "voucher": {"type": "str", "no_log": True},
    **_CONTACTS,
    "renewal": {"type": "dict"},
}

TARGETS: dict[str, Any] = {
    "path": {"type": "path"},
    "fullchain_path": {"type": "path"},
    "p7b_path": {"type": "path"},
    "serial_number": {"type": "str"},
}

ENTRY_WITH_FILES: dict[str, Any] = {**ENTRY, **TARGETS}

_ALONE = ("name", "domain", "dns_names", "csr", "csr_path", "order_id", "voucher", *TARGETS)


def arguments(of_entry: dict[str, Any]) -> dict[str, Any]:
    """Options of one certificate alone, and of a list of them."""
    entries = {"type": "list", "elements": "dict", "options": of_entry, "mutually_exclusive": [("csr", "csr_path")]}
    return {
        **spec.API,
        **spec.SSLMARKET,
        **of_entry,
        "certificates": entries,
        "sets_path": {"type": "path"},
        "journal_dir": {"type": "path", "required": True},
        "renew_before_days": {"type": "int", "default": 30},
        "remaining_share": {"type": "float", "default": 0.3333},
        "remaining_days": {"type": "int", "aliases": ["reissue_before_days"]},
        "abandoned": {"type": "list", "elements": "int", "default": []},
    }


def together(of_entry: dict[str, Any]) -> dict[str, Any]:
    """What excludes each other."""
    alone = [name for name in _ALONE if name in of_entry]
    return {
        "mutually_exclusive": [("csr", "csr_path")] + [("certificates", name) for name in alone],
        "required_one_of": [("certificates", "domain", "csr", "csr_path", "order_id")],
    }
