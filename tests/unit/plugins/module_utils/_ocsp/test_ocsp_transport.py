# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to responders: deadlines, limits, connections, dead servers, proxies."""

from __future__ import annotations

import contextlib
import gzip
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM, Deadline
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    NotSent,
    ProtocolError,
    TransportError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.addresses import NotAllowed, Rules
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.lanes import Lanes, gather
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.transport import Reply, Transport

from tests.support import pki
from tests.support import revocation as rev
from tests.support.hostile import (
    Hostile,
    chunked,
    head,
    pieces,
    raw,
    read_request,
    reply,
    reset,
    server_tls,
    silence,
)

LOOPBACK = ["127.0.0.0/8", "::1"]
LIMIT = 64 * 1024


MADE: list[Transport] = []


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def transport(*ports: int, patience: float = 2.0, total: float = 20.0, **options: Any) -> Transport:
    rules = Rules.of(LOOPBACK, [80, 443, *ports])
    MADE.append(Transport(rules, Deadline(total, SYSTEM), patience, **options))
    return MADE[-1]


def fetch(server: Any, sender: Any = None, **options: Any) -> Reply:
    sender = sender or transport(server.port)
    values = {"accept": "*/*", "limit": LIMIT, **options}
    answer: Reply = sender.fetch(values.pop("url", server.url + "/x"), **values)
    return answer


# --- what is sent, what comes back ------------------------------------------------------------------------------------


def test_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Hostile(reply(200, b"answer")) as server:
        assert fetch(server) == Reply(200, b"answer")
        sent = b"\0\1binary\r\n\r\n"
        fetch(server, body=sent, content_type="application/ocsp-request")
    get, post = server.requests
    assert (get.method, get.target, get.body) == ("GET", "/x", b"")
    assert set(get.headers) == {"host", "user-agent", "accept", "accept-encoding"}
    assert get.headers["host"] == "127.0.0.1:%d" % server.port
    assert (post.method, post.target, post.body) == ("POST", "/x", sent)
    assert post.headers["content-type"] == "application/ocsp-request"
    assert post.headers["content-length"] == str(len(sent))


