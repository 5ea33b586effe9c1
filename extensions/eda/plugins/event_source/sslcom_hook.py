# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source for ansible-rulebook: what SSL.com asked and brought, from the reseller hook's durable queue."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp

DOCUMENTATION = r"""
---
short_description: Events of SSL.com's reseller endpoints
description:
  - Each authorization that SSL.com asked for, and each certificate that it brought, as an event. They come from the queue of the service that the
    role C(certfleet.reseller.sslcom_reseller_hook) installs, oldest first.
  - The queue is durable, and keeps a place for each consumer by its name. An event is acknowledged after ansible-rulebook has taken it, so that
    none is lost when the source or the service ends at any moment. One that was taken but not yet acknowledged then comes again, with the
    same C(meta.uuid).
  - With O(feedback) an event is acknowledged after the rules have seen it.
  - While the service cannot be reached the source tries again, after 1 second first and then ever more rarely, at least once a minute. It ends when
    the service refuses it.
  - It needs C(aiohttp), which ansible-rulebook has itself.
options:
  url:
    description:
      - Where the service is. Over C(http) on this machine only, for the token is sent along.
    type: str
    default: http://127.0.0.1:8088
  socket_path:
    description: The service's Unix socket, for one that has no port.
    type: str
  ca_path:
    description: PEM file of the CAs that the service's certificate is verified with. By default those of the system.
    type: str
  certificate_path:
    description: PEM file of a client certificate with its chain, where the service or its proxy asks for one.
    type: str
  key_path:
    description: PEM file of its key, without a password. Not needed when it is in O(certificate_path), too.
    type: str
  token_path:
    description:
      - File with the token of the queue. The role keeps it on the controller, as C(hook/events_token) of the state directory, and on the hosts of the
        service as its C(events_token_path).
      - It is read again for each connection that is tried. C(~) stands for the home directory.
    type: str
  token:
    description: The token itself, where there is no file. Give a variable, not the text. One of O(token_path) and O(token) is needed.
    type: str
  consumer:
    description:
      - Who reads. Two sources with different names get all events each. Two with the same name get the same events as long as none has
        acknowledged them, so use a name once.
    type: str
    default: eda
  kinds:
    description: Which events to put into the rules. All others are acknowledged and forgotten.
    type: list
    elements: str
    choices: [authorization, certificate, delivery]
    default: [authorization, certificate, delivery]
  wait:
    description: How many seconds the service may hold back its answer when there is no event yet, 1 to 30.
    type: int
    default: 20
  limit:
    description: How many events are fetched at once, 1 to 1000.
    type: int
    default: 50
  feedback:
    description:
      - An option of ansible-rulebook, which tells the source when the rules have seen an event. It needs a source with a name, and
        ansible-rulebook with persistence.
    type: bool
    default: false
notes:
  - Members of all events are C(id), C(kind), C(at), C(customer), C(kid), C(product), C(duration), C(names) and C(key). An authorization has C(allowed), and
    C(code) when it was refused. A certificate has C(fingerprint), C(serial), C(not_before), C(not_after), C(flags) and C(chain), which is PEM.
    A delivery is a certificate that was sent back. It has C(code) and, but for C(flags) and C(chain), the same.
  - There is no key and no other secret in an event.
"""

EXAMPLES = r"""
- name: Deploy what SSL.com has issued
  hosts: all
  sources:
    - name: hook
      certfleet.reseller.sslcom_hook:
        token_path: ~/.certfleet/hook/events_token
        consumer: deploy
        kinds: [certificate]
  rules:
    - name: A certificate was issued
      condition: event.kind == "certificate"
      action:
        run_playbook:
          name: certfleet.reseller.certificate_received
          extra_vars:
            certfleet_received_names: "{{ event.names }}"
"""

LOGGER = logging.getLogger(__name__)
KINDS = ("authorization", "certificate", "delivery")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds
ANSWER_SECONDS = 15  # beyond `wait`
_FOR_LATER = (408, 425, 429)


class Queue(Protocol):
    async def put(self, item: Any) -> None:
        """Hand an event to the rulebook; waits while it has enough."""

    async def get(self) -> Any:
        """The next event."""


class Trouble(Exception):
    """The service has a problem that may pass."""


class Refused(Exception):
    """Trying again will not help; the text says why."""


@dataclass(frozen=True)
class Options:
    """The source's arguments; see DOCUMENTATION."""

    url: str = "http://127.0.0.1:8088"
    socket_path: str = ""
    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""
    token_path: str = ""
    token: str = ""
    consumer: str = "eda"
    kinds: tuple[str, ...] = KINDS
    wait: int = 20
    limit: int = 50
    feedback: bool = False

    @classmethod
    def parse(cls, args: dict[str, Any]) -> Options:
        """Raises Refused with what is wrong. Numbers may be text, as templates make them."""
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(args) - known - {"eda_feedback_queue"})
        if unknown:
            raise Refused(f"there is no option {', '.join(unknown)}")
        values = {name: value for name, value in args.items() if name in known and value is not None}
        for name, most in (("wait", 30), ("limit", 1000)):
            if name in values:
                values[name] = _number(name, values[name], most)
        kinds = values.get("kinds", KINDS)
        values["kinds"] = tuple([kinds] if isinstance(kinds, str) else kinds)
        if not set(values["kinds"]) <= set(KINDS):
            raise Refused(f"kinds must be of {', '.join(KINDS)}")
        found = cls(**values)
        if bool(found.token_path) == bool(found.token):
            raise Refused("one of token_path and token is needed")
        if not (found.socket_path or _safe(found.url)):
            raise Refused("url must be one of https, or of http on this machine")
        return found


