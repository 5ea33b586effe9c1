# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registered ACME account as the files in which lego and certbot look for theirs. On the controller; needs `cryptography`.

The client finds an account that is registered, and never asks for the binding: no HMAC goes to a host.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from .._core.errors import InvalidData, UsageError
from .job import CERTBOT, LEGO

# certbot compares nothing with it, but wants one.
_CREATED = "2020-01-01T00:00:00Z"


def build(client: str, key: bytes, url: str, directory_url: str, email: str) -> dict[str, bytes]:
    """Paths below the client's directory and contents; all of them secret. The same account makes the same bytes.

    ``key`` is the account key (PEM), ``url`` the account's.
    """
    if client == LEGO:
        return _lego(key, url, directory_url, email)
    if client == CERTBOT:
        return _certbot(key, url, directory_url)
    raise UsageError("there is no account for the client %s" % client)


def _lego(key: bytes, url: str, directory_url: str, email: str) -> dict[str, bytes]:
    """lego 4, ``cmd/accounts_storage.go``: by the host of the directory and the e-mail address."""
    from cryptography.hazmat.primitives import serialization

    if "/" in email or email.startswith("."):
        raise UsageError("the contact %r cannot be the name of a directory, which lego wants" % email)
    host = urlsplit(directory_url).netloc.replace(":", "_")
    # PKCS #8 is an "unknown private key type"
    pem = _load(key).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    registration = {"body": {"status": "valid", "contact": ["mailto:" + email]}, "uri": url}
    top = "accounts/%s/%s" % (host, email)
    return {
        top + "/account.json": _json({"email": email, "registration": registration}),
        "%s/keys/%s.key" % (top, email): bytes(pem),
    }


def _certbot(key: bytes, url: str, directory_url: str) -> dict[str, bytes]:
    """certbot, ``_internal/account.py``: by host and path of the directory and the MD5 of the public key, as PEM."""
    from cryptography.hazmat.primitives import serialization

    private = _load(key)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    place = urlsplit(directory_url)
    # a name, not a protection
    name = hashlib.md5(public, usedforsecurity=False).hexdigest()
    top = "/".join(part for part in ("accounts", place.netloc, *place.path.split("/"), name) if part)
    return {
        top + "/private_key.json": _json(_jwk(private)),
        top + "/regr.json": _json({"body": {}, "uri": url}),
        top + "/meta.json": _json({"creation_dt": _CREATED, "creation_host": "certfleet", "register_to_eff": None}),
    }


def _load(key: bytes) -> Any:
    from .._x509 import load

    return load.private_key(key, "the account key")


def _jwk(private: Any) -> dict[str, str]:
    """RFC 7518 section 6."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(private, rsa.RSAPrivateKey):
        numbers, public = private.private_numbers(), private.public_key().public_numbers()
        values = {"n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
        values.update({"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp})
        return {"kty": "RSA", **{name: _number(value) for name, value in values.items()}}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        size, point = (private.key_size + 7) // 8, private.public_key().public_numbers()
        values = {"x": point.x, "y": point.y, "d": private.private_numbers().private_value}
        curve = "P-%d" % private.key_size
        return {"kty": "EC", "crv": curve, **{name: _number(value, size) for name, value in values.items()}}
    raise InvalidData("the account key is neither RSA nor ECDSA")


def _number(value: int, size: int = 0) -> str:
    data = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode("utf-8") + b"\n"
