# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as text: of subjects and issuers, and alternative names of all kinds (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from .notes import Notes
from .words import ATTRIBUTES, OWNER

if TYPE_CHECKING:
    from cryptography import x509

_KINDS = {
    "DNSName": "DNS",
    "IPAddress": "IP",
    "RFC822Name": "email",
    "UniformResourceIdentifier": "URI",
    "DirectoryName": "dirName",
    "RegisteredID": "RID",
    "OtherName": "otherName",
}
# Microsoft's user principal name, and SmtpUTF8Mailbox (RFC 9598): text in a UTF8String
_TEXTS = ("1.3.6.1.4.1.311.20.2.3", "1.3.6.1.5.5.7.8.9")
_UTF8_STRING = 0x0C


def distinguished(name: x509.Name, notes: Notes) -> tuple[str, list[dict[str, str]]]:
    """As one text (RFC 4514), and its parts in the certificate's order."""
    parts = []
    for attribute in notes.some("parts of a name", list(name)):
        oid, value = attribute.oid.dotted_string, attribute.value
        text = notes.text(value if isinstance(value, str) else value.hex())
        parts.append({"name": ATTRIBUTES.get(oid, oid), "value": text})
    return notes.text(name.rfc4514_string()), parts


def owner(parts: Iterable[dict[str, str]]) -> dict[str, str | None]:
    """The parts that the provider's decoders show. Of one that is there twice the last is the most specific."""
    found: dict[str, str | None] = dict.fromkeys(OWNER.values())
    found.update({OWNER[part["name"]]: part["value"] for part in parts if part["name"] in OWNER})
    return found


def general(name: x509.GeneralName, notes: Notes) -> tuple[str, str]:
    """Its kind, in OpenSSL's words, and its text."""
    value: Any = name.value
    kind = _KINDS.get(type(name).__name__, "unknown")
    if kind == "dirName":
        value = value.rfc4514_string()
    elif kind == "RID":
        value = value.dotted_string
    elif kind == "otherName":
        oid = name.type_id.dotted_string  # type: ignore[attr-defined]  # as an x509.OtherName has it
        value = "%s;%s" % (oid, _other(oid, value))
    return kind, notes.text(value)


def generals(names: Iterable[x509.GeneralName] | None, notes: Notes) -> list[tuple[str, str]]:
    return [general(name, notes) for name in notes.some("names", list(names or ()))]


def prefixed(names: Iterable[tuple[str, str]]) -> list[str]:
    return ["%s:%s" % name for name in names]


def uris(names: Iterable[x509.GeneralName] | None, notes: Notes) -> list[str]:
    return [text for kind, text in generals(names, notes) if kind == "URI"]


def _other(oid: str, value: bytes) -> str:
    if oid in _TEXTS and len(value) > 1 and value[0] == _UTF8_STRING and value[1] == len(value) - 2:
        return value[2:].decode("utf-8", "replace")
    return value.hex()
