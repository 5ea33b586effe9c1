# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program for hosts, run as hosts run it: an archive, an interpreter without packages, a service and a client that fails in many ways."""

from __future__ import annotations

import ast
import io
import json
import pathlib
import stat
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import bundle

from tests.support import pki
from tests.support.hosted import Host, save, serial

NEW = {"not_before": pki.NOW - timedelta(days=1)}
DUE = {"not_before": pki.NOW - timedelta(days=80), "not_after": pki.NOW + timedelta(days=10)}


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


def test_first_run_issues_and_deploys(host: Host) -> None:
    """The service takes its first certificate, and the second run does nothing."""
    first = host.queue(**NEW)
    run = host.renew()
    assert run.rc == 0, run.stderr
    assert host.served == serial(first)
    assert host.record["ok"]
    assert host.record["issued"]
    assert host.record["serial"] == serial(first)
    live = host.root / host.name / "current"
    assert live.resolve().name == serial(first)
    assert stat.S_IMODE((live / "privkey.pem").stat().st_mode) == 0o600
    again = host.renew()
    assert again.rc == 0
    assert host.record["steps"] == []
    assert not host.record["issued"]
    assert len(host.client_calls) == host.service.calls == 1


def test_renews_when_due_by_share(host: Host) -> None:
    old = host.queue(**DUE)
    assert host.renew().rc == 0
    assert host.served == serial(old)
    new = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(new)
    assert [call.split(" --accept-tos ")[1].split()[-3:] for call in host.client_calls][1] == [
        "--days",
        "-1",
        "--no-random-sleep",
    ]


def test_ca_is_down(host: Host) -> None:
    """What is there goes on being served and looked after; the run fails and says since when."""
    old = host.queue(**DUE)
    assert host.renew().rc == 0
    run = host.renew()
    assert run.rc == 1
    assert "the CA is down" in run.stderr
    first = host.record
    assert (first["ok"], first["failures"], first["errors"][0]["what"]) == (False, 1, "issue")
    assert first["serial"] == serial(old)
    assert host.renew().rc == 1
    assert host.record["failing_since"] == first["failing_since"]
    # a service that lost its certificate gets it back all the same
    (host.service.folder / "serving.pem").unlink()
    assert host.renew().rc == 1
    assert host.served == serial(old)
    new = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(new)
    assert (host.record["failing_since"], host.record["failures"]) == (None, 0)


@pytest.mark.parametrize(("fault", "kind"), [("broken", "reload"), ("deaf", "proof"), ("refused", "config_test")])
def test_deployment_that_fails_is_repeated(host: Host, fault: str, kind: str) -> None:
    """The old certificate is served, the run fails, no second order is placed, and the next run repairs."""
    old = host.queue(**DUE)
    assert host.renew().rc == 0
    new = host.queue(**NEW)
    (host.service.folder / fault).touch()
    for _run in range(2):
        assert host.renew().rc == 1
        assert host.served == serial(old)
        assert host.record["errors"][0]["kind"] == kind
    assert (host.root / host.name / "current").resolve().name == serial(old)
    (host.service.folder / fault).unlink()
    assert host.renew().rc == 0
    assert host.served == serial(new)
    assert len(host.client_calls) == 2


def test_command_for_failures(host: Host) -> None:
    told = host.folder / "told"
    host.job["on_failure"] = [["sh", "-c", 'cp "$1" "$0"', str(told)]]
    assert host.renew().rc == 1
    record = json.loads(told.read_text())
    assert (record["name"], record["ok"], record["errors"][0]["what"]) == (host.name, False, "issue")
    host.job["on_failure"] = [["/nowhere/program"]]
    assert host.renew().rc == 1
    assert [each["what"] for each in host.record["errors"]] == ["issue", "tell"]


