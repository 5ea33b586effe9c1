# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source against a real service of its own: what is delivered, what is acknowledged, and what comes after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import random
import runpy
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support import pki
from tests.support.hook import PREFIX, TOKEN, Hook

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "sslcom_hook.py"
RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "certificate_received.yml"
SECONDS = 20
KILLS = 6


# as ansible-rulebook does it: by its path
source = SimpleNamespace(**runpy.run_path(str(FILE)))


@pytest.fixture(scope="module")
def shared_hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    with Hook(tmp_path_factory.mktemp("hook")) as hook:
        hook.authorize(["first.alpha.test"])
        hook.deliver(["first.alpha.test"], hook.authority.chain(["first.alpha.test"]))
        hook.authorize(["first.other.test"])  # refused
        yield hook


@pytest.fixture
def hook(shared_hook: Hook) -> Hook:
    return shared_hook


def arguments(hook: Hook, consumer: str, **more: Any) -> dict[str, Any]:
    access = {"url": f"http://127.0.0.1:{hook.port}", "token_path": str(hook.path / "token")}
    return {**access, "consumer": consumer, "wait": 1, **more}


def acknowledged(hook: Hook, consumer: str) -> int:
    rows = hook.query(f"SELECT acknowledged FROM consumers WHERE name = '{consumer}'")
    return int(rows[0][0]) if rows else 0


def ids(hook: Hook) -> list[int]:
    return [int(row[0]) for row in hook.query("SELECT id FROM events ORDER BY id")]


@contextlib.asynccontextmanager
async def running(
    hook: Hook, consumer: str, size: int = 1, **more: Any
) -> AsyncIterator[tuple[asyncio.Queue[Any], asyncio.Task[None]]]:
    """The source as a task beside the test; its queue has room for one event, as ansible-rulebook's has."""
    queue: asyncio.Queue[Any] = asyncio.Queue(size)
    task = asyncio.create_task(source.main(queue, arguments(hook, consumer, **more)))
    try:
        yield queue, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, source.Refused):
            await task


async def get(queue: asyncio.Queue[Any], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(SECONDS):
        return [await queue.get() for _number in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


# --- what is delivered ------------------------------------------------------------------------------------------------


def test_events_are_those_of_the_queue_in_their_order(hook: Hook) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with running(hook, "order") as (queue, _task):
            found = await get(queue, 3)
            await until(lambda: acknowledged(hook, "order") == found[-1]["id"])
            return found

    allowed, brought, refused = asyncio.run(scenario())
    assert [each["kind"] for each in (allowed, brought, refused)] == ["authorization", "certificate", "authorization"]
    assert (allowed["allowed"], refused["allowed"], refused["code"]) == (True, False, "name")
    assert brought["names"] == ["first.alpha.test"]
    assert brought["chain"].startswith("-----BEGIN CERTIFICATE-----")
    text = json.dumps([allowed, brought, refused])
    assert [secret for secret in (TOKEN, PREFIX, "PRIVATE KEY") if secret in text] == []


def test_each_consumer_gets_all_and_goes_on_where_it_was(hook: Hook) -> None:
    async def take(consumer: str, count: int) -> list[int]:
        async with running(hook, consumer) as (queue, _task):
            found = await get(queue, count)
            await until(lambda: acknowledged(hook, consumer) == found[-1]["id"])
            return [each["id"] for each in found]

    wanted = ids(hook)
    assert asyncio.run(take("one", len(wanted))) == wanted
    assert asyncio.run(take("two", len(wanted))) == wanted
    hook.authorize(["later.other.test"])
    assert asyncio.run(take("one", 1)) == ids(hook)[len(wanted) :]


def test_other_kinds_are_acknowledged_and_forgotten(hook: Hook) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with running(hook, "kinds", kinds=["certificate"]) as (queue, _task):
            found = await get(queue, 1)
            await until(lambda: acknowledged(hook, "kinds") == ids(hook)[-1])
            assert queue.empty()
            return found

    assert [each["kind"] for each in asyncio.run(scenario())] == ["certificate"]


def test_the_loop_goes_on_while_it_waits(hook: Hook) -> None:
    """The longest time for which others on the loop were kept from their work."""

    async def scenario() -> float:
        longest = 0.0
        async with running(hook, "loop", wait=2) as (queue, _task):
            await get(queue, len(ids(hook)))
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)
        return longest

    longest = asyncio.run(scenario())
    print(f"event source: the loop was held up for {longest * 1000:.0f} ms at most in 1.5 s of waiting")
    assert longest < 0.5


class SecureHook(Hook):
    """Over TLS, for who has a certificate of the CA in ca.pem."""

    def connection(self, timeout: float = 30) -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=str(self.path / "ca.pem"))
        context.load_cert_chain(self.path / "reader.pem")
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=context)


