# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCSP responder (RFC 6960) and the CRLs (RFC 5280) of the sandbox's CAs, over plain http as usual.

POST /ocsp/CA, GET /ocsp/CA/REQUEST   signed by a delegate of the CA; the nonce comes back. `unknown` for what the CA did not issue.
GET  /crl/CA.crl                      names its own URL as the distribution point that it is for, as a shard does
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from certfleet_sandbox.revocation import Authority, Revocations, crl_url
from certfleet_sandbox.web import Answer, Request

_DER = serialization.Encoding.DER
_OCSP_LIFE = timedelta(days=4)
_CRL_LIFE = timedelta(days=7)


class RevocationServer:
    name = "revocation"

    def __init__(self, revocations: Revocations, base_url: str) -> None:
        self._revocations, self._base_url = revocations, base_url

    def operation(self, request: Request) -> tuple[str | None, dict[str, Any]]:
        parts = request.path.split("/")
        kind = parts[1] if len(parts) > 2 and parts[1] in ("ocsp", "crl") else None
        return kind, {"ca": parts[2].removesuffix(".crl")} if kind else {}

    def error(self, status: int, text: str) -> Answer:
        return Answer(status, [("Content-Type", "text/plain")], f"{text}\n".encode())

    def answer(self, request: Request) -> Answer:
        kind, facts = self.operation(request)
        authority = self._revocations.authorities.get(facts.get("ca", ""))
        if authority is None:
            return self.error(404, "there is no such CA")
        if kind == "crl" and request.path == f"/crl/{facts['ca']}.crl":
            if request.method != "GET":
                return self.error(405, "a list is fetched by GET")
            return self._sent("pkix-crl", self._list(facts["ca"], authority), "crl_served")
        raw = _encoded(request, f"/ocsp/{facts['ca']}")
        if kind != "ocsp" or raw is None:
            return self.error(404, "there is nothing here")
        return self._sent("ocsp-response", self._respond(facts["ca"], authority, raw), "ocsp_answered")

    def _sent(self, kind: str, content: bytes, effect: str) -> Answer:
        return Answer(200, [("Content-Type", f"application/{kind}")], content, effect)

    # OCSP

    def _respond(self, ca: str, authority: Authority, raw: bytes) -> bytes:
        try:
            request = ocsp.load_der_ocsp_request(raw)
            digest = request.hash_algorithm
        except Exception:  # whatever is wrong with it
            return _refused(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if (request.issuer_name_hash, request.issuer_key_hash) != _hashes(authority, digest.name):
            return _refused(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        status, when, reason = ocsp.OCSPCertStatus.GOOD, None, None
        entry = self._revocations.revoked(ca).get(request.serial_number)
        if entry is not None:
            status, when, reason = ocsp.OCSPCertStatus.REVOKED, _time(entry[0]), _reason(entry[1])
        elif request.serial_number not in authority.issued():
            status = ocsp.OCSPCertStatus.UNKNOWN
        now = datetime.now(timezone.utc).replace(microsecond=0)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                request.issuer_name_hash,
                request.issuer_key_hash,
                request.serial_number,
                digest,
                status,
                now,
                now + _OCSP_LIFE,
                when,
                reason,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.responder.certificate)
            .certificates([authority.responder.certificate])
        )
        for extension in request.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        return builder.sign(authority.responder.key, hashes.SHA256()).public_bytes(_DER)

    # CRLs

    def _list(self, ca: str, authority: Authority) -> bytes:
        now = datetime.now(timezone.utc).replace(microsecond=0)
        scope = x509.IssuingDistributionPoint(
            [x509.UniformResourceIdentifier(crl_url(self._base_url, ca))], None, True, False, None, False, False
        )
        key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.pair.key.public_key())
        builder = (
            x509.CertificateRevocationListBuilder(authority.pair.certificate.subject, now, now + _CRL_LIFE)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(key, critical=False)
            .add_extension(scope, critical=True)
        )
        for serial, (when, word) in sorted(self._revocations.revoked(ca).items()):
            entry = x509.RevokedCertificateBuilder(serial, _time(when))
            reason = _reason(word)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(authority.pair.key, hashes.SHA256()).public_bytes(_DER)


def _encoded(request: Request, path: str) -> bytes | None:
    """The OCSP request of a POST, or in the path of a GET (RFC 6960, appendix A.1)."""
    if request.method == "POST" and request.path == path:
        return request.body
    if request.method != "GET" or not request.path.startswith(path + "/"):
        return None
    try:
        return base64.b64decode(unquote(request.path[len(path) + 1 :]), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _refused(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(_DER)


def _hashes(authority: Authority, digest: str) -> tuple[bytes, bytes]:
    """What a request names the CA by."""
    form = serialization.PublicFormat.UncompressedPoint
    key = authority.pair.key.public_key().public_bytes(serialization.Encoding.X962, form)
    name = authority.pair.certificate.subject.public_bytes()
    return hashlib.new(digest, name).digest(), hashlib.new(digest, key).digest()


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _reason(word: str) -> x509.ReasonFlags | None:
    """RFC 5280, section 5.3.1: `unspecified` is said by saying nothing."""
    return None if word == "unspecified" else x509.ReasonFlags(word)
