# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client is told of the providers: their secrets, made once and kept in secrets.json, and their URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from certfleet_sandbox.files import read_json, write_json
from certfleet_sandbox.revocation import crl_url, ocsp_url
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


def hosts(addresses: dict[str, str], roots: dict[str, Path], http_port: int, tls_port: int) -> dict[str, Any]:
    return {
        name: {"address": address, "root": str(roots[name]), "http_port": http_port, "tls_port": tls_port}
        for name, address in addresses.items()
    }


def revocation(base_url: str, pki: Path, cas: Iterable[str]) -> dict[str, Any]:
    """Who says which certificates are revoked, and the CAs' certificates."""
    return {
        "url": base_url,
        "port": int(base_url.rpartition(":")[2]),
        "ocsp_urls": {ca: ocsp_url(base_url, ca) for ca in cas},
        "crl_urls": {ca: crl_url(base_url, ca) for ca in cas},
        "issuer_paths": {ca: str(pki / f"{ca}.pem") for ca in cas},
    }
