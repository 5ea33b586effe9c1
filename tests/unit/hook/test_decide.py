# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the reseller hook, as tables: policy, state, request and time in, answer and what is stored out."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from certfleet_hook import decide
from certfleet_hook.decide import DAY
from certfleet_hook.policy import Policy, Rate, load
from certfleet_hook.requests import Authorization, Delivery
from certfleet_hook.state import EXPIRED, OPEN, SETTLED, Account, Known, KnownDelivery, Leaf, Reservation

from tests.support import pki

NOW = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
CUSTOMER: dict[str, Any] = {
    "kids": ["kid"],
    "products": {"sslcom_dv": "10.00", "basicssl_ev": 99},
    "longest_days": 365,
    "names": ["alpha.test", "*.alpha.test"],
    "balance": "100.00",
    "rate": {"count": 10, "seconds": 3600},
}


def policy(**changes: Any) -> Policy:
    customers = {"alpha": {**CUSTOMER, **changes}}
    return load(json.dumps({"version": 1, "reservation_seconds": 3600, "customers": customers}).encode())


def quota(number: int) -> Policy:
    entry = {key: value for key, value in CUSTOMER.items() if key != "balance"}
    entry |= {"quota": number, "products": ["basicssl"]}
    return load(json.dumps({"version": 1, "customers": {"alpha": entry}}).encode())


def ask(**changes: Any) -> Authorization:
    return Authorization(
        **{"kid": "kid", "product": "sslcom_dv", "duration": 365, "names": ("www.alpha.test",), **changes}
    )


def account(**changes: Any) -> Account:
    return Account("alpha", "balance", **changes)


@pytest.mark.parametrize(
    ("rules", "request_", "have", "status", "code"),
    [
        (policy(), ask(), account(), 200, "allowed"),
        (policy(), ask(product="basicssl"), account(), 200, "allowed"),
        (policy(), ask(kid="other"), account(), 401, "unknown_kid"),
        (policy(enabled=False), ask(), account(), 403, "disabled"),
        (policy(), ask(product="sslcom_ov"), account(), 403, "product"),
        (policy(), ask(duration=366), account(), 403, "duration"),
        (policy(), ask(names=("www.alpha.test", "www.beta.test")), account(), 403, "name"),
        (policy(), ask(names=("a.b.alpha.test",)), account(), 403, "name"),
        (policy(names=[]), ask(), account(), 403, "name"),
        (policy(), ask(), account(debited=9000), 200, "allowed"),
        (policy(), ask(), account(debited=9001), 403, "funds"),
        (policy(), ask(), account(reserved=9001), 403, "funds"),
        (policy(), ask(), account(debited=9001, topped_up=1), 200, "allowed"),
        (policy(), ask(), account(arrival=NOW * 1000 + 3240_000_000), 200, "allowed"),
        (policy(), ask(), account(arrival=NOW * 1000 + 3240_000_001), 403, "rate"),
        (quota(1), ask(), Account("alpha", "quota"), 200, "allowed"),
        (quota(1), ask(), Account("alpha", "quota", debited=1), 403, "quota"),
        (quota(0), ask(), Account("alpha", "quota"), 403, "quota"),
    ],
)
def test_authorizations(rules: Policy, request_: Authorization, have: Account, status: int, code: str) -> None:
    outcome = decide.authorize(rules, Known(have), request_, NOW)
    assert (outcome.answer.status, outcome.answer.code) == (status, code)
    assert (outcome.reservation is not None) == (status == 200)
    assert (outcome.record is None) == (status == 401)
    assert bool(outcome.answer.message) == (status != 200)


def test_a_yes_reserves_the_price_for_its_time() -> None:
    outcome = decide.authorize(policy(), Known(account(reserved=5)), ask(product="basicssl"), NOW)
    made, have = outcome.reservation, outcome.account
    assert made
    assert have
    assert outcome.record
    assert (made.product, made.price, made.expires, made.generation) == ("sslcom_dv", 1000, NOW + HOUR, 1)
    assert (have.reserved, have.debited, have.arrival) == (1005, 0, NOW * 1000 + 360_000_000)
    assert outcome.record["allowed"] is True


def reservation(**changes: Any) -> Reservation:
    made = decide.authorize(policy(), Known(account()), ask(), NOW).reservation
    assert made
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize(
    ("have", "generation"),
    [
        (reservation(), None),
        (reservation(state=SETTLED), None),
        (reservation(state=SETTLED, expires=NOW), 2),
        (reservation(state=EXPIRED, expires=NOW), 2),
    ],
)
def test_replays_get_the_same_answer_while_the_reservation_lives(have: Reservation, generation: int | None) -> None:
    outcome = decide.authorize(policy(), Known(account(reserved=10**9 if have.state == OPEN else 0), have), ask(), NOW)
    assert outcome.answer.status == 200
    assert (outcome.reservation.generation if outcome.reservation else None) == generation
    assert (outcome.record is None) == (generation is None)


