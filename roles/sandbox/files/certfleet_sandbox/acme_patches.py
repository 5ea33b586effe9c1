# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be changed in acme2certifier from outside, and why. Written for 0.46; in this file and nowhere else.

- It asks DNS servers on port 53 only, and fetches http-01 answers from port 80 only. Both need root.
- Its CA marks the subject alternative name as not critical, also in a certificate with an empty subject. RFC 5280, section
  4.2.1.6 forbids that, and a strict verification refuses such a certificate.
- An order of it stays pending when one of its authorizations becomes invalid. RFC 8555, section 7.1.6 makes the order invalid.
- It keeps no list of an account's orders, which RFC 8555, section 7.1.2.1 wants and its own answer to newAccount announces;
  `orders_of` reads them from its database.
- Its certificates name no OCSP responder and no CRL; `pointers` are added to them.
- It asks nobody before it issues; `ask_reseller` makes it ask the reseller, as SSL.com's does. Its own hooks cannot refuse with a
  type of RFC 8555, section 6.7.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import dns.resolver
from acme2certifier.acme_srv.certificate import Certificate
from acme2certifier.acme_srv.challenge import DatabaseChallengeRepository
from acme2certifier.acme_srv.db_handler import DBstore
from acme2certifier.acme_srv.helpers import network
from acme2certifier.acme_srv.order import Order as AcmeOrder
from acme2certifier.cahandlers.openssl_ca_handler import CAhandler as OpensslHandler
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from certfleet_sandbox.reseller import Order, Reseller

_UNAUTHORIZED = "urn:ietf:params:acme:error:unauthorized"


def dns_port(port: int) -> None:
    """Every resolver asks on this port. The addresses come from acme2certifier's configuration, which has no place for ports."""
    reset = dns.resolver.Resolver.reset

    def with_port(self: dns.resolver.Resolver) -> None:
        reset(self)
        self.port = port

    dns.resolver.Resolver.reset = with_port  # type: ignore[method-assign,assignment]  # that is the patch


def http01_port(port: int) -> None:
    """http-01 answers are fetched from this port; the Host header names it, as it does for a browser."""
    url_host = network._http_url_host
    network._http_url_host = lambda host: f"{url_host(host)}:{port}"


def invalid_orders() -> None:
    """A failed challenge makes its order invalid, not just the authorization."""
    update = DatabaseChallengeRepository.update_authorization_status

    def with_order(self: Any, challenge_name: str, status: str) -> Any:
        result = update(self, challenge_name, status)
        if status == "invalid":
            found = self.dbstore.challenge_lookup("name", challenge_name, ["authorization__name"])
            for entry in self.dbstore.authorization_lookup("name", found["authorization"], ["order__name"]):
                self.dbstore.order_update({"name": entry["order__name"], "status": "invalid"})
        return result

    DatabaseChallengeRepository.update_authorization_status = with_order


class _CriticalName:
    """A certificate builder that adds the subject alternative name as critical."""

    def __init__(self, builder: x509.CertificateBuilder) -> None:
        self._builder = builder

    def add_extension(self, extension: x509.ExtensionType, critical: bool) -> _CriticalName:
        is_name = extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        return _CriticalName(self._builder.add_extension(extension, critical=critical or is_name))

    def sign(self, **options: Any) -> x509.Certificate:
        return self._builder.sign(**{name: value for name, value in options.items() if name != "backend"})


class CAhandler(OpensslHandler):  # type: ignore[misc]  # acme2certifier has no types
    """acme2certifier's CA of key files, with the extension right for an empty subject; named by the configuration."""

    pointers: ClassVar[list[x509.ExtensionType]] = []

    def _cert_extension_apply(self, builder: Any, ca_cert: Any, req: Any) -> Any:
        wrapped = builder if req.subject else _CriticalName(builder)
        applied = super()._cert_extension_apply(wrapped, ca_cert, req)
        for pointer in self.pointers:
            applied = applied.add_extension(pointer, critical=False)
        return applied


def orders_of(account: str, logger: Any) -> list[str]:
    """The names of an account's orders that are not invalid, oldest first."""
    store = DBstore(False, logger)
    found = store.account_lookup("name", account)
    if not found:
        return []
    return [entry["name"] for entry in store.orders_invalid_search("account_id", found["id"], ["name"], "=")]


def ask_reseller(reseller: Reseller) -> None:
    """The reseller decides on each order of an account with a kid, after its CSR was checked, and gets each certificate."""
    enroll, answer = Certificate._process_enrollment_and_store_certificate, AcmeOrder._map_csr_enrollment_result

    def with_reseller(self: Any, certificate_name: str, csr: str, order_name: str) -> Any:
        found = self.repository.order_lookup("name", order_name, ["account__eab_kid", "identifiers"])
        names = tuple(entry["value"] for entry in json.loads(found["identifiers"]))
        order = Order(order_name, found["account__eab_kid"], names)
        if not order.kid:
            return enroll(self, certificate_name, csr, order_name)
        refused = reseller.authorize(order)
        if refused is not None:
            self._update_order_status({"name": order_name, "status": "invalid"})
            return None, _UNAUTHORIZED, refused
        result = enroll(self, certificate_name, csr, order_name)
        stored = DBstore(False, self.logger).certificate_lookup("name", certificate_name, ["cert"])
        if stored and stored["cert"]:
            reseller.deliver(order, stored["cert"])
        return result

    def with_status(self: Any, certificate_name: str, error: str, detail: str) -> Any:
        return (403, error, detail) if error == _UNAUTHORIZED else answer(self, certificate_name, error, detail)

    Certificate._process_enrollment_and_store_certificate = with_reseller
    AcmeOrder._map_csr_enrollment_result = with_status
