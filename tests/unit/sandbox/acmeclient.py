# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ACME client on EFF's `acme` library, which shares nothing with the collection's own client."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from acme import challenges, client, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from tests.support.sandbox import Sandbox


def client_of(directory_url: str, ca_path: str) -> client.ClientV2:
    key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    network: Any = client.ClientNetwork(key, alg=ES256, timeout=10)
    network.verify_ssl = ca_path
    return client.ClientV2(client.ClientV2.get_directory(directory_url, network), network)


def register(acme: client.ClientV2, kid: str | None, hmac_key: str | None, email: str) -> messages.RegistrationResource:
    binding = None
    if kid and hmac_key and acme.net.key:
        public = acme.net.key.public_key()
        binding = messages.ExternalAccountBinding.from_data(public, kid, hmac_key, acme.directory)
    new = messages.NewRegistration.from_data(email=email, external_account_binding=binding)
    return acme.new_account(new.update(terms_of_service_agreed=True))


def request_for(names: list[str], common_name: bool = False) -> tuple[bytes, bytes]:
    """The PEM of a key and of a CSR."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, names[0])] if common_name else []
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain), csr.public_bytes(encoding)


def challenge(authorization: messages.AuthorizationResource, kind: type[challenges.Challenge]) -> Any:
    return next(entry for entry in authorization.body.challenges if isinstance(entry.chall, kind))


def issue(acme: client.ClientV2, csr: bytes, sandbox: Sandbox, www: Path | None = None) -> messages.OrderResource:
    """By http-01 when there is a web root, else by dns-01."""
    order = acme.new_order(csr)
    for authorization in order.authorizations:
        found = challenge(authorization, challenges.HTTP01 if www else challenges.DNS01)
        response, content = found.response_and_validation(acme.net.key)
        if www:
            path = www / found.chall.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        else:
            sandbox.add_txt(found.chall.validation_domain_name(authorization.body.identifier.value), content)
        acme.answer_challenge(found, response)
    # The library compares with the local time of a naive datetime.
    deadline = datetime.now() + timedelta(seconds=30)
    return acme.poll_and_finalize(order, deadline)


def days_left(certificate: x509.Certificate) -> float:
    return (certificate.not_valid_after_utc - datetime.now(timezone.utc)).total_seconds() / 86400
