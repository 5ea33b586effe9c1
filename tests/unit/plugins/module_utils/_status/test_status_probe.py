# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand handshakes at once, on real sockets."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._status import model, probe
from ansible_collections.certfleet.reseller.plugins.module_utils._status.model import Look, Target

from tests.support import pki
from tests.support.tls_crowd import Crowd

COUNT, SILENT, REFUSED, WRONG = 1000, 40, 40, 20
WORKERS, PATIENCE = 64, 2.0


def settings(**more: float) -> model.Settings:
    values = {"timeout": 60.0, "endpoint_timeout": PATIENCE, "workers": WORKERS, **more}
    return model.Settings(warn_days=14, fail_days=7, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def identities() -> dict[str, pki.Identity]:
    return {name: pki.server([name or "other.example"]) for name in ("", "www.alpha.example")}


def test_a_thousand_endpoints_some_of_them_dead(identities: dict[str, pki.Identity], tmp_path: Path) -> None:
    with Crowd(tmp_path, identities) as crowd:
        targets = []
        for number in range(COUNT):
            address = f"127.0.{1 + number // 250}.{1 + number % 250}"
            # spread among the others, so that all threads meet some
            kind = number % 25
            port = crowd.silent_port if kind == 3 else 1 if kind == 7 else crowd.port
            name = "other.example" if number % 50 == 11 else "www.alpha.example"
            targets.append(Target(address, port, name, None, None, "www.alpha.example"))
        fingerprint = fingerprint_of(identities["www.alpha.example"])
        start = time.monotonic()
        found = probe.look(targets, settings(), {"www.alpha.example": probe.Wanted(fingerprint, "ecdsa")})
        seconds = time.monotonic() - start
        most = crowd.most
    assert [look.target for look in found] == targets
    kinds = Counter(kind_of(look, fingerprint) for look in found)
    print(
        f"\n{COUNT} endpoints in {seconds:.1f} s with {WORKERS} threads, at most {most} at once: {dict(sorted(kinds.items()))}"
    )
    assert kinds == {"served": COUNT - SILENT - REFUSED - WRONG, "silent": SILENT, "refused": REFUSED, "another": WRONG}
    assert most <= WORKERS
    # those that say nothing would take 80 seconds one after the other
    assert seconds < SILENT * PATIENCE / 2


def kind_of(look: Look, fingerprint: str) -> str:
    if look.leaf is not None:
        return "served" if look.leaf.fingerprint == fingerprint else "another"
    assert look.reason is not None
    return "silent" if "no handshake within" in look.reason else "refused" if "refused" in look.reason else look.reason


def fingerprint_of(identity: pki.Identity) -> str:
    from cryptography.hazmat.primitives import hashes

    return identity.certificate.fingerprint(hashes.SHA256()).hex()


def test_the_total_time_ends_it(identities: dict[str, pki.Identity], tmp_path: Path) -> None:
    with Crowd(tmp_path, identities) as crowd:
        targets = [Target("127.0.0.1", crowd.silent_port, "www.alpha.example") for _each in range(30)]
        start = time.monotonic()
        found = probe.look(targets, settings(timeout=1.0, endpoint_timeout=0.4, workers=4), {})
        seconds = time.monotonic() - start
    reasons = [look.reason or "" for look in found]
    assert len(found) == 30
    assert [reason for reason in reasons if reason.startswith("no handshake within")]
    assert reasons[-1] == "not asked: the total of 1 seconds was over"
    assert seconds < 2.5


def test_the_second_certificate_of_a_server(tmp_path: Path) -> None:
    """It prefers ECDSA; who needs RSA gets that one."""
    name = "www.alpha.example"
    rsa, ecdsa = pki.server([name], key=pki.new_key("rsa", 2048)), pki.server([name])
    with Crowd(tmp_path, {"": rsa}) as crowd:
        path = tmp_path / "second.pem"
        path.write_bytes(ecdsa.key_pem + ecdsa.pem)
        crowd._context.load_cert_chain(path)
        target = Target("127.0.0.1", crowd.port, name, None, None, name)
        for identity, key_type in ((rsa, "rsa"), (ecdsa, "ecdsa")):
            wanted = {name: probe.Wanted(fingerprint_of(identity), key_type)}
            (found,) = probe.look([target], settings(), wanted)
            assert found.leaf is not None
            assert found.leaf.fingerprint == fingerprint_of(identity), key_type


def test_a_stranger_is_described(identities: dict[str, pki.Identity], tmp_path: Path) -> None:
    with Crowd(tmp_path, identities) as crowd:
        (found,) = probe.look([Target("127.0.0.1", crowd.port, "www.alpha.example")], settings(), {})
    assert found.leaf is not None
    assert found.leaf.names == ("www.alpha.example",)
    assert (found.leaf.key_type, found.leaf.key_size) == ("ecdsa", 256)
