# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of an inventory entry: checked, normalised, and refused in words (pure).

Ansible's argument specs name the option of a wrong value but not the entry of a list, turn what is not meant into what is (a text into a list of
one), and read every value, also the look-ups behind secrets.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .errors import UsageError, clean
from .names import dns_names

_MODE = re.compile(r"0[0-7]{3}")

Reader = Callable[[Any], Any]


class Option(NamedTuple):
    """``read`` checks and normalises a value; without it the value is left alone."""

    read: Reader | None
    required: bool = False


def entry(value: Any, options: Mapping[str, Option]) -> dict[str, Any]:
    """The options of one entry. An option that is null is as good as not there."""
    if not isinstance(value, Mapping):
        raise refuse("a mapping", value)
    for key in value:
        if key not in options:
            meant = did_you_mean(key, options)
            hint = None if meant else "There are %s." % ", ".join(sorted(options))
            raise UsageError("there is no option %s%s" % (shown(key), meant), hint=hint)
    found = {}
    for key, option in options.items():
        if option.read is None:
            continue
        if key not in value or value[key] is None:
            if option.required:
                raise UsageError("%s is missing" % key, hint="Add it to the entry.")
            continue
        try:
            found[key] = option.read(value[key])
        except UsageError as error:
            raise within(key, error) from None
    return found


def within(where: str, error: UsageError) -> UsageError:
    separator = "" if error.message.startswith(("[", ".")) else " "
    return UsageError(where + separator + error.message, hint=error.hint)


def at(where: str, error: UsageError) -> UsageError:
    return UsageError("%s: %s" % (where, error.message), hint=error.hint)


# -- readers ----------------------------------------------------------------------------------------------------------


def kind_of(value: Any) -> str:
    for kind, text in (
        (bool, "true or false"),
        (str, "a text"),
        ((int, float), "a number"),
        (Mapping, "a mapping"),
        ((list, tuple), "a list"),
    ):
        if isinstance(value, kind):
            return text
    return "empty" if value is None else "a %s" % type(value).__name__


def refuse(wanted: str, value: Any) -> UsageError:
    return UsageError("must be %s, not %s" % (wanted, kind_of(value)))


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse("a text", value)
    if not value.strip() or clean(value, len(value) + 1) != value:
        raise UsageError("is empty, or has line breaks or spaces around it", hint="Write a text on one line.")
    return str(value)


def texts(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise refuse("a list of texts", value)
    if not value:
        raise UsageError("is an empty list", hint="Give at least one, or leave the option out.")
    return [text(item) for item in value]


def text_or_texts(value: Any) -> list[str]:
    return [text(value)] if isinstance(value, str) else texts(value)


def names(value: Any) -> list[str]:
    return list(dns_names(texts(value)))


def integer(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        # a template may have made a text of it
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse("a whole number", value)
        if not least <= value <= most:
            raise UsageError("is %d, not within %d and %d" % (value, least, most))
        return int(value)

    return read


order_id = integer(1, 10**18 - 1)


def order_ids(value: Any) -> list[int]:
    if not isinstance(value, (list, tuple)):
        raise refuse("a list of numbers of orders", value)
    return [order_id(item) for item in value]


def share(value: Any) -> float:
    refusal = refuse("a number between 0 and 1", value)
    if isinstance(value, bool):
        raise refusal
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise refusal from None
    if not 0 < number < 1:
        raise UsageError("is %s, not between 0 and 1" % number)
    return number


def flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "yes", "false", "no"):
        return value.lower() in ("true", "yes")
    if not isinstance(value, bool):
        raise refuse("true or false", value)
    return value


def choice(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if value not in choices:
            raise UsageError(
                "is %s, not one of %s%s" % (shown(value), ", ".join(choices), did_you_mean(value, choices))
            )
        return str(value)

    return read


def url(value: Any) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", text(value)):
        raise UsageError("is %s, not a URL" % shown(value), hint='Write it like "https://host/path".')
    return str(value)


def mode(value: Any) -> str:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise UsageError("is %s; write it as four octal digits in quotes, like '0640'" % shown(value))
    return str(value)


def pattern(value: Any) -> str:
    return ",".join(text_or_texts(value))


def shown(value: Any) -> str:
    return '"%s"' % clean(value, 60) if isinstance(value, (str, int, float)) else kind_of(value)


def did_you_mean(value: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(value), list(known), 1) if isinstance(value, str) else []
    return ' (did you mean "%s"?)' % close[0] if close else ""
