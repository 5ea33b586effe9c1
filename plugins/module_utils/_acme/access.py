# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules for orders have in common: the account they use, and the sets they work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core import files
from .._core.clock import Clock
from .._core.errors import StateError, UsageError
from .._sets.store import SetStore
from .._sets.wanted import Wanted, from_params
from . import account
from .client import AcmeClient, Clients


@dataclass(frozen=True)
class Want:
    directory_url: str
    key_path: str
    store: SetStore
    certificates: tuple[Wanted, ...]
    workers: int
    timeout: float
    wait_timeout: float
    ca_path: str | None

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> Want:
        if params["workers"] < 1:
            raise UsageError("workers must be 1 or more")
        return cls(
            directory_url=params["directory_url"],
            key_path=params["account_key_path"],
            store=SetStore(params["sets_path"]),
            certificates=from_params(params),
            workers=params["workers"],
            timeout=params["timeout"],
            wait_timeout=params.get("wait_timeout") or 0,
            ca_path=params["ca_path"],
        )

    def account_url(self) -> str | None:
        """The URL of the account at this directory, if it is registered."""
        known = account.load(self.key_path)
        if known is not None and known["directory_url"] != self.directory_url:
            raise StateError(
                "the account key %s belongs to the directory %s" % (self.key_path, known["directory_url"]),
                hint="Give the account_key_path of the account at %s." % self.directory_url,
            )
        return str(known["url"]) if known else None

    def clients(self, clock: Clock) -> Clients:
        """Clients of the account, one per worker."""
        key, url = files.read(self.key_path), self.account_url()

        def make() -> AcmeClient:
            if key is None or url is None:
                raise UsageError(
                    "there is no account with the key %s yet" % self.key_path, hint="Run acme_account first."
                )
            return AcmeClient(self.directory_url, key, url, self.timeout, self.ca_path, clock)

        return Clients(make)
