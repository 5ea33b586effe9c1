# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a first run with orders: what SSLmarket's simulator and an ACME server make of them."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.certfleet.reseller.plugins.module_utils._acme import order
from ansible_collections.certfleet.reseller.plugins.module_utils._core import files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError

from tests.support import modules, ordering
from tests.support.fake_acme import Answer
from tests.support.issuing import call
from tests.support.sandbox import Sandbox
from tests.support.situations import NAME, RIGHT, Place, situation
from tests.support.situations_served import ordered, prepared


def _market(place: Place, **knobs: Any) -> Sandbox:
    sandbox: Sandbox = place.sandbox()
    sandbox.reset_knobs()
    sandbox.clear_faults()
    sandbox.knobs(**{"dcv": "none", **knobs})
    return sandbox


def _order(place: Place, sandbox: Sandbox, *names: str, **change: Any) -> modules.Run:
    access = ordering.access(sandbox, place.path / "journal")
    return place.run("sslmarket_order", {**access, "csr_path": place.request(*names), "timeout": 20, **change})


@situation
def product_unknown(place: Place) -> modules.Run:
    return _order(place, _market(place), product_code="RAPIDSSL_RAPIDSLL")


@situation
def product_for_one_name(place: Place) -> modules.Run:
    return _order(place, _market(place), NAME, "shop.alpha.test")


@situation
def product_for_wildcards(place: Place) -> modules.Run:
    return _order(place, _market(place), product_code="RAPIDSSL_RAPIDSSL_WILDCARD")


@situation
def wildcard_by_file(place: Place) -> modules.Run:
    product = {"product_code": "RAPIDSSL_RAPIDSSL_WILDCARD", "dv_auth_method": "FILE"}
    return _order(place, _market(place), "*.alpha.test", **product)


@situation
def csr_of_other_names(place: Place) -> modules.Run:
    return _order(place, _market(place), "www.beta.test", domain=NAME)


@situation
def contact_missing(place: Place) -> modules.Run:
    return _order(place, _market(place), invoice=None)


@situation
def too_many_orders(place: Place) -> modules.Run:
    return _order(place, _market(place), max_orders_per_day=0)


@situation
def order_refused(place: Place) -> modules.Run:
    """The provider's own words, such as a contract that is missing."""
    sandbox = _market(place)
    words = base64.b64encode(json.dumps({"error": "payment", "description": "no contract for this product"}).encode())
    sandbox.fault("sslmarket", "malformed", operation="order_create", status=422, body_base64=words.decode())
    return _order(place, sandbox)


@situation
def order_not_in_the_journal(place: Place) -> modules.Run:
    """Bought by hand, or by another machine."""
    sandbox, name = _market(place), "bought.alpha.test"
    assert not _order(place, sandbox, name).failed
    Path(place.request(name)).unlink()
    return _order(place, sandbox, name, journal_dir=str(place.path / "another"))


@situation
def order_without_outcome(place: Place) -> modules.Run:
    """The order's answer got lost, and the provider does not list it."""
    sandbox, name = _market(place), "lost.alpha.test"
    sandbox.fault("sslmarket", "cut_before", operation="order_create")
    assert _order(place, sandbox, name).failed
    return _order(place, sandbox, name)


@situation
def waiting_for_validation(place: Place) -> modules.Run:
    sandbox, name = _market(place, dcv="look"), "waiting.alpha.test"
    assert not _order(place, sandbox, name).failed
    options = {"product_code": ordering.PRODUCT, "csr_path": place.request(name), "wait_timeout": 1}
    access = ordering.access(sandbox, place.path / "journal")
    return modules.run("sslmarket_certificate", {**access, **options, "path": str(place.path / "cert.pem")})


# --- at the ACME server -----------------------------------------------------------------------------------------------


def _invalid(kind: str, detail: str) -> Any:
    """Every authorization fails with this problem."""

    def change(answer: Answer) -> Answer:
        error = {"type": "urn:ietf:params:acme:error:" + kind, "detail": detail}
        challenges = [{**each, "status": "invalid", "error": error} for each in answer.body["challenges"]]
        return answer.change(status="invalid", challenges=challenges)

    return change


@situation
def port_80(place: Place) -> modules.Run:
    ordered(place)
    place.acme.always["authorization"] = _invalid("connection", "192.0.2.1: Connection refused")
    return place.run("acme_finalize")


@situation
def dns_01_not_there(place: Place) -> modules.Run:
    wildcard = {"certificates": [{"name": "*.alpha.test", "domains": ["*.alpha.test"], "challenge": "dns-01"}]}
    ordered(place, wildcard)
    place.acme.always["authorization"] = _invalid("unauthorized", "No TXT record found at _acme-challenge.alpha.test")
    return place.run("acme_finalize", wildcard)


@situation
def not_issued_in_time(place: Place) -> modules.Run:
    ordered(place)
    place.acme.always["authorization"] = lambda answer: answer.change(status="pending")
    return place.run("acme_finalize", {"wait_timeout": 1})


@situation
def locked(place: Place) -> modules.Run:
    """Another run holds the set. One second has to do for the minute that is waited for it."""
    prepared(place)
    with files.lock(str(place.path / "sets" / NAME)):
        try:
            with mock.patch.object(order.files, "lock", functools.partial(files.lock, wait=1)):
                call("acme_order", RIGHT["acme_order"](place))
        except CollectionError as error:
            result = {**error.result, "failed": True}  # type: ignore[attr-defined]
            return modules.Run(result, json.dumps(result), 1)
    raise AssertionError("the lock keeps nobody out")
