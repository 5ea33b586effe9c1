# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks with an issuer of the kind sslmarket: what is bought, what is reissued, what is published, and what waits."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import HOSTS, Fleet, Run
from tests.support.sandbox import Sandbox

PERSON = {"title": "CEO", "firstname": "Ada", "lastname": "Gamma", "tel": "+44.123456789", "email": "ada@gamma.test"}
COMPANY = {"name": "Gamma Ltd", "street": "High Street 1", "city": "London", "zip": "E1 6AN", "country": "GB"}
BUY = ("-e", "sslmarket_client_allow_purchase=true")
ISSUE = "certfleet.reseller.issue"
# What is only known after the order.
UNKNOWN = ("Keep in mind", "Publish", "Withdraw", "Have TXT", "Wait for", "Fetch")


class MarketFleet(Fleet):
    """One business with a certificate on two hosts."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        super().__init__(sandbox, path)
        self.acme = {name: self.variables[f"certfleet_{name}"] for name in ("issuers", "certificates")}
        self.variables["certfleet_issuers"] = {"gamma": self.issuer()}
        self.variables["certfleet_certificates"] = [self._certificate("www.gamma.test", "gamma", "web1,web2")]

    def issuer(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "sslmarket",
            "api_url": self.sandbox.sslmarket["api_url"],
            "api_token": self.sandbox.sslmarket["api_token"],
            "ca_path": self.sandbox.ca_path,
            "product_code": "RAPIDSSL_RAPIDSSL",
            "owner": {**COMPANY, "tel": "+44.123456789"},
            "auth": PERSON,
            "tech": PERSON,
            "invoice": {**COMPANY, "email": "ap@gamma.test"},
            **more,
        }

    def market(self, *arguments: str, **variables: Any) -> Run:
        """The role alone."""
        playbook = self.path / "market.yml"
        roles = ["certfleet.reseller.sslmarket_client"]
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": roles}]))
        return self.play(str(playbook), *arguments, **variables)

    @property
    def gamma(self) -> dict[str, Any]:
        found: dict[str, Any] = self.variables["certfleet_issuers"]["gamma"]
        return found

    @property
    def certificate(self) -> dict[str, Any]:
        found: dict[str, Any] = self.variables["certfleet_certificates"][0]
        return found

    def serial(self, name: str = "www.gamma.test") -> str:
        return os.readlink(self.state / "sets" / name / "current")

    def paid(self) -> int:
        return int(self.sandbox.market()["orders_paid"])

    def posts(self) -> list[str]:
        """What was sent to SSLmarket beside questions."""
        entries = self.sandbox.ledger(service="sslmarket")
        return [entry["operation"] for entry in entries if entry["method"] != "GET"]

    def published(self) -> Any:
        return json.loads((self.state / "validation.json").read_text())

    def files(self) -> list[Path]:
        """Files for the validation on all hosts."""
        return [path for name in HOSTS for path in Path(self.sandbox.host(name)["root"]).glob("www/.well-known/*/*")]

    def make_old(self, days: int) -> None:
        """As if the orders had been placed so long ago, for SSLmarket and for the journal."""
        self.sandbox.age(days)
        for path in (self.state / "journal").glob("*/purchases/*/*.json"):
            entry = json.loads(path.read_text())
            since = datetime.fromisoformat(entry["since"].replace("Z", "+00:00")) - timedelta(days=days)
            entry["since"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
            path.write_text(json.dumps(entry))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[MarketFleet]:
    resolve = {"*.gamma.test": HOSTS["web1"], "www.alpha.test": HOSTS["web1"], "shop.beta.test": HOSTS["web2"]}
    with Sandbox(hosts=HOSTS, resolve=resolve) as sandbox:
        yield MarketFleet(sandbox, tmp_path)


def well(run: Run) -> Run:
    assert run.code == 0, run.output
    return run


def said(run: Run, sentence: str) -> bool:
    return sentence in run.output.replace('\\"', '"')


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_check_mode_first_run_second_run(fleet: MarketFleet) -> None:
    before = fleet.written()
    predicted = well(fleet.play("certfleet.reseller.site", "--check", "--diff", *BUY))
    assert fleet.written() == before
    assert (fleet.posts(), fleet.state.exists()) == ([], False)

    real = well(fleet.play("certfleet.reseller.site", *BUY))
    assert predicted.changed == {each for each in real.changed if not each[0].startswith(UNKNOWN)}
    assert "Place the orders at SSLmarket" in {task for task, _who in predicted.changed}
    assert (fleet.paid(), fleet.posts()) == (1, ["order_create"])
    assert all(fleet.served(host, "www.gamma.test") for host in HOSTS)
    assert re.search(r"www\.gamma\.test  order   RAPIDSSL_RAPIDSSL      1    100001", real.output), real.output
    assert re.search(r"web2 +www\.gamma\.test +gamma .*served on", real.output)
    assert fleet.published() == []
    assert fleet.sandbox.control("GET", "/state")["dns"]["txt"] == {}
    for secret in (fleet.sandbox.sslmarket["api_token"], PERSON["email"]):
        assert secret not in real.output + predicted.output
    modes = {path.stat().st_mode & 0o777 for path in (fleet.state / "journal").rglob("*")}
    assert modes == {0o700, 0o600}

    written = fleet.written()
    for arguments in ((), ("--check",)):
        fleet.sandbox.clear_ledger()
        again = well(fleet.play("certfleet.reseller.site", *arguments))
        assert again.changed == set()
        assert fleet.written() == written
        asked = [entry["operation"] for entry in fleet.sandbox.ledger()]
        assert asked == ["order_list"]
    print("orders paid: 1; second run: changed=0, 1 request")


def test_purchases_have_to_be_allowed(fleet: MarketFleet) -> None:
    """Without it everything else is done, and the run says at its very end what it would buy."""
    fleet.variables["certfleet_issuers"].update(fleet.acme["issuers"])
    fleet.certificate.update(hosts="web2", domains=["www.gamma.test"], years=2)
    fleet.variables["certfleet_certificates"].append(fleet.acme["certificates"][0])
    fleet.variables["certfleet_certificates"][1]["hosts"] = "web1"
    fleet.add("api.gamma.test", "gamma", "web2")
    for arguments in ((), ("--check",)):
        run = fleet.play("certfleet.reseller.site", *arguments)
        assert run.code != 0
        last = run.output.split("PLAY [Sum up]")[1]
        expected = (
            "2 orders at SSLmarket are needed and not placed: "
            "www.gamma.test: RAPIDSSL_RAPIDSSL, 2 years, for www.gamma.test; "
            "api.gamma.test: RAPIDSSL_RAPIDSSL, 1 year, for api.gamma.test. "
            "To buy, run again with -e sslmarket_client_allow_purchase=true."
        )
        assert expected in last, run.output
        assert (fleet.paid(), fleet.posts()) == (0, [])
        assert fleet.served("web1", "www.alpha.test"), run.output
    well(fleet.play("certfleet.reseller.site", *BUY))
    assert fleet.paid() == 2
    assert fleet.served("web2", "www.gamma.test")


# --- reissues and orders ----------------------------------------------------------------------------------------------


def test_inside_the_paid_term_certificates_are_reissued(fleet: MarketFleet) -> None:
    fleet.sandbox.knobs(certificate_days=100)
    well(fleet.market(*BUY))
    first = fleet.serial()

    fleet.certificate["key_type"] = "rsa"  # another key, at once
    predicted = well(fleet.market("--check"))
    run = well(fleet.play("certfleet.reseller.site", "-v"))
    assert ("Prepare keys and requests for SSLmarket", "gamma") in predicted.changed
    second = fleet.serial()
    assert second != first
    assert (fleet.paid(), fleet.posts()) == (1, ["order_create", "reissue"])
    assert re.search(r"the key changed from ecdsa 256 to rsa 2048", run.output)
    assert all(fleet.served(host, "www.gamma.test") for host in HOSTS)
    assert well(fleet.market()).changed == set()

    fleet.gamma["remaining_share"] = 0.9997  # an hour of 100 days is over: due; of 199 it is not
    fleet.sandbox.knobs(dcv_on_reissue=True, certificate_days=199)
    well(fleet.market())
    assert fleet.serial() not in (first, second)
    assert (fleet.paid(), fleet.posts()) == (1, ["order_create", "reissue", "reissue"])
    assert fleet.published() == []
    print("orders paid: 1, reissues: 2")


def test_near_the_end_of_the_paid_term_a_new_order_is_placed(fleet: MarketFleet) -> None:
    fleet.sandbox.knobs(certificate_days=100)
    well(fleet.market(*BUY))
    first = fleet.serial()
    fleet.make_old(340)
    fleet.gamma["remaining_share"] = 0.9997  # an hour of 100 days is over: due; of 199 it is not
    fleet.sandbox.knobs(certificate_days=199)
    refused = fleet.market()
    assert refused.code != 0
    assert said(refused, "1 order at SSLmarket is needed and not placed"), refused.output
    assert fleet.paid() == 1
    well(fleet.market(*BUY))
    assert fleet.serial() != first
    assert (fleet.paid(), fleet.posts()) == (2, ["order_create", "order_create"])


def test_another_product_or_other_names_are_another_order(fleet: MarketFleet) -> None:
    well(fleet.market(*BUY))
    fleet.certificate.update(product_code="THAWTE_SSL_123", domains=["www.gamma.test", "api.gamma.test"])
    well(fleet.market(*BUY))
    assert (fleet.paid(), fleet.posts()) == (2, ["order_create", "order_create"])
    assert well(fleet.market(*BUY)).changed == set()


def test_a_certificate_that_was_reissued_by_the_ca_is_fetched(fleet: MarketFleet) -> None:
    fleet.gamma["years"] = 2
    well(fleet.market(*BUY))
    fleet.sandbox.auto_reissue(100001)
    first = fleet.serial()
    well(fleet.market())
    assert fleet.serial() != first
    assert fleet.posts() == ["order_create"]
    assert well(fleet.market()).changed == set()


# --- validation -------------------------------------------------------------------------------------------------------


def test_files_on_two_hosts(fleet: MarketFleet) -> None:
    fleet.certificate["challenge"] = "http-01"
    run = well(fleet.play("certfleet.reseller.site", *BUY))
    assert {who for task, who in run.changed if task == "Publish the files"} == set(HOSTS)
    assert {who for task, who in run.changed if task == "Withdraw the files"} == set(HOSTS)
    assert (fleet.files(), fleet.published()) == ([], [])
    assert all(fleet.served(host, "www.gamma.test") for host in HOSTS)
    assert (again := fleet.play()).changed == set(), again.output


def test_two_files_take_turns(fleet: MarketFleet) -> None:
    fleet.certificate["challenge"] = "http-01"
    fleet.add("api.gamma.test", "gamma", "web1", challenge="http-01")
    run = fleet.market(*BUY)
    assert run.code != 0
    sentence = (
        "api.gamma.test: web1 has one file /.well-known/pki-validation/fileauth.txt, and it is for www.gamma.test now"
    )
    assert said(run, sentence), run.output
    assert [path.parent.name for path in fleet.state.glob("sets/*/current")] == ["www.gamma.test"]
    well(fleet.market())
    assert fleet.serial("api.gamma.test")
    assert (fleet.paid(), fleet.posts()) == (2, ["order_create", "order_create"])
    assert (fleet.files(), fleet.published()) == ([], [])


def test_what_takes_long_stays_published(fleet: MarketFleet) -> None:
    """The run after fetches it and removes the records; the order is the same."""
    fleet.gamma["wait"] = False
    fleet.sandbox.knobs(never_issue=True)
    run = well(fleet.market(*BUY))
    assert said(run, "Show what SSLmarket still works on"), run.output
    (record,) = fleet.published()
    assert record["record"] == "_dnsauth.www.gamma.test"
    assert fleet.sandbox.control("GET", "/state")["dns"]["txt"] == {record["record"]: [record["value"]]}
    fleet.sandbox.reset_knobs()
    predicted = well(fleet.market("--check"))
    assert fleet.published() == [record]
    later = well(fleet.market())
    assert fleet.serial()
    assert fleet.published() == []
    assert fleet.sandbox.control("GET", "/state")["dns"]["txt"] == {}
    assert fleet.posts() == ["order_create"]
    fetched = "Fetch certificates from SSLmarket, ask for reissues"
    assert fetched in {task for task, _who in later.changed}
    assert fetched in {task for task, _who in predicted.changed}
    assert well(fleet.market()).changed == set()


def test_a_wait_that_takes_too_long(fleet: MarketFleet) -> None:
    fleet.sandbox.knobs(never_issue=True)
    run = fleet.market(*BUY, sslmarket_client_wait_timeout=3)
    assert run.code != 0
    assert said(run, "and run again to go on;"), run.output
    assert len(fleet.published()) == 1
    fleet.sandbox.reset_knobs()
    well(fleet.market())
    assert (fleet.paid(), fleet.published()) == (1, [])


def test_records_that_cannot_be_published_or_removed(fleet: MarketFleet) -> None:
    """Without records nothing is waited for; what stays is removed by a later run."""
    tasks = fleet.path / "dns.yml"
    refusal = {
        "name": "Refuse",
        "ansible.builtin.fail": {"msg": "no orders today"},
        "when": "certfleet_dns_state == state",
    }
    last = {"name": "Go on", "ansible.builtin.import_tasks": fleet.variables["certfleet_dns_tasks"]}
    tasks.write_text(json.dumps([refusal, last]))
    run = fleet.market(*BUY, certfleet_dns_tasks=str(tasks), state="present")
    assert run.code != 0
    assert said(run, "dns-01: no orders today"), run.output
    assert "Wait for the certificates of SSLmarket" not in {task for task, _who in run.changed}
    run = fleet.market(certfleet_dns_tasks=str(tasks), state="absent")
    assert run.code != 0
    assert said(run, "dns-01: the TXT records were not removed: no orders today"), run.output
    assert fleet.serial()
    assert len(fleet.published()) == 1
    well(fleet.market())
    assert (fleet.paid(), fleet.published()) == (1, [])
    assert fleet.sandbox.control("GET", "/state")["dns"]["txt"] == {}


# --- what fails -------------------------------------------------------------------------------------------------------


def test_an_issuer_that_fails_does_not_hold_up_the_others(fleet: MarketFleet) -> None:
    fleet.variables["certfleet_issuers"] = {
        "delta": fleet.issuer(api_token="wrong"),
        **fleet.variables["certfleet_issuers"],
        **fleet.acme["issuers"],
    }
    fleet.add("api.gamma.test", "delta", "web2")
    fleet.variables["certfleet_certificates"].append(fleet.acme["certificates"][0])
    well(fleet.play("certfleet.reseller.provision_eab"))
    run = fleet.play(ISSUE, *BUY)
    assert run.code != 0
    assert {path.parent.name for path in fleet.state.glob("sets/*/current")} == {"www.gamma.test", "www.alpha.test"}
    assert len(re.findall(r'"msg": "delta: ', run.output)) == 1, run.output
    assert "gamma: " not in run.output.split("PLAY RECAP")[0].split("Report what was not issued")[-1]


def test_a_certificate_that_fails_does_not_hold_up_the_others(fleet: MarketFleet) -> None:
    fleet.certificate["product_code"] = "RAPIDSSL_RAPIDSL"
    fleet.add("api.gamma.test", "gamma", "web1")
    run = fleet.market(*BUY)
    assert run.code != 0
    assert said(run, "the provider sells no product RAPIDSSL_RAPIDSL"), run.output
    assert [path.parent.name for path in fleet.state.glob("sets/*/current")] == ["api.gamma.test"]
    assert fleet.paid() == 1


def test_a_lost_answer_is_found_again(fleet: MarketFleet) -> None:
    fleet.sandbox.fault("sslmarket", "cut_after", operation="order_create")
    run = fleet.market(*BUY)
    if run.code != 0:  # the run itself may have found it
        well(fleet.market(*BUY))
    assert (fleet.paid(), fleet.posts()) == (1, ["order_create"])
    assert fleet.serial()


# --- fleets -----------------------------------------------------------------------------------------------------------


def test_batches(fleet: MarketFleet) -> None:
    """Under serial each batch finds its certificates issued, and files go to the hosts of all batches."""
    fleet.certificate["challenge"] = "http-01"
    fleet.add("dns.gamma.test", "gamma", "web1,web2", challenge="dns-01")
    playbook = fleet.path / "play.yml"
    roles = [f"certfleet.reseller.{name}" for name in ("acme_client", "sslmarket_client", "certificate_deploy")]
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "serial": 1, "roles": roles}]))
    well(fleet.play(str(playbook), *BUY))
    assert (fleet.paid(), fleet.posts()) == (2, ["order_create", "order_create"])
    assert all(fleet.served(host, name) for host in HOSTS for name in ("www.gamma.test", "dns.gamma.test"))
    assert (fleet.files(), fleet.published()) == ([], [])


def test_the_controller_does_not_become_root(fleet: MarketFleet) -> None:
    more = {"ansible_become": True, "ansible_become_exe": "/nonexistent/sudo"}
    well(fleet.market(*BUY, **more))
    assert fleet.paid() == 1


def test_the_number_of_tasks_does_not_grow(fleet: MarketFleet) -> None:
    one = well(fleet.market(*BUY))
    for number in range(9):
        fleet.add(f"n{number}.gamma.test", "gamma", "web1")
    fleet.gamma["max_orders_per_day"] = 10
    ten = well(fleet.market(*BUY))
    assert fleet.paid() == 10
    assert one.output.count("TASK [") == ten.output.count("TASK [")
    assert well(fleet.market()).changed == set()


def test_too_many_orders_for_a_day_are_refused(fleet: MarketFleet) -> None:
    fleet.gamma["max_orders_per_day"] = 1
    fleet.add("api.gamma.test", "gamma", "web1")
    run = fleet.market(*BUY)
    assert run.code != 0
    assert fleet.paid() == 0
    assert said(run, "max_orders_per_day"), run.output


def test_dns_without_tasks_is_refused_before_anything_happens(fleet: MarketFleet) -> None:
    run = fleet.play("certfleet.reseller.site", *BUY, certfleet_dns_tasks="")
    assert run.code != 0
    assert said(run, "www.gamma.test: challenge dns-01 needs certfleet_dns_tasks")
    assert (fleet.sandbox.ledger(service="sslmarket"), fleet.state.exists()) == ([], False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"owner": {**COMPANY, "tel": 44.1}}, 'certfleet_issuers.gamma: owner.tel is "44.1", not a telephone number'),
        ({"contact": "a@b.test"}, 'certfleet_issuers.gamma: there is no option "contact"'),
        ({"product_code": None}, "certfleet_certificates[0] (www.gamma.test): product_code is missing"),
        ({"tech": None}, "an order needs the contacts owner, auth, tech, invoice; there is no tech"),
    ],
)
def test_a_wrong_inventory_is_refused_before_anything_happens(
    fleet: MarketFleet, change: dict[str, Any], sentence: str
) -> None:
    fleet.gamma.update(change)
    run = fleet.play("certfleet.reseller.site", *BUY)
    assert run.code != 0
    assert said(run, sentence), run.output
    assert (fleet.sandbox.ledger(service="sslmarket"), fleet.state.exists()) == ([], False)


# --- nsupdate ---------------------------------------------------------------------------------------------------------

# Stand-ins that ask and change the sandbox's name server by its control API.
DIG = """
import json, sys, urllib.request
records = json.load(urllib.request.urlopen("{url}/state"))["dns"]["txt"]
for name in [word for word in sys.argv if word.endswith(".")]:
    print(";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1")
    for value in records.get(name[:-1], []):
        print('%s\\tTXT\\t"%s"' % (name, value))
