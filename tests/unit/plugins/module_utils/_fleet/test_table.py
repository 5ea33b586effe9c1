# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and tables."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import table

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
ENDPOINT = {"address": "127.0.0.1", "port": 443, "proof": True}


def deployed(**change: Any) -> dict[str, Any]:
    return {
        "name": "a.example",
        "serial": "4a",
        "not_after": "2027-02-20T10:00:00Z",
        "endpoints": [ENDPOINT],
        **change,
    }


def test_one_row_for_each_certificate_on_each_host() -> None:
    results = {"web1": {"sets": [deployed()]}, "web2": {"sets": [deployed(endpoints=[])]}, "web3": {}}
    found = table.rows([{"name": "a.example", "issuer": "alpha"}], results, NOW)
    assert found == [
        {
            "host": "web1",
            "name": "a.example",
            "issuer": "alpha",
            "serial": "4a",
            "days_left": 90,
            "proof": "served on 127.0.0.1:443",
        },
        {"host": "web2", "name": "a.example", "issuer": "alpha", "serial": "4a", "days_left": 90, "proof": "not asked"},
    ]


def test_what_is_not_in_order_is_told() -> None:
    wrong = {**ENDPOINT, "address": "::1", "proof": False}
    results = {
        "web1": {"sets": [deployed(endpoints=[ENDPOINT, wrong])]},
        "web2": {"sets": [deployed(serial=None, not_after=None)]},
        "web3": {"failed": True, "msg": "no permission"},
    }
    proofs = [row["proof"] for row in table.rows([], results, NOW)]
    assert proofs == ["NOT SERVED on [::1]:443", "not issued yet", "FAILED: no permission"]


def test_a_table_is_aligned_and_harmless() -> None:
    rows = [
        {"name": "a\x1b[31m\nb", "days_left": 7, "proof": None},
        {"name": "c" * 80, "days_left": 90, "proof": ["x", "y"]},
    ]
    assert table.lines(rows, ["name", "days_left", "proof"]) == [
        "NAME" + " " * 56 + "  DAYS LEFT  PROOF",
        "a [31m b" + " " * 52 + "          7  -",
        "c" * 57 + "..." + "         90".rjust(11) + "  x, y",
    ]
    assert table.lines([]) == ["nothing to show"]
