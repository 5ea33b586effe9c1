# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuances against a server that is wrong at one place."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._acme import order as order_module
from ansible_collections.certfleet.reseller.plugins.module_utils._acme.client import AcmeClient
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential, files
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM, Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    LockedError,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    ProviderError,
    RateLimited,
    StateError,
    TransportError,
    UsageError,
    VerifyError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore

from tests.support import pki
from tests.support.fake_acme import Answer, FakeAcme, problem
from tests.support.issuing import Controller, certificate, leftovers, mixed

ONE = certificate("www.example.com")


class Shifted(Clock):
    """The system's clock, some time later; sleeping only counts."""

    def __init__(self, shift: timedelta = timedelta(0)) -> None:
        self.shift, self.slept = shift, 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return SYSTEM.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += max(0.0, seconds)


@pytest.fixture
def server() -> Iterator[FakeAcme]:
    with FakeAcme() as found:
        yield found


@pytest.fixture
def controller(server: FakeAcme, tmp_path: Path) -> Controller:
    return controller_of(server, tmp_path)


def controller_of(server: FakeAcme, tmp_path: Path, eab: str | None = None, clock: Clock | None = None) -> Controller:
    (tmp_path / "ca.pem").write_bytes(server.ca.pem)
    state = tmp_path / "state"
    found = Controller(
        state, server.directory_url, str(tmp_path / "ca.pem"), publish=lambda _: None, clock=clock or Shifted()
    )
    if eab:
        found.eab_path.parent.mkdir(parents=True)
        record = credential.Record("sslcom", "alpha", "https://x", eab, Secret("A" * 43), (), "2026-11-22T10:00:00Z")
        credential.save(str(found.eab_path), record)
    found.account(eab_path=str(found.eab_path) if eab else None)
    return found


def note(controller: Controller, name: str = "www.example.com") -> dict[str, Any]:
    found = SetStore(str(controller.sets)).order(name)
    assert found is not None
    return found


# -- the right way -----------------------------------------------------------------------------------------------------


def test_an_issuance(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    ordered = controller.order(ONE)
    (challenge,) = ordered["http_challenges"]
    assert challenge["content"].startswith(challenge["token"] + ".")
    assert (challenge["name"], challenge["domain"]) == ("www.example.com", "www.example.com")
    assert ordered["certificates"][0]["status"] == "pending"
    (shown,) = controller.finalize(ONE)["certificates"]
    assert shown["issued"]
    assert shown["names"] == ["www.example.com"]
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])
    before = len(server.requests)
    assert not controller.request(ONE)["changed"]
    assert not controller.order(ONE)["changed"]
    assert not controller.finalize(ONE)["changed"]
    assert len(server.requests) == before  # the disk says that nothing is to be done


def test_check_mode_neither_writes_nor_orders(server: FakeAcme, controller: Controller) -> None:
    before = sorted(controller.state.rglob("*"))
    assert controller.request(ONE, check=True)["pending"] == ["www.example.com"]
    assert controller.order(ONE, check=True)["steps"] == [
        {"action": "order", "subject": "www.example.com", "cost": "free"}
    ]
    assert controller.finalize(ONE, check=True)["changed"]
    assert sorted(controller.state.rglob("*")) == before
    assert server.count("newOrder") == 0


def test_challenges_of_several_domains_are_answered_before_any_verdict_is_awaited(
    server: FakeAcme, controller: Controller
) -> None:
    controller.issue(certificate("a.example", "a.example", "b.example", "c.example"))
    operations = [operation for operation, _payload in server.requests]
    last_answer = len(operations) - 1 - operations[::-1].index("challenge")
    assert operations[operations.index("challenge") : last_answer + 1] == ["challenge"] * 3


def test_wildcard_and_name_share_a_record(server: FakeAcme, controller: Controller) -> None:
    wanted = certificate("*.example.com", "*.example.com", "example.com", challenge="dns-01")
    controller.request(wanted)
    records = controller.order(wanted)["dns_records"]
    assert {record["record"] for record in records} == {"_acme-challenge.example.com"}
    assert len({record["value"] for record in records}) == 2
    assert {record["domain"] for record in records} == {"example.com"}


# -- orders that are not lost, and not placed twice ----------------------------------------------------------------------


@pytest.mark.parametrize("orders_list", [True, False])
def test_an_order_whose_answer_is_lost_is_found_again(tmp_path: Path, orders_list: bool) -> None:
    with FakeAcme(orders_list=orders_list) as server:
        controller = controller_of(server, tmp_path)
        controller.request(ONE)
        server.answers["newOrder"] = [Answer(cut=True)]
        with pytest.raises(OutcomeUnknown):
            controller.order(ONE)
        assert note(controller)["state"] == "intent"
        assert server.count("newOrder") == 1  # and not sent again
        controller.order(ONE)
        assert server.count("newOrder") == (1 if orders_list else 2)
        assert note(controller)["found_again"] is True
        controller.finalize(ONE)


