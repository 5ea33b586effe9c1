# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one paid request: sent once, with its intent on disk, and every answer to it understood as yes, no or unknown."""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    InvalidData,
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
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import items, journal, placing
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Item, Present
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.lookup import Position

from tests.support import ordering, pki
from tests.support.desk import TOKEN, URL, Desk, Fault, broken, changed, instead, lost
from tests.support.scripted import FakeClock

NAME = "www.alpha.test"
FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "sslmarket"
POST = "POST /order/certificate"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def purchase_of(desk: Desk) -> dict[str, Any]:
    (path,) = desk.journal.glob("purchases/*/*.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


# --- what is sent -----------------------------------------------------------------------------------------------------


def item(**more: Any) -> Item:
    names = more.pop("names", (NAME,))
    return Item(NAME, ordering.PRODUCT, names, 1, "DNS", contacts=ordering.CONTACTS, **more)


def test_body() -> None:
    """Just what the documentation has, with the names that it has for it."""
    documented = json.loads((FIXTURES / "order-request.json").read_bytes())
    sent = placing.body(item(names=(NAME, "alpha.test"), voucher=Secret("v")), Present("x", csr=b"the request"))
    assert set(sent) <= set(documented) | {"voucher"}
    assert (sent["domain"], sent["dns_names"], sent["years"], sent["csr"]) == (NAME, ["alpha.test"], 1, "the request")
    assert sent["dv_auth_method"] == "DNS"
    assert sent["voucher"] == Secret("v")
    assert sent["owner_city"] == "London"


def test_a_body_without_what_is_not_there() -> None:
    assert not {"dns_names", "csr", "voucher"} & set(placing.body(item(), Present("x")))


@pytest.mark.parametrize("missing", ["owner", "auth", "tech", "invoice"])
def test_no_order_without_contacts(desk: Desk, missing: str) -> None:
    options = {name: value for name, value in desk.order(NAME).items() if name != missing}
    done = desk.call("sslmarket_order", options)
    assert done.kind == "usage"
    assert f"there is no {missing}" in done.result["msg"]
    assert (desk.posts, list(desk.journal.glob("purchases/*/*.json"))) == (0, [])


def test_the_intent_is_there_before_the_request(desk: Desk) -> None:
    seen: list[dict[str, Any]] = []

    def look(work: Any) -> Any:
        seen.append(purchase_of(desk))
        return work()

    desk.fault(POST, look)
    desk.call("sslmarket_order", desk.order(NAME, voucher="canaryVoucher"))
    (intent,) = seen
    digest = desk.newest()
    assert intent["state"] == "intent"
    assert intent["public_key"] == ordering_key(desk)
    assert (intent["names"], intent["years"], intent["seen"], intent["order_id"]) == ([NAME], 1, [], None)
    assert len(intent["sent"]) == len(intent["contacts"]) == 64
    placed = purchase_of(desk)
    assert {**placed, "state": "intent", "order_id": None} == intent
    assert (placed["state"], placed["order_id"]) == ("placed", digest.id)
    assert "canary" not in json.dumps(placed)


def ordering_key(desk: Desk) -> str:
    (found,) = items.from_params(
        {**dict.fromkeys(Item.__dataclass_fields__), "csr": Path(desk.csr(NAME)).read_text(), "certificates": None}
    )
    assert found.request is not None
    return found.request.public_key


def test_a_renewal_knows_the_orders_before_it(desk: Desk) -> None:
    desk.call("sslmarket_order", desk.order(NAME))
    first = desk.newest().id
    desk.clock.sleep(340 * 86400)
    done = desk.call("sslmarket_order", desk.order(NAME))
    assert done.steps == [f"order {NAME}"]
    (path,) = desk.journal.glob("purchases/*/0002.json")
    found = json.loads(path.read_bytes())
    assert (found["seen"], found["order_id"]) == ([first], desk.newest().id)


def test_a_voucher_is_sent_and_never_kept(desk: Desk) -> None:
    done = desk.call("sslmarket_order", desk.order(NAME, voucher="canaryVoucher"), diff=True)
    (body,) = [body for line, body in zip(desk.sent, desk.bodies) if line.startswith(POST)]
    assert json.loads(body)["voucher"] == "canaryVoucher"
    kept = b"".join(path.read_bytes() for path in desk.journal.rglob("*.json"))
    for secret in (b"canaryVoucher", TOKEN.encode()):
        assert secret not in kept
        assert secret not in json.dumps(done.result).encode()


# --- what becomes of it -----------------------------------------------------------------------------------------------

STATUSES = (
    *(200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308),
    *(
        400,
        401,
        402,
        403,
        404,
        405,
        406,
        407,
        408,
        409,
        410,
        411,
        413,
        414,
        415,
        418,
        421,
        422,
        423,
        425,
        426,
        428,
        429,
    ),
    *(431, 451, 499, 500, 501, 502, 503, 504, 507, 511, 520, 524, 599),
)
DEFINITE = {400, 401, 403, 404, 413, 415, 422}
BODIES: dict[str, bytes] = {
    "refusal": b'{"error": "validation_error", "description": "no"}',
    "list": b'["no"]',
    "text": b'"no"',
    "null": b"null",
    "page": b"<html><body>Bad Gateway</body></html>",
    "empty": b"",
    "cut": b'{"error": "validati',
    "order": b'{"order_id": 100001}',
    "twice": b'{"order_id": 100001, "order_id": 100002}',
    "old refusal": b'{"ack": "Error", "errors": ["no"]}',
}


def expected(status: int, body: str) -> str:
    if status == 429:
        return "refused"
    if status in DEFINITE and body in ("refusal", "list", "order", "old refusal"):
        return "refused"
    if status == 201 and body == "order":
        return "placed"
    if 200 <= status < 300 and body == "old refusal":
        return "unknown"  # status 2xx and "no": documented for another version of the API
    return "unknown"


@pytest.mark.parametrize("work", [True, False], ids=["booked", "not booked"])
def test_every_answer(tmp_path: Path, work: bool) -> None:
    """Each status with each body: the state of the journal, one request, and what the next run does."""
    counts: Counter[str] = Counter()
    for status in STATUSES:
        for body, content in BODIES.items():
            desk = Desk(tmp_path / f"{status}-{body}")
            desk.fault(POST, instead(status, content, work=work))
            done = desk.call("sslmarket_order", desk.order(NAME))
            state, where = purchase_of(desk)["state"], f"{status} {body}"
            assert state == expected(status, body), where
            assert done.failed is (state != "placed" or not work), where
            assert desk.posts == 1, where
            counts[state] += 1
            again = desk.call("sslmarket_order", desk.order(NAME))
            if work:
                assert (desk.posts, desk.booked, again.failed) == (1, 1, False), where
                assert again.result["orders"][0]["order_id"] == desk.newest().id
            elif state == "refused":
                assert (desk.posts, desk.booked, again.failed) == (2, 1, False), where
            elif state == "unknown":
                assert (desk.posts, desk.booked, again.kind) == (1, 0, "outcome_unknown"), where
            else:  # a yes that is not true
                assert (desk.posts, desk.booked, again.kind) == (1, 0, "state"), where
    print(f"\nanswers {sum(counts.values())}, one request each; {dict(counts)}")
    assert counts["placed"] == 1
    assert counts["refused"] == 4 * len(DEFINITE) + len(BODIES)


ERRORS: list[tuple[Exception, str]] = [
    (NotSent("cannot be reached"), "refused"),
    (InvalidData("cannot be built"), "refused"),
    (UsageError("cannot be built"), "refused"),
    (OutcomeUnknown("took longer than 30 seconds"), "unknown"),
    (OutcomeUnknown("broke off"), "unknown"),
    (TransportError("something"), "unknown"),
    (ProtocolError("redirects, which is not followed"), "unknown"),
    (ProtocolError("sent more than 1048576 bytes"), "unknown"),
    (VerifyError("what?"), "unknown"),
    (StateError("what?"), "unknown"),
    (CollectionError("what?"), "unknown"),
    (TimeoutError("what?"), "unknown"),
    (RuntimeError("what?"), "unknown"),
    (MemoryError("what?"), "unknown"),
]


@pytest.mark.parametrize("work", [True, False], ids=["booked", "not booked"])
@pytest.mark.parametrize(
    ("error", "state"), ERRORS, ids=[f"{type(error).__name__} {error}" for error, _state in ERRORS]
)
def test_every_way_to_have_no_answer(desk: Desk, error: Exception, state: str, work: bool) -> None:
    desk.fault(POST, lost(error) if work else broken(error))
    done = desk.call("sslmarket_order", desk.order(NAME))
    assert (purchase_of(desk)["state"], done.failed, desk.posts) == (state, True, 1)
    if state == "unknown":
        assert "may have been booked" in done.result["msg"]
        desk.call("sslmarket_order", desk.order(NAME))
        assert desk.posts == 1
    else:
        assert "may have been booked" not in done.result["msg"]


NUMBERS: list[Any] = [
    *(None, True, False, 0, -5, 1.5, 1e3, "", "x", "-5", "1.0", [], [5], {}, {"order_id": 5}, 10**18, 10**300),
    *("9" * 5000, "٣", " 7", "7\n", float("inf")),
]


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
def test_what_is_no_number_of_an_order(desk: Desk, number: Any) -> None:
    desk.fault(POST, changed(lambda answer: {"order_id": number}))
    done = desk.call("sslmarket_order", desk.order(NAME))
    assert (done.kind, purchase_of(desk)["state"]) == ("outcome_unknown", "unknown")
    again = desk.call("sslmarket_order", desk.order(NAME))
    assert (again.failed, desk.posts, desk.booked) == (False, 1, 1)
    assert purchase_of(desk)["order_id"] == desk.newest().id


@pytest.mark.parametrize("number", [100001, "100001", "00100001"])
def test_numbers_of_orders(desk: Desk, number: Any) -> None:
    desk.fault(POST, changed(lambda answer: {"order_id": number, "surprise": [1]}))
    assert not desk.call("sslmarket_order", desk.order(NAME)).failed
    assert purchase_of(desk)["order_id"] == 100001


def test_the_number_of_an_older_order(desk: Desk) -> None:
    """What the provider answers cannot be this order; the one that was placed is found by its key."""
    desk.call("sslmarket_order", desk.order(NAME))
    old = desk.newest().id
    desk.clock.sleep(340 * 86400)
    desk.fault(POST, changed(lambda answer: {"order_id": old}))
    renewed = desk.order(NAME, file="renewed")
    done = desk.call("sslmarket_order", renewed)
    assert done.kind == "outcome_unknown"
    assert f"the number of an older order, {old}" in done.result["msg"]
    again = desk.call("sslmarket_order", renewed)
    assert (again.failed, desk.posts, desk.booked) == (False, 2, 2)
    assert again.result["orders"][0]["order_id"] == desk.newest().id != old


def test_a_refusal_is_told_without_our_secrets(desk: Desk) -> None:
    said = {"error": "validation_error", "description": f"no {TOKEN} canaryVoucher\n\x1b[31m", "x": TOKEN}
    desk.fault(POST, instead(400, said, work=False))
    done = desk.call("sslmarket_order", desk.order(NAME, voucher="canaryVoucher"))
    text = json.dumps(done.result) + json.dumps(purchase_of(desk))
    assert "validation_error" in text
    assert (TOKEN in text, "canaryVoucher" in text, "\\u001b" in text) == (False, False, False)
    assert done.result["error"]["status"] == 400


@pytest.mark.parametrize(
    ("error", "no"),
    [
        (NotSent("x"), True),
        (UsageError("x"), True),
        (InvalidData("x"), True),
        (ProviderError("x"), True),
        (AuthError("x"), True),
        (RateLimited("x"), True),
        (ProtocolError("x"), False),
        (OutcomeUnknown("x"), False),
        (TransportError("x"), False),
        (StateError("x"), False),
        (VerifyError("x"), False),
        (CollectionError("x"), False),
    ],
)
def test_what_is_surely_not_booked(error: CollectionError, no: bool) -> None:
    assert placing._surely_not_booked(error) is no


# --- when the outcome cannot be written ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (None, "Order 100001 is placed."),
        (lost(OutcomeUnknown("cut off")), "The order was sent."),
        (instead(400, BODIES["refusal"], work=False), "The order was sent."),
    ],
    ids=["placed", "unknown", "refused"],
)
def test_the_outcome_cannot_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: Fault | None, told: str
) -> None:
    """The user hears that something was sent, and not that nothing was bought."""
    real = os.write

    def full(descriptor: int, content: Any) -> int:
        if desk.posts and not desk.busy:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content)

    if fault is not None:
        desk.fault(POST, fault)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        done = desk.call("sslmarket_order", desk.order(NAME))
        assert (done.kind, purchase_of(desk)["state"]) == ("state", "intent")
        assert "No space left on device" in done.result["msg"]
        assert told in done.result["msg"]
        assert "Nothing is bought" not in done.result["msg"]
        desk.call("sslmarket_order", desk.order(NAME))  # as long as the disk is full
        assert desk.posts == 1
    again = desk.call("sslmarket_order", desk.order(NAME))
    assert desk.posts == 1
    assert again.failed is (desk.booked == 0)


