# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client is told of the providers: their secrets, made once and kept in secrets.json, and their URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from certfleet_sandbox.files import read_json, write_json
from certfleet_sandbox.sslmarket.service import BASE

Secrets = dict[str, dict[str, str]]


def _made() -> Secrets:
    return {
        "sslcom": {"account_key": secrets.token_hex(8), "secret_key": secrets.token_urlsafe(24)},
        "identrust": {
            "api_key": secrets.token_urlsafe(32),
            "client_id": secrets.token_urlsafe(16),
            "client_secret": secrets.token_urlsafe(32),
            "audience": "https://reseller.sandbox.test/reseller",
        },
        "sslmarket": {"api_token": secrets.token_hex(32)},
    }


def secrets_of(state: Path) -> Secrets:
    path = state / "secrets.json"
    found: Secrets = read_json(path, {})
    made = {**_made(), **found}
    if made != found:
        write_json(path, made)
    return made


def providers(url: Callable[[str], str], known: Secrets, directories: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The members of endpoints.json that are named like the providers."""

    def urls(provider: str) -> dict[str, str]:
        return {name: url(f"acme-{provider}") + path for name, path in directories[provider].items()}

    return {
        "sslcom": {"api_url": url("sslcom"), **known["sslcom"], "directory_urls": urls("sslcom")},
        "identrust": {
            "api_url": url("identrust"),
            "token_url": url("identrust") + "/oauth/token",
            **known["identrust"],
            "directory_urls": urls("identrust"),
        },
        "sslmarket": {"api_url": url("sslmarket") + BASE, **known["sslmarket"]},
    }