def test_only_an_open_order_for_these_names_is_adopted(server: FakeAcme, controller: Controller) -> None:
    controller.issue(ONE)  # a valid order for the same names
    controller.request(certificate("www.example.com", key_size=384))
    controller.order(certificate("www.example.com", key_size=384))
    server.orders["2"].status = "invalid"
    controller.request(certificate("other.example"))
    controller.order(certificate("other.example"))
    SetStore(str(controller.sets)).save_order(
        "www.example.com", {**note(controller), "state": "intent", "order_url": None}
    )
    controller.order(certificate("www.example.com", key_size=384))
    assert note(controller)["order_url"].endswith("/order/4")


def test_two_sets_with_the_same_names_do_not_share_an_order(server: FakeAcme, controller: Controller) -> None:
    sets = (certificate("one", "same.example"), certificate("two", "same.example"))
    controller.request(*sets)
    server.answers["newOrder"] = [Answer(cut=True), Answer(cut=True)]
    with pytest.raises(CollectionError):
        controller.order(*sets)
    controller.order(*sets)
    urls = {note(controller, name)["order_url"] for name in ("one", "two")}
    assert len(urls) == 2
    assert server.count("newOrder") == 2
    controller.finalize(*sets)
    assert mixed(controller.sets) == []


def test_an_order_that_another_key_has_used_is_given_up(server: FakeAcme, controller: Controller) -> None:
    """Some CAs return the pending order of an account for the same names; a second controller may use it up."""
    controller.request(ONE)
    controller.order(ONE)
    server.orders["1"].csr = pki_request("www.example.com")
    server.orders["1"].status = "valid"
    with pytest.raises(VerifyError, match="no certificate in it fits the private key"):
        controller.finalize(ONE)
    assert note(controller)["state"] == "failed"
    assert controller.issue(ONE)["certificates"][0]["issued"]
    assert server.count("newOrder") == 2


def test_a_certificate_with_other_names_is_not_ordered_again(server: FakeAcme, controller: Controller) -> None:
    """A CA whose certificates never satisfy us must not be paid in every run."""
    controller.request(ONE)
    server.always["certificate"] = lambda answer: Answer(
        200, server.issue(server.orders["1"].csr, ["www.example.com", "example.com"]) + server.ca.pem
    )
    for _unused in range(5):
        controller.order(ONE)
        with pytest.raises(VerifyError, match="not asked for: example.com"):
            controller.finalize(ONE)
    assert server.count("newOrder") == 1
    server.always.clear()
    controller.finalize(ONE)


def test_a_certificate_that_lay_too_long_is_ordered_again(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)
    server.answers["certificate"] = [problem(503, "serverInternal")] * 4
    with pytest.raises(OutcomeUnknown):
        controller.finalize(ONE)
    controller.clock = Shifted(timedelta(days=200))
    with pytest.raises(VerifyError, match="expired on"):
        controller.finalize(ONE)
    assert note(controller)["state"] == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, {"message": "Service Unavailable"}),
        Answer(502, b"<html>", (("Content-Type", "text/html"),)),
        Answer(429, {"message": "slow down"}),
        problem(500, "serverInternal"),
        problem(403, "unauthorized"),
        Answer(200, b"{", ()),
        Answer(200, {"status": "pending"}),
    ],
)
def test_trouble_does_not_make_a_new_order(server: FakeAcme, controller: Controller, answer: Answer) -> None:
    controller.request(ONE)
    controller.order(ONE)
    server.answers["order"] = [answer] * 20
    with pytest.raises(CollectionError):
        controller.order(ONE)
    assert server.count("newOrder") == 1
    server.answers.clear()
    assert not controller.order(ONE)["changed"]


@pytest.mark.parametrize("answer", [problem(404, "malformed"), Answer(404, b"gone"), problem(400, "malformed")])
def test_an_order_that_the_server_has_forgotten_is_placed_anew(
    server: FakeAcme, controller: Controller, answer: Answer
) -> None:
    controller.request(ONE)
    controller.order(ONE)
    server.answers["order"] = [answer, answer]
    controller.order(ONE)
    assert server.count("newOrder") == 2


@pytest.mark.parametrize("status", ["valid", "processing", "ready", "thinking"])
def test_a_lost_answer_to_finalize(server: FakeAcme, controller: Controller, status: str) -> None:
    controller.request(ONE)
    controller.order(ONE)
    server.answers["finalize"] = [Answer(cut=True)]
    with pytest.raises(OutcomeUnknown):
        controller.finalize(ONE)
    assert not (controller.sets / "www.example.com" / "current").exists()
    server.answers["order"] = [lambda answer: answer.change(status=status)] if status != "ready" else []
    controller.order(ONE)
    server.answers["order"] = [lambda answer: answer.change(status=status)] * 3 if status != "ready" else []
    controller.finalize(ONE)
    assert (server.count("newOrder"), server.count("finalize")) == (1, 1)


@pytest.mark.parametrize("word", ["badCSR", "rejectedIdentifier", "orderNotReady", "unauthorized", "badNonce"])
def test_a_refusal_to_finalize_keeps_the_order(server: FakeAcme, controller: Controller, word: str) -> None:
    """What is wrong may be mended: SSL.com says badCSR when the account has no contact, or unauthorized without funds."""
    controller.request(ONE)
    controller.order(ONE)
    server.answers["finalize"] = [problem(403, word, "Not enough funds")] * (40 if word == "badNonce" else 1)
    with pytest.raises(CollectionError) as caught:
        controller.finalize(ONE)
    assert "Not enough funds" in caught.value.sentence()
    assert caught.value.hint or word == "orderNotReady"
    server.answers.clear()
    controller.order(ONE)
    controller.finalize(ONE)
    assert server.count("newOrder") == 1


