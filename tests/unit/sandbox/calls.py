# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the simulators: in the process, and over the wire."""

from __future__ import annotations

import json
from typing import Any

import requests
from certfleet_sandbox.web import Request

from tests.support.sandbox import Sandbox

JSON = {"content-type": "application/json"}
CREATE = "/acme/create_credentials"


def post(path: str, value: Any, headers: dict[str, str] | None = None, **changes: Any) -> Request:
    """A POST as a simulator gets it; `changes` replace parts of it."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = {
        "method": "POST",
        "path": path,
        "query": "",
        "headers": {**JSON, **(headers or {})},
        "body": body,
        "client": "-",
    }
    return Request(**{**found, **changes})


def shape(value: dict[str, Any]) -> dict[str, type]:
    return {name: type(member) for name, member in value.items()}


def create_credentials(sandbox: Sandbox, description: str, **options: Any) -> requests.Response:
    access = sandbox.sslcom
    value = {"account_key": access["account_key"], "secret_key": access["secret_key"], "description": description}
    # A connection of its own: a test that cuts one must not meet it again.
    return requests.post(access["api_url"] + CREATE, json=value, verify=sandbox.ca_path, timeout=10, **options)


def create_account(sandbox: Sandbox, email: str, authorization: str | None = None) -> requests.Response:
    headers = {"Authorization": authorization or sandbox.identrust["api_key"]}
    url = sandbox.identrust["api_url"] + "/account"
    return requests.post(url, json={"customer_email": email}, headers=headers, verify=sandbox.ca_path, timeout=10)
