# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs through ansible-playbook against a TLS server that reloads by SIGHUP."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible.module_utils import basic

from tests.support.waiting import wait_for
from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, live, store
from tools import interpreters

NAME = "www.example.com"
OTHER = "*.example.org"
MODULE = "certfleet.reseller.certificate_deploy"

SERVER = """
import os, signal, socket, ssl, sys
folder, default, ready = sys.argv[1:]
def load(*_arguments):
    global context
    source = folder if os.path.exists(folder) else default
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(source + "/fullchain.pem", source + "/privkey.pem")
    with open(ready + ".loads", "a") as stream:
        stream.write("x")
load()
signal.signal(signal.SIGHUP, load)
server = socket.create_server(("127.0.0.1", 0))
with open(ready + ".new", "w") as stream:
    stream.write("%d %d" % (os.getpid(), server.getsockname()[1]))
os.rename(ready + ".new", ready)
while True:
    plain, _address = server.accept()
    plain.settimeout(2)
    try:
        with context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(1)  # it waits for a request, as servers do
    except OSError:
        plain.close()
"""

# Sees all that Ansible hands to callbacks, as log forwarders do.
CALLBACK = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "collect"

    def collect(self, result, *arguments, **options):
        line = json.dumps({"host": result._host.get_name(), "args": repr(result._task.args), "result": result._result}, default=repr)
        with open(os.environ["COLLECT"], "a") as stream:
            stream.write(line + "\\n")

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_unreachable = v2_runner_on_skipped = collect
"""


@dataclass
class Run:
    """What a playbook did: the results of its tasks, and everything it printed."""

    results: list[dict[str, Any]]
    output: str
    code: int

    @property
    def result(self) -> dict[str, Any]:
        """Of the task that deploys: the role has others behind it."""
        return next((each for each in reversed(self.results) if "sets" in each or "error" in each), self.results[-1])

    @property
    def actions(self) -> list[str]:
        return [step["action"] for step in self.result["steps"]]


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    loads: pathlib.Path

    def count(self) -> int:
        return len(self.loads.read_text())


@dataclass
class Fleet:
    """A controller's state directory, and one host, which is this machine."""

    path: pathlib.Path
    servers: list[Server] = field(default_factory=list)
    interpreter: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def sets(self) -> pathlib.Path:
        return self.path / "state" / "sets"

    @property
    def root(self) -> pathlib.Path:
        return self.path / "host"

    def serve(self, directory: str) -> Server:
        """A server that shows a certificate of its own until its set is deployed and it is reloaded."""
        default = self.path / ("default-%d" % len(self.servers))
        default.mkdir()
        for file, content in issue(["default.example"]).files.items():
            (default / file).write_bytes(content)
        script, ready = self.path / "server.py", self.path / ("ready-%d" % len(self.servers))
        script.write_text(SERVER)
        process = subprocess.Popen([sys.executable, script, self.root / directory / "current", default, ready])
        wait_for(ready.exists)
        server = Server(process, int(ready.read_text().split()[1]), self.path / (ready.name + ".loads"))
        self.servers.append(server)
        return server

    def entry(self, name: str, server: Server | None = None, **more: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": name, "domains": [name], **more}
        if server:
            code = "import os, sys; os.kill(int(sys.argv[1]), 1)"
            entry.setdefault("reload", [[sys.executable, "-c", code, str(server.process.pid)]])
            entry.setdefault("endpoints", [{"port": server.port}])
        return entry

    def deploy(self, *certificates: dict[str, Any], check: bool = False, play: Any = None, **more: Any) -> Run:
        options = {"sets_path": str(self.sets), "root": str(self.root), "proof_timeout": 5, **more}
        tasks = [{"name": "Deploy", MODULE: {**options, "certificates": list(certificates)}}]
        return self.play(tasks, check=check, **(play or {}))

    def play(self, tasks: list[dict[str, Any]], *, check: bool = False, **play: Any) -> Run:
        playbook = self.path / "play.json"
        playbook.write_text(
            json.dumps([{"name": "Test", "hosts": "all", "gather_facts": False, "tasks": tasks, **play}])
        )
        plugins, collected = self.path / "callbacks", self.path / "collected"
        plugins.mkdir(exist_ok=True)
        (plugins / "collect.py").write_text(CALLBACK)
        collected.unlink(missing_ok=True)
        command = [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            "-vvvv",
            "--diff",
            "-i",
            "host.example,",
            "-c",
            "local",
            str(playbook),
        ]
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(plugins),
            "ANSIBLE_CALLBACKS_ENABLED": "collect",
            "ANSIBLE_LOG_PATH": str(self.path / "ansible.log"),
            "COLLECT": str(collected),
            **self.environment,
        }
        done = subprocess.run(
            [*command, "-e", f"ansible_python_interpreter={self.interpreter}", *(["--check"] if check else [])],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        seen = collected.read_text() if collected.exists() else ""
        log = (self.path / "ansible.log").read_text()
        results = [json.loads(line)["result"] for line in seen.splitlines()]
        self.assert_no_secret(done.stdout + seen + log)
        assert results, done.stdout
        return Run(results, done.stdout, done.returncode)

    def assert_no_secret(self, text: str) -> None:
        """No line of any private key of the controller, in any of the forms in which it travels."""
        for path in self.sets.rglob("privkey.pem"):
            content = path.read_bytes()
            canaries = [line for line in content.decode("latin-1").split("\n") if len(line) > 20 and "---" not in line]
            encoded = base64.b64encode(content).decode()
            canaries += [encoded[start : start + 24] for start in range(40, len(encoded) - 24, 24)]
            for canary in canaries:
                assert canary not in text, "a private key is in the output"

    def snapshot(self) -> list[tuple[str, int, int, bytes]]:
        """All that is on the host."""
        found = []
        for path in sorted(self.root.rglob("*")):
            state = path.lstat()
            content = os.readlink(path).encode() if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
            found.append((str(path), state.st_mode, state.st_mtime_ns, content))
        return found


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    fleet.sets.mkdir(parents=True)
    yield fleet
    for server in fleet.servers:
        server.process.kill()
        server.process.wait()


def same_prediction(predicted: Run, done: Run) -> None:
    for key in ("changed", "steps", "reason"):
        assert predicted.result[key] == done.result[key]
    assert predicted.result["diff"] == done.result["diff"]


def test_life_of_a_set(fleet: Fleet) -> None:
    """check, first run, again, missed reload, damage, modes, link, renewal, prune: the check is right each time."""
    first = issue([NAME], start=-60)
    store(fleet.sets, NAME, first)
    server = fleet.serve(NAME)
    entry = fleet.entry(NAME, server)

    def both() -> Run:
        before, loads = fleet.snapshot(), server.count()
        predicted = fleet.deploy(entry, check=True, keep=1)
        assert (fleet.snapshot(), server.count()) == (before, loads), "the check changed something"
        done = fleet.deploy(entry, keep=1)
        assert done.code == 0, done.output
        same_prediction(predicted, done)
        again = fleet.deploy(entry, keep=1)
        assert (again.result["changed"], again.actions) == (False, []), again.output
        assert again.result["sets"][0]["endpoints"][0]["proof"] is True
        return done

    done = both()
    assert done.actions == ["install", "switch", "reload", "prove"]
    assert live(fleet.root, NAME) == first.serial
    assert done.result["sets"] == [
        {
            "name": NAME,
            "serial": first.serial,
            "fingerprint": first.fingerprint,
            "previous_serial": None,
            "current": first.serial,
            "not_after": first.not_after,
            "names": [NAME],
            "path": str(fleet.root / NAME / "current"),
            "changed": True,
            "rolled_back": False,
            "endpoints": [
                {
                    "address": "127.0.0.1",
                    "port": server.port,
                    "server_name": NAME,
                    "starttls": None,
                    "key_type": None,
                    "proof_from": "host",
                    "served": first.fingerprint,
                    "reason": None,
                    "proof": True,
                }
            ],
        }
    ]
    diff = done.result["diff"]["after"][NAME]
    assert (diff["fingerprint"], diff["current"], diff["names"]) == (first.fingerprint, first.serial, [NAME])

    version = fleet.root / NAME / first.serial
    (version / "privkey.pem").chmod(0o644)
    assert both().actions == ["set_access"]
    assert stat.S_IMODE((version / "privkey.pem").stat().st_mode) == 0o600

    (version / "chain.pem").write_bytes(b"damaged")
    assert both().actions == ["repair", "reload", "prove"]
    assert live(fleet.root, NAME) == first.serial

    second = issue([NAME], start=-30)
    store(fleet.sets, NAME, second)
    done = both()
    assert done.actions == ["install", "switch", "reload", "prove"]
    assert done.result["sets"][0]["previous_serial"] == first.serial

    # the link is turned back by hand and the server reloaded
    (fleet.root / NAME / "current").unlink()
    (fleet.root / NAME / "current").symlink_to(first.serial)
    loads = server.count()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.count() > loads)
    assert both().actions == ["switch", "reload", "prove"]
    assert live(fleet.root, NAME) == second.serial

    third = issue([NAME])
    store(fleet.sets, NAME, third)
    assert both().actions == ["install", "switch", "reload", "prove", "remove"]
    assert sorted(path.name for path in (fleet.root / NAME).iterdir()) == sorted(
        ["current", second.serial, third.serial]
    )