def test_an_order_that_becomes_invalid_is_replaced_once(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)
    server.orders["1"].status = "invalid"
    with pytest.raises(ProviderError, match=r"order invalid"):
        controller.finalize(ONE)
    with pytest.raises(StateError, match="there is no usable order"):
        controller.finalize(ONE)
    controller.order(ONE)
    controller.order(ONE)
    assert server.count("newOrder") == 2
    controller.finalize(ONE)


def test_the_request_must_be_for_what_is_wanted(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)
    other = certificate("www.example.com", "www.example.com", "example.com")
    for step in (controller.order, controller.finalize):
        if step == controller.order:
            assert not step(other)["changed"]  # the order is there; that it does not fit is told next
            continue
        with pytest.raises(StateError, match="the pending request is for www.example.com") as caught:
            step(other)
        assert "certificate_request" in str(caught.value.hint)
    assert server.count("finalize") == 0


def test_an_order_of_another_profile_or_account_is_left_alone(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)
    controller.order(certificate("www.example.com", profile="shortlived"))
    assert [payload.get("profile") for payload in server.payloads("newOrder")] == [None, "shortlived"]


def test_a_second_run_at_the_same_time_places_no_second_order(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            controller.order(ONE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert server.count("newOrder") == 1


def test_a_run_that_holds_the_lock_too_long_is_named(
    server: FakeAcme, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.request(ONE)
    real = files.lock
    monkeypatch.setattr(order_module.files, "lock", lambda path: real(path, wait=0.2))
    with real(str(controller.sets / "www.example.com")), pytest.raises(LockedError, match="another run holds"):
        controller.order(ONE)
    assert server.count("newOrder") == 0


def test_one_that_fails_does_not_stop_the_others(server: FakeAcme, controller: Controller) -> None:
    sets = [certificate(f"n{number}.example") for number in range(20)]
    controller.request(*sets)
    server.always["newOrder"] = lambda answer: (
        problem(400, "rejectedIdentifier", "not this one")
        if answer.body["identifiers"][0]["value"] == "n7.example"
        else answer
    )
    with pytest.raises(ProviderError) as caught:
        controller.order(*sets)
    assert caught.value.message.startswith("n7.example: ")
    assert caught.value.extra["failed"].keys() == {"n7.example"}  # type: ignore[attr-defined]
    assert len(caught.value.result["http_challenges"]) == 19  # type: ignore[attr-defined]
    with pytest.raises(StateError) as nothing:
        controller.finalize(*sets)
    assert nothing.value.message == "n7.example: there is no usable order (none was placed)"
    assert sum(item["serial"] is not None for item in nothing.value.result["certificates"]) == 19  # type: ignore[attr-defined]
    assert sum((controller.sets / f"n{number}.example" / "current").exists() for number in range(20)) == 19
    assert mixed(controller.sets) == []


# -- renewals -----------------------------------------------------------------------------------------------------------


def renewing(tmp_path: Path, server: FakeAcme) -> Controller:
    controller = controller_of(server, tmp_path)
    controller.issue(ONE)
    controller.clock = Shifted(timedelta(days=70))  # certificates of the fake live 89 days from now on
    server.always["certificate"] = lambda _: Answer(
        200,
        server.issue(
            list(server.orders.values())[-1].csr,
            ["www.example.com"],
            not_before=pki.NOW + timedelta(days=69),
            not_after=pki.NOW + timedelta(days=160),
        )
        + server.ca.pem,
    )
    return controller


def test_a_renewal_says_what_it_replaces(tmp_path: Path) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = renewing(tmp_path, server)
        controller.issue(ONE)
        first, second = server.payloads("newOrder")
        assert "replaces" not in first
        assert second["replaces"].count(".") == 1


@pytest.mark.parametrize(
    "answer", [Answer(409, None), problem(409, "alreadyReplaced"), problem(400, "malformed", "replaces what?")]
)
def test_what_is_replaced_is_dropped_when_the_server_objects(tmp_path: Path, answer: Answer) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = renewing(tmp_path, server)
        server.answers["newOrder"] = [answer]
        controller.issue(ONE)
        assert ["replaces" in payload for payload in server.payloads("newOrder")] == [False, True, False]


def test_a_refusal_for_another_reason_is_not_repeated(tmp_path: Path) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = renewing(tmp_path, server)
        server.answers["newOrder"] = [problem(403, "caa")]
        controller.request(ONE)
        with pytest.raises(ProviderError):
            controller.order(ONE)
        assert server.count("newOrder") == 2


def test_nothing_is_replaced_after_a_change_of_the_account(tmp_path: Path) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = renewing(tmp_path, server)
        controller.issuer = "other"
        controller.account(eab_path=None)
        controller.issue(ONE)
        assert ["replaces" in payload for payload in server.payloads("newOrder")] == [False, False]


def test_nothing_is_replaced_where_the_server_does_not_ask(tmp_path: Path) -> None:
    with FakeAcme() as server:
        renewing(tmp_path, server).issue(ONE)
        assert ["replaces" in payload for payload in server.payloads("newOrder")] == [False, False]


def test_the_old_key_is_live_until_the_new_certificate_is_there(tmp_path: Path) -> None:
    with FakeAcme() as server:
        controller = renewing(tmp_path, server)
        live = controller.sets / "www.example.com" / "current"
        key = (live / "privkey.pem").read_bytes()
        controller.request(ONE)
        assert (live / "privkey.pem").read_bytes() == key
        controller.order(ONE)
        assert (live / "privkey.pem").read_bytes() == key
        controller.finalize(ONE)
        assert (live / "privkey.pem").read_bytes() != key


# -- renewal information ------------------------------------------------------------------------------------------------


def window(start: timedelta, end: timedelta, **more: Any) -> Answer:
    now = datetime.now(UTC)
    suggested = {"start": (now + start).isoformat(), "end": (now + end).isoformat()}
    return Answer(200, {"suggestedWindow": suggested, **more}, (("Retry-After", "7200"),))


@pytest.mark.parametrize("check", [True, False])
def test_the_server_is_not_asked_before_its_time(tmp_path: Path, check: bool) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = controller_of(server, tmp_path)
        server.always["renewalInfo"] = lambda _: window(
            timedelta(days=1), timedelta(days=2), explanationURL="https://x/\n"
        )
        controller.issue(ONE)  # asks once, right after the switch
        assert server.count("renewalInfo") == 1
        (shown,) = controller.renewal_info(ONE, check=check)["certificates"]
        assert server.count("renewalInfo") == 1
        assert shown["start"] < shown["renew_at"] < shown["end"]
        assert shown["explanation_url"] == "https://x/"
        controller.clock = Shifted(timedelta(hours=1, minutes=59))
        controller.renewal_info(ONE, check=check)
        assert server.count("renewalInfo") == 1
        controller.clock = Shifted(timedelta(hours=2, minutes=1))
        controller.renewal_info(ONE, check=check)
        assert server.count("renewalInfo") == (1 if check else 2)


def test_the_window_decides(tmp_path: Path) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = controller_of(server, tmp_path)
        server.always["renewalInfo"] = lambda _: window(timedelta(days=1), timedelta(days=2))
        controller.issue(ONE)
        assert not controller.request(ONE)["changed"]
        controller.clock = Shifted(timedelta(days=2))
        result = controller.request(ONE)
        assert result["certificates"][0]["reason"].startswith("the CA suggests it (since ")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(404, "malformed"), "answers with status 404"),
        (problem(500, "serverInternal"), "trouble"),
        (Answer(200, b"<html>"), "not JSON"),
        (Answer(200, []), "no suggestedWindow"),
        (Answer(200, {"suggestedWindow": {"start": "x", "end": 5}}), "RFC 3339"),
        (window(timedelta(days=2), timedelta(days=1)), "ends before it starts"),
    ],
)
def test_a_window_that_cannot_be_had_is_no_failure(tmp_path: Path, answer: Answer, words: str) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = controller_of(server, tmp_path)
        server.always["renewalInfo"] = lambda _: answer
        assert controller.issue(ONE)["certificates"][0]["issued"]
        asked = server.count("renewalInfo")
        (shown,) = controller.renewal_info(ONE)["certificates"]
        assert words in shown["problem"]
        assert shown["start"] is None
        assert server.count("renewalInfo") == asked  # six hours


