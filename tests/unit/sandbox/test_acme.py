# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real issuance: accounts need what the provider handed out, challenges are validated, certificates verify strictly."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import requests
from acme import challenges, client, errors, messages
from cryptography import x509
from josepy.json_util import JSONObjectWithFields

from tests.support.sandbox import Sandbox

from .acmeclient import challenge, client_of, days_left, issue, register, request_for
from .calls import create_account, create_credentials


def sslcom_client(sandbox: Sandbox, description: str, directory: str = "ecc") -> client.ClientV2:
    credentials = create_credentials(sandbox, description).json()
    acme = client_of(sandbox.sslcom["directory_urls"][directory], sandbox.ca_path)
    register(acme, credentials["eab-kid"], credentials["eab-hmac"], "admin@example.test")
    return acme


def install(root: Path, name: str, key: bytes, chain: str) -> None:
    current = root / "tls" / name / "current"
    current.mkdir(parents=True)
    (current / "privkey.pem").write_bytes(key)
    (current / "fullchain.pem").write_text(chain)


def strict_handshake(sandbox: Sandbox, host: str, name: str) -> dict[str, Any]:
    """The certificate as an insisting client sees it; raises ssl.SSLError."""
    context = ssl.create_default_context(cafile=sandbox.ca_path)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    entry = sandbox.host(host)
    with (
        socket.create_connection((entry["address"], entry["tls_port"]), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        found = secured.getpeercert()
    assert found
    return found


@pytest.mark.parametrize("common_name", [True, False])
def test_http01_to_a_verified_handshake(sandbox: Sandbox, common_name: bool) -> None:
    names = [f"{part}{common_name:d}.web1.test" for part in ("a", "b")]
    root = Path(sandbox.host("web1")["root"])
    acme = sslcom_client(sandbox, "http01")
    key, csr = request_for(names, common_name)
    order = issue(acme, csr, sandbox, root / "www")
    chain = x509.load_pem_x509_certificates(order.fullchain_pem.encode())
    assert len(chain) == 2  # without the root
    assert 89.9 < days_left(chain[0]) <= 90
    extension = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.critical is not common_name
    install(root, names[0], key, order.fullchain_pem)
    assert sandbox.run("reload-host", "--root", str(root)).returncode == 0
    assert [value for _kind, value in strict_handshake(sandbox, "web1", names[1])["subjectAltName"]] == names
    steps = [entry["effect"] for entry in sandbox.ledger(service="acme-sslcom") if entry["effect"]]
    for step in ("newAccount", "newOrder", "challenge", "finalize", "certificate"):
        assert step in steps
    assert sandbox.ledger(effect="newOrder")[0]["identifiers"] == names
    assert sandbox.count(service="host:web1", operation="http", effect="served") == 2


def test_dns01_and_a_wildcard_at_the_other_provider(sandbox: Sandbox) -> None:
    account = create_account(sandbox, "dns01@example.test").json()
    acme = client_of(sandbox.identrust["directory_urls"]["TLS-90d"], sandbox.ca_path)
    hmac_key = account["hmacKey"].replace("+", "-").replace("/", "_").rstrip("=")
    register(acme, account["kid"], hmac_key, "admin@example.test")
    _key, csr = request_for(["*.dns01.test", "dns01.test"])
    order = issue(acme, csr, sandbox)
    certificate = x509.load_pem_x509_certificates(order.fullchain_pem.encode())[0]
    assert "identrust" in certificate.issuer.rfc4514_string()
    sandbox.mark_identrust_account("dns01@example.test", revoked=True)
    with pytest.raises(messages.Error, match="eab"):
        acme.new_order(csr)


def test_validation_is_real(sandbox: Sandbox) -> None:
    acme = sslcom_client(sandbox, "unanswered")
    _key, csr = request_for(["unanswered.web1.test"])
    order = acme.new_order(csr)
    found = challenge(order.authorizations[0], challenges.DNS01)
    response, _validation = found.response_and_validation(acme.net.key)
    acme.answer_challenge(found, response)
    assert acme.poll(order.authorizations[0])[0].body.status == messages.STATUS_INVALID
    assert post_as_get(acme, order.uri)["status"] == "invalid"
    with pytest.raises(messages.Error, match="orderNotReady|unauthorized"):
        acme.begin_finalization(order)


@pytest.mark.parametrize(("kid", "hmac_key"), [(None, None), ("unknown", "A" * 43)])
def test_no_account_without_a_credential_of_the_provider(
    sandbox: Sandbox, kid: str | None, hmac_key: str | None
) -> None:
    acme = client_of(sandbox.sslcom["directory_urls"]["rsa"], sandbox.ca_path)
    assert acme.directory.meta.external_account_required
    with pytest.raises((messages.Error, errors.Error)) as caught:
        register(acme, kid, hmac_key, "admin@example.test")
    assert getattr(caught.value, "typ", None) in (
        "urn:ietf:params:acme:error:externalAccountRequired",
        "urn:ietf:params:acme:error:unauthorized",
    )
    assert sandbox.count(effect="newAccount") == 0


def test_no_account_with_a_wrong_key_or_another_providers_credential(sandbox: Sandbox) -> None:
    credentials = create_credentials(sandbox, "wrong key").json()
    account = create_account(sandbox, "other@example.test").json()
    acme = client_of(sandbox.sslcom["directory_urls"]["rsa"], sandbox.ca_path)
    for kid in (credentials["eab-kid"], account["kid"]):
        with pytest.raises(messages.Error):
            register(acme, kid, "A" * 43, "admin@example.test")
    assert sandbox.count(effect="newAccount") == 0


def test_the_directory_is_at_the_providers_paths_only(sandbox: Sandbox) -> None:
    url = sandbox.sslcom["directory_urls"]["rsa"]
    directory = requests.get(url, verify=sandbox.ca_path, timeout=5).json()
    assert directory["meta"]["externalAccountRequired"] is True
    assert "renewalInfo" in directory
    for path in ("/directory", "/acme/directory", "/", "/acme/TLS-90d/directory"):
        answer = requests.get(url.replace("/sslcom-dv-rsa", path), verify=sandbox.ca_path, timeout=5)
        assert answer.status_code == 404, path


def test_renewal_information(sandbox: Sandbox) -> None:
    acme = sslcom_client(sandbox, "ari")
    _key, csr = request_for(["ari.test"])
    certificate = x509.load_pem_x509_certificates(issue(acme, csr, sandbox).fullchain_pem.encode())[0]
    key_id = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    number = certificate.serial_number
    assert key_id
    parts = [key_id, number.to_bytes(number.bit_length() // 8 + 1, "big")]
    name = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    directory = requests.get(sandbox.sslcom["directory_urls"]["ecc"], verify=sandbox.ca_path, timeout=5).json()
    answer = requests.get(f"{directory['renewalInfo']}/{name}", verify=sandbox.ca_path, timeout=5)
    assert set(answer.json()["suggestedWindow"]) == {"start", "end"}
    assert int(answer.headers["Retry-After"]) > 0


def post_as_get(acme: client.ClientV2, url: str) -> Any:
    return acme._post_as_get(url).json()


def test_the_orders_list(sandbox: Sandbox) -> None:
    acme, other = sslcom_client(sandbox, "list"), sslcom_client(sandbox, "another list")
    account = acme.net.account
    assert account
    url = post_as_get(acme, account.uri)["orders"]
    assert url == account.uri + "/orders"
    assert post_as_get(acme, url) == {"orders": []}
    placed = [acme.new_order(request_for([f"list{number}.test"])[1]).uri for number in range(3)]
    assert post_as_get(acme, url) == {"orders": placed}
    assert post_as_get(acme, placed[0])["status"] == "pending"
    # An order that became invalid is not there any more.
    authorization = post_as_get(acme, post_as_get(acme, placed[1])["authorizations"][0])
    dns01 = next(entry for entry in authorization["challenges"] if entry["type"] == "dns-01")
    acme._post(dns01["url"], JSONObjectWithFields())
    post_as_get(acme, placed[1])
    assert post_as_get(acme, url) == {"orders": [placed[0], placed[2]]}
    # Nobody else gets it, nor does anybody without a signature.
    with pytest.raises(messages.Error, match="unauthorized"):
        post_as_get(other, url)
    assert requests.get(url, verify=sandbox.ca_path, timeout=5).status_code == 405
    jose = {"Content-Type": "application/jose+json"}
    protected = base64.urlsafe_b64encode(json.dumps({"kid": account.uri, "url": url}).encode()).decode().rstrip("=")
    unsigned = json.dumps({"protected": protected, "payload": "", "signature": ""})
    answer = requests.post(url, unsigned, headers=jose, verify=sandbox.ca_path, timeout=5)
    assert answer.status_code == 400
    assert "orders" not in answer.json()


def test_an_account_is_found_by_its_key(sandbox: Sandbox) -> None:
    acme = sslcom_client(sandbox, "found")
    account = acme.net.account
    assert account
    acme.net.account = None
    found = acme._post(
        acme.directory["newAccount"],
        messages.NewRegistration(only_return_existing=True),
        new_nonce_url=acme.directory["newNonce"],
    )
    assert found.status_code == 200
    assert found.headers["Location"] == account.uri
    assert found.json()["orders"] == account.uri + "/orders"
    (entry,) = sandbox.ledger(effect="findAccount")
    assert entry["account"] == account.uri.rsplit("/", 1)[-1]


def test_an_order_that_was_placed_but_not_answered_is_in_the_list(sandbox: Sandbox) -> None:
    acme = sslcom_client(sandbox, "lost order")
    account = acme.net.account
    assert account
    sandbox.fault("acme-sslcom", "cut_after", operation="newOrder")
    with pytest.raises(requests.ConnectionError):
        acme.new_order(request_for(["lost.test"])[1])
    assert sandbox.count(effect="newOrder", fault="cut_after", status=None) == 1
    assert len(post_as_get(acme, account.uri + "/orders")["orders"]) == 1