def test_missed_reload_is_noticed(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    assert fleet.deploy(fleet.entry(NAME)).actions == ["install", "switch"]
    server = fleet.serve(NAME)
    renewed = issue([NAME])
    store(fleet.sets, NAME, renewed)
    assert fleet.deploy(fleet.entry(NAME)).actions == ["install", "switch"]  # nobody was told
    run = fleet.deploy(fleet.entry(NAME, server))
    assert run.actions == ["reload", "prove"]
    assert run.result["sets"][0]["endpoints"][0]["served"] == renewed.fingerprint
    assert fleet.deploy(fleet.entry(NAME, server)).result["changed"] is False


def test_reload_that_does_nothing_fails(fleet: Fleet) -> None:
    old, new = issue([NAME]), issue([NAME])
    store(fleet.sets, NAME, old)
    server = fleet.serve(NAME)
    assert fleet.deploy(fleet.entry(NAME, server)).code == 0
    store(fleet.sets, NAME, new)
    run = fleet.deploy(fleet.entry(NAME, server, reload=[["true"]]), proof_timeout=0.5)
    assert run.code == 2
    assert run.result["error"]["kind"] == "proof"
    assert run.result["error"]["endpoints"][0]["served"] == old.fingerprint
    assert f"serves {old.fingerprint}" in run.result["msg"]
    assert [step["action"] for step in run.result["done"]] == ["install", "switch", "reload"]
    assert [step["action"] for step in run.result["open"]] == ["prove"]
    assert (run.result["rolled_back"], run.result["error"]["rolled_back"]) == (True, True)
    (shown,) = run.result["sets"]
    assert (shown["current"], shown["rolled_back"], shown["endpoints"][0]["served"]) == (
        old.serial,
        True,
        old.fingerprint,
    )
    assert live(fleet.root, NAME) == old.serial
    # without a command the endpoint is proven only
    run = fleet.deploy(fleet.entry(NAME, server, reload=[]), proof_timeout=0.5)
    assert (run.code, run.result["error"]["kind"]) == (2, "proof")
    # the next run tries again
    assert fleet.deploy(fleet.entry(NAME, server)).actions == ["switch", "reload", "prove"]


def test_failed_reload_command(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    server = fleet.serve(NAME)
    command = [sys.executable, "-c", "import sys; sys.exit('nginx: configuration file test failed')"]
    run = fleet.deploy(fleet.entry(NAME, server, reload=[command]))
    assert (run.code, run.result["error"]["kind"]) == (2, "reload")
    assert "configuration file test failed" in run.result["msg"]
    assert fleet.deploy(fleet.entry(NAME, server)).actions == ["reload", "prove"]


def test_failed_reload_without_endpoints_is_owed(fleet: Fleet) -> None:
    """Nothing but the mark on the host knows: the files are in place, and no endpoint is asked."""
    issued = issue([NAME])
    store(fleet.sets, NAME, issued)
    flag = fleet.path / "mended"
    code = "import pathlib, sys; sys.exit(not pathlib.Path(sys.argv[1]).exists())"
    entry = fleet.entry(NAME, reload=[[sys.executable, "-c", code, str(flag)]])
    run = fleet.deploy(entry)
    assert (run.code, run.result["error"]["kind"]) == (2, "reload")
    assert [step["action"] for step in run.result["open"]] == ["reload"]
    flag.touch()
    before = fleet.snapshot()
    predicted = fleet.deploy(entry, check=True)
    assert fleet.snapshot() == before, "the check changed something"
    run = fleet.deploy(entry)
    assert (run.code, run.actions, run.result["changed"]) == (0, ["reload"], True)
    same_prediction(predicted, run)
    diff = run.result["diff"]
    assert (diff["before"][NAME]["reload"], diff["after"][NAME]["reload"]) == ("owed", "done")
    assert run.result["sets"][0]["changed"] is True
    again = fleet.deploy(entry)
    assert (again.code, again.result["changed"], again.actions) == (0, False, [])
    assert sorted(path.name for path in (fleet.root / NAME).iterdir()) == sorted([issued.serial, "current"])


def test_several_sets_one_reload(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issue([OTHER]))
    server = fleet.serve(NAME)
    first = fleet.entry(NAME, server)
    run = fleet.deploy(first, fleet.entry(OTHER, reload=first["reload"]))
    assert run.code == 0
    assert run.actions == ["install", "install", "switch", "switch", "reload", "prove"]
    assert server.count() == 2  # at its start, and once
    assert (fleet.root / "_wildcard.example.org" / "current" / "privkey.pem").exists()
    store(fleet.sets, OTHER, issue([OTHER]))
    run = fleet.deploy(first, fleet.entry(OTHER, reload=first["reload"]))
    assert [each["changed"] for each in run.result["sets"]] == [False, True]


def with_key_of(issued: Issued, other: Issued) -> Issued:
    return Issued(**{**vars(issued), "files": {**issued.files, "privkey.pem": other.files["privkey.pem"]}})


@pytest.mark.parametrize(
    ("issued", "check"),
    [
        (with_key_of(issue([OTHER]), issue([OTHER])), "key"),
        (issue([OTHER, "more.example.org"]), "names"),
        (issue(["www.example.org"]), "names"),
        (issue([OTHER], start=-40, days=20), "expired"),
    ],
    ids=["key", "more names", "other names", "expired"],
)
def test_refused_before_any_change(fleet: Fleet, issued: Issued, check: str) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issued)
    run = fleet.deploy(fleet.entry(OTHER))
    assert run.code == 2
    assert (run.result["error"]["kind"], run.result["error"]["check"]) == ("verify", check)
    assert str(fleet.sets / "_wildcard.example.org") in run.result["msg"]
    assert (run.result["changed"], run.result["done"], run.result["open"]) == (False, [], [])
    assert not fleet.root.exists()


def test_a_refused_set_does_not_hold_up_the_others(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issue(["www.example.org"]))
    entries = fleet.entry(NAME), fleet.entry(OTHER), fleet.entry("absent.example")
    predicted, run = fleet.deploy(*entries, check=True), fleet.deploy(*entries)
    assert (predicted.code, run.code) == (2, 2)
    assert sorted(run.result["error"]["failed"]) == [OTHER, "absent.example"]
    assert list(predicted.result["error"]["failed"]) == [OTHER]  # what is not issued yet is predicted
    assert [step["action"] for step in run.result["done"]] == ["install", "switch"]
    assert run.result["changed"]
    assert (fleet.root / NAME / "current" / "privkey.pem").exists()
    assert [path.name for path in fleet.root.iterdir()] == [NAME]
    again = fleet.deploy(*entries)
    assert (again.code, again.result["changed"], again.result["done"]) == (2, False, [])


def test_refused_sets_that_are_not_complete(fleet: Fleet) -> None:
    run = fleet.deploy(fleet.entry(NAME))
    assert (run.code, run.result["error"]["kind"]) == (2, "state")
    assert f"there is no certificate set '{NAME}' yet" in run.result["msg"]
    assert "certfleet.reseller.issue" in run.result["msg"]
    version = store(fleet.sets, NAME, issue([NAME]))
    (version / "meta.json").unlink()
    run = fleet.deploy(fleet.entry(NAME))
    assert "meta.json does not exist" in run.result["msg"]
    (version / "privkey.pem").unlink()
    assert "privkey.pem does not exist" in fleet.deploy(fleet.entry(NAME)).result["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"certificates": [{"domains": [NAME]}]}, "missing required arguments: name"),
        ({"certificates": [{"name": NAME, "typo": 1}]}, "typo"),
        ({"root": "relative"}, "not an absolute path"),
        ({"certificates": [{"name": NAME, "key_mode": "0666"}]}, "private key"),
        ({"keep": "many"}, "keep"),
    ],
)
def test_wrong_options_show_no_secret(fleet: Fleet, options: dict[str, Any], message: str) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    arguments = {"sets_path": str(fleet.sets), "root": str(fleet.root), "certificates": [{"name": NAME}], **options}
    run = fleet.play([{"name": "Deploy", MODULE: arguments}])
    assert run.code == 2
    assert message in run.result["msg"]
    assert run.result["error"]["kind"] == "usage"