GOOD = {
    "chunked": raw(chunked(b"ans", b"wer")),
    "until the end": raw(head(200) + b"answer"),
    "100 first": raw(b"HTTP/1.1 100 Continue\r\n\r\n" + head(200, {"Content-Length": "6"}) + b"answer"),
    "HTTP/1.0": raw(b"HTTP/1.0 200 OK\r\n\r\nanswer"),
    "byte by byte": pieces([bytes([byte]) for byte in head(200, {"Content-Length": "6"}) + b"answer"], 0.001),
    "more than announced": raw(head(200, {"Content-Length": "6"}) + b"answerHTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("case", GOOD)
def test_forms_of_http(case: str) -> None:
    with Hostile(GOOD[case]) as server:
        assert fetch(server) == Reply(200, b"answer")


@pytest.mark.parametrize("status", [204, 301, 302, 303, 307, 308, 400, 404, 500, 503])
def test_other_statuses_are_no_answer(status: int) -> None:
    with Hostile() as elsewhere, Hostile(reply(status, b"x", {"Location": elsewhere.url + "/y"})) as server:
        answer = fetch(server, transport(server.port, elsewhere.port))
        assert answer.status == status
        problem = answer.problem() or ""
        assert str(status) in problem
        assert ("redirects" in problem) == (300 <= status < 400)
        assert elsewhere.requests == []
    assert Reply(200, b"").problem() is None


BROKEN: dict[str, tuple[Any, type[CollectionError]]] = {
    "too large": (reply(200, b"x" * (LIMIT + 1)), ProtocolError),
    "10 MB": (reply(200, b"x" * 10_000_000), ProtocolError),
    "10 MB announced, nothing sent": (raw(head(200, {"Content-Length": "10000000"})), TransportError),
    "endless": (pieces([head(200), b"x" * 65536], endless=True), ProtocolError),
    "endless chunks": (
        pieces([head(200, {"Transfer-Encoding": "chunked"}), b"10000\r\n" + b"x" * 65536 + b"\r\n"], endless=True),
        ProtocolError,
    ),
    "cut off": (raw(head(200, {"Content-Length": "100"}) + b"answer"), TransportError),
    "cut off within chunks": (raw(chunked(b"ans", b"wer", cut=True)), TransportError),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), ProtocolError),
    "binary": (raw(bytes(range(256)) * 10), ProtocolError),
    "headers without end": (pieces([b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"], endless=True), ProtocolError),
    "a header without end": (pieces([b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536], endless=True), ProtocolError),
    "a status that is none": (raw(b"HTTP/1.1 abc OK\r\n\r\n"), ProtocolError),
    "a length that is none": (raw(head(200, {"Content-Length": "-5"}) + b"x" * 70000), ProtocolError),
    "a chunk length that is none": (
        raw(head(200, {"Transfer-Encoding": "chunked"}) + b"zz\r\nabc\r\n"),
        TransportError,
    ),
    "nothing": (raw(b""), TransportError),
    "a reset": (reset, TransportError),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_answers(case: str) -> None:
    play, kind = BROKEN[case]
    with Hostile(play) as server:
        started = time.monotonic()
        with pytest.raises(CollectionError) as caught:
            fetch(server)
        assert time.monotonic() - started < 3
    assert caught.value.kind == kind.kind
    assert server.connections == 1


def test_packed_bodies_are_not_unpacked() -> None:
    """They were not asked for. 200 kB on the wire cannot become 400 MB in memory."""
    packed = gzip.compress(b"answer")
    with Hostile(reply(200, packed, {"Content-Encoding": "gzip"})) as server:
        assert fetch(server).body == packed


SLOW = {
    "silence": silence,
    "slow head": pieces([bytes([byte]) for byte in head(200, {"X": "y" * 200})], 0.1),
    "slow body": pieces([head(200, {"Content-Length": "1000"}), *[b"x"] * 1000], 0.1),
    "100 for ever": pieces([b"HTTP/1.1 100 Continue\r\n\r\n"], 0.05, endless=True),
}


@pytest.mark.parametrize("case", SLOW)
def test_deadlines(case: str) -> None:
    with Hostile(SLOW[case]) as server:
        sender = transport(server.port, patience=0.5)
        started = time.monotonic()
        with pytest.raises(TransportError, match="did not answer in time"):
            fetch(server, sender)
        assert time.monotonic() - started < 1.5
        server.over.set()


def test_large_answers_may_take_longer_but_must_begin() -> None:
    slow = pieces([head(200, {"Content-Length": "10"}), *[b"x"] * 10], 0.1)
    with Hostile(slow) as server:
        sender = transport(server.port, patience=0.5)
        assert fetch(server, sender, seconds=5.0).body == b"x" * 10
        server.play = silence
        started = time.monotonic()
        with pytest.raises(TransportError):
            fetch(server, sender, seconds=5.0)
        assert time.monotonic() - started < 1.5
        server.over.set()


def test_total_deadline() -> None:
    with Hostile(silence) as server:
        sender = transport(server.port, patience=5, total=0.5)
        started = time.monotonic()
        with pytest.raises(TransportError, match="did not answer in time"):
            fetch(server, sender, seconds=30.0)
        with pytest.raises(NotSent, match="the time for all certificates together is over"):
            fetch(server, sender)
        assert time.monotonic() - started < 1.5
        server.over.set()


# --- connections ------------------------------------------------------------------------------------------------------


def test_connections_are_kept() -> None:
    lab = rev.Lab()
    with rev.Responder(lab.issuer, lists={"/x": b"list"}) as server:
        sender = transport(server.port)
        for _number in range(20):
            assert fetch(server, sender).body == b"list"
        assert len({asked.connection for asked in server.asked}) == 1


def test_a_kept_connection_that_the_server_closed() -> None:
    """It may, at any time: the request is sent again, on a new one."""
    keeping = head(200, {"Content-Length": "6"}).replace(b"Connection: close\r\n", b"") + b"answer"
    with Hostile(raw(keeping)) as server:
        sender = transport(server.port)
        for _number in range(5):
            assert fetch(server, sender).body == b"answer"
            time.sleep(0.01)
        assert len(server.requests) == 5


def test_what_is_left_on_a_connection_is_no_answer() -> None:
    """A server that says more than it was asked speaks to nobody."""
    keeping = head(200, {"Content-Length": "6"}).replace(b"Connection: close\r\n", b"") + b"answer"
    more = raw(keeping + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    with Hostile(more) as server:
        sender = transport(server.port)
        assert fetch(server, sender).body == b"answer"
        assert fetch(server, sender).body == b"answer"


@contextlib.contextmanager
def nobody() -> Iterator[socket.socket]:
    """A port that is bound, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken


def test_a_server_that_is_not_there_is_asked_once() -> None:
    attempts = []

    def connect(address: str, port: int, seconds: float) -> socket.socket:
        attempts.append(address)
        return socket.create_connection((address, port), seconds)

    with nobody() as taken:
        port = taken.getsockname()[1]
        sender = transport(port, connect=connect)
        errors = in_threads(20, lambda: sender.fetch("http://127.0.0.1:%d/" % port, accept="*/*", limit=10))
    assert len(attempts) == 1
    assert {type(error) for error in errors} == {NotSent}
    assert all("cannot be reached" in str(error) for error in errors)


def test_a_server_that_never_answers_is_asked_once() -> None:
    with Hostile(silence) as server:
        sender = transport(server.port, patience=0.4)
        started = time.monotonic()
        for _number in range(10):
            with pytest.raises(TransportError, match="did not answer in time"):
                fetch(server, sender)
        assert time.monotonic() - started < 1.4
        assert len(server.requests) == 1
        server.over.set()


def test_one_late_answer_of_a_living_server() -> None:
    """Bad luck, once. Twice it is dead."""
    with Hostile(reply(200, b"answer")) as server:
        sender = transport(server.port, patience=0.3)
        assert fetch(server, sender).body == b"answer"
        server.plays = [silence]
        with pytest.raises(TransportError):
            fetch(server, sender)
        assert fetch(server, sender).body == b"answer"
        server.plays = [silence]
        with pytest.raises(TransportError):
            fetch(server, sender)
        with pytest.raises(TransportError):
            fetch(server, sender)
        assert len(server.requests) == 4
        server.over.set()


def test_a_server_that_is_gone_after_its_first_answer() -> None:
    attempts = []

    def connect(address: str, port: int, seconds: float) -> socket.socket:
        attempts.append(address)
        if len(attempts) > 1:
            raise TimeoutError("too late")
        return socket.create_connection((address, port), seconds)

    with Hostile(reply(200, b"answer")) as server:
        sender = transport(server.port, connect=connect)
        assert fetch(server, sender).body == b"answer"
        for _number in range(10):
            with pytest.raises(NotSent, match="no answer in time"):
                fetch(server, sender)
    assert len(attempts) == 3


def in_threads(count: int, work: Any) -> list[Any]:
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except CollectionError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_many_at_once() -> None:
    lab = rev.Lab()
    with rev.Responder(lab.issuer, lists={"/x": b"list"}, delay=0.02) as server:
        sender = transport(server.port)
        found = in_threads(40, lambda: fetch(server, sender))
        assert [answer.body for answer in found] == [b"list"] * 40


# --- TLS and proxies --------------------------------------------------------------------------------------------------


def test_https(tmp_path: pathlib.Path) -> None:
    root = pki.authority("TLS Root")
    tls = server_tls(tmp_path, pki.server(["127.0.0.1"], root))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(root.pem)
    with Hostile(reply(200, b"answer"), tls) as server:
        assert fetch(server, transport(server.port, ca_path=str(ca))).body == b"answer"
        for wrong in (transport(server.port), transport(server.port, ca_path=str(tmp_path / "missing"))):
            with pytest.raises(NotSent, match="the TLS connection to"):
                fetch(server, wrong)
        assert len(server.requests) == 1
    with Hostile(reply(200, b"answer")) as plain, pytest.raises(NotSent, match="the TLS connection to"):
        fetch(plain, transport(plain.port, patience=0.4), url="https://127.0.0.1:%d/" % plain.port)


def test_a_silent_handshake(tmp_path: pathlib.Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(NotSent, match="the TLS connection to"):
            transport(port, patience=0.4).fetch("https://127.0.0.1:%d/" % port, accept="*/*", limit=10)
        assert time.monotonic() - started < 1.4


def test_proxy() -> None:
    """It gets the whole URL, for names as they are. Addresses in URLs are judged all the same."""
    with Hostile(reply(200, b"answer")) as proxy:
        sender = Transport(Rules(), Deadline(20, SYSTEM), 2.0, proxy=proxy.url)
        assert sender.fetch("http://ocsp.ca.test/x?y", accept="*/*", limit=10).body == b"answer"
        assert proxy.requests[0].target == "http://ocsp.ca.test/x?y"
        assert proxy.requests[0].headers["host"] == "ocsp.ca.test"
        for url in ("http://169.254.169.254/", "http://127.1/", "http://localhost/", "http://10.0.0.1/", "file:///x"):
            with pytest.raises(NotAllowed):
                sender.fetch(url, accept="*/*", limit=10)
        assert len(proxy.requests) == 1


def test_proxy_for_https(tmp_path: pathlib.Path) -> None:
    root = pki.authority("TLS Root")
    tls = server_tls(tmp_path, pki.server(["ocsp.ca.test"], root))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(root.pem)

    def tunnel(connection: socket.socket, server: Hostile) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection.dup(), server_side=True) as inner:
            request = read_request(inner)
            assert request is not None
            server.requests.append(request)
            reply(200, b"answer")(inner, server)

    with Hostile(tunnel) as proxy:
        sender = Transport(Rules(), Deadline(20, SYSTEM), 2.0, proxy=proxy.url, ca_path=str(ca))
        assert sender.fetch("https://ocsp.ca.test/x", accept="*/*", limit=10).body == b"answer"
        assert [(each.method, each.target) for each in proxy.requests] == [
            ("CONNECT", "ocsp.ca.test:443"),
            ("GET", "/x"),
        ]
        proxy.play = reply(403, b"no")
        other = Transport(Rules(), Deadline(20, SYSTEM), 2.0, proxy=proxy.url)
        with pytest.raises(NotSent, match="status 403"):
            other.fetch("https://ocsp.ca.test/x", accept="*/*", limit=10)
    with nobody() as taken:
        dead = Transport(Rules(), Deadline(20, SYSTEM), 2.0, proxy="http://127.0.0.1:%d" % taken.getsockname()[1])
        with pytest.raises(NotSent, match="the proxy http://127"):
            dead.fetch("http://ocsp.ca.test/x", accept="*/*", limit=10)


@pytest.mark.parametrize(
    "url", ["proxy.test:3128", "https://proxy.test", "http://user:secret@proxy.test", "x", "http://"]
)
def test_what_is_no_proxy(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Transport(Rules(), Deadline(20, SYSTEM), 2.0, proxy=url)
    assert "secret" not in caught.value.sentence()


# --- lanes ------------------------------------------------------------------------------------------------------------


def test_results_keep_the_order() -> None:
    found = gather(range(100), lambda number: str(number % 7), lambda number: number * 2, 5)
    assert found == [number * 2 for number in range(100)]
    assert gather([], str, str, 5) == []


def test_the_first_task_of_a_lane_runs_alone() -> None:
    running: set[int] = set()
    widest: list[int] = []
    first = threading.Event()

    def work(number: int) -> None:
        running.add(number)
        widest.append(len(running))
        if number == 0:
            first.wait(0.2)
            assert running == {0}
        else:
            time.sleep(0.02)
        running.discard(number)

    gather(range(40), lambda number: "one", work, 8)
    assert widest[0] == 1
    assert 1 < max(widest) <= 8


def test_a_slow_lane_does_not_hold_up_the_others() -> None:
    ended: dict[str, float] = {}
    started = time.monotonic()

    def work(name: str) -> None:
        time.sleep(0.5 if name == "slow" else 0.01)
        ended[name] = time.monotonic() - started

    gather(["slow", "a", "slow", "b", "a", "slow", "b"], lambda name: name, work, 2)
    assert max(ended["a"], ended["b"]) < 0.3
    assert 0.9 < ended["slow"] < 1.5


def test_more_servers_than_lanes() -> None:
    found = gather(range(500), lambda number: "host%d" % (number % 250), lambda number: number, 4)
    assert found == list(range(500))


def test_errors_are_raised_at_the_end() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise UsageError("three")
        done.append(number)

    with pytest.raises(UsageError, match="three"):
        gather(range(10), lambda number: "one", work, 3)
    assert sorted(done) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_tasks_that_come_while_others_run() -> None:
    lanes, done = Lanes(3), []
    for number in range(50):
        lanes.submit("one", partial(done.append, number))
        time.sleep(0.0005)
    lanes.wait()
    assert sorted(done) == list(range(50))
