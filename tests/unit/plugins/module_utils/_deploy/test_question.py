# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell tells of a host is what the module reads there: the same plan for every single thing that may be different."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import answer, layout, planning, question
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.deployment import Deployment
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.model import Want

from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, params, tls_server
from tests.unit.plugins.module_utils._deploy.test_changes import deploy

NAME = "www.example.com"
OWN = {"owner": str(os.getuid()), "group": str(os.getgid())}
RELOAD = {"reload": [["true"]]}
FILES = ("privkey.pem", "meta.json", "chain.pem", "fullchain.pem", "cert.pem")
OLD = [issue([NAME], start=start) for start in (-60, -50, -40)]
ISSUED = issue([NAME])


Program = Callable[[str], str]


def tools(path: pathlib.Path, program: Program, *names: str, **others: str) -> str:
    """A PATH with nothing but these programs in it; ``others`` are programs of another name, or scripts."""
    path.mkdir()
    for name, target in {**{name: program(name) for name in names}, **others}.items():
        if target.startswith("/"):
            (path / name).symlink_to(target)
        else:
            (path / name).write_text("#!/bin/sh\n" + target)
            (path / name).chmod(0o755)
    return str(path)


def gnu(path: pathlib.Path, program: Program) -> str:
    return os.environ["PATH"]


def small(path: pathlib.Path, program: Program) -> str:
    applets = ("stat", "sha256sum", "id", "timeout", "sed", "sleep")
    return tools(path, program, "openssl", **dict.fromkeys(applets, program("busybox")))


SHELLS = {
    "sh": (["sh"], gnu),
    "dash": (["dash"], gnu),
    "bash": (["bash", "--posix"], gnu),
    "busybox": (["busybox", "sh"], small),
}


@pytest.fixture
def host(tmp_path: pathlib.Path, program: Program) -> Host:
    return Host(tmp_path, program)


@pytest.fixture(params=SHELLS)
def each_host(request: pytest.FixtureRequest, tmp_path: pathlib.Path, program: Program) -> Host:
    """For all shells and their tools."""
    return Host(tmp_path, program, request.param)


