# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the e-mail for the domain control validation of an order again. Every run sends one: nothing tells whether the last one was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core.errors import UsageError
from .._core.plan import Plan, Step
from .api import Api
from .info import Connect, given_id, order_of
from .model import Detail


@dataclass(frozen=True)
class Want:
    order_id: int
    api: Api


class DcvResend:
    def __init__(self, connect: Connect = Api.from_params) -> None:
        self._connect = connect

    def want(self, params: dict[str, Any]) -> Want:
        return Want(given_id(params["order_id"]), self._connect(params))

    def read(self, want: Want) -> Detail:
        return order_of(want.api, want.order_id)

    def plan(self, want: Want, have: Detail) -> Plan:
        if have.issued:
            raise UsageError(
                "order %d is issued: there is nothing to validate" % have.order_id,
                hint="The module sslmarket_order_info shows its state.",
            )
        # only orders of ssl_certificate say the method; for others the provider decides
        if have.dv_auth_method is not None and have.dv_auth_method.lower() != "email":
            raise UsageError(
                "order %d is validated by %s, not by e-mail" % (have.order_id, have.dv_auth_method),
                hint="Publish its dv_auth_content instead, or change dv_auth_method with the module sslmarket_order.",
            )
        step = Step("resend", "validation e-mail of order %d (%s)" % (have.order_id, have.domain), data=want)
        return Plan(steps=(step,), reason="an e-mail is sent in every run")

    def apply(self, step: Step) -> None:
        want: Want = step.data
        want.api.resend(want.order_id)

    def show(self, want: Want, have: Detail, plan: Plan) -> dict[str, Any]:
        return {
            "order": {
                "order_id": have.order_id,
                "product_code": have.product_code,
                "domain": have.domain,
                "names": list(have.names),
                "state": have.state,
                "dv_auth_method": have.dv_auth_method,
            }
        }
