# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks against the sandbox: first run, second run, check mode, what fails and what goes on, wrong inventories."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import HOSTS, ROOT, Fleet
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    resolve = {"www.alpha.test": HOSTS["web1"], "shop.beta.test": HOSTS["web2"], "*.gamma.test": HOSTS["web2"]}
    with Sandbox(hosts=HOSTS, resolve=resolve) as sandbox:
        yield Fleet(sandbox, tmp_path)


# --- the demo ---------------------------------------------------------------------------------------------------------


def leftovers() -> set[str]:
    return {path.name for path in (ROOT / ".work").glob("demo-*")}


def test_the_demo_ends_well_and_leaves_nothing() -> None:
    before = leftovers()
    result = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo.py")], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.strip().splitlines()[-1]
    assert last.startswith("RESULT  ok: 5 certificates on 3 hosts, 8 of 8 endpoints proven; second run: changed=0")
    assert "1 request (for SSLmarket's list of orders); orders paid: 1; " in last
    assert "orders paid: 1 (14.00 EUR), reissues, which are free: 1" in result.stdout
    assert "SSL.com asked twice: 1 order allowed, debited once and deployed, 1 refused; " in last
    assert re.search("the customer sees: .*Your balance is too low for this certificate", result.stdout)
    assert "\x1b" not in result.stdout
    assert leftovers() <= before


def test_the_demo_cleans_up_when_it_is_interrupted() -> None:
    before = leftovers()
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / "demo.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if "Start the sandbox" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _unused = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "RESULT  failed: interrupted" in rest
    wait_for(lambda: leftovers() <= before)  # what was told to end may take a moment


# --- the site playbook ------------------------------------------------------------------------------------------------


def test_check_mode_first_run_second_run(fleet: Fleet) -> None:
    fleet.add("*.gamma.test", "beta", "all", challenge="dns-01", key_type="rsa")
    before = fleet.written()
    predicted = fleet.play("certfleet.reseller.site", "--check", "--diff")
    assert predicted.code == 0, predicted.output
    assert fleet.written() == before
    assert not fleet.state.exists()
    assert fleet.provider_calls() == 0

    real = fleet.play()
    assert real.code == 0, real.output
    # the challenges are known only after the order
    unknown = {task for task, _who in real.changed if task.startswith(("Publish", "Withdraw", "Have TXT"))}
    assert predicted.changed == {(task, who) for task, who in real.changed if task not in unknown}
    assert fleet.provider_calls() == 2
    for host, name in (
        ("web1", "www.alpha.test"),
        ("web2", "www.alpha.test"),
        ("web2", "shop.beta.test"),
        ("web1", "x.gamma.test"),
    ):
        assert fleet.served(host, name), (host, name)
    assert "not issued yet" not in real.output
    for secret in (fleet.sandbox.sslcom["secret_key"], fleet.sandbox.identrust["api_key"]):
        assert secret not in real.output + predicted.output

    fleet.sandbox.clear_ledger()
    written = fleet.written()
    for arguments in ((), ("--check",)):
        again = fleet.play("certfleet.reseller.site", *arguments)
        assert again.code == 0, again.output
        assert again.changed == set()
        assert fleet.written() == written
    assert fleet.provider_calls() == 0
    assert not [entry for entry in fleet.sandbox.ledger() if entry["service"].startswith("acme")]


def test_an_issuer_that_fails_does_not_hold_up_the_others(fleet: Fleet) -> None:
    fleet.variables["certfleet_issuers"]["beta"]["api_key"] = "wrong"
    fleet.variables["certfleet_certificates"][1]["hosts"] = "web1"
    fleet.variables["certfleet_certificates"][0]["hosts"] = "web2"
    fleet.sandbox.set_addresses("www.alpha.test", HOSTS["web2"])
    run = fleet.play()
    assert run.code != 0
    assert fleet.served("web2", "www.alpha.test")
    assert re.search(r'"msg": "beta: .*(401|refuse|accept|key)', run.output), run.output
    assert '"msg": "alpha' not in run.output


