# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module cert_decode in a process of its own: files, patterns, failures, the provider's decoder."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.support import modules, pki
from tests.support.hostile import Hostile, reply

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "sslmarket"
TOKEN = "canaryToken4711"
ROOT = pki.authority("Root")
SERVER = pki.server(["www.example.com"], ROOT)
REQUEST = pki.request(["www.example.com"], SERVER.key)


def call(check: bool = False, **options: Any) -> modules.Run:
    done = modules.run("cert_decode", options, check=check)
    assert "Traceback" not in done.output
    body = b"".join(SERVER.key_pem.splitlines()[1:-1]).decode()
    assert body[:40] not in done.output
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.pem").write_bytes(SERVER.pem + ROOT.pem)
    (tmp_path / "a.der").write_bytes(SERVER.der)
    (tmp_path / "c.csr").write_bytes(REQUEST)
    bundle = pkcs7.serialize_certificates([SERVER.certificate, ROOT.certificate], Encoding.DER)
    (tmp_path / "d.p7b").write_bytes(bundle)
    (tmp_path / "key.pem").write_bytes(SERVER.key_pem)
    (tmp_path / "combined.txt").write_bytes(SERVER.key_pem + SERVER.pem)
    (tmp_path / "link.pem").symlink_to("b.pem")
    return tmp_path


@pytest.mark.parametrize("check", [False, True])
def test_a_directory_of_everything(folder: Path, check: bool) -> None:
    done = call(check, paths=[str(folder / "[a-d].*")])
    assert done.code == 0
    assert done.result["changed"] is False
    files = done.result["files"]
    assert [Path(each["path"]).name for each in files] == ["a.der", "b.pem", "c.csr", "d.p7b"]
    assert [(each["form"], each["certificates"], each["requests"]) for each in files] == [
        ("der", 1, 0),
        ("pem", 2, 0),
        ("pem", 0, 1),
        ("der", 2, 0),
    ]
    places = [(Path(each["source"]["path"]).name, each["source"]["index"]) for each in done.result["certificates"]]
    assert places == [("a.der", 0), ("b.pem", 0), ("b.pem", 1), ("d.p7b", 0), ("d.p7b", 1)]
    assert done.result["requests"][0]["source"] == {"path": str(folder / "c.csr"), "index": 0}
    assert files[1]["chain"] == {"order": [0, 1], "ends_with": "root", "problems": []}
    assert files[3]["chain"]["problems"] == []


def test_patterns_links_and_order(folder: Path) -> None:
    deep = folder / "sub" / "deep"
    deep.mkdir(parents=True)
    (deep / "x.pem").write_bytes(ROOT.pem)
    (folder / "we[i]rd.pem").write_bytes(ROOT.pem)
    (folder / "a.directory").mkdir()
    (folder / "a.empty").mkdir()
    paths = [str(folder / each) for each in ("we[i]rd.pem", "link.pem", "*.der", "**/x.pem", "a.*")]
    done = call(paths=paths)
    assert [os.path.relpath(each["path"], folder) for each in done.result["files"]] == [
        "we[i]rd.pem",
        "link.pem",
        "a.der",
        "sub/deep/x.pem",
    ]
    assert "no file fits the pattern" in call(paths=[str(folder / "*.empty")]).result["msg"]
    assert call(path=str(folder / "we[i]rd.pem")).result["files"][0]["certificates"] == 1


def test_one_that_cannot_be_decoded_does_not_hide_the_others(folder: Path) -> None:
    (folder / "broken.pem").write_bytes(SERVER.pem[:-30])
    (folder / "half.pem").write_bytes(ROOT.pem + SERVER.pem[:-30])
    os.mkfifo(folder / "fifo.pem")
    (folder / "directory.pem").mkdir()
    (folder / "nowhere.pem").symlink_to("nothing")
    (folder / "circle.pem").symlink_to("circle.pem")
    (folder / "large.pem").write_bytes(b" " * 2000001)
    names = "b broken half fifo directory nowhere circle large key missing".split()  # noqa: SIM905
    options = {"paths": [*(str(folder / f"{name}.pem") for name in names), str(folder / "*.nothing")]}
    failed, told = call(**options), call(**options, fail_on_error=False)
    assert (failed.failed, told.failed) == (True, False)
    for key in ("certificates", "requests", "files"):
        assert failed.result[key] == told.result[key]
    assert len(told.result["certificates"]) == 3
    errors = {Path(each["path"]).name: each["errors"] for each in told.result["files"]}
    reasons = {
        "b.pem": None,
        "broken.pem": "PEM block 1: it has no end",
        "half.pem": "PEM block 2: it has no end",
        "fifo.pem": "not a regular file",
        "directory.pem": "is a directory. Give paths a pattern: ",
        "nowhere.pem": "there is no such file",
        "circle.pem": "symbolic link",
        "large.pem": "larger than 2000000 bytes",
        "key.pem": "neither a certificate nor a request in it (but: PRIVATE KEY)",
        "missing.pem": "there is no such file",
        "*.nothing": "no file fits the pattern",
    }
    assert set(errors) == set(reasons)
    for name, reason in reasons.items():
        assert len(errors[name]) == (reason is not None), name
        assert reason is None or reason in errors[name][0], name
    assert failed.result["msg"].startswith("10 of 11 files could not be decoded: ")
    assert set(failed.result["error"]["failed"]) == {path for path in options["paths"] if not path.endswith("/b.pem")}