@pytest.mark.parametrize(
    "answer", [Answer(cut=True), Answer(503, b""), Answer(200, b"<html>"), Answer(200, {}), problem(429, "rateLimited")]
)
def test_a_directory_that_cannot_be_had_is_no_failure_either(tmp_path: Path, answer: Answer) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = controller_of(server, tmp_path)
        controller.issue(ONE)
        controller.clock = Shifted(timedelta(days=2))
        server.answers["directory"] = [answer] * 20
        (shown,) = controller.renewal_info(ONE)["certificates"]
        assert shown["problem"]
        server.answers["directory"] = [answer] * 20  # and it does not keep a certificate that is here from its switch
        pending = controller.sets / "www.example.com" / "pending"
        (controller.sets / "www.example.com" / "current").resolve().rename(pending)
        (controller.sets / "www.example.com" / "current").unlink()
        assert controller.finalize(ONE)["certificates"][0]["issued"]


def test_one_run_asks_for_one_directory_and_few_nonces(tmp_path: Path) -> None:
    with FakeAcme() as server:
        controller = controller_of(server, tmp_path)
        sets = [certificate(f"n{number}.example") for number in range(20)]
        controller.request(*sets)
        asked = server.count("directory")
        controller.order(*sets, workers=4)
        assert server.count("directory") == asked + 1
        nonces = server.count("newNonce")
        controller.finalize(*sets, workers=4)
        assert server.count("directory") == asked + 2
        assert server.count("newNonce") - nonces <= 4


