# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything in certificates and certificate signing requests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cert_decode
short_description: Everything in certificates and CSRs
version_added: 1.0.0
description:
  - Decodes certificates, bundles, PKCS#7 and certificate signing requests, in PEM, DER or base64. What a file holds is told by its content,
    not by its name.
  - Many files in one task are much faster than a loop.
  - What cannot be read in a certificate is V(null), and RV(certificates[].problems) says so; the other fields are there.
  - Private keys in a file are skipped, and never shown.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes.info
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
options:
  path:
    description:
      - A file. Links are followed.
    type: path
  paths:
    description:
      - Files, also as patterns such as V(/etc/ssl/private/*.pem) and V(/srv/**/*.crt). The files of one pattern are sorted,
        directories that fit it are left out.
      - A pattern that fits no file is an error.
    type: list
    elements: path
  content:
    description:
      - PEM, or the base64 of a file.
      - Exactly one of O(path), O(paths) and O(content) is needed.
    type: str
  decoder:
    description:
      - V(local) decodes here; nothing leaves the machine.
      - V(sslmarket) sends each certificate and CSR to the provider's decoder, and gives its answers with the same keys. What it does not
        say is V(null).
    type: str
    choices: [local, sslmarket]
    default: local
  private_key_path:
    description:
      - A private key in PEM, not encrypted. RV(certificates[].private_key_matches) and RV(requests[].private_key_matches) say whose it is.
    type: path
  at:
    description:
      - The time that RV(certificates[].days_left), RV(certificates[].share_left) and RV(certificates[].expired) are about, in ISO 8601
        with a zone. Without it, now.
    type: str
  fail_on_error:
    description:
      - Whether to fail when something cannot be decoded. The results of everything else are there in both cases, and RV(files[].errors)
        has the reasons.
    type: bool
    default: true
notes:
  - It runs where the files are, which can be a managed host, with Python 3.8 or newer and C(cryptography). The C(requests) library is
    needed for O(decoder=sslmarket) alone.
  - Files over 2 MB, certificates over 100 kB, and more than 1,000 certificates in one file are refused, and lists in results end
    after 1,000 entries.
seealso:
  - plugin: certfleet.reseller.cert_decode
    plugin_type: filter
  - name: Certificates in detail
    description: Every field, its source and its unit.
    link: https://github.com/certfleet/reseller/blob/main/docs/docsite/rst/certificates.rst
