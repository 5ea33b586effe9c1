# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate sets in thousands for reports, and a TLS server that shows many of them.

A certificate's serial number and dates have a fixed place and length, so one certificate makes any number of others by writing over
them. Their signatures are wrong, which reports do not look at: clients are what verifies.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import pki

_MARK = 0x5EA1_5EA1_5EA1_5EA1
_START, _END = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2032, 2, 3, 4, 5, 6, tzinfo=UTC)


def _utc(moment: datetime) -> bytes:
    return moment.strftime("%y%m%d%H%M%SZ").encode()


class Press:
    """Prints certificates."""

    def __init__(self) -> None:
        made = pki.server(["press.example"], pki.authority("Press CA"), serial=_MARK, not_before=_START, not_after=_END)
        self._der, self.key_pem = made.der, made.key_pem

    def der(self, serial: int, start: datetime, end: datetime) -> bytes:
        found = self._der
        for old, new in (
            (_MARK.to_bytes(8, "big"), serial.to_bytes(8, "big")),
            (_utc(_START), _utc(start)),
            (_utc(_END), _utc(end)),
        ):
            assert found.count(old) == 1
            found = found.replace(old, new)
        return found

    def write(self, sets: Path, name: str, serial: int, start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
        """A set; returns its ``meta.json``. Only a name that is its own directory's will do."""
        der = self.der(serial, start, end)
        text = base64.encodebytes(der).decode()
        meta = {
            "version": 1,
            "name": name,
            "serial": format(serial, "x"),
            "fingerprint": hashlib.sha256(der).hexdigest(),
            "names": [name],
            "not_before": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "not_after": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "issuer": "CN=Press CA",
            "issuer_cn": "Press CA",
            "key_type": "ecdsa",
            "key_size": 256,
            **more,
        }
        place = sets / name / meta["serial"]
        place.mkdir(parents=True)
        (place / "cert.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
        (place / "meta.json").write_text(json.dumps(meta))
        os.symlink(meta["serial"], sets / name / "current")
        return meta


ISSUERS = {"alpha": "sslcom", "beta": "identrust", "gamma": "sslmarket"}


def fleet(sets: Path, count: int, now: datetime, seed: int = 7) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """``count`` sets of all ages, as certificates of the inventory, and what their hosts said; one in fifty has some problem."""
    press, chance = Press(), random.Random(seed)
    certificates: list[dict[str, Any]] = []
    observed: dict[str, Any] = {}
    for number in range(count):
        issuer = chance.choice(sorted(ISSUERS))
        name = f"{chance.choice(['www', 'shop', 'api', 'mail', 'intern', 'portal'])}{number}.{issuer}.example"
        life = timedelta(days=chance.choice([47, 90, 99, 198]))
        left = life * chance.uniform(0.36, 0.99)
        wrong = chance.random() if number % 50 == 0 else 1.0
        if wrong < 0.4:
            left = timedelta(days=chance.uniform(-20, 12))
        start = (now + left - life).replace(microsecond=0)
        more: dict[str, Any] = {"profile": "dv"}
        if issuer == "gamma":
            more.update(provider="sslmarket", order_id=100000 + number, api_url="https://sslmarket.example/api")
            end = now + timedelta(days=chance.randint(20, 700))
            more["order_row"] = {"state": "published", "expired": f"{end:%Y-%m-%d}"}
        meta = press.write(sets, name, 2**62 + number, start, start + life, **more)
        hosts = sorted(
            {f"host{chance.randrange(max(1, count // 4)):04d}" for _each in range(chance.choice([1, 1, 2, 3]))}
        )
        certificates.append(
            {"name": name, "issuer": issuer, "provider": ISSUERS[issuer], "hosts": hosts, "domains": [name]}
        )
        for host in hosts:
            old = 0.4 <= wrong < 0.7
            shown = {
                "address": "127.0.0.1",
                "port": 443,
                "server_name": name,
                "served": meta["fingerprint"],
                "reason": None,
            }
            if old:
                shown["served"] = "0" * 64
            elif 0.7 <= wrong < 1:
                shown.update(served=None, reason="no connection: Connection refused")
            deployed = {
                **{key: meta[key] for key in ("name", "fingerprint", "not_before", "not_after")},
                "endpoints": [shown],
            }
            deployed["serial"] = "3ade68b1" if old else meta["serial"]
            observed.setdefault(host, {"sets": []})["sets"].append(deployed)
    return certificates, observed
