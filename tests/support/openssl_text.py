# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `openssl x509 -text` and `openssl req -text` say, with the keys and words of cert_decode: a second opinion.

`None`: OpenSSL says nothing about it. Where OpenSSL cannot read an extension it prints its bytes; those are `None` too.
"""

from __future__ import annotations

import base64
import re
import subprocess
from typing import Any

_OPTIONS = ["-inform", "DER", "-noout", "-text", "-nameopt", "sep_multiline,sname,utf8"]
_MORE = {"x509": ["-serial", "-dates", "-dateopt", "iso_8601", "-fingerprint", "-sha256"], "req": ["-verify"]}

EXTENSIONS = {
    "X509v3 Subject Directory Attributes": "subjectDirectoryAttributes",
    "X509v3 Subject Key Identifier": "subjectKeyIdentifier",
    "X509v3 Key Usage": "keyUsage",
    "X509v3 Private Key Usage Period": "privateKeyUsagePeriod",
    "X509v3 Subject Alternative Name": "subjectAltName",
    "X509v3 Issuer Alternative Name": "issuerAltName",
    "X509v3 Basic Constraints": "basicConstraints",
    "X509v3 Name Constraints": "nameConstraints",
    "X509v3 CRL Distribution Points": "cRLDistributionPoints",
    "X509v3 Certificate Policies": "certificatePolicies",
    "X509v3 Policy Mappings": "policyMappings",
    "X509v3 Authority Key Identifier": "authorityKeyIdentifier",
    "X509v3 Policy Constraints": "policyConstraints",
    "X509v3 Extended Key Usage": "extKeyUsage",
    "X509v3 Freshest CRL": "freshestCRL",
    "X509v3 Inhibit Any Policy": "inhibitAnyPolicy",
    "Authority Information Access": "authorityInfoAccess",
    "qcStatements": "qcStatements",
    "Subject Information Access": "subjectInfoAccess",
    "TLS Feature": "tlsFeature",
    "OCSP No Check": "ocspNoCheck",
    "CT Precertificate SCTs": "signedCertificateTimestampList",
    "CT Precertificate Poison": "precertificatePoison",
    "Netscape Cert Type": "netscapeCertType",
    "Netscape Comment": "netscapeComment",
    "1.3.6.1.4.1.311.21.7": "microsoftCertificateTemplate",
    "1.3.6.1.4.1.311.20.2": "microsoftCertificateTemplateName",
    "Professional Information or basis for Admission": "1.3.36.8.3.3",
}
USAGES = {
    "Digital Signature": "digitalSignature",
    "Non Repudiation": "nonRepudiation",
    "Key Encipherment": "keyEncipherment",
    "Data Encipherment": "dataEncipherment",
    "Key Agreement": "keyAgreement",
    "Certificate Sign": "keyCertSign",
    "CRL Sign": "cRLSign",
    "Encipher Only": "encipherOnly",
    "Decipher Only": "decipherOnly",
}
PURPOSES = {
    "Any Extended Key Usage": "anyExtendedKeyUsage",
    "TLS Web Server Authentication": "serverAuth",
    "TLS Web Client Authentication": "clientAuth",
    "Code Signing": "codeSigning",
    "E-mail Protection": "emailProtection",
    "Time Stamping": "timeStamping",
    "OCSP Signing": "OCSPSigning",
    "Microsoft Encrypted File System": "msEFS",
    "Microsoft Smartcard Login": "msSmartcardLogin",
    "Signing KDC Response": "pkInitKDC",
    "Netscape Server Gated Crypto": "2.16.840.1.113730.4.1",
    "Microsoft Commercial Code Signing": "1.3.6.1.4.1.311.2.1.22",
}
CURVES = {"prime256v1": "secp256r1", "prime192v1": "secp192r1"}
POLICIES = {"X509v3 Any Policy": "2.5.29.32.0"}


def read(kind: str, der: bytes) -> dict[str, Any] | None:
    """`kind` is x509 or req; `None` if OpenSSL cannot read it."""
    for key in (["-pubkey"], []):  # a key that it does not know ends everything
        command = ["openssl", kind, *_OPTIONS, *_MORE[kind], *key]
        done = subprocess.run(command, input=der, capture_output=True, check=False)
        if done.returncode == 0:
            break
    text = done.stdout.decode("utf-8", "replace")
    if "Data:\n" not in text:
        return None
    found = {
        "version": int(_one(r"^ {8}Version: (?:Unknown \()?(-?\d+)", text) or 0),
        "signature_algorithm": _one(r"^ {4}Signature Algorithm: (.*)$", text),
        "key_algorithm": _one(r"Public Key Algorithm: (.*)$", text),
        "key_size": _number(_one(r"Public-Key: \((\d+) bit", text)),
        "public_key_pem": _one(r"(-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n)", text, re.DOTALL),
        "subject_parts": _name(_one(r"^ {8}Subject:(?: \n|\n)((?: {12}.*\n)*)", text) or ""),
        "issuer_parts": _name(_one(r"^ {8}Issuer:(?: \n|\n)((?: {12}.*\n)*)", text) or ""),
        **_extensions(text),
    }
    curve = _one(r"ASN1 OID: (.*)$", text)
    found["key_curve"] = CURVES.get(curve or "", curve)
    if kind == "x509":
        found["serial_number_hex"] = _one(r"^serial=(.*)$", text)
        found["not_before"] = _time(_one(r"^notBefore=(.*)$", text))
        found["not_after"] = _time(_one(r"^notAfter=(.*)$", text))
        found["fingerprint"] = (_one(r"^sha256 Fingerprint=(.*)$", text) or "").replace(":", "").lower()
    else:
        said = done.stderr.decode("utf-8", "replace")
        found["signature_valid"] = True if "verify OK" in said else False if "verify failure" in said else None
    return found


def _one(pattern: str, text: str, flags: int = re.MULTILINE) -> str | None:
    match = re.search(pattern, text, flags)
    return match.group(1) if match else None


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _time(text: str | None) -> str | None:
    return text.replace(" ", "T") if text else None


def _name(text: str) -> list[dict[str, str]]:
    lines = [part for line in text.split("\n") for part in re.split(r" \+ (?=[A-Za-z0-9.]+=)", line[12:])]
    return [dict(zip(("name", "value"), line.partition("=")[::2])) for line in lines if line]


def _extensions(text: str) -> dict[str, Any]:
    """Their names are indented by 12 or 16 blanks, what they say by four more."""
    pattern = r"^ +(?:X509v3 extensions|Requested Extensions):\n(.*?)(?=^ {4}Signature Algorithm)"
    block = _one(pattern, text, re.MULTILINE | re.DOTALL) or ""
    indent = len(block) - len(block.lstrip(" "))
    found: dict[str, Any] = {"extensions": [], "critical_extensions": []}
    header = re.compile(r"^ {%d}(?! )([^:]+): ?(critical)?\s*$" % indent)
    name, lines = "", []
    for line in [*block.split("\n"), None]:
        match = header.match(line) if line else None
        if match or line is None:
            _said(found, name, "\n".join(lines))
            lines = []
        if match:
            name = EXTENSIONS.get(match.group(1), match.group(1))
            found["extensions"].append(name)
            if match.group(2):
                found["critical_extensions"].append(name)
        elif line:
            lines.append(line[indent + 4 :])
    return found


def _said(found: dict[str, Any], name: str, text: str) -> None:
    if name == "subjectAltName":
        found["alternative_names"] = [_general(each) for each in re.split(r", (?=[A-Za-z ]+:)", text) if each]
    elif name == "basicConstraints":
        found["is_ca"] = "CA:TRUE" in text
        found["path_length"] = _number(_one(r"pathlen:(\d+)", text))
    elif name == "keyUsage":
        found["key_usage"] = [USAGES.get(each, each) for each in text.split(", ") if each]
    elif name == "extKeyUsage":
        found["extended_key_usage"] = [PURPOSES.get(each, each) for each in text.split(", ") if each]
    elif name == "subjectKeyIdentifier":
        found["subject_key_id"] = text.strip().replace(":", "").lower()
    elif name == "authorityKeyIdentifier":
        found["authority_key_id"] = (_one(r"^(?:keyid:)?((?:[0-9A-F]{2}:?)+)$", text) or "").replace(
            ":", ""
        ).lower() or None
    elif name == "authorityInfoAccess":
        found["ocsp_urls"] = re.findall(r"^OCSP - URI:(.*)$", text, re.MULTILINE)
        found["issuer_urls"] = re.findall(r"^CA Issuers - URI:(.*)$", text, re.MULTILINE)
    elif name == "cRLDistributionPoints":
        found["crl_urls"] = re.findall(r"^ *URI:(.*?)(?: {16}Reasons:)?$", text, re.MULTILINE)
    elif name == "certificatePolicies":
        policies = re.findall(r"^Policy: (.*)$", text, re.MULTILINE)
        found["policies"] = [POLICIES.get(each, each) for each in policies]
    elif name == "signedCertificateTimestampList":
        ids = re.findall(r"Log ID    : ([0-9A-F:\s]+?)\n +Timestamp", text)
        found["scts"] = [base64.b64encode(bytes.fromhex(re.sub(r"[:\s]", "", each))).decode() for each in ids]
    elif name == "tlsFeature":
        found["must_staple"] = "status_request" in text.split(", ")


def _general(text: str) -> str:
    kind, _colon, value = text.strip().partition(":")
    kind = {"IP Address": "IP", "Registered ID": "RID", "DirName": "dirName", "othername": "otherName"}.get(kind, kind)
    return f"{kind}:{value}"
