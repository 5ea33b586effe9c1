# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong at a first run, provoked: the situations of docs/docsite/troubleshooting.yml, by their id.

A situation gets a `Place` and runs one module in it, as Ansible would. Most are wrong options alone; the others need a server
that says no, or files as somebody else left them.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import modules, ordering
from tests.support.fake_acme import FakeAcme
from tests.support.hostile import Hostile, Play
from tests.support.sandbox import Sandbox

# What no message may have in it.
SECRETS = {name: f"canary-{name}-4711-{'0' * 32}" for name in ("account_key", "secret_key", "api_key", "api_token")}
NAME = "www.alpha.test"


class Place:
    """A directory, servers that end with the situation, and options of modules that are right but for one change."""

    def __init__(self, path: Path, stack: contextlib.ExitStack, sandbox: Callable[[], Sandbox]) -> None:
        self.path = path
        self._stack = stack
        self._sandbox = sandbox
        self._acme: FakeAcme | None = None

    def says(self, play: Play, tls: ssl.SSLContext | None = None) -> str:
        """The URL of a server that answers everything by `play`."""
        return self._stack.enter_context(Hostile(play, tls)).url

    def closed(self) -> str:
        """The URL of a port where nobody listens, not even by chance: it is bound."""
        taken = self._stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"

    def sandbox(self) -> Sandbox:
        """The one that all situations share."""
        return self._sandbox()

    @property
    def acme(self) -> FakeAcme:
        if self._acme is None:
            self._acme = self._stack.enter_context(FakeAcme())
            self.file("ca.pem", self._acme.ca.pem)
        return self._acme

    def file(self, name: str, content: bytes = b"", mode: int = 0o600) -> str:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def request(self, *names: str) -> str:
        names = names or (NAME,)
        path = self.path / f"{names[0]}.csr"
        if not path.exists():
            ordering.request(path, *names)
        return str(path)

    def run(self, module: str, change: dict[str, Any] | None = None, **how: Any) -> modules.Run:
        """A module with its right options, `change` apart; None takes one away."""
        options = {**RIGHT[module](self), **(change or {})}
        return modules.run(module, {name: value for name, value in options.items() if value is not None}, **how)


def _sslcom(place: Place) -> dict[str, Any]:
    return {
        "description": "Alpha Ltd",
        "path": str(place.path / "eab" / "alpha.json"),
        "account_key": SECRETS["account_key"],
        "secret_key": SECRETS["secret_key"],
        "timeout": 2,
    }


def _identrust(place: Place) -> dict[str, Any]:
    path = str(place.path / "eab" / "beta.json")
    return {"customer_email": "tls@beta.test", "path": path, "api_key": SECRETS["api_key"], "timeout": 2}


def _sslmarket(place: Place) -> dict[str, Any]:
    return {
        "api_url": place.closed() + "/api",
        "api_token": SECRETS["api_token"],
        "journal_dir": str(place.path / "journal"),
        "product_code": ordering.PRODUCT,
        "csr_path": place.request(),
        "timeout": 2,
        **ordering.CONTACTS,
    }


def _account(place: Place) -> dict[str, Any]:
    return {
        "directory_url": place.acme.directory_url,
        "account_key_path": str(place.path / "accounts" / "alpha.key"),
        "contact": ["tls@alpha.test"],
        "timeout": 2,
    }


def _sets(place: Place) -> dict[str, Any]:
    return {"sets_path": str(place.path / "sets"), "certificates": [{"name": NAME, "domains": [NAME]}]}


def _order(place: Place) -> dict[str, Any]:
    return {**{name: value for name, value in _account(place).items() if name != "contact"}, **_sets(place)}


def _finalize(place: Place) -> dict[str, Any]:
    return {**_order(place), "wait_timeout": 2}


def _challenge(place: Place) -> dict[str, Any]:
    return {
        "webroot": str(place.path / "www"),
        "challenges": [{"token": "a" * 43, "content": f"{'a' * 43}.{'b' * 43}"}],
    }


def _decode(place: Place) -> dict[str, Any]:
    return {"paths": [str(place.path / "cert.pem")]}


RIGHT: dict[str, Callable[[Place], dict[str, Any]]] = {
    "sslcom_acme_credential": _sslcom,
    "identrust_account": _identrust,
    "sslmarket_order": _sslmarket,
    "acme_account": _account,
    "certificate_request": _sets,
    "acme_order": _order,
    "acme_finalize": _finalize,
    "acme_http_challenge": _challenge,
    "cert_decode": _decode,
}

Situation = Callable[[Place], modules.Run]
SITUATIONS: dict[str, Situation] = {}


def situation(function: Situation) -> Situation:
    """Its id is the function's name, with hyphens."""
    SITUATIONS[function.__name__.replace("_", "-")] = function
    return function


def _wrong(module: str, change: dict[str, Any]) -> Situation:
    return lambda place: place.run(module, change)


def _named(*domains: str, **more: Any) -> dict[str, Any]:
    return {"certificates": [{"name": "alpha", "domains": list(domains), **more}]}


# Wrong options alone.
for _id, _module, _change in (
    ("sslcom-no-key", "sslcom_acme_credential", {"secret_key": None}),
    ("identrust-no-key", "identrust_account", {"api_key": None}),
    ("sslmarket-no-token", "sslmarket_order", {"api_token": None}),
    ("key-with-line-break", "identrust_account", {"api_key": SECRETS["api_key"] + "\n"}),
    ("api-url-http", "sslcom_acme_credential", {"api_url": "http://sws.example"}),
    ("identrust-http", "identrust_account", {"api_url": "http://api.example"}),
    ("api-url-no-scheme", "sslcom_acme_credential", {"api_url": "sws.example/api"}),
    ("api-url-with-password", "sslcom_acme_credential", {"api_url": "https://me:mine@sws.example"}),
    ("directory-url-http", "acme_account", {"directory_url": "http://acme.example/directory"}),
    ("customer-no-email", "identrust_account", {"customer_email": "Beta GmbH"}),
    ("contact-empty", "acme_account", {"contact": []}),
    ("contact-no-email", "acme_account", {"contact": ["Alpha Ltd"]}),
    ("name-with-underscore", "certificate_request", _named("my_shop.alpha.test")),
    ("name-address", "certificate_request", _named("192.0.2.1")),
    ("name-with-scheme", "certificate_request", _named("https://www.alpha.test/")),
    ("name-without-dot", "certificate_request", _named("intranet")),
    ("wildcard-http-01", "certificate_request", _named("*.alpha.test")),
    ("domains-empty", "certificate_request", _named()),
    ("wrong-key-size", "certificate_request", _named("a.alpha.test", key_type="rsa", key_size=1024)),
    ("webroot-relative", "acme_http_challenge", {"webroot": "var/www/html"}),
    ("missing-option", "identrust_account", {"path": None}),
    ("misspelt-module-option", "identrust_account", {"customer_mail": "tls@beta.test"}),
    ("ca-path-missing", "sslcom_acme_credential", {"ca_path": "/etc/ssl/company-ca.pem"}),
    ("timeout-zero", "sslcom_acme_credential", {"timeout": 0}),
    ("decode-no-file", "cert_decode", {}),
    ("phone-form", "sslmarket_order", {"tech": {**ordering.CONTACTS["tech"], "tel": "020 123456"}}),
    ("contact-misspelt", "sslmarket_order", {"owner": {**ordering.CONTACTS["owner"], "stret": "High Street 1"}}),
    ("account-no-record", "acme_account", {"eab_path": "/root/eab/alpha.json"}),
):
    SITUATIONS[_id] = _wrong(_module, _change)
