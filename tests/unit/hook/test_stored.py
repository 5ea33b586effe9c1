# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reseller hook has stored, without a server: edges of time, and changes behind the log's back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from certfleet_hook import chain, clock, names, tables
from certfleet_hook.desk import Desk
from certfleet_hook.policy import Policy, load
from certfleet_hook.requests import Authorization, Delivery
from certfleet_hook.state import Answer, Leaf, Outcome
from certfleet_hook.store import Ask, Bring, Job, apply
from certfleet_hook.verify import verify
from certfleet_hook.writer import Writer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import utils
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, text

from tests.support import pki

DAY = 86_400_000
NAMES = ("www.alpha.test",)
CUSTOMER: dict[str, Any] = {
    "kids": ["kid"],
    "products": {"sslcom_dv": "10.00"},
    "longest_days": 398,
    "names": ["**.alpha.test"],
    "balance": "100.00",
    "rate": {"count": 1000, "seconds": 3600},
}


def policy(**changes: Any) -> Policy:
    return load(json.dumps({"version": 1, "customers": {"alpha": CUSTOMER}, **changes}).encode())


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    made = tables.connect(f"sqlite:///{tmp_path}/hook.sqlite")
    tables.prepare(made)
    yield made
    made.dispose()


def leaf_from(days: int, names_: tuple[str, ...] = NAMES) -> Leaf:
    """A certificate whose first day is so many days from now."""
    start = pki.NOW + timedelta(days=days)
    return chain.read(
        pki.server(names_, not_before=start, not_after=start + timedelta(days=90)).pem.decode(), [], pki.NOW
    )


def ask(name: str = NAMES[0]) -> Ask:
    return Ask(Authorization("kid", "sslcom_dv", 365, (name,)))


def bring(leaf: Leaf) -> Bring:
    return Bring(Delivery("kid", "sslcom_dv", 365, None, leaf.chain, None, None), leaf)


def do(engine: Engine, rules: Policy, job: Job, at: int) -> Outcome:
    with engine.begin() as connection:
        (outcome,) = apply(connection, rules, [job], lambda: at)
    return outcome


@pytest.mark.parametrize("days", [0, 1, 29, 30, 31])
def test_a_certificate_finds_its_reservation_as_long_as_that_lives(engine: Engine, days: int) -> None:
    rules, now = policy(reservation_seconds=31 * 86400), clock.now()
    assert do(engine, rules, ask(), now).answer.status == 200
    assert do(engine, rules, bring(leaf_from(days)), now + days * DAY + 1000).answer.code == "stored"


def test_the_same_order_again_and_again_ends_with_the_quota(engine: Engine) -> None:
    entry = {key: value for key, value in CUSTOMER.items() if key != "balance"}
    rules, now = policy(customers={"alpha": {**entry, "products": ["sslcom_dv"], "quota": 3}}), clock.now()
    answers = []
    for _number in range(6):
        answers.append(do(engine, rules, ask(), now).answer.code)
        if answers[-1] == "allowed":
            assert do(engine, rules, bring(leaf_from(0)), now).answer.code == "stored"
    assert answers == [*["allowed"] * 3, *["quota"] * 3]
    assert [line["available"] for line in Desk(engine).balances(rules)] == ["0"]
    assert verify(engine).problems == []


def test_the_same_order_again_and_again_ends_with_the_rate(engine: Engine) -> None:
    entry = {**CUSTOMER, "rate": {"count": 3, "seconds": 3600}}
    rules, now = policy(customers={"alpha": entry}), clock.now()
    answers = []
    for _number in range(6):
        answers.append(do(engine, rules, ask(), now).answer.code)
        if answers[-1] == "allowed":
            assert do(engine, rules, bring(leaf_from(0)), now).answer.code == "stored"
    assert answers == [*["allowed"] * 3, *["rate"] * 3]


