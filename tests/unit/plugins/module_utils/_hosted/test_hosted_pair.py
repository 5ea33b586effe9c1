# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of key and chain are taken, and what is read from them: compared with what `cryptography` says."""

from __future__ import annotations

import pathlib
from datetime import timedelta

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import StateError, VerifyError
from ansible_collections.certfleet.reseller.plugins.module_utils._hosted import pair

from tests.support import pki

DOMAINS = ("www.example.com", "*.example.com")


@pytest.fixture(scope="module")
def ca() -> pki.Identity:
    return pki.authority()


def put(folder: pathlib.Path, chain: bytes, key: bytes) -> tuple[str, str]:
    paths = (folder / "chain.pem", folder / "key.pem")
    paths[0].write_bytes(chain)
    paths[1].write_bytes(key)
    return str(paths[0]), str(paths[1])


@pytest.mark.parametrize(("kind", "size"), [("ecdsa", 256), ("ecdsa", 384), ("rsa", 2048)])
def test_facts(tmp_path: pathlib.Path, ca: pki.Identity, kind: str, size: int) -> None:
    issued = pki.server(DOMAINS, ca, key=pki.new_key(kind, size), serial=0x00AB12)
    paths = put(tmp_path, b"some text\r\n" + issued.pem.replace(b"\n", b"\r\n") + ca.pem, issued.key_pem)
    found = pair.read(*paths, DOMAINS)
    assert found is not None
    assert found.serial == "ab12"
    assert found.names == tuple(sorted(DOMAINS))
    assert (found.not_before, found.not_after) == (
        issued.certificate.not_valid_before_utc,
        issued.certificate.not_valid_after_utc,
    )
    assert found.chain == (issued.pem, ca.pem)


def test_only_an_intermediate_is_known(tmp_path: pathlib.Path, ca: pki.Identity) -> None:
    """Clients get no root from their CA."""
    middle = pki.authority("Intermediate", ca)
    issued = pki.server(DOMAINS, middle)
    assert pair.read(*put(tmp_path, issued.pem + middle.pem, issued.key_pem), DOMAINS)
    assert pair.read(*put(tmp_path, issued.pem, issued.key_pem), DOMAINS)


def test_refused(tmp_path: pathlib.Path, ca: pki.Identity) -> None:
    issued = pki.server(DOMAINS, ca)
    old = pki.server(DOMAINS, ca, not_before=pki.NOW - timedelta(days=9), not_after=pki.NOW - timedelta(days=1))
    early = pki.server(DOMAINS, ca, not_before=pki.NOW + timedelta(days=1))
    stranger = pki.authority("Stranger")
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    cases: dict[str, tuple[bytes, bytes, str]] = {
        "another key": (issued.pem + ca.pem, pki.key_pem(pki.new_key()), "KEY_VALUES_MISMATCH"),
        "expired": (old.pem + ca.pem, old.key_pem, "certificate has expired"),
        "not yet": (early.pem + ca.pem, early.key_pem, "not yet valid"),
        "another issuer": (issued.pem + stranger.pem, issued.key_pem, "unable to get"),
        "no certificate": (b"nothing", issued.key_pem, "0 certificates"),
        "too many": (issued.pem * 17, issued.key_pem, "17 certificates"),
        "no key": (issued.pem, b"", "fit together"),
        "encrypted": (issued.pem, encrypted, "fit together"),
    }
    for name, (chain, key, words) in cases.items():
        with pytest.raises(VerifyError) as caught:
            pair.read(*put(tmp_path, chain, key), DOMAINS)
        assert words in caught.value.sentence(), name
        assert "PRIVATE" not in caught.value.sentence()
    with pytest.raises(VerifyError, match=r"is not for other\.example"):
        pair.read(*put(tmp_path, issued.pem, issued.key_pem), (*DOMAINS, "other.example"))
    (tmp_path / "key.pem").unlink()
    with pytest.raises(VerifyError, match="does not exist"):
        pair.read(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"), DOMAINS)
    with pytest.raises(StateError, match="not a regular file"):
        pair.read(str(tmp_path), str(tmp_path), DOMAINS)
    assert pair.read(str(tmp_path / "no"), str(tmp_path / "no"), DOMAINS) is None


def test_newest(tmp_path: pathlib.Path, ca: pki.Identity) -> None:
    places = []
    for number, days in enumerate((3, 1, 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        issued = pki.server(DOMAINS, ca, not_before=pki.NOW - timedelta(days=days))
        places.append(put(folder, issued.pem + ca.pem, issued.key_pem))
    pathlib.Path(places[2][1]).write_bytes(b"damaged")
    found, problems = pair.newest([*places, ("/nowhere/a", "/nowhere/b")], DOMAINS)
    assert found is not None
    assert found.source == places[1][0]
    assert len(problems) == 1
