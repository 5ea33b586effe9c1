# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small CA, certificate sets on disk, and what a reader of the live path sees."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import pathlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core.names import file_name
from ansible_collections.certfleet.reseller.plugins.module_utils._deploy import model
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Issued:
    """One version of a certificate set."""

    serial: str
    fingerprint: str
    files: dict[str, bytes]
    not_after: str
    names: list[str]

    def options(self, name: str, **more: Any) -> dict[str, Any]:
        """An entry of ``certificates`` as the module on the host gets it."""
        return {
            "name": name,
            "domains": self.names,
            "owner": None,
            "group": None,
            "key_mode": "0600",
            "mode": "0644",
            "reload": [],
            "endpoints": [],
            "serial": self.serial,
            "fingerprint": self.fingerprint,
            "not_after": self.not_after,
            "names": self.names,
            "digests": {file: model.sha256(self.files[file]) for file in model.FILES},
            **more,
        }


def params(
    root: pathlib.Path, sets: dict[str, Issued], options: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """All options of the module on the host."""
    return {
        "root": str(root),
        "directory_mode": "0755",
        "keep": 2,
        "proof_timeout": 0.5,
        "certificates": [issued.options(name, **(options or {})) for name, issued in sets.items()],
        "contents": {
            name: {file: base64.b64encode(issued.files[file]).decode() for file in model.FILES}
            for name, issued in sets.items()
        },
        **more,
    }


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@functools.lru_cache
def ca() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("Test CA"))
        .issuer_name(name("Test CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=900))
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def issue(names: list[str], start: int = -1, days: int = 90) -> Issued:
    """A version with a new key that is valid from ``start`` days from now on, for ``days`` days."""
    ca_key, ca_certificate = ca()
    key = ec.generate_private_key(ec.SECP256R1())
    begin, end = NOW + timedelta(days=start), NOW + timedelta(days=start + days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name(names[0]))
        .issuer_name(ca_certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_certificate.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    chain = ca_certificate.public_bytes(serialization.Encoding.PEM)
    serial, fingerprint = format(certificate.serial_number, "x"), certificate.fingerprint(hashes.SHA256()).hex()
    not_after = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {
        "serial": serial,
        "fingerprint": fingerprint,
        "names": sorted(names),
        "not_before": begin.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": not_after,
    }
    files = {
        "privkey.pem": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "request.csr": b"-",
        "cert.pem": pem,
        "chain.pem": chain,
        "fullchain.pem": pem + chain,
        "meta.json": json.dumps(meta).encode(),
    }
    return Issued(serial, fingerprint, files, not_after, sorted(names))


def store(sets: pathlib.Path, set_name: str, issued: Issued) -> pathlib.Path:
    """Makes ``issued`` the live version of a set of the controller."""
    folder = sets / file_name(set_name)
    version = folder / issued.serial
    version.mkdir(parents=True, exist_ok=True)
    for file, content in issued.files.items():
        (version / file).write_bytes(content)
    link = folder / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(issued.serial)
    return version


def live(root: pathlib.Path, set_name: str) -> str:
    """The serial number at the live path, after proof that key, certificate and chain belong together.

    Opens the directory once, as a careful reader does.
    """
    version = (root / file_name(set_name) / "current").resolve(strict=True)
    key = serialization.load_pem_private_key((version / "privkey.pem").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((version / "cert.pem").read_bytes())
    full = x509.load_pem_x509_certificates((version / "fullchain.pem").read_bytes())
    chain = x509.load_pem_x509_certificates((version / "chain.pem").read_bytes())
    assert key.public_key() == certificate.public_key(), "key and certificate do not fit"
    assert full == [certificate, *chain], "the full chain is of another version"
    certificate.verify_directly_issued_by(chain[0])
    return format(certificate.serial_number, "x")


@contextlib.contextmanager
def tls_server(
    path: pathlib.Path, issued: Issued, address: str = "127.0.0.1", client_certificate: bool = False
) -> Iterator[int]:
    """The port of a server that shows this certificate, and waits for a request as servers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = path / (issued.serial + ".crt"), path / (issued.serial + ".key")
    chain.write_bytes(issued.files["fullchain.pem"])
    key.write_bytes(issued.files["privkey.pem"])
    context.load_cert_chain(str(chain), str(key))
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, backlog=100) as server:

        def answer(plain: socket.socket) -> None:
            plain.settimeout(5)
            with contextlib.suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
