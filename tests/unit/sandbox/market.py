# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket for tests: in the process on a clock of its own, and over the wire. Nothing here is the collection's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from certfleet_sandbox import pki
from certfleet_sandbox.names import Names
from certfleet_sandbox.sslmarket import knobs as knobs_module
from certfleet_sandbox.sslmarket.ca import Authority
from certfleet_sandbox.sslmarket.dcv import Dcv
from certfleet_sandbox.sslmarket.market import Market
from certfleet_sandbox.sslmarket.service import SslMarket
from certfleet_sandbox.web import Answer, Request
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from tests.support.sandbox import Sandbox

TOKEN = "the-token"
DAY = 86400
START = 1_795_000_000.0
PEOPLE = {
    "owner": "name street city zip country tel",
    "auth": "title firstname lastname tel email",
    "tech": "title firstname lastname tel email",
    "invoice": "name street city zip country email",
}
FORMATS = {"country": "GB", "tel": "+44.123456789", "email": "somebody@example.test"}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def csr_for(*names: str, key: Key | None = None, common_name: str = "") -> str:
    general = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    csr = builder.add_extension(general, False).sign(key or new_key(), hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def order_body(
    *names: str, method: str = "DNS", years: int = 1, key: Key | None = None, **changes: Any
) -> dict[str, Any]:
    """A good order; a change to None takes a member out."""
    found: dict[str, Any] = {
        f"{who}_{what}": FORMATS.get(what, f"{who} {what}") for who, fields in PEOPLE.items() for what in fields.split()
    }
    found.update(domain=names[0], years=years, csr=csr_for(*names, key=key), dv_auth_method=method)
    if len(names) > 1:
        found["dns_names"] = list(names[1:])
    found.update(changes)
    return {name: value for name, value in found.items() if value is not None}


def chain_of(content: bytes) -> list[x509.Certificate]:
    """The certificates of any format."""
    if b"PKCS7" in content:
        return pkcs7.load_pem_pkcs7_certificates(content)
    return x509.load_pem_x509_certificates(content)


def dns_names(certificate: x509.Certificate) -> list[str]:
    value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return value.get_values_for_type(x509.DNSName)


class Desk:
    """The service in this process; `now` moves when a test says so, and orders move on when they are read."""

    def __init__(self, directory: Path, **knobs: Any) -> None:
        self.directory, self.now = directory, START
        self.names = Names({}, "127.0.0.1")
        self.root = pki.root(directory)
        self.authority = Authority(self.root, pki.issuing(directory, "sslmarket", self.root))
        self._knobs = knobs_module.Knobs().changed(**knobs)
        self.restart()

    def restart(self) -> None:
        dcv = Dcv(self.names, 1)
        self.market = Market(self.directory / "orders", self.authority, dcv, self._knobs, lambda: self.now)
        self.service = SslMarket(self.market, TOKEN)

    def send(self, method: str, path: str, value: Any = None, **changes: Any) -> Answer:
        body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        headers = {"x-auth-token": TOKEN, **({"content-type": "application/json"} if body else {})}
        found = {"method": method, "path": "/api" + path, "query": "", "headers": headers, "body": body, "client": "-"}
        return self.service.answer(Request(**{**found, **changes}))

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def order(self, *names: str, product: str = "THAWTE_SSL_123", **changes: Any) -> int:
        answer = self.send("POST", f"/order/certificate/{product}", order_body(*names, **changes))
        assert (answer.status, answer.effect) == (201, "order_booked"), answer.body
        return int(json.loads(answer.body)["order_id"])

    def detail(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/order/order_id/{number}")
        return found

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/order/list")["orders"]
        return found

    def publish(self, number: int) -> None:
        found = self.detail(number)
        for name in [found["domain"], *found["dns_names"]]:
            self.names.add_text("_dnsauth." + name.removeprefix("*."), found["dv_auth_content"])

    def issued(self, *names: str, **changes: Any) -> int:
        number = self.order(*names, **changes)
        self.publish(number)
        assert self.detail(number)["state"] == "published"
        return number

    def download(self, number: int, form: str = "pem_server") -> list[x509.Certificate]:
        answer = self.send("GET", f"/certificate/order_id/{number}/format/{form}")
        assert (answer.status, answer.headers) == (200, [("Content-Type", "text/plain")]), answer.body
        return chain_of(answer.body)

    def reissue(self, number: int, csr: str) -> Answer:
        return self.send("POST", f"/certificate/order_id/{number}/reissue", {"csr": csr})


class Wire:
    """A customer of the sandbox's SSLmarket; a session of its own, without what the environment says."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = sandbox.sslmarket["api_url"]
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, sandbox.ca_path
        self.session.headers["X-Auth-Token"] = sandbox.sslmarket["api_token"]

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_error: object) -> None:
        self.session.close()

    def ask(self, method: str, path: str, value: Any = None, timeout: float = 10) -> requests.Response:
        return self.session.request(method, self._url + path, json=value, timeout=timeout, allow_redirects=False)

    def order(self, *names: str, product: str = "THAWTE_SSL_123", **changes: Any) -> int:
        answer = self.ask("POST", f"/order/certificate/{product}", order_body(*names, **changes))
        assert answer.status_code == 201, answer.text
        return int(answer.json()["order_id"])

    def detail(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/order/order_id/{number}").json()
        return found

    def rows(self) -> dict[int, dict[str, Any]]:
        return {row["order_id"]: row for row in self.ask("GET", "/order/list").json()["orders"]}
