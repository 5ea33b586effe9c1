# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's OCSP responder and CRLs, asked by openssl; and that its CAs, its SSLmarket and its certificates agree with them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import josepy
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_for

from .acmeclient import client_of, issue, register, request_for
from .calls import create_credentials
from .market import Wire, chain_of

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def revoking() -> Iterator[Sandbox]:
    with Sandbox(revocation_urls="both") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def acme(revoking: Sandbox) -> Any:
    credentials = create_credentials(revoking, "revocation").json()
    found = client_of(revoking.sslcom["directory_urls"]["ecc"], revoking.ca_path)
    register(found, credentials["eab-kid"], credentials["eab-hmac"], "admin@example.test")
    return found


def by_acme(sandbox: Sandbox, acme: Any, name: str) -> x509.Certificate:
    _key, csr = request_for([name])
    return x509.load_pem_x509_certificates(issue(acme, csr, sandbox).fullchain_pem.encode())[0]


def by_market(sandbox: Sandbox, name: str) -> tuple[int, x509.Certificate]:
    with Wire(sandbox) as wire:
        number = wire.order(name)
        sandbox.add_txt("_dnsauth." + name, wire.detail(number)["dv_auth_content"])
        wait_for(lambda: wire.detail(number)["state"] == "published")
        answer = wire.ask("GET", f"/certificate/order_id/{number}/format/pem_intermediate")
    return number, chain_of(answer.content)[0]


def market_says(sandbox: Sandbox, certificate: x509.Certificate) -> str:
    with Wire(sandbox) as wire:
        pem = certificate.public_bytes(Encoding.PEM).decode()
        return str(wire.ask("POST", "/tool/ocsp", {"certificate": pem}).json()["status"])


def openssl_says(sandbox: Sandbox, ca: str, certificate: x509.Certificate, folder: Path, *more: str) -> str:
    """The status in `openssl ocsp`'s word, its checks passed; by the URL in the certificate."""
    (folder / "leaf").write_bytes(certificate.public_bytes(Encoding.PEM))
    (url,) = ocsp_urls(certificate)
    return asked(sandbox, ca, url, folder, *more, "-cert", "leaf").split()[1]


def asked(sandbox: Sandbox, ca: str, url: str, folder: Path, *what: str) -> str:
    issuer = sandbox.revocation["issuer_paths"][ca]
    (folder / "chain").write_bytes(Path(issuer).read_bytes() + Path(sandbox.ca_path).read_bytes())
    command = ["openssl", "ocsp", "-issuer", issuer, "-url", url, "-CAfile", "chain", *what]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "Response verify OK" in done.stderr, done.stderr
    assert "WARNING: no nonce in response" not in done.stderr
    return done.stdout


