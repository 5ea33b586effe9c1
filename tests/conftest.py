"""What all tests rely on: the collection is importable, nothing leaves this machine, missing programs are told."""

from __future__ import annotations

import atexit
import ipaddress
import os
import pathlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = pathlib.Path("ansible_collections", "certfleet", "reseller")

# --- the collection ---------------------------------------------------------------------------------------------------


def collections_path() -> pathlib.Path:
    """A folder in which Ansible finds this checkout as certfleet.reseller, whatever the checkout itself is called."""
    known = [pathlib.Path(entry) for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep) if entry]
    for candidate in [*known, ROOT / ".venv" / "collections", *ROOT.parents]:
        if (candidate / NAME).exists() and (candidate / NAME).samefile(ROOT):
            return candidate
    folder = pathlib.Path(tempfile.mkdtemp(prefix="certfleet-collections-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / NAME).parent.mkdir(parents=True)
    (folder / NAME).symlink_to(ROOT, target_is_directory=True)
    return folder


def prepare_ansible() -> None:
    """For this process, for those it starts (ansible-playbook) and for pytest-xdist's workers."""
    path = str(collections_path())
    others = [entry for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep) if entry]
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join([path, *(entry for entry in others if entry != path)])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Ansible imports its modules at every start
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "tests" / "ansible.cfg")
    # modules run on this machine, with an interpreter that is known to work
    os.environ.setdefault("ANSIBLE_PYTHON_INTERPRETER", sys.executable)
    # ansible-playbook of the environment that runs the tests, also where that is not activated
    scripts = str(pathlib.Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])

    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([path])


prepare_ansible()

# --- the network ------------------------------------------------------------------------------------------------------


def is_local(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = address[0].decode() if isinstance(address[0], bytes) else str(address[0])
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("", "localhost")


def guard(method: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        # the address is the last argument of connect, connect_ex and sendto
        if not is_local(arguments[-1]):
            # not an OSError: code under test that expects those would hide it
            pytest.fail(f"a test wants to talk to {arguments[-1]}; only loopback addresses are allowed")
        return method(self, *arguments)

    return guarded


def guard_lookup(method: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        if host is not None and not is_local((host,)):
            pytest.fail(f"a test wants to look up {host!r}; only localhost is allowed")
        return method(host, *arguments, **options)

    return guarded


socket.socket.connect = guard(socket.socket.connect)  # type: ignore[method-assign]
socket.socket.connect_ex = guard(socket.socket.connect_ex)  # type: ignore[method-assign]
socket.socket.sendto = guard(socket.socket.sendto)  # type: ignore[method-assign]
socket.getaddrinfo = guard_lookup(socket.getaddrinfo)

# --- programs ---------------------------------------------------------------------------------------------------------


def missing(reason: str) -> None:
    """Skip on a developer's machine, fail where everything was promised to be there."""
    if os.environ.get("CERTFLEET_NO_SKIP") == "1":
        pytest.fail(f"{reason} (CERTFLEET_NO_SKIP=1 asks for everything)", pytrace=False)
    pytest.skip(reason)


def find_program(name: str) -> str:
    # servers are in sbin, which an ordinary user of Debian does not have in PATH
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
    if not found:
        missing(f"{name} is not installed")
    return str(found)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """program("nginx") is the path of nginx; the test is skipped without it, or fails with CERTFLEET_NO_SKIP=1."""
    return find_program


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            find_program(name)
    if item.get_closest_marker("root") and os.geteuid() != 0:
        missing("needs the rights of root")