@pytest.mark.parametrize(("have", "status"), [(account(debited=9000), 200), (account(debited=9001), 403)])
def test_what_may_be_another_order_needs_the_money_again(have: Account, status: int) -> None:
    outcome = decide.authorize(policy(), Known(have, reservation(state=SETTLED)), ask(), NOW)
    assert (outcome.answer.status, outcome.reservation) == (status, None)


@pytest.mark.parametrize(("ahead", "code"), [(3240_000_000, "allowed"), (3240_000_001, "rate")])
def test_what_may_be_another_order_needs_room_in_the_rate(ahead: int, code: str) -> None:
    have = account(arrival=NOW * 1000 + ahead)
    outcome = decide.authorize(policy(), Known(have, reservation(state=SETTLED)), ask(), NOW)
    assert (outcome.answer.code, outcome.reservation) == (code, None)
    assert decide.authorize(policy(), Known(have, reservation()), ask(), NOW).answer.code == "allowed"


def test_a_replay_asks_the_rules_again() -> None:
    assert decide.authorize(policy(enabled=False), Known(account(), reservation()), ask(), NOW).answer.status == 403


def test_the_same_no_is_recorded_once() -> None:
    first = decide.authorize(policy(), Known(account(debited=10**6)), ask(), NOW)
    assert first.record
    assert first.refusal
    again = decide.authorize(policy(), Known(account(debited=10**6), refusal=first.refusal), ask(), NOW + HOUR - 1)
    assert (again.answer, again.record) == (first.answer, None)
    later = decide.authorize(policy(), Known(account(debited=10**6), refusal=first.refusal), ask(), NOW + HOUR)
    assert later.record
    other = decide.authorize(policy(enabled=False), Known(account(), refusal=first.refusal), ask(), NOW)
    assert other.record


def test_refusals_cannot_fill_the_disk() -> None:
    have, recorded = account(), 0
    for number in range(5000):
        request = ask(names=(f"n{number}.beta.test",))
        outcome = decide.authorize(policy(), Known(have), request, NOW)
        assert outcome.answer.status == 403
        recorded += outcome.record is not None
        have = outcome.account or have
    assert recorded == decide.REFUSALS.count


@pytest.mark.parametrize("count", [1, 3, 7, 1000])
def test_rates(count: int) -> None:
    rate, arrival, taken = Rate(count, 60), 0, 0
    while (following := decide.take(rate, arrival, NOW)) is not None:
        arrival, taken = following, taken + 1
    assert taken == count
    assert decide.take(rate, arrival, NOW + 60_000 // count) is not None or count == 7
    assert decide.take(rate, arrival, NOW + 60_000) is not None


# --- deliveries -------------------------------------------------------------------------------------------------------------


def leaf(days: float = 199, since: int = NOW, **changes: Any) -> Leaf:
    made = Leaf("f" * 64, "1", ("www.alpha.test",), since, since + int(days * DAY), "PEM")
    return dataclasses.replace(made, **changes)


def bring(**changes: Any) -> Delivery:
    usual = {"kid": "kid", "product": "basicssl", "duration": 365, "names": None, "chain": ""}
    return Delivery(**{**usual, "not_before": None, "not_after": None, **changes})


def deliver(
    *reservations: Reservation,
    request: Delivery | None = None,
    given: Leaf | None = None,
    owner: str | None = None,
    rules: Policy | None = None,
) -> Any:
    have = {("alpha", "balance"): account(reserved=1000)}
    known = KnownDelivery(owner, reservations, have)
    return decide.deliver(rules or policy(), known, request or bring(), given or leaf(), NOW)


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        (deliver(reservation()), 200, "stored"),
        (deliver(), 403, "not_authorized"),
        (deliver(request=bring(kid="other")), 401, "unknown_kid"),
        (deliver(reservation(), owner="kid"), 200, "known"),
        (deliver(reservation(), owner="other"), 403, "other_kid"),
        (deliver(reservation(product="sslcom_ov")), 403, "not_authorized"),
        (deliver(reservation(names=("other.alpha.test",))), 403, "not_authorized"),
        (deliver(reservation(names=("other.alpha.test", "www.alpha.test"))), 200, "stored"),
        (deliver(reservation(), given=leaf(names=("www.alpha.test", "x.alpha.test"))), 403, "not_authorized"),
        (deliver(reservation(), request=bring(names=("other.alpha.test",))), 403, "other_names"),
        (deliver(reservation(), request=bring(product="sslcom_dv", duration=None)), 200, "stored"),
        (deliver(reservation(), request=bring(duration=90)), 200, "stored"),
        (deliver(reservation(), given=leaf(since=NOW + 2 * DAY)), 403, "dates"),
        (deliver(reservation(), given=leaf(days=1, since=NOW - DAY)), 403, "dates"),
        (deliver(reservation(), given=leaf(since=NOW - 3 * DAY)), 403, "not_authorized"),
        (deliver(reservation(), request=bring(not_before=datetime(2026, 11, 22, 14, tzinfo=UTC))), 200, "stored"),
        (deliver(reservation(), request=bring(not_before=datetime(2026, 11, 25, tzinfo=UTC))), 403, "dates"),
        (deliver(reservation(), request=bring(not_after=datetime(2026, 11, 25, tzinfo=UTC))), 403, "dates"),
        (deliver(reservation(state=SETTLED, expires=NOW)), 403, "not_authorized"),
        (deliver(reservation(kid="gone"), request=bring(kid="gone")), 200, "stored"),  # no longer in the policy
    ],
)
def test_deliveries(found: Any, status: int, code: str) -> None:
    assert (found.answer.status, found.answer.code) == (status, code)
    assert (found.certificate is not None) == (code == "stored")
    assert (found.record is not None) == (code == "stored")