def test_a_reservation_answers_nothing_after_its_time_swept_or_not(engine: Engine) -> None:
    """An order that could be paid just once, and another one that came too late; the sweep has not looked yet."""
    customer = {**CUSTOMER, "balance": "20.00", "rate": {"count": 3, "seconds": 86400}}
    rules, now = policy(reservation_seconds=3600, customers={"alpha": customer}), clock.now()
    end = now + 3_600_000
    assert do(engine, rules, ask(), now).answer.code == "allowed"
    assert do(engine, rules, ask("b.alpha.test"), now).answer.code == "allowed"
    with engine.begin() as connection:
        (replay,) = apply(connection, rules, [ask()], lambda: end - 1, sweep=False)
        (anew,) = apply(connection, rules, [ask()], lambda: end, sweep=False)
    assert replay == Outcome(Answer(200, "allowed"))
    assert anew.reservation
    assert anew.reservation.generation == 2
    with engine.begin() as connection:
        (late,) = apply(connection, rules, [bring(leaf_from(0, ("b.alpha.test",)))], lambda: end, sweep=False)
    assert late.certificate
    assert late.certificate.flags[0] == "late"
    kinds = [line["kind"] for line in reversed(Desk(engine).decisions("", 9))]
    assert kinds == [*["authorization"] * 2, "expiry", "authorization", "expiry", "certificate"]
    (line,) = Desk(engine).balances(rules)
    assert (line["reserved"], line["debited"], line["available"]) == ("10.00", "10.00", "0.00")
    assert verify(engine).problems == []