def ocsp_urls(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    return [entry.access_location.value for entry in found if entry.access_method == AuthorityInformationAccessOID.OCSP]


def crl_urls(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for point in found for name in point.full_name or []]


def listed(sandbox: Sandbox, ca: str) -> dict[int, str | None]:
    """The entries of a CA's list, whose signature and scope are right."""
    url = sandbox.revocation["crl_urls"][ca]
    answer = requests.get(url, timeout=10)
    assert answer.headers["Content-Type"] == "application/pkix-crl"
    crl = x509.load_der_x509_crl(answer.content)
    issuer = x509.load_pem_x509_certificate(Path(sandbox.revocation["issuer_paths"][ca]).read_bytes())
    assert crl.issuer == issuer.subject
    assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert [name.value for name in scope.value.full_name or []] == [url]
    found: dict[int, str | None] = {}
    for entry in crl:
        try:
            found[entry.serial_number] = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except x509.ExtensionNotFound:
            found[entry.serial_number] = None
    return found


def serial(certificate: x509.Certificate) -> str:
    return format(certificate.serial_number, "x")


def test_certificates_name_them(revoking: Sandbox, acme: Any) -> None:
    for ca, certificate in (
        ("sslcom", by_acme(revoking, acme, "n.acme.test")),
        ("sslmarket", by_market(revoking, "n.market.test")[1]),
    ):
        assert ocsp_urls(certificate) == [revoking.revocation["ocsp_urls"][ca]]
        assert crl_urls(certificate) == [revoking.revocation["crl_urls"][ca]]


def test_no_urls_unless_asked_for(sandbox: Sandbox) -> None:
    certificate = by_market(sandbox, "plain.market.test")[1]
    assert (ocsp_urls(certificate), crl_urls(certificate)) == ([], [])


def test_revoked_by_acme(revoking: Sandbox, acme: Any, tmp_path: Path) -> None:
    certificate, other = by_acme(revoking, acme, "r.acme.test"), by_acme(revoking, acme, "s.acme.test")
    assert openssl_says(revoking, "sslcom", certificate, tmp_path) == "good"
    acme.revoke(josepy.ComparableX509(certificate) if hasattr(josepy, "ComparableX509") else certificate, 0)
    assert openssl_says(revoking, "sslcom", certificate, tmp_path) == "revoked"
    assert openssl_says(revoking, "sslcom", other, tmp_path) == "good"
    found = listed(revoking, "sslcom")
    assert (certificate.serial_number in found, other.serial_number in found) == (True, False)


def test_revoked_by_the_control_api(revoking: Sandbox, acme: Any, tmp_path: Path) -> None:
    certificate = by_acme(revoking, acme, "c.acme.test")
    revoking.revoke(serial(certificate), reason="keyCompromise")
    assert openssl_says(revoking, "sslcom", certificate, tmp_path) == "revoked"
    assert openssl_says(revoking, "sslcom", certificate, tmp_path, "-sha256") == "revoked"
    assert listed(revoking, "sslcom")[certificate.serial_number] == "keyCompromise"
    assert listed(revoking, "sslmarket").get(certificate.serial_number) is None
    state = revoking.control("GET", "/revocation")["sslcom"]
    assert state["revoked"][serial(certificate)][1] == "keyCompromise"
    assert set(state["revoked"]) <= set(state["issued"])
    for wrong in (
        {"serial": "1234"},
        {"serial": serial(certificate), "ca": "sslmarket"},
        {"serial": serial(certificate), "reason": "x"},
        {},
    ):
        answer = requests.post(revoking.endpoints["control_url"] + "/revocation", json=wrong, timeout=10)
        assert answer.status_code == 400


def test_sslmarket_tells_the_same(revoking: Sandbox, tmp_path: Path) -> None:
    (order, first), (_other, second) = by_market(revoking, "a.market.test"), by_market(revoking, "b.market.test")
    for certificate in (first, second):
        assert (
            market_says(revoking, certificate) == openssl_says(revoking, "sslmarket", certificate, tmp_path) == "good"
        )
    revoking.revoke_certificate(order)
    revoking.revoke(serial(second), ca="sslmarket", reason="superseded")
    for certificate in (first, second):
        assert (
            market_says(revoking, certificate)
            == openssl_says(revoking, "sslmarket", certificate, tmp_path)
            == "revoked"
        )
    assert listed(revoking, "sslmarket") == {first.serial_number: None, second.serial_number: "superseded"}


def test_what_the_responder_does_not_know(revoking: Sandbox, acme: Any, tmp_path: Path) -> None:
    url = revoking.revocation["ocsp_urls"]["sslcom"]
    assert ": unknown" in asked(revoking, "sslcom", url, tmp_path, "-serial", "0x1234")
    # asked about the certificate of another CA
    certificate = by_acme(revoking, acme, "u.acme.test")
    command = [
        "openssl",
        "ocsp",
        "-issuer",
        revoking.revocation["issuer_paths"]["sslcom"],
        "-serial",
        "0x" + serial(certificate),
    ]
    url = revoking.revocation["ocsp_urls"]["identrust"]
    done = subprocess.run([*command, "-url", url], capture_output=True, text=True, check=False)
    assert "unauthorized" in done.stdout + done.stderr
    base = revoking.revocation["url"]
    assert requests.post(base + "/ocsp/sslcom", data=b"nonsense", timeout=10).content == bytes.fromhex("30030a0101")
    assert requests.get(base + "/ocsp/sslcom/%%%", timeout=10).content == bytes.fromhex("30030a0101")
    for path in ("/", "/ocsp/other", "/crl/other.crl", "/crl/sslcom", "/ocsp/sslcom", "/x/sslcom"):
        assert requests.get(base + path, timeout=10).status_code == 404
    assert requests.post(base + "/crl/sslcom.crl", timeout=10).status_code == 405


def test_it_is_in_the_ledger_and_has_faults(revoking: Sandbox, acme: Any, tmp_path: Path) -> None:
    certificate = by_acme(revoking, acme, "f.acme.test")
    revoking.clear_ledger()
    openssl_says(revoking, "sslcom", certificate, tmp_path)
    listed(revoking, "sslcom")
    found = [(entry["operation"], entry["ca"], entry["effect"]) for entry in revoking.ledger(service="revocation")]
    assert found == [("ocsp", "sslcom", "ocsp_answered"), ("crl", "sslcom", "crl_served")]
    revoking.fault("revocation", "status", operation="crl", status=503, shape="empty")
    assert requests.get(revoking.revocation["crl_urls"]["sslcom"], timeout=10).status_code == 503
    assert listed(revoking, "sslcom") is not None


def test_it_is_kept(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "state", revocation_urls="ocsp") as sandbox:
        certificate = by_market(sandbox, "k.market.test")[1]
        assert (len(ocsp_urls(certificate)), crl_urls(certificate)) == (1, [])
        sandbox.revoke(serial(certificate), reason="affiliationChanged")
    with Sandbox(tmp_path / "state", revocation_urls="ocsp") as sandbox:
        assert openssl_says(sandbox, "sslmarket", certificate, tmp_path) == "revoked"
        assert listed(sandbox, "sslmarket") == {certificate.serial_number: "affiliationChanged"}
