# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorizations per second of the reseller hook, and how long the slowest hundredth takes, beside an empty endpoint.

Both are one process with the same server, the same settings and the same requests: new authorizations, each of another name, so each
is a reservation, a line of the log and an event on the disk before its answer. The empty endpoint is Starlette's own, and reads no
more than the request. The clients are one process that waits for an answer before it sends the next request on a connection.

    make bench        or: python -m tests.bench.bench_hook [--requests 10000] [--connections 200] [--rounds 3] [--database-url URL]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.support.hook import FILES, KID, PREFIX, Hook, authorization

LEAST_SHARE = 0.4
PATH = f"/{PREFIX}/reseller_authorization"


class Client(asyncio.Protocol):
    """One connection, one request at a time; ``work`` gives the next request."""

    def __init__(self, work: list[bytes], times: list[float], done: asyncio.Future[None]) -> None:
        self._work, self._times, self._done = work, times, done
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if not self._work:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._work.pop())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._answer.endswith(b'{"success":true}'):
            self._times.append(time.perf_counter() - self._sent)
            self._answer = b""
            self._next()
        elif b"false" in self._answer:
            self._done.set_exception(RuntimeError(self._answer.decode()))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError("the server closed a connection"))


def message(name: str) -> bytes:
    body = json.dumps(authorization([name], KID)).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: hook\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(port: int, work: list[bytes], connections: int) -> tuple[float, list[float]]:
    loop, times = asyncio.get_running_loop(), list[float]()
    ends = [loop.create_future() for _number in range(connections)]
    started = time.perf_counter()
    for end in ends:
        await loop.create_connection(partial(Client, work, times, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return time.perf_counter() - started, times


def floor(port: int) -> None:
    """The empty endpoint."""
    import uvicorn
    from certfleet_hook.server import configuration
    from certfleet_hook.settings import Settings
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def empty(_request: Request) -> JSONResponse:
        return JSONResponse({"success": True})

    config = configuration(Starlette(routes=[Route(PATH, empty, methods=["POST"])]), Settings("", "", "", ""))
    config.host, config.port = "127.0.0.1", port
    uvicorn.Server(config).run()


class Floor(Hook):
    """The same process handling around the empty endpoint."""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.bench.bench_hook", "--floor", str(self.port)]


def measure(hook: Hook, name: str, requests: int, connections: int) -> tuple[float, float, float]:
    """Authorizations per second; the median and the 99th percentile of the answers' times in milliseconds."""
    work = [message(f"n{number}.{name}.alpha.test") for number in range(requests)]
    seconds, times = asyncio.run(load(hook.port, work, connections))
    assert len(times) == requests
    cuts = statistics.quantiles(times, n=100)
    return requests / seconds, cuts[49] * 1000, cuts[98] * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database-url", default="", help="PostgreSQL instead of SQLite")
    parser.add_argument("--folder", type=Path, help="where the database is (default: a temporary directory)")
    parser.add_argument("--floor", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.floor:
        floor(wanted.floor)
        return 0
    os.environ["PYTHONPATH"] = str(FILES)
    rates: dict[str, list[float]] = {"empty endpoint": [], "authorizations": []}
    slowest: dict[str, list[float]] = {name: [] for name in rates}
    with tempfile.TemporaryDirectory(dir=wanted.folder, prefix="bench-hook-") as folder:
        hook = Hook(Path(folder, "hook"), database_url=wanted.database_url, log_level="info")
        hook.customers["alpha"] |= {"balance": "9000000000.00", "rate": {"count": 10**6, "seconds": 1}}
        hook.write_policy()
        with hook, Floor(Path(folder, "floor")) as empty:
            for number in range(wanted.rounds):
                for name, server in (("empty endpoint", empty), ("authorizations", hook)):
                    rate, median, slow = measure(server, f"r{number}", wanted.requests, wanted.connections)
                    rates[name].append(rate)
                    slowest[name].append(slow)
                    print(
                        f"round {number + 1}  {name:15} {rate:7.0f}/s  median {median:6.1f} ms  99 % {slow:6.1f} ms",
                        flush=True,
                    )
            stored = hook.rows("reservations")
        assert stored == wanted.rounds * wanted.requests, stored
        checked = subprocess.run(hook.command("verify-log"), capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked
    share = statistics.median(rates["authorizations"]) / statistics.median(rates["empty endpoint"])
    for name in rates:
        print(f"{name:15} {statistics.median(rates[name]):7.0f}/s, 99 % in {statistics.median(slowest[name]):.1f} ms")
    print(f"{stored} reservations, each recorded before its answer; {100 * share:.0f} % of the empty endpoint's rate")
    return 0 if share >= LEAST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
