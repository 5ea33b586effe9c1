# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS names, and the patterns by which a policy allows them. Labels are compared; there are no regular expressions."""

from __future__ import annotations

import re

LONGEST_NAME = 253
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
# the last label of an IPv4 address in any spelling; no top-level domain looks so
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def normalise(text: str) -> str:
    """A DNS name of a request as it is compared: lower case, no trailing dot; ``*`` may be the first label.

    ValueError for what is no such name. Internationalised names come as A-labels (RFC 8555 section 7.1.4).
    """
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    rest = labels[1:] if labels[0] == "*" else labels
    # lower() makes a letter k of the KELVIN SIGN
    wrong = not text.isascii() or len(name) > LONGEST_NAME or len(rest) < 2
    if wrong or not all(map(LABEL.fullmatch, rest)) or NUMBER.fullmatch(rest[-1]):
        raise ValueError("not a DNS name")
    return name


def pattern(text: str) -> str:
    """A pattern of a policy: a name, ``*.name`` (one label before it), ``**.name`` (one or more), or ``**`` (any name).

    ValueError for anything else.
    """
    if text == "**":
        return text
    head, dot, rest = text.partition(".")
    if head != "**" or not dot:
        return normalise(text)
    if rest.startswith("*"):
        raise ValueError("not a pattern of names")
    # one label is enough here: all names of a top-level domain may be a customer's own
    return f"**.{normalise(f'x.{rest}').removeprefix('x.')}"


def covers(allowed: str, name: str) -> bool:
    """Whether a pattern allows a name. A wildcard name needs a pattern that allows every name it stands for."""
    if allowed == "**":
        return True
    if allowed.startswith("**."):
        return name.endswith(allowed[2:])
    if allowed.startswith("*."):
        return name.partition(".")[2] == allowed[2:]
    return name == allowed
