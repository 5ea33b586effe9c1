# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider's word instead of a check of our own: SSLmarket's API asks the responder, and tells what it was told.

Nothing about it can be proven, so a result never says ``verified``. The API knows two words, ``good`` and ``revoked``; its dates have
neither a documented format nor a zone, and are passed on as they are.
"""

from __future__ import annotations

from typing import Any, Mapping

from .._core.clock import Deadline
from .._core.errors import AuthError, CollectionError, ProtocolError, ProviderError, RateLimited, clean
from .._sslmarket.api import Api
from .._x509.facts import pem
from .check import Checked, no_answer
from .inputs import Subject
from .model import NOT_CHECKABLE, SETTLED, UNKNOWN, UNREACHABLE, Verdict

_SHOWN = ("status", "this_update", "next_update")
LANE = "sslmarket"
_SECONDS = 30


class ProviderChecker:
    def __init__(self, api: Api, total: Deadline | None = None) -> None:
        self._api = api
        self._total = total
        self._failure: Verdict | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> ProviderChecker:
        """``responder_timeout`` is for a responder; here it is the API that has to ask one."""
        api = Api.from_params({**params, "timeout": min(params["timeout"], _SECONDS)})
        return cls(api, Deadline(params["timeout"]))

    def lane(self, _subject: Subject) -> str:
        return LANE

    def check(self, subject: Subject, _staple: Verdict | None = None) -> Checked:
        if subject.leaf is None:
            return Checked(subject, Verdict(NOT_CHECKABLE, subject.obstacle or "there is no certificate"))
        verdict = self._failure or self._ask(pem(subject.leaf).decode("ascii"))
        return Checked(subject, verdict, (verdict,))

    def _ask(self, text: str) -> Verdict:
        if self._total is not None and self._total.over():
            over = "the time for all certificates together is over"
            return Verdict(UNREACHABLE, over, source=LANE, url=self._api.api_url)
        try:
            return _read(self._api.ocsp(text), self._api.api_url)
        except AuthError:
            raise  # it would be the same for all
        except CollectionError as error:
            verdict = self._failed(error)
        if verdict.status == UNREACHABLE:
            self._failure = verdict
        return verdict

    def _failed(self, error: CollectionError) -> Verdict:
        status = no_answer(error).status
        if isinstance(error, RateLimited):
            status = UNREACHABLE
        elif isinstance(error, ProviderError) and not isinstance(error, ProtocolError):
            status = NOT_CHECKABLE  # its no is about the certificate
        reason = error.message + (": " + error.detail if error.detail else "")
        return Verdict(status, reason, source=LANE, url=self._api.api_url)


def _read(value: Mapping[str, Any], url: str) -> Verdict:
    word = value.get("status")
    shown = {name: clean(value[name], 60) for name in _SHOWN if value.get(name) is not None}
    status = word.lower() if isinstance(word, str) else ""
    if status in SETTLED:
        reason = "SSLmarket says that it is revoked" if status == SETTLED[1] else ""
        return Verdict(status, reason, source=LANE, url=url, provider=shown)
    return Verdict(UNKNOWN, "SSLmarket's word for it is not known", source=LANE, url=url, provider=shown)
