# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ocsp_check in processes of its own, against responders on loopback and the sandbox; and SSLmarket's word."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import (
    AuthError,
    CollectionError,
    NotSent,
    ProtocolError,
    ProviderError,
    RateLimited,
)
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.inputs import Item, Reader
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.provider import ProviderChecker

from tests.support import modules, pki
from tests.support import revocation as rev
from tests.support.hostile import Hostile, silence
from tests.support.revocation import Lab, Responder
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture
def responder(lab: Lab) -> Iterator[Responder]:
    with Responder(lab.issuer) as started:
        yield started


def run(responder: Responder, *more_ports: int, how: Any = None, **options: Any) -> modules.Run:
    options.setdefault("allowed_networks", LOOPBACK)
    options.setdefault("allowed_ports", [responder.port, *more_ports])
    return modules.run("ocsp_check", options, **(how or {}))


def put(folder: pathlib.Path, lab: Lab, name: str, *urls: Any) -> pki.Identity:
    made = rev.leaf(lab.issuer, name + ".test", (urls[0], urls[1] if len(urls) > 1 else None))
    (folder / (name + ".pem")).write_bytes(made.pem + lab.issuer.pem)
    return made


# --- whole runs -------------------------------------------------------------------------------------------------------


def test_all_kinds_at_once(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    with Hostile(silence) as dead:
        put(tmp_path, lab, "a-good", responder.url)
        revoked = put(tmp_path, lab, "b-revoked", responder.url)
        put(tmp_path, lab, "c-list", None, responder.url + "/list")
        put(tmp_path, lab, "d-nobody", None)
        put(tmp_path, lab, "e-dead", dead.url)
        put(tmp_path, lab, "f-inside", "http://169.254.169.254/")
        responder.revoked[revoked.certificate.serial_number] = "keyCompromise"
        responder.lists["/list"] = lab.crl()
        options = {"paths": [str(tmp_path / "*.pem")], "responder_timeout": 1}
        done = run(responder, dead.port, **options)
        dead.over.set()
    assert done.failed
    assert done.result["msg"].startswith("1 of 6 certificates: ")
    assert done.result["error"]["kind"] == "verify"
    assert done.result["error"]["check"] == "revocation"
    assert list(done.result["error"]["failed"]) == [str(tmp_path / "b-revoked.pem")]
    entries = done.result["certificates"]
    assert [pathlib.Path(entry["path"]).name for entry in entries] == sorted(path.name for path in tmp_path.iterdir())
    expected = ["good", "revoked", "good", "not_checkable", "unreachable", "not_checkable"]
    assert [entry["status"] for entry in entries] == expected
    assert [entry["source"] for entry in entries] == ["ocsp", "ocsp", "crl", None, "ocsp", "ocsp"]
    assert done.result["counts"] == {
        "good": 2,
        "revoked": 1,
        "unknown": 0,
        "invalid": 0,
        "unreachable": 1,
        "not_checkable": 2,
    }
    warnings = " ".join(str(warning) for warning in done.result["warnings"])
    assert "e-dead" in warnings
    assert "f-inside" in warnings
    assert "d-nobody" not in warnings


def test_documented_keys(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """RETURN has what there is, and nothing else."""
    import yaml
    from ansible_collections.certfleet.reseller.plugins.modules import ocsp_check

    put(tmp_path, lab, "a", responder.url, responder.url + "/list")
    responder.lists["/list"] = lab.crl()
    responder.refuse = lambda asked: None if asked.path == "/list" else 503
    done = run(responder, paths=[str(tmp_path / "a.pem")], staple_path=str(tmp_path / "a.ocsp"))
    documented = yaml.safe_load(ocsp_check.RETURN)
    assert set(documented) == set(done.result) - {"changed", "invocation"}
    (entry,) = done.result["certificates"]
    assert set(documented["certificates"]["contains"]) == set(entry)
    for name in ("staple", "attempts"):
        inner = entry[name] if name == "staple" else entry[name][0]
        assert set(documented["certificates"]["contains"][name]["contains"]) == set(inner)


def test_staples_check_mode_and_second_run(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    entries = []
    for name in ("a", "b"):
        put(tmp_path, lab, name, responder.url)
        entries.append({"path": str(tmp_path / (name + ".pem")), "staple_path": str(tmp_path / (name + ".ocsp"))})
    check = run(responder, certificates=entries, how={"check": True, "diff": True})
    assert (check.failed, check.result["changed"]) == (False, True)
    assert list(tmp_path.glob("*.ocsp")) == []
    real = run(responder, certificates=entries, how={"diff": True})
    assert real.result["changed"]
    assert [step["subject"] for step in real.result["steps"]] == [entry["staple_path"] for entry in entries]
    assert check.result["steps"] == real.result["steps"]
    assert set(real.result["diff"]["before"].values()) == {"absent"}
    assert all(text.startswith("good, until ") for text in real.result["diff"]["after"].values())
    assert len(responder.asked) == 4  # two in each run: nobody is asked again after the staples are written
    again = run(responder, certificates=entries)
    assert (again.failed, again.result["changed"], again.result["steps"]) == (False, False, [])
    assert again.result["reason"] == "no staple to write"


def test_staples_are_written_although_another_certificate_fails(
    lab: Lab, responder: Responder, tmp_path: pathlib.Path
) -> None:
    put(tmp_path, lab, "a", responder.url)
    revoked = put(tmp_path, lab, "b", responder.url)
    responder.revoked[revoked.certificate.serial_number] = "superseded"
    entries = [
        {"path": str(tmp_path / (name + ".pem")), "staple_path": str(tmp_path / (name + ".ocsp"))} for name in "ab"
    ]
    done = run(responder, certificates=entries)
    assert (done.failed, done.result["changed"]) == (True, True)
    assert [step["subject"] for step in done.result["done"]] == [str(tmp_path / "a.ocsp")]
    assert (tmp_path / "a.ocsp").exists()
    assert not (tmp_path / "b.ocsp").exists()


def test_a_staple_that_cannot_be_written(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    put(tmp_path, lab, "a", responder.url)
    done = run(responder, paths=[str(tmp_path / "a.pem")], staple_path=str(tmp_path / "missing" / "a.ocsp"))
    assert done.failed
    assert "there is no directory" in done.result["msg"]
    assert done.result["error"]["kind"] == "usage"


def test_without_options(responder: Responder) -> None:
    done = modules.run("ocsp_check", {})
    assert done.failed
    assert "one of the following is required: paths, certificates, content" in done.result["msg"]
    done = modules.run("ocsp_check", {"paths": ["/nowhere/*.pem"]})
    assert (done.failed, done.result["error"]["kind"]) == (True, "usage")


def test_content_and_defaults(lab: Lab, responder: Responder) -> None:
    """By default nothing on loopback is asked, and no other port."""
    leaf = rev.leaf(lab.issuer, urls=(responder.url, None))
    done = modules.run("ocsp_check", {"content": (leaf.pem + lab.issuer.pem).decode()})
    assert not done.failed
    (entry,) = done.result["certificates"]
    assert (entry["status"], entry["path"]) == ("not_checkable", None)
    done = modules.run(
        "ocsp_check", {"content": (leaf.pem + lab.issuer.pem).decode(), "allowed_ports": [responder.port]}
    )
    assert "allowed_networks" in done.result["certificates"][0]["reason"]
    assert responder.asked == []
    done = run(responder, content=(leaf.pem + lab.issuer.pem).decode())
    assert done.result["counts"]["good"] == 1


@pytest.mark.parametrize("library", ["cryptography"])
def test_a_missing_library(lab: Lab, responder: Responder, tmp_path: pathlib.Path, library: str) -> None:
    (tmp_path / (library + ".py")).write_text("raise ImportError('gone', name='%s')\n" % library)
    done = run(responder, content=lab.leaf.pem.decode(), how={"library": tmp_path})
    assert done.failed
    assert done.result["error"]["kind"] == "missing_library"


def test_requests_is_not_needed(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "requests.py").write_text("raise ImportError('gone', name='requests')\n")
    leaf = rev.leaf(lab.issuer, urls=(responder.url, None))
    done = run(responder, content=(leaf.pem + lab.issuer.pem).decode(), how={"library": tmp_path / "lib"})
    assert done.result["counts"]["good"] == 1


def test_two_hundred(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """In order, over few connections, one request each."""
    responder.delay = 0.01
    for number in range(200):
        put(tmp_path, lab, f"n{number:03}", responder.url)
    started = time.monotonic()
    done = run(responder, paths=[str(tmp_path / "*.pem")])
    seconds = time.monotonic() - started
    assert done.result["counts"]["good"] == 200
    assert [entry["subject"] for entry in done.result["certificates"]] == [
        f"CN=n{number:03}.test" for number in range(200)
    ]
    assert len(responder.asked) == 200
    assert len({asked.connection for asked in responder.asked}) <= 33
    assert seconds < 20


def test_through_ansible(lab: Lab, responder: Responder, tmp_path: pathlib.Path) -> None:
    """Check and real agree, the second run is free."""
    put(tmp_path, lab, "a", responder.url)
    arguments: dict[str, Any] = {"paths": [str(tmp_path / "a.pem")], "staple_path": str(tmp_path / "a.ocsp")}
    arguments.update(allowed_networks=LOOPBACK, allowed_ports=[responder.port])
    command = [
        "ansible",
        "-i",
        "host.example,",
        "-c",
        "local",
        "all",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    command += ["-m", "certfleet.reseller.ocsp_check", "-a", json.dumps(arguments)]
    seen = []
    for more in (["--check"], [], []):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        seen.append(json.loads(done.stdout.split("=>", 1)[1]))
    assert [each["changed"] for each in seen] == [True, True, False]
    assert seen[0]["steps"] == seen[1]["steps"]


# --- the sandbox ------------------------------------------------------------------------------------------------------


def test_against_the_sandbox(tmp_path: pathlib.Path) -> None:
    """Certificates of its SSLmarket: its responder, its list and its API say the same, before and after a revocation."""
    with Sandbox(revocation_urls="both") as sandbox:
        number, path = bought(sandbox, tmp_path, "www.ocsp.test")
        network = {"allowed_networks": LOOPBACK, "allowed_ports": [sandbox.revocation["port"]], "fail_on": []}
        api = {"api_url": sandbox.sslmarket["api_url"], "api_token": sandbox.sslmarket["api_token"]}
        ways = {
            "ocsp": {**network},
            "crl": {**network, "crl_cache_path": str(tmp_path / "lists")},
            "sslmarket": {**api, "checker": "sslmarket", "ca_path": sandbox.ca_path, "fail_on": []},
        }

        def said() -> dict[str, tuple[str, str, bool]]:
            found = {}
            for way, options in ways.items():
                if way == "crl":
                    sandbox.fault("revocation", "status", operation="ocsp", status=503, shape="empty")
                done = modules.run("ocsp_check", {"paths": [str(path)], **options})
                assert not done.failed, done.output
                assert api["api_token"] not in done.output
                (entry,) = done.result["certificates"]
                found[way] = (entry["status"], entry["source"], entry["verified"])
            return found

        assert said() == {way: ("good", way, way != "sslmarket") for way in ways}
        sandbox.revoke_certificate(number)
        revoked = said()
        assert revoked["ocsp"] == ("revoked", "ocsp", True)
        assert revoked["sslmarket"] == ("revoked", "sslmarket", False)
        # the copy of the list holds until its nextUpdate: what the documentation of crl_cache_path warns of
        assert revoked["crl"] == ("good", "crl", True)
        ways["crl"].pop("crl_cache_path")
        assert said()["crl"] == ("revoked", "crl", True)
        wrong = {**ways["sslmarket"], "api_token": "a-wrong-token"}
        token = modules.run("ocsp_check", {"paths": [str(path)], **wrong})
        assert (token.failed, token.result["error"]["kind"]) == (True, "auth")
        assert "a-wrong-token" not in token.output


def bought(sandbox: Sandbox, folder: pathlib.Path, name: str) -> tuple[int, pathlib.Path]:
    from tests.unit.sandbox.market import Wire

    path = folder / "fullchain.pem"
    with Wire(sandbox) as wire:
        number = wire.order(name)
        sandbox.add_txt("_dnsauth." + name, wire.detail(number)["dv_auth_content"])
        wait_for(lambda: wire.detail(number)["state"] == "published")
        path.write_bytes(wire.ask("GET", f"/certificate/order_id/{number}/format/pem_intermediate").content)
    return number, path


# --- SSLmarket's word -------------------------------------------------------------------------------------------------


class FakeApi:
    api_url = "https://api.test"

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[str] = []

    def ocsp(self, pem: str) -> Any:
        self.asked.append(pem)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step


WORDS = {
    "good": ({"status": "good", "this_update": "2026-11-22 10:00:00", "next_update": "x"}, "good"),
    "revoked": ({"status": "Revoked"}, "revoked"),
    "unknown": ({"status": "unknown"}, "unknown"),
    "no word": ({}, "unknown"),
    "null": ({"status": None}, "unknown"),
    "a number": ({"status": 1}, "unknown"),
    "a list": ({"status": ["good"]}, "unknown"),
    "other words": ({"status": "good enough"}, "unknown"),
    "refused": (ProviderError("refused", status=400, detail="has no OCSP responder"), "not_checkable"),
    "too many": (RateLimited("too many", status=429), "unreachable"),
    "no answer": (NotSent("cannot be reached"), "unreachable"),
    "not JSON": (ProtocolError("not JSON"), "invalid"),
}


@pytest.mark.parametrize("case", WORDS)
def test_the_provider_s_word(lab: Lab, case: str) -> None:
    answer, expected = WORDS[case]
    api = FakeApi(answer)
    subject = Reader().read(Item(content=lab.leaf.pem.decode()))
    verdict = ProviderChecker(api).check(subject).verdict  # type: ignore[arg-type]
    assert (verdict.status, verdict.source, verdict.verified) == (expected, "sslmarket", False)
    assert verdict.this_update is None
    assert verdict.next_update is None
    if case == "good":
        assert verdict.provider == answer
    if case == "refused":
        assert "has no OCSP responder" in verdict.reason
    assert api.asked == [lab.leaf.pem.decode()]


def test_an_api_that_does_not_answer_is_asked_once(lab: Lab) -> None:
    api = FakeApi(NotSent("cannot be reached"))
    checker = ProviderChecker(api)  # type: ignore[arg-type]
    subject = Reader().read(Item(content=lab.leaf.pem.decode()))
    assert [checker.check(subject).verdict.status for _number in range(5)] == ["unreachable"] * 5
    assert len(api.asked) == 1


def test_a_refused_token_ends_it(lab: Lab) -> None:
    checker = ProviderChecker(FakeApi(AuthError("refused", status=401)))  # type: ignore[arg-type]
    with pytest.raises(CollectionError, match="refused"):
        checker.check(Reader().read(Item(content=lab.leaf.pem.decode())))