def other_signature(certificate: x509.Certificate) -> x509.Certificate:
    """The same certificate with the other valid form of its ECDSA signature: n - s in the place of s (SEC 1, 4.1.4)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    r, s = utils.decode_dss_signature(certificate.signature)
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    signature = b"\x00" + utils.encode_dss_signature(r, order - s)
    body = certificate.tbs_certificate_bytes + algorithm + b"\x03" + bytes([len(signature)]) + signature
    return x509.load_der_x509_certificate(b"\x30\x82" + len(body).to_bytes(2, "big") + body)


@pytest.mark.parametrize(("pinned", "code", "debits"), [(True, "known", 1), (False, "stored", 2)])
def test_another_form_of_the_signature_is_no_other_certificate(
    engine: Engine, pinned: bool, code: str, debits: int
) -> None:
    root = pki.authority("Root", key=pki.new_key())
    rules, now = policy(trusted_ca=root.pem.decode() if pinned else ""), clock.now()
    first = pki.server(NAMES, root).certificate
    second = other_signature(first)
    answers = [do(engine, rules, ask(), now).answer.code]
    for each in (first, second):
        text_ = each.public_bytes(Encoding.PEM).decode()
        leaf = chain.read(text_, [root.certificate], pki.NOW)  # it does lead to the CA
        answers.append(do(engine, rules, bring(leaf), now).answer.code)
    assert answers == ["allowed", "stored", code]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM debits")).scalar() == debits


def test_old_refusals_are_forgotten(engine: Engine) -> None:
    """They only spare a record of the same "no", while a reservation would have lived."""
    rules, now = policy(reservation_seconds=3600), clock.now()
    refused = [f"n{number}.beta.test" for number in range(5)]
    for number, name in enumerate(refused):
        assert do(engine, rules, ask(name), now + number * 1000).answer.code == "name"
    assert do(engine, rules, ask("late.beta.test"), now + 3600 * 1000 + 2000).answer.code == "name"
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT at FROM refusals ORDER BY at")).scalars().all()
    assert kept == [now + 3000, now + 4000, now + 3600 * 1000 + 2000]


ROOT = pki.authority()


@pytest.mark.parametrize(
    ("names_", "days", "request_", "code"),
    [
        (("alpha.test", *NAMES), 0, {}, "not_authorized"),  # a CA that adds a name of its own
        (NAMES, 9, {}, "dates"),
        (NAMES, 0, {"names": ("other.alpha.test",)}, "other_names"),
    ],
)
@pytest.mark.parametrize("pinned", [True, False])
def test_a_certificate_that_is_sent_back_is_told_when_a_ca_vouches_for_it(
    engine: Engine, names_: tuple[str, ...], days: int, request_: dict[str, Any], code: str, pinned: bool
) -> None:
    rules, now = policy(trusted_ca=ROOT.pem.decode() if pinned else ""), clock.now()
    leaf = leaf_from(days, names_)
    job = Bring(replace(bring(leaf).request, **request_), leaf)
    assert do(engine, rules, ask(), now).answer.status == 200
    assert {do(engine, rules, job, now + number).answer.code for number in range(5)} == {code}
    _last, events = Desk(engine).read("desk", 9)
    assert [(each["kind"], each["allowed"]) for each in events[1:]] == [("delivery", False)] * pinned
    if pinned:
        told = {key: events[1][key] for key in ("code", "customer", "fingerprint", "names", "serial")}
        assert told == {
            "code": code,
            "customer": "alpha",
            "fingerprint": leaf.fingerprint,
            "names": sorted(names_),
            "serial": leaf.serial,
        }
    (balance,) = Desk(engine).balances(rules)
    assert (balance["reserved"], balance["debited"]) == ("10.00", "0.00")
    assert verify(engine).problems == []


@pytest.fixture
def settled(engine: Engine) -> Engine:
    """One reservation that is settled, one that is open."""
    now = clock.now()
    for job in (ask(), ask("b.alpha.test"), bring(leaf_from(0))):
        assert do(engine, policy(), job, now).answer.status == 200
    assert verify(engine).problems == []
    return engine


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE reservations SET price = 1 WHERE state = 'open'", "reservation"),
        ("UPDATE reservations SET names = '[\"evil.test\"]' WHERE state = 'open'", "reservation"),
        ("UPDATE reservations SET expires = expires + 1 WHERE state = 'open'", "reservation"),
        ("UPDATE reservations SET created = created + 1", "reservation"),
        ("UPDATE reservations SET kid = 'other'", "reservation"),
        ("UPDATE reservations SET customer = 'beta'", "reservation"),
        ("UPDATE reservations SET duration = 1", "reservation"),
        ("UPDATE certificates SET kid = 'other'", "certificate"),
        ("UPDATE certificates SET names = '[\"evil.test\"]'", "certificate"),
        ("UPDATE certificates SET not_after = not_after + 1", "certificate"),
        ("UPDATE certificates SET flags = 'late'", "certificate"),
        ("UPDATE certificates SET serial = '1'", "certificate"),
        ("UPDATE certificates SET chain = ''", "certificate"),
    ],
)
def test_changes_behind_the_logs_back_are_found(settled: Engine, change: str, told: str) -> None:
    with settled.begin() as connection:
        connection.execute(text(change))
    assert [each.split()[0] for each in verify(settled).problems][:1] == [told]


def test_another_certificate_in_the_place_of_the_stored_one_is_found(settled: Engine) -> None:
    other = leaf_from(0).chain
    with settled.begin() as connection:
        connection.execute(text("UPDATE certificates SET chain = :chain"), {"chain": other})
    assert len(verify(settled).problems) == 1


def test_an_export_shows_one_moment(settled: Engine) -> None:
    lines = Desk(settled).everything()
    first = next(lines)
    assert Desk(settled).top_up("alpha", "balance", 100, "payment 1")
    found = [first, *lines]
    assert [table for table, _row in found].count("top_ups") == 0
    assert [row["topped_up"] for table, row in found if table == "accounts"] == [0]


@pytest.mark.parametrize("name", ["ban\u212a.test", "www.alpha\u3002test", "\u017f.alpha.test"])
def test_letters_that_become_others_in_lower_case_are_no_names(name: str) -> None:
    with pytest.raises(ValueError, match="not a DNS name"):
        names.normalise(name)


def test_who_gave_up_waiting_is_not_stored_when_a_shared_commit_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first store of two fails; one of them has gone meanwhile."""

    async def scene() -> list[int]:
        writer, stored = Writer(engine, policy), []
        real = writer._store

        async def failing(jobs: list[Job]) -> list[Outcome]:
            stored.append(len(jobs))
            if len(jobs) > 1:
                gone.cancel()
                await asyncio.sleep(0.05)
                raise OSError("the shared commit fails")
            return await real(jobs)

        monkeypatch.setattr(writer, "_store", failing)
        running = asyncio.create_task(writer.run())
        stays = asyncio.create_task(writer.submit(ask(), 10))
        gone = asyncio.create_task(writer.submit(ask("gone.alpha.test"), 10))
        assert (await stays).answer.status == 200
        await asyncio.sleep(0.05)
        running.cancel()
        return stored

    assert asyncio.run(scene()) == [2, 1]
