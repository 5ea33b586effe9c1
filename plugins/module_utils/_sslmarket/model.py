# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's JSON as values (pure).

Its documentation types numbers and booleans that its samples show as texts, and names neither the states of an order nor the format of a date. So
every member is read in whatever form it comes, what cannot be read is ``None``, and ``raw`` keeps all of it. Only what money depends on is
strict: the number of an order, and its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Mapping

from .._core.errors import CollectionError, InvalidData, ProtocolError, UsageError, clean
from .._core.names import dns_name

PUBLISHED = "published"
CONTACTS = ("owner", "auth", "tech")

_DIGITS = re.compile(r"[0-9]{1,18}")
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?: ?(Z|[+-]\d\d:?\d\d))?)?", re.ASCII
)
_DOTTED = re.compile(r"^(\d\d)\. ?(\d\d)\. ?(\d{4})", re.ASCII)  # as SSLmarket's countries write it
_REQUEST = re.compile(r"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.*?)-----END ", re.DOTALL)
_PEM = "-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n"
_BLANKS = re.compile(r"\\[rn]|\s")
_SERIAL = re.compile(r"[0-9a-f]{1,60}")
_LARGE = 10**100  # what is longer than this is not worth a look
_WORDS = {"true": True, "1": True, "yes": True, "y": True, "false": False, "0": False, "no": False, "n": False}


@dataclass(frozen=True)
class Product:
    """``kind`` is the API's ``type``. ``None``: not said, or not to be understood."""

    code: str
    title: str
    product_type: str
    kind: str
    validate_type: str
    csr_required: bool | None
    max_years: int | None
    min_san: int | None
    max_san: int | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Row:
    """An order in the list. ``names``: the domain first, as A-labels; what is no DNS name stays as it is, in lower case.

    Dates are the provider's texts, ``None`` where there is none; see :func:`moment`.
    """

    order_id: int
    product_type: str
    product_code: str
    domain: str
    names: tuple[str, ...]
    years: int | None
    inserted: str | None
    published: str | None
    expired: str | None
    state: str
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def issued(self) -> bool:
        """The only state that is documented is ``published``; every other word is "not (now)"."""
        return self.state == PUBLISHED


@dataclass(frozen=True)
class Detail(Row):
    """An order alone. ``public_key`` is the digest of its CSR's key, as in ``_x509.facts``; ``serial`` is in hex, as there."""

    csr: str | None = field(repr=False)
    public_key: str | None
    serial: str | None
    dv_auth_method: str | None
    dv_auth_content: str | None
    days_remaining: int | None
    auto_reissue: bool | None
    contacts: Mapping[str, Mapping[str, str]] = field(repr=False)


# -- whole answers -----------------------------------------------------------------------------------------------------


def products(answer: Any) -> list[Product]:
    return [_at("product/list", number, product, each) for number, each in enumerate(_list(answer, "products"))]


def orders(answer: Any) -> list[Row]:
    return [_at("order/list", number, row, each) for number, each in enumerate(_list(answer, "orders"))]


def product(value: Any) -> Product:
    members = _members(value)
    code = _text(members.get("product_code"))
    if not code:
        raise ProtocolError("a product has no product_code")
    return Product(
        code=code,
        title=_text(members.get("title")),
        product_type=_text(members.get("product_type")),
        kind=_text(members.get("type")),
        validate_type=_text(members.get("validate_type")),
        csr_required=boolean(members.get("csr_required")),
        max_years=number(members.get("max_years")),
        min_san=number(members.get("min_san_values")),
        max_san=number(members.get("max_san_values")),
        raw=members,
    )


def row(value: Any) -> Row:
    members = _members(value)
    return Row(**_row(members, _own_id(members.get("order_id"))))


def detail(value: Any, asked: int) -> Detail:
    """The order that was asked for, alone or as the only member of an object (``{"order": {...}}``)."""
    members = _members(value)
    if len(members) == 1 and isinstance(next(iter(members.values())), dict):
        members = next(iter(members.values()))
    if members.get("order_id") is not None and _own_id(members["order_id"]) != asked:
        raise ProtocolError("SSLmarket answered with another order than %d" % asked)
    if not {"product_code", "domain", "state"} & set(members):
        raise ProtocolError("SSLmarket answered without the order %d" % asked)
    csr = members.get("csr")
    return Detail(
        **_row(members, asked),
        csr=csr if isinstance(csr, str) and csr.strip() else None,
        public_key=_public_key(csr),
        serial=serial(members.get("certificate_serial_number")),
        dv_auth_method=_text(members.get("dv_auth_method")) or None,
        dv_auth_content=_text(members.get("dv_auth_content"), 2000) or None,
        days_remaining=number(members.get("days_remaining")),
        auto_reissue=boolean(members.get("auto_reissue")),
        contacts={group: _contact(members, group) for group in CONTACTS},
    )


# -- members -----------------------------------------------------------------------------------------------------------


def order_id(value: Any) -> int:
    """The number of an order: a positive integer, or its digits; at most 18 of them."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**18:
        raise InvalidData(
            "%s is not the number of an order" % _shown(value), hint="It is a whole number, such as 123456."
        )
    return value


def number(value: Any, limit: int = 10**6) -> int | None:
    """A count, also as text; ``None`` for everything else, below zero and from ``limit`` on."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value)
    found = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit
    return value if found else None


def boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(_text(value).lower())


def serial(value: Any) -> str | None:
    """A serial number in hex, lower case, without prefix, colons and leading zeros.

    Whether SSLmarket writes hex or decimal is not documented. A number is decimal, and so are more digits than 16 octets have in hex:
    that none of them is a letter is no chance.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return format(value, "x") if 0 < value < 1 << 160 else None
    text = re.sub(r"^0x|[:\s]", "", value.strip().lower()) if isinstance(value, str) else ""
    if not _SERIAL.fullmatch(text):
        return None
    found = int(text) if text.isdigit() and len(text) > 32 else int(text, 16)
    return format(found, "x") if 0 < found < 1 << 160 else None


def moment(text: str | None) -> datetime | None:
    """A naive time for ``2026-11-22``, ``2026-11-22 10:00:00``, ISO 8601 and ``22.11.2026 10:00``; ``None`` for anything else, and outside 1970 to 2999.

    SSLmarket's dates have no zone, and which one is meant is not documented: this may be off by up to 14 hours from UTC. A time with an
    offset is converted to UTC.
    """
    found = _MOMENT.fullmatch(_DOTTED.sub(r"\3-\2-\1", (text or "").strip(), count=1))
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset = found.group(7)
    try:
        when = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    if not 1970 <= year <= 2999:
        return None
    if offset and offset != "Z":
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
        when += ahead if offset[0] == "-" else -ahead
    return when


def _row(members: Mapping[str, Any], found: int) -> dict[str, Any]:
    names = _names(members)
    return {
        "order_id": found,
        "product_type": _text(members.get("product_type")),
        "product_code": _text(members.get("product_code")),
        "domain": names[0] if names and members.get("domain") else "",
        "names": names,
        "years": number(members.get("years"), 100),
        "inserted": _date(members.get("inserted")),
        "published": _date(members.get("published")),
        "expired": _date(members.get("expired")),
        "state": _text(members.get("state")),
        "raw": dict(members),
    }


def _names(members: Mapping[str, Any]) -> tuple[str, ...]:
    """A list, an object with numbers for names (PHP's arrays with gaps), or one text with commas or blanks between the names."""
    more = members.get("dns_names")
    if isinstance(more, dict):
        more = list(more.values())
    if isinstance(more, str):
        more = re.split(r"[\s,;]+", more)
    texts = [members.get("domain"), *(more if isinstance(more, list) else [more])]
    if not all(text is None or isinstance(text, str) for text in texts):
        raise ProtocolError("an order has names that are no texts")
    return tuple(dict.fromkeys(filter(None, map(order_name, filter(None, texts)))))


def order_name(text: str) -> str:
    """A name as :attr:`Row.names` has it."""
    plain = clean(text).rstrip(".")
    try:
        return dns_name(plain)
    except UsageError:
        return plain.lower()


def _contact(members: Mapping[str, Any], group: str) -> dict[str, str]:
    found = {name[len(group) + 1 :]: value for name, value in members.items() if name.startswith(group + "_")}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _public_key(csr: Any) -> str | None:
    """``None`` unless there is a request that can be read, however its PEM was mangled on the way."""
    from .._x509 import facts, load

    if not isinstance(csr, str) or not 100 < len(csr) < load.LIMIT:
        return None
    armour = _REQUEST.search(csr)
    body = _BLANKS.sub("", armour.group(1) if armour else csr)
    try:
        return facts.request_facts(load.request((_PEM % body).encode("ascii", "replace"), "csr")).public_key
    except InvalidData:
        return None


def _date(value: Any) -> str | None:
    """The text as it is. ``0000-00-00`` is how MySQL says that there is none."""
    text = _text(value, 40)
    return None if not text or text.startswith("0000-00-00") else text


def _text(value: Any, limit: int = 300) -> str:
    return clean(value, limit) if isinstance(value, str) or _is_number(value) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGE


def _own_id(value: Any) -> int:
    try:
        return order_id(value)
    except InvalidData as error:
        raise ProtocolError("SSLmarket sent an order_id that is none: " + error.message) from None


def _shown(value: Any) -> str:
    short = isinstance(value, (str, bool, type(None))) or _is_number(value)
    return clean(repr(value), 60) if short else "a value of the type %s" % type(value).__name__


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError("SSLmarket sent a %s where an object belongs" % type(value).__name__)
    return value


def _list(answer: Any, name: str) -> list[Any]:
    """The list, all of it: a part that is taken for all would hide an order, and an order that is not seen is bought again."""
    members = _members(answer)
    found = members.get(name)
    if isinstance(found, dict) and all(key.isdigit() for key in found):
        found = list(found.values())
    if not isinstance(found, list):
        raise ProtocolError("SSLmarket answered without the list of %s" % name)
    counts = [number(members.get(total), 10**9) for total in ("total", "total_count", "count")]
    if any(count is not None and count > len(found) for count in counts) or members.get("next"):
        raise ProtocolError("SSLmarket sent a part of the list of %s only" % name)
    return found


def _at(where: str, position: int, read: Any, value: Any) -> Any:
    try:
        return read(value)
    except CollectionError as error:
        error.message = "%s, entry %d: %s" % (where, position + 1, error.message)
        raise
