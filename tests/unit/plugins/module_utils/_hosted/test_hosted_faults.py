# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program for hosts where the host itself is at fault: its disk, its umask, other runs, and a client that fails for days."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import parse_iso
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import record, retry
from ansible_collections.certfleet.reseller.plugins.module_utils._tls import memory

from tests.support import pki
from tests.support.hosted import Host, save, serial

NEW = {"not_before": pki.NOW - timedelta(days=1)}
DUE = {"not_before": pki.NOW - timedelta(days=80), "not_after": pki.NOW + timedelta(days=10)}
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


def test_no_order_while_nothing_can_be_kept(host: Host) -> None:
    """A disk that takes no note of the CA's window is no reason to order again what was issued yesterday."""
    issued = host.queue(**NEW)
    assert host.renew().rc == 0
    host.queue(**NEW)
    note = host.client / "renewal.json"
    note.unlink()
    note.mkdir()
    for _run in range(3):
        run = host.renew()
        assert (run.rc, "renewal.json" in run.stderr) == (1, True)
    assert len(host.client_calls) == 1
    assert host.served == serial(issued)
    note.rmdir()
    assert host.renew().rc == 0
    assert len(host.client_calls) == 1


def test_no_key_in_a_temporary_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof of a pair needs no disk: neither a full one nor a killed run changes anything, or leaves a key behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    ca = pki.authority()
    issued = pki.server(["www.example.com"], ca, **NEW)
    assert memory.shake_hands(issued.key_pem, (issued.pem, ca.pem))["subjectAltName"] == (("DNS", "www.example.com"),)


def test_web_servers_can_read_what_the_client_writes_for_them(host: Host) -> None:
    """lego's web root has the modes 0755 and 0644 less the umask, which systemd's unit sets to 0077."""
    script = host.acme / "client"
    script.write_text(script.read_text() + 'umask > "%s"\n' % (host.folder / "umask"))
    host.queue(**NEW)
    before = os.umask(0o077)
    try:
        assert host.renew().rc == 0
    finally:
        os.umask(before)
    assert int((host.folder / "umask").read_text(), 8) == 0o022
    assert not [path for path in host.client.rglob("*") if host.path.stat().st_mode & 0o7 and is_open(path, host.path)]


def is_open(path: pathlib.Path, top: pathlib.Path) -> bool:
    """Whether everybody gets to it from ``top``."""
    way = [path, *path.parents]
    return all(each.stat().st_mode & 0o5 for each in way[: way.index(top)])


def test_a_record_that_cannot_be_written_is_a_failure(host: Host) -> None:
    """The unit fails, in a sentence, and the command of the user is run."""
    told = host.folder / "told"
    host.job["on_failure"] = [["sh", "-c", 'echo "$1" > "$0"', str(told)]]
    issued = host.queue(**NEW)
    (host.path / "status").write_text("no directory")
    run = host.renew()
    assert run.rc == 1
    assert "Traceback" not in run.stderr
    assert "status" in run.stderr
    assert told.exists()
    assert host.served == serial(issued)


def test_damaged_record(host: Host) -> None:
    """Of one job: it counts as one that has not run, holds up nothing, and is written anew."""
    issued = host.queue(**NEW)
    assert host.renew().rc == 0
    path = host.path / "status" / (host.file_name + ".json")
    path.write_text("{")
    said = host.run("status")
    assert (said.rc, json.loads(said.stdout)["states"]) == (1, [{"name": host.name, "problem": "has not run yet"}])
    assert host.renew().rc == 0
    assert host.run("status").rc == 0
    assert host.record["serial"] == serial(issued)


def test_timer_that_does_not_run(host: Host) -> None:
    """Nobody writes the record then; the program says so long before the certificate expires."""
    host.queue(not_before=pki.NOW - timedelta(days=1), not_after=pki.NOW + timedelta(days=89))
    assert host.renew().rc == 0
    value = host.record
    at = parse_iso(value["renewal"]["at"])
    assert record.state(value, at + timedelta(days=1)) is None
    assert "does its timer run?" in str(record.state(value, at + timedelta(days=3)))
    assert record.state({**value, "client": "external"}, at + timedelta(days=3)) is None


