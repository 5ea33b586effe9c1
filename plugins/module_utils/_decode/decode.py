# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at certificates and requests in files or in a text."""

from __future__ import annotations

import glob
import os
from datetime import datetime
from typing import Any, Callable, Mapping, Sequence

from .._core import files, pool
from .._core.clock import SYSTEM, Clock
from .._core.errors import CollectionError, InvalidData, StateError, UsageError, clean
from . import sources
from .document import Decoder, Document, Local, decode, quiet, show
from .keys import PrivateKey
from .times import at

MOST_FILES = 10 * 1000
_NAMED = 10
# requests to the provider at once
_WORKERS = 5

Connect = Callable[[Mapping[str, Any]], Any]


class Decode:
    """``problem``: what could not be decoded. The results of all the others go with it."""

    def __init__(self, clock: Clock = SYSTEM, connect: Connect | None = None) -> None:
        self._clock = clock
        self._connect = connect
        self.problem: CollectionError | None = None

    def look(self, params: dict[str, Any], may_write: bool) -> dict[str, Any]:
        moment = at(params["at"], self._clock)
        decoder, workers = self._decoder(params, moment)
        with quiet():
            documents = self._documents(params, decoder, workers)
        if params["fail_on_error"]:
            self.problem = _problem(documents)
        return show(documents)

    def _decoder(self, params: Mapping[str, Any], moment: datetime) -> tuple[Decoder, int]:
        private = _private_key(params["private_key_path"])
        if params["decoder"] == "local":
            return Local(moment, private), 1
        from .remote import Remote, connect

        return Remote((self._connect or connect)(params), moment, private), _WORKERS

    def _documents(self, params: Mapping[str, Any], decoder: Decoder, workers: int) -> list[Document]:
        if params["content"] is not None:
            return [decode(params["content"].encode("utf-8", "replace"), None, decoder)]
        paths = [params["path"]] if params["path"] is not None else expand(params["paths"])
        outcomes = pool.each(lambda path: _file(path, decoder), paths, workers)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in outcomes]


def expand(patterns: Sequence[str]) -> list[str]:
    """Files in the order of the patterns, those of one pattern sorted, each once. Directories that fit a pattern are not meant.
    A pattern without a file stays, to be named.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = [] if os.path.lexists(pattern) else sorted(glob.glob(pattern, recursive=True))
        names = [name for name in fitting if not os.path.isdir(name)]
        found.update(dict.fromkeys(names or [pattern]))
    if len(found) > MOST_FILES:
        raise UsageError("paths are %d files, more than %d" % (len(found), MOST_FILES))
    return list(found)


def _file(path: str, decoder: Decoder) -> Document:
    try:
        data = _read(path)
    except StateError as error:
        failed = Document(path)
        failed.failed(error)
        return failed
    return decode(data, path, decoder)


def _read(path: str) -> bytes:
    """Links are followed: what is decoded is only looked at, and ``/etc/ssl`` is full of them."""
    try:
        real = os.path.realpath(path)
        data = files.read(real, sources.LIMIT)
    except StateError as error:
        if os.path.isdir(real):
            raise StateError("is a directory", hint="Give paths a pattern: %s" % os.path.join(path, "*")) from None
        raise StateError(error.message.replace(real + " ", "", 1)) from None
    except OSError as error:
        raise StateError("cannot be read (%s)" % (error.strerror or type(error).__name__)) from None
    except ValueError:  # a zero byte in the path
        raise StateError("not a path") from None
    if data is None:
        what = "no file fits the pattern" if glob.has_magic(path) else "there is no such file"
        raise StateError(what, hint="Correct the path; it is one of the machine that the task runs on.")
    return data


def _private_key(path: str | None) -> PrivateKey | None:
    if path is None:
        return None
    try:
        return PrivateKey(_read(path), path)
    except StateError as error:
        raise StateError("private_key_path %s: %s" % (path, error.message)) from None


def _problem(documents: Sequence[Document]) -> CollectionError | None:
    """All that could not be decoded as one error: the first ten files in the sentence, the others by number."""
    failed = [(document.path or "content", document) for document in documents if document.errors]
    if not failed:
        return None
    sentences = ["%s: %s" % (name, " | ".join(document.errors[:_NAMED])) for name, document in failed[:_NAMED]]
    if len(failed) > _NAMED:
        sentences.append("and %d more" % (len(failed) - _NAMED))
    text = " | ".join(clean(each, 1000) for each in sentences)
    if len(documents) > 1:
        text = "%d of %d files could not be decoded: %s" % (len(failed), len(documents), text)
    error = CollectionError(text, failed={name: document.errors for name, document in failed})
    first = failed[0][1].first
    if first is not None:
        error.kind, error.status, error.code = first.kind, first.status, first.code
        if first.kind == InvalidData.kind:
            error.hint = "Give certificates, requests or bundles of them, in PEM, DER or base64."
    return error
