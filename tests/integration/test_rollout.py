# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts to five small hosts: canary, health, batches, hosts that are down, controllers that are killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fleet_sets
from tests.support.fleet import HOSTS, Fleet
from tests.support.rollout import INSTALL, NAMES, PORTAL, Rollout, command, kill_at
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollout]:
    """Every host serves a first version."""
    with Sandbox(hosts={name: f"127.0.0.{number}" for number, name in enumerate(NAMES, 31)}) as sandbox:
        rollout = Rollout(sandbox, tmp_path_factory.mktemp("rollout"), fleet_sets.Authority())
        rollout.issue()
        first = rollout.play()
        assert first.code == 0, first.output
        assert set(rollout.served().values()) == {rollout.version.fingerprint}
        yield rollout


@pytest.fixture
def rollout(deployed: Rollout) -> Rollout:
    """A new version is there; what earlier tests broke is mended."""
    deployed.reset()
    deployed.issue()
    return deployed


# --- order ------------------------------------------------------------------------------------------------------------


def test_one_host_first_then_all_others_then_nothing(rollout: Rollout) -> None:
    run = rollout.play()
    assert run.code == 0, run.output
    assert rollout.batches(run) == [{"web1"}, set(NAMES[1:])]
    assert rollout.renewed() == set(NAMES)
    assert rollout.summary(run) == ["5 hosts: 5 deployed", f"deployed: {', '.join(NAMES)}"]
    again = rollout.play()
    assert (again.code, rollout.batches(again), again.changed) == (0, [], set()), again.output
    assert rollout.summary(again) == ["5 hosts: 5 unchanged"]
    # of the hosts one task, and no Python; the others are the controller's, whatever the number of hosts
    assert sorted(who for task, _state, who in again.tasks if task == "Look what is to do") == list(NAMES)
    assert len(again.tasks) == len(NAMES) + 3, again.tasks


def test_settings_of_the_inventory_decide(rollout: Rollout) -> None:
    rollout.settings = {"certfleet_canary": "web4,web5", "certfleet_serial": [1, "100%"]}
    run = rollout.play()
    assert run.code == 0, run.output
    assert rollout.batches(run) == [{"web4", "web5"}, {"web1"}, {"web2", "web3"}]


def test_check_mode_predicts_and_touches_nothing(rollout: Rollout) -> None:
    """Without a canary all hosts are one batch."""
    rollout.settings = {"certfleet_canary": False}
    run = rollout.play("--check", "--limit", "web2,web4")
    assert run.code == 0, run.output
    assert rollout.batches(run) == [{"web2", "web4"}]
    assert {who for _task, who in run.changed} == {"web2", "web4"}
    assert rollout.summary(run)[0] == "2 hosts: 2 to be deployed to"
    assert rollout.renewed() == set()
    assert not rollout.record.exists()


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_canary_that_fails_is_the_only_host_that_is_touched(rollout: Rollout) -> None:
    before = rollout.served()
    rollout.breaks("web1")
    run = rollout.play()
    assert (run.code, rollout.failed(run)) == (2, {"web1"}), run.output
    assert rollout.batches(run) == [{"web1"}]
    assert rollout.served() == before
    first, problem, rest = rollout.summary(run)
    assert first == "5 hosts: 1 failed, 4 not tried" or first == "5 hosts: 1 rolled back, 4 not tried"
    assert "web1: " in problem
    assert rest == f"not tried: {', '.join(NAMES[1:])}"
    rollout.mend("web1")
    again = rollout.play()
    assert again.code == 0, again.output
    assert rollout.renewed() == set(NAMES)


@pytest.mark.parametrize(("limit", "tried"), [(49, 3), (50, 5)])
def test_a_batch_with_too_many_failures_is_the_last_one(rollout: Rollout, limit: int, tried: int) -> None:
    rollout.settings = {"certfleet_serial": 2, "certfleet_max_fail_percentage": limit}
    rollout.breaks("web2")
    run = rollout.play()
    assert (run.code, rollout.failed(run)) == (2, {"web2"}), run.output
    assert sum(map(len, rollout.batches(run))) == tried
    assert rollout.renewed() == set(NAMES[:tried]) - {"web2"}
    print(f"limit {limit} %: 1 of a batch of 2 failed, {tried} of 5 hosts tried")