def test_runs_at_once(host: Host) -> None:
    """A timer and a playbook: one order, and a record of the last run that knows who got the certificate."""
    host.job["client"]["account"] = "one"
    host.queue(**NEW)
    host.queue(**NEW)
    host.write()
    argv = [sys.executable, "-I", str(host.program), "run", host.file_name]
    runs = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _run in range(6)]
    ends = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
    assert ends == [("", 0)] * 6
    assert len(host.client_calls) == 1
    assert host.record["account"] == "one"
    assert host.record["issued_at"] is not None


def test_certbot_was_killed(host: Host) -> None:
    """Between two links of a lineage. certbot writes the next certificates into another one, NAME-0001: that is deployed, and renewed."""
    host.job["client"]["kind"] = "certbot"
    live = host.client / "live"
    issued = {}
    for name in (host.name, host.name + "-0001"):
        issued[name] = pki.server([host.name], host.ca, **(DUE if issued else NEW))
        save(issued[name], host.ca, live / name)
        (live / name / "chain.pem").rename(live / name / "fullchain.pem")
        (live / name / "key.pem").rename(live / name / "privkey.pem")
    (live / host.name / "privkey.pem").unlink()
    assert host.renew().rc == 1  # due, and the CA is down
    assert host.served == serial(issued[host.name + "-0001"])
    assert " --cert-name %s-0001 " % host.name in host.client_calls[0]
    (live / (host.name + "-0001") / "privkey.pem").unlink()
    assert host.renew().rc == 1
    assert " --cert-name %s --" % host.name in host.client_calls[1]


# --- a client that fails ------------------------------------------------------------------------------------------------


def test_timers_do_not_hammer_the_ca(host: Host) -> None:
    """A run of the timer waits after a failure, and fails all the same; a run by hand asks at once; success ends the waiting."""
    host.write()
    first = host.run("run", "--patient", host.file_name)
    assert (first.rc, len(host.client_calls)) == (1, 1)
    for _run in range(3):
        run = host.run("run", "--patient", host.file_name)
        assert (run.rc, len(host.client_calls)) == (1, 1)
        assert "the CA is down" in run.stderr
    assert host.record["failures"] == 4
    assert host.record["retry"]["failures"] == 1
    assert host.run("run", host.file_name).rc == 1
    assert (len(host.client_calls), host.record["retry"]["failures"]) == (2, 2)
    issued = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(issued)
    assert host.record["retry"] is None


def test_a_timer_asks_again_when_the_time_has_come(host: Host) -> None:
    host.write()
    assert host.run("run", "--patient", host.file_name).rc == 1
    path = host.path / "status" / (host.file_name + ".json")
    record = host.record
    record["retry"]["at"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(record))
    host.queue(**NEW)
    assert host.run("run", "--patient", host.file_name).rc == 0


@pytest.mark.parametrize(
    ("failures", "left", "minutes"),
    [
        (1, None, 5),
        (2, None, 10),
        (3, None, 20),
        (1000, None, 20),
        (1, timedelta(days=10), 5),
        (4, timedelta(days=10), 40),
        (7, timedelta(days=10), 320),
        (8, timedelta(days=10), 360),
        (1000, timedelta(days=10), 360),
        (8, timedelta(hours=10), 60),
        (8, timedelta(minutes=5), 1),
        (8, timedelta(days=-1), 20),
    ],
)
def test_how_long_it_waits(failures: int, left: timedelta | None, minutes: int) -> None:
    """Twice as long each time, but while the certificate lives never more than a tenth of what is left."""
    before = retry.Retry(failures - 1, NOW, "") if failures > 1 else None
    found = retry.after(before, "no", NOW, NOW + left if left is not None else None)
    assert found.failures == failures
    assert found.at - NOW == timedelta(minutes=minutes)
    assert retry.waits(found, NOW)
    assert not retry.waits(found, found.at)


def test_a_clock_that_was_wrong_does_not_wait_for_years() -> None:
    assert not retry.waits(retry.Retry(3, NOW + timedelta(days=400), "no"), NOW)


@pytest.mark.parametrize("value", [None, {}, {"failures": "x"}, {"failures": 1, "at": "yesterday", "message": ""}, [1]])
def test_a_damaged_note_is_none(value: object) -> None:
    assert retry.of_json(value) is None


def test_note_there_and_back() -> None:
    given = retry.Retry(2, NOW, "the CA is down")
    assert retry.of_json(retry.as_json(given)) == given
