# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME resources (RFC 8555 section 7.1) as frozen data, read strictly where it matters and tolerantly elsewhere (pure).

States are open strings: one that we do not know is "not yet", never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .._core.errors import InvalidData, clean

HTTP01 = "http-01"
DNS01 = "dns-01"

PENDING, PROCESSING, READY, VALID, INVALID = "pending", "processing", "ready", "valid", "invalid"
VERDICTS = (VALID, INVALID, "deactivated", "expired", "revoked")  # of an authorization

# base64url (RFC 8555 section 8); anything else could be a path or a command somewhere (CVE-2026-40611 of lego).
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Order:
    url: str
    status: str
    expires: str | None
    names: tuple[str, ...]
    authorizations: tuple[str, ...]
    finalize: str
    certificate: str | None
    problem: str | None


@dataclass(frozen=True)
class Challenge:
    type: str
    url: str
    status: str
    token: str
    problem: str | None


@dataclass(frozen=True)
class Authorization:
    url: str
    domain: str  # without the "*." of a wildcard
    status: str
    challenges: tuple[Challenge, ...]

    def challenge(self, kind: str) -> Challenge | None:
        return next((challenge for challenge in self.challenges if challenge.type == kind), None)


def order(url: str, value: Any) -> Order:
    body = _object(value, "order")
    return Order(
        url=url,
        status=_text(body, "status"),
        expires=_optional(body, "expires"),
        names=tuple(_text(_object(item, "identifier"), "value").lower() for item in _list(body, "identifiers")),
        authorizations=tuple(str(item) for item in _list(body, "authorizations")),
        finalize=_text(body, "finalize"),
        certificate=_optional(body, "certificate"),
        problem=problem(body.get("error")),
    )


def authorization(url: str, value: Any) -> Authorization:
    body = _object(value, "authorization")
    return Authorization(
        url=url,
        domain=_text(_object(body.get("identifier"), "identifier"), "value").lower(),
        status=_text(body, "status"),
        challenges=tuple(
            _challenge(item)
            for item in _list(body, "challenges")
            if isinstance(item, dict) and item.get("type") in (HTTP01, DNS01)
        ),
    )


def _challenge(body: dict[str, Any]) -> Challenge:
    token = _text(body, "token")
    if not _TOKEN.fullmatch(token):
        raise InvalidData("the ACME server sent a challenge token that is not base64url")
    return Challenge(
        type=_text(body, "type"),
        url=_text(body, "url"),
        status=_text(body, "status"),
        token=token,
        problem=problem(body.get("error")),
    )


def problem(value: Any) -> str | None:
    """A problem document (RFC 7807) and its subproblems in one line."""
    if not isinstance(value, dict):
        return None
    word = str(value.get("type", "about:blank")).rpartition(":")[2]  # about:blank (RFC 7807 section 4.2) says nothing
    text = value.get("detail") or value.get("title") or "no reason given"
    parts = [clean(text if word == "blank" else "%s: %s" % (word, text))]
    subproblems = value.get("subproblems")
    for item in subproblems[:10] if isinstance(subproblems, list) else ():
        name = (
            item.get("identifier", {}).get("value", "")
            if isinstance(item, dict) and isinstance(item.get("identifier"), dict)
            else ""
        )
        parts.append(clean("%s %s" % (name, problem(item) or "")).strip())
    return "; ".join(parts)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidData("the ACME server sent an %s that is not an object" % what)
    return value


def _text(body: dict[str, Any], member: str) -> str:
    value = body.get(member)
    if not isinstance(value, str) or not value:
        raise InvalidData("the ACME server sent a resource without %r" % member)
    return value


def _optional(body: dict[str, Any], member: str) -> str | None:
    value = body.get(member)
    return value if isinstance(value, str) and value else None


def _list(body: dict[str, Any], member: str) -> list[Any]:
    value = body.get(member)
    if not isinstance(value, list) or len(value) > 1000:
        raise InvalidData("the ACME server sent a resource without a usable %r" % member)
    return value
