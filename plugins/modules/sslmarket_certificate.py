# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of SSLmarket's orders."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslmarket_certificate
short_description: Have the certificates of orders at SSLmarket, reissued in time
version_added: 1.0.0
description:
  - Waits until the certificate of an order is issued, fetches it, proves that it is for the right key and names and has a chain, and stores it.
  - Has the certificate reissued when the key of the CSR is another one, or when the certificate comes to its end inside the paid years. A reissue
    costs nothing.
  - A certificate that SSLmarket reissued by itself is fetched, too.
  - Never places an order; that is for M(certfleet.reseller.sslmarket_order).
  - While it waits, it says so on the screen.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
  - certfleet.reseller.sslmarket_files
  - certfleet.reseller.sslmarket_items
options:
  state:
    description:
      - V(present) has the certificate.
      - V(reissue_cancelled) takes back a reissue that is under way; the certificate before it stays valid.
      - V(revoked) revokes the certificate, for good. SSLmarket offers that for DigiCert Client Premium Class 1 and 2 only.
    type: str
    choices: [present, reissue_cancelled, revoked]
    default: present
  wait:
    description:
      - Whether to wait for certificates that are not issued yet. With V(false) RV(waiting) names them.
    type: bool
    default: true
  wait_timeout:
    description:
      - How long to wait, in seconds, for all certificates together. Then the module fails, and the next run goes on.
    type: int
    default: 600
seealso:
  - module: certfleet.reseller.sslmarket_order
  - module: certfleet.reseller.certificate_deploy
"""

EXAMPLES = r"""
- name: Fetch the certificate, and have it reissued in time
  certfleet.reseller.sslmarket_certificate:
    api_token: "{{ sslmarket_api_token }}"
    journal_dir: ~/.certfleet/journal/sslmarket
    product_code: RAPIDSSL_RAPIDSSL
    domain: www.alpha.example
    csr_path: ~/tls/www.alpha.example.csr
    path: ~/tls/www.alpha.example.pem
    fullchain_path: ~/tls/www.alpha.example.fullchain.pem
    p7b_path: ~/tls/www.alpha.example.p7b
    reissue_before_days: 30
  delegate_to: localhost
  run_once: true

- name: Take back a reissue
  certfleet.reseller.sslmarket_certificate:
    api_token: "{{ sslmarket_api_token }}"
    journal_dir: ~/.certfleet/journal/sslmarket
    order_id: 123456
    state: reissue_cancelled
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
certificates:
  description: All certificates of the call.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The certificate.
      type: str
      sample: www.alpha.example
    order_id:
      description: Its order; V(null) if there is none.
      type: int
      sample: 123456
    state:
      description: State of the order in SSLmarket's words. V(published) means issued; the others are not documented.
      type: str
      sample: published
    action:
      description: What was to do, V(fetch), V(wait), V(reissue) or V(switch); or V(null).
      type: str
      sample: fetch
    issued:
      description: Whether a new certificate was stored in this run.
      type: bool
      sample: true
    waiting:
      description: Whether the order is not issued yet, or is being reissued.
      type: bool
      sample: false
    pending:
      description: Whether a new certificate is needed.
      type: bool
      sample: false
    reason:
      description: Why something, or nothing, was to do.
      type: str
      sample: the certificate is in order
    dcv:
      description: What is to be published for the CA to validate the domains, as M(certfleet.reseller.sslmarket_order) returns it.
      type: dict
      sample: null
    path:
      description: The live version of the set, with O(sets_path).
      type: str
      sample: /home/me/.certfleet/sets/www.alpha.example/current
    renew_at:
      description: From when on it is to be renewed, ISO 8601, UTC.
      type: str
      sample: "2027-04-02T10:00:00Z"
    remarks:
      description: What is not as ordered, such as a short life. Warnings say the same.
      type: list
      elements: str
      sample: []
    serial:
      description: Serial number, hex.
      type: str
      sample: 4a1f03c2
    names:
      description: Names of the certificate.
      type: list
      elements: str
      sample: [www.alpha.example]
    issuer:
      description: Who issued it.
      type: str
      sample: CN=Example DV CA
    key_type:
      description: Type of its key.
      type: str
      sample: ecdsa
    not_before:
      description: Start of its life, ISO 8601, UTC.
      type: str
      sample: "2026-11-22T10:00:00Z"
    not_after:
      description: End of its life, ISO 8601, UTC.
      type: str
      sample: "2027-06-08T10:00:00Z"
    fingerprint:
      description: SHA-256 of the certificate, hex.
      type: str
      sample: 5f2b7e...
waiting:
  description: Names of the certificates that are not issued yet.
  returned: always
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "fetch", "subject": "www.alpha.example", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: there is nothing to fetch
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.states import StateResource


def main() -> None:
    engine.run(
        StateResource,
        argument_spec=dict(
            spec.arguments(spec.ENTRY_WITH_FILES),
            state=dict(type="str", choices=["present", "reissue_cancelled", "revoked"], default="present"),
            wait=dict(type="bool", default=True),
            wait_timeout=dict(type="int", default=600),
        ),
        **spec.together(spec.ENTRY_WITH_FILES),
    )


if __name__ == "__main__":
    main()