def test_a_certificate_that_was_not_issued_stops_nobody(rollout: Rollout) -> None:
    """It says nothing about the hosts; the others of its host are deployed."""
    rollout.add(PORTAL, "web1,web3")
    run = rollout.play()
    assert (run.code, rollout.failed(run)) == (2, {"web1", "web3"}), run.output
    assert rollout.batches(run)[0] == {"web2"}  # a canary has to prove something
    assert rollout.renewed() == set(NAMES)
    assert f"failed: web1: {PORTAL}: " in "\n".join(rollout.summary(run))


def test_a_wrong_inventory_of_one_host_touches_nobody(rollout: Rollout) -> None:
    rollout.hosts["web5"]["certificate_deploy_services"] = {}
    run = rollout.play()
    assert run.code == 2
    assert rollout.renewed() == set()
    assert rollout.summary(run)[:2] == [
        "nobody is deployed to, for looking at web5 failed",
        "5 hosts: 1 failed, 4 not tried",
    ]


# --- hosts that are down ----------------------------------------------------------------------------------------------


def test_hosts_that_are_down_are_named_and_caught_up(rollout: Rollout) -> None:
    down = ("web1", "web4")
    for name in down:
        rollout.unplug(name)
    run = rollout.play()
    assert run.code == 4, run.output
    assert {name for name, counts in run.recap.items() if counts["unreachable"]} == set(down)
    assert rollout.renewed() == set(NAMES) - set(down)
    assert rollout.summary(run)[-1] == "unreachable: web1, web4"
    rollout.plug("web1")
    rollout.plug("web4")
    again = rollout.play()
    assert again.code == 0, again.output
    assert set().union(*rollout.batches(again)) == set(down)
    assert rollout.renewed() == set(NAMES)
    print(f"{len(down)} of {len(NAMES)} hosts down: {len(NAMES) - len(down)} deployed to, {len(down)} caught up")


def test_no_canary_can_be_reached(rollout: Rollout) -> None:
    rollout.settings = {"certfleet_canary": "web4"}
    rollout.unplug("web4")
    run = rollout.play()
    assert run.code != 0
    assert rollout.renewed() == set()
    assert rollout.summary(run)[0] == "nobody is deployed to, for no canary can be reached: web4"
    assert rollout.summary(run)[-1] == "not tried: web1, web2, web3, web5"


def test_a_host_that_is_lost_while_it_is_deployed_to_has_failed(rollout: Rollout) -> None:
    """The first look finds it, the second one does not."""
    rollout.hosts["web1"].update(ansible_port=1, ansible_host="127.0.0.1")
    rollout.hosts["web1"]["ansible_connection"] = "{{ 'local' if certificate_deploy_look is not defined else 'ssh' }}"
    run = rollout.play()
    assert (run.code, rollout.failed(run)) == (2, {"web1"}), run.output
    assert rollout.renewed() == set()
    assert "unreachable: web1: the connection was lost during the deployment" in rollout.summary(run)


# --- health -----------------------------------------------------------------------------------------------------------


def test_health_by_url_over_verified_tls(rollout: Rollout) -> None:
    url = rollout.sandbox.sslcom["directory_urls"]["ecc"]
    assert url.startswith("https://")
    rollout.settings = {
        "certfleet_health_url": url,
        "certificate_deploy_health_text": "newOrder",
        "certificate_deploy_health_retries": 1,
    }
    run = rollout.play("--limit", "web1")
    assert run.code == 2, run.output
    assert f"the host is not healthy: {url}" in rollout.summary(run)[1]
    assert "CERTIFICATE_VERIFY_FAILED" in rollout.summary(run)[1]
    rollout.settings["certificate_deploy_health_ca_path"] = rollout.sandbox.ca_path
    again = rollout.play("--limit", "web1")
    assert again.code == 0, again.output
    assert ("Ask the URL", "ok", "web1") in again.tasks


def test_an_unhealthy_canary_is_not_forgotten(rollout: Rollout) -> None:
    """Its certificate is in order after the first run, which the second one must not take for a success."""
    place = rollout.sandbox.host("web1")
    page = Path(place["root"]) / "www" / "health"
    page.unlink(missing_ok=True)
    rollout.hosts["web1"]["certfleet_health_url"] = f"http://{place['address']}:{place['http_port']}/health"
    rollout.settings = {"certificate_deploy_health_text": "ready", "certificate_deploy_health_retries": 1}
    for content, reason in ((None, "Status code was 404 and not [200]"), ("x", 'answers 200 without the text "ready"')):
        if content:
            page.write_text(content)
        run = rollout.play()
        assert (run.code, rollout.failed(run)) == (2, {"web1"}), run.output
        assert reason in rollout.summary(run)[1]
        assert rollout.renewed() == {"web1"}
    page.write_text("all is ready here")
    assert rollout.play().code == 0
    assert rollout.renewed() == set(NAMES)
    assert rollout.record.read_text().split() == []


