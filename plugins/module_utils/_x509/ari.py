# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME renewal information (RFC 9773): the certificate's identifier."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from .facts import extension

if TYPE_CHECKING:
    from cryptography import x509


def certificate_id(certificate: x509.Certificate) -> str | None:
    """RFC 9773 section 4.1; ``None`` for a certificate that does not name its issuer's key."""
    from cryptography import x509

    authority = extension(certificate.extensions, x509.AuthorityKeyIdentifier)
    if authority is None or not authority.key_identifier:
        return None
    number = certificate.serial_number
    # The content of the DER INTEGER: a leading zero octet where the first bit is set.
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return "%s.%s" % (_base64url(authority.key_identifier), _base64url(serial))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
