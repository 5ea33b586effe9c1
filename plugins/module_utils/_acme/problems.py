# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ``acme`` library raises, as errors of ours that say what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping

from .._core.clock import SYSTEM, iso
from .._core.errors import (
    AuthError,
    CollectionError,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
)
from .._http.retry import retry_after
from .model import problem

_HINTS = {
    "externalAccountRequired": "Give eab_path: the credential record of the customer at this provider.",
    "caa": "Add the CA's identity (%s) to the domain's CAA records.",
    "badCSR": "SSL.com answers so when the account has no contact e-mail; other CAs when the key is too small.",
    "accountDoesNotExist": "Move the account's key and .json in the state directory away: then a new account is registered.",
    "rejectedIdentifier": "This CA does not issue for this name: correct domains, or take another issuer.",
    "unsupportedContact": "Give contact as e-mail addresses.",
    "invalidContact": "Give contact as e-mail addresses that exist.",
    "userActionRequired": "Read and accept the CA's new terms at the address it names.",
    "dns": "Check the domain's name servers and DNSSEC.",
    "connection": "Let the CA reach the host on port 80 (http-01).",
    "unauthorized": "Check that the name leads to where the challenge is, and that the account may order this: contract and funds.",
}


def translate(error: Exception, status: int, headers: Mapping[str, str], caa: tuple[str, ...] = ()) -> CollectionError:
    """``status`` and ``headers``: those of the last answer. ``caa``: the CA's identities from its directory."""
    from acme import errors, messages

    if isinstance(error, CollectionError):
        return error
    if isinstance(error, messages.Error):
        return _from_problem(error.to_json(), status, headers, caa)
    if isinstance(error, errors.ConflictError):
        return ProviderError("the ACME server sees a conflict", status=409, code="conflict")
    if isinstance(error, errors.ClientError):
        return _trouble(status, headers, None) or ProtocolError("the ACME server's answer is not ACME", status=status)
    return _trouble(status, headers, None) or ProtocolError(
        "the ACME server's answer cannot be read (%s)" % type(error).__name__, status=status or None
    )


def rate_limited(headers: Mapping[str, str], detail: str | None) -> RateLimited:
    now = SYSTEM.now()
    seconds = retry_after(headers.get("Retry-After"), now)
    retry_at = iso(now + timedelta(seconds=min(seconds, 366 * 86400.0))) if seconds is not None else None
    return RateLimited(
        "the ACME server limits the rate of requests",
        hint="Run again %s: what was ordered is kept." % ("after " + retry_at if retry_at else "later"),
        status=429,
        code="rateLimited",
        detail=detail,
        retry_at=retry_at,
    )


def _trouble(status: int, headers: Mapping[str, str], detail: str | None) -> CollectionError | None:
    """What a status means whatever the body says: gateways in front of ACME servers answer in JSON of their own."""
    if status == 429:
        return rate_limited(headers, detail)
    if status >= 500 or status == 408:
        return OutcomeUnknown(
            "the ACME server has trouble (status %d)" % status, hint="Run again.", status=status, detail=detail
        )
    return None


def _from_problem(body: Any, status: int, headers: Mapping[str, str], caa: tuple[str, ...]) -> CollectionError:
    kind = str(body.get("type", "")) if isinstance(body, dict) else ""
    word = kind.rpartition(":")[2] if kind != "about:blank" else ""
    text = problem(body)
    if word == "rateLimited":
        return rate_limited(headers, text)
    hint = _HINTS.get(word)
    if word == "caa" and hint:
        hint = hint % (", ".join(caa) or "see its documentation")
    if word == "serverInternal":
        return OutcomeUnknown("the ACME server has trouble", hint="Run again.", status=status, code=word, detail=text)
    if word == "badNonce":  # and nothing was done
        return NotSent(
            "the ACME server refuses every nonce it hands out", hint="Run again.", status=status, code=word, detail=text
        )
    trouble = _trouble(status, headers, text)
    if trouble is not None:
        return trouble
    refusal = AuthError if word in ("unauthorized", "externalAccountRequired", "accountDoesNotExist") else ProviderError
    return refusal("the ACME server refused", hint=hint, status=status, code=word or None, detail=text)