def test_a_certificate_that_fails_does_not_hold_up_those_of_its_issuer(fleet: Fleet) -> None:
    fleet.add("other.gamma.test", "alpha", "web1")  # its name leads to web2
    assert fleet.play("certfleet.reseller.provision_eab").code == 0
    run = fleet.play("certfleet.reseller.issue")
    assert run.code != 0
    current = {path.parent.name for path in (fleet.state / "sets").glob("*/current")}
    assert current == {"www.alpha.test", "shop.beta.test"}, run.output
    assert re.search(r'"msg": "alpha: .*other\.gamma\.test by http-01', run.output)
    webroot = Path(fleet.sandbox.host("web1")["root"]) / "www"
    assert [path for path in webroot.rglob("*") if path.is_file()] == []


def dns_tasks(fleet: Fleet, *first: dict[str, Any]) -> str:
    """A file for certfleet_dns_tasks: these tasks, then those of the sandbox."""
    path = fleet.path / "dns.yml"
    last = {"name": "Go on", "ansible.builtin.import_tasks": fleet.variables["certfleet_dns_tasks"]}
    path.write_text(json.dumps([*first, last]))
    return str(path)


def test_txt_records_that_stay_do_not_hold_up_the_deployment(fleet: Fleet) -> None:
    fleet.add("*.gamma.test", "beta", "all", challenge="dns-01", key_type="rsa")
    refusal = {
        "name": "Refuse",
        "ansible.builtin.fail": {"msg": "the DNS server takes no orders"},
        "when": "certfleet_dns_state == 'absent'",
    }
    run = fleet.play(certfleet_dns_tasks=dns_tasks(fleet, refusal))
    assert run.code != 0
    for host, name in (("web1", "www.alpha.test"), ("web2", "shop.beta.test"), ("web1", "x.gamma.test")):
        assert fleet.served(host, name), (host, name, run.output)
    assert re.search(r"web1 +www\.alpha\.test +alpha .*served on", run.output)
    last = run.output.split("PLAY [Sum up]")[1]
    assert '"msg": "dns-01: the TXT records were not removed: the DNS server takes no orders"' in last, run.output
    again = fleet.play()
    assert (again.code, again.changed) == (0, set()), again.output


def test_txt_records_that_cannot_be_published_do_not_hold_up_http(fleet: Fleet) -> None:
    fleet.add("*.gamma.test", "beta", "all", challenge="dns-01", key_type="rsa")
    refusal = {"name": "Refuse", "ansible.builtin.fail": {"msg": "the DNS server takes no orders"}}
    run = fleet.play(certfleet_dns_tasks=dns_tasks(fleet, refusal))
    assert run.code != 0
    for host, name in (("web1", "www.alpha.test"), ("web2", "www.alpha.test"), ("web2", "shop.beta.test")):
        assert fleet.served(host, name), (host, name, run.output)
    # every host lacks a certificate, so every host fails; the last word is said all the same
    assert {name for name, counts in run.recap.items() if counts["failed"]} == set(HOSTS)
    notice = run.output.split("TASK [certfleet.reseller.acme_client : Name what was not issued]")[1].split("TASK [")[0]
    report = run.output.split("PLAY [Report what failed]")[1]
    for reason in (
        "the DNS server takes no orders",
        "the TXT records were not removed: the DNS server takes no orders",
    ):
        assert f'"dns-01: {reason}"' in notice
        assert f"dns-01: {reason}" in report
    assert fleet.play().code == 0
    assert fleet.served("web1", "x.gamma.test")


