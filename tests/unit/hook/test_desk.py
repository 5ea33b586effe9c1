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
from certfleet_hook.backup import BackupError, backup, without_secrets
from sqlalchemy import make_url

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


def test_what_a_killed_backup_left_goes_with_the_next_one(hook: Hook, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    old, running, other = copies / "hook-1.part", copies / "hook-2.part", copies / "notes.part"
    for each in (old, running, other):
        each.write_text("torn")
    for each in (old, other):
        os.utime(each, (1, 1))
    assert run(hook, "balances") == 0  # makes the database
    assert run(hook, "backup", str(copies)) == 0
    assert sorted(copies.glob("*.part")) == [running, other]
    assert len(list(copies.glob("hook-*.sqlite"))) == 1


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://u:s3cret@db.test/hook", "s3cret"),
        ("postgresql+psycopg://u@db.test/hook?password=s3cret&sslmode=require", "s3cret"),
        ("postgresql://u:other@db.test/hook?password=s3cret", "s3cret"),
        ("postgresql://u:s3%40cret@db.test/hook", "s3@cret"),
        ("postgresql://u@db.test/hook", None),
    ],
)
def test_no_password_is_an_argument_of_pg_dump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, password: str | None
) -> None:
    """A program in its place writes down its arguments and its environment."""
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    backup(url, tmp_path / "copies", 1, 0)
    *_others, told = (tmp_path / "arguments").read_text().split()
    assert told == "--dbname=postgresql://u@db.test/hook" + ("?sslmode=require" if "sslmode" in url else "")
    found = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines() if "=" in line)
    assert found.get("PGPASSWORD") == password


def test_the_password_of_a_key_is_none_either() -> None:
    with pytest.raises(BackupError, match="a key without a password"):
        without_secrets(make_url("postgresql://u@db.test/hook?sslpassword=s3cret"))


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
