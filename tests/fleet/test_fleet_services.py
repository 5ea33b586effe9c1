# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads that fail, and what the role has to know of services so that users need not."""

from __future__ import annotations

from tests.support.fleet_deploy import First, Fleet
from tests.support.fleet_services import HAPROXY, LIVE, MAIL, SHOP

# nothing but what the role knows of itself
KNOWN = ("-e", '{"certificate_deploy_services": {}}')


def test_a_reload_that_fails_is_made_up_for(fleet: Fleet, first: First) -> None:
    renewed, name = fleet.issue(SHOP), fleet.named("nginx")
    fleet.break_reload(name)
    run = fleet.deploy(limit={name})
    assert (run.code != 0, run.hosts("failed")) == (True, {name}), run.output
    assert run.results[name]["error"]["kind"] == "reload"
    assert fleet.served()[name, SHOP, 443] == first.versions[SHOP].fingerprint
    fleet.mend_reload(name)
    again = fleet.deploy(limit={name})
    assert (again.code, again.hosts("changed")) == (0, {name}), again.output
    assert fleet.served()[name, SHOP, 443] == renewed[SHOP].fingerprint
    second = fleet.deploy(limit={name})
    assert (second.code, second.hosts("changed")) == (0, set()), second.output


def test_a_reload_that_fails_is_taken_back(fleet: Fleet, first: First) -> None:
    fleet.issue(SHOP)
    name = fleet.named("nginx")
    fleet.break_reload(name)
    assert fleet.deploy(limit={name}).hosts("failed") == {name}
    assert fleet.live(name) == first.versions[SHOP].serial


def test_a_known_service_on_a_host_without_systemd(fleet: Fleet) -> None:
    renewed, name = fleet.issue(SHOP), fleet.named("nginx", "plain")
    run = fleet.deploy(*KNOWN, limit={name})
    assert run.code == 0, run.output
    assert fleet.served()[name, SHOP, 443] == renewed[SHOP].fingerprint


def test_postfix_is_known(fleet: Fleet) -> None:
    renewed, name = fleet.issue(MAIL), fleet.named("postfix")
    run = fleet.deploy(*KNOWN, limit={name})
    assert run.code == 0, run.output
    assert fleet.served()[name, MAIL, 465] == renewed[MAIL].fingerprint


def test_haproxy_can_read_the_set_itself(fleet: Fleet) -> None:
    name = fleet.named("haproxy")
    fleet.touched.add(name)
    config = HAPROXY.replace("/etc/haproxy/shop.pem", f"{LIVE[SHOP]}/combined.pem")
    fleet.machines.write(name, "/etc/haproxy/haproxy.cfg", config)
    renewed = fleet.issue(SHOP)
    run = fleet.deploy(*KNOWN, limit={name})
    assert run.code == 0, run.output
    assert fleet.served()[name, SHOP, 443] == renewed[SHOP].fingerprint
    assert fleet.run(name, "stat", "-c", "%U %a", f"{LIVE[SHOP]}/combined.pem") == "root 600"
    second = fleet.deploy(*KNOWN, limit={name})
    assert (second.code, second.hosts("changed")) == (0, set()), second.output


def test_a_proof_over_starttls(fleet: Fleet) -> None:
    renewed, name = fleet.issue(MAIL), fleet.named("postfix")
    endpoint = {"port": 25, "starttls": "smtp"}
    certificate = {"name": MAIL, "domains": [MAIL], "hosts": name, "services": ["postfix"], "endpoints": [endpoint]}
    run = fleet.deploy(limit={name}, certfleet_certificates=[certificate])
    assert run.code == 0, run.output
    assert [each["proof"] for each in run.results[name]["sets"][0]["endpoints"]] == [True]
    assert fleet.served()[name, MAIL, 25] == renewed[MAIL].fingerprint
