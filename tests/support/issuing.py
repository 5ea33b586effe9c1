# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of an issuance in this process, with a clock that a test may turn, and a controller that calls one after the other."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM, Clock
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

MODULES = "ansible_collections.certfleet.reseller.plugins.modules."


@functools.cache
def definition(name: str) -> tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]:
    """The function of the engine that a module calls, and the class and the argument spec that it hands over."""
    found: list[tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = []

    def catch(run: Callable[..., Any]) -> Callable[..., Any]:
        return lambda factory, **spec: found.append((run, factory, spec["argument_spec"]))

    with (
        mock.patch.object(engine, "run", catch(engine.run)),
        mock.patch.object(engine, "run_info", catch(engine.run_info)),
    ):
        importlib.import_module(MODULES + name).main()
    return found[0]


class _Ended(Exception):
    """What a module hands out at its end."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result


class _Module:
    """In the place of AnsibleModule."""

    def __init__(self, params: dict[str, Any], check: bool) -> None:
        self.params, self.check_mode, self._diff = params, check, False

    def warn(self, text: str) -> None:
        raise AssertionError(f"a warning that no test expects: {text}")

    def exit_json(self, **result: Any) -> None:
        raise _Ended(result)

    def fail_json(self, **result: Any) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        error.result = result  # type: ignore[attr-defined]
        raise error


class _Stand:
    """What stands in for the class AnsibleModule while calls are under way: each thread gets its own module."""

    def __init__(self) -> None:
        self.own = threading.local()
        self.lock = threading.Lock()
        self.users = 0
        self.original: Any = None

    def __call__(self, **_spec: Any) -> Any:
        return self.own.module


_STAND = _Stand()


@contextlib.contextmanager
def _in_place_of_ansible_module(module: _Module) -> Iterator[None]:
    """Not mock.patch: threads that overlap would leave each other's stand-in behind."""
    with _STAND.lock:
        if _STAND.users == 0:
            _STAND.original, engine.AnsibleModule = engine.AnsibleModule, _STAND  # type: ignore[misc, assignment]
        _STAND.users += 1
    _STAND.own.module = module
    try:
        yield
    finally:
        with _STAND.lock:
            _STAND.users -= 1
            if _STAND.users == 0:
                engine.AnsibleModule = _STAND.original  # type: ignore[misc]


def call(name: str, options: dict[str, Any], clock: Clock = SYSTEM, check: bool = False) -> dict[str, Any]:
    """Runs a module through the engine. A failure raises what the engine got; its attribute `result` is what users see."""
    run, factory, spec = definition(name)
    checked = ArgumentSpecValidator(spec).validate(options)
    if checked.error_messages:
        raise UsageError("; ".join(checked.error_messages))
    module = _Module(checked.validated_parameters, check)
    timed = "clock" in inspect.signature(factory).parameters
    with _in_place_of_ansible_module(module):
        try:
            run(lambda: factory(clock) if timed else factory())
        except _Ended as ended:
            return ended.result
    raise AssertionError("the module has no end")


@dataclass
class Controller:
    """A state directory and one issuer. `publish` gets the result of acme_order."""

    state: Path
    directory_url: str
    ca_path: str
    publish: Callable[[dict[str, Any]], None]
    issuer: str = "alpha"
    clock: Clock = SYSTEM
    run: Callable[..., dict[str, Any]] = call
    policy: dict[str, Any] = field(default_factory=dict)
    contact: tuple[str, ...] = ("tls@alpha.example",)

    @property
    def sets(self) -> Path:
        return self.state / "sets"

    @property
    def key_path(self) -> Path:
        return self.state / "accounts" / f"{self.issuer}.key"

    @property
    def eab_path(self) -> Path:
        return self.state / "eab" / f"{self.issuer}.json"

    def _call(self, module: str, options: dict[str, Any], **how: Any) -> dict[str, Any]:
        return self.run(module, options, clock=self.clock, **how)

    def account(self, **more: Any) -> dict[str, Any]:
        options: dict[str, Any] = {
            "directory_url": self.directory_url,
            "account_key_path": str(self.key_path),
            "eab_path": str(self.eab_path),
            "contact": list(self.contact),
            "terms_agreed": True,
            "ca_path": self.ca_path,
            **more,
        }
        return self._call("acme_account", {name: value for name, value in options.items() if value is not None})

    def _sets_options(self, certificates: list[dict[str, Any]]) -> dict[str, Any]:
        return {"sets_path": str(self.sets), "certificates": certificates, **self.policy}

    def _acme_options(self, certificates: list[dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
        return {
            **self._sets_options(certificates),
            "directory_url": self.directory_url,
            "account_key_path": str(self.key_path),
            "ca_path": self.ca_path,
            **more,
        }

    def renewal_info(self, *certificates: dict[str, Any], check: bool = False) -> dict[str, Any]:
        options = {
            **self._sets_options(list(certificates)),
            "directory_url": self.directory_url,
            "ca_path": self.ca_path,
        }
        return self._call("acme_renewal_info", options, check=check)

    def request(self, *certificates: dict[str, Any], check: bool = False) -> dict[str, Any]:
        options = {**self._sets_options(list(certificates)), "directory_url": self.directory_url}
        return self._call("certificate_request", options, check=check)

    def order(self, *certificates: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        return self._call("acme_order", self._acme_options(list(certificates), more), check=check)

    def finalize(self, *certificates: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        options = self._acme_options(list(certificates), {"wait_timeout": 30, **more})
        return self._call("acme_finalize", options, check=check)

    def issue(self, *certificates: dict[str, Any]) -> dict[str, Any]:
        """Request, order, publish, finalize: the result of the last one."""
        self.request(*certificates)
        self.publish(self.order(*certificates))
        return self.finalize(*certificates)


def certificate(name: str, *domains: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "domains": list(domains) or [name], **more}


# --- what must hold at all times --------------------------------------------------------------------------------------


def fits(version: Path) -> bool:
    """A version is complete, and its key is the one in its certificate."""
    if not all(
        (version / file).is_file() for file in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "meta.json")
    ):
        return False
    key = load_pem_private_key((version / "privkey.pem").read_bytes(), None)
    leaf = x509.load_pem_x509_certificate((version / "cert.pem").read_bytes())
    first = x509.load_pem_x509_certificate((version / "fullchain.pem").read_bytes())
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return leaf == first and key.public_key().public_bytes(*encoding) == leaf.public_key().public_bytes(*encoding)


def mixed(sets: Path) -> list[str]:
    """The sets whose `current` does not point to a complete version with a key that fits."""
    found = [entry for entry in sorted(sets.iterdir()) if os.path.lexists(entry / "current")] if sets.exists() else []
    return [entry.name for entry in found if not fits(entry / "current")]


def loose(state: Path) -> list[str]:
    """What others could read: everything but directories 0700 and files 0600."""
    found = []
    for path in sorted(state.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if not path.is_symlink() and mode & 0o077:
            found.append(f"{path} {mode:o}")
    return found


def leftovers(state: Path, names: Iterable[str] | None = None) -> list[str]:
    """What must be gone once everything is in order: temporary files, pending versions, versions beyond two old ones."""
    found = [str(path) for path in sorted(state.rglob(".*"))]
    found += [str(path) for path in sorted(state.rglob("*")) if path.suffix in (".new", ".probe", ".intent")]
    found += [str(path) for path in sorted(state.rglob("pending"))]
    found += [str(path) for path in sorted((state / "sets").glob("*/*/order.json"))]
    for directory in sorted((state / "sets").glob("*")):
        versions = [entry for entry in directory.iterdir() if entry.is_dir() and not entry.is_symlink()]
        if len(versions) > 3:
            found.append(f"{directory} has {len(versions)} versions")
    return found