"""

EXAMPLES = r"""
- name: All certificates of a directory
  certfleet.reseller.cert_decode:
    paths: [/etc/certfleet/*/current/fullchain.pem]
  register: decoded

- name: Those that end soon
  ansible.builtin.debug:
    msg: "{{ item.source.path }}: {{ item.days_left }} days left"
  loop: "{{ decoded.certificates | selectattr('is_ca', 'false') | selectattr('share_left', 'lt', 0.33) }}"
  loop_control:
    label: "{{ item.source.path }}"

- name: A chain must be in order and complete
  ansible.builtin.assert:
    that: item.chain.problems == []
    fail_msg: "{{ item.path }}: {{ item.chain.problems | map(attribute='text') | join('; ') }}"
  loop: "{{ decoded.files }}"
  loop_control:
    label: "{{ item.path }}"

- name: Does the key belong to the request?
  certfleet.reseller.cert_decode:
    path: /etc/ssl/request.csr
    private_key_path: /etc/ssl/private/key.pem

- name: Ask the provider
  certfleet.reseller.cert_decode:
    path: /etc/ssl/request.csr
    decoder: sslmarket
    api_token: "{{ sslmarket_api_token }}"
  delegate_to: localhost
"""

RETURN = r"""
certificates:
  description: The certificates, in the order of the files and within them.
  returned: always
  type: list
  elements: dict
  contains:
    source: &source
      description: Where it stands.
      type: dict
      sample: {"path": "/etc/ssl/www.pem", "index": 0}
    decoder: &decoder
      description: V(local) or V(sslmarket).
      type: str
      sample: "local"
    version: &version
      description: Version of the structure.
      type: int
      sample: 3
    subject: &subject
      description: Whom it names, as in RFC 4514.
      type: str
      sample: "CN=www.alpha.example,O=Alpha Ltd,C=GB"
    subject_parts: &subject_parts
      description: The parts of the subject in the certificate's order, each with C(name) and C(value).
      type: list
      elements: dict
      sample: [{"name": "C", "value": "GB"}, {"name": "O", "value": "Alpha Ltd"}, {"name": "CN", "value": "www.alpha.example"}]
    owner: &owner
      description: The parts of the subject that the provider's decoders show, with its words.
      type: dict
      sample: {"domain": "www.alpha.example", "organization": "Alpha Ltd", "unit": null, "city": null, "locality": null, "country": "GB"}
    issuer:
      description: Who issued it, as in RFC 4514.
      type: str
      sample: "CN=Sample TLS CA 1"
    issuer_parts:
      description: The parts of the issuer.
      type: list
      elements: dict
      sample: [{"name": "CN", "value": "Sample TLS CA 1"}]
    serial:
      description: Serial number in hex, lower case, without leading zeros, as in the other modules.
      type: str
      sample: "a5f3c9d1e7b42886f10c4d2b39e5a71"
    serial_number:
      description: >-
        Serial number, decimal. A text: it is too long for many JSON readers.
      type: str
      sample: "13786777552241263556876034593945180785"
    serial_number_hex:
      description: Serial number in hex, upper case, whole octets.
      type: str
      sample: "0A5F3C9D1E7B42886F10C4D2B39E5A71"
    not_before:
      description: Start of its life, ISO 8601, UTC.
      type: str
      sample: "2026-11-22T00:00:00Z"
    not_after:
      description: End of its life, ISO 8601, UTC.
      type: str
      sample: "2027-06-08T23:59:59Z"
    days_left:
      description: Whole days until its end, rounded down; negative after it.
      type: int
      sample: 198
    share_left:
      description: Share of its life that is left, from 1 to 0.
      type: float
      sample: 0.9979
    expired:
      description: Whether its life is over.
      type: bool
      sample: false
    sans: &sans
      description: DNS names and IP addresses of the alternative names.
      type: list
      elements: str
      sample: ["www.alpha.example", "192.0.2.1"]
    alternative_names: &alternative_names
      description: >-
        Alternative names of all kinds, with OpenSSL's prefixes V(DNS:), V(IP:), V(email:), V(URI:), V(dirName:), V(RID:) and
        V(otherName:).
      type: list
      elements: str
      sample: ["DNS:www.alpha.example", "IP:192.0.2.1", "email:tls@alpha.example"]
    key_type: &key_type
      description: Type of the key, such as V(rsa), V(ecdsa), V(ed25519), V(dsa).
      type: str
      sample: "ecdsa"
    key_size: &key_size
      description: Size of the key in bits.
      type: int
      sample: 256
    key_curve: &key_curve
      description: Curve of the key.
      type: str
      sample: "secp256r1"
    key_algorithm: &key_algorithm
      description: Algorithm of the key.
      type: str
      sample: "id-ecPublicKey"
    public_key: &public_key
      description: SHA-256 of the public key (its SubjectPublicKeyInfo), in hex.
      type: str
      sample: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    public_key_pem: &public_key_pem
      description: The public key.
      type: str
      sample: "-----BEGIN PUBLIC KEY-----\nMFk..."
    private_key_matches: &private_key_matches
      description: Whether O(private_key_path) is its private key.
      type: bool
      sample: true
    fingerprint:
      description: SHA-256 of the certificate, in hex.
      type: str
      sample: "df235d90055862ae83162480255503c7fb8be0ea659d6e7e67ce8f79ea5473e9"
    fingerprint_sha1:
      description: SHA-1 of the certificate, in hex.
      type: str
      sample: "394264f42e242e466e99bd0e01838aee4c6cad9c"
    signature_algorithm: &signature_algorithm
      description: How it is signed.
      type: str
      sample: "ecdsa-with-SHA256"
    signature_hash: &signature_hash
      description: The digest that is signed.
      type: str
      sample: "sha256"
    self_signed:
      description: Whether it is signed by its own key. V(null) if the signature cannot be checked.
      type: bool
      sample: false
    is_ca: &is_ca
      description: Whether it is a CA's.
      type: bool
      sample: false
    path_length: &path_length
      description: How many CAs may stand below it.
      type: int
      sample: 0
    key_usage: &key_usage
      description: >-
        What the key may be used for. Empty: not restricted.
      type: list
      elements: str
      sample: ["digitalSignature"]
    extended_key_usage: &extended_key_usage
      description: >-
        Purposes. Empty: not restricted.
      type: list
      elements: str
      sample: ["serverAuth"]
    policies: &policies
      description: Policies, each with C(oid), C(name) and C(cps).
      type: list
      elements: dict
      sample: [{"oid": "2.23.140.1.2.1", "name": "domain-validated", "cps": []}]
    validation_level: &validation_level
      description: V(DV), V(OV), V(IV) or V(EV), by the CA/Browser Forum's policies.
      type: str
      sample: "DV"
    issuer_urls:
      description: Where the issuer's certificate is.
      type: list
      elements: str
      sample: ["http://ca.example/ca.crt"]
    ocsp_urls:
      description: Where to ask for its status.
      type: list
      elements: str
      sample: ["http://ocsp.ca.example"]
    crl_urls:
      description: Where the lists of revoked certificates are.
      type: list
      elements: str
      sample: ["http://crl.ca.example/1.crl"]
    must_staple: &must_staple
      description: Whether a server must staple an OCSP answer.
      type: bool
      sample: false
    sct_count:
      description: How many timestamps of Certificate Transparency logs are in it.
      type: int
      sample: 2
    scts:
      description: The timestamps, each with C(log_id) (base64) and C(timestamp).
      type: list
      elements: dict
      sample: [{"log_id": "7s3QZNXbGs7FXLedtM0TojKHRny87N7DUUhZRnEftZs=", "timestamp": "2026-11-22T00:00:12.345Z"}]
    precertificate:
      description: Whether it is a precertificate.
      type: bool
      sample: false
    subject_key_id: &subject_key_id
      description: Subject key identifier, in hex.
      type: str
      sample: "a5de7f6528dc9a12ec30e35401ed1aa8fce7fd17"
    authority_key_id:
      description: Key identifier of the issuer, in hex.
      type: str
      sample: "fa08d764a80e70b14a8edceb0a5658e505fd8111"
    name_constraints: &name_constraints
      description: Names that a CA may issue for, C(permitted) and C(excluded), each as in C(alternative_names).
      type: dict
      sample: {"permitted": ["DNS:alpha.example"], "excluded": []}
    extensions: &extensions
      description: All extensions, those without a word as numbers with dots.
      type: list
      elements: str
      sample: ["keyUsage", "subjectAltName"]
    critical_extensions: &critical_extensions
      description: Those of them that are critical.
      type: list
      elements: str
      sample: ["keyUsage"]
    problems: &problems
      description: What is wrong with it, each with C(code) and C(text). Which there are is in the guide.
      type: list
      elements: dict
      sample: [{"code": "expired", "text": "expired on 2026-11-01T10:00:00Z"}]
requests:
  description: The certificate signing requests. For what they ask for, the same keys as for certificates.
  returned: always
  type: list
  elements: dict
  contains:
    source: *source
    decoder: *decoder
    version: *version
    subject: *subject
    subject_parts: *subject_parts
    owner: *owner
    sans: *sans
    alternative_names: *alternative_names
    key_type: *key_type
    key_size: *key_size
    key_curve: *key_curve
    key_algorithm: *key_algorithm
    public_key: *public_key
    public_key_pem: *public_key_pem
    private_key_matches: *private_key_matches
    signature_algorithm: *signature_algorithm
    signature_hash: *signature_hash
    signature_valid:
      description: Whether it is signed by its own key. V(null) if the signature cannot be checked.
      type: bool
      sample: true
    is_ca: *is_ca
    path_length: *path_length
    key_usage: *key_usage
    extended_key_usage: *extended_key_usage
    policies: *policies
    validation_level: *validation_level
    must_staple: *must_staple
    challenge_password:
      description: Whether it has a challenge password. The password is not shown.
      type: bool
      sample: false
    subject_key_id: *subject_key_id
    name_constraints: *name_constraints
    extensions: *extensions
    critical_extensions: *critical_extensions
    problems: *problems
files:
  description: What was looked at.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file; V(null) for O(content).
      type: str
      sample: "/etc/ssl/www.pem"
    form:
      description: V(pem), V(der) or V(base64).
      type: str
      sample: "pem"
    certificates:
      description: How many certificates are in it.
      type: int
      sample: 2
    requests:
      description: How many requests are in it.
      type: int
      sample: 0
    others:
      description: What else is in it, by its PEM label.
      type: list
      elements: str
      sample: ["PRIVATE KEY"]
    chain:
      description: >-
        How its certificates belong together; V(null) where they are no chain. C(order) has their indexes, the leaf's first;
        C(ends_with) is V(root), V(ca) or V(leaf); C(problems) each have C(code), C(index) and C(text).
      type: dict
      sample: {"order": [0, 1], "ends_with": "ca", "problems": []}
    errors:
      description: What could not be decoded, and why.
      type: list
      elements: str
      sample: ["PEM block 3: it has no end, the file is cut short."]
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.decode import Decode


def main() -> None:
    engine.run_info(
        Decode,
        argument_spec=dict(
            spec.API,
            **spec.SSLMARKET,
            path=dict(type="path"),
            paths=dict(type="list", elements="path"),
            content=dict(type="str"),
            decoder=dict(type="str", choices=["local", "sslmarket"], default="local"),
            private_key_path=dict(type="path"),
            at=dict(type="str"),
            fail_on_error=dict(type="bool", default=True),
        ),
        mutually_exclusive=[("path", "paths", "content")],
        required_one_of=[("path", "paths", "content")],
    )


if __name__ == "__main__":
    main()
