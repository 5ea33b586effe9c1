# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fleet for all of these tests: booted once, deployed to once, and put back to that after each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fleet_deploy, fleet_services
from tests.support.fleet_deploy import First, Fleet
from tests.support.fleet_machines import Impossible, Machines
from tests.support.fleet_sets import Authority

COUNT = int(os.environ.get("CERTFLEET_FLEET_HOSTS", "5"))


def missing(reason: str) -> None:
    """Skip on a developer's machine, fail where everything was promised to be there."""
    if os.environ.get("CERTFLEET_NO_SKIP") == "1":
        pytest.fail(f"{reason} (CERTFLEET_NO_SKIP=1 asks for everything)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    hosts = fleet_services.hosts(COUNT)
    machines = fleet_deploy.boot(hosts)
    try:
        try:
            machines.start()
        except Impossible as error:
            missing(f"no fleet of hosts: {error}")
        fleet_deploy.set_up(machines, hosts)
        yield machines
    finally:
        machines.stop()


@pytest.fixture(scope="session")
def first(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> First:
    hosts = fleet_services.hosts(COUNT)
    fleet = Fleet(machines, hosts, Authority(), tmp_path_factory.mktemp("controller"))
    versions = fleet.issue()
    run = fleet.deploy(pipelining=False)
    found = First(fleet, versions, run, fleet.served(), fleet.deploy())
    fleet_deploy.enable(machines, hosts)
    machines.save()
    fleet.touched.clear()
    return found


@pytest.fixture
def fleet(first: First, tmp_path: Path) -> Iterator[Fleet]:
    """The fleet as it was after the first deployment."""
    fleet = first.fleet.copy(tmp_path)
    try:
        yield fleet
    finally:
        fleet.restore()
