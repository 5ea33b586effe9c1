# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a first run on the controller's own machine: files, libraries, clock, and runs at the same time."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.support import modules, ordering
from tests.support.hostile import head, raw, reply, silence
from tests.support.situations import Place, situation
from tests.support.situations_served import prepared, record


def _answer(place: Place) -> str:
    """The URL of an SSL.com that gives a credential."""
    return place.says(reply(200, {"response_type": "ok", "eab-kid": "kid-alpha", "eab-hmac": "A" * 43}))


# --- files ------------------------------------------------------------------------------------------------------------


@situation
def path_is_a_directory(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"path": str(place.path), "api_url": _answer(place)})


@situation
def state_path_is_a_file(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"path": place.file("eab") + "/alpha.json", "api_url": _answer(place)})


@situation
def path_is_a_link(place: Place) -> modules.Run:
    link = place.path / "alpha.json"
    link.symlink_to(record(place))
    return place.run("sslcom_acme_credential", {"path": str(link), "api_url": _answer(place)})


@situation
def not_writable(place: Place) -> modules.Run:
    (place.path / "eab").mkdir(mode=0o500)
    without = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    return place.run("sslcom_acme_credential", {"api_url": _answer(place)}, wrapper=without)


@situation
def disk_full(place: Place) -> modules.Run:
    """No file may grow, which the system refuses in another word than a full disk, at the same call."""
    return place.run("sslcom_acme_credential", {"api_url": _answer(place)}, wrapper=("prlimit", "--fsize=0"))


@situation
def sets_path_not_a_directory(place: Place) -> modules.Run:
    return place.run("certificate_request", {"sets_path": place.file("sets")})


@situation
def record_damaged(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"path": place.file("alpha.json", b'{"version": 1, "kid": ')})


@situation
def record_of_another_file(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"path": place.file("alpha.json", b'{"kid": "abc"}')})


@situation
def record_of_another_customer(place: Place) -> modules.Run:
    return place.run("sslcom_acme_credential", {"path": record(place), "description": "Beta GmbH"})


@situation
def key_of_another_directory(place: Place) -> modules.Run:
    prepared(place)
    return place.run("acme_account", {"directory_url": place.acme.directory_url.replace("127.0.0.1", "localhost")})


@situation
def account_key_gone(place: Place) -> modules.Run:
    prepared(place)
    (place.path / "accounts" / "alpha.key").unlink()
    return place.run("acme_account")


@situation
def account_key_encrypted(place: Place) -> modules.Run:
    block = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
    return place.run("acme_account", {"account_key_path": place.file("alpha.key", block)})


@situation
def webroot_is_a_file(place: Place) -> modules.Run:
    return place.run("acme_http_challenge", {"webroot": place.file("www")})


@situation
def decode_not_a_certificate(place: Place) -> modules.Run:
    return place.run("cert_decode", {"paths": [place.file("cert.pem", b"Dear customer, your certificate is ready.")]})


# --- libraries --------------------------------------------------------------------------------------------------------


def _without(place: Place, library: str, module: str, change: dict[str, Any] | None = None) -> modules.Run:
    place.file(f"library/{library}.py", f"raise ImportError('No module named {library}', name='{library}')".encode())
    return place.run(module, change, library=place.path / "library")


@situation
def no_requests(place: Place) -> modules.Run:
    return _without(place, "requests", "sslcom_acme_credential", {"api_url": "https://sws.example"})


@situation
def no_cryptography(place: Place) -> modules.Run:
    return _without(place, "cryptography", "certificate_request")


@situation
def no_acme(place: Place) -> modules.Run:
    return _without(place, "acme", "acme_account")


# --- other runs -------------------------------------------------------------------------------------------------------


@situation
def identrust_interrupted(place: Place) -> modules.Run:
    """The answer of a first run got lost, and IdenTrust refuses the second one."""
    change = {"api_url": place.says(silence), "timeout": 1}
    assert place.run("identrust_account", change).result["error"]["kind"] == "outcome_unknown"
    return place.run("identrust_account", {"api_url": place.says(reply(409, {"message": "account exists"}))})


# --- paid orders ------------------------------------------------------------------------------------------------------

PRODUCTS = {
    "products": [
        {"product_code": ordering.PRODUCT, "name": "RapidSSL", "max_years": 1, "max_san": 0, "wildcard": False}
    ]
}


@situation
def clock_wrong(place: Place) -> modules.Run:
    """The provider's clock shows another day, in the header of its answers."""
    day = format_datetime(datetime.now(UTC) + timedelta(days=3), usegmt=True)
    body = json.dumps({"orders": [], "total": 0}).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Date": day}
    return place.run("sslmarket_order", {"api_url": place.says(raw(head(200, lines) + body))})
