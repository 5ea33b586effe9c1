# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The renewal window as hosts ask for it: the same identifier as the controller's, kept as long as the server wants, never a failure."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import ari
from ansible_collections.certfleet.reseller.plugins.module_utils._x509 import ari as controller

from tests.support import pki
from tests.support.fake_acme import Answer, FakeAcme
from tests.support.hosted import Host, serial

DAY = timedelta(days=1)


@pytest.fixture
def server() -> Iterator[FakeAcme]:
    with FakeAcme(renewal_info=True) as found:
        yield found


@pytest.fixture
def host(tmp_path: pathlib.Path, server: FakeAcme) -> Iterator[Host]:
    made = Host(tmp_path)
    (tmp_path / "ca.pem").write_bytes(server.ca.pem)
    made.job["client"].update(server=server.directory_url, ca_path=str(tmp_path / "ca.pem"))
    yield made
    made.close()


def test_same_identifier_as_the_controller_s() -> None:
    ca = pki.authority()
    for number in (1, 0x7F, 0x80, 0xFF00, 2**159 + 5, 2**158):
        issued = pki.server(["a.example"], ca, serial=number)
        assert ari.certificate_id(issued.der) == controller.certificate_id(issued.certificate)
    without = pki.server(["a.example"], ca, authority_key=False)
    assert ari.certificate_id(without.der) is None
    for length in range(0, len(issued.der), 7):
        ari.certificate_id(issued.der[:length])  # cut short: no exception


def test_window_decides(host: Host, server: FakeAcme) -> None:
    """A certificate that is fresh is replaced because the server wants it; once it is known the server is not asked again."""
    server.always["renewalInfo"] = lambda _answer: Answer(200, body(pki.NOW + 40 * DAY, pki.NOW + 41 * DAY))
    host.queue(not_before=pki.NOW - DAY)
    assert host.renew().rc == 0
    assert server.count("renewalInfo") == 1
    assert host.renew().rc == 0
    assert server.count("renewalInfo") == 1
    assert "the CA suggests it" in host.record["renewal"]["reason"]
    note = host.client / "renewal.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "ask_again": iso(pki.NOW - DAY)}))
    new = host.queue(not_before=pki.NOW - DAY / 2)
    windows = [body(pki.NOW - 3 * DAY, pki.NOW - 2 * DAY), body(pki.NOW + 40 * DAY, pki.NOW + 41 * DAY)]
    server.always["renewalInfo"] = lambda _answer: Answer(200, windows.pop(0))
    run = host.renew()
    assert run.rc == 0, run.stderr
    assert host.served == serial(new)
    assert windows == []


def body(start: Any, end: Any) -> dict[str, Any]:
    return {"suggestedWindow": {"start": iso(start), "end": iso(end)}}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, {}),
        Answer(200, {"suggestedWindow": {}}),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(301, {}, (("Location", "https://127.0.0.1:1/"),)),
        Answer(200, {}, cut=True),
    ],
)
def test_no_window_is_no_failure(host: Host, server: FakeAcme, answer: Answer) -> None:
    server.always["renewalInfo"] = lambda _answer: answer
    host.queue(not_before=pki.NOW - DAY)
    assert host.renew().rc == 0
    assert "33 % of its life" in host.record["renewal"]["reason"]
    note = json.loads((host.client / "renewal.json").read_text())
    assert note["problem"]
    assert "start" not in note
