# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: what goes wrong on the way between a client and a service, seeded or scripted.

kind        work done   what the client sees
cut_before  no          the connection is reset
cut_during  yes         the connection is reset as soon as the request is there; the work follows
cut_after   yes         the connection is reset, without an answer
hang        yes         nothing for some seconds, then the connection is reset
429         no          429 with Retry-After
502         no          502 with an HTML page, as from a proxy
502_after   yes         the same, from a proxy that lost the answer
status      as told     any status, with an error of the service, an HTML page or nothing as its body
truncate    yes         status and Content-Length of the answer, but only half of its body
slow        yes         the answer, its body dribbled over some seconds
slow_head   yes         the answer, its head dribbled over some seconds
errors_200  no          status 200 with an `errors` member
malformed   as told     what the test gives: status, headers and body, or the raw bytes of the whole answer
redirect    no          307 to a given URL

The service sslcom-hook is no service: SSL.com itself calls the reseller, and it is these calls that go wrong.
lost_answer the call is made, its answer is lost, as after a timeout; it is repeated
not_sent    the reseller is not reached; the call is repeated
duplicate   the call is made twice
"""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

SEEDED = (
    *("cut_before", "cut_during", "cut_after", "hang", "429", "502", "502_after"),
    *("truncate", "slow", "slow_head", "errors_200"),
)
KINDS = (*SEEDED, "status", "malformed", "redirect")
SHAPES = ("json", "html", "empty")
PROVIDERS = ("sslcom", "identrust", "sslmarket")
HOOK, HOOK_KINDS = "sslcom-hook", ("lost_answer", "not_sent", "duplicate")
SERVICES = (*PROVIDERS, "acme-sslcom", "acme-identrust", "revocation")
_WORK_DONE = ("cut_during", "cut_after", "hang", "502_after", "truncate", "slow", "slow_head")
_AS_TOLD = ("status", "malformed")


@dataclass(frozen=True)
class Fault:
    kind: str
    retry_after: int = 1  # 429
    seconds: float = 1.0  # slow, slow_head, hang
    location: str = ""  # redirect
    work: bool = False  # status, malformed: whether the service does its work first
    status: int = 200  # status, malformed
    shape: str = "json"  # status: json, html or empty
    headers: dict[str, str] = field(default_factory=dict)
    body_base64: str = ""
    raw_base64: str = ""  # malformed: replaces status, headers and body

    def works(self) -> bool:
        return self.kind in _WORK_DONE or (self.kind in _AS_TOLD and self.work)


@dataclass
class _Scripted:
    service: str
    operation: str | None
    times: int
    fault: Fault


@dataclass(frozen=True)
class Seeded:
    """Each service draws from a sequence of its own, so that it does not depend on what other services are asked."""

    seed: str
    rate: float
    kinds: tuple[str, ...]
    services: tuple[str, ...] = PROVIDERS
    operations: tuple[str, ...] = ()  # all

    @classmethod
    def parse(cls, text: str) -> Seeded | None:
        """``seed=1,rate=0.3,kinds=cut_before+502[,services=sslcom+acme-sslcom][,operations=order_create]``; raises ValueError."""
        if not text:
            return None
        values = dict(part.partition("=")[::2] for part in text.split(","))
        unknown = set(values) - {"seed", "rate", "kinds", "services", "operations"}
        if unknown:
            raise ValueError(f"unknown in faults: {', '.join(sorted(unknown))}")
        kinds = tuple(values.get("kinds", "cut_before+cut_after").split("+"))
        services = tuple(values.get("services", "+".join(PROVIDERS)).split("+"))
        for found, known in ((kinds, SEEDED), (services, SERVICES)):
            wrong = set(found) - set(known)
            if wrong:
                raise ValueError(f"not one of {', '.join(known)}: {', '.join(sorted(wrong))}")
        rate = float(values.get("rate", "0.1"))
        if not 0 <= rate <= 1:
            raise ValueError(f"rate is a part of 1, not {rate}")
        operations = tuple(filter(None, values.get("operations", "").split("+")))
        return cls(values.get("seed", "1"), rate, kinds, services, operations)


class Faults(Protocol):
    def take(self, service: str, operation: str | None) -> Fault | None:
        """The fault that this request meets, None for the most."""


class FaultPlan:
    """What the next requests get. Scripted faults come first, in the order given; then the seeded ones are drawn."""

    def __init__(self, seeded: Seeded | None = None) -> None:
        self._seeded = seeded
        self._lock = threading.Lock()
        self._scripted: list[_Scripted] = []
        self._random: dict[str, random.Random] = {}

    def script(self, service: str, kind: str, times: int = 1, operation: str | None = None, **details: Any) -> None:
        """The next `times` requests to `service` (just those of `operation`, if given) get this fault."""
        if service not in (*SERVICES, HOOK):
            raise ValueError(f"service: not one of {', '.join((*SERVICES, HOOK))}")
        kinds = HOOK_KINDS if service == HOOK else KINDS
        if kind not in kinds:
            raise ValueError(f"kind: not one of {', '.join(kinds)}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise ValueError("times: not a positive number")
        unknown = set(details) - {entry.name for entry in fields(Fault)}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if kind == "redirect" and not details.get("location"):
            raise ValueError("location: needed for a redirect")
        if details.get("shape", "json") not in SHAPES:
            raise ValueError(f"shape: not one of {', '.join(SHAPES)}")
        with self._lock:
            self._scripted.append(_Scripted(service, operation, times, Fault(kind, **details)))

    def clear(self) -> None:
        with self._lock:
            self._scripted.clear()

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"service": entry.service, "operation": entry.operation, "times": entry.times, "kind": entry.fault.kind}
                for entry in self._scripted
            ]

    def take(self, service: str, operation: str | None) -> Fault | None:
        with self._lock:
            for entry in self._scripted:
                if entry.service == service and entry.operation in (None, operation):
                    entry.times -= 1
                    if not entry.times:
                        self._scripted.remove(entry)
                    return entry.fault
            return self._draw(service, operation)

    def _draw(self, service: str, operation: str | None) -> Fault | None:
        if self._seeded is None or service not in self._seeded.services:
            return None
        if self._seeded.operations and operation not in self._seeded.operations:
            return None
        if service not in self._random:
            self._random[service] = random.Random(f"{self._seeded.seed}/{service}")
        source = self._random[service]
        # Both numbers are drawn each time: a changed rate moves no kind to another request.
        hit, kind = source.random() < self._seeded.rate, source.choice(self._seeded.kinds)
        return Fault(kind) if hit else None


class RemoteFaults:
    """The plan of the supervisor, asked from the process of an ACME server by way of the control API."""

    def __init__(self, control_url: str) -> None:
        self._url = f"{control_url}/faults/take"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def take(self, service: str, operation: str | None) -> Fault | None:
        body = json.dumps({"service": service, "operation": operation}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with self._opener.open(request, timeout=10) as answer:
            found = json.load(answer)["fault"]
        return Fault(**found) if found else None


def as_dict(fault: Fault | None) -> dict[str, Any] | None:
    return asdict(fault) if fault else None
