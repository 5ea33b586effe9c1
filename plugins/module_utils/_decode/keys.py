# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys, and the private key that may belong to one."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Callable

from .._core.errors import InvalidData
from .._x509 import der, pem
from .._x509.guard import guard, require_library
from .notes import Notes
from .words import KEYS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    Load = Callable[[], PublicKeyTypes]

_LIMIT = 20 * 1000
_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")
# RFC 8032 and RFC 7748; the objects of these keys do not say their size
_SIZES = {"ed25519": 256, "ed448": 456, "x25519": 253, "x448": 448}
_LEAST = {"rsa": 2048, "dsa": 2048, "ecdsa": 224}


class PrivateKey:
    """Answers one question: whether a public key is its own."""

    def __init__(self, data: bytes, source: str) -> None:
        require_library()
        from cryptography.hazmat.primitives.serialization import load_der_private_key

        blocks = pem.blocks(data, source, _LIMIT, 2)
        found = [block for block in blocks if block.label not in ("EC PARAMETERS", "DSA PARAMETERS")]
        if [block.label for block in found] == ["ENCRYPTED PRIVATE KEY"]:
            raise InvalidData("%s: the private key is encrypted" % source, hint="Give a key without a passphrase.")
        if len(found) != 1 or found[0].label not in _LABELS:
            raise InvalidData("%s: not exactly one private key" % source)
        with guard(source, "not a readable private key"):
            key = load_der_private_key(found[0].der, None)
            self._digest = _digest(key.public_key())

    def fits(self, key: PublicKeyTypes) -> bool:
        return _digest(key) == self._digest


def public_key(spki: bytes, load: Load, notes: Notes, private: PrivateKey | None) -> dict[str, Any]:
    """The fields of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). ``load`` makes an object of it, which not every key can become."""
    key = notes.attempt("public key", load)
    kind = None if key is None else _kind(key)
    size: int | None = getattr(key, "key_size", None) or _SIZES.get(kind or "")
    if size is not None and size < _LEAST.get(kind or "", 0):
        notes.add("weak_key", "a key of the type %s with %d bits" % (kind, size))
    curve = getattr(key, "curve", None)
    return {
        "key_type": kind,
        "key_size": size,
        "key_curve": getattr(curve, "name", None),
        "key_algorithm": notes.attempt("algorithm of the key", lambda: _algorithm(spki)),
        "public_key": hashlib.sha256(spki).hexdigest(),
        "public_key_pem": armour(spki, "PUBLIC KEY"),
        "private_key_matches": None if private is None or key is None else private.fits(key),
    }


def armour(data: bytes, label: str) -> str:
    text = base64.b64encode(data).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, "\n".join(lines), label)


def _kind(key: PublicKeyTypes) -> str:
    """The collection's words, ``rsa`` and ``ecdsa``; for others that of the library."""
    word = type(key).__name__.lower().lstrip("_")
    word = word[: -len("publickey")] if word.endswith("publickey") else word
    return {"ellipticcurve": "ecdsa", "ec": "ecdsa"}.get(word, word)


def _algorithm(spki: bytes) -> str:
    parts = der.children(spki, der.element(spki))
    oid = der.dotted(der.content(spki, der.children(spki, parts[0])[0]))
    return KEYS.get(oid, oid)


def _digest(key: PublicKeyTypes) -> bytes:
    """Of the key as the library writes it: a point that is compressed, or a key for PSS alone, is the same key in another form."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