def _number(name: str, value: Any, most: int) -> int:
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Refused(f"{name} must be a whole number from 1 to {most}")
    return int(text)


def _safe(url: str) -> bool:
    """Whether nobody on the way can read the token."""
    place = urlsplit(url)
    if place.scheme == "https":
        return bool(place.hostname)
    try:
        return place.scheme == "http" and (
            place.hostname == "localhost" or ipaddress.ip_address(place.hostname or "").is_loopback
        )
    except ValueError:
        return False


def _home(path: str) -> str | None:
    return str(Path(path).expanduser()) if path else None


class Source:
    """One consumer of the queue. `feedback` has each event again as soon as the rules have seen it; None: not told."""

    def __init__(self, options: Options, queue: Queue, feedback: Queue | None) -> None:
        self._options, self._queue, self._feedback = options, queue, feedback
        self._base = options.url.rstrip("/")
        self._taken: dict[str, Any] | None = None  # handed over, but not acknowledged yet
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        """Ends with Refused only, or when it is cancelled."""
        while True:
            try:
                async with aiohttp.ClientSession(
                    connector=self._connector(), headers=await self._headers(), timeout=self._timeout()
                ) as session:
                    while True:
                        await self._round(session)
                        self._pause = FIRST_PAUSE
            except (TimeoutError, aiohttp.ClientError, Trouble) as error:
                # what an error of aiohttp says may hold headers
                told = error if isinstance(error, Trouble) else type(error).__name__
                LOGGER.warning("the queue of %s is not read: %s; next try in %.0f s", self._base, told, self._pause)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _connector(self) -> aiohttp.BaseConnector:
        if self._options.socket_path:
            return aiohttp.UnixConnector(path=self._options.socket_path)
        if self._base.startswith("https:"):
            return aiohttp.TCPConnector(ssl=self._tls())
        return aiohttp.TCPConnector()

    def _tls(self) -> ssl.SSLContext:
        options = self._options
        try:
            context = ssl.create_default_context(cafile=_home(options.ca_path))
            if options.certificate_path:
                context.load_cert_chain(str(_home(options.certificate_path)), _home(options.key_path))
        except OSError as error:  # ssl.SSLError is one
            raise Refused(f"ca_path, certificate_path or key_path cannot be used: {type(error).__name__}") from None
        return context

    async def _headers(self) -> dict[str, str]:
        token, path = self._options.token, self._options.token_path
        if path:
            try:
                token = await asyncio.to_thread(Path(path).expanduser().read_text, encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise Refused(f"the token in {path} cannot be read: {type(error).__name__}") from None
        return {"Authorization": f"Bearer {token.strip()}"}

    def _timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._options.wait + ANSWER_SECONDS)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        """What the queue has now, or the first event within `wait` seconds."""
        wanted = {"consumer": self._options.consumer, "limit": self._options.limit, "wait": self._options.wait}
        answer = await self._call(session, "GET", "/events", params=wanted)
        events = answer.get("events")
        if not isinstance(events, list) or not all(isinstance(each, dict) and "id" in each for each in events):
            raise Trouble("its answer is not one of the service")
        for event in events:
            # an acknowledgement that got lost is made up for; the event itself has been here
            if event.get("kind") in self._options.kinds and event != self._taken:
                await self._hand_over(event)
            self._taken = event
            await self._call(
                session, "POST", "/events/acknowledge", json={"consumer": self._options.consumer, "id": event["id"]}
            )
            self._taken = None

    async def _hand_over(self, event: dict[str, Any]) -> None:
        # the same event has the same uuid, whoever delivers it how often
        mark = uuid.uuid5(uuid.NAMESPACE_URL, f"{self._base}/events/{event['id']}")
        await self._queue.put({**event, "meta": {"uuid": str(mark)}})
        if self._feedback is not None:
            await self._feedback.get()

    async def _call(self, session: aiohttp.ClientSession, method: str, path: str, **what: Any) -> dict[str, Any]:
        async with session.request(method, self._base + path, allow_redirects=False, **what) as answer:
            if answer.status >= 500 or answer.status in _FOR_LATER:
                raise Trouble(f"status {answer.status}")
            if answer.status == 404:
                raise Refused(f"{self._base} knows no queue for this token (404)")
            if answer.status != 200:
                raise Refused(f"{self._base} refuses the request (status {answer.status})")
            try:
                found = await answer.json()
            except ValueError:
                found = None
        if not isinstance(found, dict):
            raise Trouble("its answer is not one of the service")
        return found


async def main(queue: Queue, args: dict[str, Any]) -> None:
    """What ansible-rulebook calls."""
    await Source(Options.parse(args), queue, args.get("eda_feedback_queue")).run()


if __name__ == "__main__":
    # By hand: python sslcom_hook.py '{"token_path": "~/.certfleet/hook/events_token", "consumer": "me"}'
    import json
    import sys

    class Printer:
        async def put(self, item: Any) -> None:
            print(json.dumps(item), flush=True)

        async def get(self) -> Any:
            """Nobody answers."""

    asyncio.run(main(Printer(), json.loads(sys.argv[1])))