def test_a_keystore_whose_password_nobody_sees(fleet: Fleet) -> None:
    """By the option and by a file beside the playbook: the same keystore, made once, and nothing of the password on the host."""
    store(fleet.sets, NAME, issue([NAME]))
    password = "cAnArY-of-a-keystore"
    (fleet.path / "password").write_text(password + "\n")
    (fleet.path / "password").chmod(0o600)
    entry = fleet.entry(NAME, bundles=["combined.pem", "keystore.p12"])
    predicted = fleet.deploy({**entry, "keystore_password": password}, check=True)
    assert not list(fleet.sets.rglob("keystore.p12"))
    first = fleet.deploy({**entry, "keystore_password": password})
    assert (first.code, first.actions) == (0, ["install", "switch"])
    same_prediction(predicted, first)
    again = fleet.deploy({**entry, "keystore_password_path": "password"})
    assert (again.code, again.result["changed"]) == (0, False), again.output
    seen = first.output + again.output + (fleet.path / "ansible.log").read_text()
    assert password not in seen + repr(first.results) + repr(again.results)
    assert not [path for path in fleet.root.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]


def test_system_log_shows_no_secret(fleet: Fleet) -> None:
    """Modules log their invocation; secrets with line breaks in suboptions would pass Ansible's mask there."""
    from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import spec

    assert spec.ARGUMENTS["contents"]["no_log"] is True
    store(fleet.sets, NAME, issue([NAME]))
    log = fleet.path / "module.log"
    # the journal is the one that can be replaced: some Pythons have syslog built in
    hook = fleet.path / "hook" / "systemd"
    hook.mkdir(parents=True)
    (hook / "__init__.py").touch()
    (hook / "daemon.py").write_text("def booted():\n    return 1\n")
    (hook / "journal.py").write_text(
        "sendv = None\n"
        f"def send(**fields):\n    open({str(log)!r}, 'a').write(''.join('%s=%s\\n' % each for each in fields.items()))\n"
    )
    run = fleet.play(
        [
            {
                "name": "Deploy",
                MODULE: {"sets_path": str(fleet.sets), "root": str(fleet.root), "certificates": [{"name": NAME}]},
                "environment": {"PYTHONPATH": str(hook.parent)},
            }
        ]
    )
    assert run.code == 0
    logged = log.read_text()
    assert "CONTENTS=NOT_LOGGING_PARAMETER" in logged
    fleet.assert_no_secret(logged)


