# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sslmarket_certificate as a process: its options, and what users see of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import modules, ordering

TOKEN = "canaryToken4711"
NAME = "www.alpha.test"


def options(tmp_path: Path, **more: Any) -> dict[str, Any]:
    csr = tmp_path / "a.csr"
    if not csr.exists():
        ordering.request(csr, NAME)
    found = {
        "api_url": "http://127.0.0.1:1/api",
        "api_token": TOKEN,
        "journal_dir": str(tmp_path / "journal"),
        "product_code": ordering.PRODUCT,
        "csr_path": str(csr),
        "path": str(tmp_path / "a.pem"),
        "timeout": 2,
        "wait": False,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def run(given: dict[str, Any], **how: Any) -> modules.Run:
    done = modules.run("sslmarket_certificate", given, **how)
    assert "Traceback" not in done.output
    assert TOKEN not in done.output
    return done


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"csr": "x"}, "mutually exclusive"),
        ({"certificates": [], "csr_path": None}, "mutually exclusive"),
        ({"csr_path": None}, "one of the following is required"),
        ({"state": "absent"}, "value of state must be one of"),
        ({"path": None}, "one of path, fullchain_path and p7b_path is needed"),
        ({"state": "revoked"}, "serial_number is missing"),
        ({"remaining_share": 1.5}, "the remaining share must lie between 0 and 1"),
        ({"remaining_days": 0}, "the remaining days must be 1 or more"),
        ({"order_id": -1}, "is not the number of an order"),
        ({"wait_timeout": "soon"}, "wait_timeout"),
        ({"ca_path": "/nowhere/ca.pem", "order_id": 7}, "ca_path /nowhere/ca.pem does not exist"),
    ],
    ids=range(11),
)
def test_wrong_options(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    done = run(options(tmp_path, **more))
    assert done.failed
    assert told in done.result["msg"]
    assert not (tmp_path / "a.pem").exists()


@pytest.mark.parametrize("check", [True, False])
def test_there_is_no_order(tmp_path: Path, check: bool) -> None:
    """Nothing to do, and nothing to ask; a person hears of it."""
    done = run(options(tmp_path), check=check)
    assert (done.failed, done.result["changed"]) == (False, False)
    assert "sslmarket_order places one" in str(done.result["warnings"])


def test_days_by_their_other_name(tmp_path: Path) -> None:
    assert not run(options(tmp_path, reissue_before_days=30)).failed


def test_a_provider_that_cannot_be_reached(tmp_path: Path) -> None:
    done = run(options(tmp_path, order_id=7))
    assert done.result["error"]["kind"] == "unreachable"
