# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sandbox for all tests that talk to one; each test uses names of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox

HOSTS = {"web1": "127.0.0.41", "web2": "127.0.0.42"}


def _local(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    if not all(map(_local, HOSTS.values())):
        pytest.skip("this system has no addresses beside 127.0.0.1")  # not macOS without aliases
    with Sandbox(hosts=HOSTS, resolve={"*.web1.test": HOSTS["web1"], "www.web2.test": HOSTS["web2"]}) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.clear_faults()
    shared_sandbox.clear_ledger()
    return shared_sandbox


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return Path(__file__).resolve().parents[2] / "fixtures"