def test_relative_path_and_become_nothing(fleet: Fleet) -> None:
    """A relative sets_path starts at the playbook."""
    store(fleet.sets, NAME, issue([NAME]))
    run = fleet.deploy(fleet.entry(NAME), sets_path="state/sets")
    assert run.code == 0, run.output


def test_oldest_python(fleet: Fleet) -> None:
    found = interpreters.find("%d.%d" % basic._PY_MIN)
    if not found:
        pytest.skip("this machine does not have the oldest Python that ansible-core takes on hosts")
    fleet.interpreter = found
    issued = issue([NAME])
    store(fleet.sets, NAME, issued)
    server = fleet.serve(NAME)
    run = fleet.deploy(fleet.entry(NAME, server))
    assert run.code == 0, run.output
    assert run.actions == ["install", "switch", "reload", "prove"]
    assert run.result["sets"][0]["endpoints"][0]["proof"] is True
    assert fleet.deploy(fleet.entry(NAME, server)).result["changed"] is False


def test_no_collection_code_beyond_the_standard_library() -> None:
    """What travels to hosts imports nothing that a bare Python lacks."""
    from ansible_collections.certfleet.reseller.plugins.module_utils import _deploy

    folder = pathlib.Path(next(iter(_deploy.__path__)))
    for path in [*folder.glob("*.py")]:
        if path.name in ("sets.py", "keystores.py"):  # the controller's
            continue
        text = path.read_text()
        assert not re.search(r"^\s*(from|import) (cryptography|requests|acme|idna)", text, re.MULTILINE), path
        assert "_x509" not in text, path


