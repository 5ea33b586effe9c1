# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuances from pebble, Let's Encrypt's test server, which requires a binding and misbehaves as much as it can."""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._acme.client import AcmeClient
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    OutcomeUnknown,
    ProviderError,
    StateError,
    TransportError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._http.session import Session
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.store import SetStore
from cryptography import x509

from tests.support.issuing import Controller, certificate, leftovers, mixed
from tests.support.pebble import Pebble, missing

KEYS = {
    "kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
    "kid-2": "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH",
}

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with Pebble(KEYS, nonce_reject=5, authz_reuse=0) as found:
        yield found


@pytest.fixture
def controller(pebble: Pebble, tmp_path: Path) -> Controller:
    return controller_of(pebble, tmp_path)


def controller_of(pebble: Pebble, path: Path, kid: str = "kid-1", hmac_key: str | None = None) -> Controller:
    def publish(ordered: dict[str, Any]) -> None:
        for item in ordered["http_challenges"]:
            pebble.add_http01(item["token"], item["content"])
        for item in ordered["dns_records"]:
            pebble.add_txt(item["record"] + ".", item["value"])

    found = Controller(path / "state", pebble.directory_url, pebble.ca_path, publish)
    bind(found, kid, hmac_key)
    return found


def bind(controller: Controller, kid: str, hmac_key: str | None = None) -> None:
    key = Secret(hmac_key or KEYS[kid])
    record = credential.Record("pebble", "alpha", "https://x", kid, key, (), "2026-11-22T10:00:00Z")
    controller.eab_path.parent.mkdir(parents=True, exist_ok=True)
    controller.eab_path.parent.chmod(0o700)
    controller.eab_path.parent.parent.chmod(0o700)
    credential.save(str(controller.eab_path), record)


def orders_of(controller: Controller) -> list[str]:
    account = json.loads(controller.key_path.with_suffix(".json").read_text())
    client = AcmeClient(
        controller.directory_url, controller.key_path.read_bytes(), account["url"], ca_path=controller.ca_path
    )
    return client.orders()


# -- issuance -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonce_reject", [0, 50])
@pytest.mark.parametrize("authz_reuse", [0, 50, 100])
def test_refused_nonces_and_reused_authorizations(tmp_path: Path, nonce_reject: int, authz_reuse: int) -> None:
    with Pebble(KEYS, nonce_reject=nonce_reject, authz_reuse=authz_reuse) as pebble:
        controller = controller_of(pebble, tmp_path)
        controller.account()
        sets = [
            certificate("a.test", "a.test", "b.test"),
            certificate("rsa.test", key_type="rsa"),
            certificate("*.c.test", "*.c.test", "c.test", challenge="dns-01"),
        ]
        assert all(item["issued"] for item in controller.issue(*sets)["certificates"])
        renewed = [{**item, "key_size": 384 if item.get("key_type") != "rsa" else 3072} for item in sets]
        assert all(item["issued"] for item in controller.issue(*renewed)["certificates"])
        assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])
        assert len(orders_of(controller)) == 6  # one for each version; pebble lists three on a page
        for module in (controller.request, controller.order, controller.finalize):
            assert not module(*renewed)["changed"]


@pytest.mark.parametrize(
    ("want", "kind"),
    [
        ({"key_type": "rsa"}, ("rsa", 2048)),
        ({"key_type": "rsa", "key_size": 3072}, ("rsa", 3072)),
        ({}, ("ecdsa", 256)),
        ({"key_size": 384}, ("ecdsa", 384)),
    ],
)
@pytest.mark.parametrize("account_key_type", ["rsa", "ecdsa"])
def test_kinds_of_keys(
    controller: Controller, want: dict[str, Any], kind: tuple[str, int], account_key_type: str
) -> None:
    controller.account(account_key_type=account_key_type)
    controller.issue(certificate("kinds.test", **want))
    meta = json.loads((controller.sets / "kinds.test" / "current" / "meta.json").read_text())
    assert (meta["key_type"], meta["key_size"]) == kind


