# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs from the controller, in whole runs: what is between it and the host is a forwarder that counts, and can lead elsewhere."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, live, store, tls_server
from tests.unit.plugins.modules.test_certificate_deploy import MODULE, NAME, Fleet, Run, Server, fleet, same_prediction

__all__ = ["fleet"]

NO_PYTHON = "/nonexistent/python"
QUICK = "nothing was started on the host"


class Forwarder:
    """Listens for the controller. ``port`` is where it leads to, ``None`` for nowhere; ``meet`` is called for each connection."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.count = 0
        self.meet: Callable[[int], None] = lambda number: None
        self._server = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.address: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _address = self._server.accept()
                self.count += 1
                self.meet(self.count)
                threading.Thread(target=self._lead, args=(plain,), daemon=True).start()

    def _lead(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            if self.port is not None:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as other:
                    threading.Thread(target=self._copy, args=(other, plain), daemon=True).start()
                    self._copy(plain, other)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    found = Forwarder()
    yield found
    found.close()


class Scene:
    """A host whose server has the first version; the forwarder leads there. The controller has the second one."""

    def __init__(self, fleet: Fleet, forwarder: Forwarder, **more: Any) -> None:
        self.fleet, self.forwarder, self.more = fleet, forwarder, more
        self.old, self.new = issue([NAME], start=-60), issue([NAME])
        store(fleet.sets, NAME, self.old)
        self.server: Server = fleet.serve(NAME)
        forwarder.port = self.server.port
        self.endpoints: list[dict[str, Any]] = [
            {"port": self.server.port},
            {"port": forwarder.address, "proof_from": "controller"},
        ]
        self.first = self.deploy()
        assert self.first.code == 0, self.first.output
        store(fleet.sets, NAME, self.new)

    def deploy(self, check: bool = False, **more: Any) -> Run:
        entry = self.fleet.entry(NAME, self.server, endpoints=self.endpoints)
        options = {"sets_path": str(self.fleet.sets), "root": str(self.fleet.root), "proof_timeout": 2, **self.more}
        tasks: list[dict[str, Any]] = [
            {"name": "Begin", "ansible.builtin.debug": {"msg": "begin"}},
            {"name": "Deploy", MODULE: {**options, "certificates": [entry]}},
        ]
        return self.fleet.play(tasks, check=check, vars={"ansible_host": "127.0.0.1"}, **more)

    @property
    def mark(self) -> pathlib.Path:
        return self.fleet.root / NAME / "reload-owed"

    def seen(self, run: Run) -> list[tuple[str, str | None, bool]]:
        (found,) = run.result["sets"]
        return [(each["proof_from"], each["served"], each["proof"]) for each in found["endpoints"]]

    def assert_ends_with(self, issued: Issued) -> None:
        assert live(self.fleet.root, NAME) == issued.serial
        assert not self.mark.exists()

    def assert_went_back(self, run: Run, served: str | None) -> None:
        """The old version is live and proven from both sides, the error says what the controller saw, the next run tries again."""
        assert run.code == 2, run.output
        error = run.result["error"]
        assert (error["kind"], error["rolled_back"], error["trouble"]) == ("proof", True, None)
        assert "the version before is live again" in run.result["msg"]
        assert [(each["proof_from"], each["served"], each["wanted"]) for each in error["endpoints"]] == [
            ("controller", served, self.new.fingerprint)
        ]
        (found,) = run.result["sets"]
        assert (found["rolled_back"], found["current"], run.result["rolled_back"]) == (True, self.old.serial, True)
        assert (found["changed"], found["previous_serial"]) == (True, self.old.serial)
        assert [step["subject"] for step in run.result["open"] if step["action"] == "prove"] == [
            f"{NAME} from the controller"
        ]
        assert "switch" in [step["action"] for step in run.result["done"]]
        assert self.seen(run)[0] == ("host", self.old.fingerprint, False)
        self.assert_ends_with(self.old)


@pytest.mark.needs("openssl")
def test_both_sides_prove(fleet: Fleet, forwarder: Forwarder, capsys: pytest.CaptureFixture[str]) -> None:
    """In this order: the host, the controller. The check predicts it; a run with nothing to do starts no Python and asks nobody."""
    scene = Scene(fleet, forwarder)
    asked = forwarder.count
    predicted = scene.deploy(check=True)
    assert (forwarder.count, live(fleet.root, NAME)) == (asked, scene.old.serial)
    run = scene.deploy()
    assert run.code == 0, run.output
    same_prediction(predicted, run)
    assert [(step["action"], step["subject"]) for step in run.result["steps"]][-2:] == [
        ("prove", NAME),
        ("prove", f"{NAME} from the controller"),
    ]
    assert scene.seen(run) == [
        ("host", scene.new.fingerprint, True),
        ("controller", scene.new.fingerprint, True),
    ]
    assert run.result["sets"][0]["endpoints"][1]["address"] == "127.0.0.1"
    assert not {"awaiting", "live", "seen"} & set(run.result)
    scene.assert_ends_with(scene.new)
    loads = scene.server.count()
    fleet.interpreter = NO_PYTHON
    asked = forwarder.count
    runs = [scene.deploy(), scene.deploy(check=True)]
    assert all((each.code, each.result["changed"], QUICK in each.output) == (0, False, True) for each in runs)
    assert scene.seen(runs[0]) == [("host", scene.new.fingerprint, True)]
    assert (forwarder.count, scene.server.count()) == (asked, loads)
    with capsys.disabled():
        print(f"\n{len(runs)} runs with nothing to do: {forwarder.count - asked} handshakes from the controller")


@pytest.mark.parametrize("keep", [0, 2])
def test_the_old_certificate_is_still_shown_outside(
    fleet: Fleet, forwarder: Forwarder, tmp_path: pathlib.Path, keep: int
) -> None:
    """The host has proven the new one, so only the controller can tell. With ``keep: 0`` there is something to go back to, too."""
    scene = Scene(fleet, forwarder, keep=keep)
    with tls_server(tmp_path, scene.old) as port:
        forwarder.port = port
        scene.assert_went_back(scene.deploy(), scene.old.fingerprint)
    forwarder.port = scene.server.port
    assert scene.deploy().code == 0
    scene.assert_ends_with(scene.new)
    versions = [path for path in (fleet.root / NAME).iterdir() if path.name != "current"]
    assert len(versions) == (1 if keep == 0 else 2)


def test_out_of_reach_for_the_controller(fleet: Fleet, forwarder: Forwarder) -> None:
    """What it does not reach before is not waited for after the way back."""
    scene = Scene(fleet, forwarder)
    forwarder.close()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        scene.endpoints[1]["port"] = unused.getsockname()[1]
    run = scene.deploy()
    scene.assert_went_back(run, None)
    assert "no connection: Connection refused" in run.result["msg"]
    assert scene.seen(run)[1] == ("controller", None, False)


def test_a_controller_without_host_endpoints(fleet: Fleet, forwarder: Forwarder, tmp_path: pathlib.Path) -> None:
    """The first deployment has no way back: the mark stays, and the next run ends it."""
    stale = issue([NAME])
    store(fleet.sets, NAME, issue([NAME]))
    server = fleet.serve(NAME)
    endpoint = {"address": "127.0.0.1", "port": forwarder.address, "proof_from": "controller"}
    entry = fleet.entry(NAME, server, endpoints=[endpoint])
    with tls_server(tmp_path, stale) as port:
        forwarder.port = port
        run = fleet.deploy(entry, proof_timeout=0.5)
    assert (run.code, run.result["error"]["kind"], run.result["error"]["rolled_back"]) == (2, "proof", False)
    assert "no version to go back to" in run.result["msg"]
    assert (fleet.root / NAME / "reload-owed").exists()
    forwarder.port = server.port
    predicted, run = fleet.deploy(entry, check=True), fleet.deploy(entry)
    assert run.actions == ["reload", "prove"]
    same_prediction(predicted, run)
    assert not (fleet.root / NAME / "reload-owed").exists()


@pytest.mark.parametrize("mended", [True, False])
def test_a_controller_that_dies_before_it_tells(
    fleet: Fleet, forwarder: Forwarder, tmp_path: pathlib.Path, mended: bool
) -> None:
    """The host has the new version and its mark. The next run ends it, or goes back to what was proven before."""
    scene = Scene(fleet, forwarder)
    first = forwarder.count

    def kill(number: int) -> None:
        if number == first + 2:  # the first one is before the module changes anything
            for pid in controllers(fleet):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    forwarder.meet = kill
    assert scene.deploy().code == -signal.SIGKILL
    assert (live(fleet.root, NAME), scene.mark.exists()) == (scene.new.serial, True)
    forwarder.meet = lambda number: None
    if mended:
        predicted, run = scene.deploy(check=True), scene.deploy()
        assert (run.code, run.actions) == (0, ["reload", "prove", "prove"])
        same_prediction(predicted, run)
        scene.assert_ends_with(scene.new)
        return
    with tls_server(tmp_path, scene.old) as port:
        forwarder.port = port
        run = scene.deploy()
    assert (run.code, run.result["error"]["rolled_back"]) == (2, True)
    scene.assert_ends_with(scene.old)


def test_what_was_seen_is_no_option_of_users(fleet: Fleet, forwarder: Forwarder) -> None:
    """Nobody gets a mark removed, or a set taken back, by claiming something in a task."""
    scene = Scene(fleet, forwarder, seen={NAME: [["0" * 64, None]]})
    run = scene.deploy()
    assert (run.code, run.actions[-2:]) == (0, ["prove", "prove"])
    scene.assert_ends_with(scene.new)


def controllers(fleet: Fleet) -> list[int]:
    """The processes of the run that is going on, by its playbook."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(fleet.path / "play.json").encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
