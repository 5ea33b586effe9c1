# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions: policy, state, request and time go in, an answer and what has to be stored come out. Nothing else happens."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from certfleet_hook.policy import Customer, Policy, Rate
from certfleet_hook.requests import Authorization, Delivery, reservation_key
from certfleet_hook.state import (
    EXPIRED,
    OPEN,
    SETTLED,
    Account,
    Answer,
    Certificate,
    Known,
    KnownDelivery,
    Leaf,
    Outcome,
    Refusal,
    Reservation,
)

DAY = 86_400_000
# Fixed texts: nothing of a request comes back to whoever sent it.
MESSAGES = {
    "unknown_kid": "These credentials are not known to your reseller.",
    "disabled": "Your account is closed. Please contact your reseller.",
    "product": "Your contract does not include this product.",
    "duration": "Your contract does not allow such a long duration.",
    "name": "Your contract does not include all of these names.",
    "rate": "Too many certificates were ordered in a short time. Please try again later.",
    "funds": "Your balance is too low for this certificate. Please contact your reseller.",
    "quota": "You have used up your number of certificates. Please contact your reseller.",
    "not_authorized": "There is no authorization for this certificate.",
    "dates": "The certificate's dates do not fit its authorization.",
    "other_names": "The certificate has other names than the request says.",
    "other_kid": "The certificate belongs to other credentials.",
}
STATUS = {"unknown_kid": 401}
YES = Answer(200, "allowed")
# Who can send requests could fill the disk with refusals; more than that are answered without a record.
REFUSALS = Rate(1000, 3600)
# A CA sets a certificate's start back by up to two days (CA/Browser Forum BR 7.1.2.7), and clocks differ.
BACKDATED = 2 * DAY
AHEAD = DAY
# Longest lives of public certificates by their first day (BR 6.3.2, ballot SC-081v3).
LONGEST_LIVES = ((date(2029, 3, 15), 47), (date(2027, 3, 15), 100), (date(2026, 3, 15), 200), (date.min, 398))
# CAs stay a little below what was ordered
SHORT_BY_DAYS = 3


def take(rate: Rate, arrival: int, now: int) -> int | None:
    """The next arrival time (microseconds) of the generic cell rate algorithm, or None when there were too many."""
    following = taken(rate, arrival, now)
    return following if following <= now * 1000 + rate.seconds * 1_000_000 else None


def taken(rate: Rate, arrival: int, now: int) -> int:
    """The next arrival time after something that has happened, too many or not."""
    return max(arrival, now * 1000) + rate.seconds * 1_000_000 // rate.count


def refused(code: str) -> Answer:
    return Answer(STATUS.get(code, 403), code, MESSAGES[code])


def authorize(policy: Policy, known: Known, request: Authorization, now: int) -> Outcome:
    """Whether SSL.com may issue. The rules are asked each time; a live reservation answers for money and rate.

    Once it is settled, the same request may be another order, whose certificate is a debit of its own: it needs the money again,
    and room in the rate.
    """
    customer = policy.by_kid.get(request.kid)
    if customer is None:
        return Outcome(refused("unknown_kid"))
    product = policy.product(request.product)
    key = reservation_key(request.kid, product, request.duration, request.names)
    facts = {
        "key": key,
        "customer": customer.id,
        "kid": request.kid,
        "product": product,
        "duration": request.duration,
        "names": list(request.names),
        "policy": policy.digest,
    }
    code = forbidden(customer, product, request)
    last = known.reservation
    price = customer.prices.get(product, 0)
    affordable = known.account.available(customer.granted) >= price
    arrival = take(customer.rate, known.account.arrival, now)
    possible = affordable and arrival is not None
    again = last is not None and (last.state == OPEN or (last.state == SETTLED and last.expires > now and possible))
    if again and not code:
        return Outcome(YES)
    if not code and not affordable:
        code = "quota" if customer.unit == "quota" else "funds"
    if not code and arrival is None:
        code = "rate"
    if code or arrival is None:
        return refuse(policy, known, "authorization", facts, code, now)
    made = Reservation(
        key=key,
        generation=last.generation + 1 if last else 1,
        customer=customer.id,
        kid=request.kid,
        product=product,
        duration=request.duration,
        names=request.names,
        unit=customer.unit,
        price=price,
        created=now,
        expires=now + policy.reservation_seconds * 1000,
    )
    account = dataclasses.replace(known.account, reserved=known.account.reserved + price, arrival=arrival)
    record = {
        **facts,
        "allowed": True,
        "generation": made.generation,
        "unit": made.unit,
        "price": price,
        "expires": made.expires,
    }
    return Outcome(YES, "authorization", record, reservation=made, account=account)


def forbidden(customer: Customer, product: str, request: Authorization) -> str:
    """The first rule that says no, or an empty text."""
    if not customer.enabled:
        return "disabled"
    if product not in customer.prices:
        return "product"
    if request.duration > customer.longest_days:
        return "duration"
    return "" if all(map(customer.allows, request.names)) else "name"


def refuse(policy: Policy, known: Known, kind: str, facts: Mapping[str, Any], code: str, now: int) -> Outcome:
    """A "no", recorded unless the same one was while a reservation would have lived."""
    answer, last = refused(code), known.refusal
    if last is not None and last.code == code and now < last.at + policy.reservation_seconds * 1000:
        return Outcome(answer)
    arrival = take(REFUSALS, known.account.refusal_arrival, now)
    if arrival is None:
        return Outcome(answer)
    return Outcome(
        answer,
        kind,
        {**facts, "allowed": False, "code": code},
        account=dataclasses.replace(known.account, refusal_arrival=arrival),
        refusal=Refusal(facts["key"], code, now),
    )


