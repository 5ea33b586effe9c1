# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IdenTrust CMS reseller API: accounts, each with ``kid`` and ``hmacKey`` for its ACME service (``POST /account``).

https://docs-cms-pte.identrust.com/acme-integration shows the call, https://docs-cms-pte.identrust.com/authentication the ways to sign in. What a
second call for the same e-mail gets is not documented; that there is one account per e-mail is. So a call without a known outcome is asked
again, and a refusal then says what happened before. The key may never be shown again: it is on disk before anything else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._core import eab
from .._core.clock import SYSTEM, iso
from .._core.credential import Record
from .._core.errors import InvalidData, ProtocolError, ProviderError, UsageError
from .._core.provision import Want
from .._core.secret import Secret
from .access import Access

if TYPE_CHECKING:
    from .._http.client import ApiClient

_EMAIL = re.compile(r"[^@\s<>\"\\,;]{1,64}@[^@\s<>\"\\,;]{1,255}")


class IdentrustAccounts:
    name = "identrust"
    noun = "account"
    result = "account"
    repeatable = False

    def want(self, params: dict[str, Any]) -> Want:
        email = params["customer_email"].strip()
        if not _EMAIL.fullmatch(email):
            raise UsageError(
                "customer_email %r is not an e-mail address" % email[:300], hint='Write it like "tls@example.com".'
            )
        return Want(
            identity=email,
            api_url=params["api_url"].rstrip("/"),
            path=params["path"],
            directory_urls=tuple(params["directory_urls"]),
            return_hmac=params["return_hmac"],
            access=Access.from_params(params),
        )

    def check_access(self, want: Want) -> None:
        want.access.check(want.api_url)

    def sign_in(self, want: Want) -> ApiClient:
        from .._http.client import ApiClient

        access: Access = want.access
        headers = {"Authorization": access.authorization()}
        return ApiClient(want.api_url, access.session("api_url"), headers, timeout=access.timeout, keys=access.keys)

    def ask(self, client: ApiClient, want: Want, interrupted: str | None) -> Record:
        try:
            answer = client.post("/account", {"customer_email": want.identity})
        except ProviderError as error:
            if interrupted and error.kind == "provider":
                error.hint = (
                    "A run that was cut off (%s) had asked for this account; if it exists now, its key is lost: have IdenTrust "
                    "delete the account or tell you kid and key, then remove %s.intent." % (interrupted, want.path)
                )
            elif error.status == 409:
                error.hint = (
                    "If the account exists, have IdenTrust delete it or tell you kid and key: they are shown once."
                )
            raise
        account, kid, hmac_key = read_answer(answer, want.identity)
        return Record(
            provider=self.name,
            identity=want.identity,
            api_url=want.api_url,
            kid=kid,
            hmac_key=hmac_key,
            directory_urls=want.directory_urls,
            created=iso(SYSTEM.now()),
            account=account,
        )

    def show(self, record: Record) -> dict[str, Any]:
        return dict(record.account)


def read_answer(answer: Any, email: str) -> tuple[dict[str, Any], str, Secret]:
    """``{id, kid, resellerCode, email, revoked, deleted, hmacKey}`` -> (what may be shown, kid, key).

    Numbers and booleans may come as strings. A revoked or deleted account is refused: its key would only fail later.
    """
    if not isinstance(answer, dict) or not answer.get("kid"):
        raise ProtocolError("IdenTrust answered without an account")
    flags = {flag: _boolean(answer.get(flag, False), flag) for flag in ("revoked", "deleted")}
    for flag, is_set in flags.items():
        if is_set:
            raise ProviderError(
                "the account of %s at IdenTrust is %s" % (email, flag),
                hint="Ask IdenTrust to restore it, or use another customer_email: nothing can be ordered with this one.",
                code=flag,
            )
    if str(answer.get("email") or email).lower() != email.lower():
        raise ProtocolError("IdenTrust answered with the account of another e-mail address")
    try:
        kid, hmac_key = eab.kid(answer["kid"]), eab.hmac_key(answer.get("hmacKey"))
    except InvalidData as error:
        raise ProtocolError("IdenTrust sent an account that cannot be used", detail=error.message) from None
    shown = {
        "id": _number(answer.get("id")),
        "reseller_code": _text(answer.get("resellerCode")),
        "email": email,
        **flags,
    }
    return shown, kid, hmac_key


def _boolean(value: Any, name: str) -> bool:
    words = {True: True, False: False, None: False, "true": True, "false": False}
    try:
        return words[value.lower() if isinstance(value, str) else value]
    except (KeyError, TypeError):
        raise ProtocolError("IdenTrust sent a value for %r that is neither true nor false" % name) from None


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value) else None


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) else None
