# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS names, and the one function that makes file names of them."""

from __future__ import annotations

import hashlib
import re

from .errors import UsageError

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")


def dns_name(text: str) -> str:
    """The A-label form of a DNS name, lower case: ``*.Bücher.example`` -> ``*.xn--bcher-kva.example``.

    One leading ``*.`` is allowed (RFC 9525 section 6.3); labels are letters, digits and hyphens, at most 63 characters, the whole at most 253
    (RFC 1035); names beyond ASCII go through IDNA 2008 (RFC 5891). Anything else is a ``UsageError``.
    """
    star, bare = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    ascii_name = bare.lower() if _is_ascii(bare) else _to_ascii(bare)
    labels = ascii_name.split(".")
    if (
        len(star + ascii_name) > 253
        or len(labels) < 2
        or labels[-1].isdigit()
        or not all(map(_LABEL.fullmatch, labels))
    ):
        raise _refused(text)
    return star + ascii_name


def dns_names(texts: list[str]) -> tuple[str, ...]:
    """Normalised, without repetitions, in the user's order (the first one becomes the common name)."""
    return tuple(dict.fromkeys(dns_name(text) for text in texts))


def file_name(name: str) -> str:
    """A file name for any name: readable where that is safe, and never the same for two names.

    Plain lower-case names stay as they are (``www.example.com``); a wildcard is spelled out (``_wildcard.example.com``); everything else gets a
    digest (``_...-<digest>``, no dot). Plain names start with a letter or digit, so the three kinds cannot meet.
    """
    if _is_plain(name):
        return name
    if name.startswith("*.") and _is_plain(name[2:]):
        return "_wildcard." + name[2:]
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return "_%s-%s" % (readable, hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32])


def _is_plain(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and ".." not in name and not name.endswith(".")


def _is_ascii(text: str) -> bool:
    return all(ord(character) < 128 for character in text)


def _to_ascii(text: str) -> str:
    import idna

    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _refused(text) from None


def _refused(text: str) -> UsageError:
    hint = 'Write it like "www.example.com" or "*.example.com".'
    if "/" in text:
        hint = 'Leave out scheme and path: write it like "www.example.com".'
    elif re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", text):
        hint = "Give the host's name: certificates for addresses are not made."
    elif "_" in text:
        hint = "Take a name without underscore: CAs do not certify such names."
    elif "." not in text:
        hint = 'Write the whole name, like "www.example.com": CAs do not certify names of one word.'
    return UsageError("%r is not a DNS name" % text[:300], hint=hint)
