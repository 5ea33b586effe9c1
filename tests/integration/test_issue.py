# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuances against the sandbox: from the provider's credential to the certificate, renewals, twenty at a time, two runs at a time."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore

from tests.support import modules
from tests.support.issuing import Controller, call, certificate, leftovers, loose, mixed
from tests.support.sandbox import Sandbox

DAYS = 30
HOST = "127.0.0.1"


class Later(Clock):
    """The system's clock, some days later."""

    def __init__(self, **shift: float) -> None:
        self._shift = timedelta(**shift)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(hosts={"web": HOST}, days=DAYS) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    shared.clear_faults()
    shared.clear_ledger()
    return shared


def process(name: str, options: dict[str, Any], clock: Clock | None = None, check: bool = False) -> dict[str, Any]:
    """A module as Ansible runs it."""
    done = modules.run(name, options, check=check)
    assert not done.failed, done.output
    return done.result


def controller_of(sandbox: Sandbox, path: Path, provider: str = "sslcom", issuer: str = "alpha") -> Controller:
    webroot = sandbox.state / "hosts" / "web" / "www"

    def publish(ordered: dict[str, Any]) -> None:
        challenges = [{name: item[name] for name in ("token", "content")} for item in ordered["http_challenges"]]
        process("acme_http_challenge", {"webroot": str(webroot), "challenges": challenges})
        for item in ordered["dns_records"]:
            sandbox.add_txt(item["record"], item["value"])

    urls = (sandbox.sslcom if provider == "sslcom" else sandbox.identrust)["directory_urls"]
    found = Controller(path / "state", urls.get("ecc") or urls["TLS-90d"], sandbox.ca_path, publish, issuer)
    provision(sandbox, found, provider, f"{path.name}@example.test")
    found.account()
    return found


def provision(sandbox: Sandbox, controller: Controller, provider: str, email: str) -> None:
    access = dict(sandbox.sslcom if provider == "sslcom" else sandbox.identrust)
    options = {"path": str(controller.eab_path), "ca_path": sandbox.ca_path, "api_url": access["api_url"]}
    if provider == "sslcom":
        keys = {name: access[name] for name in ("account_key", "secret_key")}
        call("sslcom_acme_credential", {**options, **keys, "description": email})
    else:
        call("identrust_account", {**options, "api_key": access["api_key"], "customer_email": email})


@pytest.fixture
def controller(sandbox: Sandbox, tmp_path: Path) -> Controller:
    return controller_of(sandbox, tmp_path)


# -- the whole way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["sslcom", "identrust"])
def test_from_credential_to_certificate(sandbox: Sandbox, tmp_path: Path, provider: str) -> None:
    """Each module as a process; check mode first, which sends nothing but GETs, and the second run changes nothing."""
    controller = controller_of(sandbox, tmp_path, provider)
    controller.run = process
    sets = (certificate("www.a.test", "www.a.test", "a.test"), certificate("*.a.test", challenge="dns-01"))
    written = len([entry for entry in sandbox.ledger() if entry["method"] == "POST"])
    for module in (controller.request, controller.order, controller.finalize):
        assert module(*sets, check=True)["changed"]
    assert len([entry for entry in sandbox.ledger() if entry["method"] == "POST"]) == written
    assert not controller.sets.exists()
    controller.request(*sets)
    controller.publish(controller.order(*sets))
    assert all(item["issued"] for item in controller.finalize(*sets)["certificates"])
    assert (mixed(controller.sets), loose(controller.state), leftovers(controller.state)) == ([], [], [])
    requests = len(sandbox.ledger())
    for module in (controller.request, controller.order, controller.finalize, controller.renewal_info):
        assert not module(*sets)["changed"]
    assert not controller.account()["changed"]
    assert len(sandbox.ledger()) == requests  # nothing was asked
    assert sandbox.count(effect="newOrder") == 2


# -- why a new certificate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        ({}, {"domains": ["r.test", "www.r.test"]}, "the list of names changed (adds www.r.test)"),
        ({"domains": ["r.test", "www.r.test"]}, {}, "the list of names changed (drops www.r.test)"),
        ({}, {"key_size": 384}, "the key changed from ecdsa 256 to ecdsa 384"),
        ({}, {"profile": "short"}, "the profile changed from None to short"),
    ],
)
def test_a_change_makes_a_new_order(
    sandbox: Sandbox, controller: Controller, first: dict[str, Any], then: dict[str, Any], reason: str
) -> None:
    before, after = ({"name": "r.test", "domains": ["r.test"], **more} for more in (first, then))
    controller.issue(before)
    result = controller.request(after)
    assert result["reason"] == f"r.test: {reason}"
    assert result["certificates"][0]["reason"] == reason
    ordered = controller.order(after)
    assert ordered["certificates"][0]["reason"] == reason
    controller.publish(ordered)
    controller.finalize(after)
    assert sandbox.count(effect="newOrder") == 2
    assert not controller.request(after)["changed"]


