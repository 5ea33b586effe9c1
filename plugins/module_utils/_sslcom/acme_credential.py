# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com SWS API: ACME EAB credentials (``POST /acme/create_credentials``).

The call is idempotent by ``description``: the same description returns the first credential again. So the description is the
identity of a customer, and a rotation needs a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._core import eab
from .._core.clock import SYSTEM, iso
from .._core.credential import Record
from .._core.errors import InvalidData, ProtocolError, UsageError
from .._core.provision import Want
from .._core.secret import Secret, box

if TYPE_CHECKING:
    from .._http.client import ApiClient


@dataclass(frozen=True)
class Access:
    account_key: Secret | None
    secret_key: Secret | None
    timeout: float
    ca_path: str | None


class SslcomCredentials:
    name = "sslcom"
    noun = "EAB credential"
    result = "credential"
    repeatable = True

    def want(self, params: dict[str, Any]) -> Want:
        description = params["description"].strip()
        if not description or len(description) > 255:
            raise UsageError(
                "description has %d characters, not 1 to 255" % len(description),
                hint="Give the name that the customer shall have at SSL.com.",
            )
        return Want(
            identity=description,
            api_url=params["api_url"].rstrip("/"),
            path=params["path"],
            directory_urls=tuple(params["directory_urls"]),
            return_hmac=params["return_hmac"],
            access=Access(box(params["account_key"]), box(params["secret_key"]), params["timeout"], params["ca_path"]),
        )

    def check_access(self, want: Want) -> None:
        from .._http.urls import check_url

        check_url(want.api_url, "api_url")
        for option in ("account_key", "secret_key"):
            if getattr(want.access, option) is None:
                raise UsageError(
                    "%s is missing" % option,
                    hint="Give it, or set SSLCOM_%s; SSL.com shows it to users with the role account_admin."
                    % option.upper(),
                )

    def sign_in(self, want: Want) -> ApiClient:
        """Nothing to send: the keys travel with the call."""
        from .._http.client import ApiClient
        from .._http.session import Session

        access: Access = want.access
        session = Session(access.timeout, access.ca_path, option="api_url")
        return ApiClient(
            want.api_url, session, refused=refused, timeout=access.timeout, keys="account_key and secret_key"
        )

    def ask(self, client: ApiClient, want: Want, interrupted: str | None) -> Record:
        access: Access = want.access
        answer = client.post(
            "/acme/create_credentials",
            {"account_key": access.account_key, "secret_key": access.secret_key, "description": want.identity},
        )
        kid, hmac_key = read_answer(answer)
        return Record(
            provider=self.name,
            identity=want.identity,
            api_url=want.api_url,
            kid=kid,
            hmac_key=hmac_key,
            directory_urls=want.directory_urls,
            created=iso(SYSTEM.now()),
        )

    def show(self, record: Record) -> dict[str, Any]:
        return {"description": record.identity}


def refused(answer: Any) -> bool:
    """Failure is any answer that lacks one of the two values, and one that has errors beside them.

    Errors of this call are not documented; elsewhere SWS answers with an ``errors`` member, with status 200 too.
    """
    if not isinstance(answer, dict) or answer.get("errors"):
        return True
    return not answer.get("eab-kid") or not answer.get("eab-hmac")


def read_answer(answer: dict[str, Any]) -> tuple[str, Secret]:
    """``{"response_type": "ok", "eab-kid": ..., "eab-hmac": ...}``"""
    try:
        return eab.kid(answer["eab-kid"]), eab.hmac_key(answer["eab-hmac"])
    except InvalidData as error:
        raise ProtocolError("SSL.com sent a credential that cannot be used", detail=error.message) from None
