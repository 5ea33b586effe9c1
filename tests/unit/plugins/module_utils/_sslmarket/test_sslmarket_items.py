# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options to items, and what is there of an item."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    InvalidData,
    StateError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import items
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.items import Item

from tests.support import issuing, ordering, pki
from tests.support.scripted import FakeClock

PRODUCT = ordering.PRODUCT
NAME = "www.alpha.test"
CSR = pki.request([NAME, "alpha.test"]).decode()


def params(**given: Any) -> dict[str, Any]:
    """As the argument spec leaves them: everything is there."""
    names = (
        *(
            "name",
            "product_code",
            "domain",
            "dns_names",
            "years",
            "csr",
            "csr_path",
            "order_id",
            "key_type",
            "key_size",
        ),
        *("dv_auth_method", "voucher", "owner", "auth", "tech", "invoice", "certificates", "sets_path"),
    )
    policy = {"remaining_share": 0.3333, "remaining_days": None}
    return {**dict.fromkeys(names), **policy, **given}


def one(**given: Any) -> Item:
    (found,) = items.from_params(params(**given))
    return found


def entries(*certificates: dict[str, Any], **given: Any) -> tuple[Item, ...]:
    return items.from_params(params(certificates=list(certificates), **given))


def refusal(call: Any) -> CollectionError:
    with pytest.raises(CollectionError) as refused:
        call()
    return refused.value


# --- one certificate --------------------------------------------------------------------------------------------------


def test_by_its_request() -> None:
    """The names of the request are meant."""
    found = one(csr=CSR, product_code=PRODUCT)
    assert set(found.names) == {NAME, "alpha.test"}
    assert (found.name, found.years, found.dv_auth_method) == (found.names[0], 1, "DNS")
    assert found.csr == CSR.encode()
    assert found.request is not None
    assert (found.order_id, found.wanted, found.voucher, found.contacts) == (None, None, None, {})


def test_by_its_names() -> None:
    found = one(csr=CSR, product_code=PRODUCT, domain="WWW.Alpha.test", dns_names=["alpha.test", NAME])
    assert found.names == (NAME, "alpha.test")
    assert one(domain="Bücher.example").names == ("xn--bcher-kva.example",)
    assert one(domain="*.alpha.test", name="wild").name == "wild"


def test_by_its_number() -> None:
    found = one(order_id=123456)
    assert (found.name, found.names, found.order_id, found.product_code) == ("order 123456", (), 123456, None)


def test_a_request_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.csr").write_text(CSR)
    assert one(csr_path=str(tmp_path / "a.csr")).csr == CSR.encode()


def test_a_voucher_is_a_secret() -> None:
    found = one(domain=NAME, voucher="canaryVoucher")
    assert found.voucher == Secret("canaryVoucher")
    assert "canaryVoucher" not in repr(found)
    assert one(domain=NAME, voucher="").voucher is None


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ({"csr_path": "/nowhere/a.csr"}, UsageError, "csr_path /nowhere/a.csr does not exist"),
        ({"csr_path": "/"}, StateError, "/ is not a regular file"),
        ({"csr": "no request"}, InvalidData, "the certificate"),
        ({"csr": CSR[:-60]}, InvalidData, "the certificate"),
        ({"csr": CSR + CSR}, InvalidData, "the certificate"),
        ({"csr": pki.key_pem(pki.new_key()).decode()}, InvalidData, "not exactly one certificate signing request"),
        ({"csr": CSR, "domain": NAME}, UsageError, f"the CSR is for alpha.test, {NAME}, not for {NAME}"),
        (
            {"csr": CSR, "domain": NAME, "dns_names": ["alpha.test", "shop.alpha.test"]},
            UsageError,
            "the CSR is for alpha.test, www.alpha.test, not for www.alpha.test, alpha.test, shop.alpha.test",
        ),
        ({"dns_names": [NAME], "csr": CSR}, UsageError, "dns_names needs domain, the first name"),
        ({"domain": "no name"}, UsageError, "'no name' is not a DNS name"),
        ({"domain": NAME, "dns_names": ["*.*.a"]}, UsageError, "'*.*.a' is not a DNS name"),
        ({"domain": NAME, "years": 11}, UsageError, "years is 11, not within 1 and 10"),
        ({"domain": NAME, "years": -1}, UsageError, "years is -1, not within 1 and 10"),
        ({"order_id": 0}, InvalidData, "0 is not the number of an order"),
        ({"order_id": -7}, InvalidData, "-7 is not the number of an order"),
        ({"order_id": 10**20}, InvalidData, "is not the number of an order"),
        ({"domain": NAME, "owner": {"name": "x"}}, UsageError, "owner.street is missing"),
        ({"domain": NAME, "tech": {"nickname": "x"}}, UsageError, "tech has no field"),
        ({"csr": CSR, "sets_path": "/sets"}, UsageError, "csr and sets_path exclude each other"),
        ({"domain": NAME, "sets_path": "/sets"}, UsageError, "a set needs name, domain and product_code"),
    ],
    ids=range(20),
)
def test_what_a_spec_cannot_say(given: dict[str, Any], kind: type[CollectionError], told: str) -> None:
    error = refusal(lambda: one(**given))
    assert error.__class__ is kind
    assert told in error.message