def test_another_directory_is_another_account_and_another_type_of_key(sandbox: Sandbox, controller: Controller) -> None:
    wanted = certificate("moves.test")
    controller.issue(wanted)
    old = controller.directory_url
    controller.directory_url, controller.issuer = sandbox.sslcom["directory_urls"]["rsa"], "alpha-rsa"
    shutil.copy2(controller.eab_path.with_name("alpha.json"), controller.eab_path)
    controller.account()
    reason = controller.request(wanted)["reason"]
    assert reason == "moves.test: the key changed from ecdsa 256 to rsa 2048"
    controller.publish(controller.order(wanted))
    controller.finalize(wanted)
    live = SetStore(str(controller.sets)).live("moves.test")
    assert live is not None
    assert (live.leaf.key_type, live.meta["directory_url"]) == ("rsa", controller.directory_url)
    assert not controller.request(wanted)["changed"]
    assert controller.directory_url != old


def forget_window(controller: Controller) -> None:
    """As for a CA without renewal information: the share of the life decides."""
    for path in controller.sets.glob("*/renewal.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("clock", "policy", "reason"),
    [
        (Later(days=DAYS * 0.6), {}, None),
        (Later(days=DAYS * 0.7), {}, "less than 33 % of its life is left (since "),
        (Later(days=DAYS * 0.7), {"remaining_share": 0.2}, None),
        (Later(days=DAYS - 4), {"remaining_days": 5}, "less than 5 days are left (since "),
        (Later(days=1), {"remaining_days": 100}, None),  # more than its whole life
        (Later(days=DAYS + 1), {}, "expired on "),
        (Later(days=-365), {}, None),  # a clock that is wrong must not order
        (Later(days=-3650), {}, None),
    ],
)
def test_when_a_certificate_is_due(
    sandbox: Sandbox, controller: Controller, clock: Clock, policy: dict[str, Any], reason: str | None
) -> None:
    wanted = certificate("due.test")
    controller.issue(wanted)
    forget_window(controller)
    controller.clock, controller.policy = clock, policy
    found = controller.request(wanted, check=True)["certificates"][0]["reason"]
    assert (found or "").startswith(reason) if reason else found is None


def test_a_renewal_keeps_the_old_key_live_until_the_new_certificate_is_there(
    sandbox: Sandbox, controller: Controller
) -> None:
    wanted = certificate("renewed.test")
    controller.issue(wanted)
    forget_window(controller)
    live = controller.sets / "renewed.test" / "current"
    first = (live / "privkey.pem").read_bytes()
    controller.clock = Later(days=DAYS * 0.7)  # it is due
    controller.request(wanted)
    ordered = controller.order(wanted)
    assert (live / "privkey.pem").read_bytes() == first
    controller.publish(ordered)
    controller.finalize(wanted)
    assert (live / "privkey.pem").read_bytes() != first
    assert len(list((controller.sets / "renewed.test").glob("*/privkey.pem"))) == 3  # old, new, and `current`
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])


# -- renewal information ------------------------------------------------------------------------------------------------


def test_the_renewal_window_of_the_server(sandbox: Sandbox, controller: Controller) -> None:
    wanted = certificate("window.test")
    controller.issue(wanted)
    asked = sandbox.count(operation="renewalInfo")
    (shown,) = controller.renewal_info(wanted)["certificates"]
    assert sandbox.count(operation="renewalInfo") == asked  # not before ask_again
    assert shown["problem"] is None, shown
    assert shown["start"] < shown["end"]
    again = datetime.fromisoformat(shown["ask_again"])
    assert timedelta(seconds=50) < again - datetime.now(UTC) < timedelta(days=1, seconds=5)
    moment = datetime.fromisoformat(shown["renew_at"])
    controller.clock = Later(seconds=(moment - datetime.now(UTC)).total_seconds() - 60)
    assert not controller.request(wanted)["changed"]
    controller.clock = Later(seconds=(moment - datetime.now(UTC)).total_seconds() + 60)
    reason = controller.request(wanted, check=True)["certificates"][0]["reason"]
    # the sandbox's window reaches to the end of the life, but the last tenth of that is never waited for
    assert reason.startswith(("the CA suggests it", "less than a tenth of its life is left"))
    assert reason.endswith(f"(since {shown['renew_at']})")
    controller.renewal_info(wanted)
    assert sandbox.count(operation="renewalInfo") == asked + 1


