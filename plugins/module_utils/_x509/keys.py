# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes private keys."""

from __future__ import annotations

from .._core.errors import UsageError

SIZES = {"rsa": (2048, 3072, 4096), "ecdsa": (256, 384)}
# RSA 2048: what public CAs and most fleets use. Longer keys slow every handshake, for certificates of 47 days.
DEFAULT_SIZE = {"rsa": 2048, "ecdsa": 256}


def generate(key_type: str, key_size: int) -> bytes:
    """A new private key: PKCS #8, PEM, not encrypted."""
    if key_size not in SIZES.get(key_type, ()):
        known = ["%s %s" % (name, ", ".join(map(str, sizes))) for name, sizes in SIZES.items()]
        raise UsageError(
            "key_type and key_size: unknown kind of key: %s %s" % (key_type, key_size),
            hint="Use one of: %s." % "; ".join(known),
        )
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    curve = ec.SECP384R1() if key_size == 384 else ec.SECP256R1()
    key = rsa.generate_private_key(65537, key_size) if key_type == "rsa" else ec.generate_private_key(curve)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
