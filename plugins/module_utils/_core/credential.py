# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credential record: one EAB credential in one 0600 file, for our modules and for other ACME clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import eab, files
from .errors import InvalidData, StateError
from .secret import Secret

VERSION = 1


@dataclass(frozen=True)
class Record:
    """``identity`` is what the provider knows the customer by: SSL.com's description, IdenTrust's e-mail.

    ``account`` holds what else the provider said about it; ``created`` is ISO 8601 UTC.
    """

    provider: str
    identity: str
    api_url: str
    kid: str
    hmac_key: Secret
    directory_urls: tuple[str, ...]
    created: str
    account: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "provider": self.provider,
            "identity": self.identity,
            "api_url": self.api_url,
            "kid": self.kid,
            "hmac_key": self.hmac_key.open(),
            "directory_urls": list(self.directory_urls),
            "created": self.created,
            "account": self.account,
        }


def load(path: str) -> Record | None:
    """The record at ``path``, ``None`` if there is none; a damaged or newer one is a ``StateError``."""
    value = files.read_json(path)
    if value is None:
        return None
    if value.get("version") != VERSION:
        raise StateError(
            "%s is no credential record of version %d" % (path, VERSION),
            hint="Give another path; if a newer release wrote it, update the collection.",
        )
    try:
        return _from_json(value)
    except (KeyError, TypeError, InvalidData):
        raise StateError(
            "%s is a damaged credential record" % path, hint="Restore it from a backup, or move it away and run again."
        ) from None


def save(path: str, record: Record) -> None:
    files.write_json(path, record.to_json(), files.SECRET)


def _from_json(value: dict[str, Any]) -> Record:
    account = value.get("account", {})
    directory_urls = value["directory_urls"]
    texts = (value["provider"], value["identity"], value["api_url"], value["created"], *directory_urls)
    if not all(isinstance(text, str) for text in texts) or not isinstance(account, dict):
        raise TypeError
    return Record(
        provider=value["provider"],
        identity=value["identity"],
        api_url=value["api_url"],
        kid=eab.kid(value["kid"]),
        hmac_key=eab.hmac_key(value["hmac_key"]),
        directory_urls=tuple(directory_urls),
        created=value["created"],
        account=account,
    )
