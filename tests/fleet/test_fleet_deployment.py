# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments over ssh to hosts with systemd and nginx, apache2, haproxy, postfix: first, second, renewed, cut off."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.support.fleet_deploy import First, Fleet
from tests.support.fleet_services import SHOP

# libraries that Debian packages for Python, and that this collection needs on the controller
LIBRARIES = ("cryptography", "requests", "yaml", "jinja2", "acme", "josepy", "OpenSSL", "apt")
FIND = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"


def activity(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Of each host with systemd: since when its server is active, and how often systemd reloaded it."""
    found = {}
    for host in fleet.hosts.values():
        if host.init == "systemd":
            service = fleet.kind(host.name).service
            since = fleet.run(host.name, "systemctl", "show", "--property=ActiveEnterTimestampMonotonic", service)
            journal = fleet.run(host.name, "journalctl", "--output=cat", f"--unit={service}")
            found[host.name] = since, sum(line.startswith("Reloaded ") for line in journal.splitlines())
    return found


# --- the first run and the second -------------------------------------------------------------------------------------


def test_the_first_deployment_reaches_every_host(first: First) -> None:
    """Without pipelining; as root, and as an ordinary user with sudo; clients outside see the certificates."""
    assert first.run.code == 0, first.run.output
    assert first.run.hosts("changed") == set(first.fleet.hosts)
    assert first.served == first.fleet.expected(first.versions)
    users = [host.user for host in first.fleet.hosts.values()]
    sudo = users.count("deploy")
    print(f"{len(users)} hosts, {sudo} of them by sudo; {len(first.served)} handshakes from outside, 0 wrong")


def test_the_second_run_changes_nothing(first: First) -> None:
    assert first.second.code == 0, first.second.output
    assert {name: counts["changed"] for name, counts in first.second.recap.items()} == dict.fromkeys(
        first.fleet.hosts, 0
    )
    assert not [step for result in first.second.results.values() for step in result["steps"]]


def test_hosts_are_what_they_are_meant_to_be(fleet: Fleet) -> None:
    """A systemd, or none; busybox's tools; Debian's Python without libraries."""
    for host in fleet.hosts.values():
        first = fleet.run(host.name, "cat", "/proc/1/comm")
        assert (first == "systemd") == (host.init == "systemd"), host.name
        assert ("busybox" in fleet.run(host.name, "sh", "-c", "readlink -f $(command -v sha256sum)")) == host.busybox
        assert fleet.run(host.name, "python3", "-c", FIND, *LIBRARIES) == "[]"
    print(f"{len(fleet.hosts)} hosts with {fleet.run('web1', 'python3', '--version')}, 0 Python libraries on them")


def test_keys_are_root_s_alone(fleet: Fleet) -> None:
    for name in fleet.hosts:
        place = f"/etc/certfleet/{fleet.kind(name).set}/current/"
        assert (
            fleet.run(name, "stat", "-L", "-c", "%U %a", f"{place}privkey.pem", f"{place}fullchain.pem")
            == "root 600\nroot 644"
        )
        denied = fleet.run(name, "su", "deploy", "-c", f"cat {place}privkey.pem", check=False)
        assert "Permission denied" in denied
        left = fleet.run(name, "find", "/etc/certfleet", "-name", ".*", "-o", "-name", "reload-owed")
        assert left == ""
        secrets = fleet.run(
            name, "grep", "-rls", "PRIVATE KEY", "/root", "/home", "/tmp", "/var/tmp", "/var/log", check=False
        )
        assert secrets == ""


# --- renewals ---------------------------------------------------------------------------------------------------------


def test_a_renewed_set_is_served_after_a_reload(fleet: Fleet) -> None:
    """Check mode says so before, and writes nothing. Each server is reloaded once, by systemd, and not restarted."""
    before, served, renewed = activity(fleet), fleet.served(), fleet.issue()
    predicted = fleet.deploy("--check")
    assert (predicted.code, predicted.hosts("changed")) == (0, set(fleet.hosts)), predicted.output
    assert (fleet.served(), activity(fleet)) == (served, before)
    run = fleet.deploy()
    assert (run.code, run.hosts("changed")) == (0, set(fleet.hosts)), run.output
    for name, result in run.results.items():
        assert result["steps"] == predicted.results[name]["steps"]
    assert fleet.served() == fleet.expected(renewed)
    assert activity(fleet) == {name: (since, reloads + 1) for name, (since, reloads) in before.items()}
    second = fleet.deploy()
    assert (second.code, second.hosts("changed")) == (0, set()), second.output
    print(f"{len(before)} servers reloaded once, 0 restarted; {len(served)} handshakes with the new certificates")


def test_one_set_of_two_is_renewed(fleet: Fleet, first: First) -> None:
    """The other set of the host stays as it is."""
    renewed = fleet.issue(SHOP)
    run = fleet.deploy(limit={"web1"})
    assert [(each["name"], each["changed"]) for each in run.results["web1"]["sets"]] == [
        (SHOP, True),
        ("*.shop.test", False),
    ]
    served, expected = fleet.served(), fleet.expected(first.versions, renewed)
    assert {place: seen for place, seen in served.items() if place[0] == "web1"} == {
        place: wanted for place, wanted in expected.items() if place[0] == "web1"
    }


# --- what goes wrong around it ----------------------------------------------------------------------------------------


def test_a_host_that_is_down_holds_nobody_up_and_is_caught_up(fleet: Fleet, first: First) -> None:
    renewed, down = fleet.issue(), fleet.named("apache2")
    others = set(fleet.hosts) - {down}
    fleet.machines.off(down)
    run = fleet.deploy()
    assert (run.code != 0, run.hosts("unreachable"), run.hosts("changed")) == (True, {down}, others), run.output
    assert {place for place, seen in fleet.served().items() if seen != fleet.expected(renewed)[place]} == {
        place for place in fleet.targets() if place[0] == down
    }
    fleet.machines.on(down)
    assert {seen for place, seen in fleet.served().items() if place[0] == down} == {first.versions[SHOP].fingerprint}
    again = fleet.deploy()
    assert (again.code, again.hosts("changed")) == (0, {down}), again.output
    assert fleet.served() == fleet.expected(renewed)
    print(f"1 of {len(fleet.hosts)} hosts down: {len(others)} deployed to, 1 caught up by the next run")


def test_a_set_that_is_broken_on_the_controller_reaches_no_host(fleet: Fleet, first: First) -> None:
    renewed = fleet.issue()
    version = fleet.state / "sets" / SHOP / renewed[SHOP].serial
    (version / "privkey.pem").write_bytes(first.versions[SHOP].files["privkey.pem"])
    run = fleet.deploy()
    shops = {host.name for host in fleet.hosts.values() if host.kind != "postfix"}
    assert run.hosts("failed") == shops
    for name in shops:
        assert run.results[name]["error"]["kind"] == "verify"
        assert fleet.live(name) == first.versions[SHOP].serial
    good = {name: version for name, version in renewed.items() if name != SHOP}
    assert fleet.served() == fleet.expected(first.versions, good)
    print(f"{len(shops)} hosts refused a set whose key does not fit, 2 other sets were deployed")


def test_a_canary_that_fails_stops_the_rollout(fleet: Fleet, first: First) -> None:
    canary = next(iter(fleet.hosts))
    fleet.issue()
    fleet.break_reload(canary)
    run = fleet.deploy(certfleet_canary=canary, certfleet_max_fail_percentage=0)
    assert (run.hosts("failed"), run.hosts("changed")) == ({canary}, set()), run.output
    assert fleet.served() == fleet.expected(first.versions)
    print(f"1 canary failed, {len(fleet.hosts) - 1} hosts not touched")


def test_a_controller_that_is_killed_between_hosts(fleet: Fleet, first: First) -> None:
    """What it did stays, each host serves the old set or the new one, and the next run does the rest."""
    renewed = fleet.issue()
    play = subprocess.Popen(
        fleet.command("--forks=1"),
        env=fleet.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert play.stdout
    with play.stdout:
        done = next(line for line in play.stdout if line.startswith("changed: "))
        os.killpg(play.pid, signal.SIGKILL)
    play.wait()
    fleet.touched |= set(fleet.hosts)
    old, new, served = fleet.expected(first.versions), fleet.expected(renewed), fleet.served()
    assert [place for place, seen in served.items() if seen not in (old[place], new[place])] == []
    behind = {place[0] for place, seen in served.items() if seen == old[place]}
    assert behind
    assert done.split("[")[1].split("]")[0] not in behind
    run = fleet.deploy()
    assert run.code == 0, run.output
    assert run.hosts("changed") <= behind  # a module that was running on a host came to its end
    assert fleet.served() == new
    print(f"killed with {len(behind)} of {len(fleet.hosts)} hosts to go; the next run left 0 behind")