@pytest.mark.parametrize(
    ("state", "reserved", "flags"), [(OPEN, 0, ()), (EXPIRED, 1000, ("late",)), (SETTLED, 1000, ("additional",))]
)
def test_each_certificate_is_one_debit(state: str, reserved: int, flags: tuple[str, ...]) -> None:
    found = deliver(reservation(state=state))
    assert (found.account.debited, found.account.reserved) == (1000, reserved)
    assert (found.certificate.flags, found.reservation.state) == (flags, SETTLED)


@pytest.mark.parametrize(("state", "slots"), [(OPEN, 0), (EXPIRED, 0), (SETTLED, 1)])
@pytest.mark.parametrize("ahead", [0, 10**10])
def test_a_further_certificate_takes_its_part_of_the_rate(state: str, slots: int, ahead: int) -> None:
    """Its authorization took none, for it looked like a repetition; a full rate keeps no certificate out."""
    before = account(reserved=1000, arrival=NOW * 1000 + ahead)
    known = KnownDelivery(None, (reservation(state=state),), {("alpha", "balance"): before})
    found = decide.deliver(policy(), known, bring(), leaf(), NOW)
    assert found.account
    assert found.account.arrival - before.arrival == slots * 360_000_000


def test_certificates_that_are_sent_back_cannot_fill_the_disk() -> None:
    rules = dataclasses.replace(policy(), trusted=(pki.authority().certificate,))
    accounts, recorded = {("alpha", "balance"): account()}, 0
    for number in range(2000):
        known = KnownDelivery(None, (), accounts)
        outcome = decide.deliver(rules, known, bring(), leaf(fingerprint=f"{number:064x}"), NOW)
        assert (outcome.answer.status, outcome.answer.code) == (403, "not_authorized")
        recorded += outcome.record is not None
        if outcome.account:
            accounts["alpha", "balance"] = outcome.account
    assert recorded == decide.REFUSALS.count


def test_the_reservation_that_fits_best_is_settled() -> None:
    open_one = reservation()
    wide = reservation(names=("a.alpha.test", "www.alpha.test"), created=NOW - 2)
    short = reservation(duration=90, created=NOW - 3)
    old = reservation(state=EXPIRED, created=NOW - 4)
    for given, wanted in (
        ((old, wide, short, open_one), open_one),
        ((old, wide, short), wide),
        ((old, short), short),
        ((old,), old),
    ):
        assert deliver(*given).certificate.reservation == wanted


@pytest.mark.parametrize(
    ("since", "days", "duration", "short"),
    [
        ("2026-01-10", 397, 398, False),
        ("2026-01-10", 200, 398, True),
        ("2026-11-22", 199, 365, False),
        ("2026-11-22", 104, 365, True),
        ("2026-11-22", 90, 365, True),
        ("2026-11-22", 90, 90, False),
        ("2027-03-15", 99, 365, False),
        ("2027-03-15", 90, 365, True),
        ("2029-03-15", 46, 365, False),
    ],
)
def test_short_certificates_are_flagged(since: str, days: int, duration: int, short: bool) -> None:
    start = int(datetime.fromisoformat(f"{since}T00:00:00+00:00").timestamp() * 1000)
    assert decide.is_short(leaf(days, start), duration) is short
