# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles of a set: files made of the others, on the controller.

A PKCS#12 file is another one each time it is made, for its salts are random. So it is made once per version and password and kept beside
the set; every host and every run gets the same bytes, and a comparison by digest tells the truth. What it was made of is kept with
it, as a code that only who has the private key can test passwords against.

Not for managed hosts: it needs ``cryptography``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any, Mapping

from .._core import files
from .._core.errors import StateError, UsageError
from .model import COMBINED, KEY, KEYSTORE

_CODE = ".keystore.json"
_FORM = b"certfleet keystore 1"


def combined(contents: Mapping[str, bytes]) -> bytes:
    """The key first: Postfix wants it before the certificate, the others take any order."""
    parts = (contents[KEY], contents["fullchain.pem"])
    return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts)


def bundles(version: str, options: Mapping[str, Any], contents: Mapping[str, bytes], writing: bool) -> dict[str, bytes]:
    """The wanted bundles. ``version`` is the directory of the set's version; nothing is kept there unless ``writing``."""
    wanted, found = options.get("bundles") or (), {}
    if COMBINED in wanted:
        found[COMBINED] = combined(contents)
    if KEYSTORE in wanted:
        found[KEYSTORE] = _keystore(version, str(options["name"]), _password(options), contents, writing)
    return found


def _keystore(version: str, name: str, password: bytes, contents: Mapping[str, bytes], writing: bool) -> bytes:
    code = _code(name, password, contents)
    kept = _kept(version, code)
    if kept is None and not writing:
        return _make(name, password, contents)  # it will differ from what is on a host, as the one that is kept would
    if kept is None:
        with files.lock(version):  # plays have one process for each host
            kept = _kept(version, code)
            if kept is None:
                kept = _make(name, password, contents)
                files.write(os.path.join(version, KEYSTORE), kept)
                digest = hashlib.sha256(kept).hexdigest()
                files.write_json(os.path.join(version, _CODE), {"code": code, "digest": digest})
    return kept


def _kept(version: str, code: str) -> bytes | None:
    """The one that was made of the same; ``None`` if there is none, or only half of it."""
    known = files.read_json(os.path.join(version, _CODE)) or {}
    if not hmac.compare_digest(str(known.get("code")).encode(), code.encode()):
        return None
    kept = files.read(os.path.join(version, KEYSTORE))
    return kept if kept is not None and hashlib.sha256(kept).hexdigest() == known.get("digest") else None


def _code(name: str, password: bytes, contents: Mapping[str, bytes]) -> str:
    secret = hashlib.sha256(contents[KEY]).digest()
    parts = (_FORM, name.encode("utf-8"), contents["fullchain.pem"], password)
    made_of = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret, made_of, hashlib.sha256).hexdigest()


def _make(name: str, password: bytes, contents: Mapping[str, bytes]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    key: Any = serialization.load_pem_private_key(contents[KEY], None)
    leaf, *chain = x509.load_pem_x509_certificates(contents["fullchain.pem"])
    protection = serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(name.encode("utf-8"), key, leaf, chain, protection)


def _password(options: Mapping[str, Any]) -> bytes:
    name, path = options["name"], options.get("keystore_password_path")
    password: str = options.get("keystore_password") or ""
    if bool(password) == bool(path):
        raise UsageError(
            "%s of %r needs a password" % (KEYSTORE, name),
            hint="Give keystore_password_path, a file that others cannot read, or keystore_password; not both.",
        )
    if not path:
        return password.encode("utf-8")
    path = os.path.expanduser(path)
    content = files.read(path, 4096)
    if content is None:
        raise StateError("%s does not exist, the password of %s of %r" % (path, KEYSTORE, name))
    if (files.mode_of(path) or 0) & 0o077:
        raise StateError("%s can be read by others" % path, hint="Run chmod 600 on it.")
    lines = content.splitlines()
    if not lines or not lines[0]:
        raise StateError("%s is empty, it should have the password of %s of %r" % (path, KEYSTORE, name))
    return lines[0]