# --- adoption ---------------------------------------------------------------------------------------------------------


def test_nothing_to_adopt(desk: Desk) -> None:
    placing.adopt(desk.account(), item(), Position())
    assert not desk.journal.exists()


def test_an_adopted_order_was_not_bought_here(desk: Desk) -> None:
    desk.call("sslmarket_order", desk.order(NAME))
    order = desk.account().api.orders()[0]
    other = replace_journal(desk)
    with other.journal.lock(ordering.PRODUCT, (NAME,), 1):
        placing.adopt(other, item(), Position(order=order, adopt=order.order_id))
    (found,) = other.journal.purchases(ordering.PRODUCT, (NAME,))
    assert (found.state, found.order_id, found.adopted, found.years) == ("placed", order.order_id, True, 1)
    assert not found.bought
    assert journal.settled([found]) is found


def replace_journal(desk: Desk) -> Any:
    clock: Any = desk.clock
    return replace(desk.account(), journal=journal.Journal(str(desk.directory / "other"), URL, clock))


def test_a_set_without_a_request_buys_nothing(desk: Desk) -> None:
    """In check mode certificate_request has not made it yet; in a run it was forgotten."""
    options = {**desk.in_sets(NAME), **ordering.CONTACTS}
    assert desk.call("sslmarket_order", options, check=True).steps == [f"order {NAME}"]
    done = desk.call("sslmarket_order", options)
    assert "has no request yet" in done.result["msg"]
    assert (desk.posts, list(desk.journal.glob("purchases/*/*.json"))) == (0, [])
    desk.request_sets(NAME)
    assert not desk.call("sslmarket_order", options).failed
    assert desk.posts == 1


