# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a request, read strictly: what is not documented is refused, so that a client's mistake shows."""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certfleet_sandbox.sslmarket.ca import PublicKey, csr_names
from certfleet_sandbox.sslmarket.knobs import Knobs
from certfleet_sandbox.sslmarket.products import Product
from certfleet_sandbox.strict import Refused

METHODS = ("Email", "FILE", "DNS")
_ADDRESS = ("street", "city", "zip", "country")
_PERSON = ("title", "firstname", "lastname", "tel", "email")


def _prefixed(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in names)


SHOWN_PEOPLE = (
    *_prefixed("owner", "name", *_ADDRESS, "tel"),
    *_prefixed("auth", *_PERSON),
    *_prefixed("tech", *_PERSON),
)
_INVOICE = _prefixed("invoice", "name", *_ADDRESS, "email")
_INVOICE_OPTIONAL = _prefixed("invoice", "ic", "dic")
PEOPLE = (*SHOWN_PEOPLE, *_INVOICE)

_FORMATS = {
    "country": (re.compile(r"[A-Z]{2}"), "must be a country code of two letters"),
    "tel": (re.compile(r"\+[0-9]{1,3}\.[0-9]{4,14}"), "must look like +44.123456789"),
    "email": (re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+"), "must be an e-mail address"),
}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+{_LABEL}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Members:
    """The members of one object; each check adds to the errors, `done` raises them all."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values, self.errors = values, dict[str, list[str]]()

    def wrong(self, name: str, text: str) -> None:
        self.errors.setdefault(name, []).append(text)

    def limit(self, mandatory: tuple[str, ...], optional: tuple[str, ...]) -> None:
        for name in self.values:
            if name not in mandatory and name not in optional:
                self.wrong(name, "is unknown")
        for name in mandatory:
            if name not in self.values:
                self.wrong(name, "is missing")

    def text(self, name: str) -> str:
        """A string with something in it; "" when it is not there or wrong."""
        value = self.values.get(name)
        if name not in self.values:
            return ""
        if not isinstance(value, str):
            self.wrong(name, "must be a string")
        elif not value.strip():
            self.wrong(name, "must not be empty")
        elif name != "csr" and _CONTROL.search(value):
            self.wrong(name, "has a control character")
        else:
            return value
        return ""

    def people(self, names: tuple[str, ...]) -> dict[str, str]:
        found = {name: self.text(name) for name in names if name in self.values}
        for name, value in found.items():
            form = _FORMATS.get(name.partition("_")[2])
            if value and form and not form[0].fullmatch(value):
                self.wrong(name, form[1])
        return found

    def done(self) -> None:
        if self.errors:
            raise Refused(400, self.errors)


def _years(members: Members, product: Product) -> int:
    value = members.values.get("years")
    if isinstance(value, bool) or not isinstance(value, int):
        if "years" in members.values:
            members.wrong("years", "must be a whole number")
    elif not 1 <= value <= product.max_years:
        members.wrong("years", f"must be 1 to {product.max_years}")
    else:
        return value
    return 0


def _dns_names(members: Members, product: Product) -> list[str]:
    found = members.values.get("dns_names", [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        members.wrong("dns_names", "must be a list of strings")
        return []
    if not product.min_sans <= len(found) <= product.max_sans:
        members.wrong("dns_names", f"{len(found)} names, where there can be {product.min_sans} to {product.max_sans}")
    return found


def _check_names(members: Members, product: Product, domain: str, dns_names: list[str]) -> None:
    if product.kind != "ssl_certificate":
        if domain and not (_NAME.fullmatch(domain) or _FORMATS["email"][0].fullmatch(domain)):
            members.wrong("domain", "must be a DNS name or an e-mail address")
        return
    for member, name in [("domain", domain), *(("dns_names", name) for name in dns_names)]:
        if member == "domain" and not name:
            continue
        if not _NAME.fullmatch(name) or len(name) > 253:
            members.wrong(member, "must be a DNS name in lower case")
        elif name.startswith("*.") and product.wildcard == "no":
            members.wrong(member, "cannot be a wildcard in this product")
    if product.wildcard == "must" and domain and not domain.startswith("*."):
        members.wrong("domain", "must be a wildcard in this product")
    names = [domain, *dns_names]
    if len(set(names)) < len(names):
        members.wrong("dns_names", "has a name twice, or the domain")


def read_csr(text: str) -> tuple[x509.CertificateSigningRequest, PublicKey]:
    """A CSR in PEM; raises ValueError with what is wrong."""
    try:
        csr = x509.load_pem_x509_csr(text.encode("ascii"))
        key = csr.public_key()
        signed = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion):
        raise ValueError("is not a certificate signing request in PEM") from None
    if not signed:
        raise ValueError("has a wrong signature")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return csr, key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1)):
        return csr, key
    raise ValueError("has a key that is neither RSA of 2048 bits nor P-256 or P-384")


def check_csr(members: Members, product: Product, names: list[str], knobs: Knobs) -> None:
    text = members.text("csr")
    if not text:
        return
    try:
        csr, _key = read_csr(text)
        found = csr_names(csr)
    except ValueError as error:
        members.wrong("csr", str(error))
        return
    if knobs.check_csr_names and product.validates_domain and found != set(names):
        members.wrong("csr", f"has the names {', '.join(sorted(found))}, ordered are {', '.join(sorted(names))}")


def _method(members: Members, product: Product, names: list[str]) -> str | None:
    if not product.validates_domain:
        if "dv_auth_method" in members.values:
            members.wrong("dv_auth_method", "is for SSL certificates only")
        return None
    value = members.text("dv_auth_method") if "dv_auth_method" in members.values else METHODS[0]
    if value and value not in METHODS:
        members.wrong("dv_auth_method", f"must be {', '.join(METHODS)}")
    elif value == "FILE" and any(name.startswith("*.") for name in names):
        members.wrong("dv_auth_method", "cannot be FILE with a wildcard")
    return value


def order(values: dict[str, Any], product: Product, knobs: Knobs) -> dict[str, Any]:
    """What of the body of an order is kept; raises Refused."""
    members = Members(values)
    mandatory = ("domain", "years", *PEOPLE)
    optional: tuple[str, ...] = ("dns_names", "voucher", "dv_auth_method", *_INVOICE_OPTIONAL)
    if product.csr_required:
        mandatory += ("csr",)
    else:
        optional += ("csr",)
    members.limit(mandatory, optional)
    people = members.people(PEOPLE)
    for name in ("voucher", *_INVOICE_OPTIONAL):
        members.text(name)
    years, domain, dns_names = _years(members, product), members.text("domain"), _dns_names(members, product)
    _check_names(members, product, domain, dns_names)
    names = [domain, *dns_names]
    method = _method(members, product, names)
    check_csr(members, product, names, knobs)
    members.done()
    return {
        "domain": domain,
        "dns_names": dns_names,
        "years": years,
        "method": method,
        "csr": values.get("csr"),
        "people": {name: people[name] for name in SHOWN_PEOPLE},
    }


def edit(values: dict[str, Any], product: Product, names: list[str], knobs: Knobs) -> dict[str, Any]:
    """The changes to an order that is not issued; raises Refused."""
    members = Members(values)
    members.limit((), ("csr", "dv_auth_method", *PEOPLE, *_INVOICE_OPTIONAL))
    people = members.people((*PEOPLE, *_INVOICE_OPTIONAL))
    check_csr(members, product, names, knobs)
    changes: dict[str, Any] = {"people": {name: people[name] for name in people if name in SHOWN_PEOPLE}}
    if "dv_auth_method" in values:
        changes["method"] = _method(members, product, names)
    if "csr" in values:
        changes["csr"] = values["csr"]
    if not values:
        members.wrong("body", "has no member")
    members.done()
    return changes


def only(values: dict[str, Any], name: str) -> Members:
    """An object with this member alone."""
    members = Members(values)
    members.limit((name,), ())
    return members
