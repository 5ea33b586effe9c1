# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate sets in a controller's state directory, as an issuance leaves them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import iso
from ansible_collections.certfleet.reseller.plugins.module_utils._core.names import file_name

from tests.support import pki


@dataclass(frozen=True)
class Version:
    serial: str
    fingerprint: str
    files: dict[str, bytes]


class Authority:
    """A CA with an intermediate. Each certificate is some minutes younger than the one before."""

    def __init__(self) -> None:
        self.root = pki.authority("Fleet Root")
        self.intermediate = pki.authority("Fleet Intermediate", self.root)
        self.issued = 0

    def issue(self, *names: str) -> Version:
        self.issued += 1
        begin = pki.NOW - pki.DAY + timedelta(minutes=self.issued)
        leaf = pki.server(names, self.intermediate, not_before=begin)
        serial, digest = format(leaf.certificate.serial_number, "x"), hashlib.sha256(leaf.der).hexdigest()
        meta = {
            "serial": serial,
            "fingerprint": digest,
            "names": sorted(names),
            "not_before": iso(leaf.certificate.not_valid_before_utc),
            "not_after": iso(leaf.certificate.not_valid_after_utc),
        }
        files = {
            "privkey.pem": leaf.key_pem,
            "cert.pem": leaf.pem,
            "chain.pem": self.intermediate.pem,
            "fullchain.pem": leaf.pem + self.intermediate.pem,
            "meta.json": json.dumps(meta).encode(),
        }
        return Version(serial, digest, files)


def store(sets: Path, name: str, version: Version) -> Path:
    """Makes it the live version of a set."""
    folder = sets / file_name(name)
    place = folder / version.serial
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, content in version.files.items():
        (place / file).write_bytes(content)
        (place / file).chmod(0o600)
    link = folder / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(version.serial)
    return place
