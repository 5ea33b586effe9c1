# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side. Everything is denied but what is spelled out here; each answer to SSL.com is JSON with a boolean."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from certfleet_hook import chain, clock, requests, strict
from certfleet_hook.decide import refused
from certfleet_hook.desk import Desk
from certfleet_hook.logs import logger, tell
from certfleet_hook.metrics import SECONDS, answers
from certfleet_hook.policy import Policy
from certfleet_hook.state import Answer
from certfleet_hook.store import Ask, Bring, Job
from certfleet_hook.writer import Busy, Writer

AUTHORIZE, RECEIVE = "reseller_authorization", "receive_certificate"
LARGEST = {AUTHORIZE: 64 * 1024, RECEIVE: 256 * 1024}
PROVING_AT_ONCE = 4
CLOSE = {"Connection": "close"}
OWN_FAULT = Answer(500, "fault", "The reseller's system has a problem. Please try again later.")


class Refused(Exception):
    """An answer before any decision. ``close``: the rest of the request is not read."""

    def __init__(self, status: int, code: str, message: str, close: bool = False) -> None:
        self.answer, self.close = Answer(status, code, message), close
        super().__init__(code)


@dataclass
class Service:
    """What the endpoints need. Secrets are compared, and never shown."""

    prefix: str
    events_token: str
    metrics_token: str
    writer: Writer
    policy: Callable[[], Policy]
    good_policy: Callable[[], bool]
    desk: Desk
    request_seconds: int
    answer_seconds: int

    def __post_init__(self) -> None:
        self.paths = {name: f"/{self.prefix}/{name}".encode() for name in (AUTHORIZE, RECEIVE)}
        self.rooms = {
            ("GET", "/healthz"): self.health,
            ("GET", "/metrics"): self.metrics,
            ("GET", "/events"): self.events,
            ("POST", "/events/acknowledge"): self.acknowledge,
        }
        self.proving = asyncio.Semaphore(PROVING_AT_ONCE)

    # --- SSL.com ------------------------------------------------------------------------------------------------------

    async def endpoint(self, request: Request) -> Response:
        if (room := self.rooms.get((request.method, request.scope["path"]))) is not None:
            return await room(request)
        path = request.scope["path"].encode("utf-8", "replace")
        # all are compared, so that the time says nothing of where they differ
        hits = [name for name, wanted in self.paths.items() if hmac.compare_digest(path, wanted)]
        if not hits:
            answers("other", 404, "path").inc()
            return Response(status_code=404, headers=CLOSE)
        (name,) = hits
        start = time.monotonic()
        facts: dict[str, object] = {}
        close = False
        try:
            if request.method != "POST":
                raise Refused(405, "method", "Only POST is possible here.", close=True)
            body = await self._body(request, LARGEST[name])
            answer = await self._decide(name, body, facts)
        except Refused as error:
            answer, close = error.answer, error.close
        except (ClientDisconnect, asyncio.CancelledError):
            answers(name, 0, "gone").inc()
            raise
        except Exception as error:  # not stored, or a defect: in no case a "yes"
            logger.error(
                "no decision", extra={"facts": {"endpoint": name, "error": type(error).__name__}}, exc_info=error
            )
            answer = OWN_FAULT
        seconds = time.monotonic() - start
        answers(name, answer.status, answer.code).inc()
        SECONDS.labels(name).observe(seconds)
        tell("answered", endpoint=name, status=answer.status, code=answer.code, ms=round(seconds * 1000, 1), **facts)
        return reply(answer, close)

    async def _body(self, request: Request, largest: int) -> bytes:
        """All of a JSON body, within its limits of size and time."""
        headers = dict(request.scope["headers"])  # names are lower case (ASGI)
        kind = headers.get(b"content-type", b"application/json").decode("latin-1")
        media, _semicolon, parameters = kind.lower().partition(";")
        charset = parameters.replace(" ", "").replace('"', "")
        if media.strip() != "application/json" or charset not in ("", "charset=utf-8"):
            raise Refused(415, "media_type", "Only JSON in UTF-8 is possible here.", close=True)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refused(415, "encoding", "Only uncompressed requests are possible here.", close=True)
        length = headers.get(b"content-length", b"0")
        if len(length) > 12 or int(length) > largest:
            raise Refused(413, "too_large", "The request is too large.", close=True)
        found, more = b"", True
        try:
            async with asyncio.timeout(self.request_seconds):
                while more:
                    message = await request.receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    found += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(found) > largest:
                        raise Refused(413, "too_large", "The request is too large.", close=True)
        except TimeoutError:
            raise Refused(408, "too_slow", "The request took too long.", close=True) from None
        return found

    async def _decide(self, name: str, body: bytes, facts: dict[str, object]) -> Answer:
        policy = self.policy()
        job: Job
        try:
            if name == AUTHORIZE:
                asked = requests.authorization(body)
                if asked.kid not in policy.by_kid:  # strangers do not get as far as the database
                    return refused("unknown_kid")
                job = self._ask(policy, asked, facts)
            else:
                job = await self._bring(policy, requests.delivery(body), facts)
        except requests.BadRequest as error:
            raise Refused(400, "request", str(error)) from None
        except chain.BadChain as error:
            status = 400 if error.code == "malformed" else 403
            raise Refused(status, f"chain_{error.code}", str(error)) from None
        try:
            return (await self.writer.submit(job, self.answer_seconds)).answer
        except Busy:
            return Answer(500, "busy", OWN_FAULT.message)

    def _ask(self, policy: Policy, request: requests.Authorization, facts: dict[str, object]) -> Job:
        facts |= {"customer": policy.by_kid[request.kid].id, "names": len(request.names)}
        return Ask(request)

    async def _bring(self, policy: Policy, request: requests.Delivery, facts: dict[str, object]) -> Job:
        async with self.proving:
            leaf = await asyncio.to_thread(chain.read, request.chain, policy.trusted, clock.moment(clock.now()))
        known = policy.by_kid.get(request.kid)
        facts |= {"customer": known.id if known else None, "fingerprint": leaf.fingerprint}
        return Bring(request, leaf)

    # --- the machine room -------------------------------------------------------------------------------------------------

    def _local(self, request: Request) -> bool:
        """On loopback, and not through a proxy that says so. One that does not cannot be told from a client of this host."""
        if {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers):
            return False
        # a Unix socket has no address; who may connect to it is a matter of its mode
        return request.client is None or not request.client.host or ip_address(request.client.host).is_loopback

    async def health(self, request: Request) -> Response:
        """200 if a decision could be stored now. A policy that was refused is told, and is no reason to take the node out."""
        if not self._local(request):
            return Response(status_code=404, headers=CLOSE)
        problem = self.writer.troubled() or bool(await asyncio.to_thread(self.desk.problem))
        data = {"status": "fault" if problem else "ok", "policy": "ok" if self.good_policy() else "refused"}
        return JSONResponse(data, 503 if problem else 200)

    async def metrics(self, request: Request) -> Response:
        """Balances of customers are in it, so it takes a token, too."""
        if not self._local(request) or not _shows(request, self.metrics_token):
            return Response(status_code=404, headers=CLOSE)
        text = await asyncio.to_thread(self.desk.metrics, self.policy())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    # --- the queue ----------------------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """Events after the consumer's cursor; with ``wait`` the answer comes with the first of them."""
        if not _shows(request, self.events_token):
            return Response(status_code=404, headers=CLOSE)
        try:
            consumer = Desk.consumer(request.query_params.get("consumer", ""))
            limit = _number(request, "limit", 100, 1, 1000)
            wait = _number(request, "wait", 0, 0, 30)
        except ValueError as error:
            return JSONResponse({"success": False, "error_message": str(error)}, 400)
        until = time.monotonic() + wait
        while True:
            acknowledged, found = await asyncio.to_thread(self.desk.read, consumer, limit)
            if found or time.monotonic() >= until or await request.is_disconnected():
                return JSONResponse({"success": True, "acknowledged": acknowledged, "events": found})
            await asyncio.sleep(min(0.5, max(0.0, until - time.monotonic())))

    async def acknowledge(self, request: Request) -> Response:
        if not _shows(request, self.events_token):
            return Response(status_code=404, headers=CLOSE)
        try:
            data = strict.parse(await self._body(request, 1024))
            consumer, last = Desk.consumer(data["consumer"]), data["id"]
            acknowledged = await asyncio.to_thread(self.desk.acknowledge, consumer, last)
        except Refused as error:
            return reply(error.answer, error.close)
        except (KeyError, TypeError, ValueError):
            return reply(Answer(400, "request", "consumer must be a name, id the number of an event."), False)
        return JSONResponse({"success": True, "acknowledged": acknowledged})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application: no routes to look through, for what is not spelled out in ``endpoint`` is denied."""
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


SUCCESS = JSONResponse({"success": True})  # the same each time; it keeps nothing of a request


def reply(answer: Answer, close: bool) -> Response:
    if answer.status == 200 and not close:
        return SUCCESS
    headers = {"Allow": "POST"} if answer.status == 405 else {}
    headers |= CLOSE if close else {}
    content: dict[str, object] = {"success": answer.status == 200}
    if answer.status != 200:
        content["error_message"] = answer.message
    return JSONResponse(content, answer.status, headers=headers)


def _shows(request: Request, token: str) -> bool:
    """Whether it has the token; nobody has one that is not set."""
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    return bool(token) and hmac.compare_digest(given, f"Bearer {token}".encode())


def _number(request: Request, name: str, usual: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(usual))
    if not text.isdecimal() or len(text) > 5 or not least <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}")
    return int(text)