class Host:
    """A root on this machine, asked by one of the shells."""

    def __init__(self, path: pathlib.Path, program: Program, shell: str = "sh") -> None:
        self.path, self.root, self.shell = path, path / "root", shell
        command, programs = SHELLS[shell]
        self.command, self.programs = [program(command[0]), *command[1:]], programs(path / "bin", program)

    def ask(self, want: Want) -> str:
        done = subprocess.run(
            [*self.command, "-c", question.ask(want)],
            input="nobody reads this",
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": self.programs, "QUOTING_STYLE": "c", "LC_ALL": "C.UTF-8"},
            cwd=str(self.path),
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def quick(self, given: dict[str, Any]) -> list[tuple[str, str]] | None:
        """The steps of the plan made of the answer; ``None`` where the module has to look."""
        want = Deployment().want(given)
        try:
            have = answer.read(want, self.ask(want), want)
        except question.Unfit:
            return None
        return [(step.action, step.subject) for step in planning.plan(want, have).steps]

    def slow(self, given: dict[str, Any]) -> list[tuple[str, str]] | None:
        """The same by what the module reads; ``None`` where it refuses."""
        resource = Deployment()
        try:
            want = resource.want(given)
            return [(step.action, step.subject) for step in resource.plan(want, resource.read(want)).steps]
        except (CollectionError, OSError):
            return None
        finally:
            resource.close()


def given(root: pathlib.Path, options: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return params(root, {NAME: ISSUED}, {**OWN, **(options or {})}, **more)


# --- single differences -----------------------------------------------------------------------------------------------


class Case:
    """One difference. ``options`` and ``more`` are what is wanted, ``nothing`` says that there is nothing to do all the same."""

    def __init__(
        self, change: Callable[[pathlib.Path], object], options: dict[str, Any] | None = None, **more: Any
    ) -> None:
        self.change, self.options = change, options
        self.nothing = more.pop("nothing", False)
        self.refused = more.pop("refused", False)
        self.more = more


def live(path: pathlib.Path, *parts: str) -> pathlib.Path:
    return path.joinpath(ISSUED.serial, *parts)


def flip(path: pathlib.Path) -> None:
    """One bit, same size, same date."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))


def to_link(path: pathlib.Path) -> None:
    moved = path.parents[2] / "moved"
    path.rename(moved)
    path.symlink_to(moved)


def to_directory(path: pathlib.Path) -> None:
    path.unlink()
    path.mkdir()


def to_fifo(path: pathlib.Path) -> None:
    path.unlink()
    os.mkfifo(str(path), 0o600)


def to_file(path: pathlib.Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(str(path))
    path.write_text("not ours")


def relink(path: pathlib.Path, target: str) -> None:
    (path / "current").unlink()
    (path / "current").symlink_to(target)


def version(path: pathlib.Path, issued: Issued) -> None:
    """A version that a run before has left."""
    live(path).parent.joinpath(issued.serial).mkdir(mode=0o755)
    for file in FILES:
        (path / issued.serial / file).write_bytes(issued.files[file])


def versions(path: pathlib.Path, *older: Issued) -> None:
    for issued in older:
        version(path, issued)


def away(path: pathlib.Path) -> None:
    path.rename(path.parent.parent / "away")


def root_to_file(path: pathlib.Path) -> None:
    shutil.rmtree(str(path.parent))
    path.parent.write_text("")


def change_mode(file: str, path: pathlib.Path) -> None:
    live(path, file).chmod(0o640)


def flip_bit(file: str, path: pathlib.Path) -> None:
    flip(live(path, file))


def remove(file: str, path: pathlib.Path) -> None:
    live(path, file).unlink()


CASES: dict[str, Case] = {
    "nothing": Case(lambda path: None, nothing=True),
    **{"mode of " + file: Case(partial(change_mode, file)) for file in FILES},
    "set-uid bit": Case(lambda path: live(path, "privkey.pem").chmod(0o4600)),
    "mode of the version": Case(lambda path: live(path).chmod(0o700)),
    "mode of the set": Case(lambda path: path.chmod(0o775)),
    "sticky set": Case(lambda path: path.chmod(0o1755)),
    "another mode is wanted": Case(lambda path: None, {"mode": "0640"}),
    "another mode of the key is wanted": Case(lambda path: None, {"key_mode": "0400"}),
    "another mode of directories is wanted": Case(lambda path: None, directory_mode="0750"),
    "another owner is wanted": Case(lambda path: None, {"owner": "54321"}),
    "another group is wanted": Case(lambda path: None, {"group": "54321"}),
    "an unknown owner is wanted": Case(lambda path: None, {"owner": "nobody-here"}, refused=True),
    "an unknown group is wanted": Case(lambda path: None, {"group": "nobody-here"}, refused=True),
    **{"bit of " + file: Case(partial(flip_bit, file)) for file in FILES},
    **{"no " + file: Case(partial(remove, file)) for file in FILES},
    "empty file": Case(lambda path: live(path, "chain.pem").write_bytes(b"")),
    "longer file": Case(lambda path: live(path, "cert.pem").write_bytes(ISSUED.files["cert.pem"] + b"\n")),
    "large file": Case(lambda path: os.truncate(str(live(path, "cert.pem")), 2 << 20)),
    "file is a link": Case(lambda path: to_link(live(path, "privkey.pem"))),
    "file is a directory": Case(lambda path: to_directory(live(path, "cert.pem"))),
    "file is a pipe": Case(lambda path: to_fifo(live(path, "privkey.pem"))),
    "link is missing": Case(lambda path: (path / "current").unlink()),
    "link to another version": Case(lambda path: (version(path, OLD[0]), relink(path, OLD[0].serial))),
    "link to nothing": Case(lambda path: relink(path, "00")),
    "link with a slash": Case(lambda path: relink(path, ISSUED.serial + "/")),
    "link by its whole path": Case(lambda path: relink(path, str(live(path)))),
    "link with an apostrophe": Case(lambda path: relink(path, ISSUED.serial + "'")),
    "link with a line break": Case(lambda path: relink(path, ISSUED.serial + "'\ns 81a4 0 0 'x")),
    "link is a file": Case(lambda path: to_file(path / "current"), refused=True),
    "link is a directory": Case(lambda path: to_directory(path / "current"), refused=True),
    "version is missing": Case(lambda path: away(live(path))),
    "version is a file": Case(lambda path: to_file(live(path)), refused=True),
    "version is a link": Case(lambda path: to_link(live(path)), refused=True),
    "set is missing": Case(lambda path: shutil.rmtree(str(path))),
    "set is a file": Case(to_file, refused=True),
    "set is a link": Case(lambda path: (path.rename(path.parent / "moved"), path.symlink_to("moved")), refused=True),
    "root is missing": Case(lambda path: shutil.rmtree(str(path.parent))),
    "root is a file": Case(root_to_file, refused=True),
    "half a version": Case(lambda path: (path / (layout.NEW + "0a")).mkdir()),
    "spare version": Case(lambda path: (path / (layout.SPARE + "0a")).mkdir()),
    "damaged version": Case(lambda path: (path / (layout.OLD + "0a")).mkdir()),
    "half a link": Case(lambda path: (path / ".current.new").symlink_to("nowhere")),
    "half a mark": Case(lambda path: (path / ".reload-owed.new").touch()),
    "a reload is owed": Case(lambda path: (path / layout.OWED).touch(), RELOAD),
    "a reload is owed by nobody": Case(lambda path: (path / layout.OWED).touch(), nothing=True),
    "the mark is a link": Case(lambda path: (path / layout.OWED).symlink_to("/etc/hostname"), RELOAD, refused=True),
    "the mark is a directory": Case(lambda path: (path / layout.OWED).mkdir(), RELOAD, refused=True),
    "as many old versions as may be": Case(lambda path: versions(path, *OLD[:2]), nothing=True),
    "one old version too many": Case(lambda path: versions(path, *OLD)),
    "no old version may be": Case(lambda path: versions(path, OLD[0]), keep=0),
    "an old version is a file": Case(lambda path: (path / "0a").touch(), refused=True),
    "an old version is a link": Case(lambda path: (path / "0a").symlink_to(ISSUED.serial), refused=True),
    "strange files": Case(
        lambda path: [
            (path / name).touch()
            for name in ("README", "a b", "$(touch hit)", "x\ne d 0a", "'", "*", "ü", "-n", ".x", "A0")
        ],
        nothing=True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_single_difference(each_host: Host, name: str) -> None:
    host, case = each_host, CASES[name]
    deploy(given(host.root))
    case.change(host.root / NAME)
    wanted = given(host.root, case.options, **case.more)
    quick, slow = host.quick(wanted), host.slow(wanted)
    assert (slow is None) == case.refused
    assert (slow == []) == case.nothing
    # in order only if the module says so, and then for sure
    assert (quick == []) == case.nothing
    if quick is not None and slow is not None:
        # which of the old versions goes is read on the host
        assert [step for step in quick if step[0] != "remove"] == [step for step in slow if step[0] != "remove"]
        assert len(quick) == len(slow)
    assert not (host.path / "hit").exists()


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    single = [case for case in CASES.values() if not case.nothing]
    assert len(single) >= 50
    with capsys.disabled():
        print("\n%d single differences, each noticed by %d shells" % (len(single), len(SHELLS)))


@pytest.mark.root
@pytest.mark.parametrize("entry", [".", "version", "privkey.pem", "cert.pem"])
def test_owners_by_name(each_host: Host, entry: str) -> None:
    host = each_host
    named = given(host.root, {"owner": "daemon", "group": "daemon"})
    deploy(named)
    found = host.quick(named)
    # busybox has no getent: the module looks
    assert found == (None if host.shell == "busybox" else [])
    assert host.quick(given(host.root, {"owner": "daemon", "group": None})) == []
    numbers = given(host.root, {"owner": "1", "group": "1"})
    assert host.quick(numbers) == []
    path = {".": host.root / NAME, "version": live(host.root / NAME)}.get(entry, live(host.root / NAME, entry))
    for uid, gid in ((1, 0), (0, 1)):
        os.chown(str(path), uid, gid)
        assert host.quick(numbers) == host.slow(numbers)
        # directories belong to whoever made them
        assert bool(host.quick(numbers)) == (gid == 0 or path.is_file())


def test_one_of_ten(host: Host, tmp_path: pathlib.Path) -> None:
    """Sets do not mix: of ten that are asked for at once, the right one is different."""
    sets = {"n%d.example.com" % number: issue(["n%d.example.com" % number]) for number in range(10)}
    wanted = params(host.root, sets, OWN)
    deploy(wanted)
    assert host.quick(wanted) == host.slow(wanted) == []
    for name, issued in sets.items():
        flip(host.root / name / issued.serial / "cert.pem")
        assert host.quick(wanted) == host.slow(wanted) == [("repair", "%s %s" % (name, issued.serial))]
        (host.root / name / issued.serial / "cert.pem").write_bytes(issued.files["cert.pem"])


# --- endpoints --------------------------------------------------------------------------------------------------------


def endpoints(*ports: int, **more: Any) -> dict[str, Any]:
    return {
        "endpoints": [{"port": port, "address": "127.0.0.1", "server_name": None, **more} for port in ports],
        "reload": [["true"]],
    }


@pytest.mark.needs("openssl")
def test_what_is_served(each_host: Host, tmp_path: pathlib.Path) -> None:
    host = each_host
    deploy(given(host.root))
    with contextlib.ExitStack() as stack:
        right, wrong = (stack.enter_context(tls_server(tmp_path, issued)) for issued in (ISSUED, OLD[0]))
        silent, unused = (stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _number in range(2))
        down = int(unused.getsockname()[1])
        unused.close()
        served = given(host.root, endpoints(right))
        assert host.quick(served) == host.slow(served) == []
        for port in (wrong, down, int(silent.getsockname()[1])):
            for ports in ((port,), (right, port), (port, right)):
                wanted = given(host.root, endpoints(*ports))
                assert host.quick(wanted) == host.slow(wanted) == [("reload", "true"), ("prove", NAME)]


@pytest.mark.needs("openssl")
def test_many_endpoints_at_once(host: Host, tmp_path: pathlib.Path) -> None:
    """All side by side: their answers do not mix, and silent ones take the time of one."""
    deploy(given(host.root))
    with tls_server(tmp_path, ISSUED) as right, tls_server(tmp_path, OLD[0]) as wrong:
        names = ["n%d.example.com" % number for number in range(40)]
        wanted = given(host.root)
        for name in names:
            port = wrong if name == "n17.example.com" else right
            wanted["certificates"][0]["endpoints"].append({"port": port, "address": "127.0.0.1", "server_name": name})
        want = Deployment().want(wanted)
        (have,) = answer.read(want, host.ask(want), want)
    found = {served.endpoint.server_name: served.fingerprint for served in have.served}
    assert found == {name: OLD[0].fingerprint if name == "n17.example.com" else ISSUED.fingerprint for name in names}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = int(silent.getsockname()[1])
        listed = [{"port": port, "address": "127.0.0.1", "server_name": name} for name in names]
        wanted = given(host.root, {"endpoints": listed}, proof_timeout=1.5)
        start = time.monotonic()
        assert host.quick(wanted) == [("prove", NAME)]
        assert time.monotonic() - start < 10


@pytest.mark.needs("openssl")
def test_a_handshake_that_breaks_off_proves_nothing(host: Host, tmp_path: pathlib.Path) -> None:
    """The certificate was shown, but the server wants one of its client: whoever shows it does not have its key, perhaps."""
    deploy(given(host.root))
    with tls_server(tmp_path, ISSUED, client_certificate=True) as port:
        wanted = given(host.root, endpoints(port))
        assert host.slow(wanted) == [("reload", "true"), ("prove", NAME)]
        assert host.quick(wanted) == [("reload", "true"), ("prove", NAME)]


@pytest.mark.needs("openssl")
def test_address_of_version_6(host: Host, tmp_path: pathlib.Path) -> None:
    deploy(given(host.root))
    try:
        with tls_server(tmp_path, ISSUED, address="::1") as port:
            wanted = given(host.root, endpoints(port, address="::1"))
            assert host.quick(wanted) == host.slow(wanted) == []
    except OSError:
        pytest.skip("no IPv6")


# --- hosts that cannot be asked ---------------------------------------------------------------------------------------


def unfit(host: Host, wanted: dict[str, Any]) -> str:
    want = Deployment().want(wanted)
    with pytest.raises(question.Unfit) as caught:
        answer.read(want, host.ask(want), want)
    return str(caught.value)


def test_tools_that_are_missing(host: Host, tmp_path: pathlib.Path, program: Program) -> None:
    deploy(given(host.root))
    host.programs = tools(tmp_path / "none", program)
    assert unfit(host, given(host.root)) == "the host has no sha256sum and no stat"
    host.programs = tools(tmp_path / "stat", program, "stat")
    assert unfit(host, given(host.root)) == "the host has no sha256sum"
    host.programs = tools(tmp_path / "bsd", program, "sha256sum", stat="echo 'stat: illegal option -- c' >&2; exit 1")
    assert unfit(host, given(host.root)) == "the host's stat is another one"
    host.programs = tools(tmp_path / "broken", program, "stat", sha256sum="exit 1")
    assert "could not be read" in unfit(host, given(host.root))
    host.programs = tools(tmp_path / "lying", program, "stat", sha256sum="for f; do echo hello $f; done")
    assert unfit(host, given(host.root)) == "the host's answer has a line that was not expected"


def test_handshakes_without_openssl(host: Host, tmp_path: pathlib.Path, program: Program) -> None:
    """The files are looked at, and the module looks at the endpoints: no content has to travel for it."""
    deploy(given(host.root))
    host.programs = tools(tmp_path / "few", program, "stat", "sha256sum", "timeout", "sed")
    want = Deployment().want(given(host.root, endpoints(1)))
    (have,) = answer.read(want, host.ask(want), want)
    assert [served.reason for served in have.served] == ["the host has no openssl"]
    steps = planning.plan(replace(want, contents={}), (have,)).steps
    assert [step.action for step in steps] == ["reload", "prove"]


@pytest.mark.parametrize(
    "output",
    [
        "",
        "sh: command not found\n",
        "certfleet 1\n",
        "certfleet 1\nnone\n",
        "none\ncertfleet end\n",
        "certfleet 1\ncertfleet end\n",
        "certfleet 1\nsomething\ncertfleet end\n",
        "certfleet 1\ns 41ed 0 0 '.'\ns 41ed 0 0 '.'\ncertfleet end\n",
        "certfleet 1\ns 41ed 0 0 '.' -> 'x'\ncertfleet end\n",
        "certfleet 1\ns a1ff 0 0 '.'\ncertfleet end\n",
        "certfleet 1\ns 41ed 0 0 '.'\nt 0 -----BEGIN CERTIFICATE----- ab -----END CERTIFICATE----- status 0\ncertfleet end",
    ],
)
def test_answers_that_are_none(output: str) -> None:
    want = Deployment().want(given(pathlib.Path("/r")))
    with pytest.raises(question.Unfit):
        answer.read(want, output, want)


def test_banners_and_terminals(host: Host, tmp_path: pathlib.Path) -> None:
    deploy(given(host.root))
    want = Deployment().want(given(host.root))
    output = "Welcome!\r\ncertfleet\r\n" + host.ask(want).replace("\n", "\r\n") + "\r\nbye\r\n"
    (have,) = answer.read(want, output, want)
    assert not planning.plan(want, (have,)).changed


def test_a_file_without_end_does_not_hold_up(host: Host, tmp_path: pathlib.Path) -> None:
    deploy(given(host.root))
    os.truncate(str(live(host.root / NAME, "cert.pem")), 1 << 40)
    start = time.monotonic()
    assert "could not be read" in unfit(host, given(host.root))
    assert time.monotonic() - start < 30
    assert host.slow(given(host.root)) == [("repair", "%s %s" % (NAME, ISSUED.serial))]


def test_too_many_sets() -> None:
    want = Deployment().want(given(pathlib.Path("/r")))
    question.ask(replace(want, sets=want.sets * 500))
    with pytest.raises(question.Unfit, match="too many"):
        question.ask(replace(want, sets=want.sets * 2000))


# --- hostile names ----------------------------------------------------------------------------------------------------

EVIL = [
    "$(touch hit)",
    "`touch hit`",
    "x; touch hit",
    "x' ; touch hit; '",
    'x" ; touch hit; "',
    "-n",
    "a b",
    "*",
    "~",
    "a\\nb",
    "é",
]


@pytest.mark.parametrize(
    "name", [*EVIL, "../../etc", "a/b", "x\ntouch hit", "", ".", "www.Example.com", "*.example.com"]
)
def test_names_of_sets(host: Host, tmp_path: pathlib.Path, name: str) -> None:
    wanted = params(host.root, {name: ISSUED}, {**OWN, "domains": [NAME]})
    assert [action for action, _subject in host.quick(wanted) or []] == ["install", "switch"]
    deploy(wanted)
    assert host.quick(wanted) == host.slow(wanted) == []
    assert not list(tmp_path.rglob("hit*"))


@pytest.mark.parametrize("name", [*EVIL, "x\ntouch hit\n"])
def test_names_of_roots(host: Host, tmp_path: pathlib.Path, name: str) -> None:
    host.root = tmp_path / "below" / name
    deploy(given(host.root))
    found = host.quick(given(host.root)) if name.isprintable() else None
    assert found == ([] if name.isprintable() else None)
    if not name.isprintable():
        with pytest.raises(question.Unfit):
            question.ask(Deployment().want(given(host.root)))
    assert not list(tmp_path.rglob("hit*"))


@pytest.mark.parametrize("option", ["owner", "group"])
@pytest.mark.parametrize("name", [*EVIL, "-u", "+0", "root\ntouch hit", "", "²"])
def test_names_of_users(tmp_path: pathlib.Path, option: str, name: str) -> None:
    with pytest.raises(question.Unfit, match="unusual"):
        question.ask(Deployment().want(given(tmp_path, {option: name})))


@pytest.mark.parametrize("address", [*EVIL[:-1], "-help", "é", "host name", ""])
def test_addresses(tmp_path: pathlib.Path, address: str) -> None:
    with pytest.raises(question.Unfit, match="unusual"):
        question.ask(Deployment().want(given(tmp_path, endpoints(1, address=address))))