def test_the_window_is_not_asked_for_after_the_end(sandbox: Sandbox, controller: Controller) -> None:
    wanted = certificate("over.test")
    controller.issue(wanted)
    asked = sandbox.count(operation="renewalInfo")
    controller.clock = Later(days=DAYS + 1)
    controller.renewal_info(wanted)
    assert sandbox.count(operation="renewalInfo") == asked


# -- many ---------------------------------------------------------------------------------------------------------------


def test_twenty_in_one_task_each(sandbox: Sandbox, controller: Controller) -> None:
    sets = [certificate(f"n{number}.many.test") for number in range(20)]
    controller.run = process
    steps = [controller.request(*sets)["steps"]]
    ordered = controller.order(*sets)
    steps.append(ordered["steps"])
    controller.publish(ordered)
    steps.append(controller.finalize(*sets)["steps"])
    assert list(map(len, steps)) == [20, 20, 20]
    assert sandbox.count(effect="newOrder") == 20
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])
    assert len(list(controller.sets.glob("*/current"))) == 20


def test_one_that_fails_does_not_stop_nineteen(sandbox: Sandbox, controller: Controller) -> None:
    sets = [certificate(f"n{number}.some.test") for number in range(20)]
    sandbox.set_addresses("n7.some.test", "127.0.0.99")  # nobody is there
    with pytest.raises(ProviderError) as caught:
        controller.issue(*sets)
    sentence = caught.value.sentence()
    assert sentence.startswith("n7.some.test: the CA could not validate n7.some.test by http-01")
    result: dict[str, Any] = caught.value.result  # type: ignore[attr-defined]
    assert len(result["done"]) == 19
    assert [step["subject"] for step in result["open"]] == ["n7.some.test"]
    assert len(list(controller.sets.glob("*/current"))) == 19
    sandbox.set_addresses("n7.some.test", HOST)
    controller.issue(*sets)
    assert sandbox.count(effect="newOrder") == 21  # one more, for the order that had become invalid
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])


def test_two_runs_at_the_same_time_place_one_order_each(sandbox: Sandbox, controller: Controller) -> None:
    sets = [certificate(f"n{number}.twice.test") for number in range(5)]
    controller.request(*sets)
    options = controller._acme_options(sets, {})
    runs = [modules.finish(started) for started in [modules.start("acme_order", options) for _unused in range(4)]]
    assert not any(run.failed for run in runs), [run.output for run in runs]
    assert sandbox.count(effect="newOrder") == 5
    urls = [[item["order_url"] for item in run.result["certificates"]] for run in runs]
    assert all(found == urls[0] for found in urls)
    controller.publish(runs[0].result)
    started = [modules.start("acme_finalize", {**options, "wait_timeout": 60}) for _unused in range(3)]
    runs = [modules.finish(process) for process in started]
    assert not any(run.failed for run in runs), [run.output for run in runs]
    assert sandbox.count(effect="newOrder") == 5
    assert sandbox.count(operation="finalize") == 5
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])


# -- trouble ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "502", "truncate", "429"])
@pytest.mark.parametrize("operation", ["newOrder", "finalize", "challenge", "certificate", "order"])
def test_trouble_at_each_place(sandbox: Sandbox, controller: Controller, operation: str, kind: str) -> None:
    """At most one more run is needed, and there is one order."""
    wanted = certificate(f"{operation.lower()}-{kind.replace('_', '-')}.trouble.test")
    sandbox.fault("acme-sslcom", kind, operation=operation)
    with contextlib.suppress(OutcomeUnknown, RateLimited, ProtocolError):
        controller.issue(wanted)
    controller.issue(wanted)
    assert sandbox.count(effect="newOrder") == 1
    assert sandbox.ledger(fault=kind)
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])


def test_an_order_of_a_run_that_was_cut_off_is_found_again(sandbox: Sandbox, controller: Controller) -> None:
    wanted = certificate("cut.test", "cut.test", "www.cut.test")
    controller.issue(certificate("earlier.test"))
    controller.request(wanted)
    sandbox.fault("acme-sslcom", "cut_after", operation="newOrder")
    with pytest.raises(CollectionError):
        controller.order(wanted)
    controller.publish(controller.order(wanted))
    note = json.loads((controller.sets / "cut.test" / "pending" / "order.json").read_text())
    assert note["found_again"] is True
    controller.finalize(wanted)
    assert sandbox.count(effect="newOrder") == 2
