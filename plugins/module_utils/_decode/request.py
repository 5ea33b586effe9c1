# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in a certificate signing request (PKCS #10, RFC 2986), as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._x509 import der
from .._x509.guard import guard
from . import signatures
from .extensions import fields
from .keys import PrivateKey, public_key
from .names import distinguished, owner
from .notes import Notes

if TYPE_CHECKING:
    from cryptography import x509

# RFC 2985 section 5.4.1
_CHALLENGE = "1.2.840.113549.1.9.7"
# no request asks for these
_ISSUED_ONLY = ("sct_count", "scts", "authority_key_id", "ocsp_urls", "issuer_urls", "crl_urls", "precertificate")


def decode(data: bytes, private: PrivateKey | None = None) -> dict[str, Any]:
    request, notes = _load(data), Notes()
    subject, parts = notes.attempt("subject", lambda: distinguished(request.subject, notes), (None, []))
    asked = fields(request, data, notes)
    shown = {
        "decoder": "local",
        "version": 1,
        "subject": subject,
        "subject_parts": parts,
        "owner": owner(parts),
        **public_key(_spki(data), request.public_key, notes, private),
        **signatures.fields(request, notes),
        **{name: value for name, value in asked.items() if name not in _ISSUED_ONLY},
        "challenge_password": notes.attempt("attributes", lambda: _has_challenge(request)),
        "problems": notes.problems,
    }
    shown["signature_valid"] = notes.attempt("signature", lambda: signatures.request_signed(request, shown["key_size"]))
    if shown["signature_valid"] is False:
        notes.add("bad_signature", "the request is not signed by its key, or was altered")
    if signatures.weak(shown):
        notes.add("weak_signature", "signed with %s" % shown["signature_hash"].upper())
    return shown


def _load(data: bytes) -> x509.CertificateSigningRequest:
    from cryptography import x509

    with guard("request", "not a readable request"):
        return x509.load_der_x509_csr(data)


def _spki(data: bytes) -> bytes:
    with guard("request", "not a readable request"):
        body = der.children(data, der.children(data, der.element(data))[0])
        return der.whole(data, body[2])


def _has_challenge(request: x509.CertificateSigningRequest) -> bool:
    """Whether there is a challenge password. It is a secret that anybody can read, so it is not repeated."""
    return any(attribute.oid.dotted_string == _CHALLENGE for attribute in request.attributes)
