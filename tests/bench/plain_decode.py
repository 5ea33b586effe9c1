# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain script with cryptography: parses the files of its arguments, reads the fields that cert_decode shows, prints them as JSON."""

import hashlib
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

SIMPLE = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_cert_sign",
    "crl_sign",
)


def name(value):
    return {
        "dn": value.rfc4514_string(),
        "parts": [[each.oid.dotted_string, each.value] for each in value],
        "cn": [each.value for each in value.get_attributes_for_oid(NameOID.COMMON_NAME)],
    }


def extension(value):
    if isinstance(value, x509.SubjectAlternativeName):
        return [[type(each).__name__, str(each.value)] for each in value]
    if isinstance(value, x509.BasicConstraints):
        return [value.ca, value.path_length]
    if isinstance(value, x509.KeyUsage):
        return [each for each in SIMPLE if getattr(value, each)]
    if isinstance(value, x509.ExtendedKeyUsage):
        return [each.dotted_string for each in value]
    if isinstance(value, x509.CertificatePolicies):
        return [[each.policy_identifier.dotted_string, list(each.policy_qualifiers or [])] for each in value]
    if isinstance(value, x509.AuthorityInformationAccess):
        return [[each.access_method.dotted_string, each.access_location.value] for each in value]
    if isinstance(value, x509.CRLDistributionPoints):
        return [each.value for point in value for each in point.full_name or ()]
    if isinstance(value, x509.PrecertificateSignedCertificateTimestamps):
        return [[each.log_id.hex(), each.timestamp.isoformat()] for each in value]
    if isinstance(value, x509.SubjectKeyIdentifier):
        return value.digest.hex()
    if isinstance(value, x509.AuthorityKeyIdentifier):
        return value.key_identifier.hex()
    return None


def read(path):
    with open(path, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    key = certificate.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "path": path,
        "version": certificate.version.name,
        "subject": name(certificate.subject),
        "issuer": name(certificate.issuer),
        "serial": certificate.serial_number,
        "serial_hex": format(certificate.serial_number, "X"),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "key": [type(key).__name__, key.key_size, hashlib.sha256(spki).hexdigest()],
        "pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "fingerprints": [certificate.fingerprint(each()).hex() for each in (hashes.SHA256, hashes.SHA1)],
        "signature": [certificate.signature_algorithm_oid.dotted_string, certificate.signature_hash_algorithm.name],
        "extensions": [
            [each.oid.dotted_string, each.critical, extension(each.value)] for each in certificate.extensions
        ],
    }


print(json.dumps([read(path) for path in sys.argv[1:]]))
