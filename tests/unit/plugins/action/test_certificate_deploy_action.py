# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs: a host in order is seen to be so without its Python, any other gets the module, and what it lacks."""

from __future__ import annotations

import base64
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, live, store
from tests.unit.plugins.modules.test_certificate_deploy import MODULE, NAME, OTHER, Fleet, Run, fleet, same_prediction

__all__ = ["fleet"]

NO_PYTHON = "/nonexistent/python"
QUICK, SLOW = "nothing was started on the host", "the module runs"


def shown(run: Run) -> dict[str, Any]:
    """The result without what Ansible adds to that of a module."""
    assert run.code == 0, run.output
    return {key: value for key, value in run.result.items() if key != "invocation" and not key.startswith("_ansible")}


def without(path: pathlib.Path, program: Callable[[str], str], *missing: str) -> str:
    """A PATH that lacks some of the tools."""
    path.mkdir()
    for name in {"sh", "cat", "sleep", "mkdir", "rm", "chmod", "stat", "sha256sum", "timeout", "sed", "openssl"} - set(
        missing
    ):
        (path / name).symlink_to(program(name))
    return str(path)


def recorder(fleet: Fleet, before: str = "") -> pathlib.Path:
    """A Python that keeps what it is told to run, and does something else before."""
    seen = fleet.path / "seen"
    seen.mkdir()
    python = fleet.path / "python"
    python.write_text(
        f'#!/bin/sh\nn={seen}/$(ls {seen} | wc -l)\n{before}\ncat > $n\nexec {shlex.quote(sys.executable)} "$@" < $n\n'
    )
    python.chmod(0o755)
    fleet.interpreter = str(python)
    fleet.environment["ANSIBLE_PIPELINING"] = "1"
    return seen


def travelled(text: str, issued: Issued) -> bool:
    return base64.b64encode(issued.files["privkey.pem"]).decode() in text


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("pipelining", ["0", "1"])
def test_no_python_for_a_host_in_order(fleet: Fleet, program: Callable[[str], str], pipelining: str) -> None:
    fleet.environment["ANSIBLE_PIPELINING"] = pipelining
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issue([OTHER]))
    server = fleet.serve(NAME)
    entries = fleet.entry(NAME, server), fleet.entry(OTHER, group=str(os.getgid()))
    first = fleet.deploy(*entries)
    assert first.code == 0, first.output
    assert SLOW in first.output
    interpreter, fleet.interpreter = fleet.interpreter, NO_PYTHON
    runs = [fleet.deploy(*entries), fleet.deploy(*entries, check=True)]
    assert all(QUICK in run.output and SLOW not in run.output for run in runs)
    fleet.interpreter = interpreter
    fleet.environment["PATH"] = without(fleet.path / "bin", program, "sha256sum")
    slow = fleet.deploy(*entries)
    assert "the module runs (the host has no sha256sum)" in slow.output
    assert shown(runs[0]) == shown(runs[1]) == shown(slow)
    assert runs[0].result["sets"][0]["endpoints"][0]["proof"] is True
    assert runs[0].result["diff"] == {"before": {}, "after": {}}


