# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_decode says the same on the command line, in a playbook and as a filter; the examples of its documentation run."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.certfleet.reseller.plugins.filter import cert_decode as filter_plugin
from ansible_collections.certfleet.reseller.plugins.modules import cert_decode as module

from tests.support import modules, pki
from tests.support.sandbox import Sandbox

AT = "2026-11-22T10:00:00Z"
ROOT = pki.authority("Root")
SERVER = pki.server(["www.example.com", "192.0.2.1"], ROOT)
TEXT = (SERVER.pem + ROOT.pem + pki.request(["www.example.com"], SERVER.key)).decode()


def run(*command: str, **environment: str) -> str:
    environment = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(folder: Path, tasks: list[dict[str, Any]], **variables: Any) -> str:
    path = folder / "play.yml"
    book = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]
    path.write_text(yaml.safe_dump(book), encoding="utf-8")
    return run("ansible-playbook", "-i", "localhost,", "-c", "local", str(path))


def test_command_line_playbook_and_filter_agree(tmp_path: Path) -> None:
    file, result = tmp_path / "bundle.pem", tmp_path / "result.json"
    file.write_text(TEXT, encoding="utf-8")
    said = run("ansible", "localhost", "-m", "certfleet.reseller.cert_decode", "-a", f"path={file} at={AT}")
    line = json.loads(said.partition("=>")[2])
    read = "lookup('ansible.builtin.file', file)"
    decoded = f"({read} | certfleet.reseller.cert_decode(all=true, at=at))"
    collected = {
        "module": "{{ decoded }}",
        "filter": "{{ %s }}" % decoded,
        "first": "{{ %s | certfleet.reseller.cert_decode(at=at) }}" % read,
    }
    tasks: list[dict[str, Any]] = [
        {"certfleet.reseller.cert_decode": {"path": "{{ file }}", "at": "{{ at }}"}, "register": "decoded"},
        {"ansible.builtin.copy": {"dest": str(result), "content": "{{ collected | to_json }}", "mode": "0600"}},
    ]
    play(tmp_path, tasks, file=str(file), at=AT, collected=collected)
    found = json.loads(result.read_text(encoding="utf-8"))
    for entry in (*found["filter"]["certificates"], *found["filter"]["requests"], found["first"]):
        assert entry["source"]["path"] is None  # a text has no path; nothing else may differ
        entry["source"]["path"] = str(file)
    found["filter"]["files"][0]["path"] = str(file)
    for key in ("certificates", "requests", "files"):
        assert line[key] == found["module"][key] == found["filter"][key], key
    assert len(line["certificates"]) == 2
    assert len(line["requests"]) == 1
    assert found["first"] == line["certificates"][0]
    assert line["certificates"][0]["days_left"] == (SERVER.certificate.not_valid_after_utc - moment()).days


def moment() -> Any:
    return pki.datetime.fromisoformat(AT.replace("Z", "+00:00"))


@pytest.mark.parametrize("plugin", [module, filter_plugin])
def test_the_examples_run(plugin: Any, tmp_path: Path) -> None:
    """Those that need neither a path of /etc nor a token: with their paths here, and the provider's left out."""
    (tmp_path / "www.example.com" / "current").mkdir(parents=True)
    chain, key, request = tmp_path / "www.example.com" / "current" / "fullchain.pem", tmp_path / "key", tmp_path / "csr"
    chain.write_bytes(SERVER.pem + ROOT.pem)
    key.write_bytes(SERVER.key_pem)
    request.write_bytes(pki.request(["www.example.com"], SERVER.key))
    places = {
        "/etc/certfleet/*/current/fullchain.pem": str(tmp_path / "*" / "current" / "fullchain.pem"),
        "/etc/ssl/private/key.pem": str(key),
        "/etc/ssl/request.csr": str(request),
        "/etc/ssl/www.pem": str(chain),
    }
    text = plugin.EXAMPLES
    for documented, here in places.items():
        text = text.replace(documented, here)
    tasks = [task for task in yaml.safe_load(text) if "sslmarket" not in str(task)]
    assert len(tasks) >= 2
    play(tmp_path, tasks)


def test_the_sandbox_s_sslmarket_says_what_we_say() -> None:
    names = ["www.example.com", "b.example.com", "*.example.com"]
    text = b"".join(
        pki.server(names, ROOT, key=key).pem + pki.request(names, key)
        for key in (pki.new_key(), pki.new_key("rsa", 2048))
    ).decode()
    with Sandbox() as sandbox:
        access = {key: sandbox.sslmarket[key] for key in ("api_url", "api_token")}
        options = {"content": text, "at": AT, "ca_path": sandbox.ca_path}
        theirs = modules.run("cert_decode", {**options, **access, "decoder": "sslmarket"}).result
    ours = modules.run("cert_decode", options).result
    compared = 0
    for kind in ("certificates", "requests"):
        assert len(theirs[kind]) == len(ours[kind]) == 2
        for their, our in zip(theirs[kind], ours[kind]):
            assert set(their) == set(our)
            for field in set(their) - {"decoder", "problems"}:
                if their[field] is not None:
                    assert their[field] == our[field], field
                    compared += 1
    assert compared >= 40
    print(f"{compared} fields of SSLmarket's decoders are ours")
