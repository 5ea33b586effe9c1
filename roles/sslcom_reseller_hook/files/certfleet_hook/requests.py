# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSL.com's two requests as data.

The documentation's samples are not JSON, and leave open whether a duration is text or a number and what else comes along. So
unknown keys are ignored and both spellings taken; what decides about money or names has to be there and make sense.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from certfleet_hook import names, strict

encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
LONGEST_TEXT = 200
LONGEST_DAYS = 3650
MOST_NAMES = 250
PRINTABLE = re.compile(r"[\x21-\x7e]+")
DAYS = re.compile(r"[ ]*([0-9]{1,5})[ ]*", re.ASCII)
# Ruby writes a date with blanks before its offset, and UTC in words
RUBY_OFFSET = re.compile(r"[ ]*(UTC|[+-][0-9]{2}:?[0-9]{2})\Z")


class BadRequest(ValueError):
    """A request that cannot be decided upon. The text is for the end customer, and holds nothing of the request."""


@dataclass(frozen=True)
class Authorization:
    """``product`` as it was sent; ``duration`` in days; ``names`` normalised, sorted, without duplicates."""

    kid: str
    product: str
    duration: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Delivery:
    """``names`` and the dates are None where the request has none: the certificate itself is what counts."""

    kid: str
    product: str
    duration: int | None
    names: tuple[str, ...] | None
    chain: str
    not_before: datetime | None
    not_after: datetime | None


@lru_cache(1024)  # looked up when it is searched, decided and stored
def reservation_key(kid: str, product: str, duration: int, name_list: tuple[str, ...]) -> str:
    """What makes two authorizations the same one: the request has no order id, nonce or time."""
    text = encode([kid, product, duration, sorted(name_list)])
    return hashlib.sha256(text.encode()).hexdigest()


def authorization(body: bytes) -> Authorization:
    data = _object(body)
    return Authorization(
        _text(data, "kid"), _text(data, "product"), _duration(data.get("duration")), _names(data.get("identifiers"))
    )


def delivery(body: bytes) -> Delivery:
    data = _object(body)
    cert = data.get("cert")
    if not isinstance(cert, dict) or not isinstance(cert.get("body"), str):
        raise BadRequest("The request has no certificate.")
    return Delivery(
        kid=_text(data, "kid"),
        product=_text(data, "product"),
        duration=None if data.get("duration") is None else _duration(data["duration"]),
        names=None if data.get("identifiers") is None else _names(data["identifiers"]),
        chain=cert["body"],
        not_before=_date(cert.get("not_before")),
        not_after=_date(cert.get("not_after")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = strict.parse(body)
    except strict.BadJson as error:
        raise BadRequest(f"The request cannot be read: {error}.") from None
    if not isinstance(data, dict):
        raise BadRequest("The request is not a JSON object.")
    return data


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not PRINTABLE.fullmatch(value):
        raise BadRequest(f"The request has no valid {key}.")
    return value


def _duration(value: Any) -> int:
    """Days from 365, 365.0 or "365"."""
    found = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    elif isinstance(value, str) and (match := DAYS.fullmatch(value)):
        found = int(match[1])
    if found is None or not 1 <= found <= LONGEST_DAYS:
        raise BadRequest("The request has no valid duration.")
    return found


def _names(identifiers: Any) -> tuple[str, ...]:
    listed = identifiers.get("dns") if isinstance(identifiers, dict) else None
    listed = [listed] if isinstance(listed, str) else listed
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_NAMES:
        raise BadRequest("The request has no valid list of names.")
    # identifiers of other kinds would be issued without having been looked at
    if any(value for key, value in identifiers.items() if key != "dns"):
        raise BadRequest("Only DNS names can be authorized.")
    try:
        return tuple(sorted({names.normalise(each) for each in listed}))
    except (AttributeError, ValueError):
        raise BadRequest("The request has a name that is not a DNS name.") from None


def _date(value: Any) -> datetime | None:
    """A date with or without an offset (then UTC); None for none."""
    if value is None:
        return None
    try:
        text = RUBY_OFFSET.sub(lambda match: "+00:00" if match[1] == "UTC" else match[1], value.strip())
        found = datetime.fromisoformat(text)
    except (AttributeError, ValueError):
        raise BadRequest("The request has a date that cannot be read.") from None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise BadRequest("The request has a date that cannot be read.") from None