def test_health_by_command_from_the_controller(rollout: Rollout) -> None:
    """It gets better after a while."""
    count = rollout.path / "count"
    program = "import sys; f = open(sys.argv[1], 'a+'); f.write('x'); sys.exit('not yet' if f.tell() < 2 else 0)"
    rollout.settings = {
        "certfleet_health_command": [sys.executable, "-c", program, f"{count}-{{{{ inventory_hostname }}}}"],
        "certificate_deploy_health_from": "localhost",
        "certificate_deploy_health_retries": 2,
    }
    run = rollout.play("--limit", "web2,web3")
    assert run.code == 0, run.output
    assert [len(Path(f"{count}-{name}").read_text()) for name in ("web2", "web3")] == [2, 2]
    rollout.issue()
    rollout.settings["certfleet_health_command"] = [
        sys.executable,
        "-c",
        "import sys; sys.exit('it is {{ 6 * 7 }} ill')",
    ]
    rollout.settings["certificate_deploy_health_retries"] = 0
    run = rollout.play("--limit", "web2,web3")
    assert (run.code, rollout.failed(run)) == (2, {"web2"}), run.output
    assert rollout.summary(run)[1].endswith(" ended with 1. it is 42 ill")


def test_words_of_a_host_are_no_template(rollout: Rollout) -> None:
    braces = "'{' * 2 + ' 6 * 7 ' + '}' * 2"
    rollout.settings = {
        "certfleet_health_command": [sys.executable, "-c", f"import sys; sys.exit('ill ' + {braces})"],
        "certificate_deploy_health_retries": 0,
    }
    run = rollout.play("--limit", "web1")
    assert rollout.summary(run)[1].endswith("ended with 1. ill {{ 6 * 7 }}"), run.output


# --- killed -----------------------------------------------------------------------------------------------------------


def test_a_controller_that_is_killed_between_batches(rollout: Rollout) -> None:
    """The next run does the rest, and asks again whether the ones in order are healthy."""
    log = rollout.path / "asked"
    log.unlink(missing_ok=True)
    program = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + chr(10))"
    rollout.settings = {
        "certfleet_serial": 1,
        "certfleet_health_command": [sys.executable, "-c", program, str(log), "{{ inventory_hostname }}"],
    }
    rollout.killed_at("changed: [web2]")
    assert rollout.renewed() == {"web1", "web2"}
    asked = log.read_text().split()
    assert asked == ["web1"]
    run = rollout.play()
    assert run.code == 0, run.output
    assert rollout.renewed() == set(NAMES)
    assert {who for _task, who in run.changed} == {"web3", "web4", "web5"}
    assert set(log.read_text().split()[len(asked) :]) == set(NAMES)
    print("killed with 3 of 5 hosts to go; the next run deployed to 3, and 5 are healthy")


def test_nothing_is_ordered_again_for_a_rollout_that_was_killed(tmp_path: Path) -> None:
    resolve = {"www.alpha.test": HOSTS["web1"], "shop.beta.test": HOSTS["web2"]}
    with Sandbox(hosts=HOSTS, resolve=resolve) as sandbox:
        fleet = Fleet(sandbox, tmp_path)
        fleet.variables["certfleet_serial"] = 1
        inventory = tmp_path / "killed.json"
        inventory.write_text(json.dumps({"all": {"hosts": fleet.hosts, "vars": fleet.variables}}))
        kill_at(command(inventory, "certfleet.reseller.site"), tmp_path, INSTALL, "changed: [web1]")
        orders = sandbox.count(effect="newOrder")
        assert orders == 2
        assert not fleet.served("web2", "shop.beta.test")
        run = fleet.play()
        assert run.code == 0, run.output
        assert fleet.served("web2", "shop.beta.test")
        assert {who for _task, who in run.changed} == {"web2"}
        assert sandbox.count(effect="newOrder") == orders
        print(f"killed between 2 batches: {orders} orders, 0 more by the next run")
