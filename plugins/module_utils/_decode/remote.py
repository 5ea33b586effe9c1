# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's decoders: their answers with the keys of ours. ``None``: the API says nothing about it.

What the documentation leaves open is read in every form: ``alghoritm`` is a word for requests and a number for certificates, and the times of
a certificate have no zone.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timezone
from typing import Any, Callable, Mapping

from .._core.errors import AuthError, CollectionError, InvalidData, RateLimited, TransportError
from .._sslmarket.api import Api
from .._sslmarket.model import moment, number
from . import certificate
from .keys import PrivateKey, armour, public_key
from .notes import Notes
from .shape import CERTIFICATE, REQUEST
from .words import OWNER

_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
_PREFIX = re.compile(r"(?:DNS|IP(?: Address)?):", re.IGNORECASE)
_HEX = re.compile(r"-?[0-9a-f]{1,80}", re.IGNORECASE)
_DECIMAL = re.compile(r"-?[0-9]{1,80}")
_LONGEST_KEY = 20 * 1000


def connect(params: Mapping[str, Any]) -> Api:
    return Api.from_params(params)


class Remote:
    """Asks for one at a time. What surely meets all the others too, such as a wrong token, ends the asking."""

    def __init__(self, api: Api, at: datetime, private: PrivateKey | None = None) -> None:
        self._api = api
        self._at = at
        self._private = private
        self._over: CollectionError | None = None

    def certificate(self, der: bytes) -> dict[str, Any]:
        answer = self._ask(self._api.decode_certificate, armour(der, "CERTIFICATE"))
        notes = Notes()
        shown = {
            **dict.fromkeys(CERTIFICATE),
            "decoder": "sslmarket",
            "owner": _owner(_members(answer.get("owner")), notes, {name: name for name in OWNER.values()}),
            "sans": _sans(answer.get("sans"), notes),
            **_key(answer, notes, self._private),
            **_serial(answer, notes),
            **_validity(answer, self._at, notes),
        }
        return {**shown, "problems": notes.problems}

    def request(self, der: bytes) -> dict[str, Any]:
        answer = self._ask(self._api.decode_csr, armour(der, "CERTIFICATE REQUEST"))
        notes = Notes()
        subject = _members(answer.get("subject"))
        parts = [{"name": notes.text(name), "value": _text(value, notes)} for name, value in subject.items()]
        shown = {
            **dict.fromkeys(REQUEST),
            "decoder": "sslmarket",
            "subject_parts": [part for part in notes.some("parts of a name", parts) if part["value"]],
            "owner": _owner(subject, notes, OWNER),
            "sans": _sans(answer.get("sans"), notes),
            **_key(_members(answer.get("pkey")), notes, self._private),
        }
        return {**shown, "problems": notes.problems}

    def _ask(self, ask: Callable[[str], dict[str, Any]], text: str) -> dict[str, Any]:
        if self._over is not None:
            raise self._over
        try:
            return ask(text)
        except (AuthError, RateLimited, TransportError) as error:
            self._over = error
            raise


def _owner(members: Mapping[str, Any], notes: Notes, names: Mapping[str, str]) -> dict[str, str | None]:
    found: dict[str, str | None] = dict.fromkeys(OWNER.values())
    found.update({ours: _text(members.get(theirs), notes) for theirs, ours in names.items()})
    return found


def _key(members: Mapping[str, Any], notes: Notes, private: PrivateKey | None) -> dict[str, Any]:
    """``pkey`` is the key itself; what it is like follows from it. The other two stand for keys that we cannot read."""
    found: dict[str, Any] = {}
    spki = _spki(members.get("pkey"))
    if spki is not None:
        found = public_key(spki, lambda: _load(spki), notes, private)
    word = members.get("alghoritm", members.get("algorithm"))
    said = {"key_size": number(members.get("length")), "key_algorithm": _text(word, notes)}
    return {**found, **{name: found.get(name) or value for name, value in said.items()}}


def _load(spki: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(spki)


def _spki(pem: Any) -> bytes | None:
    match = _PUBLIC_KEY.search(pem) if isinstance(pem, str) and len(pem) <= _LONGEST_KEY else None
    try:
        return base64.b64decode("".join(match.group(1).split()), validate=True) or None if match else None
    except (binascii.Error, ValueError):
        return None


def _sans(value: Any, notes: Notes) -> list[str] | None:
    """A list, an object with numbers for names, or one text with commas, as PHP's OpenSSL has it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        value = [each for each in value.split(",") if each.strip()]
    if not isinstance(value, list):
        return None
    texts = [_text(each, notes) for each in notes.some("names", value)]
    return [_PREFIX.sub("", text.strip(), count=1) for text in texts if text]


def _serial(members: Mapping[str, Any], notes: Notes) -> dict[str, str | None]:
    """In hex, else in decimal."""
    octets = str(members.get("serial_number_hex") or "").replace(":", "").strip()
    digits = str(members.get("serial_number") or "").strip()
    if _HEX.fullmatch(octets):
        return certificate.serial(int(octets, 16), notes)
    if _DECIMAL.fullmatch(digits):
        return certificate.serial(int(digits), notes)
    return {}


def _validity(members: Mapping[str, Any], at: datetime, notes: Notes) -> dict[str, Any]:
    begin, end = (moment(_text(members.get(name), notes)) for name in ("valid_from", "valid_to"))
    if begin is None or end is None:
        return {}
    notes.add("zone_unknown", "the API's times have no zone and are taken for UTC; they may be up to 14 hours off")
    return certificate.span(begin.replace(tzinfo=timezone.utc), end.replace(tzinfo=timezone.utc), at, notes)


def _members(value: Any) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    if value == []:  # PHP's empty array
        return {}
    raise InvalidData("SSLmarket sent a %s where an object belongs" % type(value).__name__)


def _text(value: Any, notes: Notes) -> str | None:
    """``None`` for nothing, also as an empty text, and for what is no text."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return notes.text(value).strip() or None
