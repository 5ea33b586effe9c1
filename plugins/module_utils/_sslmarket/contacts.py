# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four contacts of an order, checked before anything is paid (pure).

``owner`` is who the certificate is for, ``auth`` who may approve it, ``tech`` who installs it, ``invoice`` who pays.
https://www.sslmarket.com/ssl/sslmarket-api-for-ordering-certificates has the fields and the form of telephone numbers.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Mapping

from .._core.errors import UsageError, clean

_PERSON = ("title", "firstname", "lastname", "tel", "email")
_REQUIRED = {
    "owner": ("name", "street", "city", "zip", "country", "tel"),
    "auth": _PERSON,
    "tech": _PERSON,
    "invoice": ("name", "street", "city", "zip", "country", "email"),
}
_OPTIONAL = {"invoice": ("ic", "dic")}
GROUPS = tuple(_REQUIRED)

_LONGEST = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s<>\"\\,;]+@[^@\s<>\"\\,;]+")
_TEL = re.compile(r"\+[0-9]{1,3}\.[0-9]{4,14}")

# ISO 3166-1 alpha-2, officially assigned.
_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG
    CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL
    GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA
    LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP
    NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
_COUNTRIES = frozenset(_CODES.split())
_MISTAKEN = {"UK": "GB", "EL": "GR"}


def check(group: str, given: Any) -> dict[str, str]:
    """The fields of one contact as they are sent; a ``UsageError`` names the field that is wrong."""
    fields = _REQUIRED[group] + _OPTIONAL.get(group, ())
    if not isinstance(given, Mapping):
        raise UsageError("%s is not a mapping of fields" % group, hint="Its fields are %s." % ", ".join(fields))
    for name in given:
        if name not in fields:
            raise UsageError(
                "%s has no field %s%s" % (group, _shown(name), _did_you_mean(group, name, fields)),
                hint="Its fields are %s." % ", ".join(fields),
            )
    found = {name: _text("%s.%s" % (group, name), given.get(name)) for name in fields}
    for name in _REQUIRED[group]:
        if not found[name]:
            raise UsageError(
                "%s.%s is missing" % (group, name), hint="%s needs %s." % (group, ", ".join(_REQUIRED[group]))
            )
    return {name: _checked(group, name, text) for name, text in found.items() if text}


def require_all(contacts: Mapping[str, Mapping[str, str]]) -> None:
    """``UsageError`` if one of the four is missing."""
    missing = [group for group in GROUPS if not contacts.get(group)]
    if missing:
        raise UsageError(
            "an order needs the contacts %s; there is no %s" % (", ".join(GROUPS), ", ".join(missing)),
            hint="Give them as options, for all certificates or for each.",
        )


def body(contacts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The members of a request: ``owner_name``..."""
    return {"%s_%s" % (group, name): text for group in GROUPS for name, text in (contacts.get(group) or {}).items()}


def _text(where: str, value: Any) -> str:
    """Numbers are what YAML makes of a postal code."""
    if isinstance(value, bool):
        raise UsageError(
            "%s is %s, not a text" % (where, str(value).lower()), hint='Put it in quotes: YAML takes NO for "no".'
        )
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise UsageError("%s is a %s, not a text" % (where, type(value).__name__))
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        raise UsageError("%s is longer than %d characters" % (where, _LONGEST))
    text = str(value).strip()
    if _CONTROL.search(text):
        raise UsageError("%s has line breaks or control characters" % where)
    if len(text) > _LONGEST:
        raise UsageError("%s is longer than %d characters" % (where, _LONGEST))
    return text


def _checked(group: str, name: str, text: str) -> str:
    where = "%s.%s is %s" % (group, name, _shown(text))
    if name == "country":
        if text.upper() not in _COUNTRIES:
            right = _MISTAKEN.get(text.upper())
            hint = 'The code is "%s".' % right if right else 'It has two letters, like "GB" or "CZ".'
            raise UsageError("%s, not a country code of ISO 3166-1" % where, hint=hint)
        return text.upper()
    if name == "tel" and not _TEL.fullmatch(text):
        raise UsageError(
            "%s, not a telephone number in the form SSLmarket takes" % where,
            hint='Write it like "+44.123456789": country code, dot, digits without spaces.',
        )
    if name == "email" and not _EMAIL.fullmatch(text):
        raise UsageError("%s, not an e-mail address" % where)
    return text


def _shown(value: Any) -> str:
    return '"%s"' % clean(value, 80)


def _did_you_mean(group: str, value: Any, known: tuple[str, ...]) -> str:
    """Also for the names that the API has for the fields, such as ``owner_name``."""
    text = str(value).lower()
    close = difflib.get_close_matches(text[len(group) + 1 :] if text.startswith(group + "_") else text, known, 1)
    return ' (did you mean "%s"?)' % close[0] if close else ""
