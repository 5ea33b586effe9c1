# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certificate_status in processes of its own: on the controller, on a host, in check mode, and with thousands of sets."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._report import junit, prometheus
from ansible_collections.certfleet.reseller.plugins.module_utils._status import report
from ansible_collections.certfleet.reseller.plugins.plugin_utils import page
from jsonschema import Draft202012Validator

from tests.support import modules, pki, statuses
from tests.support.tls_crowd import Crowd

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads((ROOT / "roles" / "certificate_report" / "files" / "report.schema.json").read_text())
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def run(**options: Any) -> dict[str, Any]:
    done = modules.run("certificate_status", options)
    assert not done.failed, done.output
    return done.result


def checked(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(found)] == []
    return found


def test_all_sets_of_the_controller(tmp_path: Path) -> None:
    sets, path = tmp_path / "sets", tmp_path / "report" / "report.json"
    press = statuses.Press()
    press.write(sets, "www.alpha.example", 2**62 + 1, NOW - 30 * DAY, NOW + 60 * DAY)
    press.write(sets, "old.alpha.example", 2**62 + 2, NOW - 91 * DAY, NOW - DAY)
    (sets / "new.alpha.example" / "pending").mkdir(parents=True)
    (sets / ".work").mkdir()
    broken = sets / "broken.alpha.example" / "3b2e"
    broken.mkdir(parents=True)
    (broken / "meta.json").write_text("{")
    os.symlink("3b2e", broken.parent / "current")

    predicted = modules.run("certificate_status", {"sets_path": str(sets), "path": str(path)}, check=True)
    assert predicted.result["changed"]
    assert not path.parent.exists()
    first = run(sets_path=str(sets), path=str(path))
    assert first["changed"]
    assert first["counts"] == {"certificates": 4, "error": 2, "warning": 1, "ok": 1, "endpoints": 0, "served": 0}
    codes = {each["name"]: [problem["code"] for problem in each["problems"]] for each in first["certificates"]}
    assert codes == {
        "broken.alpha.example": ["damaged"],
        "old.alpha.example": ["expired"],
        "new.alpha.example": ["pending"],
        "www.alpha.example": [],
    }
    assert checked(path)["certificates"] == first["certificates"]
    assert path.stat().st_mode & 0o777 == 0o644

    revoked = {"serial": format(2**62 + 1, "x"), "status": "revoked", "reason": "revoked on 2026-11-20T08:00:00Z"}
    for end, state in ((NOW + 60 * DAY, "error"), (NOW + 61 * DAY, "ok")):  # another CA's, of the same number
        told = {**revoked, "not_after": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
        result = run(sets_path=str(sets), revocation=[told])
        assert {each["state"] for each in result["certificates"] if each["name"] == "www.alpha.example"} == {state}

    generated = checked(path)["generated"]
    time.sleep(max(0.0, 1.1 - (datetime.now(UTC) - datetime.fromisoformat(generated)).total_seconds()))
    again = run(sets_path=str(sets), path=str(path), records="problems")
    assert not again["changed"]
    assert checked(path)["generated"] > generated  # it was looked again, and the report says so
    assert len(again["certificates"]) == 3
    press.write(sets, "more.alpha.example", 2**62 + 3, NOW - 30 * DAY, NOW + 60 * DAY)
    assert run(sets_path=str(sets), path=str(path), records="none")["changed"]


def test_a_host_and_what_the_controller_makes_of_it(tmp_path: Path) -> None:
    name, identity = "www.alpha.example", pki.server(["www.alpha.example"])
    root = tmp_path / "etc"
    place = root / name / format(identity.certificate.serial_number, "x")
    place.mkdir(parents=True)
    (place / "cert.pem").write_bytes(identity.pem)
    (place / "meta.json").write_text(json.dumps({"name": name, "names": [name]}))
    os.symlink(place.name, root / name / "current")
    with Crowd(tmp_path, {"": identity}) as crowd:
        endpoints = [{"address": "127.0.0.1", "port": crowd.port}, {"address": "127.0.0.1", "port": 1}]
        seen = run(root=str(root), certificates=[{"name": name, "endpoints": endpoints}])
    (found,) = seen["sets"]
    assert found["serial"] == place.name
    assert [each["proof"] for each in found["endpoints"]] == [True, False]
    assert seen["facts"]["certificates"][name]["serial"] == place.name
    assert "endpoints" not in seen["facts"]["certificates"][name]

    # the same directory as the controller's sets, and the host's word
    wanted = [{"name": name, "hosts": ["web1", "web2"], "issuer": "alpha"}]
    told = run(
        sets_path=str(root), certificates=wanted, observed={"web1": seen, "web2": {"unreachable": True, "msg": "gone"}}
    )
    (record,) = told["certificates"]
    assert [(problem["code"], problem["severity"]) for problem in record["problems"]] == [
        ("not_served", "error"),
        ("host_silent", "warning"),
    ]
    assert (record["proof"]["asked"], record["proof"]["served"]) == (2, 1)
    assert [each["matches"] for each in record["deployed"]] == [True]


def test_a_watched_server_that_starts_with_plain_text(tmp_path: Path) -> None:
    identity = pki.server(["mail.example"])
    path = tmp_path / "mail.pem"
    path.write_bytes(identity.key_pem + identity.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _address = listener.accept()
        with plain:
            plain.sendall(b"220 mail.example\r\n")
            assert plain.recv(100).startswith(b"EHLO ")
            plain.sendall(b"250-mail.example\r\n250 STARTTLS\r\n")
            assert plain.recv(100) == b"STARTTLS\r\n"
            plain.sendall(b"220 go\r\n")
            # the client has seen enough after the handshake, and may leave without reading the session tickets
            with context.wrap_socket(plain, server_side=True) as connection, contextlib.suppress(ConnectionResetError):
                connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    watched = {
        "address": "127.0.0.1",
        "port": listener.getsockname()[1],
        "server_name": "mail.example",
        "starttls": "smtp",
    }
    told = run(sets_path=str(tmp_path / "none"), endpoints=[watched])
    thread.join()
    listener.close()
    (record,) = told["certificates"]
    assert (record["kind"], record["state"], record["names"]) == ("endpoint", "ok", ["mail.example"])
    assert record["endpoints"][0]["starttls"] == "smtp"


def test_wrong_options(tmp_path: Path) -> None:
    for options, words in (
        ({}, "there is nothing to look at"),
        ({"root": "/x", "path": "/y/report.json"}, "path needs sets_path"),
        ({"root": "/x", "fail_days": 20}, "fail_days must lie between"),
        ({"root": "/x", "workers": 0}, "workers is 0"),
        ({"root": "/x", "certificates": [{"name": "a.example"}, {"name": "a.example"}]}, "twice"),
        (
            {"root": "/x", "certificates": [{"name": "a.example", "renewal": {"splay": 3}}]},
            "certificates (a.example): renewal",
        ),
        ({"endpoints": [{"address": "127.0.0.1", "port": 443}]}, "needs a server_name"),
        ({"endpoints": [{"address": "127.0.0.1", "port": 0, "server_name": "a.example"}]}, "port 0"),
    ):
        done = modules.run("certificate_status", options)
        assert done.failed
        assert words in done.result["msg"], done.result


def test_five_thousand_certificates(tmp_path: Path) -> None:
    count = 5000
    certificates, observed = statuses.fleet(tmp_path / "sets", count, NOW)
    path = tmp_path / "report.json"
    start = time.monotonic()
    told = run(
        sets_path=str(tmp_path / "sets"), certificates=certificates, observed=observed, path=str(path), records="none"
    )
    seconds = time.monotonic() - start
    print(f"\n{count} certificates in {seconds:.1f} s: {told['counts']}, {path.stat().st_size / 1e6:.1f} MB")
    assert told["counts"]["certificates"] == count == len(checked_quickly(path))
    assert 0 < told["counts"]["error"] < 200
    start = time.monotonic()
    found = report.load(str(path))
    sizes = [len(render(found)) / 1e6 for render in (page.render, prometheus.render, junit.render)]
    built = time.monotonic() - start
    print(f"page, metrics and JUnit of them in {built:.1f} s: " + ", ".join(f"{size:.1f} MB" for size in sizes))
    assert built < 10
    assert len(told["summary"]) <= 23
    assert seconds < 60  # a machine that does much else; about 5 otherwise


def checked_quickly(path: Path) -> list[dict[str, Any]]:
    """All records are there; a hundred of them are looked at closely."""
    found: dict[str, Any] = json.loads(path.read_text())
    some = {**found, "certificates": found["certificates"][::50]}
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(some)] == []
    records: list[dict[str, Any]] = found["certificates"]
    return records
