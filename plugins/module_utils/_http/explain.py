# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer says about its own failure (pure). No provider documents a shape for the calls we make."""

from __future__ import annotations

from typing import Any

_MEMBERS = ("errors", "error_description", "error_message", "error", "detail", "message", "title")
_SHORT = 300
_MOST = 10


def explain(body: Any) -> tuple[str | None, str | None]:
    """(the provider's word for the error, its text), from members seen in the wild; ``(None, None)`` if there are none."""
    if not isinstance(body, dict):
        return None, None
    found = [member for member in _MEMBERS if body.get(member)]
    if not found:
        return None, None
    word = body.get("code", body.get("error"))
    return word if isinstance(word, str) else found[0], _flat(body[found[0]])


def explain_any(body: Any) -> tuple[str | None, str | None]:
    """The same for APIs that promise a reason without naming its members: then all short values are shown, with their names.

    Not for answers that may hold secrets.
    """
    if isinstance(body, list):
        return None, _flat([value for value in body[:_MOST] if _is_short(value)]) or None
    if not isinstance(body, dict):
        return None, None
    code, text = explain(body)
    if text is not None and text != code:
        return code, text
    others = {name: value for name, value in body.items() if name != "code" and value != code and _is_short(value)}
    told = _flat(dict(list(others.items())[:_MOST]))
    word = code or next((body[name] for name in ("code", "type") if isinstance(body.get(name), str)), None)
    return word, "; ".join(part for part in (text, told) if part) or word


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and 0 < len(str(value)) <= _SHORT


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join("%s: %s" % (name, _flat(text)) for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(text) for text in value)
    return str(value)
