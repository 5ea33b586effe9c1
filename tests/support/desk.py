# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's SSLmarket in this process, on the clock of a test, and the modules that talk to it through their engine.

    desk = Desk(tmp_path)
    desk.call("sslmarket_order", desk.order("www.alpha.test"))
    desk.clock.sleep(400 * DAY)
    assert desk.posts == 1

No sockets and no processes: years pass in milliseconds. Orders move on when they are read.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._core.secret import Secret
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import connect, order, states
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.api import Api
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.journal import Journal
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.lookup import Account
from certfleet_sandbox import pki
from certfleet_sandbox.names import Names
from certfleet_sandbox.sslmarket import knobs as knobs_module
from certfleet_sandbox.sslmarket.ca import Authority
from certfleet_sandbox.sslmarket.dcv import Dcv
from certfleet_sandbox.sslmarket.market import Market
from certfleet_sandbox.sslmarket.service import SslMarket
from certfleet_sandbox.web import Request

from tests.support import issuing, ordering
from tests.support.scripted import FakeClock, Reply

DAY = 86400.0
URL = "https://market.test/api"
TOKEN = "canaryToken4711"
Fault = Callable[[Callable[[], Reply]], Reply]


@dataclass
class Outcome:
    """What a user sees of a call. `error`: what the engine got."""

    result: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def kind(self) -> str | None:
        return str(self.result["error"]["kind"]) if self.failed else None

    @property
    def steps(self) -> list[str]:
        """All steps of the plan, done or not."""
        shown = self.result.get("steps") or [*self.result.get("done", ()), *self.result.get("open", ())]
        return [f"{step['action']} {step['subject']}" for step in shown]


class DeskClock(FakeClock):
    """Threads that wait for each other's locks look ten times a second: those let the others go on."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if seconds < 1:
            time.sleep(0.001)


class _Ended(BaseException):
    pass


class _Module:
    """In the place of AnsibleModule."""

    def __init__(self, params: dict[str, Any], check: bool, diff: bool) -> None:
        self.params, self.check_mode, self._diff = params, check, diff
        self.outcome = Outcome({})

    def warn(self, text: str) -> None:
        self.outcome.warnings.append(text)

    def exit_json(self, **result: Any) -> None:
        self.outcome.result = result
        raise _Ended

    def fail_json(self, **result: Any) -> None:
        self.outcome.result, self.outcome.failed = result, True
        raise _Ended


@functools.cache
def _authorities() -> tuple[pki.Pair, pki.Pair]:
    with tempfile.TemporaryDirectory() as folder:
        root = pki.root(Path(folder))
        return root, pki.issuing(Path(folder), "sslmarket", root)


class Desk:
    """A customer's account. `sent`: every request, as method and path; `faults`: what becomes of the next ones to a path."""

    def __init__(self, directory: Path, now: datetime | None = None, **knobs: Any) -> None:
        self.directory = directory
        self.clock = DeskClock((now or datetime.now(UTC)).replace(microsecond=0))
        self.skew = 0.0  # of the provider's clock
        self.busy = False  # the provider works: what it does with files is its own
        self.sent: list[str] = []
        self.bodies: list[bytes] = []
        self.faults: list[tuple[str, Fault]] = []
        self.journal = directory / "journal"
        self.root, issuing_ca = _authorities()
        directory.mkdir(parents=True, exist_ok=True)
        self.market = Market(
            directory / "orders",
            Authority(self.root, issuing_ca),
            Dcv(Names({}, "127.0.0.1"), 1),
            knobs_module.Knobs().changed(**{"dcv": "none", **knobs}),
            lambda: self.clock.now().timestamp(),
        )
        self._service = SslMarket(self.market, TOKEN)

    # As a session of _http

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, data: bytes | None = None, **_more: Any
    ) -> Reply:
        path = urlsplit(url).path
        self.sent.append(f"{method} {path.removeprefix('/api')}")
        self.bodies.append(data or b"")
        lower = {name.lower(): value for name, value in (headers or {}).items()}

        def work() -> Reply:
            self.busy = True
            try:
                for order in self.market.all() if path.endswith("/order/list") else ():
                    self.market._advance(order)  # in the sandbox a thread of its own does that
                answer = self._service.answer(Request(method, path, "", lower, data or b"", "-"))
            finally:
                self.busy = False
            date = format_datetime(datetime.fromtimestamp(self.clock.now().timestamp() + self.skew, UTC), usegmt=True)
            return Reply(answer.status, answer.body, {**dict(answer.headers), "Date": date})

        for number, (part, fault) in enumerate(self.faults):
            if part in self.sent[-1]:
                del self.faults[number]
                return fault(work)
        return work()

    def fault(self, part: str, fault: Fault, times: int = 1) -> None:
        """The next requests with this part in their method and path."""
        self.faults += [(part, fault)] * times

    # What it counts

    @property
    def posts(self) -> int:
        """Paid requests that were sent, booked or not."""
        return sum(line.startswith("POST /order/certificate/") for line in self.sent)

    @property
    def booked(self) -> int:
        return len(self.market.all())

    @property
    def writes(self) -> list[str]:
        return [line for line in self.sent if not line.startswith("GET ") and "/tool/" not in line]

    def newest(self) -> Any:
        return self.market.all()[0]

    # Options

    def access(self, **more: Any) -> dict[str, Any]:
        return {"api_url": URL, "api_token": TOKEN, "journal_dir": str(self.journal), **more}

    def csr(self, *names: str, file: str | None = None) -> str:
        """Path of the request for these names, made once for each file."""
        path = self.directory / "csr" / f"{file or names[0].replace('*', '_')}.csr"
        if not path.exists():
            ordering.request(path, *names)
        return str(path)

    def order(self, *names: str, file: str | None = None, **more: Any) -> dict[str, Any]:
        """Options of sslmarket_order for a request of the user's."""
        csr = self.csr(*names, file=file)
        return {**self.access(), "product_code": ordering.PRODUCT, "csr_path": csr, **ordering.CONTACTS, **more}

    def certificate(self, *names: str, file: str | None = None, **more: Any) -> dict[str, Any]:
        """Options of sslmarket_certificate for the same; files are put into `files`."""
        csr, place = self.csr(*names, file=file), self.directory / "files"
        targets = {
            name: str(place / f"{names[0]}.{name}") for name in ("path", "fullchain_path", "p7b_path") if not more
        }
        found = {**self.access(), "product_code": ordering.PRODUCT, "csr_path": csr, **targets, "wait_timeout": 60}
        return {**found, **more}

    def in_sets(self, *names: str, **more: Any) -> dict[str, Any]:
        """Options of both modules for sets of one name each; `more` goes into each entry."""
        entries = [{"name": name, "domain": name, "product_code": ordering.PRODUCT, **more} for name in names]
        return {**self.access(), "sets_path": str(self.directory / "sets"), "certificates": entries}

    def request_sets(self, *names: str, **policy: Any) -> dict[str, Any]:
        """What certificate_request does for them."""
        entries = [
            {"name": name, "domains": [name], "profile": ordering.PRODUCT, "challenge": "dns-01"} for name in names
        ]
        options = {"sets_path": str(self.directory / "sets"), "certificates": entries, **policy}
        return issuing.call("certificate_request", options, clock=self.clock)  # type: ignore[arg-type]

    # Modules

    def api(self, *arguments: Any, **more: Any) -> Api:
        """In the place of the class: sends to this desk."""
        return Api(*arguments, **{**more, "session": self, "clock": self.clock})

    def account(self, abandoned: tuple[int, ...] = (), renew_before_days: int = 30) -> Account:
        clock: Any = self.clock
        journal = Journal(str(self.journal), URL, clock)
        return Account(self.api(URL, Secret(TOKEN)), journal, clock, renew_before_days, abandoned)

    def call(self, name: str, options: dict[str, Any], check: bool = False, diff: bool = False) -> Outcome:
        """Runs sslmarket_order or sslmarket_certificate."""
        _run, _factory, spec = issuing.definition(name)
        checked = ArgumentSpecValidator(spec).validate(options)
        if checked.error_messages:
            raise UsageError("; ".join(checked.error_messages))
        params = checked.validated_parameters
        clock: Any = self.clock
        kind: Any = order.OrderResource if name == "sslmarket_order" else states._BY_STATE[params["state"]]
        module = _Module(params, check, diff)
        with (
            mock.patch.object(connect, "Api", self.api),
            mock.patch.object(engine, "AnsibleModule", return_value=module),
        ):
            try:
                engine.run(lambda: kind(clock))
            except _Ended:
                return module.outcome
        raise AssertionError("the module has no end")


