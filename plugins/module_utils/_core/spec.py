# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option groups that several modules share. Each has its documentation in ``plugins/doc_fragments``."""

from __future__ import annotations

from typing import Any

# doc_fragments/api.py
API: dict[str, Any] = {
    "timeout": {"type": "int", "default": 30},
    "ca_path": {"type": "path"},
}

# doc_fragments/credential.py
CREDENTIAL: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "return_hmac": {"type": "bool", "default": False},
}


def secret(environment: str | None = None) -> dict[str, Any]:
    """A secret text, also taken from an environment variable where one is named."""
    from ansible.module_utils.basic import env_fallback

    option: dict[str, Any] = {"type": "str", "no_log": True}
    if environment:
        option["fallback"] = (env_fallback, [environment])
    return option


# doc_fragments/certificates.py
CERTIFICATES: dict[str, Any] = {
    "sets_path": {"type": "path", "required": True},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "domains": {"type": "list", "elements": "str", "required": True},
            "key_type": {"type": "str", "choices": ["ecdsa", "rsa"]},
            "key_size": {"type": "int", "no_log": False},
            "challenge": {"type": "str", "choices": ["http-01", "dns-01"], "default": "http-01"},
            "profile": {"type": "str"},
            "preferred_chain": {"type": "str"},
            "renewal": {"type": "dict"},
        },
    },
    "remaining_share": {"type": "float", "default": 0.3333},
    "remaining_days": {"type": "int"},
    "renewal": {"type": "dict"},
}

# doc_fragments/acme.py
ACME: dict[str, Any] = {
    "directory_url": {"type": "str", "required": True},
    "account_key_path": {"type": "path", "required": True},
}

# doc_fragments/acme.py, section WORKERS
WORKERS: dict[str, Any] = {"workers": {"type": "int", "default": 10}}


# doc_fragments/sslmarket.py
SSLMARKET: dict[str, Any] = {
    "api_url": {"type": "str", "default": "https://www.sslmarket.co.uk/api"},
    "api_token": secret("SSLMARKET_API_TOKEN"),
}
