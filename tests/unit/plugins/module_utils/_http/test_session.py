# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where requests go and where they do not: redirects, TLS, proxies, netrc, deadlines."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import ssl
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    CollectionError,
    NotSent,
    OutcomeUnknown,
    ProtocolError,
    UsageError,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._http.session import Session

from tests.support import pki
from tests.support.hostile import Connection, Hostile, raw, reply, reset, server_tls, silence, tls_garbage
from tests.unit.plugins.module_utils._http.providers import API_KEY, GOOD, HMAC, SECRETS, create

CLIENT_SECRET = "canaryClientSecret-1a2b3c"
TOKEN = "canaryToken.4d5e6f"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)


@pytest.fixture(scope="module")
def root() -> pki.Identity:
    return pki.authority("Test Root")


@pytest.fixture(scope="module")
def ca(root: pki.Identity, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(root.pem)
    return str(path)


# --- redirects --------------------------------------------------------------------------------------------------------

CODES = (301, 302, 303, 307, 308)
TARGETS = ("same host", "same host, other path alone", "other host", "https", "credentials", "other name", "nowhere")
CALLS = ("sslcom", "identrust", "token")


def call(kind: str, url: str, path: Path) -> Any:
    if kind != "token":
        return create(kind, url, path)
    oauth = {
        "client_id": "client",
        "client_secret": CLIENT_SECRET,
        "audience": "aud",
        "token_url": f"{url}/oauth/token",
    }
    return create("identrust", url, path, **{"api_key": None, **oauth})


@pytest.mark.parametrize("kind", CALLS)
def test_redirects_are_not_followed(tmp_path: Path, root: pki.Identity, ca: str, kind: str) -> None:
    """No header and no byte of a body arrives anywhere else."""
    tls = server_tls(tmp_path, pki.server(["127.0.0.1"], root))
    other_server, secure_server = Hostile(reply(200, GOOD["sslcom"])), Hostile(reply(200, GOOD["identrust"]), tls)
    with Hostile() as server, other_server as other, secure_server as secure:
        places = {
            "same host": f"{server.url}/elsewhere",
            "same host, other path alone": "/elsewhere",
            "other host": f"{other.url}/x",
            "https": f"{secure.url}/x",
            "credentials": other.url.replace("//", "//user:hunter2@") + "/x",
            "other name": f"//localhost:{other.port}/x",
            "nowhere": "",
        }
        for number, (code, target) in enumerate(itertools.product(CODES, TARGETS)):
            server.play = reply(code, GOOD["sslcom"], {"Location": places[target]})
            outcome = call(kind, server.url, tmp_path / f"{number}.json")
            assert outcome.kind == "protocol", (code, target)
            assert len(server.requests) == number + 1
            assert "hunter2" not in json.dumps(outcome.failure)
            assert not outcome.record.exists()
            # a token that was not handed out leaves nothing open
            assert outcome.intent is (kind == "identrust")
        assert other.connections == secure.connections == 0
    assert len(CODES) * len(TARGETS) * len(CALLS) >= 75


def test_a_redirect_names_the_target_host_only(tmp_path: Path) -> None:
    with Hostile(reply(307, b"", {"Location": f"https://evil.example/?key={API_KEY}"})) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json")
    assert outcome.failure is not None
    assert outcome.failure["error"]["detail"] == "https://evil.example"
    assert outcome.failure["error"]["status"] == 307
    assert API_KEY not in json.dumps(outcome.failure)


# --- TLS --------------------------------------------------------------------------------------------------------------


def serve(folder: Path, identity: pki.Identity, play: Any = None) -> Hostile:
    return Hostile(play or reply(200, GOOD["sslcom"]), server_tls(folder, identity))


def test_a_private_ca(tmp_path: Path, root: pki.Identity, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path, pki.server(["127.0.0.1"], root)) as server:
        assert create("sslcom", server.url, tmp_path / "1.json", ca_path=ca).failure is None
        assert create("sslcom", server.url, tmp_path / "2.json").kind == "unreachable"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca)
        assert create("sslcom", server.url, tmp_path / "3.json").failure is None
        other = tmp_path / "other.pem"
        other.write_bytes(pki.authority("Test Root").pem)  # the same name, another key
        assert create("sslcom", server.url, tmp_path / "4.json", ca_path=str(other)).kind == "unreachable"
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "wrong",
    ["host", "expired", "not yet valid", "self-signed", "no server certificate", "no names", "issued by a server"],
)
def test_wrong_certificates(tmp_path: Path, root: pki.Identity, ca: str, wrong: str) -> None:
    names = ["127.0.0.1"]
    identity = {
        "host": lambda: pki.server(["other.example", "127.0.0.2"], root),
        "expired": lambda: pki.server(names, root, not_before=pki.NOW - 9 * pki.DAY, not_after=pki.NOW - pki.DAY),
        "not yet valid": lambda: pki.server(names, root, not_before=pki.NOW + pki.DAY),
        "self-signed": lambda: pki.server(names),
        "no server certificate": lambda: pki.server(names, root, purposes=[pki.ExtendedKeyUsageOID.CLIENT_AUTH]),
        "no names": lambda: pki.server([], root, common_name="127.0.0.1"),
        "issued by a server": lambda: pki.server(names, pki.server(["www.example.com"], root)),
    }[wrong]()
    with serve(tmp_path, identity) as server:
        for provider in GOOD:
            outcome = create(provider, server.url, tmp_path / f"{provider}.json", ca_path=ca)
            assert outcome.kind == "unreachable"
            assert not outcome.intent, "nothing was sent"
            assert outcome.failure is not None
            assert "ca_path" in outcome.failure["msg"]
            assert not any(secret in json.dumps(outcome.failure) for secret in SECRETS[provider])
        assert server.requests == []