def test_over_tls_with_a_client_certificate(tmp_path: Path) -> None:
    authority = pki.authority("Hook Root")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    for name, purpose in (("localhost", ExtendedKeyUsageOID.SERVER_AUTH), ("reader", ExtendedKeyUsageOID.CLIENT_AUTH)):
        made = pki.server([name], authority, purposes=[purpose])
        (tmp_path / f"{name}.pem").write_bytes(made.key_pem + made.pem)
    own = str(tmp_path / "localhost.pem")
    settings = {"tls_certificate_path": own, "tls_key_path": own, "tls_client_ca_path": str(tmp_path / "ca.pem")}

    async def scenario(hook: Hook) -> dict[str, Any]:
        access = {"url": f"https://localhost:{hook.port}", "ca_path": settings["tls_client_ca_path"]}
        async with running(hook, "tls", **access, certificate_path=str(tmp_path / "reader.pem")) as (queue, _task):
            return (await get(queue, 1))[0]

    with SecureHook(tmp_path, **settings) as hook:
        assert hook.authorize(["tls.alpha.test"])[0] == 200
        assert asyncio.run(scenario(hook))["names"] == ["tls.alpha.test"]


# --- what is acknowledged, and when -----------------------------------------------------------------------------------


def test_nothing_is_acknowledged_that_the_queue_has_not_taken(hook: Hook) -> None:
    async def scenario() -> int:
        async with running(hook, "full") as (queue, _task):
            await until(queue.full)
            await until(lambda: acknowledged(hook, "full") > 0)
            await asyncio.sleep(0.3)  # the second one waits for room
            return acknowledged(hook, "full")

    assert asyncio.run(scenario()) == ids(hook)[0]


def test_with_feedback_an_event_is_acknowledged_after_the_rules_saw_it(hook: Hook) -> None:
    async def scenario() -> None:
        answers: asyncio.Queue[Any] = asyncio.Queue(1)
        more = {"feedback": True, "eda_feedback_queue": answers}
        async with running(hook, "feedback", **more) as (queue, _task):
            first = await queue.get()
            await asyncio.sleep(0.3)
            assert acknowledged(hook, "feedback") == 0
            await answers.put(first)
            await until(lambda: acknowledged(hook, "feedback") == first["id"])

    asyncio.run(scenario())


def test_an_event_that_comes_again_has_the_same_mark(hook: Hook) -> None:
    async def first() -> dict[str, Any]:
        """Ended before the rules have answered."""
        more = {"feedback": True, "eda_feedback_queue": asyncio.Queue(1)}
        async with running(hook, "again", **more) as (queue, _task):
            return (await get(queue, 1))[0]

    one, two = asyncio.run(first()), asyncio.run(first())
    assert one == two
    assert one["meta"]["uuid"]


# --- kills ------------------------------------------------------------------------------------------------------------


def test_a_service_that_is_killed_loses_no_event(tmp_path: Path) -> None:
    count = 12
    hook = Hook(tmp_path)

    async def scenario() -> list[int]:
        found: list[int] = []
        async with running(hook, "eda") as (queue, _task):
            for number in range(count):
                await asyncio.to_thread(hook.authorize, [f"n{number}.alpha.test"])
                if number % 6 == 3:
                    hook.kill()
                    await asyncio.to_thread(hook.start)
                found += [each["id"] for each in await get(queue, 1)]
            await until(lambda: acknowledged(hook, "eda") == found[-1])
        return found

    hook.customers["alpha"]["balance"] = "1000.00"
    hook.write_policy()
    with hook:
        found = asyncio.run(scenario())
        wanted = ids(hook)
    # what was handed over and not acknowledged is known to the source, and not handed over twice
    assert found == wanted
    print(f"event source: {count} events, 2 kills of the service, 0 lost, {len(found) - len(set(found))} twice")