# --- faults -----------------------------------------------------------------------------------------------------------


def lost(error: Exception) -> Fault:
    """Booked, and no answer comes."""

    def fault(work: Callable[[], Reply]) -> Reply:
        work()
        raise error

    return fault


def broken(error: Exception) -> Fault:
    """Nothing is done."""

    def fault(_work: Callable[[], Reply]) -> Reply:
        raise error

    return fault


def instead(status: int, body: bytes | dict[str, Any] = b"", work: bool = True, **headers: str) -> Fault:
    """Another answer; done or not."""

    def fault(do: Callable[[], Reply]) -> Reply:
        if work:
            do()
        return Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

    return fault


def changed(change: Callable[[Any], Any]) -> Fault:
    """The answer's JSON, changed."""

    def fault(work: Callable[[], Reply]) -> Reply:
        reply = work()
        return Reply(reply.status_code, json.dumps(change(json.loads(reply.content))).encode(), reply.headers)

    return fault


# --- files that cannot be written, and runs that are killed -------------------------------------------------------------

CHANGES = ("open", "mkdir", "write", "fchmod", "fsync", "rename", "unlink", "symlink")


class Killed(BaseException):
    pass


@contextlib.contextmanager
def failing(desk: Desk, at: int, failure: BaseException) -> Iterator[list[int]]:
    """The `at`-th call that changes a file goes wrong, of ours and not of the provider's; gives how many there were."""
    calls = [0]

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **given: Any) -> Any:
            if desk.busy or (name == "open" and not arguments[1] & os.O_CREAT):
                return real(*arguments, **given)
            calls[0] += 1
            if calls[0] == at:
                raise failure
            return real(*arguments, **given)

        return call

    with mock.patch.multiple(os, **{name: wrap(name, getattr(os, name)) for name in CHANGES}):
        yield calls
