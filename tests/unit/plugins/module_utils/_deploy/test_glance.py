# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a glance tells is what a proof tells; where it could be otherwise, it tells nothing."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import glance, model, sets
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import pki
from tests.unit.plugins.module_utils._deploy.pki import Issued, issue, store

NAMES = ["www.example.com", "example.com"]
NOW = datetime.now(timezone.utc)
OPTIONS = {"name": NAMES[0], "domains": NAMES, "endpoints": [], "reload": []}


def told(contents: dict[str, bytes], now: datetime = NOW, **more: Any) -> dict[str, Any] | None:
    return glance.facts({file: contents[file] for file in model.FILES}, {**OPTIONS, **more}, now)


def meta(issued: Issued, **changes: Any) -> dict[str, bytes]:
    known = json.loads(issued.files["meta.json"])
    known.update(changes)
    return {**issued.files, "meta.json": json.dumps(known).encode()}


def test_the_same_as_a_proof(tmp_path: pathlib.Path) -> None:
    issued = issue(NAMES)
    store(tmp_path, NAMES[0], issued)
    proven = sets.load(str(tmp_path), OPTIONS, NOW)
    assert told(issued.files) == {key: value for key, value in proven.options.items() if key != "digests"}
    looked = sets.look(str(tmp_path), OPTIONS, NOW)
    assert (looked.options, looked.contents, looked.warnings) == (proven.options, proven.contents, ())


def test_names_that_the_ca_added() -> None:
    assert told(meta(issue([*NAMES, "a.example.com"]), extra_names=["a.example.com"])) is not None
    assert told(issue([*NAMES, "a.example.com"]).files) is None


ISSUED = issue(NAMES)
FULL, CHAIN, CERT = (ISSUED.files[file] for file in ("fullchain.pem", "chain.pem", "cert.pem"))
DOUBTS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "expired": lambda: told(issue(NAMES, start=-40, days=20).files),
    "not yet valid": lambda: told(issue(NAMES, start=1).files),
    "an issuer that expired": lambda: told(ISSUED.files, NOW + timedelta(days=2000)),
    "names are missing": lambda: told(issue(NAMES[:1]).files),
    "other names": lambda: told(issue(["www.example.org"]).files),
    "other names are wanted": lambda: told(ISSUED.files, domains=NAMES[:1]),
    "another certificate": lambda: told({**ISSUED.files, "fullchain.pem": issue(NAMES).files["fullchain.pem"]}),
    "no issuer": lambda: told({**ISSUED.files, "fullchain.pem": CERT, "chain.pem": b""}),
    "another order": lambda: told({**ISSUED.files, "fullchain.pem": CHAIN + CERT}),
    "text": lambda: told({**ISSUED.files, "fullchain.pem": b"# ours\n" + FULL, "cert.pem": b"# ours\n" + CERT}),
    "line ends": lambda: told({file: text.replace(b"\n", b"\r\n") for file, text in ISSUED.files.items()}),
    "no file": lambda: told(dict.fromkeys(model.FILES, b"")),
    "no record": lambda: told({**ISSUED.files, "meta.json": b""}),
    "a record that is none": lambda: told({**ISSUED.files, "meta.json": b"[]"}),
    "a record in Latin-1": lambda: told({**ISSUED.files, "meta.json": b'{"serial": "\xe9"}'}),
    "another fingerprint": lambda: told(meta(ISSUED, fingerprint="0" * 64)),
    "another serial number": lambda: told(meta(ISSUED, serial="0a")),
    "a number": lambda: told(meta(ISSUED, serial=10)),
    "a path": lambda: told(meta(ISSUED, serial="../" + ISSUED.serial)),
    "another end": lambda: told(meta(ISSUED, not_after="2099-01-01T00:00:00Z")),
    "names that are none": lambda: told(meta(ISSUED, names=[["x"]])),
    "one name": lambda: told(meta(ISSUED, names=NAMES[0])),
    "no names": lambda: told(meta(ISSUED, names=None)),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_in_doubt_it_takes_a_proof(name: str) -> None:
    assert told(ISSUED.files) is not None
    assert DOUBTS[name]() is None


def test_an_intermediate_that_expired() -> None:
    """Long before the certificate does: clients refuse it all the same."""
    root = pki.authority("Root")
    old = pki.authority("Old", root, not_before=NOW - timedelta(days=20), not_after=NOW + timedelta(days=1))
    leaf = pki.server(NAMES, old)
    ders = [each.certificate.public_bytes(Encoding.DER) for each in (leaf, old)]
    full = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in (leaf, old))
    facts = {
        "serial": format(leaf.certificate.serial_number, "x"),
        "fingerprint": model.sha256(ders[0]),
        "names": sorted(NAMES),
        "not_after": leaf.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    contents = {
        "privkey.pem": b"",
        "meta.json": json.dumps(facts).encode(),
        "cert.pem": full[: full.index(b"-----END") + 26],
        "chain.pem": full[full.index(b"-----END") + 26 :],
        "fullchain.pem": full,
    }
    assert told(contents) is not None
    assert told(contents, NOW + timedelta(days=2)) is None


def certificates() -> list[x509.Certificate]:
    far, long_ago = datetime(2060, 1, 1, tzinfo=timezone.utc), datetime(1970, 1, 1, tzinfo=timezone.utc)
    found = [
        pki.authority("Root"),
        pki.authority("Late", not_after=far),
        pki.authority("Early", not_before=long_ago),
        pki.server(["a.example"], pki.authority("RSA", key=pki.new_key("rsa", 2048))),
        pki.server(["b.example"], serial=1),
        pki.server(["c.example"], serial=(1 << 159) - 1),
        pki.server([f"n{number}.example" for number in range(200)]),
    ]
    return [each.certificate for each in found]


@pytest.mark.parametrize("certificate", certificates(), ids=lambda each: str(each.subject.rfc4514_string()))
def test_fields_of_certificates(certificate: x509.Certificate) -> None:
    der = certificate.public_bytes(Encoding.DER)
    assert glance.serial_number(der) == certificate.serial_number
    assert glance.validity(der) == (certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def test_damaged_certificates(capsys: pytest.CaptureFixture[str]) -> None:
    """Cut anywhere, or with any byte changed: an error that is expected, never another one."""
    der = base64.b64decode(b"".join(CERT.split(b"\n")[1:-2]))
    tries = [der[:length] for length in range(len(der))]
    tries += [der[:place] + bytes([byte]) + der[place + 1 :] for place in range(len(der)) for byte in (0, 0x80, 0xFF)]
    refused = 0
    for each in tries:
        for read in (glance.serial_number, glance.validity):
            try:
                read(each)
            except (ValueError, LookupError):
                refused += 1
    assert refused > len(der)
    with capsys.disabled():
        print(f"\n{len(tries)} damaged certificates, {refused} readings refused, no other error")
