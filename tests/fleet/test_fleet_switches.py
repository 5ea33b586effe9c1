# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewals one after the other under readers: on nginx and haproxy nobody ever sees a wrong pair, or a closed door."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fleet_deploy import SERVICES, Fleet
from tests.support.fleet_watch import Look, Switch, Watch, judge

RELOADS = {"nginx": ["systemctl", "reload", "nginx"], "haproxy": SERVICES["haproxy"]["reload"]}
SWITCHES: list[Switch] = [(0, 0, "a"), (10, 12, "b"), (20, 22, "c")]


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_switches_under_readers(fleet: Fleet, tmp_path: Path, count: int) -> None:
    """With the module's own code, on the hosts' own Python: install, switch, reload, prove, remove."""
    kinds = {fleet.named(kind): kind for kind in RELOADS}
    found = Watch(fleet, tmp_path, {name: RELOADS[kind] for name, kind in kinds.items()}).run(count)
    for name, seen in found.items():
        judged = judge(seen.looks, seen.switches)
        print(f"{kinds[name]}: {len(seen.switches) - 1} switches; reader: {seen.read}; client: {judged}")
        refused = [look for look in seen.looks if look[2] is None]
        assert (judged["refused"], judged["wrong"]) == (0, 0), refused[:3]
        assert (seen.read["mixed"], seen.read["incomplete"]) == (0, 0)
        assert len(seen.switches) == count + 1
        assert min(seen.read["reads"], judged["handshakes"]) > count  # somebody did look


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ((11, 11.5, "a", None), None),  # before the proof both may be served
        ((11, 11.5, "b", None), None),
        ((9, 10.5, "b", None), None),
        ((13, 13.5, "a", None), "late"),
        ((9, 9.5, "b", None), "wrong"),  # not switched to yet
        ((23, 23.5, "a", None), "wrong"),  # two versions behind
        ((13, 13.5, "d", None), "wrong"),
        ((13, 13.5, None, "connection refused"), "refused"),
    ],
)
def test_what_clients_see_is_judged(look: Look, expected: str | None) -> None:
    counts = judge([look], SWITCHES)
    assert {kind for kind in ("refused", "wrong", "late") if counts[kind]} == ({expected} if expected else set())
