# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the service together and runs it until SIGTERM: requests that were begun are answered first."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import uvicorn

from certfleet_hook import protocol, settings, tables
from certfleet_hook.app import Service
from certfleet_hook.desk import Desk
from certfleet_hook.logs import logger, set_up
from certfleet_hook.rules import Rules
from certfleet_hook.settings import Settings, SettingsError
from certfleet_hook.writer import Writer

LOOK_SECONDS = 1.0
FIRST_DESCRIPTOR = 3  # of those that systemd passes, see sd_listen_fds(3)
BACKLOG = 2048
GARBAGE = 10_000  # new objects between two collections


def configuration(app: object, wanted: Settings) -> uvicorn.Config:
    """The server's settings; a benchmark measures the framework alone with the same ones."""
    protocol.HEAD_SECONDS = wanted.request_seconds
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="asyncio",
        http=protocol.Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=wanted.connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=wanted.answer_seconds,
        backlog=BACKLOG,
        ssl_certfile=wanted.tls_certificate_path or None,
        ssl_keyfile=wanted.tls_key_path or None,
        ssl_ca_certs=wanted.tls_client_ca_path or None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if wanted.tls_client_ca_path else ssl.CERT_NONE,
    )


def listen(wanted: Settings) -> socket.socket:
    """systemd's socket if there is one: it stays when this process goes, and keeps who comes meanwhile waiting."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=FIRST_DESCRIPTOR)
    if wanted.socket_path:
        Path(wanted.socket_path).unlink(missing_ok=True)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(wanted.socket_path)
        os.chmod(wanted.socket_path, 0o660)
        unix.listen(BACKLOG)
        return unix
    return socket.create_server(
        (wanted.address, wanted.port),
        family=socket.AF_INET6 if ":" in wanted.address else socket.AF_INET,
        backlog=BACKLOG,
    )


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); nothing without it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall(state.encode())


async def watch(rules: Rules) -> None:
    """SIGHUP is for the impatient; the file is looked at anyway."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, rules.refresh)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        rules.refresh()


def build(wanted: Settings, rules: Rules, writer: Writer, desk: Desk) -> Service:
    return Service(
        prefix=settings.secret(wanted.prefix_path),
        events_token=settings.secret(wanted.events_token_path) if wanted.events_token_path else "",
        metrics_token=settings.secret(wanted.metrics_token_path) if wanted.metrics_token_path else "",
        writer=writer,
        policy=lambda: rules.policy,
        good_policy=lambda: rules.good,
        desk=desk,
        request_seconds=wanted.request_seconds,
        answer_seconds=wanted.answer_seconds,
    )


class Server(uvicorn.Server):
    """uvicorn, with word to systemd when it takes requests and when it stops."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify("READY=1")
            logger.info("ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify("STOPPING=1")
        await super().shutdown(sockets)


@contextlib.asynccontextmanager
async def beside(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs these while the server does. They do not end by themselves: if one does, it failed, and so does the service."""
    server = asyncio.current_task()
    tasks = [asyncio.create_task(job) for job in jobs]

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and server is not None:
            logger.critical("a part of the service failed", exc_info=task.exception())
            server.cancel()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def leave(_number: int, _frame: object) -> None:
    """uvicorn raises the signal again when it has answered everything; the database is closed then."""
    raise SystemExit(0)


def serve(path: str) -> None:
    """Run with the settings of a file; SettingsError or tables.SchemaError when that cannot be."""
    wanted = settings.load(path)
    set_up(wanted.log_level)
    os.umask(0o077)
    Path(wanted.state_path).mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        engine = tables.connect(wanted.database_url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    tables.prepare(engine)
    rules = Rules(wanted.policy_path, wanted.state_path)

    async def run() -> None:
        writer = Writer(engine, lambda: rules.policy)
        server = Server(configuration(build(wanted, rules, writer, Desk(engine)), wanted))
        async with beside(watch(rules), writer.run()):
            await server.serve(sockets=[listener])

    # what was imported stays: no need to look through it for garbage again and again
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    listener = listen(wanted)
    if listener.family != socket.AF_UNIX:
        # Inherited by each connection. An answer is sent in two pieces, and the second would wait for the first to be confirmed (40 ms);
        # asyncio does it by itself only where a socket names its protocol, and these do not.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    signal.signal(signal.SIGTERM, leave)
    try:
        asyncio.run(run())
    finally:
        engine.dispose()
