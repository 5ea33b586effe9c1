# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The box a secret travels in.

It is not a string: one that is forgotten in a result, a message or a log shows as ``<secret>`` or makes the module
fail, instead of leaking. A subclass of ``str`` would be printed in clear. ``open()`` is called where the secret is used: where a
request is built and where a file is written.
"""

from __future__ import annotations

import hashlib


class Secret:
    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def open(self) -> str:
        return self._value

    def digest(self) -> str:
        """A short name for the value, fit for logs and comparisons: the first 12 hex digits of its SHA-256."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret cannot be serialised")


def box(value: str | None) -> Secret | None:
    """``None`` and the empty string are no secret."""
    return Secret(value) if value else None
