# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes certificate signing requests."""

from __future__ import annotations

from typing import Sequence

from .._core.errors import UsageError
from .._core.names import dns_names
from . import load

# ub-common-name of RFC 5280, appendix A.1.
_COMMON_NAME = 64


def build(key_pem: bytes, names: Sequence[str]) -> bytes:
    """A request (PKCS #10, PEM) for DNS names, in the given order.

    The common name is the first name that fits its 64 characters. When none does, the subject is empty, and the names'
    extension must be critical (RFC 5280 section 4.2.1.6).
    """
    ordered = dns_names(list(names))
    if not 0 < len(ordered) <= load.MOST_NAMES:
        raise UsageError("a request needs 1 to %d names, not %d" % (load.MOST_NAMES, len(ordered)))
    key = load.private_key(key_pem, "private key")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    short = [name for name in ordered if len(name) <= _COMMON_NAME][:1]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in short])
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in ordered])
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(alternative, critical=not short)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