def test_a_wildcard(controller: Controller) -> None:
    controller.account()
    controller.issue(certificate("*.wild.test", "*.wild.test", "wild.test", challenge="dns-01"))
    (live,) = controller.sets.glob("*/current")
    leaf = x509.load_pem_x509_certificate((live / "cert.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["*.wild.test", "wild.test"]
    assert live.parent.name == "_wildcard.wild.test"


def test_one_of_several_chains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEBBLE_CHAIN_LENGTH", "2")
    with Pebble(KEYS, alternate_roots=2) as pebble:
        controller = controller_of(pebble, tmp_path)
        controller.account()
        controller.issue(certificate("default.test"))
        roots = {read_topmost_issuer(controller, "default.test")}
        key = controller.key_path.read_bytes()
        account = json.loads(controller.key_path.with_suffix(".json").read_text())["url"]
        client = AcmeClient(pebble.directory_url, key, account, ca_path=pebble.ca_path)
        url = json.loads((controller.sets / "default.test" / "current" / "meta.json").read_text())["order_url"]
        chains = client.certificate(client.order(url), alternates=True)
        assert len(chains) == 3
        offered = {topmost_issuer(chain) for chain in chains}
        assert len(offered) == 3
        assert roots < offered
        for number, wished in enumerate(sorted(offered)):
            result = controller.issue(certificate(f"wished{number}.test", preferred_chain=wished))
            assert result["certificates"][0]["preferred_chain_found"] is True
            assert read_topmost_issuer(controller, f"wished{number}.test") == wished
        result = controller.issue(certificate("nobody.test", preferred_chain="Nobody"))
        assert result["certificates"][0]["preferred_chain_found"] is False
        assert read_topmost_issuer(controller, "nobody.test") in roots


def topmost_issuer(chain: bytes) -> str:
    name = x509.load_pem_x509_certificates(chain)[-1].issuer
    return str(name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def read_topmost_issuer(controller: Controller, name: str) -> str:
    return topmost_issuer((controller.sets / name / "current" / "fullchain.pem").read_bytes())


# -- waiting and failing ------------------------------------------------------------------------------------------------


class Impatient(Clock):
    """Every sleep is a minute for the deadline, and nothing for us."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += 60


def test_a_wait_that_ends_is_resumed(tmp_path: Path) -> None:
    with Pebble(KEYS, no_sleep=False) as pebble:  # it sleeps up to 15 seconds before it validates
        controller = controller_of(pebble, tmp_path)
        controller.account()
        wanted = certificate("slow.test")
        controller.request(wanted)
        controller.publish(controller.order(wanted))
        controller.clock = Impatient()
        with pytest.raises(TransportError, match="was not done in") as caught:
            controller.finalize(wanted)
        assert caught.value.code == "wait_timeout"
        controller.clock = Clock()
        assert not controller.order(wanted)["changed"]
        assert controller.finalize(wanted)["certificates"][0]["issued"]
        assert len(orders_of(controller)) == 1


def refused(pebble: Pebble, controller: Controller, wanted: dict[str, Any]) -> ProviderError:
    controller.request(wanted)
    for item in controller.order(wanted)["http_challenges"]:
        pebble.add_http01(item["token"], "something else")
    with pytest.raises(ProviderError) as caught:
        controller.finalize(wanted)
    return caught.value


def test_a_refused_challenge_and_exactly_one_new_order(pebble: Pebble, controller: Controller) -> None:
    controller.account()
    wanted = certificate("refused.test")
    error = refused(pebble, controller, wanted)
    sentence = error.sentence()
    assert sentence.startswith("refused.test: the CA could not validate refused.test by http-01: unauthorized: ")
    assert "something else" in sentence  # pebble says what it got
    assert "port 80" in str(error.hint)
    first = SetStore(str(controller.sets)).order("refused.test")
    assert first is not None
    assert first["state"] == "failed"
    for _unused in range(3):
        ordered = controller.order(wanted)
    second = SetStore(str(controller.sets)).order("refused.test")
    assert second is not None
    assert second["order_url"] != first["order_url"]
    assert len(orders_of(controller)) == 1  # pebble lists no invalid ones
    controller.publish(ordered)
    assert controller.finalize(wanted)["certificates"][0]["issued"]


def test_a_dns_record_that_is_missing(pebble: Pebble, controller: Controller) -> None:
    controller.account()
    wanted = certificate("*.norecord.test", challenge="dns-01")
    controller.request(wanted)
    controller.order(wanted)
    with pytest.raises(ProviderError) as caught:
        controller.finalize(wanted)
    assert "could not validate norecord.test by dns-01" in caught.value.sentence()
    assert "TXT" in str(caught.value.hint)


def test_an_order_of_a_run_that_was_cut_off_is_found_again(controller: Controller) -> None:
    """The window between the server's newOrder and our note of it, with orders of other names around it on several pages."""
    controller.account()
    wanted = certificate("cut.test", "cut.test", "www.cut.test")
    others = [certificate(f"other{number}.test") for number in range(7)]
    controller.request(wanted, *others)
    controller.order(*others[:3])
    controller.order(wanted)
    controller.order(*others[3:])
    store = SetStore(str(controller.sets))
    note = store.order("cut.test")
    assert note is not None
    url = note.pop("order_url")
    store.save_order("cut.test", {**note, "state": "intent"})
    before = orders_of(controller)
    controller.order(wanted, *others)
    again = store.order("cut.test")
    assert again is not None
    assert (again["order_url"], again["found_again"]) == (url, True)
    assert orders_of(controller) == before
    assert len(before) == 8


class Hasty(Clock):
    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.05))


def test_many_issuances_with_lost_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the nonces are refused, half of the authorizations are reused, and one answer in twelve is lost."""
    number, batch, lost, runs = int(os.environ.get("CERTFLEET_ISSUANCES", "60")), 20, 0, 0
    chance, real = random.Random(20261122), Session.request

    def request(self: Session, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        nonlocal lost
        answer = real(self, method, url, *arguments, **options)
        if chance.random() < 1 / 12:
            lost += 1
            raise OutcomeUnknown("lost on its way")
        return answer

    with Pebble(KEYS, nonce_reject=50, authz_reuse=50) as pebble:
        controller = controller_of(pebble, tmp_path)
        controller.account()
        controller.clock = Hasty()
        monkeypatch.setattr(Session, "request", request)
        for first in range(0, number, batch):
            sets = [certificate(f"n{index}.lost.test") for index in range(first, first + batch)]
            for _attempt in range(12):
                runs += 1
                with contextlib.suppress(CollectionError):
                    controller.issue(*sets)
                    break
        monkeypatch.undo()
        issued, orders = len(list(controller.sets.glob("*/current"))), len(orders_of(controller))
    with capsys.disabled():
        print(f" {issued} certificates, {orders} orders, {lost} answers lost, {runs} runs", end="")
    assert issued == orders == number
    assert lost > number
    assert (mixed(controller.sets), leftovers(controller.state)) == ([], [])


# -- accounts -----------------------------------------------------------------------------------------------------------


def test_an_account_is_found_again_without_binding(controller: Controller) -> None:
    url = controller.account()["account"]["url"]
    controller.key_path.with_suffix(".json").unlink()
    controller.eab_path.unlink()
    found = controller.account(eab_path=None)
    assert found["changed"]
    assert (found["account"]["url"], found["account"]["kid"]) == (url, "kid-1")
    controller.issue(certificate("again.test"))


def test_another_credential_for_the_same_account_is_refused(controller: Controller) -> None:
    controller.account()
    bind(controller, "kid-2")
    for _unused in range(2):
        with pytest.raises(StateError, match="is bound to the credential kid-1") as caught:
            controller.account()
        assert "another account_key_path" in str(caught.value.hint)
        controller.key_path.with_suffix(".json").unlink(missing_ok=True)  # the server knows it, too
    bind(controller, "kid-1")
    assert controller.account()["account"]["kid"] == "kid-1"


def test_one_credential_for_two_accounts(pebble: Pebble, tmp_path: Path) -> None:
    """Pebble allows it, as SSL.com seems to; each key has its account."""
    urls = {controller_of(pebble, tmp_path / name).account()["account"]["url"] for name in ("one", "two")}
    assert len(urls) == 2


@pytest.mark.parametrize(
    ("kid", "hmac_key", "words"),
    [("kid-1", KEYS["kid-2"], "kid-1"), ("unknown", KEYS["kid-1"], "unknown"), ("kid-2", "A" * 64, "kid-2")],
)
def test_a_wrong_binding(pebble: Pebble, tmp_path: Path, kid: str, hmac_key: str, words: str) -> None:
    controller = controller_of(pebble, tmp_path, kid, hmac_key)
    for _unused in range(2):
        with pytest.raises((AuthError, ProviderError)) as caught:
            controller.account()
        sentence = caught.value.sentence()
        assert f"refused the external account binding with kid {words}: " in sentence
        assert "revoked" in sentence
        assert hmac_key not in sentence
    assert not controller.key_path.with_suffix(".json").exists()


def test_no_binding_at_all(controller: Controller) -> None:
    with pytest.raises(UsageError, match="requires external account binding"):
        controller.account(eab_path=None)


# -- renewal information --------------------------------------------------------------------------------------------------


def test_renewal_information(controller: Controller) -> None:
    """Pebble 2.4 has a draft of it; what it says or does not say is kept, and it is not asked again at once."""
    controller.account()
    wanted = certificate("ari.test")
    controller.issue(wanted)
    (shown,) = controller.renewal_info(wanted)["certificates"]
    assert shown["problem"] or shown["start"] < shown["renew_at"] < shown["end"]
    again = datetime.fromisoformat(shown["ask_again"])
    assert again > datetime.now(UTC) + timedelta(seconds=30)
    before = (controller.sets / "ari.test" / "renewal.json").stat().st_mtime_ns
    controller.renewal_info(wanted)
    assert (controller.sets / "ari.test" / "renewal.json").stat().st_mtime_ns == before
