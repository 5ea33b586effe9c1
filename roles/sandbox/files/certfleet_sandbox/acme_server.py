# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of one ACME server; the supervisor starts ``python -m certfleet_sandbox.acme_server SETTINGS``.

SETTINGS is the path of a JSON file with what `Settings` has.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from certfleet_sandbox.faults import RemoteFaults
from certfleet_sandbox.files import read_json, write_atomic
from certfleet_sandbox.ledger import Ledger
from certfleet_sandbox.lifeline import end_with
from certfleet_sandbox.web import Server


@dataclass(frozen=True)
class Settings:
    name: str  # of the service
    directory: str  # where everything of this server is
    base_url: str
    directories: list[str]  # paths of the ACME directories
    listener: int  # inherited descriptors
    lifeline: int
    ca_key: str
    ca_certificate: str
    tls_certificate: str
    tls_key: str
    days: int
    dns_address: str
    dns_port: int
    http01_port: int
    control_url: str
    ledger: str
    pointers: list[str]  # arguments of revocation.pointers
    asks_reseller: bool

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def configuration(settings: Settings) -> str:
    """acme2certifier's configuration. Its CA refuses to work without a CRL file's name and a directory for certificates."""
    directory = Path(settings.directory)
    return f"""[DEFAULT]
debug: False
server_name: {settings.base_url.partition("://")[2]}
[DBhandler]
handler: wsgi
dbfile: {directory / "acme.db"}
[CAhandler]
handler_module: certfleet_sandbox.acme_patches
issuing_ca_key: {settings.ca_key}
issuing_ca_cert: {settings.ca_certificate}
issuing_ca_crl: {directory / "crl.pem"}
cert_save_path: {directory / "certs"}
cert_validity_days: {settings.days}
[EABhandler]
eab_handler_module: acme2certifier.eabhandlers.json_handler
key_file: {directory / "eab.json"}
[Challenge]
dns_server_list: {json.dumps([settings.dns_address])}
[Order]
retry_after_timeout: 1
[Certificate]
enrollment_timeout: 20
[Directory]
suppress_product_information: True
"""


def main(path: str) -> None:
    settings = Settings(**read_json(Path(path)))
    # Inherited: the supervisor blocks what it waits for. Ctrl-C is its business too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    end_with(settings.lifeline)
    directory = Path(settings.directory)
    (directory / "certs").mkdir(exist_ok=True)
    write_atomic(directory / "acme_srv.cfg", configuration(settings).encode())
    os.environ["ACME_SRV_CONFIGFILE"] = str(directory / "acme_srv.cfg")
    # Validation goes straight to the hosts, whatever proxy the user has.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    # acme2certifier reads its configuration when it is imported.
    from certfleet_sandbox import acme_patches
    from certfleet_sandbox.acme_app import AcmeService
    from certfleet_sandbox.reseller import Reseller
    from certfleet_sandbox.revocation import pointers

    acme_patches.CAhandler.pointers = pointers(*settings.pointers)
    acme_patches.dns_port(settings.dns_port)
    acme_patches.http01_port(settings.http01_port)
    acme_patches.invalid_orders()
    ledger = Ledger(Path(settings.ledger))
    if settings.asks_reseller:
        acme_patches.ask_reseller(Reseller(settings.control_url, ledger))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(settings.tls_certificate, settings.tls_key)
    service = AcmeService(settings.name, settings.base_url, settings.directories)
    listener = socket.socket(fileno=settings.listener)
    Server(listener, service, ledger, RemoteFaults(settings.control_url), tls).serve()


if __name__ == "__main__":
    main(sys.argv[1])
