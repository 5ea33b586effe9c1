# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts renew by themselves: provisioned once, then lego and certbot, timers and nginx go on without a controller."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fleet.conftest import missing
from tests.support import fleet_renewal
from tests.support.canary import Spy, forms
from tests.support.fleet_machines import Impossible
from tests.support.fleet_renewal import DUE, HMAC, HOSTS, Renewing, Scene

pytestmark = pytest.mark.needs("pebble", "pebble-challtestsrv")

RENEWALS = 3
SECONDS = 10  # from the signature of a certificate until nginx serves it
PATIENCE = 120.0
BROKEN = (HOSTS[0], HOSTS[3])  # one of each client
CONTROL = "a word that the search must find"
PLACES = ("/etc", "/var/lib", "/var/log", "/var/cache", "/run", "/tmp", "/root", "/home")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    machines = fleet_renewal.machines()
    try:
        try:
            machines.start()
        except Impossible as error:
            missing(f"no fleet of hosts: {error}")
        scene = Scene(machines, tmp_path_factory.mktemp("controller"))
        try:
            scene.set_up()
            yield scene
        finally:
            scene.stop()
    finally:
        machines.stop()


def wait(what: str, done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def test_hosts_renew_without_a_controller(scene: Scene) -> None:
    with Spy(None, pace=0.02) as spy:
        first = scene.play()
        assert {name for name, counts in first.items() if counts["changed"]} == {host.name for host in HOSTS}
        second = scene.play(facts=True)
        assert [counts["changed"] for counts in second.values()] == [0] * len(HOSTS)

        assert {host: scene.key_type(host) for host in HOSTS} == {host: host.key_type for host in HOSTS}
        installed = {
            host.name: scene.machines.run(host.name, "sh", "-c", f"command -v {host.client}") for host in HOSTS
        }
        assert {name for name, path in installed.items() if path.startswith("/usr/local/")} == {"lego3"}

        shutil.rmtree(scene.state)  # from here on there is no controller
        serials = {host: {scene.record(host)["serial"]} for host in HOSTS}

        def renewed(count: int) -> bool:
            for host in HOSTS:
                serials[host].add(scene.record(host)["current"])
            return all(len(found) > count for found in serials.values())

        client = scene.follow()
        try:
            scene.hasten()
            wait("the first renewals", lambda: renewed(1))
            broken = fail_and_repair(scene)
            wait("all renewals", lambda: renewed(RENEWALS))
        finally:
            told, _nothing = client.communicate(timeout=60)
    late = judge(dict(zip(HOSTS, json.loads(told))), broken)
    hits = canaries(scene, spy)
    print(f"\n{sum(map(len, serials.values())) - len(HOSTS)} renewals by timers of {len(HOSTS)} hosts, {late}, {hits}")


def fail_and_repair(scene: Scene) -> dict[Renewing, tuple[float, float]]:
    """On some hosts nginx cannot be reloaded for a while. Returns when that began, and when it was over."""
    begin = time.time()
    for host in BROKEN:
        scene.break_reload(host)

    def failed(host: Renewing) -> bool:
        return scene.unit(host) == "failed" and not scene.record(host)["ok"]

    wait("reloads that fail", lambda: all(failed(host) for host in BROKEN))
    for host in BROKEN:
        record = scene.record(host)
        assert record["errors"][0]["kind"] == "reload"
        assert record["serial"] != record["current"]
        assert scene.served(host) == scene.live(host)
        assert scene.live(host) != record["fingerprint"]
        scene.mend_reload(host)
    end = time.time()
    wait("runs that repair", lambda: all(scene.record(host)["ok"] for host in BROKEN))
    return dict.fromkeys(BROKEN, (begin, end))


def judge(told: dict[Renewing, dict[str, Any]], broken: dict[Renewing, tuple[float, float]]) -> str:
    """What clients saw: each new certificate in time, and a whole and valid one at each look."""
    slowest, looks = 0.0, 0
    for host, found in told.items():
        assert found["refused"] == [], host.name
        first: dict[str, tuple[float, float]] = {}
        for fingerprint, issued, seen in found["seen"]:
            first.setdefault(fingerprint, (issued, seen))
        assert len(first) > RENEWALS, host.name
        looks += found["looks"]
        for issued, seen in list(first.values())[1:]:
            begin, end = broken.get(host, (0.0, 0.0))
            since = end if begin - DUE < issued < end else issued
            assert seen - since < SECONDS, f"{host.name}: {seen - since} s"
            slowest = max(slowest, seen - since)
    assert looks > 100 * len(told)
    return f"each served within {slowest:.1f} s, {looks} handshakes, 0 refused"


def canaries(scene: Scene, spy: Spy) -> str:
    """Where the HMAC key is to be found: nowhere. What was looked at is proven by what was found there."""
    seen = (*spy.arguments, *spy.environments)
    for words in ((b"lego", b"--server", b"run"), (b"certbot", b"certonly"), (b"certfleet-host.pyz", b"run")):
        assert any(all(word in text for word in words) for text in spy.arguments), words
    spellings = forms(HMAC)
    assert [text for text in seen if any(form in text for form in spellings)] == []
    assert scene.runs.hits([("hmac", HMAC)]) == []
    assert b"ansible_distribution" in scene.runs.sinks["fact cache"]
    lines = 0
    for host in HOSTS:
        patterns = b"\n".join([*spellings, CONTROL.encode()]).decode()
        scene.machines.write(host.name, "/var/log/control", CONTROL)
        grep = ("grep", "--recursive", "--text", "--files-with-matches", "--no-messages", "--fixed-strings", "--file=-")
        found = scene.machines.run(host.name, *grep, *PLACES, given=patterns, check=False).split()
        assert found == ["/var/log/control"], host.name
        journal = scene.machines.run(host.name, "journalctl", "--all", "--output=json").encode()
        assert f"certfleet-renew@{host.certificate}.service".encode() in journal
        assert not any(form in journal for form in spellings), host.name
        lines += journal.count(b"\n")
    return f"0 canaries in {len(seen)} arguments and environments, {lines} lines of journals, files, logs and facts"
