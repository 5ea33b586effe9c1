# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One text or file, decoded: its certificates, its requests, and what there is to say about the whole."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Iterator, Protocol, Sequence

from .._core.errors import CollectionError, InvalidData
from .._x509.guard import require_library
from . import certificate, request, sources
from .bundle import Chain
from .keys import PrivateKey

# in one file: names are the cheapest way to make a lot of a little
MOST_NAMES = 50 * 1000


class Decoder(Protocol):
    def certificate(self, der: bytes) -> dict[str, Any]:
        """The fields of a certificate."""

    def request(self, der: bytes) -> dict[str, Any]:
        """The fields of a certificate signing request."""


class Local:
    """Nothing leaves the machine."""

    def __init__(self, at: datetime, private: PrivateKey | None = None) -> None:
        require_library()
        self._at = at
        self._private = private

    def certificate(self, der: bytes) -> dict[str, Any]:
        return certificate.decode(der, self._at, self._private)

    def request(self, der: bytes) -> dict[str, Any]:
        return request.decode(der, self._private)


@dataclass
class Document:
    """``source`` in each entry is the path and the place among the entries of its kind; ``path`` is ``None`` for text.

    ``errors`` are sentences; ``first`` is the first of them as an error, for what machines want to know of it.
    """

    path: str | None
    form: str | None = None
    certificates: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    chain: dict[str, Any] | None = None
    errors: list[str] = field(default_factory=list)
    first: CollectionError | None = None

    def failed(self, error: CollectionError, where: str = "") -> None:
        self.first = self.first or error
        self.errors.append(where + error.sentence())

    def show(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "form": self.form,
            "certificates": len(self.certificates),
            "requests": len(self.requests),
            "others": self.others,
            "chain": self.chain,
            "errors": self.errors,
        }


def decode(data: bytes, path: str | None, decoder: Decoder) -> Document:
    document = Document(path)
    try:
        found = sources.find(data)
    except InvalidData as error:
        document.failed(error)
        return document
    document.form, document.others = found.form, found.others
    for text in found.errors:
        document.failed(InvalidData(text))
    ders = []
    names = 0
    for number, piece in enumerate(found.pieces, 1):
        if names > MOST_NAMES:
            document.failed(InvalidData("more than %d names in one file" % MOST_NAMES))
            break
        try:
            shown = _piece(document, piece, decoder)
        except CollectionError as error:
            document.failed(error, "%d of %d: " % (number, len(found.pieces)) if len(found.pieces) > 1 else "")
            continue
        names += len(shown["alternative_names"] or ())
        if piece.kind == sources.CERTIFICATE:
            ders.append(piece.der)
    if ders and document.certificates[0]["decoder"] == "local":
        ordered = all(piece.ordered for piece in found.pieces)
        document.chain = Chain(document.certificates, ders).show(ordered)
    return document


def show(documents: Sequence[Document]) -> dict[str, Any]:
    return {
        "certificates": [each for document in documents for each in document.certificates],
        "requests": [each for document in documents for each in document.requests],
        "files": [document.show() for document in documents],
    }


def _piece(document: Document, piece: sources.Piece, decoder: Decoder) -> dict[str, Any]:
    if piece.kind == sources.CERTIFICATE:
        shown, entries = decoder.certificate(piece.der), document.certificates
    else:
        shown, entries = decoder.request(piece.der), document.requests
    entry = {"source": {"path": document.path, "index": len(entries)}, **shown}
    entries.append(entry)
    return entry


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the library warns of, such as serial numbers below zero, is among the problems already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
