# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP answers and CRLs for tests: right unless told otherwise. They are encoded here, because no library writes wrong ones.

lab = Lab()
lab.answer()                                       "good", by the issuer, for lab.leaf
lab.answer(lab.single(status="revoked"), signer=lab.delegate())
"""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from tests.support import pki
from tests.support.pki import DAY, NOW, Identity

HOUR = timedelta(hours=1)
OCSP_URL = "http://ocsp.ca.test"
CRL_URL = "http://crl.ca.test/shard7.crl"

# --- DER --------------------------------------------------------------------------------------------------------------


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def seq(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def explicit(number: int, *parts: bytes) -> bytes:
    return tlv(0xA0 | number, *parts)


def octets(content: bytes) -> bytes:
    return tlv(0x04, content)


def bits(content: bytes) -> bytes:
    return tlv(0x03, b"\0" + content)


def parts(whole: bytes) -> list[bytes]:
    """The elements in one, each with its tag and length."""
    found, place = [], _body(whole, 0)
    while place < len(whole):
        body = _body(whole, place)
        length = whole[place + 1]
        if length & 0x80:
            length = int.from_bytes(whole[place + 2 : body], "big")
        found.append(whole[place : body + length])
        place = body + length
    return found


def _body(content: bytes, place: int) -> int:
    """Where the content of the element at ``place`` begins."""
    length = content[place + 1]
    return place + 2 + (length & 0x7F if length & 0x80 else 0)


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def enumerated(number: int) -> bytes:
    return tlv(0x0A, bytes([number]))


def moment(when: datetime) -> bytes:
    return tlv(0x18, when.strftime("%Y%m%d%H%M%SZ").encode("ascii"))


def utc_time(when: datetime) -> bytes:
    return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode("ascii"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for number in [first * 40 + second, *rest]:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | (number & 0x7F))
        content += bytes(reversed(groups))
    return tlv(0x06, content)


def extension(dotted: str, value: bytes, critical: bool = False) -> bytes:
    return seq(oid(dotted), tlv(0x01, b"\xff") if critical else b"", octets(value))


NULL = tlv(0x05)
NONCE = "1.3.6.1.5.5.7.48.1.2"
UNKNOWN_EXTENSION = "1.3.6.1.4.1.55555.1"
_DIGESTS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2"}
_SIGNATURES = {
    ("ec", "sha1"): "1.2.840.10045.4.1",
    ("ec", "sha256"): "1.2.840.10045.4.3.2",
    ("ec", "sha384"): "1.2.840.10045.4.3.3",
    ("rsa", "sha1"): "1.2.840.113549.1.1.5",
    ("rsa", "sha256"): "1.2.840.113549.1.1.11",
}
_PSS, _MGF1, _ED25519 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8", "1.3.101.112"
_HASHES: dict[str, Any] = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384}


def algorithm(kind: str, digest: str) -> bytes:
    return seq(oid(_SIGNATURES[(kind, digest)]), NULL if kind == "rsa" else b"")


def pss(digest: str) -> bytes:
    """RFC 4055 section 3.1, with salts as long as the digest. SHA-1 is the default, and defaults are left out in DER."""
    if digest == "sha1":
        return seq(oid(_PSS), seq())
    name = seq(oid(_DIGESTS[digest]), NULL)
    salt = explicit(2, integer(_HASHES[digest].digest_size))
    return seq(oid(_PSS), seq(explicit(0, name), explicit(1, seq(oid(_MGF1), name)), salt))


def sign(key: Any, content: bytes, digest: str) -> tuple[bytes, bytes]:
    """The algorithm and the signature. ``digest`` may be ``pss-sha256``, for RSA keys."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return seq(oid(_ED25519)), key.sign(content)
    if digest.startswith("pss-"):
        digest = digest[4:]
        made = _HASHES[digest]()
        return pss(digest), key.sign(content, padding.PSS(padding.MGF1(made), made.digest_size), made)
    if isinstance(key, rsa.RSAPrivateKey):
        return algorithm("rsa", digest), key.sign(content, padding.PKCS1v15(), _HASHES[digest]())
    return algorithm("ec", digest), key.sign(content, ec.ECDSA(_HASHES[digest]()))


def key_bits(certificate: x509.Certificate) -> bytes:
    """What is hashed for a key's name: the content of the BIT STRING (RFC 6960 section 4.1.1)."""
    key = certificate.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)  # type: ignore[union-attr]


