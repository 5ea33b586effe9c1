# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to certificates: paths, globs, set directories, text. One that cannot be read does not hold up the others."""

from __future__ import annotations

import base64
import glob
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .._core import files
from .._core.errors import CollectionError, InvalidData, StateError, UsageError
from .._x509 import load, path
from .._x509.facts import Facts, extension, facts
from . import crl

if TYPE_CHECKING:
    from cryptography import x509

_FULLCHAIN = "fullchain.pem"
# of a certificate set's directory
_LIVE = os.path.join("current", _FULLCHAIN)
_MOST_URLS = 3


@dataclass(frozen=True)
class Item:
    """What the user names. ``content`` is given instead of ``path``."""

    path: str | None = None
    content: str | None = field(default=None, repr=False)
    issuer_path: str | None = None
    staple_path: str | None = None

    @property
    def label(self) -> str:
        return self.path if self.path is not None else "content"


@dataclass(frozen=True)
class Subject:
    """A certificate with its issuer, if that is known, and whom to ask. ``facts`` is ``None`` when there is nothing to check.

    ``obstacle`` says why nobody can be asked, ``error`` why it could not be read.
    """

    item: Item
    leaf: x509.Certificate | None = None
    issuer: x509.Certificate | None = None
    facts: Facts | None = None
    ocsp_urls: tuple[str, ...] = ()
    points: tuple[crl.Point, ...] = ()
    obstacle: str | None = None
    error: CollectionError | None = None


def items(params: Mapping[str, Any]) -> list[Item]:
    """All that the options name, in their order, each once."""
    shared = params["issuer_path"]
    if params["content"] is not None:
        return [Item(None, params["content"], shared, params["staple_path"])]
    if params["certificates"] is not None:
        found = [
            Item(_file(entry["path"]), None, entry["issuer_path"] or shared, entry["staple_path"])
            for entry in params["certificates"]
        ]
        _check_staples(found)
        return list(dict.fromkeys(found))
    names = [name for pattern in params["paths"] for name in _expanded(pattern)]
    found = [Item(name, None, shared) for name in dict.fromkeys(names)]
    if params["staple_path"] is not None:
        if len(found) != 1:
            raise UsageError(
                "staple_path is for one certificate, and paths has %d" % len(found),
                hint="Give certificates, with a staple_path for each.",
            )
        return [Item(found[0].path, None, shared, params["staple_path"])]
    return found


class Reader:
    """Reads items one by one. The certificate of an issuer that many have in common is looked at once."""

    def __init__(self) -> None:
        self._facts: dict[x509.Certificate, Facts] = {}

    def read(self, item: Item) -> Subject:
        try:
            return self._read(item)
        except OSError as error:
            return _unread(item, StateError("%s: %s" % (item.label, error.strerror or type(error).__name__)))
        except CollectionError as error:
            return _unread(item, error)

    def _read(self, item: Item) -> Subject:
        if item.path is not None and os.path.isdir(item.path):
            return Subject(item, obstacle="the directory has no certificate yet (%s)" % _LIVE)
        bundle = _bundle(item.path, item.content, item.label)
        leaf = next((each for each in bundle if not self._known(each).is_ca), bundle[0])
        candidates = [each for each in bundle if each != leaf]
        if item.issuer_path is not None:
            candidates = _bundle(_file(item.issuer_path), None, item.issuer_path) + candidates
        urls, lists = _ocsp_urls(leaf), tuple(crl.points(leaf)[:_MOST_URLS])
        issuer = next((each for each in candidates if self._known(each).is_ca and path.issued(leaf, each)), None)
        obstacle = None
        if path.self_signed(leaf):
            obstacle = "the certificate is self-signed: nobody can revoke it"
        elif not urls and not any(point.urls for point in lists):
            obstacle = "the certificate names neither an OCSP responder nor a CRL"
        elif issuer is None:
            obstacle = "the certificate of its issuer is not at hand, and nothing can be proven without it"
        return Subject(item, leaf, issuer, self._known(leaf), urls, lists, obstacle)

    def _known(self, certificate: x509.Certificate) -> Facts:
        if certificate not in self._facts:
            self._facts[certificate] = facts(certificate)
        return self._facts[certificate]


def _unread(item: Item, error: CollectionError) -> Subject:
    return Subject(item, obstacle=error.message, error=error)


def _ocsp_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    found = extension(certificate.extensions, x509.AuthorityInformationAccess)
    locations = [
        entry.access_location for entry in found or () if entry.access_method == AuthorityInformationAccessOID.OCSP
    ]
    urls = [location.value for location in locations if isinstance(location, x509.UniformResourceIdentifier)]
    return tuple(dict.fromkeys(urls))[:_MOST_URLS]


def _bundle(name: str | None, content: str | None, label: str) -> list[x509.Certificate]:
    data = content.encode("utf-8") if content is not None else _content(name or "")
    if data[:1] == b"\x30":  # DER: a SEQUENCE
        lines = base64.encodebytes(data)
        data = b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"
    return load.certificates(data, label)


def _content(name: str) -> bytes:
    """Certificates are public, and a link to one (``/etc/letsencrypt/live``) is as good as itself."""
    data = files.read(os.path.realpath(name), 2 * load.LIMIT)
    if data is None:
        raise InvalidData("%s: there is no such file" % name)
    return data


def _expanded(pattern: str) -> list[str]:
    name = os.path.expanduser(os.path.expandvars(pattern))
    if os.path.lexists(name):
        return [_file(name)]
    found = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else [name]
    if not found:
        raise UsageError("%s matches nothing" % pattern)
    return [_file(each) for each in found]


def _file(name: str) -> str:
    """The bundle of a directory: of a certificate set, or of one of its versions."""
    if os.path.isdir(name):
        for inner in (_FULLCHAIN, _LIVE):
            if os.path.exists(os.path.join(name, inner)):
                return os.path.join(name, inner)
    return name


def _check_staples(found: Sequence[Item]) -> None:
    staples = [os.path.abspath(item.staple_path) for item in found if item.staple_path is not None]
    for name in staples:
        if staples.count(name) > 1:
            raise UsageError(
                "the staple_path %s is given twice" % name, hint="Each certificate has a staple of its own."
            )
