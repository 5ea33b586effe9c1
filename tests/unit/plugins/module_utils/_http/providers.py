# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both providers as the modules use them, in process: one function that makes a credential record or says what failed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core import failure
from ansible_collections.certfleet.reseller.plugins.module_utils._core.provision import CredentialResource
from ansible_collections.certfleet.reseller.plugins.module_utils._identrust.account import IdentrustAccounts
from ansible_collections.certfleet.reseller.plugins.module_utils._sslcom.acme_credential import SslcomCredentials

ACCOUNT_KEY = "canaryAccountKey4711"
SECRET_KEY = "canarySecretKey+/0815=="
API_KEY = "canaryApiKey-9f8e7d6c5b4a"
SECRETS = {"sslcom": (ACCOUNT_KEY, SECRET_KEY), "identrust": (API_KEY,)}
HMAC = "VL0adReIGO1c3XIyLxi6Klj7qNKEGk8INky7GwPkSeg"

SSLCOM: dict[str, Any] = {"response_type": "ok", "eab-kid": "d5a26e9ae1a3", "eab-hmac": HMAC}
IDENTRUST: dict[str, Any] = {
    "id": 1042,
    "kid": "3b9e2c1a-6f0d-4a57-9c1e-2d8f7a6b5c40",
    "resellerCode": "RESELLER1",
    "email": "customer@example.com",
    "revoked": False,
    "deleted": False,
    "hmacKey": HMAC + "=",
}
GOOD = {"sslcom": SSLCOM, "identrust": IDENTRUST}


@dataclass(frozen=True)
class Outcome:
    """`failure`: None, or what the user would see."""

    failure: dict[str, Any] | None
    seconds: float
    record: Path
    error: Exception | None = None

    @property
    def kind(self) -> str:
        return str(self.failure["error"]["kind"]) if self.failure else "ok"

    @property
    def intent(self) -> bool:
        return Path(f"{self.record}.intent").exists()


def params(provider: str, api_url: str, path: Path, **more: Any) -> dict[str, Any]:
    common = {"api_url": api_url, "path": str(path), "timeout": 3, "ca_path": None, "return_hmac": False}
    common["directory_urls"] = ["https://acme.example/directory"]
    if provider == "sslcom":
        own: dict[str, Any] = {"account_key": ACCOUNT_KEY, "secret_key": SECRET_KEY, "description": "customer-0042"}
    else:
        own = {"customer_email": "customer@example.com", "api_key": API_KEY}
        own.update(dict.fromkeys(("access_token", "client_id", "client_secret", "token_url", "audience")))
    return {**common, **own, **more}


def resource(provider: str) -> CredentialResource:
    return CredentialResource(SslcomCredentials() if provider == "sslcom" else IdentrustAccounts())


def create(provider: str, api_url: str, path: Path, **more: Any) -> Outcome:
    """What the engine does, without a process."""
    start = time.monotonic()
    found: dict[str, Any] | None = None
    raised = None
    try:
        made = resource(provider)
        want = made.want(params(provider, api_url, path, **more))
        for step in made.plan(want, made.read(want)).steps:
            made.apply(step)
    except Exception as error:
        found, raised = failure.describe(error), error
    return Outcome(found, time.monotonic() - start, path, raised)