@pytest.mark.parametrize(
    ("header", "seconds"), [("1", 60), ("1000000000", 86400), ("-5", 21600), ("soon", 21600), ("7200", 7200)]
)
def test_the_pause_is_kept_within_bounds(tmp_path: Path, header: str, seconds: int) -> None:
    with FakeAcme(renewal_info=True) as server:
        controller = controller_of(server, tmp_path)
        right = window(timedelta(days=1), timedelta(days=2))
        server.always["renewalInfo"] = lambda _: Answer(200, right.body, (("Retry-After", header),))
        controller.issue(ONE)
        again = datetime.fromisoformat(controller.renewal_info(ONE)["certificates"][0]["ask_again"])
        assert abs((again - datetime.now(UTC)).total_seconds() - seconds) < 10


# -- accounts -----------------------------------------------------------------------------------------------------------


def test_an_account_is_found_again_without_its_file_and_without_a_binding(tmp_path: Path) -> None:
    with FakeAcme(eab_required=True) as server:
        controller = controller_of(server, tmp_path, eab="kid-1")
        url = controller.account()["account"]["url"]
        controller.key_path.with_suffix(".json").unlink()
        assert controller.account(eab_path=None, terms_agreed=False)["account"]["url"] == url
        assert server.count("newAccount") == 1


def test_a_binding_that_is_required_and_missing(tmp_path: Path) -> None:
    with FakeAcme(eab_required=True) as server:
        with pytest.raises(UsageError, match="requires external account binding") as caught:
            controller_of(server, tmp_path)
        assert "eab_path" in str(caught.value.hint)
        assert server.count("newAccount") == 0


def test_terms_must_be_agreed_to(tmp_path: Path) -> None:
    with FakeAcme() as server:
        server.meta["termsOfService"] = "https://acme.example/terms"
        controller = Controller(tmp_path, server.directory_url, str(tmp_path), lambda _: None)
        with pytest.raises(UsageError, match="https://acme.example/terms"):
            controller.account(eab_path=None, terms_agreed=False, ca_path=None)
        assert server.count("newAccount") == 0


@pytest.mark.parametrize("word", ["unauthorized", "malformed", "externalAccountRequired"])
def test_a_binding_that_is_refused(tmp_path: Path, word: str) -> None:
    with FakeAcme(eab_required=True) as server:
        server.answers["newAccount"] = [problem(403, word, "unknown kid")]
        with pytest.raises(CollectionError) as caught:
            controller_of(server, tmp_path, eab="kid-1")
        assert caught.value.message == "the ACME server refused the external account binding with kid kid-1"
        assert caught.value.detail is not None
        assert "unknown kid" in caught.value.detail
        assert "revoked" in str(caught.value.hint)
        assert server.count("newAccount") == 1  # no loop
        assert "A" * 43 not in caught.value.sentence()


def test_a_look_up_that_wants_the_binding(tmp_path: Path) -> None:
    """HARICA answers externalAccountRequired to a mere look-up."""
    with FakeAcme(eab_required=True) as server:
        server.answers["findAccount"] = [problem(403, "externalAccountRequired")]
        controller_of(server, tmp_path, eab="kid-1")
        assert ["externalAccountBinding" in payload for payload in server.payloads("findAccount")] == [False, True]
        assert server.count("newAccount") == 1


@pytest.mark.parametrize("answer", [Answer(404, b""), Answer(404, {"message": "x"}), problem(404, "malformed")])
def test_a_look_up_that_is_answered_by_404(tmp_path: Path, answer: Answer) -> None:
    """DigiCert answers so where the RFC wants accountDoesNotExist."""
    with FakeAcme() as server:
        server.answers["findAccount"] = [answer]
        controller_of(server, tmp_path)
        assert server.count("newAccount") == 1


def test_a_lost_answer_to_a_registration(tmp_path: Path) -> None:
    with FakeAcme() as server:
        server.answers["newAccount"] = [Answer(cut=True)]
        with pytest.raises(OutcomeUnknown):
            controller_of(server, tmp_path)
        controller_of(server, tmp_path)
        assert len(server.accounts) == 1
        assert server.count("newAccount") == 1


def test_a_key_that_is_gone(server: FakeAcme, controller: Controller) -> None:
    controller.key_path.unlink()
    with pytest.raises(StateError, match="is gone"):
        controller.account(eab_path=None)
    assert server.count("newAccount") == 1
    with pytest.raises(UsageError, match="there is no account with the key"):
        controller.issue(ONE)


@pytest.mark.parametrize("content", [b"", b"garbage", pki.key_pem(pki.new_key())[:-40]])
def test_a_key_that_is_damaged(server: FakeAcme, controller: Controller, content: bytes) -> None:
    controller.key_path.write_bytes(content)
    controller.request(ONE)
    with pytest.raises(CollectionError, match="the account key") as caught:
        controller.order(ONE)
    assert caught.value.kind == "invalid_data"


@pytest.mark.parametrize(
    "binding", [None, 5, {}, {"protected": 5}, {"protected": "%%%"}, {"protected": "e30"}, {"protected": "W10"}]
)
def test_an_odd_binding_in_the_account_is_ignored(tmp_path: Path, binding: Any) -> None:
    with FakeAcme(eab_required=True) as server:
        server.always["newAccount"] = lambda answer: answer.change(externalAccountBinding=binding)
        controller = controller_of(server, tmp_path, eab="kid-1")
        assert controller.account()["account"]["kid"] == "kid-1"