@pytest.mark.parametrize("serial", ["100%", 1])
def test_challenges_that_stay_do_not_hold_up_the_deployment(fleet: Fleet, serial: Any) -> None:
    """On web2, which the ACME server does not ask, something else takes the place of the file."""
    fleet.variables["certfleet_certificates"].pop()
    fleet.add("*.gamma.test", "alpha", "all", challenge="dns-01")
    place = Path(fleet.sandbox.host("web2")["root"]) / "www" / ".well-known" / "acme-challenge"
    program = "import pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).iterdir():\n path.unlink()\n path.mkdir()"
    swap = {
        "name": "Put a directory there",
        "ansible.builtin.command": {"argv": [sys.executable, "-c", program, str(place)]},
        "changed_when": True,
        "when": "certfleet_dns_state == 'present'",
    }
    play = {"hosts": "all", "gather_facts": False, "serial": serial, "vars": {"acme_client_report": False}}
    roles = [f"certfleet.reseller.{name}" for name in ("acme_eab", "acme_client", "certificate_deploy")]
    report = {"ansible.builtin.import_role": {"name": "certfleet.reseller.acme_client", "tasks_from": "report"}}
    playbook = fleet.path / "play.yml"
    playbook.write_text(json.dumps([{**play, "roles": roles, "post_tasks": [report]}]))
    run = fleet.play(str(playbook), certfleet_dns_tasks=dns_tasks(fleet, swap))
    assert run.code != 0
    assert fleet.served("web1", "www.alpha.test"), run.output
    assert fleet.served("web2", "www.alpha.test") == (serial != 1), run.output  # the report of web1 ends the play
    assert re.search(r'"msg": "http-01: challenges were not removed on web2: .* is not a regular file', run.output)


def test_an_issuer_may_move_to_another_directory_and_back(fleet: Fleet) -> None:
    """An account belongs to one directory: each has its own, and is found again."""
    directories, issue = fleet.sandbox.sslcom["directory_urls"], "certfleet.reseller.issue"

    def accounts() -> set[str]:
        found = (json.loads(path.read_text()) for path in (fleet.state / "accounts").glob("alpha-*.json"))
        return {each["directory_url"] for each in found}

    def serial() -> str:
        return os.readlink(fleet.state / "sets" / "www.alpha.test" / "current")

    assert fleet.play().code == 0
    assert accounts() == {directories["ecc"]}
    seen, beta = {serial()}, os.readlink(fleet.state / "sets" / "shop.beta.test" / "current")
    for key_type, directory, registered in (
        ("rsa", "rsa", {("Register the accounts", "alpha")}),
        ("ecdsa", "ecc", set()),
    ):
        fleet.variables["certfleet_issuers"]["alpha"]["directory_url"] = directories[directory]
        predicted = fleet.play(issue, "--check")
        assert predicted.code == 0, predicted.output
        run = fleet.play("certfleet.reseller.site", "-v")
        assert run.code == 0, run.output
        assert {each for each in run.changed if each[0] == "Register the accounts"} == registered
        assert registered <= predicted.changed
        assert re.search(rf"the key changed from \w+ \d+ to {key_type} \d+", run.output)
        assert accounts() == {directories["ecc"], directories["rsa"]}
        assert serial() not in seen
        seen.add(serial())
        assert fleet.served("web1", "www.alpha.test")
        assert fleet.served("web2", "www.alpha.test")
        deployed = Path(fleet.sandbox.host("web1")["root"]) / "tls" / "www.alpha.test" / "current"
        assert os.readlink(deployed) == serial()
        again = fleet.play(issue)
        assert (again.code, again.changed) == (0, set()), again.output
    assert fleet.provider_calls() == 2
    assert os.readlink(fleet.state / "sets" / "shop.beta.test" / "current") == beta