def test_no_python_is_no_way_to_change_anything(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    assert fleet.deploy(fleet.entry(NAME)).code == 0
    (fleet.root / NAME / "current" / "privkey.pem").chmod(0o644)
    fleet.interpreter = NO_PYTHON
    run = fleet.deploy(fleet.entry(NAME))
    assert run.code == 2
    assert "1 of 1 sets differ; set_access" in run.output


@pytest.mark.needs("openssl")
def test_what_is_served_is_asked_each_time(fleet: Fleet) -> None:
    """Nothing on the disk tells of it."""
    issued = issue([NAME])
    store(fleet.sets, NAME, issued)
    server = fleet.serve(NAME)
    entry = fleet.entry(NAME, server)
    assert fleet.deploy(fleet.entry(NAME)).actions == ["install", "switch"]
    predicted, run = fleet.deploy(entry, check=True), fleet.deploy(entry)
    assert run.actions == ["reload", "prove"]
    same_prediction(predicted, run)
    server.process.kill()
    server.process.wait()
    run = fleet.deploy(entry, proof_timeout=0.5)
    assert (run.code, run.result["error"]["kind"]) == (2, "reload")


def test_only_missing_sets_travel(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["n%d.example.com" % number for number in range(10)]
    sets = {name: issue([name]) for name in names}
    for name in names:
        store(fleet.sets, name, sets[name])
    entries = [fleet.entry(name) for name in names]
    assert fleet.deploy(*entries).code == 0
    sets["n3.example.com"] = issue(["n3.example.com"])
    store(fleet.sets, "n3.example.com", sets["n3.example.com"])
    (fleet.root / "n5.example.com" / "current" / "cert.pem").write_text("damaged")
    (fleet.root / "n7.example.com" / "current" / "cert.pem").chmod(0o600)
    seen = recorder(fleet)
    run = fleet.deploy(*entries)
    assert run.actions == ["install", "repair", "set_access", "switch"]
    (sent,) = (path.read_text() for path in seen.iterdir())
    assert [name for name in names if travelled(sent, sets[name])] == ["n3.example.com", "n5.example.com"]
    assert all(live(fleet.root, name) == sets[name].serial for name in names)
    with capsys.disabled():
        print("\n2 of 10 sets travelled")


def test_a_host_that_changes_meanwhile(fleet: Fleet) -> None:
    """Between the look and the module: what is missing now travels then."""
    sets = {name: issue([name]) for name in (NAME, OTHER)}
    for name, issued in sets.items():
        store(fleet.sets, name, issued)
    entries = [fleet.entry(name) for name in sets]
    assert fleet.deploy(*entries).code == 0
    (fleet.root / NAME / "current" / "cert.pem").write_text("damaged")
    folder = fleet.root / "_wildcard.example.org" / sets[OTHER].serial
    seen = recorder(fleet, before=f"[ -e {seen_first(fleet)} ] || rm -r {folder}")
    run = fleet.deploy(*entries)
    assert run.code == 0, run.output
    assert run.actions == ["repair", "install"]
    assert "the module runs once more (the host changed meanwhile, all sets travel)" in run.output
    sent = [path.read_text() for path in sorted(seen.iterdir())]
    assert [[travelled(text, issued) for issued in sets.values()] for text in sent] == [[True, False], [True, True]]
    assert all(live(fleet.root, name) == issued.serial for name, issued in sets.items())


def seen_first(fleet: Fleet) -> pathlib.Path:
    return fleet.path / "seen" / "0"


def test_a_set_is_proven_before_it_travels(fleet: Fleet) -> None:
    """By a glance all is well: dates, names and record are those of the certificate. The key is another one's."""
    good, other = issue([NAME]), issue([NAME])
    store(
        fleet.sets, NAME, Issued(**{**vars(good), "files": {**good.files, "privkey.pem": other.files["privkey.pem"]}})
    )
    store(fleet.sets, OTHER, issue([OTHER]))
    run = fleet.deploy(fleet.entry(NAME), fleet.entry(OTHER))
    assert (run.code, run.result["error"]["check"]) == (2, "key")
    assert [path.name for path in fleet.root.iterdir()] == ["_wildcard.example.org"]
    run = fleet.deploy(fleet.entry(NAME))
    assert (run.code, run.result["error"]["check"], run.result["changed"]) == (2, "key", False)


def test_check_with_a_set_that_is_not_issued(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    assert fleet.deploy(fleet.entry(NAME)).code == 0
    fleet.interpreter = NO_PYTHON
    run = fleet.deploy(fleet.entry(NAME), fleet.entry("new.example"), check=True)
    assert (run.code, run.result["changed"], run.actions) == (0, True, ["install"])
    assert [each["changed"] for each in run.result["sets"]] == [False, True]
    assert list(run.result["diff"]["after"]) == ["new.example"]


# --- become, connections, names ---------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[pathlib.Path]:
    """One that other users can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="deploy-") as path:
        pathlib.Path(path).chmod(0o755)
        yield pathlib.Path(path)


@pytest.mark.root
@pytest.mark.parametrize("method", ["su", "sudo"])
def test_become(fleet: Fleet, open_folder: pathlib.Path, program: Callable[[str], str], method: str) -> None:
    """The user that the task names looks. Names outlive the quotes of all shells on the way."""
    program(method)
    store(fleet.sets, NAME, issue([NAME]))
    root = open_folder / 'it\'s $(touch hit) `touch hit` "home"'
    options = {"root": str(root), "certificates": [fleet.entry(NAME, owner="daemon", group="daemon")]}
    assert fleet.play([{"name": "Deploy", MODULE: {"sets_path": str(fleet.sets), **options}}]).code == 0
    fleet.interpreter = NO_PYTHON
    flags = {"become_flags": "-s /bin/sh"} if method == "su" else {}
    for user, code in (("daemon", 0), ("bin", 2)):
        become = {"become": True, "become_user": user, "become_method": method, **flags}
        run = fleet.play([{"name": "Deploy", MODULE: {"sets_path": str(fleet.sets), **options}, **become}])
        assert run.code == code, run.output
        assert (QUICK if user == "daemon" else "privkey.pem could not be read") in run.output
    assert not [*fleet.path.rglob("hit"), *open_folder.rglob("hit")]


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {path}/key
AuthorizedKeysFile {path}/key.pub
PidFile none
PermitRootLogin prohibit-password
StrictModes no
"""


@pytest.fixture
def ssh(tmp_path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """The variables of a host that is reached by a real sshd, with a /run of its own: it wants a directory there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "sshd").write_text(SSHD.format(port=port, path=tmp_path))
    script = f"mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f {tmp_path}/sshd"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = process.stderr.readline()
            if "listening" not in said:
                pytest.skip(f"sshd does not start here: {said}")
            yield {
                "ansible_connection": "ssh",
                "ansible_host": "127.0.0.1",
                "ansible_port": port,
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(tmp_path / "key"),
                "ansible_ssh_common_args": f"-o ControlPath=none -o UserKnownHostsFile={tmp_path}/hosts -F none",
                "ansible_host_key_checking": False,
            }
        finally:
            process.kill()


@pytest.mark.root
@pytest.mark.needs("ssh", "sshd", "ssh-keygen", "unshare", "su")
@pytest.mark.parametrize("pipelining", ["0", "1"])
def test_ssh(fleet: Fleet, ssh: dict[str, Any], open_folder: pathlib.Path, pipelining: str) -> None:
    fleet.environment["ANSIBLE_PIPELINING"] = pipelining
    store(fleet.sets, NAME, issue([NAME]))
    root = open_folder / "it's $HOME"
    options = {"root": str(root), "certificates": [fleet.entry(NAME, owner="daemon", group="daemon")]}
    task = {"name": "Deploy", MODULE: {"sets_path": str(fleet.sets), **options}}
    assert fleet.play([task], vars=ssh).actions == ["install", "switch"]
    fleet.interpreter = NO_PYTHON
    become = {"become": True, "become_user": "daemon", "become_method": "su", "become_flags": "-s /bin/sh"}
    for each in (task, {**task, **become}):
        run = fleet.play([each], vars=ssh)
        assert run.code == 0, run.output
        assert QUICK in run.output


@pytest.mark.needs("ssh")
def test_a_host_out_of_reach(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    variables = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": port}
    run = fleet.deploy(fleet.entry(NAME), play={"vars": variables})
    assert run.code == 4
    assert run.result["unreachable"] is True


# --- absent -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("openssl")
def test_absent(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issue([OTHER]))
    server = fleet.serve(NAME)
    entries = [fleet.entry(NAME, server), fleet.entry(OTHER)]
    assert fleet.deploy(*entries).code == 0
    kept = sorted(str(path) for path in fleet.sets.rglob("*"))
    before = fleet.snapshot()
    predicted = fleet.deploy(*entries, state="absent", check=True)
    assert fleet.snapshot() == before
    run = fleet.deploy(*entries, state="absent")
    for each in (predicted, run):
        assert (each.code, each.result["error"]["kind"]) == (2, "in_use")
        assert f"the certificate is still served at 127.0.0.1:{server.port}" in each.result["msg"]
        assert [one["changed"] for one in each.result["sets"]] == [False, True]
    assert [step["action"] for step in predicted.result["open"]] == ["unlink", "remove"]
    assert [step["action"] for step in run.result["done"]] == ["unlink", "remove"]
    assert [path.name for path in fleet.root.iterdir()] == [NAME]
    server.process.kill()
    server.process.wait()
    predicted, run = fleet.deploy(*entries, state="absent", check=True), fleet.deploy(*entries, state="absent")
    assert (run.code, run.actions) == (0, ["unlink", "remove"])
    same_prediction(predicted, run)
    assert run.result["diff"]["after"] == {NAME: None}
    assert list(fleet.root.iterdir()) == []
    fleet.interpreter = NO_PYTHON
    again = fleet.deploy(*entries, state="absent")
    assert (again.code, again.result["changed"], again.result["reason"]) == (0, False, "no set is there to be removed")
    assert sorted(str(path) for path in fleet.sets.rglob("*")) == kept


def test_absent_needs_no_sets(fleet: Fleet) -> None:
    fleet.interpreter = NO_PYTHON
    run = fleet.deploy({"name": "$(touch hit)"}, {"name": "gone.example"}, state="absent", sets_path="/nonexistent")
    assert (run.code, run.result["changed"]) == (0, False)
    assert run.result["sets"][1] == {
        "name": "gone.example",
        "path": str(fleet.root / "gone.example" / "current"),
        "changed": False,
        "endpoints": [],
        "names": [],
        **dict.fromkeys(["serial", "fingerprint", "previous_serial", "current", "not_after"]),
    }
    assert not list(fleet.path.rglob("hit"))


@pytest.mark.parametrize("options", [{"root": "relative"}, {"certificates": [{"name": NAME}, {"name": NAME}]}])
def test_wrong_options_reach_no_host(fleet: Fleet, options: dict[str, Any]) -> None:
    fleet.interpreter = NO_PYTHON
    for state in ("present", "absent"):
        store(fleet.sets, NAME, issue([NAME]))
        arguments = {"sets_path": str(fleet.sets), "root": str(fleet.root), "certificates": [{"name": NAME}], **options}
        run = fleet.play([{"name": "Deploy", MODULE: {**arguments, "state": state}}])
        assert (run.code, run.result["error"]["kind"]) == (2, "usage")
        assert QUICK not in run.output