def test_an_account_that_the_server_bound_to_another_credential(tmp_path: Path) -> None:
    with FakeAcme(eab_required=True) as server:
        protected = "eyJraWQiOiAia2lkLTIifQ"  # {"kid": "kid-2"}
        server.always["findAccount"] = lambda answer: answer.change(externalAccountBinding={"protected": protected})
        controller = controller_of(server, tmp_path, eab="kid-1")
        controller.key_path.with_suffix(".json").unlink()
        with pytest.raises(StateError, match="is bound to the credential kid-2"):
            controller.account()


def test_the_contact_follows(server: FakeAcme, controller: Controller) -> None:
    controller.contact = ("new@alpha.example",)
    assert controller.account(eab_path=None)["changed"]
    assert server.contacts["1"] == ["mailto:new@alpha.example"]
    assert not controller.account(eab_path=None)["changed"]


# -- what the server says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (problem(403, "caa", "forbidden"), ProviderError, "Add the CA's identity (fake.example, other.example)"),
        (problem(400, "badCSR", "no"), ProviderError, "no contact e-mail"),
        (problem(400, "rejectedIdentifier"), ProviderError, "does not issue for this name"),
        (problem(400, "accountDoesNotExist"), AuthError, "a new account is registered"),
        (problem(403, "userActionRequired"), ProviderError, "accept the CA's new terms"),
        (problem(400, "dns"), ProviderError, "DNSSEC"),
        (problem(400, "connection"), ProviderError, "port 80"),
        (problem(403, "unauthorized"), AuthError, "the account may order this"),
        (problem(500, "serverInternal", "oops"), OutcomeUnknown, "oops"),
        (Answer(500, {"message": "x"}), OutcomeUnknown, "status 500"),
        (Answer(403, {"message": "Missing Authentication Token"}), ProviderError, "refused"),
        (Answer(403, [1]), ProviderError, ""),
        (Answer(403, 5), ProtocolError, ""),
        (Answer(403, {"type": 5, "detail": {}, "subproblems": 7, "identifier": "x"}), ProviderError, ""),
        (Answer(400, b"[" * 100000), ProtocolError, ""),
        (Answer(200, b"[" * 100000), ProtocolError, ""),
        (Answer(201, {}), ProtocolError, "without the order's URL"),
        (Answer(201, {}, (("Location", "https://x"),)), ProtocolError, "without"),
        (Answer(302, None, (("Location", "https://other.example"),)), ProtocolError, "redirects"),
        (problem(429, "rateLimited", "too many"), RateLimited, "too many"),
    ],
)
def test_refusals_say_what_to_do(
    server: FakeAcme, controller: Controller, answer: Answer, kind: type[CollectionError], words: str
) -> None:
    server.meta["caaIdentities"] = ["fake.example", "other.example"]
    controller.request(ONE)
    server.answers["newOrder"] = [answer]
    with pytest.raises(CollectionError) as caught:
        controller.order(ONE)
    assert isinstance(caught.value, kind), caught.value.kind
    assert words in caught.value.sentence()
    assert server.count("newOrder") == 1


