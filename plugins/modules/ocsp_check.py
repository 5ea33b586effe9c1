# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether certificates are still good."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ocsp_check
short_description: Ask whether certificates are revoked, and keep OCSP staples
version_added: 1.0.0
description:
  - Asks for each certificate its OCSP responder, then the CRL of its own distribution point, and proves what they answer.
  - Says V(good) only for what was proven. Many certificates name no OCSP responder any more; one that names no CRL either is
    V(not_checkable).
  - All certificates are checked at the same time. A responder that does not answer is asked once, and slows down nobody but itself.
  - Can keep the answers as staples for web servers.
  - What each status and field means, and what to do with them, is in the guide
    R(Revocation, ansible_collections.certfleet.reseller.docsite.revocation).
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.sslmarket
attributes:
  action_group:
    # the options of the group `all` mean something else here
    description: Use C(group/certfleet.reseller.sslmarket) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certfleet.reseller.sslmarket
  check_mode:
    details:
      - Certificates are checked in check mode as well; staples and copies of CRLs are not written.
  idempotent:
    support: full
    details:
      - Changes are new staples alone.
options:
  paths:
    description:
      - Certificates to check, as files and patterns such as V(/etc/ssl/fleet/*.pem). PEM or DER; of a bundle the first certificate that is
        not a CA's.
      - For a directory its C(fullchain.pem) is checked, or C(current/fullchain.pem), as in the certificate sets of this collection.
      - Exactly one of O(paths), O(certificates) and O(content) is needed.
    type: list
    elements: str
  certificates:
    description:
      - The same one by one, for issuers and staples that differ.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The certificate, like an entry of O(paths), but no pattern.
        type: path
        required: true
      issuer_path:
        description:
          - See O(issuer_path), which is used where this is not given.
        type: path
      staple_path:
        description:
          - See O(staple_path).
        type: path
  content:
    description:
      - One certificate, PEM, with its issuer's certificate behind it unless O(issuer_path) is given.
    type: str
  issuer_path:
    description:
      - The certificate of the issuer, or a bundle with it. It is not needed for bundles that have it.
      - No answer can be proven without it, so it is never downloaded.
    type: path
  staple_path:
    description:
      - Where to keep the answer of the OCSP responder, in DER, for nginx's C(ssl_stapling_file) or as HAProxy's C(.ocsp) file. The
        directory must exist.
      - It is written when it is missing, does not hold for the certificate, or is half-way to its end, and when the answer is V(good) and
        newer. The mode is 0644.
      - Reload the server when the task has changed.
      - For one certificate; O(certificates) takes one for each.
    type: path
  checker:
    description:
      - V(local) asks the responders themselves, and proves their answers.
      - V(sslmarket) asks SSLmarket's API, which sends the certificate to a third party and tells what it was told. It is the provider's
        word, and RV(certificates[].verified) is false.
    type: str
    choices: [local, sslmarket]
    default: local
  crl_fallback:
    description:
      - Whether to look into the CRL where OCSP does not settle it.
    type: bool
    default: true
  crl_cache_path:
    description:
      - A directory, made if it is missing, that keeps CRLs for the next runs, each until its C(nextUpdate). They are proven again in each run.
      - Without it each CRL is fetched once in each run. A copy does not know what was revoked since it was fetched; leave this out
        where that matters more than traffic.
    type: path
  fail_on:
    description:
      - With which statuses a certificate makes the task fail, after all are checked and all staples are written.
      - V(unreachable) and V(unknown) give a warning when they are not among them. A file that cannot be read always makes the task fail.
    type: list
    elements: str
    choices: [good, revoked, unknown, invalid, unreachable, not_checkable]
    default: [revoked, invalid]
  timeout:
    description:
      - Total time for all certificates together, in seconds.
    type: int
    default: 60
  responder_timeout:
    description:
      - How long to wait for one server, in seconds. One that does not answer within it is not asked again in the run.
    type: int
    default: 5
  workers:
    description:
      - How many certificates to ask one responder for at the same time.
    type: int
    default: 32
  allowed_networks:
    description:
      - Networks that may be asked although they are not public, for a CA of your own, for example V(10.0.0.0/8).
      - Certificates name the servers to ask. Without this rule whoever makes a certificate could send requests into your network.
    type: list
    elements: str
    default: []
  allowed_ports:
    description:
      - Ports that may be asked.
    type: list
    elements: int
    default: [80, 443]
  proxy:
    description:
      - A proxy for all requests to responders, for example V(http://proxy.example:3128). It looks up names and decides on addresses;
        O(allowed_networks) can then only judge URLs with an address instead of a name.
      - The proxy variables of the environment are not used for responders, because such a proxy would undo the rule on addresses unseen.
        They are used for O(checker=sslmarket).
    type: str
  ca_path:
    description:
      - File with CA certificates (PEM) to trust for C(https), instead of the usual ones. Responders mostly have C(http), their answers
        are signed.
    type: path
requirements:
  - cryptography >= 42
  - requests, for O(checker=sslmarket)
notes:
  - Whether the issuer is to be trusted is not decided here. What is proven is that the issuer of the certificate says so.
  - Redirects are not followed.
seealso:
  - module: certfleet.reseller.certificate_deploy
  - name: Online Certificate Status Protocol
    description: RFC 6960.
    link: https://www.rfc-editor.org/rfc/rfc6960
"""

EXAMPLES = r"""
- name: Check all certificate sets of the controller
  certfleet.reseller.ocsp_check:
    paths:
      - ~/.certfleet/sets/*
  delegate_to: localhost
  run_once: true
  register: revocation

- name: Show what could not be checked
  ansible.builtin.debug:
    msg: "{{ revocation.certificates | rejectattr('status', 'eq', 'good') | map(attribute='reason') }}"

- name: Accept nothing but a proof
  certfleet.reseller.ocsp_check:
    content: "{{ lookup('ansible.builtin.file', '/etc/ssl/fleet/www.alpha.example/fullchain.pem') }}"
    fail_on: [revoked, invalid, unknown, unreachable, not_checkable]

- name: Keep a staple for nginx
  certfleet.reseller.ocsp_check:
    certificates:
      - path: /etc/ssl/fleet/www.alpha.example/fullchain.pem
        staple_path: /etc/ssl/fleet/www.alpha.example.ocsp
  notify: Reload nginx

- name: Check certificates of a CA of your own
  certfleet.reseller.ocsp_check:
    paths: [/etc/pki/intern/*.pem]
    issuer_path: /etc/pki/intern-ca.pem
    allowed_networks: [10.0.0.0/8]
    allowed_ports: [80, 8888]

- name: Ask SSLmarket instead
  certfleet.reseller.ocsp_check:
    paths: [/etc/ssl/fleet/www.alpha.example/cert.pem]
    checker: sslmarket
    api_token: "{{ sslmarket_api_token }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
certificates:
  description: All certificates, in the order of the options.
  returned: success, and failure after the checks
  type: list
  elements: dict
  contains:
    path:
      description: The file; V(null) for O(content).
      type: str
      sample: /home/me/.certfleet/sets/www.alpha.example/current/fullchain.pem
    subject:
      description: Subject of the certificate.
      type: str
      sample: CN=www.alpha.example
    issuer:
      description: Its issuer.
      type: str
      sample: CN=Example DV CA
    serial:
      description: Its serial number, hex.
      type: str
      sample: 4a1f03c2
    not_after:
      description: Its end, ISO 8601, UTC.
      type: str
      sample: "2027-02-20T10:00:00Z"
    expired:
      description: Whether it is past its end. Nothing good can be said of it then.
      type: bool
      sample: false
    status:
      description: V(good), V(revoked), V(unknown), V(invalid), V(unreachable) or V(not_checkable).
      type: str
      sample: good
    reason:
      description: Why it is not V(good), in words.
      type: str
      sample: revoked on 2026-11-20T08:00:00Z (keyCompromise)
    source:
      description:
        - Where the status comes from, V(ocsp), V(crl), V(staple) or V(sslmarket); V(null) for a certificate that names nobody to ask.
          V(staple) is the answer at RV(certificates[].staple.path), when no server could be asked and it still holds.
      type: str
      sample: ocsp
    url:
      description: Where that was asked.
      type: str
      sample: http://ocsp.example.com
    verified:
      description: Whether a signature of the issuer proves it. Never for V(sslmarket).
      type: bool
      sample: true
    cached:
      description: Whether it comes from O(crl_cache_path).
      type: bool
      sample: false
    this_update:
      description: When it was known to be right, ISO 8601, UTC.
      type: str
      sample: "2026-11-22T08:00:00Z"
    next_update:
      description: Until when newer information will be there, ISO 8601, UTC.
      type: str
      sample: "2026-11-29T08:00:00Z"
    produced_at:
      description: When an OCSP answer was signed, ISO 8601, UTC.
      type: str
      sample: "2026-11-22T08:00:00Z"
    revoked_at:
      description: When it was revoked, ISO 8601, UTC.
      type: str
      sample: null
    revocation_reason:
      description: Why it was revoked, in the words of RFC 5280, such as V(keyCompromise), if the CA says it.
      type: str
      sample: null
    signer:
      description: Who signed an OCSP answer, V(issuer) or the subject of its delegate.
      type: str
      sample: CN=Example OCSP Responder
    nonce:
      description:
        - V(matched) if the OCSP answer was made for this request, V(absent) if the responder ignored that, V(not_sent) for staples.
      type: str
      sample: matched
    provider:
      description: What SSLmarket answered, as it is. Its dates have no documented format.
      type: dict
      sample: null
    attempts:
      description: What was asked in vain, in order.
      type: list
      elements: dict
      contains:
        source:
          description: V(ocsp), V(crl), V(staple) or V(sslmarket).
          type: str
          sample: ocsp
        url:
          description: Where.
          type: str
          sample: http://ocsp.example.com
        status:
          description: What came of it, in the words of RV(certificates[].status).
          type: str
          sample: unreachable
        reason:
          description: Why, in words.
          type: str
          sample: it answered with HTTP status 503
    staple:
      description: The staple, as it is at the end of the task; V(null) where no C(staple_path) is given.
      type: dict
      contains:
        path:
          description: Its file.
          type: str
          sample: /etc/ssl/fleet/www.alpha.example.ocsp
        written:
          description: Whether it was written in this run, or would be in check mode.
          type: bool
          sample: false
        valid:
          description: Whether it holds for the certificate, now.
          type: bool
          sample: true
        next_update:
          description: Until when it holds, ISO 8601, UTC.
          type: str
          sample: "2026-11-29T08:00:00Z"
counts:
  description: How many certificates have which status.
  returned: success, and failure after the checks
  type: dict
  sample: {"good": 198, "revoked": 1, "unknown": 0, "invalid": 0, "unreachable": 0, "not_checkable": 1}
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "write", "subject": "/etc/ssl/fleet/www.alpha.example.ocsp", "cost": "free"}]
reason:
  description: Why staples were, or were not, to write.
  returned: success
  type: str
  sample: no staple to write
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.model import STATUSES
from ansible_collections.certfleet.reseller.plugins.module_utils._ocsp.resource import OcspResource


def main() -> None:
    engine.run(
        OcspResource,
        argument_spec=dict(
            spec.SSLMARKET,
            paths=dict(type="list", elements="str"),
            certificates=dict(
                type="list",
                elements="dict",
                options=dict(
                    path=dict(type="path", required=True),
                    issuer_path=dict(type="path"),
                    staple_path=dict(type="path"),
                ),
            ),
            content=dict(type="str"),
            issuer_path=dict(type="path"),
            staple_path=dict(type="path"),
            checker=dict(type="str", choices=["local", "sslmarket"], default="local"),
            crl_fallback=dict(type="bool", default=True),
            crl_cache_path=dict(type="path"),
            fail_on=dict(type="list", elements="str", choices=list(STATUSES), default=["revoked", "invalid"]),
            timeout=dict(type="int", default=60),
            responder_timeout=dict(type="int", default=5),
            workers=dict(type="int", default=32),
            allowed_networks=dict(type="list", elements="str", default=[]),
            allowed_ports=dict(type="list", elements="int", default=[80, 443]),
            proxy=dict(type="str"),
            ca_path=dict(type="path"),
        ),
        mutually_exclusive=[("paths", "certificates", "content"), ("certificates", "staple_path")],
        required_one_of=[("paths", "certificates", "content")],
    )


if __name__ == "__main__":
    main()
