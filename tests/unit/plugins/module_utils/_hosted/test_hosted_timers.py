# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers: at the same offset in each run, spread over a fleet, and in a form that systemd and cron take."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import issuers
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import job, timers

# What a path can be made of.
ODD = "a b%i'$HOME\\\"c"

FORM = re.compile(r"\*-\*-\* (\*|\d\d(?:/\d+)?):(\d\d(?:/\d+)?):(\d\d) UTC")


def moments(calendar: str) -> list[int]:
    """All seconds of a day at which it is time."""
    hours, minutes, second = FORM.fullmatch(calendar).groups()  # type: ignore[union-attr]
    return [hour * 3600 + minute * 60 + int(second) for hour in field(hours, 24) for minute in field(minutes, 60)]


def field(text: str, end: int) -> list[int]:
    if text == "*":
        return list(range(end))
    start, _slash, step = text.partition("/")
    return list(range(int(start), end, int(step))) if step else [int(start)]


@pytest.mark.parametrize("interval", issuers.INTERVALS)
def test_every_interval_comes_round(interval: str) -> None:
    """From one moment to the next there is exactly the interval, over midnight too."""
    length = timers.seconds(interval)
    for number in range(50):
        found = moments(timers.calendar(interval, "web%d" % number, "www.example.com"))
        assert len(found) == 86400 // length
        assert {(after - before) % 86400 for before, after in zip(found, [*found[1:], found[0]])} <= {length, 0}
        assert found[0] == timers.offset(interval, "web%d" % number, "www.example.com")


def test_spread_over_a_fleet() -> None:
    """10,000 hosts over twelve hours: no minute has more than a few, and another name is at another time."""
    minutes: dict[int, int] = {}
    for number in range(10000):
        minute = timers.offset("12h", "web%d" % number, "a.example") // 60
        minutes[minute] = minutes.get(minute, 0) + 1
    assert len(minutes) == 720
    assert max(minutes.values()) < 40
    assert timers.offset("12h", "web1", "a.example") != timers.offset("12h", "web1", "b.example")
    print("\n10000 hosts: %d at most in one of 720 minutes" % max(minutes.values()))


def test_known_offset() -> None:
    """It never changes, or a fleet would renew at other times after an update of the collection."""
    assert timers.calendar("12h", "web1", "www.example.com") == timers.calendar("12h", "web1", "www.example.com")
    assert timers.offset("1d", "web1", "www.example.com") == OFFSET


OFFSET = 69665


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("interval", issuers.INTERVALS)
def test_systemd_takes_it(interval: str, program: Callable[[str], str]) -> None:
    calendar = timers.calendar(interval, "web1", "www.example.com")
    argv = [program("systemd-analyze"), "calendar", calendar]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Normalized form:" in done.stdout


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("word", ["/var/lib/certfleet/certfleet-host.pyz", ODD])
def test_systemd_takes_the_units(tmp_path: pathlib.Path, program: Callable[[str], str], word: str) -> None:
    service = tmp_path / timers.service_name()
    service.write_text(timers.service((sys.executable, "-I", word)))
    timer = tmp_path / timers.timer_name("_wildcard.example.com")
    timer.write_text(timers.timer("_wildcard.example.com", "12h", "web1", "*.example.com"))
    argv = [program("systemd-analyze"), "verify", "--man=no", str(timer)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_crontab() -> None:
    """Five fields, root, and the command; names without a dot, which cron does not read, and never the same for two certificates."""
    text = timers.crontab("_wildcard.example.com", "10m", "web1", "*.example.com", ("/usr/bin/python3", "-I", "/x.pyz"))
    minutes, hours, *rest = text.splitlines()[2].split(" ", 6)
    assert len(minutes.split(",")) == 6
    assert (hours, rest[:4]) == ("*", ["*", "*", "*", "root"])
    assert timers.crontab("a", "12h", "w", "a", ["x"]).splitlines()[2].split()[1].count(",") == 1
    assert timers.crontab("a", "1m", "w", "a", ["x"]).splitlines()[2].split()[0].count(",") == 59
    names = {timers.cron_name(each) for each in ("a.b", "a_b", "a-b", "_wildcard.a.b")}
    assert len(names) == 4
    assert all(re.fullmatch("[A-Za-z0-9_-]+", name) for name in names)


def test_cron_runs_programs_anywhere(tmp_path: pathlib.Path) -> None:
    """As cron reads the line: percent signs without a backslash end it, then /bin/sh gets it. Downloads are in /usr/local/bin."""
    folder = tmp_path / ODD
    folder.mkdir()
    program = folder / "program"
    program.write_text('#!/bin/sh\necho "$PATH" "$@" >&2\n')
    program.chmod(0o755)
    shell, path, line = timers.crontab("a", "12h", "w", "a", (str(program), "-I", "/a b")).splitlines()
    assert shell == "SHELL=/bin/sh"
    command, *rest = re.split(r"(?<!\\)%", line.split(" ", 6)[6])
    assert rest == []
    argv = ["/bin/sh", "-c", command.replace("\\%", "%")]
    variables = dict([path.split("=", 1)])
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=variables)
    assert done.stderr == variables["PATH"] + " -I /a b run --patient a\n"
    assert "/usr/local/bin" in variables["PATH"].split(":")


def test_words_of_systemd() -> None:
    """Specifiers, variables, blanks, quotes and backslashes, by the rules of systemd.service(5) and systemd.syntax(7)."""
    line = next(each for each in timers.service(("/x", ODD)).splitlines() if each.startswith("ExecStart="))
    assert line == 'ExecStart=/x "%s" run --patient %%i' % r"""a b%%i'$$HOME\\\"c"""


def test_both_sides_know_the_same_clients() -> None:
    assert issuers.ON_HOSTS == (job.LEGO, job.CERTBOT, job.EXTERNAL)