def deliver(policy: Policy, known: KnownDelivery, request: Delivery, leaf: Leaf, now: int) -> Outcome:
    """What becomes of a certificate whose chain is proven. Each one is stored and paid for once."""
    if request.kid not in policy.by_kid and not known.reservations:
        return Outcome(refused("unknown_kid"))
    if known.owner is not None:
        return Outcome(Answer(200, "known") if known.owner == request.kid else refused("other_kid"))
    if not plausible(request, leaf, now):
        return send_back(policy, known, request, leaf, "dates", now)
    if request.names is not None and not set(leaf.names) <= set(request.names):
        return send_back(policy, known, request, leaf, "other_names", now)
    paid = choose(known.reservations, policy.product(request.product), request, leaf, now)
    if paid is None:
        return send_back(policy, known, request, leaf, "not_authorized", now)
    flags = [{EXPIRED: "late", SETTLED: "additional"}.get(paid.state, "")]
    flags += ["short"] if is_short(leaf, paid.duration) else []
    account = known.accounts.get((paid.customer, paid.unit), Account(paid.customer, paid.unit))
    account = dataclasses.replace(
        account,
        debited=account.debited + paid.price,
        reserved=account.reserved - (paid.price if paid.state == OPEN else 0),
    )
    customer = policy.customers.get(paid.customer)
    if paid.state == SETTLED and customer is not None:  # an order whose authorization took nothing of the rate
        account = dataclasses.replace(account, arrival=taken(customer.rate, account.arrival, now))
    certificate = Certificate(leaf, paid, tuple(filter(None, flags)), now)
    return Outcome(
        Answer(200, "stored"),
        "certificate",
        certificate_record(certificate, policy.digest),
        reservation=dataclasses.replace(paid, state=SETTLED),
        account=account,
        certificate=certificate,
    )


def send_back(policy: Policy, known: KnownDelivery, request: Delivery, leaf: Leaf, code: str, now: int) -> Outcome:
    """A "no" to a certificate. A pinned CA has issued it, so SSL.com wants its money, and somebody has to hear of it."""
    if not policy.trusted:
        return Outcome(refused(code))
    customer = policy.by_kid.get(request.kid)
    place = (customer.id, customer.unit) if customer else (known.reservations[0].customer, known.reservations[0].unit)
    facts = {
        "key": leaf.fingerprint,
        "customer": place[0],
        "kid": request.kid,
        "product": policy.product(request.product),
        "duration": request.duration,
        "names": list(leaf.names),
        "fingerprint": leaf.fingerprint,
        "serial": leaf.serial,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "policy": policy.digest,
    }
    account = known.accounts.get(place, Account(*place))
    return refuse(policy, Known(account, refusal=known.refusal), "delivery", facts, code, now)


def choose(
    reservations: tuple[Reservation, ...], product: str, request: Delivery, leaf: Leaf, now: int
) -> Reservation | None:
    """The reservation that a certificate settles: open before expired before settled, the very same order first, then the oldest.

    An expired one still counts, for the certificate is there and costs money; a settled one only while it lives.
    """
    order = {OPEN: 0, EXPIRED: 1, SETTLED: 2}
    fitting = [
        each
        for each in reservations
        if each.product == product
        and set(leaf.names) <= set(each.names)
        and each.created - BACKDATED <= leaf.not_before <= max(each.expires, each.created) + AHEAD
        and (each.state != SETTLED or each.expires > now)
    ]
    return min(
        fitting,
        key=lambda each: (
            order[each.state],
            each.duration != (request.duration or each.duration),
            set(each.names) != set(leaf.names),
            each.created,
            each.key,
        ),
        default=None,
    )


def plausible(request: Delivery, leaf: Leaf, now: int) -> bool:
    """Whether the certificate is valid about now, and its dates are those of the request, whatever offset that meant."""
    if not leaf.not_before - AHEAD <= now < leaf.not_after:
        return False
    told = ((request.not_before, leaf.not_before), (request.not_after, leaf.not_after))
    return all(said is None or abs(said.timestamp() * 1000 - real) <= DAY for said, real in told)


def is_short(leaf: Leaf, duration: int) -> bool:
    """Whether it lives shorter than was authorized and public certificates may live: SSL.com then issued its free one."""
    first = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=leaf.not_before)).date()
    longest = next(days for since, days in LONGEST_LIVES if first >= since)
    return (leaf.not_after - leaf.not_before) / DAY < min(duration, longest) - SHORT_BY_DAYS


def certificate_record(certificate: Certificate, digest: str) -> dict[str, Any]:
    leaf, paid = certificate.leaf, certificate.reservation
    return {
        "key": paid.key,
        "generation": paid.generation,
        "customer": paid.customer,
        "kid": paid.kid,
        "product": paid.product,
        "duration": paid.duration,
        "names": list(leaf.names),
        "fingerprint": leaf.fingerprint,
        "serial": leaf.serial,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "flags": list(certificate.flags),
        "unit": paid.unit,
        "amount": paid.price,
        "released": paid.price if paid.state == OPEN else 0,
        "policy": digest,
    }
