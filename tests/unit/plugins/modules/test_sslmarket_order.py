# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sslmarket_order as a process: its options, and what users see of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import modules, ordering
from tests.support.hostile import Hostile, raw, reply

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
        "timeout": 2,
        **ordering.CONTACTS,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def run(given: dict[str, Any], **how: Any) -> modules.Run:
    done = modules.run("sslmarket_order", given, **how)
    assert "Traceback" not in done.output
    assert TOKEN not in done.output
    return done


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"csr": "x"}, "mutually exclusive"),
        ({"certificates": []}, "mutually exclusive"),
        ({"csr_path": None}, "one of the following is required"),
        ({"journal_dir": None}, "missing required arguments: journal_dir"),
        ({"on_unknown": "hope"}, "value of on_unknown must be one of"),
        ({"dv_auth_method": "dns"}, "value of dv_auth_method must be one of"),
        ({"years": "many"}, "years"),
        ({"api_token": None}, "api_token is missing"),
        ({"api_token": TOKEN + "\n"}, "api_token has characters"),
        ({"api_url": "http://www.sslmarket.co.uk/api"}, "http"),
        ({"api_url": "ftp://127.0.0.1/api"}, "api_url"),
        ({"product_code": None}, "product_code and domain are needed"),
        ({"renew_before_days": 0}, "renew_before_days is 0"),
        ({"owner": {"name": "Alpha"}}, "owner.street is missing"),
        ({"tech": {**ordering.CONTACTS["tech"], "tel": "0123"}}, "tech.tel"),
        ({"certificates": [{"domain": "a.test", "nonsense": 1}], "csr_path": None}, "nonsense"),
    ],
    ids=range(16),
)
def test_wrong_options(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    done = run(options(tmp_path, **more))
    assert done.failed
    assert told in done.result["msg"]
    assert not (tmp_path / "journal" / "purchases").exists()


def test_a_provider_that_cannot_be_reached(tmp_path: Path) -> None:
    done = run(options(tmp_path))
    assert done.result["error"]["kind"] == "unreachable"
    assert not (tmp_path / "journal").exists()


def test_the_token_of_the_environment(tmp_path: Path) -> None:
    with Hostile(reply(401, {"error": "unauthorized", "description": f"the token {TOKEN} is not known"})) as server:
        given = options(tmp_path, api_token=None, api_url=f"{server.url}/api")
        done = run(given, environment={"SSLMARKET_API_TOKEN": TOKEN})
    assert done.result["error"]["kind"] == "auth"
    assert server.requests[0].headers["x-auth-token"] == TOKEN


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"<html>"),
        reply(200, {"orders": None}),
        reply(200, {"orders": [], "total": 50}),
        reply(200, {"orders": [{"order_id": "x"}]}),
        reply(307, b"", {"Location": "https://elsewhere.test/api/order/list"}),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        raw(b"nonsense"),
    ],
    ids=["page", "null", "a part", "no number", "redirect", "cut", "nonsense"],
)
def test_a_list_that_is_none(tmp_path: Path, answer: Any, check: bool) -> None:
    """Nothing is bought on a list that cannot be understood."""
    with Hostile(answer) as server:
        done = run(options(tmp_path, api_url=f"{server.url}/api"), check=check)
    assert done.failed
    assert {received.method for received in server.requests} == {"GET"}
    assert not (tmp_path / "journal" / "purchases").exists() or not list((tmp_path / "journal").rglob("*.json"))


def test_a_missing_library_is_one_sentence(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "requests.py").write_text("raise ImportError('No module named requests', name='requests')")
    done = run(options(tmp_path), library=library)
    assert "the Python library requests is missing" in done.result["msg"]
    assert done.result["error"]["kind"] == "missing_library"
