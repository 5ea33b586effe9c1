# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests order from SSLmarket's simulator: contacts, requests, and options of the modules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from tests.support.sandbox import Sandbox

PRODUCT = "RAPIDSSL_RAPIDSSL"
_ADDRESS = {"name": "Alpha Ltd", "street": "High Street 1", "city": "London", "zip": "EC1A 1AA", "country": "GB"}
_PERSON = {"title": "Admin", "firstname": "Ada", "lastname": "Alpha", "tel": "+44.2012345678"}
CONTACTS: dict[str, dict[str, str]] = {
    "owner": {**_ADDRESS, "tel": "+44.2012345678"},
    "auth": {**_PERSON, "email": "ada@alpha.test"},
    "tech": {**_PERSON, "email": "tls@alpha.test"},
    "invoice": {**_ADDRESS, "email": "billing@alpha.test"},
}


def request(path: Path, *names: str) -> str:
    """A new key beside a CSR for these names; the digest of its public key, as the ledger has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.with_suffix(".key").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def access(sandbox: Sandbox, journal: Path, **more: Any) -> dict[str, Any]:
    """Options of an account and its journal."""
    market = sandbox.sslmarket
    return {
        "api_url": market["api_url"],
        "api_token": market["api_token"],
        "ca_path": sandbox.ca_path,
        "journal_dir": str(journal),
        **more,
    }


def order(sandbox: Sandbox, journal: Path, csr: Path, **more: Any) -> dict[str, Any]:
    """Options of sslmarket_order for the names of a CSR."""
    return {**access(sandbox, journal), "product_code": PRODUCT, "csr_path": str(csr), **CONTACTS, **more}


def booked(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The ledger's paid orders."""
    return sandbox.ledger(service="sslmarket", effect="order_booked")