def test_a_product_without_a_request(desk: Desk) -> None:
    """It is placed when the user says so; after a lost answer only its number helps."""
    free = {"product_code": "RAPIDSSL_FREESSL", "domain": NAME}
    options = {**desk.access(), **ordering.CONTACTS, **free}
    done = desk.call("sslmarket_order", options)
    assert "could not be found again after a crash" in done.result["msg"]
    options["allow_unmatched"] = True
    desk.fault(POST, lost(OutcomeUnknown("cut off")))
    assert desk.call("sslmarket_order", options).kind == "outcome_unknown"
    for eager in ({}, {"on_unknown": "resubmit", "quiet_period": 60}):
        for _run in range(3):
            desk.clock.sleep(5 * 3600)
            done = desk.call("sslmarket_order", {**options, **eager})
            assert done.failed
            assert str(desk.newest().id) in done.result["msg"]
    assert desk.posts == 1
    done = desk.call("sslmarket_order", {**options, "order_id": desk.newest().id})
    assert (done.failed, done.steps) == (False, [f"adopt {NAME}"])
    assert (desk.call("sslmarket_order", options).steps, desk.posts) == ([], 1)


def test_keys_are_found_in_requests() -> None:
    """The digest of the journal is that of the key, and not of the request."""
    key = pki.new_key()
    digests = set()
    for _number in range(2):
        (found,) = items.from_params(
            {
                **dict.fromkeys(("certificates", "sets_path", "csr_path", "domain", "dns_names", "years")),
                "csr": pki.request([NAME], key).decode(),
            }
        )
        assert found.request is not None
        digests.add(found.request.public_key)
        assert items.present(found, None, FakeClock()).key in digests  # type: ignore[arg-type]
    assert len(digests) == 1