def test_a_source_that_is_killed_loses_no_event(tmp_path: Path) -> None:
    hook, chance = Hook(tmp_path), random.Random(7)
    hook.customers["alpha"]["balance"] = "10000.00"
    hook.write_policy()
    seen: list[int] = []
    with hook:
        for number in range(120):
            hook.authorize([f"n{number}.alpha.test"])
        wanted = ids(hook)
        command = [sys.executable, str(FILE), json.dumps(arguments(hook, "eda", limit=7))]
        for kill in range(KILLS + 1):
            assert wanted[-1] not in seen, "it ran ahead of its kills"
            taken = len(wanted) if kill == KILLS else chance.randrange(1, 9)
            # a small pipe, so that it cannot run far ahead of what is read
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, pipesize=4096
            ) as process:
                assert process.stdout
                for line in process.stdout:
                    seen.append(json.loads(line)["id"])
                    taken -= 1
                    if taken == 0 or seen[-1] == wanted[-1]:
                        break
                process.send_signal(signal.SIGKILL)
                # what it had printed by then was delivered, too
                seen += [json.loads(line)["id"] for line in process.stdout if line.endswith("\n")]
    twice = len(seen) - len(set(seen))
    print(f"event source: {len(wanted)} events, {KILLS} kills of the source, 0 lost, {twice} delivered twice")
    assert sorted(set(seen)) == wanted
    # at most the one that was under way
    assert twice <= KILLS + 1


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokens": "x"}, "there is no option tokens"),
        ({"token_path": None}, "one of token_path and token is needed"),
        ({"token": "x"}, "one of token_path and token is needed"),
        ({"url": "http://hook.example.com"}, "url must be one of https, or of http on this machine"),
        ({"url": "ftp://127.0.0.1"}, "url must be one of https, or of http on this machine"),
        ({"wait": 31}, "wait must be a whole number from 1 to 30"),
        ({"limit": "many"}, "limit must be a whole number from 1 to 1000"),
        ({"kinds": ["order"]}, "kinds must be of authorization, certificate"),
        ({"token_path": "/nonexistent"}, "the token in /nonexistent cannot be read: FileNotFoundError"),
        ({"url": "https://localhost:1", "ca_path": "/nonexistent"}, "cannot be used: FileNotFoundError"),
        ({"consumer": "a b"}, "refuses the request (status 400)"),
    ],
)
def test_what_cannot_work_ends_the_source(hook: Hook, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(source.Refused) as caught:
        asyncio.run(asyncio.wait_for(source.main(asyncio.Queue(), {**arguments(hook, "x"), **changes}), SECONDS))
    assert sentence in str(caught.value)


def test_a_wrong_token_ends_it_and_is_not_shown(hook: Hook) -> None:
    wrong = "w" * 40
    given = {**arguments(hook, "x"), "token_path": None, "token": wrong}
    with pytest.raises(source.Refused, match="knows no queue for this token") as caught:
        asyncio.run(asyncio.wait_for(source.main(asyncio.Queue(), given), SECONDS))
    assert wrong not in str(caught.value)


def test_options_from_templates_are_text(hook: Hook) -> None:
    found = source.Options.parse({**arguments(hook, "x"), "wait": "3", "limit": "4", "kinds": "certificate"})
    assert (found.wait, found.limit, found.kinds) == (3, 4, ("certificate",))


# --- documentation and rulebook ---------------------------------------------------------------------------------------


def test_the_documentation_has_all_options_and_their_defaults() -> None:
    documented = yaml.safe_load(source.DOCUMENTATION)["options"]
    defaults = {each.name: each.default for each in dataclasses.fields(source.Options)}
    assert set(documented) == set(defaults)
    for name, text in documented.items():
        wanted = list(defaults[name]) if isinstance(defaults[name], tuple) else defaults[name]
        assert text.get("default", "") == wanted, name


@pytest.mark.parametrize("text", [source.EXAMPLES, RULEBOOK.read_text()], ids=["example", "rulebook"])
def test_rulebooks_use_what_there_is(text: str) -> None:
    (ruleset,) = yaml.safe_load(text)
    (given,) = ruleset["sources"]
    options = given["certfleet.reseller.sslcom_hook"]
    assert given["name"]
    assert set(options) <= {each.name for each in dataclasses.fields(source.Options)}
    (rule,) = ruleset["rules"]
    action = rule["action"]["run_playbook"]
    playbook = ROOT / "playbooks" / (action["name"].removeprefix("certfleet.reseller.") + ".yml")
    for variable in action["extra_vars"]:
        assert variable in playbook.read_text()
