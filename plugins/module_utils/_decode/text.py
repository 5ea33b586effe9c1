# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filter does: one text, decoded here."""

from __future__ import annotations

from typing import Any

from .._core.clock import SYSTEM, Clock
from .._core.errors import InvalidData, UsageError
from .document import Local, decode, quiet, show
from .times import at


def decode_text(text: Any, everything: bool, moment: str | None, clock: Clock = SYSTEM) -> dict[str, Any]:
    """The first certificate, or the first request where there is no certificate; or everything, as the module has it."""
    if not isinstance(text, str):
        raise UsageError("a certificate is a text, not a value of the type %s" % type(text).__name__)
    with quiet():
        document = decode(text.encode("utf-8", "replace"), None, Local(at(moment, clock)))
    entries = [*document.certificates, *document.requests]
    if document.errors and not (everything and entries):
        raise InvalidData(" | ".join(document.errors[:10]))
    return show([document]) if everything else entries[0]