def test_unreachable_hosts_do_not_hold_up_the_others(fleet: Fleet) -> None:
    fleet.hosts["gone"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    fleet.add("gone.gamma.test", "alpha", "gone", services=[], endpoints=[])
    run = fleet.play()
    assert run.code != 0
    assert run.recap["gone"]["unreachable"] == 1
    assert fleet.served("web1", "www.alpha.test")
    assert fleet.served("web2", "shop.beta.test")


def test_batches(fleet: Fleet) -> None:
    """Under serial each batch finds its certificates issued, and challenges go to the hosts of all batches."""
    playbook = fleet.path / "play.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "all",
                    "gather_facts": False,
                    "serial": 1,
                    "roles": [
                        f"certfleet.reseller.{name}" for name in ("acme_eab", "acme_client", "certificate_deploy")
                    ],
                }
            ]
        )
    )
    run = fleet.play(str(playbook))
    assert run.code == 0, run.output
    assert len([task for task in run.tasks if task[0] == "Place the orders" and task[1] == "changed"]) == 2
    assert fleet.served("web2", "shop.beta.test")
    assert fleet.provider_calls() == 2


def test_batches_of_the_deployment(fleet: Fleet) -> None:
    run = fleet.play("certfleet.reseller.site", "-e", "certfleet_serial=1")
    assert run.code == 0, run.output
    assert run.output.count("PLAY [Serve the certificates]") == 2
    assert re.search(r"web1 +www\.alpha\.test +alpha .*served on", run.output)


def test_a_limit_leaves_the_rest_alone(fleet: Fleet) -> None:
    run = fleet.play("certfleet.reseller.site", "--limit", "web1")
    assert run.code == 0, run.output
    assert sorted(path.name for path in (fleet.state / "sets").iterdir()) == ["www.alpha.test"]


def test_the_controller_does_not_become_root(fleet: Fleet) -> None:
    """``ansible_become`` of the inventory is about the hosts; what runs on the controller stays the user's."""
    run = fleet.play("certfleet.reseller.provision_eab", ansible_become=True, ansible_become_exe="/nonexistent/sudo")
    assert run.code == 0, run.output
    run = fleet.play("certfleet.reseller.issue", "--check", ansible_become=True, ansible_become_exe="/nonexistent/sudo")
    assert run.code == 0, run.output


def test_dns_without_tasks_is_refused_before_anything_happens(fleet: Fleet) -> None:
    fleet.add("*.gamma.test", "beta", "all", challenge="dns-01")
    run = fleet.play(certfleet_dns_tasks="")
    assert run.code != 0
    assert "*.gamma.test: challenge dns-01 needs certfleet_dns_tasks" in run.output
    assert fleet.provider_calls() == 0


# --- wrong inventories ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Sandbox(hosts=HOSTS) as sandbox:
        yield Fleet(sandbox, tmp_path_factory.mktemp("described"))


@pytest.mark.parametrize(
    ("where", "value", "sentence"),
    [
        ("certificates.1.issuer", "bata", '[1] (shop.beta.test): issuer "bata" is not in certfleet_issuers (did you'),
        ("certificates.1.hosts", "web9", '[1] (shop.beta.test): hosts "web9" is neither a host nor a group'),
        ("certificates.1.endpoints", [{"prot": 443}], 'endpoints[0] there is no option "prot" (did you mean "port"?)'),
        ("certificates.1.services", ["wbe"], 'there is no service "wbe" (did you mean "web"?)'),
        ("issuers.beta.directory_url", None, "certfleet_issuers.beta: directory_url is missing"),
        ("issuers.beta.secret_key", "s3cret", 'certfleet_issuers.beta: there is no option "secret_key"'),
    ],
)
def test_a_wrong_inventory_names_the_entry(described: Fleet, where: str, value: Any, sentence: str) -> None:
    """One of each kind; the unit tests of the inventory have the others."""
    kept = copy.deepcopy(described.variables)
    try:
        part, key, option = where.split(".")
        described.variables[f"certfleet_{part}"][int(key) if key.isdigit() else key][option] = value
        run = described.play()
    finally:
        described.variables = kept
    assert run.code != 0
    plain = run.output.replace('\\"', '"')
    assert sentence in plain, run.output
    assert "PLAY [Have" not in plain
    assert "s3cret" not in run.output
    assert described.provider_calls() == 0
    assert not described.state.exists()