def test_takes_over_and_goes_back(host: Host) -> None:
    """A lineage of another client is deployed without an order, renewed by ours, and given back to the other one."""
    lineage = host.folder / "letsencrypt"
    adopted = pki.server([host.name], host.ca, **NEW)
    save(adopted, host.ca, lineage)
    host.job["adopt"] = [{"certificate": str(lineage / "chain.pem"), "key": str(lineage / "key.pem")}]
    assert host.renew().rc == 0
    assert host.served == serial(adopted)
    assert host.client_calls == []
    due = pki.server([host.name], host.ca, **DUE)
    for path in lineage.iterdir():
        path.unlink()
    lineage.rmdir()
    save(due, host.ca, lineage)
    ours = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(ours)
    # back: no client is run, and the newest stays until the other client has renewed
    host.job["client"] = {"kind": "external"}
    assert host.renew().rc == 0
    assert host.served == serial(ours)
    theirs = pki.server([host.name], host.ca, not_before=pki.NOW)
    save(theirs, host.ca, host.folder / "renewed")
    for name in ("key.pem", "chain.pem"):
        (host.folder / "renewed" / name).rename(lineage / name)
    assert host.renew().rc == 0
    assert host.served == serial(theirs)
    assert len(host.client_calls) == 1


def test_names_change(host: Host) -> None:
    """A certificate that lacks a name is ordered anew, by the command that drops and adds names."""
    host.queue(**NEW)
    assert host.renew().rc == 0
    host.job["domains"] = [host.name, "example.com"]
    wider = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(wider)
    assert host.client_calls[1].endswith(" run")


@pytest.mark.parametrize(
    "line", ["lego version 4.35.2 linux/amd64", "lego version v4.9.1", "lego version dev linux/amd64"]
)
def test_lego_4(host: Host, line: str) -> None:
    host.says_version(line)
    host.queue(**NEW)
    assert host.renew().rc == 0


@pytest.mark.parametrize("version", ["5.0.3", "5.4.1", "10.0.0"])
def test_lego_5_is_refused(host: Host, version: str) -> None:
    """In one sentence, before it is asked for anything; what is there goes on being served."""
    old = host.queue(**DUE)
    assert host.renew().rc == 0
    host.queue(**NEW)
    host.says_version(f"lego version {version} linux/amd64")
    run = host.renew()
    assert run.rc == 1
    assert run.stderr.splitlines() == [
        f"{host.name}: issue: lego {version} has other options than lego 4, and keeps accounts in other files. "
        "Install lego 4, or set client: certbot in the issuer."
    ]
    assert len(host.client_calls) == 1
    assert host.served == serial(old)


def test_half_written_pair(host: Host) -> None:
    """A key that does not fit is never linked; the next order repairs it."""
    old = host.queue(**NEW)
    assert host.renew().rc == 0
    out = host.client / "certificates"
    (out / (host.name + ".key")).write_bytes(pki.key_pem(pki.new_key()))
    assert host.renew().rc == 1
    assert host.served == serial(old)
    new = host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.served == serial(new)


def test_external_client_without_files(host: Host) -> None:
    host.job["client"] = {"kind": "external"}
    run = host.renew()
    assert run.rc == 1
    assert "there is no certificate for www.example.com yet" in run.stderr


def test_status_and_repair(host: Host) -> None:
    host.write()
    status = host.run("status")
    assert status.rc == 1
    assert json.loads(status.stdout)["states"] == [{"name": host.name, "problem": "has not run yet"}]
    host.queue(**NEW)
    assert host.renew().rc == 0
    assert host.run("status").rc == 0
    (host.service.folder / "serving.pem").unlink()
    assert host.run("repair").rc == 0
    assert host.served
    assert host.run("status", "other.example").rc == 1
    (host.path / "jobs" / "damaged.json").write_text("{}")
    assert host.run("repair").rc == 1
    assert "no job of version 1" in host.run("run", "damaged").stderr
    assert "there is no job" in host.run("run", "../jobs/damaged").stderr


def test_wildcard(tmp_path: pathlib.Path) -> None:
    host = Host(tmp_path, "*.example.com")
    issued = host.queue(**NEW)
    run = host.renew()
    host.close()
    assert run.rc == 0, run.stderr
    assert (host.root / "_wildcard.example.com" / "current").resolve().name == serial(issued)


def test_archive_needs_the_standard_library_alone() -> None:
    """What is imported when a module is loaded is of Python or of the archive; the same sources make the same bytes."""
    assert bundle.build() == bundle.build()
    with zipfile.ZipFile(io.BytesIO(bundle.build())) as packed:
        sources = {name: packed.read(name).decode() for name in packed.namelist()}
    foreign = set()
    for text in sources.values():
        tree = ast.parse(text, feature_version=(3, 8))
        for node in tree.body:
            if isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                foreign.add(str(node.module).partition(".")[0])
    assert foreign - set(sys.stdlib_module_names) == {bundle.PACKAGE}
    assert len(sources) > 30