"""
NSUPDATE = """
import json, shlex, sys, urllib.request
for words in map(shlex.split, sys.stdin):
    if words[0] == "update":
        body = json.dumps({{"name": words[2][:-1], "value": words[-1]}}).encode()
        method = "PUT" if words[1] == "add" else "DELETE"
        headers = {{"Content-Type": "application/json"}}
        urllib.request.urlopen(urllib.request.Request("{url}/dns/txt", body, headers, method=method))
"""


def test_nsupdate_by_its_name(fleet: MarketFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of the collection serve both roles."""
    for name, code in (("dig", DIG), ("nsupdate", NSUPDATE)):
        path = fleet.path / name
        path.write_text(f"#!{sys.executable}\n" + code.format(url=fleet.sandbox.endpoints["control_url"]))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fleet.path}{os.pathsep}{os.environ['PATH']}")
    fleet.variables.update(certfleet_dns_tasks="nsupdate", certfleet_nsupdate_server="192.0.2.53")
    fleet.variables["certfleet_issuers"].update(fleet.acme["issuers"])
    fleet.add("*.gamma.test", "beta", "web2", challenge="dns-01", key_type="rsa")
    run = well(fleet.play("certfleet.reseller.site", *BUY))
    assert len([task for task, state, _who in run.tasks if task == "Change TXT records" and state == "changed"]) == 4
    assert fleet.served("web1", "www.gamma.test")
    assert fleet.served("web2", "any.gamma.test")
    assert fleet.sandbox.control("GET", "/state")["dns"]["txt"] == {}
