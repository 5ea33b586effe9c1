# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning of a credential record, the same for every provider that hands out EAB credentials."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import credential, files
from .clock import SYSTEM, iso
from .credential import Record
from .errors import CollectionError, StateError
from .plan import Plan, Step


@dataclass(frozen=True)
class Want:
    """``access`` is the provider's own: how to sign in, and whom to ask for."""

    identity: str
    api_url: str
    path: str
    directory_urls: tuple[str, ...]
    return_hmac: bool
    access: Any = field(repr=False, default=None)


@dataclass(frozen=True)
class Have:
    record: Record | None
    mode: int | None
    interrupted: str | None  # since when a call of an earlier run has had no known outcome


class Provider(Protocol):
    """What differs between providers. ``repeatable``: asking again for the same identity gives the same credential."""

    name: str
    noun: str  # what the provider calls it, for messages: "EAB credential", "account"
    result: str  # the key of the result
    repeatable: bool

    def want(self, params: dict[str, Any]) -> Want:
        """The options, checked and normalised."""

    def check_access(self, want: Want) -> None:
        """``UsageError`` if sign-in data is missing; no request."""

    def sign_in(self, want: Want) -> Any:
        """What the call needs, a token say; nothing is created yet."""

    def ask(self, client: Any, want: Want, interrupted: str | None) -> Record:
        """The one call."""

    def show(self, record: Record) -> dict[str, Any]:
        """What the result has beside the members that all records share."""


class CredentialResource:
    """Idempotent by the record: where it is in place, nothing is sent and no library is loaded."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def want(self, params: dict[str, Any]) -> Want:
        return self._provider.want(params)

    def read(self, want: Want) -> Have:
        record = credential.load(want.path)
        if record is not None:
            self._refuse_foreign(want, record)
        intent = None if record else files.read_json(_intent(want.path))
        return Have(record, files.mode_of(want.path), str(intent.get("since", "unknown")) if intent else None)

    def plan(self, want: Want, have: Have) -> Plan:
        shown = {"path": want.path, "provider": self._provider.name, "identity": want.identity}
        after = {**shown, "mode": "0600"}
        if have.record is None:
            self._provider.check_access(want)
            reason = "there is no record yet"
            if have.interrupted:
                reason = "an earlier run was cut off after it had asked (%s)" % have.interrupted
            step = Step(
                "create", "%s for %s at %s" % (self._provider.noun, want.identity, self._provider.name), data=want
            )
            return Plan((step,), {}, after, reason=reason)
        if have.mode is not None and have.mode & (stat.S_IRWXG | stat.S_IRWXO):
            before = {**shown, "mode": "%04o" % have.mode}
            return Plan((Step("restrict", want.path, data=want),), before, after, reason="others may read the record")
        return Plan(before=after, after=after, reason="the record is in place")

    def apply(self, step: Step) -> None:
        want: Want = step.data
        if step.action == "restrict":
            files.restrict(want.path)
            return
        directory = os.path.dirname(os.path.abspath(want.path))
        files.make_directory(directory)
        with files.lock(directory):
            if credential.load(want.path) is None:  # else another run was faster
                self._create(want)

    def show(self, want: Want, have: Have, plan: Plan) -> dict[str, Any]:
        record = have.record
        if record is None:  # check mode: the provider would choose the kid
            return {self._provider.result: {"provider": self._provider.name, "path": want.path, "kid": None}}
        shown: dict[str, Any] = {
            "provider": record.provider,
            "kid": record.kid,
            "path": want.path,
            "created": record.created,
            "directory_urls": list(record.directory_urls),
            **self._provider.show(record),
        }
        if want.return_hmac:
            shown["hmac_key"] = record.hmac_key.open()
        return {self._provider.result: shown}

    def _create(self, want: Want) -> None:
        intent = _intent(want.path)
        earlier = files.read_json(intent)
        files.prove_writable(want.path)
        client = self._provider.sign_in(want)
        if not self._provider.repeatable and earlier is None:
            files.write_json(
                intent, {"provider": self._provider.name, "identity": want.identity, "since": iso(SYSTEM.now())}
            )
        try:
            record = self._provider.ask(client, want, str(earlier.get("since")) if earlier else None)
        except CollectionError as error:
            if earlier is None and error.kind not in ("outcome_unknown", "protocol"):
                files.remove(intent)  # surely refused or not sent: nothing is open
            raise
        credential.save(want.path, record)
        files.remove(intent)

    def _refuse_foreign(self, want: Want, record: Record) -> None:
        for what, found, wanted in (
            ("provider", record.provider, self._provider.name),
            ("identity", record.identity, want.identity),
            ("api_url", record.api_url, want.api_url),
        ):
            if found != wanted:
                raise StateError(
                    "the record %s belongs to %s %r, not %r" % (want.path, what, found, wanted),
                    hint="Give another path, or move the record away if it is no longer used.",
                )


def _intent(path: str) -> str:
    return path + ".intent"