def test_old_tls(tmp_path: Path, root: pki.Identity, ca: str) -> None:
    context = server_tls(tmp_path, pki.server(["127.0.0.1"], root))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Hostile(reply(200, GOOD["sslcom"]), context) as server:
        assert create("sslcom", server.url, tmp_path / "eab.json", ca_path=ca).kind == "unreachable"
        assert server.requests == []


def test_plain_http_where_tls_is_expected(tmp_path: Path, ca: str) -> None:
    with Hostile() as server:
        url = server.url.replace("http:", "https:")
        outcome = create("identrust", url, tmp_path / "eab.json", ca_path=ca)
    assert outcome.kind == "unreachable"
    assert not outcome.intent


@pytest.mark.parametrize("play", [tls_garbage, raw(b""), reset], ids=["garbage", "closed", "reset"])
def test_tls_that_breaks_after_the_request(tmp_path: Path, root: pki.Identity, ca: str, play: Any) -> None:
    """The handshake was fine and the request is out: whether it was booked, nobody knows."""
    with serve(tmp_path, pki.server(["127.0.0.1"], root), play) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json", ca_path=ca)
        assert len(server.requests) == 1
    assert outcome.kind == "outcome_unknown"
    assert outcome.intent


@pytest.mark.parametrize("how", ["missing", "empty", "junk", "unreadable directory"])
def test_ca_files(tmp_path: Path, how: str) -> None:
    path = tmp_path / "ca.pem"
    if how == "unreadable directory":
        path.mkdir()
    elif how != "missing":
        path.write_text("" if how == "empty" else "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with Hostile(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as server:
        outcome = create("identrust", server.url, tmp_path / "eab.json", ca_path=str(path))
        assert server.requests == []
    assert outcome.kind == ("usage" if how == "missing" else "unreachable")
    assert not outcome.intent


def test_ca_bundle_of_the_environment_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE .* does not exist"):
        Session()


# --- netrc and proxies ------------------------------------------------------------------------------------------------


def test_netrc_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Hostile(reply(200, GOOD["identrust"])) as server:
        assert create("identrust", server.url, tmp_path / "1.json").failure is None
        server.play = reply(200, GOOD["sslcom"])
        assert create("sslcom", server.url, tmp_path / "2.json").failure is None
    assert server.requests[0].headers["authorization"] == API_KEY
    assert "authorization" not in server.requests[1].headers


def tunnel(target: Hostile) -> Any:
    """What a proxy does after CONNECT: bytes to and fro."""

    def copy(source: Connection, sink: Connection) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def play(connection: Connection, _server: Hostile) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", target.port), timeout=5) as onward:
            back = threading.Thread(target=copy, args=(onward, connection), daemon=True)
            back.start()
            copy(connection, onward)
            back.join(5)

    return play


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
def test_a_proxy_gets_a_tunnel_and_nothing_else(
    tmp_path: Path, root: pki.Identity, ca: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with serve(tmp_path, pki.server(["api.example.test"], root)) as server, Hostile(tunnel(server)) as proxy:
        monkeypatch.setenv(name, proxy.url)
        url = f"https://api.example.test:{server.port}"
        assert create("sslcom", url, tmp_path / "eab.json", ca_path=ca).failure is None
    assert len(server.requests) == 1
    (connect,) = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", f"api.example.test:{server.port}")
    assert not any(secret.encode() in connect.raw for secret in (*SECRETS["sslcom"], HMAC))


@pytest.mark.parametrize("answer", [403, 407, 502])
def test_a_proxy_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    with Hostile(reply(answer, b"no")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//user:hunter2@"))
        outcome = create("identrust", "https://api.example.test", tmp_path / "eab.json")
    assert outcome.kind == "unreachable"
    assert not outcome.intent
    assert "hunter2" not in json.dumps(outcome.failure)
    assert not any(API_KEY.encode() in request.raw for request in proxy.requests)


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"])
def test_loopback_never_goes_through_a_proxy(
    tmp_path: Path, root: pki.Identity, ca: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Through one, http to loopback would be secrets in clear on the network."""
    with Hostile() as proxy, Hostile(reply(200, GOOD["sslcom"])) as plain:
        with serve(tmp_path, pki.server(["127.0.0.1"], root)) as secure:
            monkeypatch.setenv(name, proxy.url)
            assert create("sslcom", plain.url, tmp_path / "1.json").failure is None
            assert create("sslcom", secure.url, tmp_path / "2.json", ca_path=ca).failure is None
        assert proxy.connections == 0


@pytest.mark.parametrize("proxy", ["nonsense://127.0.0.1:9", "http://", "http://127.0.0.1:1", "http://127.0.0.1:port"])
def test_a_wrong_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    outcome = create("identrust", "https://api.example.test", tmp_path / "eab.json")
    assert outcome.kind in ("unreachable", "invalid_data")
    assert not outcome.intent


def test_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception from the proxy is honoured: the look-up of the name shows that the direct way is taken."""
    monkeypatch.setenv("no_proxy", "example.test")
    looked_up = []

    def look_up(host: str, *_: Any, **__: Any) -> Any:
        looked_up.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with Hostile() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        outcome = create("identrust", "https://api.example.test", tmp_path / "eab.json")
    assert outcome.kind == "unreachable"
    assert looked_up == ["api.example.test"]
    assert proxy.connections == 0
    assert not outcome.intent


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        outcome = create("identrust", f"http://127.0.0.1:{held.getsockname()[1]}", tmp_path / "eab.json")
    assert outcome.kind == "unreachable"
    assert not outcome.intent
    assert outcome.seconds < 1


def test_one_deadline(tmp_path: Path) -> None:
    with Hostile(silence) as server:
        session = Session(timeout=5)
        start = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            session.request("POST", server.url, data=b"{}", timeout=0.3)
        assert time.monotonic() - start < 1.3
        session.close()


@pytest.mark.parametrize("timeout", [0, -1, 0.0])
def test_timeouts_that_make_no_sense(tmp_path: Path, timeout: float) -> None:
    outcome = create("identrust", "https://api.example.test", tmp_path / "eab.json", timeout=timeout)
    assert outcome.kind == "usage"
    assert not outcome.intent


def test_what_the_caller_cannot_choose() -> None:
    """The ACME library passes options of requests along; the rules stay ours."""
    with Hostile(reply(302, b"", {"Location": "/x"})) as server:
        session = Session()
        with pytest.raises(ProtocolError):
            session.request("GET", server.url, verify=False, allow_redirects=True, stream=False, proxies={"http": "x"})
        with pytest.raises(UsageError):
            session.request("GET", "http://api.example.test")
        session.close()
        assert len(server.requests) == 1
        assert server.requests[0].headers["user-agent"] == "certfleet.reseller"
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("host", ["*", ".example", "a..b", "x" * 64])
def test_hosts_that_cannot_be(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = create("identrust", f"https://{host}/", tmp_path / "eab.json")
    assert outcome.kind in ("invalid_data", "unreachable")
    assert not outcome.intent


def test_a_header_that_cannot_be() -> None:
    session = Session()
    for value in ("a\r\nX: y", "a\nb", "ключ"):
        with pytest.raises(CollectionError) as error:
            session.request("GET", "http://127.0.0.1:1/", headers={"Authorization": value})
        assert value not in error.value.sentence()
        assert not isinstance(error.value, OutcomeUnknown)
    session.close()


def test_ipv6(tmp_path: Path) -> None:
    try:
        server = Hostile(reply(200, GOOD["sslcom"]), address="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with server:
        assert create("sslcom", server.url, tmp_path / "eab.json").failure is None


def test_unreachable_is_not_sent() -> None:
    assert issubclass(NotSent, CollectionError)
