# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes PEM text apart (RFC 7468), more strictly than the libraries do.

They skip what stands between blocks, so configuration lines or a private key could travel along unseen. Here only blank lines and
comments may stand there: lines that start with ``#``, and the ``subject=``/``issuer=`` lines that OpenSSL prints.
Comments are dropped: what the collection writes is encoded anew from DER.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Iterator, NamedTuple

from .._core.errors import InvalidData

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,60})-----")
_COMMENT = re.compile(rb"\s*(#.*|(subject|issuer)\s*[=:].*)?", re.DOTALL)


class Block(NamedTuple):
    label: str
    der: bytes


def blocks(data: bytes, source: str, limit: int, most: int) -> list[Block]:
    """At least one block; more than ``limit`` bytes or ``most`` blocks are refused before anything is decoded."""
    if len(data) > limit:
        raise InvalidData("%s: larger than %d bytes" % (source, limit))
    if data.count(b"-----BEGIN ") > most:
        raise InvalidData("%s: more than %d PEM blocks" % (source, most))
    found: list[Block] = []
    lines = iter(data.splitlines())
    for line in lines:
        begin = _BEGIN.fullmatch(line.strip())
        if begin:
            label = begin.group(1).decode("ascii")
            found.append(Block(label, _decode(_body(lines, label, source), source)))
        elif not _COMMENT.fullmatch(line):
            raise InvalidData("%s: text that is neither PEM nor a comment" % source)
    if not found:
        raise InvalidData("%s: no PEM block in it" % source)
    return found


def _body(lines: Iterator[bytes], label: str, source: str) -> bytes:
    end = ("-----END %s-----" % label).encode("ascii")
    parts: list[bytes] = []
    for line in lines:
        part = line.strip()
        if part == end:
            return b"".join(parts)
        if b":" in part:
            # RFC 1421 headers; today they only mean "Proc-Type: 4,ENCRYPTED".
            raise InvalidData("%s: the PEM block has headers, it is probably encrypted" % source)
        parts.append(part)
    raise InvalidData("%s: the PEM block has no end, the file is cut short" % source)


def _decode(text: bytes, source: str) -> bytes:
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error:
        der = b""
    if not der:
        raise InvalidData("%s: the PEM block is not base64" % source)
    return der
