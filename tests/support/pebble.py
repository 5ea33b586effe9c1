# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let's Encrypt's test server pebble, with its DNS and http-01 helper, as Debian packages them (pebble 2.4).

with Pebble({"kid-1": HMAC}) as pebble:
    ...pebble.directory_url, pebble.ca_path...
    pebble.add_txt("_acme-challenge.example.test.", value)
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("pebble", "pebble-challtestsrv")
READY_SECONDS = 20


def missing() -> str:
    """Which programs are missing; empty when the tests can run."""
    return ", ".join(name for name in PROGRAMS if shutil.which(name) is None)


def _free_ports(number: int, address: str) -> list[int]:
    """Ports that were free a moment ago, for TCP and for UDP; held together, so that none comes up twice."""
    held: list[socket.socket] = []
    try:
        while len(held) < 2 * number:
            tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            held.append(tcp)
            tcp.bind((address, 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                udp.close()
                held.remove(tcp)
                tcp.close()
                continue
            held.append(udp)
        return [entry.getsockname()[1] for entry in held[::2]]
    finally:
        for entry in held:
            entry.close()


def _write_tls(directory: Path, address: str) -> None:
    """A CA and pebble's own server certificate, both fit for a strict verification."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble test CA")])

    def builder(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(address))])
    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = builder(subject, key.public_key()).add_extension(names, critical=False).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (directory / "ca.pem").write_bytes(ca.public_bytes(pem))
    (directory / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (directory / "key.pem").chmod(0o600)


class Pebble:
    """`keys` are the EAB keys by kid. With `answer_http01` challtestsrv serves http-01, else whoever listens there.

    All of it is at one `address`. Certificates live for `seconds`, if that is given.
    """

    def __init__(
        self,
        keys: dict[str, str],
        *,
        nonce_reject: int = 0,
        authz_reuse: int = 0,
        no_sleep: bool = True,
        http01_port: int | None = None,
        answer_http01: bool = True,
        days: int = 90,
        seconds: int | None = None,
        address: str = "127.0.0.1",
        alternate_roots: int = 0,
    ) -> None:
        self._keys, self._answer_http01, self._address = keys, answer_http01, address
        self._seconds = days * 86400 if seconds is None else seconds
        self._environment = {
            "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
            "PEBBLE_AUTHZREUSE": str(authz_reuse),
            "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots),
            "PEBBLE_VA_NOSLEEP": "1" if no_sleep else "0",
        }
        acme, management, dns, challenges, http01, tls = _free_ports(6, address)
        self.http01_port = http01_port or http01
        self.directory_url = f"https://{address}:{acme}/dir"
        self.management_url = f"https://{address}:{management}"
        self.challtestsrv_url = f"http://{address}:{challenges}"
        self._ports = {"acme": acme, "management": management, "dns": dns, "challenges": challenges, "tls": tls}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @property
    def ca_path(self) -> str:
        """The CA of pebble's own HTTPS; the CA that it issues from is another one, see `issuing_root`."""
        return str(self._directory / "ca.pem")

    def __enter__(self) -> Pebble:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Pebble:
        self._directory = Path(tempfile.mkdtemp(prefix="pebble-"))
        address = self._address
        _write_tls(self._directory, address)
        configuration = {
            "listenAddress": f"{address}:{self._ports['acme']}",
            "managementListenAddress": f"{address}:{self._ports['management']}",
            "certificate": str(self._directory / "cert.pem"),
            "privateKey": str(self._directory / "key.pem"),
            "httpPort": self.http01_port,
            "tlsPort": self._ports["tls"],
            "ocspResponderURL": "",
            "externalAccountBindingRequired": True,
            "externalAccountMACKeys": self._keys,
            "certificateValidityPeriod": self._seconds,
        }
        path = self._directory / "pebble.json"
        path.write_text(json.dumps({"pebble": configuration}), encoding="utf-8")
        dns = f"{address}:{self._ports['dns']}"
        self._run(
            "pebble-challtestsrv",
            *("-dns01", dns, "-management", f"{address}:{self._ports['challenges']}"),
            *("-http01", f"{address}:{self.http01_port}" if self._answer_http01 else ""),
            *("-https01", "", "-tlsalpn01", "", "-defaultIPv4", address, "-defaultIPv6", ""),
        )
        self._run("pebble", "-strict", "-config", str(path), "-dnsserver", dns)
        try:
            self._await()
        except BaseException:
            self.stop()
            raise
        return self

    def _run(self, *command: str) -> None:
        with (self._directory / f"{command[0]}.log").open("ab") as log:
            environment = {**os.environ, **self._environment}
            self._processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            )

    def _await(self) -> None:
        tls = ssl.create_default_context(cafile=self.ca_path)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
        end = time.monotonic() + READY_SECONDS
        for url in (self.directory_url, self.challtestsrv_url):
            while True:
                try:
                    opener.open(url, timeout=2).close()
                    break
                except urllib.request.HTTPError:
                    break  # An answer is an answer.
                except OSError as error:
                    dead = any(process.poll() is not None for process in self._processes)
                    if dead or time.monotonic() > end:
                        raise RuntimeError(f"{url} does not answer: {error}\n{self.log()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        shutil.rmtree(self._directory, ignore_errors=True)

    def log(self) -> str:
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(self._directory.glob("*.log"))]
        return "\n".join(texts)

    @property
    def log_path(self) -> str:
        """What pebble itself has to say."""
        return str(self._directory / "pebble.log")

    def issuing_root(self, number: int = 0) -> bytes:
        """The root that pebble issues from, as PEM; a new one at every start. Alternate roots have the numbers from 1 on."""
        tls = ssl.create_default_context(cafile=self.ca_path)
        with urllib.request.urlopen(f"{self.management_url}/roots/{number}", timeout=5, context=tls) as answer:
            content: bytes = answer.read()
            return content

    # challtestsrv's management API

    def _challenge(self, path: str, value: dict[str, Any]) -> None:
        request = urllib.request.Request(self.challtestsrv_url + path, json.dumps(value).encode(), method="POST")
        self._opener.open(request, timeout=5).close()

    def add_txt(self, name: str, value: str) -> None:
        """`name` is absolute, with its dot at the end."""
        self._challenge("/set-txt", {"host": name, "value": value})

    def clear_txt(self, name: str) -> None:
        self._challenge("/clear-txt", {"host": name})

    def add_a(self, name: str, *addresses: str) -> None:
        self._challenge("/add-a", {"host": name, "addresses": list(addresses)})

    def add_http01(self, token: str, content: str) -> None:
        self._challenge("/add-http01", {"token": token, "content": content})
