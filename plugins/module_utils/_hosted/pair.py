# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key with its chain, as an ACME client has written them, proven by the standard library alone."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterable

from .._core import files
from .._core.clock import from_stamp
from .._core.errors import CollectionError, VerifyError
from .._tls import memory

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_MOST_CERTIFICATES = 16


@dataclass(frozen=True)
class Pair:
    """All that a set is made of. ``serial`` is in lower-case hex; ``names`` are those of the certificate, sorted."""

    key: bytes
    chain: tuple[bytes, ...]
    serial: str
    fingerprint: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    source: str


def read(chain_path: str, key_path: str, domains: Iterable[str]) -> Pair | None:
    """The pair of two files, proven; ``None`` when neither is there. Links are followed: certbot's lineages are made of them.

    ``VerifyError`` when the two do not fit together, have expired, or lack one of ``domains``.
    """
    chain, key = (files.read(os.path.realpath(path)) for path in (chain_path, key_path))
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise VerifyError("%s does not exist" % (chain_path if chain is None else key_path))
    certificates = tuple(match.replace(b"\r", b"").strip() + b"\n" for match in _CERTIFICATE.findall(chain))
    if not 1 <= len(certificates) <= _MOST_CERTIFICATES:
        raise VerifyError("%s has %d certificates" % (chain_path, len(certificates)))
    leaf = _facts(key, certificates, chain_path)
    names = tuple(sorted({value.lower() for kind, value in leaf.get("subjectAltName", ()) if kind == "DNS"}))
    missing = [domain for domain in domains if domain not in names]
    if missing:
        raise VerifyError("the certificate in %s is not for %s" % (chain_path, ", ".join(missing[:5])))
    return Pair(
        key=key,
        chain=certificates,
        serial="%x" % int(leaf["serialNumber"], 16),
        fingerprint=hashlib.sha256(_der(certificates[0])).hexdigest(),
        names=names,
        not_before=_moment(leaf["notBefore"]),
        not_after=_moment(leaf["notAfter"]),
        source=chain_path,
    )


def newest(sources: Iterable[tuple[str, str]], domains: Iterable[str]) -> tuple[Pair | None, list[CollectionError]]:
    """The pair that was issued last, of those that are in order; and what is wrong with the others."""
    best: Pair | None = None
    problems: list[CollectionError] = []
    wanted = tuple(domains)
    for chain_path, key_path in sources:
        try:
            found = read(chain_path, key_path, wanted)
        except CollectionError as error:
            problems.append(error)
            continue
        if found and (best is None or found.not_before > best.not_before):
            best = found
    return best, problems


def _facts(key: bytes, certificates: tuple[bytes, ...], source: str) -> dict[str, Any]:
    try:
        return memory.shake_hands(key, certificates)
    except memory.Unfit as error:
        raise VerifyError("the key and the chain in %s do not fit together" % source, detail=str(error)) from None


def leaf_der(pair: Pair) -> bytes:
    return _der(pair.chain[0])


def _der(certificate: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.decode("ascii").strip())


def _moment(text: str) -> datetime:
    return from_stamp(memory.seconds(text))
