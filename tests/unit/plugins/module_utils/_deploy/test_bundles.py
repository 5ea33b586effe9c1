# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: made of the set, part of its version, and the same at each run."""

from __future__ import annotations

import base64
import json
import multiprocessing
import pathlib
import ssl
import stat
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError, UsageError
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import answer, planning, question, sets
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy.deployment import Deployment
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.unit.plugins.module_utils._deploy.pki import issue, store
from tests.unit.plugins.module_utils._deploy.test_changes import actions, deploy
from tests.unit.plugins.module_utils._deploy.test_question import Host

NAME = "app.example"
NOW = datetime.now(timezone.utc)
PASSWORD = "correct horse battery staple"
BOTH = ["combined.pem", "keystore.p12"]


def options(**more: Any) -> dict[str, Any]:
    return {"name": NAME, "domains": [NAME], "endpoints": [], "reload": [], "bundles": BOTH, **more}


def given(
    state: pathlib.Path, root: pathlib.Path, load: Callable[..., sets.Loaded] = sets.load, **more: Any
) -> dict[str, Any]:
    """All options of the module on the host."""
    loaded = load(str(state), options(keystore_password=PASSWORD, **more), NOW, writing=True)
    facts = {"owner": None, "group": None, "key_mode": "0600", "mode": "0644", **loaded.options}
    return {
        "root": str(root),
        "directory_mode": "0755",
        "keep": 2,
        "proof_timeout": 0.5,
        **sets.arguments([sets.Loaded(facts, loaded.contents, ())], {NAME}),
        "certificates": [facts],
    }


@pytest.fixture
def state(tmp_path: pathlib.Path) -> pathlib.Path:
    store(tmp_path / "sets", NAME, issue([NAME]))
    return tmp_path / "sets"


def test_bundles_are_part_of_the_version(state: pathlib.Path, tmp_path: pathlib.Path, program: Any) -> None:
    host = Host(tmp_path, program)
    wanted = given(state, host.root)
    assert actions(deploy(wanted)) == ["install", "switch"]
    live = host.root / NAME / "current"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(live / "combined.pem"))  # key and certificate fit
    text = (live / "combined.pem").read_bytes()
    assert text == (live / "privkey.pem").read_bytes() + (live / "fullchain.pem").read_bytes()
    key, leaf, chain = pkcs12.load_key_and_certificates((live / "keystore.p12").read_bytes(), PASSWORD.encode())
    assert key is not None
    assert leaf is not None
    assert key.public_key() == leaf.public_key()
    assert [leaf, *chain] == x509.load_pem_x509_certificates((live / "fullchain.pem").read_bytes())
    assert {stat.S_IMODE((live / bundle).stat().st_mode) for bundle in BOTH} == {0o600}
    # by the quick way and by the module: nothing to do, whoever reads the set
    again = given(state, host.root, sets.look)
    assert (host.quick(again), host.slow(again)) == ([], [])
    for bundle in BOTH:
        (live / bundle).chmod(0o644)
        assert [step[0] for step in host.quick(again) or ()] == ["set_access"]
        (live / bundle).chmod(0o600)
        before = (live / bundle).read_bytes()
        (live / bundle).write_bytes(before[:-1])
        assert [step[0] for step in host.quick(again) or ()] == ["repair"]
        (live / bundle).write_bytes(before)
    assert host.quick(again) == []


def test_a_bundle_that_is_wanted_later_comes_with_a_whole_version(state: pathlib.Path, tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"
    deploy(given(state, root, bundles=[]))
    assert not (root / NAME / "current" / "combined.pem").exists()
    assert actions(deploy(given(state, root))) == ["repair"]
    assert actions(deploy(given(state, root))) == []


def test_other_sets_without_bundles(state: pathlib.Path, tmp_path: pathlib.Path, program: Any) -> None:
    """A file that one set has is asked for in all of them."""
    host = Host(tmp_path, program)
    wanted = given(state, host.root)
    store(state, "b.example", issue(["b.example"]))
    other = sets.load(str(state), {**options(), "name": "b.example", "domains": ["b.example"], "bundles": []}, NOW)
    wanted["certificates"].append({**wanted["certificates"][0], "unit": None, **other.options})
    wanted["contents"]["b.example"] = {
        file: base64.b64encode(content).decode() for file, content in other.contents.items()
    }
    deploy(wanted)
    assert host.quick(wanted) == []
    assert not (host.root / "b.example" / "current" / "keystore.p12").exists()


def keystore(state: pathlib.Path, password: str = PASSWORD, writing: bool = True) -> bytes:
    return sets.load(str(state), options(keystore_password=password), NOW, writing).contents["keystore.p12"]


def test_a_keystore_is_made_once(state: pathlib.Path) -> None:
    assert keystore(state, writing=False) != keystore(state, writing=False)  # random salts
    assert not list(state.rglob("*keystore*"))
    first = keystore(state)
    assert first == keystore(state) == keystore(state, writing=False)
    kept = sorted(state.rglob("*keystore*"))
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in kept] == [
        (".keystore.json", 0o600),
        ("keystore.p12", 0o600),
    ]
    assert PASSWORD not in kept[0].read_text()
    other = keystore(state, "another")
    assert other != first
    assert other == keystore(state, "another")
    store(state, NAME, issue([NAME]))
    assert keystore(state, "another") != other


@pytest.mark.parametrize("damage", ["p12", "json", "half"])
def test_a_keystore_that_is_damaged_is_made_anew(state: pathlib.Path, damage: str) -> None:
    first = keystore(state)
    (path,) = state.rglob("keystore.p12")
    if damage == "p12":
        path.write_bytes(first[:-1])
    elif damage == "half":
        path.unlink()
    else:
        path.with_name(".keystore.json").write_text(json.dumps({"code": "x", "digest": "y"}))
    second = keystore(state)
    assert second != first
    assert pkcs12.load_key_and_certificates(second, PASSWORD.encode())[0] is not None
    assert keystore(state) == second


def test_many_hosts_get_the_same_keystore(state: pathlib.Path) -> None:
    """A play has a process for each host, and they begin at the same time."""
    with multiprocessing.get_context("fork").Pool(8) as pool:
        found = pool.map(keystore, [state] * 8)
    assert set(found) == {keystore(state)}


def test_the_password_stays_on_the_controller(state: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert PASSWORD not in repr(given(state, tmp_path))


def test_password_file(state: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)

    def load() -> bytes:
        return sets.load(str(state), options(keystore_password_path=str(path)), NOW, True).contents["keystore.p12"]

    assert load() == keystore(state)
    path.chmod(0o640)
    with pytest.raises(StateError, match="can be read by others"):
        load()
    path.chmod(0o600)
    path.write_text("\n")
    with pytest.raises(StateError, match="is empty"):
        load()
    path.unlink()
    with pytest.raises(StateError, match="does not exist"):
        load()


@pytest.mark.parametrize("more", [{}, {"keystore_password": "a", "keystore_password_path": "b"}])
def test_a_keystore_needs_one_password(state: pathlib.Path, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="needs a password"):
        sets.load(str(state), options(**more), NOW)


def test_plans_of_both_ways_agree(state: pathlib.Path, tmp_path: pathlib.Path, program: Any) -> None:
    """A host without the set: the controller plans what the module does."""
    host = Host(tmp_path, program)
    want = Deployment().want(given(state, host.root))
    have = answer.read(want, host.ask(want), want)
    assert question.files(want) == (*BOTH, *question.FILES)
    assert [step.action for step in planning.plan(want, have).steps] == ["install", "switch"]