# --- role -------------------------------------------------------------------------------------------------------------


def test_role(fleet: Fleet) -> None:
    """The role selects the certificates of its host and finds the commands of their services."""
    store(fleet.sets, NAME, issue([NAME]))
    store(fleet.sets, OTHER, issue([OTHER]))
    server = fleet.serve(NAME)
    reload = fleet.entry(NAME, server)["reload"][0]
    inventory = [
        {
            "name": NAME,
            "domains": [NAME],
            "hosts": "all",
            "services": ["tiny", "silent"],
            "endpoints": [{"port": server.port}],
            "key_mode": "0400",
        },
        {"name": OTHER, "domains": [OTHER], "hosts": "host.*:!other"},
        {"name": "not-here.example", "domains": ["not-here.example"], "hosts": "all:!host.example"},
    ]
    variables = {
        "certfleet_certificates": inventory,
        "certfleet_state_path": str(fleet.path / "state"),
        "certfleet_root": str(fleet.root),
        "certificate_deploy_services": {"tiny": {"reload": reload}, "silent": {}},
    }
    role = [{"name": "Deploy", "ansible.builtin.import_role": {"name": "certfleet.reseller.certificate_deploy"}}]
    predicted = fleet.play(role, check=True, vars=variables)
    run = fleet.play(role, vars=variables)
    assert run.code == 0, run.output
    same_prediction(predicted, run)
    assert [each["name"] for each in run.result["sets"]] == [NAME, OTHER]
    assert run.actions == ["install", "install", "switch", "reload", "prove", "switch"]
    assert stat.S_IMODE((fleet.root / NAME / "current" / "privkey.pem").stat().st_mode) == 0o400
    assert fleet.play(role, vars=variables).result["changed"] is False


def test_role_with_a_service_that_nobody_knows(fleet: Fleet) -> None:
    store(fleet.sets, NAME, issue([NAME]))
    variables = {
        "certfleet_certificates": [{"name": NAME, "domains": [NAME], "hosts": "all", "services": ["nginxx"]}],
        "certfleet_state_path": str(fleet.path / "state"),
        "certfleet_root": str(fleet.root),
    }
    run = fleet.play(
        [{"name": "Deploy", "ansible.builtin.import_role": {"name": "certfleet.reseller.certificate_deploy"}}],
        vars=variables,
    )
    assert run.code == 2
    assert "nginxx" in run.result["msg"]
    assert not fleet.root.exists()


def test_role_without_certificates(fleet: Fleet) -> None:
    run = fleet.play(
        [{"name": "Deploy", "ansible.builtin.import_role": {"name": "certfleet.reseller.certificate_deploy"}}]
    )
    assert run.code == 0, run.output
