# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certificate_status and certificates that hosts renew by themselves: no set on the controller, and a record for each host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso

from tests.support import modules, pki
from tests.support.hosted import Host, serial

NAME = "*.example.com"
NEW = {"not_before": pki.NOW - timedelta(days=1)}
DUE = {"not_before": pki.NOW - timedelta(days=80), "not_after": pki.NOW + timedelta(days=10)}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path, NAME)
    yield made
    made.close()


def look(host: Host) -> dict[str, Any]:
    """What the module says on the host."""
    endpoints = [{"address": "127.0.0.1", "port": host.service.port}]
    options = {"root": str(host.root), "renewals_path": str(host.path)}
    done = modules.run("certificate_status", {**options, "certificates": [{"name": NAME, "endpoints": endpoints}]})
    assert not done.failed, done.output
    return done.result


def report(folder: Path, observed: dict[str, Any], *hosts: str) -> dict[str, Any]:
    """What it makes of that on the controller; the records by their names."""
    wanted = {"name": NAME, "issuer": "alpha", "client": "lego", "hosts": list(hosts)}
    options = {"sets_path": str(folder / "sets"), "certificates": [wanted], "observed": observed}
    done = modules.run("certificate_status", options)
    assert not done.failed, done.output
    return {each["name"]: each for each in done.result["certificates"]}


def codes(record: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in record["problems"]]


def test_each_host_has_a_record(host: Host, tmp_path: Path) -> None:
    """In order, silent, without one, and one that was never asked."""
    issued = host.queue(**NEW)
    assert host.renew().rc == 0
    seen = look(host)
    (noted,) = seen["renewals"]
    assert (noted["file_name"], noted["ok"], noted["serial"]) == ("_wildcard.example.com", True, serial(issued))
    empty = {"sets": [], "renewals": [], "looked_at": seen["looked_at"]}
    observed = {"web1": seen, "web2": {"unreachable": True, "msg": "gone"}, "web3": empty, "web4": {"sets": []}}
    found = report(tmp_path, observed, "web1", "web2", "web3", "web4", "web5")
    assert {name: codes(each) for name, each in found.items()} == {
        "*.example.com (web1)": [],
        "*.example.com (web2)": ["host_silent"],
        "*.example.com (web3)": ["not_issued"],
    }
    first = found["*.example.com (web1)"]
    assert (first["serial"], first["not_after"]) == (serial(issued), iso(issued.certificate.not_valid_after_utc))
    assert first["names"] == [NAME]
    assert [(each["host"], each["matches"]) for each in first["deployed"]] == [("web1", True)]
    assert (first["proof"]["asked"], first["proof"]["served"]) == (1, 1)
    # the host's own decision, splay included
    assert first["renewal"]["at"] == host.record["renewal"]["at"]


def test_the_window_of_the_ca_decides_here_too(host: Host, tmp_path: Path) -> None:
    host.queue(**NEW)
    assert host.renew().rc == 0
    seen = look(host)
    start = pki.NOW.replace(microsecond=0) + timedelta(days=3)
    seen["renewals"][0]["window"] = {"start": iso(start), "end": iso(start)}
    (found,) = report(tmp_path, {"web1": seen}, "web1").values()
    assert found["renewal"]["at"] == iso(start)


def test_a_run_that_failed(host: Host, tmp_path: Path) -> None:
    """The old certificate is served, so it is a warning; a record that nobody can read is one, too."""
    host.queue(**DUE)
    assert host.renew().rc == 0
    assert host.renew().rc == 1  # the CA is down
    (found,) = report(tmp_path, {"web1": look(host)}, "web1").values()
    texts = [each["text"] for each in found["problems"] if each["code"] == "run_failed"]
    assert len(texts) == 1
    assert "the CA is down" in texts[0]
    assert host.record["failing_since"] in texts[0]
    assert found["proof"]["served"] == 1

    (host.path / "status" / "_wildcard.example.com.json").write_text("{")
    (found,) = report(tmp_path, {"web1": look(host)}, "web1").values()
    assert "run_failed" in codes(found)

    place = (host.root / "_wildcard.example.com" / "current").resolve()
    (place / "meta.json").write_text(json.dumps({"name": NAME, "fingerprint": "0" * 64}))
    (found,) = report(tmp_path, {"web1": look(host)}, "web1").values()
    assert codes(found)[0] == "damaged"
    assert "of its host" in found["problems"][0]["text"]