def test_one_file_says_which_and_why(folder: Path) -> None:
    path = folder / "page.pem"
    path.write_text("<html>502 Bad Gateway</html>", encoding="utf-8")
    done = call(path=str(path))
    assert done.result["msg"].startswith(f"{path}: neither PEM nor DER nor base64. Give ")
    assert done.result["error"]["kind"] == "invalid_data"


def test_a_file_that_may_not_be_read(folder: Path) -> None:
    """To root no mode forbids anything; a directory in the path that is a file does the same to everybody."""
    if os.geteuid():
        (folder / "b.pem").chmod(0)
        assert "Permission denied" in call(path=str(folder / "b.pem")).result["msg"]
    assert call(path=str(folder / "b.pem" / "below")).result["error"]["kind"] != "internal"


def test_whose_key_it_is(folder: Path) -> None:
    done = call(paths=[str(folder / "b.pem"), str(folder / "c.csr")], private_key_path=str(folder / "key.pem"))
    assert [each["private_key_matches"] for each in done.result["certificates"]] == [True, False]
    assert done.result["requests"][0]["private_key_matches"] is True
    done = call(path=str(folder / "b.pem"), private_key_path=str(folder / "nothing.pem"))
    assert done.result["msg"] == f"private_key_path {folder}/nothing.pem: there is no such file."
    done = call(path=str(folder / "b.pem"), private_key_path=str(folder / "c.csr"))
    assert "not exactly one private key" in done.result["msg"]


def test_a_key_beside_the_certificate_is_named_only(folder: Path) -> None:
    done = call(path=str(folder / "combined.txt"))
    assert done.result["files"][0]["others"] == ["PRIVATE KEY"]


def test_content_and_time() -> None:
    at = (pki.NOW + 200 * pki.DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    for content in (SERVER.pem.decode(), base64.b64encode(SERVER.der).decode()):
        (shown,) = call(content=content, at=at).result["certificates"]
        assert shown["source"] == {"path": None, "index": 0}
        assert shown["expired"] is True
        assert shown["days_left"] == -111
    assert call(content="nothing").result["msg"].startswith("content: neither PEM nor DER nor base64. ")
    assert "not a time in ISO 8601" in call(content=SERVER.pem.decode(), at="tomorrow").result["msg"]


@pytest.mark.parametrize("options", [{}, {"path": "x", "content": "y"}, {"path": "x", "paths": ["y"]}])
def test_exactly_one_source(options: dict[str, Any]) -> None:
    assert call(**options).failed


def test_without_the_library_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "cryptography.py").write_text("raise ImportError('no', name='cryptography')\n", encoding="utf-8")
    done = modules.run("cert_decode", {"content": SERVER.pem.decode()}, library=tmp_path)
    assert done.failed
    assert done.result["error"]["kind"] == "missing_library"


# --- the provider's decoder -------------------------------------------------------------------------------------------


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


def test_the_provider_is_asked() -> None:
    pem = fixture("decoder_certificate-request")["certificate"] + fixture("decoder_csr-request")["csr"]
    with Hostile(reply(200, fixture("decoder_csr"))) as server:
        server.plays = [reply(200, fixture("decoder_certificate"))]
        done = call(content=pem, decoder="sslmarket", api_url=f"{server.url}/api", api_token=TOKEN, timeout=5)
    assert done.code == 0
    assert [each.target for each in server.requests] == ["/api/tool/decoder/certificate", "/api/tool/decoder/csr"]
    bodies = [json.loads(each.body) for each in server.requests]
    assert bodies == [fixture("decoder_certificate-request"), fixture("decoder_csr-request")]
    (certificate,), (request,) = done.result["certificates"], done.result["requests"]
    assert certificate["decoder"] == request["decoder"] == "sslmarket"
    own = call(content=pem).result
    assert set(certificate) == set(own["certificates"][0])
    assert set(request) == set(own["requests"][0])
    assert certificate["serial"] == own["certificates"][0]["serial"]
    assert certificate["issuer"] is None
    assert TOKEN not in done.output


def test_a_token_that_is_refused_is_not_tried_for_each() -> None:
    with Hostile(reply(401, {"error": "token"})) as server:
        options = {"decoder": "sslmarket", "api_url": f"{server.url}/api", "api_token": TOKEN, "timeout": 5}
        done = call(content=(SERVER.pem * 20).decode(), **options)
    assert done.failed
    assert done.result["error"]["kind"] == "auth"
    assert len(server.requests) == 1


def test_the_provider_needs_a_token() -> None:
    done = modules.run("cert_decode", {"content": SERVER.pem.decode(), "decoder": "sslmarket"})
    assert "api_token is missing" in done.result["msg"]
