# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON without its traps: no duplicate keys, no NaN, no deep nesting, UTF-8 only."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 20


class BadJson(ValueError):
    """What is wrong, without a word of the text itself."""


def parse(text: bytes) -> Any:
    """The value of a JSON text; BadJson for everything that is not exactly one."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_constant)
    except BadJson:
        raise
    except UnicodeDecodeError:
        raise BadJson("not UTF-8") from None
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except ValueError:  # a syntax error, or a number with thousands of digits
        raise BadJson("not JSON") from None
    if text.count(b"[") + text.count(b"{") > DEEPEST:  # else it cannot be
        _check(value)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("a key is there twice")
    return found


def _constant(_name: str) -> Any:
    raise BadJson("not a JSON number")


def _check(value: Any) -> None:
    """Refuses what is nested deeper than any request, level by level: recursion is what it guards against."""
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise BadJson("nested too deeply")
