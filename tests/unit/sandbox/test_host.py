# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts: files below www, and certificates that change by a reload only, all or none."""

from __future__ import annotations

import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import requests
from certfleet_sandbox import pki

from tests.support.sandbox import Sandbox

HOST = "web2"


@pytest.fixture
def root(sandbox: Sandbox) -> Path:
    return Path(sandbox.host(HOST)["root"])


def write_set(root: Path, directory: str, *names: str) -> bytes:
    """A self-signed set; its certificate as DER."""
    pair = pki.server(list(names))
    current = root / "tls" / directory / "current"
    current.mkdir(parents=True, exist_ok=True)
    (current / "privkey.pem").write_bytes(pair.key_pem())
    (current / "fullchain.pem").write_bytes(pair.certificate_pem())
    return ssl.PEM_cert_to_DER_cert(pair.certificate_pem().decode())


def served(sandbox: Sandbox, name: str | None) -> bytes | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    entry = sandbox.host(HOST)
    with (
        socket.create_connection((entry["address"], entry["tls_port"]), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.getpeercert(binary_form=True)


def reload(sandbox: Sandbox) -> Any:
    return sandbox.run("reload-host", "--root", sandbox.host(HOST)["root"])


def test_sets_are_served_after_a_reload_only(sandbox: Sandbox, root: Path) -> None:
    placeholder = served(sandbox, "one.host.test")
    one = write_set(root, "one", "one.host.test", "*.one.host.test")
    two = write_set(root, "two", "two.host.test")
    assert served(sandbox, "one.host.test") == placeholder
    assert reload(sandbox).returncode == 0
    assert served(sandbox, "one.host.test") == served(sandbox, "a.one.host.test") == one
    assert served(sandbox, "two.host.test") == two
    for other in ("a.b.one.host.test", "host.test", None):
        assert served(sandbox, other) == placeholder


@pytest.mark.parametrize("broken", ["foreign key", "no key", "no certificate", "garbage", "dangling"])
def test_a_broken_set_keeps_everything(sandbox: Sandbox, root: Path, broken: str) -> None:
    good, bad = root / "tls" / "good" / "current", root / "tls" / "bad" / "current"
    before = write_set(root, "good", "good.host.test")
    assert reload(sandbox).returncode == 0
    write_set(root, "good", "good.host.test")
    write_set(root, "bad", "bad.host.test")
    if broken == "foreign key":
        (bad / "privkey.pem").write_bytes((good / "privkey.pem").read_bytes())
    elif broken == "garbage":
        (bad / "fullchain.pem").write_text("garbage")
    elif broken == "dangling":
        bad.rename(bad.with_name("moved"))
        bad.symlink_to("nowhere")
    else:
        (bad / {"no key": "privkey.pem", "no certificate": "fullchain.pem"}[broken]).unlink()
    result = reload(sandbox)
    assert (result.returncode, result.stderr.startswith("bad: ")) == (1, True)
    assert served(sandbox, "good.host.test") == before
    if broken == "dangling":
        bad.unlink()
    write_set(root, "bad", "bad.host.test")
    assert reload(sandbox).returncode == 0
    assert served(sandbox, "good.host.test") != before


def test_a_set_without_a_live_version_is_left_out(sandbox: Sandbox, root: Path) -> None:
    (root / "tls" / "pending-only" / "pending").mkdir(parents=True, exist_ok=True)
    assert reload(sandbox).returncode == 0


def test_the_outcome_is_of_this_reload(sandbox: Sandbox, root: Path) -> None:
    def counter() -> int:
        return int(json.loads((root / "run" / "reload.json").read_text())["counter"])

    before = counter()
    for _time in range(3):
        assert reload(sandbox).returncode == 0
    assert counter() == before + 3


def test_a_host_that_is_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.run("reload-host", "--root", str(tmp_path)).returncode == 1
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "host.pid").write_text(f"{os.getpid()}\n")  # stale: nobody holds its lock
    result = sandbox.run("reload-host", "--root", str(tmp_path))
    assert (result.returncode, "not running" in result.stderr) == (1, True)


def test_it_names_itself_over_tls(sandbox: Sandbox) -> None:
    entry = sandbox.host(HOST)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((entry["address"], entry["tls_port"]), timeout=5) as plain,
        context.wrap_socket(plain) as secured,
    ):
        secured.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: secured.recv(4096), b""))
    assert answer.endswith(b"\r\n\r\nhost web2\n")


def test_only_regular_files_below_www(sandbox: Sandbox, root: Path, tmp_path: Path) -> None:
    www = root / "www"
    folder = www / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text("content")
    (tmp_path / "secret").write_text("secret")
    for link in (www / "out", www / "dir"):
        link.unlink(missing_ok=True)
    (www / "out").symlink_to(tmp_path / "secret")
    (www / "dir").symlink_to(tmp_path)
    entry = sandbox.host(HOST)
    address = f"http://{entry['address']}:{entry['http_port']}"
    with requests.Session() as session:
        assert session.get(address + "/.well-known/acme-challenge/token", timeout=5).text == "content"
        for path in ("/", "/.well-known/acme-challenge/", "/out", "/dir/secret", "/missing", "/%2e%2e/tls"):
            assert session.get(address + path, timeout=5).status_code == 404, path
        assert session.post(address + "/.well-known/acme-challenge/token", timeout=5).status_code == 405
        prepared = requests.Request("GET", address).prepare()
        prepared.url = address + "/../run/host.pid"  # requests would tidy it
        assert session.send(prepared, timeout=5).status_code == 404
