# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is odd about one certificate or request, noted while it is read."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from .._core.errors import InvalidData
from .._x509.guard import guard

# of each list in a result; 250 names are the most that SSLmarket sells
MOST = 1000
_LONGEST = 1000


class Notes:
    """``problems`` is what users see: a code for machines, and a sentence."""

    def __init__(self) -> None:
        self.problems: list[dict[str, str]] = []

    def add(self, code: str, text: str) -> None:
        problem = {"code": code, "text": text}
        if problem not in self.problems[:MOST]:
            self.problems.append(problem)

    def attempt(self, what: str, read: Callable[[], Any], default: Any = None) -> Any:
        """What ``read`` returns; ``default`` and a note for what cannot be read. The rest of the certificate is worth showing."""
        try:
            return read()
        except BaseException as error:  # no guard around the call: this runs for every field of every certificate
            try:
                with guard(what, "cannot be read"):
                    raise error
            except InvalidData as unreadable:
                self.add("unreadable", unreadable.message)
                return default

    def text(self, value: Any) -> str:
        """Text from outside: control characters and what turns the direction of writing become blanks."""
        text = value if isinstance(value, str) else str(value)
        if len(text) <= _LONGEST and text.isprintable():
            return text
        if len(text) > _LONGEST:
            self.add("cut", "a text of %d characters is cut" % len(text))
        shown = text[:_LONGEST]
        if not shown.isprintable():
            self.add("odd_text", "a text has characters that cannot be printed; blanks stand for them")
        return "".join(character if character.isprintable() else " " for character in shown)

    def some(self, what: str, values: Sequence[Any]) -> Sequence[Any]:
        """As many as a result may hold."""
        if len(values) > MOST:
            self.add("cut", "%s: %d of them, the first %d are shown" % (what, len(values), MOST))
            return values[:MOST]
        return values