# --- OCSP -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Single:
    """One answer. What is ``None`` is taken from the certificate and its issuer."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    status: str = "good"
    this_update: datetime = NOW - HOUR
    next_update: datetime | None = NOW + 7 * DAY
    revoked_at: datetime = NOW - DAY
    reason: int | None = 1
    digest: str = "sha1"
    serial: int | None = None
    name_hash: bytes | None = None
    key_hash: bytes | None = None
    extensions: Sequence[bytes] = ()

    def der(self) -> bytes:
        make = getattr(hashlib, self.digest)
        identifier = seq(
            seq(oid(_DIGESTS[self.digest]), NULL),
            octets(self.name_hash or make(self.certificate.issuer.public_bytes()).digest()),
            octets(self.key_hash or make(key_bits(self.issuer)).digest()),
            integer(self.certificate.serial_number if self.serial is None else self.serial),
        )
        status = {"good": tlv(0x80), "unknown": tlv(0x82)}.get(self.status)
        if status is None:
            reason = explicit(0, enumerated(self.reason)) if self.reason is not None else b""
            status = tlv(0xA1, moment(self.revoked_at), reason)
        end = explicit(0, moment(self.next_update)) if self.next_update is not None else b""
        more = explicit(1, seq(*self.extensions)) if self.extensions else b""
        return seq(identifier, status, moment(self.this_update), end, more)


def wrap(basic: bytes, status: int = 0, kind: str = "1.3.6.1.5.5.7.48.1.1") -> bytes:
    return seq(enumerated(status), explicit(0, seq(oid(kind), octets(basic))))


def refusal(status: int) -> bytes:
    """An answer without a signature: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized."""
    return seq(enumerated(status))


def response(
    singles: Iterable[Single],
    signer: Identity,
    *,
    named: Identity | None = None,
    by_name: bool = False,
    certificates: Sequence[Any] = (),
    nonce: bytes | None = None,
    extensions: Sequence[bytes] = (),
    produced_at: datetime = NOW - HOUR,
    digest: str = "sha256",
    says: bytes | None = None,
    twist: Callable[[bytes], bytes] = bytes,
    twist_signature: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """``named``: whose the responder ID is. ``says``: another algorithm than it is signed with. ``twist``: what happens after signing."""
    certificate = (named or signer).certificate
    responder = (
        explicit(1, certificate.subject.public_bytes())
        if by_name
        else explicit(2, octets(hashlib.sha1(key_bits(certificate)).digest()))
    )
    more = list(extensions)
    if nonce is not None:
        more.append(extension(NONCE, octets(nonce)))
    content = seq(
        responder,
        moment(produced_at),
        seq(*(single.der() for single in singles)),
        explicit(1, seq(*more)) if more else b"",
    )
    name, signature = sign(signer.key, content, digest)
    inside = explicit(0, seq(*(each if isinstance(each, bytes) else each.der for each in certificates)))
    return wrap(seq(twist(content), says or name, bits(twist_signature(signature)), inside if certificates else b""))


def flip(content: bytes, place: int = -1) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


# --- certificates -----------------------------------------------------------------------------------------------------


def pointers(ocsp_url: str | None = OCSP_URL, crl_url: str | None = CRL_URL) -> list[tuple[x509.ExtensionType, bool]]:
    """The extensions that name an OCSP responder and a distribution point."""
    found: list[tuple[x509.ExtensionType, bool]] = []
    if ocsp_url is not None:
        location = x509.UniformResourceIdentifier(ocsp_url)
        description = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)
        found.append((x509.AuthorityInformationAccess([description]), False))
    if crl_url is not None:
        found.append((x509.CRLDistributionPoints([point(crl_url)]), False))
    return found


def point(*urls: str, **options: Any) -> x509.DistributionPoint:
    names = [x509.UniformResourceIdentifier(url) for url in urls] or None
    return x509.DistributionPoint(names, None, options.get("reasons"), options.get("crl_issuer"))


def scope(*urls: str, **options: Any) -> x509.IssuingDistributionPoint:
    names = [x509.UniformResourceIdentifier(url) for url in urls] or None
    values: dict[str, Any] = dict(
        full_name=names,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    return x509.IssuingDistributionPoint(**{**values, **options})


def leaf(
    issuer: Identity,
    name: str = "www.ocsp.test",
    urls: tuple[str | None, str | None] = (OCSP_URL, CRL_URL),
    **options: Any,
) -> Identity:
    return pki.server([name], issuer, more=[*pointers(*urls), *options.pop("more", ())], **options)


def delegate(
    issuer: Identity,
    purposes: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.OCSP_SIGNING,),
    **options: Any,
) -> Identity:
    usage = options.pop("usage", ("digital_signature",))
    extensions: list[tuple[x509.ExtensionType, bool]] = [(x509.BasicConstraints(False, None), True)]
    if usage is not None:
        extensions.append((pki.key_usage(*usage), True))
    if purposes is not None:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    extensions.append((x509.OCSPNoCheck(), False))
    return pki.issue(options.pop("common_name", "Responder"), issuer, extensions, **options)


class Lab:
    """A root, an issuer, a certificate with both URLs, and answers about it."""

    def __init__(self, **options: Any) -> None:
        self.root = pki.authority("Lab Root")
        self.issuer = pki.authority("Lab Issuer", self.root)
        self.leaf = leaf(self.issuer, **options)

    @property
    def bundle(self) -> bytes:
        return self.leaf.pem + self.issuer.pem

    def single(self, status: str = "good", **options: Any) -> Single:
        return Single(
            options.pop("certificate", self.leaf.certificate),
            options.pop("issuer", self.issuer.certificate),
            status,
            **options,
        )

    def answer(self, *singles: Single, signer: Identity | None = None, **options: Any) -> bytes:
        if signer is not None:
            options.setdefault("certificates", [signer])
        return response(singles or [self.single()], signer or self.issuer, **options)

    def crl(self, revoked: Iterable[tuple[int, x509.ReasonFlags | None]] = (), **options: Any) -> bytes:
        return crl(options.pop("signer", self.issuer), revoked, **options)


# --- CRLs -------------------------------------------------------------------------------------------------------------


def crl(
    signer: Identity,
    revoked: Iterable[tuple[int, x509.ReasonFlags | None]] = (),
    *,
    issuer_name: str | None = None,
    last_update: datetime = NOW - HOUR,
    next_update: datetime = NOW + 7 * DAY,
    revoked_at: datetime = NOW - DAY,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    entry_extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    key: Any = None,
) -> bytes:
    name = pki.name(issuer_name) if issuer_name else signer.certificate.subject
    builder = x509.CertificateRevocationListBuilder(name, last_update, next_update)
    for serial, reason in revoked:
        entry = x509.RevokedCertificateBuilder(serial, revoked_at)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        for value, critical in entry_extensions:
            entry = entry.add_extension(value, critical=critical)
        builder = builder.add_revoked_certificate(entry.build())
    builder = builder.add_extension(x509.CRLNumber(7), critical=False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key or signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def raw_crl(signer: Identity, last_update: datetime, next_update: datetime | None, digest: str = "sha256") -> bytes:
    """An empty list as no library writes one: without an end, or signed with SHA-1."""
    content = seq(
        integer(1),
        sign(signer.key, b"", digest)[0],
        signer.certificate.subject.public_bytes(),
        utc_time(last_update),
        utc_time(next_update) if next_update is not None else b"",
    )
    name, signature = sign(signer.key, content, digest)
    return seq(content, name, bits(signature))


# --- servers ----------------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    method: str
    path: str
    body: bytes
    connection: int


@dataclass
class Responder:
    """An OCSP responder and CRL server on loopback that keeps connections. It answers for the certificates of one issuer.

    ``revoked``: serial numbers. ``lists``: what GETs of a path get. ``delay``: seconds before each answer. ``asked``: all requests.
    """

    issuer: Identity
    revoked: dict[int, str] = field(default_factory=dict)
    lists: dict[str, bytes] = field(default_factory=dict)
    delay: float = 0.0
    with_nonce: bool = True
    next_update: timedelta = 7 * DAY
    signer: Identity | None = None
    asked: list[Asked] = field(default_factory=list)
    refuse: Callable[[Asked], bytes | int | None] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(NOW.tzinfo)

    def __enter__(self) -> Responder:
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._serve(b"")

            def do_POST(self) -> None:
                self._serve(self.rfile.read(int(self.headers["Content-Length"])))

            def _serve(self, body: bytes) -> None:
                asked = Asked(self.command, self.path, body, id(self.connection))
                responder.asked.append(asked)
                if responder.delay:
                    time.sleep(responder.delay)
                status, content = responder.reply(asked)
                kind = "pkix-crl" if asked.path in responder.lists else "ocsp-response"
                head = (
                    f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/{kind}\r\nContent-Length: {len(content)}"
                )
                self.wfile.write(head.encode() + b"\r\n\r\n" + content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, asked: Asked) -> tuple[int, bytes]:
        special = self.refuse(asked) if self.refuse else None
        if special is not None:
            return (special, b"") if isinstance(special, int) else (200, special)
        if asked.path in self.lists:
            return 200, self.lists[asked.path]
        raw = asked.body if asked.method == "POST" else decoded(asked.path)
        try:
            request = ocsp.load_der_ocsp_request(raw)
        except ValueError:
            return 200, refusal(1)
        return 200, self.answer(request)

    def answer(self, request: ocsp.OCSPRequest) -> bytes:
        now = self.clock().replace(microsecond=0)
        why = self.revoked.get(request.serial_number)
        signer = self.signer or self.issuer
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.serial_number,
            request.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if why else ocsp.OCSPCertStatus.GOOD,
            now,
            now + self.next_update,
            now - HOUR if why else None,
            x509.ReasonFlags(why) if why else None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        if self.signer:
            builder = builder.certificates([signer.certificate])
        if self.with_nonce:
            for each in request.extensions:
                builder = builder.add_extension(each.value, critical=False)
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def decoded(path: str) -> bytes:
    """The request in the path of a GET (RFC 6960 appendix A.1)."""
    import base64
    import binascii
    from urllib.parse import unquote

    try:
        return base64.b64decode(unquote(path.rpartition("/")[2]), validate=True)
    except (ValueError, binascii.Error):
        return b""
