# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Picks the resource of ``sslmarket_certificate`` by its ``state``."""

from __future__ import annotations

from typing import Any, Callable

from .._core.engine import Resource
from .._core.plan import Plan, Step
from .certificate import CertificateResource
from .withdraw import RevokeResource, WithdrawResource

_BY_STATE: dict[str, Callable[[], Resource]] = {
    "present": CertificateResource,
    "reissue_cancelled": WithdrawResource,
    "revoked": RevokeResource,
}


class StateResource:
    _inner: Resource

    @property
    def workers(self) -> int:
        return getattr(self._inner, "workers", 1)

    @property
    def problem(self) -> Exception | None:
        return getattr(self._inner, "problem", None)

    def want(self, params: dict[str, Any]) -> Any:
        self._inner = _BY_STATE[params["state"]]()
        return self._inner.want(params)

    def read(self, want: Any) -> Any:
        return self._inner.read(want)

    def plan(self, want: Any, have: Any) -> Plan:
        return self._inner.plan(want, have)

    def apply(self, step: Step) -> None:
        self._inner.apply(step)

    def show(self, want: Any, have: Any, plan: Plan) -> dict[str, Any]:
        return self._inner.show(want, have, plan)

    def remarks(self, want: Any, have: Any) -> list[str]:
        remarks = getattr(self._inner, "remarks", None)
        return list(remarks(want, have)) if remarks else []
