# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each situation of the troubleshooting guide is provoked, and says what the guide says. tests/integration/test_first_run.py has those of plays."""

from __future__ import annotations

import ast
import contextlib
import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import situations_disk, situations_market, situations_play, situations_served, troubleshooting
from tests.support.sandbox import Sandbox
from tests.support.situations import SITUATIONS, Place

ROOT = Path(__file__).resolve().parents[2]
PLAYED = {*situations_play.NAMES, *situations_play.COMMANDS}
BASES = ("Error", "Exception", "InvalidData", "NotSent", "OutcomeUnknown")  # of classes of errors
PROVOKING = (situations_served, situations_disk, situations_market)  # their situations are registered by import


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Callable[[], Sandbox]]:
    """Started when a situation wants it first."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda: stack.enter_context(Sandbox()))


def test_every_situation_is_in_the_guide_and_provoked() -> None:
    assert all(module.__name__ for module in PROVOKING)
    assert [*troubleshooting.ROWS] == sorted(troubleshooting.ROWS, key=troubleshooting.place)
    assert set(troubleshooting.ROWS) == {*SITUATIONS, *situations_play.INVENTORY, *PLAYED}
    print(f"{len(troubleshooting.ROWS)} situations of a first run, {len(PLAYED)} of them in plays")


def kinds() -> set[str]:
    """What the classes of errors in the source say, whether somebody has imported them or not."""
    found = set()
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith(BASES) for base in node.bases):
                texts = [ast.unparse(line) for line in node.body if isinstance(line, ast.Assign)]
                found |= {text.removeprefix("kind = ").strip("'") for text in texts if text.startswith("kind = ")}
    return found


def test_every_kind_of_error_is_explained() -> None:
    assert {"usage", "proof"} < kinds()
    # part of another error's words
    assert set(troubleshooting.KINDS) == kinds() - {"error", "recover"} | {"ansible", "missing_library"}
    assert {row["kind"] for row in troubleshooting.ROWS.values()} <= set(troubleshooting.KINDS)


def test_the_guide_is_the_one_that_the_table_makes() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "troubleshooting.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", troubleshooting.ROWS)
def test_a_message_is_a_sentence_and_what_to_do(name: str) -> None:
    troubleshooting.check_style(troubleshooting.ROWS[name])


@pytest.mark.needs("prlimit", "setpriv")
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_module_says_so(name: str, tmp_path: Path, sandbox: Callable[[], Sandbox]) -> None:
    with contextlib.ExitStack() as stack:
        done = SITUATIONS[name](Place(tmp_path, stack, sandbox))
    assert done.failed, done.output
    troubleshooting.check(name, done.result["msg"], (done.result.get("error") or {}).get("kind"))
    troubleshooting.check_silence(done.output)


@pytest.mark.parametrize("name", situations_play.INVENTORY)
def test_an_inventory_is_refused(name: str) -> None:
    troubleshooting.check(name, situations_play.refused(situations_play.INVENTORY[name]), "usage")


def test_what_a_check_would_miss() -> None:
    """The checks themselves: a message that says nothing to do, one with a traceback, one with a secret, another one."""
    row = troubleshooting.ROWS["sslcom-no-key"]
    for told in (
        "secret_key is missing.",
        "Give secret_key. Or not. Or both. SSLCOM_SECRET_KEY",
        "no end, SSLCOM_SECRET_KEY",
    ):
        with pytest.raises(AssertionError):
            troubleshooting.check_style({**row, "told": told})
    for output in ("Traceback (most recent call last)", next(iter(troubleshooting.SECRETS.values()))):
        with pytest.raises(AssertionError):
            troubleshooting.check_silence(output)
    for message, kind in (("another message", "usage"), (row["told"], "state")):
        with pytest.raises(AssertionError):
            troubleshooting.check("sslcom-no-key", message, kind)