def test_contacts_are_checked_and_normalised() -> None:
    owner = {**ordering.CONTACTS["owner"], "country": "gb", "zip": 11000}
    found = one(domain=NAME, **{**ordering.CONTACTS, "owner": owner})
    assert (found.contacts["owner"]["country"], found.contacts["owner"]["zip"]) == ("GB", "11000")
    assert set(found.contacts) == {"owner", "auth", "tech", "invoice"}


# --- a list of them ---------------------------------------------------------------------------------------------------


def test_a_list() -> None:
    """What an entry does not say comes from the call."""
    common = {"product_code": PRODUCT, "years": 2, "dv_auth_method": "FILE", **ordering.CONTACTS}
    first, second = entries(
        {"domain": "a.alpha.test"},
        {"domain": "b.alpha.test", "name": "b", "product_code": "OTHER", "years": 3, "dv_auth_method": "DNS"},
        **common,
    )
    assert (first.name, first.product_code, first.years, first.dv_auth_method) == ("a.alpha.test", PRODUCT, 2, "FILE")
    assert (second.name, second.product_code, second.years, second.dv_auth_method) == ("b", "OTHER", 3, "DNS")
    assert first.contacts == second.contacts != {}


def test_a_voucher_is_for_its_own_entry() -> None:
    first, second = entries({"domain": "a.alpha.test", "voucher": "x"}, {"domain": "b.alpha.test"}, voucher="y")
    assert (first.voucher, second.voucher) == (Secret("x"), None)


def test_no_list_and_an_empty_one() -> None:
    assert entries() == ()
    assert len(items.from_params(params(domain=NAME))) == 1


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"domain": "a.alpha.test"}, "certificates[1] (a.alpha.test): the name is used twice"),
        ({"domain": "no name"}, "certificates[1] (no name): 'no name' is not a DNS name"),
        ({"domain": "b.alpha.test", "years": 77}, "certificates[1] (b.alpha.test): years is 77"),
        ({"name": "b", "domain": "b.alpha.test", "tech": {"x": 1}}, "certificates[1] (b): tech has no field"),
    ],
)
def test_a_refusal_names_its_entry(second: dict[str, Any], told: str) -> None:
    error = refusal(lambda: entries({"domain": "a.alpha.test"}, second))
    assert error.message.startswith(told)


# --- what is there ----------------------------------------------------------------------------------------------------


def test_without_a_set_there_is_the_request() -> None:
    """Whether a certificate is needed is for its order to say."""
    found = items.present(one(csr=CSR, product_code=PRODUCT), None, FakeClock())  # type: ignore[arg-type]
    assert (found.reason, found.urgent, found.csr) == ("a certificate is wanted", False, CSR.encode())
    assert (found.live_key, found.live_serial, found.live_end, found.state) == (None, None, None, None)
    assert found.key == found.request.public_key  # type: ignore[union-attr]
    assert items.present(one(order_id=7), None, FakeClock()).key is None  # type: ignore[arg-type]


