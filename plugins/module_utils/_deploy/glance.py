# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a set of the controller without the X.509 layer: enough to compare it with what a host has.

Nothing travels by this knowledge. What is on the host was proven before it went there, and it was proven with all of its files; while
they are the same, byte by byte, only time can pass and other names can be wanted. That is looked at here, and whatever is not
plainly right is left to ``sets.load``. Importing the library and proving ten sets takes as long as asking the host does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime, timedelta
from typing import Any, Mapping

from .._core.clock import iso, parse_iso
from . import model
from .model import SERIAL

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n")
_TIME = re.compile("([0-9]{4})" + 5 * "([0-9]{2})" + "Z")
# as the proof has it
_TOLERANCE = timedelta(minutes=5)
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18


def facts(contents: Mapping[str, bytes], options: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """The suboptions that the action plugin fills in; ``None`` if it takes a proof to tell them."""
    full = contents["fullchain.pem"]
    bundle = _CERTIFICATE.findall(full)
    # A certificate without an issuer is worth a warning; other forms of PEM and roots become what travels by the proof alone.
    if len(bundle) < 2 or _CERTIFICATE.sub(b"", full) or full != contents["cert.pem"] + contents["chain.pem"]:
        return None
    try:
        certificates = [base64.b64decode(each) for each in bundle]
        meta = json.loads(contents["meta.json"].decode("utf-8"))
        dates = [validity(each) for each in certificates]
        known = {name: meta[name] for name in ("serial", "fingerprint", "not_after", "names")}
        names, extra = set(known["names"]), set(meta.get("extra_names") or ())
    except (binascii.Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    domains = model.domains(options)
    right = (
        known["fingerprint"] == model.sha256(certificates[0])
        and known["not_after"] == iso(dates[0][1])
        and isinstance(known["serial"], str)
        and SERIAL.match(known["serial"])
        and int(known["serial"], 16) == serial_number(certificates[0])
        and isinstance(known["names"], list)
        and all(isinstance(name, str) for name in names)
        and set(domains) <= names <= set(domains) | extra
        and all(start - _TOLERANCE <= now <= end for start, end in dates)
    )
    if not right:
        return None
    return {**options, "domains": list(domains), **known, "names": sorted(names)}


def serial_number(der: bytes) -> int:
    """The number of a certificate (RFC 5280 section 4.1); ``ValueError`` or ``LookupError`` if it is none."""
    begin, end = _serial(der)
    return int.from_bytes(der[begin:end], "big", signed=True)


def validity(der: bytes) -> tuple[datetime, datetime]:
    """From when to when it is valid (RFC 5280 section 4.1.2.5)."""
    _begin, end = _serial(der)
    for _skipped in ("signature", "issuer"):
        _tag, _begin, end = _element(der, end)
    _tag, begin, _end = _element(der, end)
    moments = []
    for _moment in ("not before", "not after"):
        tag, start, begin = _element(der, begin)
        moments.append(_time(tag, der[start:begin].decode("ascii")))
    return moments[0], moments[1]


def _serial(der: bytes) -> tuple[int, int]:
    """Where the serial number is: the first field of the certificate's first field, but for the version."""
    _tag, begin, _end = _element(der, 0)
    _tag, begin, _end = _element(der, begin)
    tag, begin, end = _element(der, begin)
    if tag == _VERSION:
        _tag, begin, end = _element(der, end)
    return begin, end


def _element(der: bytes, start: int) -> tuple[int, int, int]:
    """Tag, begin and end of what starts there."""
    length, begin = der[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + size], "big"), begin + size
    if begin + length > len(der):
        raise ValueError("it is cut off")
    return der[start], begin, begin + length


def _time(tag: int, text: str) -> datetime:
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("it is no time")
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("it is no time")
    return parse_iso("%s-%s-%sT%s:%s:%sZ" % found.groups())
