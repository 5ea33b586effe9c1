# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uvicorn's HTTP/1.1 with a limit on how long a request's head may take, and JSON for what is no HTTP.

A body has its own limit in the application, which knows how much of it there may be.
"""

from __future__ import annotations

import asyncio
import http
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10
DRAIN_SECONDS = 1
NO_BODY = b'{"success":false,"error_message":"%s"}'


class Protocol(H11Protocol):
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._arm(self.timeout_keep_alive)
        super().on_response_complete()

    def shutdown(self) -> None:
        """Who has connected and is about to send the first request still gets an answer, while others take over the socket."""
        if self.cycle is None:
            self.loop.call_later(DRAIN_SECONDS, self._drained)
        else:
            super().shutdown()

    def _drained(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "The request is not HTTP.")

    def _arm(self, more: int = 0) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEAD_SECONDS + more, self._late)

    def _late(self) -> None:
        """While a request is with the application, that one watches the time."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._arm()
        else:
            self._refuse(408, "The request took too long.")

    def _refuse(self, status: int, message: str) -> None:
        body = NO_BODY % message.encode("ascii")
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reason = http.HTTPStatus(status).phrase.encode("ascii")
            for event in (
                h11.Response(status_code=status, headers=headers, reason=reason),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
