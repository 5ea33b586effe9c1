# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public certificates and requests: the vectors of cryptography's own tests, certifi's CAs, those of this system."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import certifi
import cryptography_vectors
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import InvalidData
from ansible_collections.certfleet.reseller.plugins.module_utils._decode import sources

VECTORS = Path(cryptography_vectors.__file__).parent
SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")


def vector(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def files(corpus: str) -> list[Path]:
    if corpus == "system":
        return [SYSTEM] if os.path.exists(SYSTEM) else []
    if corpus == "certifi":
        return [Path(certifi.where())]
    folders = {"pkits": ["x509/PKITS_data/certs"], "vectors": ["x509", "pkcs7"]}[corpus]
    found = [path for folder in folders for path in sorted((VECTORS / folder).rglob("*")) if path.is_file()]
    return [path for path in found if corpus == "pkits" or "PKITS_data" not in path.parts]


@functools.lru_cache
def pieces(corpus: str) -> dict[str, sources.Piece]:
    """All certificates and requests of a corpus, each once, by file and place in it."""
    found: dict[str, sources.Piece] = {}
    seen = set()
    for path in files(corpus):
        try:
            inside = sources.find(path.read_bytes()).pieces
        except InvalidData:
            continue
        for number, piece in enumerate(inside):
            if piece.der not in seen:
                seen.add(piece.der)
                found[path.name if number == 0 else f"{path.name} {number}"] = piece
    return found
