# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of DER (X.690) as is needed to tell what bytes are, and to take parts out as they are.

What the parts mean is read by ``cryptography``. Whatever is not plain DER is a ``ValueError``.
"""

from __future__ import annotations

from typing import NamedTuple

BOOLEAN, INTEGER, BIT_STRING, OBJECT, SEQUENCE = 0x01, 0x02, 0x03, 0x06, 0x30
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
CONTEXT_0, CONTEXT_1, CONTEXT_3 = 0xA0, 0xA1, 0xA3


class Element(NamedTuple):
    """Where an element is: its first octet, the first one of its content, and the one behind it."""

    tag: int
    start: int
    body: int
    end: int


def element(data: bytes, start: int = 0, limit: int | None = None) -> Element:
    """The element at ``start``, which must end at ``limit`` or before."""
    limit = len(data) if limit is None else limit
    if start + 2 > limit:
        raise ValueError("cut short")
    tag, length, body = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of several octets")
    if length >= 0x80:
        octets = length - 0x80
        if not 0 < octets <= 4:
            raise ValueError("no definite length")
        length = int.from_bytes(data[body : body + octets], "big")
        body += octets
    if body + length > limit:
        raise ValueError("cut short")
    return Element(tag, start, body, body + length)


def children(data: bytes, parent: Element) -> list[Element]:
    found: list[Element] = []
    position = parent.body
    while position < parent.end:
        found.append(element(data, position, parent.end))
        position = found[-1].end
    return found


def whole(data: bytes, part: Element) -> bytes:
    return data[part.start : part.end]


def content(data: bytes, part: Element) -> bytes:
    return data[part.body : part.end]


def encode(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 + len(length))) + length + body


def dotted(body: bytes) -> str:
    """The content of an OBJECT IDENTIFIER as numbers with dots."""
    numbers: list[int] = []
    number = 0
    for octet in body[:64]:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(number)
            number = 0
    if not numbers or number or len(body) > 64:
        raise ValueError("no object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
