# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer says about its own failure (pure). Neither SSL.com nor IdenTrust document a shape for the calls we make."""

from __future__ import annotations

from typing import Any

_MEMBERS = ("errors", "error_description", "error_message", "error", "detail", "message", "title")


def explain(body: Any) -> tuple[str | None, str | None]:
    """(the provider's word for the error, its text), from members seen in the wild; ``(None, None)`` if there are none."""
    if not isinstance(body, dict):
        return None, None
    found = [member for member in _MEMBERS if body.get(member)]
    if not found:
        return None, None
    word = body.get("code", body.get("error"))
    return word if isinstance(word, str) else found[0], _flat(body[found[0]])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join("%s: %s" % (name, _flat(text)) for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(text) for text in value)
    return str(value)
