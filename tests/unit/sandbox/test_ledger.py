# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger is complete, and has no secrets."""

from __future__ import annotations

import base64
import json
import multiprocessing
from pathlib import Path

import pytest
import requests
from certfleet_sandbox.acme_operations import operation
from certfleet_sandbox.ledger import Ledger, fingerprint, table

from tests.support.sandbox import Sandbox

from .calls import create_account, create_credentials, post


def _write(path: Path, writer: int) -> None:
    for number in range(50):
        Ledger(path).append(writer=writer, number=number, text="x" * 5000)


def test_several_processes_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    entries = Ledger(path).entries()
    assert sorted((entry["writer"], entry["number"]) for entry in entries) == [
        (writer, number) for writer in range(3) for number in range(50)
    ]


def test_a_line_being_written_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert ledger.entries() == []
    ledger.append(service="sslcom")
    with ledger.path.open("a") as stream:
        stream.write('{"half')
    assert [entry["service"] for entry in ledger.entries()] == ["sslcom"]


def test_no_secret_is_in_clear(sandbox: Sandbox) -> None:
    key = create_credentials(sandbox, "ledger").json()["eab-hmac"]
    account = create_account(sandbox, "ledger@example.test").json()
    access = sandbox.identrust
    names = ("client_id", "client_secret", "audience")
    value = {**{name: access[name] for name in names}, "grant_type": "client_credentials"}
    token = requests.post(access["token_url"], json=value, verify=sandbox.ca_path, timeout=5).json()["access_token"]
    assert create_account(sandbox, "ledger@example.test", f"Bearer {token}").status_code == 200
    create_account(sandbox, "ledger@example.test", "a wrong key")
    requests.post(sandbox.sslcom["api_url"] + "/x?secret_key=in-the-query", verify=sandbox.ca_path, timeout=5)
    text = (sandbox.state / "ledger.jsonl").read_text()
    secrets = [
        key,
        account["hmacKey"],
        token,
        access["client_secret"],
        access["api_key"],
        "a wrong key",
        "in-the-query",
    ]
    secrets += [sandbox.sslcom["account_key"], sandbox.sslcom["secret_key"]]
    assert [secret for secret in secrets if secret in text] == []
    (entry,) = sandbox.ledger(effect="credentials_created")
    assert entry["hmac"] == fingerprint(key)
    assert sandbox.control("GET", "/ledger") == sandbox.ledger()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"protected": 1, "payload": []}',
        json.dumps({"payload": base64.urlsafe_b64encode(b'{"identifiers": 1}').decode()}).encode(),
        json.dumps({"payload": base64.urlsafe_b64encode(b'{"identifiers": [1]}').decode()}).encode(),
        json.dumps({"payload": base64.urlsafe_b64encode(b"[1]").decode()}).encode(),
    ],
)
def test_any_body_can_be_logged(body: bytes) -> None:
    name, facts = operation("/acme/neworders", post("/acme/neworders", body))
    assert name == "newOrder"
    assert set(facts["identifiers"]) <= {None}
    assert operation("/elsewhere", post("/elsewhere", body))[0] is None


def test_the_state_is_private(sandbox: Sandbox) -> None:
    create_credentials(sandbox, "private")
    for name in ("endpoints.json", "secrets.json", "ledger.jsonl", "providers/sslcom.json", "acme/sslcom/eab.json"):
        assert (sandbox.state / name).stat().st_mode & 0o077 == 0, name
    assert sandbox.state.stat().st_mode & 0o077 == 0


def test_the_commands_show_it(sandbox: Sandbox) -> None:
    create_credentials(sandbox, "shown")
    shown = sandbox.run("ledger", "--state", str(sandbox.state))
    assert shown.returncode == 0
    assert "/acme/create_credentials" in shown.stdout
    details = sandbox.run("ledger", "--state", str(sandbox.state), "--json")
    assert [json.loads(line) for line in details.stdout.splitlines()] == sandbox.ledger()
    assert table([]).split() == ["at", "service", "method", "path", "status", "fault", "effect"]
