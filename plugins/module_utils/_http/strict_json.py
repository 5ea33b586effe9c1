# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as RFC 8259 has it, and nothing that Python's parser tolerates beyond it (pure)."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 32


def parse(body: bytes) -> Any:
    """The value; ``ValueError`` with a short reason for anything odd.

    Refused: text that is not UTF-8, a byte order mark, duplicate member names, NaN and Infinity, lone surrogates, numbers of absurd
    length, nesting over 32.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_constant, parse_int=_integer)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair") from None
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    _check_depth(value, MAX_DEPTH)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member names")
    return members


def _constant(name: str) -> Any:
    raise ValueError("%s is not JSON" % name)


def _integer(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError("a number is too long")
    return int(digits)


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError("nested too deeply")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _check_depth(child, left - 1)