class Sets:
    """One set through its life, by the collection's own store."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, FakeClock(pki.NOW)
        self.store = SetStore(str(path))
        self.root = pki.authority("Root")

    def request(self, *names: str, **more: Any) -> None:
        entry = {"name": "a", "domains": list(names), "profile": PRODUCT, "challenge": "dns-01", **more}
        options = {"sets_path": str(self.path), "certificates": [entry]}
        issuing.call("certificate_request", options, clock=self.clock)  # type: ignore[arg-type]

    def issue(self, *names: str, promote: bool = True, days: int = 199) -> str:
        from ansible_collections.certfleet.reseller.plugins.module_utils._x509.verify import verify_set
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self.store.content("a", "pending", "privkey.pem"), None)
        now = self.clock.now()
        made = pki.server(names, self.root, key=key, not_before=now - pki.DAY / 24, not_after=now + days * pki.DAY)
        proven = verify_set(key_pem=None, fullchain_pem=made.pem + self.root.pem, names=names, now=now, source="test")
        meta = {"directory_url": None, "profile": PRODUCT, **proven.leaf.show()}
        self.store.store_issued("a", proven, meta)
        return self.store.promote("a") if promote else str(proven.leaf.serial)

    def present(self, *names: str, **more: Any) -> items.Present:
        wanted = one(name="a", domain=names[0], dns_names=list(names[1:]), product_code=PRODUCT, sets_path="x", **more)
        return items.present(wanted, self.store, self.clock)  # type: ignore[arg-type]


@pytest.fixture
def sets(tmp_path: Path) -> Sets:
    return Sets(tmp_path / "sets")


def test_no_set_yet(sets: Sets) -> None:
    """As in check mode, where certificate_request has made no request."""
    found = sets.present(NAME)
    assert (found.reason, found.urgent, found.csr, found.key) == ("there is no certificate yet", True, None, None)


def test_a_request_is_there(sets: Sets) -> None:
    sets.request(NAME)
    found = sets.present(NAME)
    assert (found.reason, found.urgent) == ("there is no certificate yet", True)
    assert found.csr == sets.store.content("a", "pending", "request.csr")
    assert found.key


def test_a_request_for_other_names_is_not_ours(sets: Sets) -> None:
    sets.request(NAME)
    found = sets.present(NAME, "alpha.test")
    assert (found.reason, found.csr, found.key) == ("there is no certificate yet", None, None)


def test_a_certificate_waits_for_its_switch(sets: Sets) -> None:
    sets.request(NAME)
    sets.issue(NAME, promote=False)
    found = sets.present(NAME)
    assert found.reason == "there is no certificate yet"
    assert found.state is not None
    assert found.state.pending is not None
    assert found.state.pending.issued


def test_a_live_certificate(sets: Sets) -> None:
    sets.request(NAME)
    serial = sets.issue(NAME)
    found = sets.present(NAME)
    assert (found.reason, found.urgent, found.csr, found.live_serial) == (None, False, None, serial)
    assert found.live_key
    assert found.live_end


def test_a_renewal_is_not_urgent(sets: Sets) -> None:
    sets.request(NAME)
    sets.issue(NAME)
    sets.clock.sleep(140 * 86400)
    found = sets.present(NAME)
    assert (found.reason or "").startswith("less than 33 % of its life is left")
    assert (found.urgent, found.key) == (False, None)
    sets.request(NAME)
    assert sets.present(NAME).key not in (None, found.live_key)
    sets.clock.sleep(70 * 86400)
    found = sets.present(NAME)
    assert (found.reason or "").startswith("expired on")
    assert not found.urgent  # it was right, and ended: near the end of the term the next order is what it needs


@pytest.mark.parametrize(
    "wanted",
    [{"key_type": "rsa"}, {"key_size": 384}, {"product_code": "OTHER"}],
)
def test_another_key_or_product_is_urgent(sets: Sets, wanted: dict[str, Any]) -> None:
    sets.request(NAME)
    sets.issue(NAME)
    given = {"name": "a", "domain": NAME, "product_code": PRODUCT, "sets_path": "x", **wanted}
    found = items.present(one(**given), sets.store, sets.clock)  # type: ignore[arg-type]
    assert "changed from" in (found.reason or "")
    assert found.urgent


def test_other_names_are_urgent(sets: Sets) -> None:
    sets.request(NAME)
    sets.issue(NAME)
    found = sets.present(NAME, "alpha.test")
    assert found.reason == "the list of names changed (adds alpha.test)"
    assert found.urgent


def test_a_lost_key_is_urgent(sets: Sets) -> None:
    sets.request(NAME)
    serial = sets.issue(NAME)
    (sets.path / "a" / serial / "privkey.pem").unlink()
    found = sets.present(NAME)
    assert (found.reason, found.urgent) == ("privkey.pem is missing", True)


def test_days_in_the_place_of_a_share(sets: Sets) -> None:
    sets.request(NAME)
    sets.issue(NAME)
    sets.clock.passed = timedelta(days=199 - 61).total_seconds()
    assert sets.present(NAME, remaining_days=60).reason is None
    sets.clock.passed += timedelta(days=1).total_seconds()
    assert sets.present(NAME, remaining_days=60).reason is not None