def test_a_long_rate_limit_ends_with_the_time_to_come_back(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    server.answers["newOrder"] = [problem(429, "rateLimited", "50 certificates per week").head("Retry-After", "86400")]
    with pytest.raises(RateLimited) as caught:
        controller.order(ONE)
    retry_at = datetime.fromisoformat(str(caught.value.extra["retry_at"]))
    assert abs((retry_at - datetime.now(UTC)).total_seconds() - 86400) < 10
    assert str(caught.value.extra["retry_at"]) in caught.value.sentence()
    assert server.count("newOrder") == 1


@pytest.mark.parametrize("refused", [1, 5, 20])
def test_a_refused_nonce_is_no_answer(server: FakeAcme, controller: Controller, refused: int) -> None:
    controller.request(ONE)
    server.answers["newOrder"] = [problem(400, "badNonce")] * refused
    controller.order(ONE)
    assert (server.count("newOrder"), len(server.orders)) == (refused + 1, 1)


def test_nonces_that_are_always_refused(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    server.answers["newOrder"] = [problem(400, "badNonce")] * 1000
    with pytest.raises(NotSent, match="refuses every nonce"):
        controller.order(ONE)
    assert 10 <= server.count("newOrder") <= 30


@pytest.mark.parametrize("operation", ["newOrder", "challenge", "finalize", "newAccount"])
@pytest.mark.parametrize("answer", [Answer(cut=True), Answer(503, b""), Answer(200, b"<html>")])
def test_no_other_post_is_sent_twice(tmp_path: Path, operation: str, answer: Answer) -> None:
    with FakeAcme() as server:
        server.answers[operation] = [answer]
        with contextlib.suppress(CollectionError):  # what the answer to a challenge says does not matter
            controller_of(server, tmp_path).issue(ONE)
        assert server.count(operation) == 1


@pytest.mark.parametrize("operation", ["order", "authorization", "certificate", "directory", "newNonce"])
def test_reading_is_patient(tmp_path: Path, operation: str) -> None:
    with FakeAcme() as server:
        controller = controller_of(server, tmp_path)
        server.answers[operation] = [Answer(cut=True), Answer(503, b"")]
        controller.request(ONE)
        try:
            controller.order(ONE)
        except TransportError:
            assert operation == "newNonce"  # on the way to a POST: that is for the next run
            controller.order(ONE)
        controller.finalize(ONE)
        assert server.count("newOrder") == 1


# -- waiting ------------------------------------------------------------------------------------------------------------


def test_a_wait_that_ends_can_be_resumed(server: FakeAcme, controller: Controller) -> None:
    clock = Shifted()
    controller.clock = clock
    controller.request(ONE)
    controller.order(ONE)
    server.always["authorization"] = lambda answer: answer.change(status="pending")
    with pytest.raises(TransportError, match="was not done in 7 seconds") as caught:
        controller.finalize(ONE, wait_timeout=7)
    assert caught.value.code == "wait_timeout"
    assert 6 < clock.slept < 9
    server.always.clear()
    controller.finalize(ONE)
    assert server.count("newOrder") == 1


@pytest.mark.parametrize(("header", "limited"), [("1000000000", True), ("31", True), ("5", False), ("x", False)])
def test_how_long_a_server_may_make_us_wait(
    server: FakeAcme, controller: Controller, header: str, limited: bool
) -> None:
    clock = Shifted()
    controller.clock = clock
    controller.request(ONE)
    controller.order(ONE)
    server.always["authorization"] = lambda answer: answer.change(status="processing").head("Retry-After", header)
    with pytest.raises(RateLimited if limited else TransportError) as caught:
        controller.finalize(ONE, wait_timeout=20)
    assert clock.slept <= 21
    if limited:
        assert caught.value.extra["retry_at"]


def test_a_retry_after_is_kept(server: FakeAcme, controller: Controller) -> None:
    clock = Shifted()
    controller.clock = clock
    controller.request(ONE)
    controller.order(ONE)

    def waiting(answer: Any) -> Any:
        return answer.change(status="processing").head("Retry-After", "9")

    server.answers["authorization"] = [lambda answer: answer, waiting]
    controller.finalize(ONE, wait_timeout=60)
    assert clock.slept >= 9


def test_a_state_that_nobody_knows_is_not_yet(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)

    def odd(answer: Any) -> Any:
        return answer.change(status="thinking")

    server.answers["authorization"] = [lambda answer: answer, odd, odd]
    server.answers["order"] = [lambda answer: answer, odd]
    controller.finalize(ONE)
    assert server.count("newOrder") == 1


def test_a_refused_challenge_names_domain_and_reason(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    controller.order(ONE)
    error = problem(403, "unauthorized", "the page says 404").body

    def refuse(answer: Answer) -> Answer:
        return answer.change(
            status="invalid",
            challenges=[{**item, "status": "invalid", "error": error} for item in answer.body["challenges"]],
        )

    server.always["authorization"] = refuse
    with pytest.raises(ProviderError) as caught:
        controller.finalize(ONE)
    sentence = caught.value.sentence()
    assert "could not validate www.example.com by http-01: unauthorized: the page says 404." in sentence
    assert "port 80" in sentence
    server.always.clear()
    controller.order(ONE)
    assert server.count("newOrder") == 2


def test_a_challenge_that_is_not_offered(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE, certificate("b.example"))
    controller.order(ONE, certificate("b.example"))
    server.orders["1"].kinds = ("dns-01",)
    server.orders["2"].kinds = ("dns-01",)
    assert controller.order(ONE, certificate("b.example"))["http_challenges"] == []
    with pytest.raises(CollectionError, match="offers no http-01 for"):
        controller.finalize(ONE, certificate("b.example"))
    assert server.count("newOrder") == 2


# -- chains -------------------------------------------------------------------------------------------------------------


def chains(server: FakeAcme, links: int) -> None:
    """Alternate chains that name each other, without end."""

    def answer(found: Answer) -> Answer:
        asked = server.count("certificate")
        for number in range(links):
            found = found.head("Link", f'<{server.url}/certificate/1/{asked * 1000 + number}>;rel="alternate"')
        return found

    server.always["certificate"] = answer


def test_alternate_chains_are_not_fetched_without_a_wish(server: FakeAcme, controller: Controller) -> None:
    chains(server, 3)
    controller.issue(ONE)
    assert server.count("certificate") == 1


@pytest.mark.parametrize("links", [0, 3, 50])
def test_alternate_chains_are_bounded(server: FakeAcme, controller: Controller, links: int) -> None:
    chains(server, links)
    controller.issue(certificate("www.example.com", preferred_chain="Nobody"))
    assert server.count("certificate") == 1 + min(links, 7)


def test_a_preferred_chain(server: FakeAcme, controller: Controller) -> None:
    root = pki.authority("Other Root")
    cross = pki.authority("Fake CA", root, key=server.ca.key)

    def answer(found: Answer) -> Answer:
        if server.count("certificate") == 1:
            return found.head("Link", '</certificate/1/other>;rel="alternate"')  # relative, as RFC 8288 allows
        leaf = found.body[: found.body.index(b"-----END CERTIFICATE-----") + 26]
        return Answer(200, leaf + cross.pem)

    server.always["certificate"] = answer
    controller.issue(certificate("www.example.com", preferred_chain="Other Root"))
    assert (controller.sets / "www.example.com" / "current" / "chain.pem").read_bytes() == cross.pem


def test_an_endless_list_of_orders(server: FakeAcme, controller: Controller) -> None:
    controller.request(ONE)
    server.answers["newOrder"] = [Answer(cut=True)]
    with pytest.raises(OutcomeUnknown):
        controller.order(ONE)
    server.orders.clear()
    many = [f"{server.url}/order/{number}" for number in range(1000)]
    server.always["orders"] = lambda answer: Answer(200, {"orders": [*many, 5, None]}).head(
        "Link", f'<{server.url}/account/1/orders>;rel="next"'
    )
    controller.order(ONE)
    assert server.count("orders") <= 100
    assert server.count("order") <= 60
    assert len(server.orders) == 1


# -- hostile URLs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("http://acme.example/x", "ftp://acme.example/x", "file:///etc/passwd", "//acme.example/x", "/x", "x", ""),
        *("https://user:secret@acme.example/", "https://", "https://a b/", "https://[::1", "javascript:alert(1)"),
    ],
)
@pytest.mark.parametrize("member", ["newNonce", "newOrder", "finalize", "authorizations", "challenge", "certificate"])
def test_urls_that_are_not_used(tmp_path: Path, member: str, url: str) -> None:
    with FakeAcme() as server:
        controller = controller_of(server, tmp_path)
        if member in ("newNonce", "newOrder"):
            server.always["directory"] = lambda answer: answer.change(**{member: url})
        elif member == "challenge":
            server.always["authorization"] = lambda answer: answer.change(
                challenges=[{**item, "url": url} for item in answer.body["challenges"]]
            )
        else:
            value: Any = [url] if member == "authorizations" else url
            for operation in ("order", "newOrder", "finalize"):
                server.always[operation] = lambda answer: answer.change(**{member: value})
        with pytest.raises(CollectionError) as caught:
            controller.issue(ONE)
        assert caught.value.kind == "protocol", caught.value.sentence()
        assert "secret" not in json.dumps(caught.value.payload())
        assert not os.path.lexists(controller.sets / "www.example.com" / "current")


def test_no_plain_http_on_loopback_for_a_server_elsewhere() -> None:
    """A CA must not make the controller talk to services of its own machine."""
    client = AcmeClient("https://acme.example/directory", pki.key_pem(pki.new_key()), "https://acme.example/1")
    client._directory.value = {"newNonce": "http://127.0.0.1:1/x", "newAccount": "x", "newOrder": "http://localhost:1/"}
    with pytest.raises(ProtocolError, match="not https"):
        client.new_order(("a.example",), None, None)


@pytest.mark.parametrize("value", [{}, [], 5, None, {"newNonce": "x"}, {"newNonce": 1, "newAccount": 2, "newOrder": 3}])
def test_what_is_no_directory(tmp_path: Path, value: Any) -> None:
    with FakeAcme() as server:
        server.always["directory"] = lambda _: Answer(200, value)
        with pytest.raises(ProtocolError) as caught:
            controller_of(server, tmp_path)
        assert caught.value.hint == "Check directory_url." or "not JSON" in caught.value.message


@pytest.mark.parametrize("meta", [None, 5, [], "x", {"caaIdentities": 5}, {"caaIdentities": [5, None]}])
def test_odd_meta_data(tmp_path: Path, meta: Any) -> None:
    with FakeAcme() as server:
        server.always["directory"] = lambda answer: answer.change(meta=meta)
        controller = controller_of(server, tmp_path)
        controller.request(ONE)
        server.answers["newOrder"] = [problem(403, "caa")]
        with pytest.raises(ProviderError, match="refused"):
            controller.order(ONE)


def test_a_hostile_token_reaches_neither_result_nor_disk(server: FakeAcme, controller: Controller) -> None:
    server.always["authorization"] = lambda answer: answer.change(
        challenges=[{**item, "token": "../../etc/x"} for item in answer.body["challenges"]]
    )
    controller.request(ONE)
    with pytest.raises(ProtocolError, match="not base64url"):
        controller.order(ONE)
    assert b"../" not in b"".join(path.read_bytes() for path in controller.state.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"x" * 200_000]
)
def test_a_certificate_that_is_none(server: FakeAcme, controller: Controller, body: bytes) -> None:
    server.always["certificate"] = lambda _: Answer(200, body)
    with pytest.raises(CollectionError) as caught:
        controller.issue(ONE)
    assert caught.value.kind == "invalid_data"
    assert not os.path.lexists(controller.sets / "www.example.com" / "current")
    server.always.clear()
    controller.finalize(ONE)
    assert server.count("newOrder") == 1


def pki_request(*names: str) -> Any:
    from cryptography import x509

    return x509.load_pem_x509_csr(pki.request(names))
