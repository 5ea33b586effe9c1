# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desk's command line, where it is given something odd."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from certfleet_hook import cli

from tests.support.hook import CUSTOMER, FILES, Hook

QUOTA = {**{key: value for key, value in CUSTOMER.items() if key != "balance"}, "products": ["sslcom_dv"], "quota": 5}


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """Its settings and its policy; no server."""
    hook = Hook(tmp_path / "hook")
    hook.customers["beta"] = {**QUOTA, "kids": ["kid-of-beta"]}
    hook.write_policy()
    return hook


def run(hook: Hook, *arguments: str) -> int:
    return cli.main([f"--config={hook.path}/settings.json", *arguments])


@pytest.mark.parametrize("customer", ["alpha", "beta"])
@pytest.mark.parametrize("amount", ["--5", "-+5", "1_0", "1e3", "0", "-0", "", "-", "5 "])
def test_odd_amounts_are_not_booked(hook: Hook, customer: str, amount: str) -> None:
    assert run(hook, "top-up", "--reference=1", "--", customer, amount) == 1


def test_top_ups_add_and_take_away(hook: Hook, capsys: pytest.CaptureFixture[str]) -> None:
    booked = [("alpha", "12.5"), ("alpha", "-0.50"), ("beta", "7"), ("beta", "-2")]
    for number, (customer, amount) in enumerate(booked):
        assert run(hook, "top-up", f"--reference={number}", "--", customer, amount) == 0
    assert run(hook, "balances", "--json") == 0
    lines: list[Any] = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert {line["customer"]: line["topped_up"] for line in lines} == {"alpha": "12.00", "beta": "5"}


def test_a_reader_that_has_gone_is_no_fault_of_the_desk(hook: Hook) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        hook.command("customers", "--json"),
        env={**os.environ, "PYTHONPATH": str(FILES)},
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
