# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook report: a fleet in order, then one with a host that is gone, a set that is missing, and a server of others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.fleet import HOSTS, Fleet
from tests.support.sandbox import Sandbox


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    resolve = {"www.alpha.test": HOSTS["web1"], "shop.beta.test": HOSTS["web2"]}
    with Sandbox(hosts=HOSTS, resolve=resolve) as sandbox:
        yield Fleet(sandbox, tmp_path)


def codes(path: Path) -> dict[str, list[str]]:
    report: dict[str, Any] = json.loads((path / "report.json").read_text())
    return {each["name"]: [problem["code"] for problem in each["problems"]] for each in report["certificates"]}


def test_reports(fleet: Fleet) -> None:
    site = fleet.play()
    assert site.code == 0, site.output
    assert (
        "2 certificates: 0 with errors, 0 with warnings, 2 in order; 3 of 3 endpoints serve what was issued"
        in site.output
    )

    path, facts = fleet.state / "report", fleet.path / "facts.d"
    options = {"certificate_report_facts": True, "certificate_report_facts_path": str(facts)}
    report = "certfleet.reseller.report"
    predicted = fleet.play(report, "--check", **options)
    assert predicted.code == 0, predicted.output
    assert not path.exists()
    assert not facts.exists()
    first = fleet.play(report, "-v", "--diff", **options)
    assert first.code == 0, first.output
    assert codes(path) == {"www.alpha.test": [], "shop.beta.test": []}
    assert "2 certificates: 0 with errors" in first.output
    assert f"The page: file://{path}/index.html" in first.output
    kept = json.loads((facts / "certfleet.fact").read_text())
    assert "www.alpha.test" in kept["certificates"]
    for secret in (fleet.sandbox.sslcom["secret_key"], fleet.sandbox.identrust["api_key"]):
        assert secret not in first.output
    # both hosts are this machine, so they share the directory for facts, and only one of them has the second certificate
    assert fleet.play(report).changed == set()

    port = fleet.sandbox.host("web1")["tls_port"]
    shutil.rmtree(Path(fleet.sandbox.host("web2")["root"]) / "tls" / "www.alpha.test")
    fleet.hosts["gone"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    fleet.variables["certfleet_certificates"][1]["hosts"] = "web2,gone"
    fleet.add("new.alpha.test", "alpha", "web1", services=[], endpoints=[{"port": 1}])
    watched = [
        {"address": HOSTS["web1"], "port": port, "server_name": "www.alpha.test"},
        {"address": HOSTS["web1"], "port": port, "server_name": "other.test"},
        {"address": HOSTS["web1"], "port": 1, "server_name": "none.test"},
    ]
    metrics = fleet.path / "certfleet.prom"
    wrong = fleet.play(report, certfleet_endpoints=watched, certificate_report_prometheus_path=str(metrics))
    assert wrong.code == 0, wrong.output
    found = codes(path)
    # the one that is watched besides has the name of a set
    assert found["none.test"] == ["not_served"]
    assert found["new.alpha.test"] == ["not_issued", "not_served"]
    assert found["shop.beta.test"] == ["host_silent"]
    text = (path / "report.json").read_text()
    assert "web2 does not have it" in text
    assert "gone could not be asked" in text
    lines = [
        line.strip().strip('",')
        for line in wrong.output.splitlines()
        if line.strip().startswith(('"ERROR', '"WARNING'))
    ]
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    suite = ElementTree.parse(path / "junit.xml").getroot()[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert {"www.alpha.test", "new.alpha.test", "none.test"} <= failed
    assert "shop.beta.test" not in failed
    assert (
        'certfleet_certificate_problems{name="www.alpha.test",issuer="alpha",problem="not_deployed",severity="error"} 1'
        in metrics.read_text()
    )
