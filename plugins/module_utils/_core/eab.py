# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two halves of an ACME external account binding (RFC 8555 section 7.3.4), checked and brought to one form (pure)."""

from __future__ import annotations

import base64
import binascii
import re

from .errors import InvalidData
from .secret import Secret

# ASCII by the RFC; no character that means something to a shell, a template or a path.
_KID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,256}")
# HS256 needs a key as long as its hash (RFC 7518 section 3.2); lego and community.crypto refuse shorter ones.
MINIMUM_BYTES = 32
_MAXIMUM_TEXT = 1024


def kid(value: object) -> str:
    """The key identifier, or ``InvalidData``."""
    if not isinstance(value, str) or not _KID.fullmatch(value):
        raise InvalidData("the key identifier (kid) from the provider has a form that cannot be used")
    return value


def hmac_key(value: object) -> Secret:
    """The MAC key as unpadded base64url, whatever of base64 and base64url, padded or not, the provider sent.

    Decoding is strict about alphabet, length and padding. Only stray bits in the last character are dropped: RFC 4648 section 3.5
    leaves that to the decoder, and samples in providers' documentation have them. The value is never in the error.
    """
    if not isinstance(value, str) or len(value) > _MAXIMUM_TEXT:
        raise InvalidData("the HMAC key from the provider is not a text of usable length")
    text = value.strip(" \t\r\n")
    bare = text.rstrip("=")
    if re.search(r"[+/]", bare) and re.search(r"[-_]", bare):
        raise InvalidData("the HMAC key from the provider mixes the alphabets of base64 and base64url")
    bare = bare.translate(str.maketrans("+/", "-_"))
    padding = len(text) - len(text.rstrip("="))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", bare) or len(bare) % 4 == 1 or padding not in (0, -len(bare) % 4):
        raise InvalidData("the HMAC key from the provider is not base64 or base64url")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise InvalidData("the HMAC key from the provider is not base64 or base64url") from None
    if len(raw) < MINIMUM_BYTES:
        raise InvalidData(
            "the HMAC key from the provider has %d bytes; at least %d are needed (RFC 7518 section 3.2)"
            % (len(raw), MINIMUM_BYTES)
        )
    return Secret(base64.urlsafe_b64encode(raw).decode("ascii").rstrip("="))
