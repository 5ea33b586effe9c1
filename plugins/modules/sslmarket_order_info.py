# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders at SSLmarket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslmarket_order_info
short_description: Orders of an account at SSLmarket
version_added: 1.0.0
description:
  - Lists the orders of a customer account at SSLmarket, or looks at some of them in detail.
  - SSLmarket sends numbers and booleans as texts; here they are numbers and booleans. What cannot be read is V(null), and members that
    the documentation does not have are passed on as they are.
  - The dates are SSLmarket's texts. Neither their format nor their time zone is documented.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes.info
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
options:
  order_id:
    description:
      - Only the orders with these numbers, in detail. One that does not exist is an error.
      - Cannot be given together with O(product_code), O(domain) and O(state).
    type: list
    elements: int
  product_code:
    description:
      - Only orders of this product.
    type: str
  domain:
    description:
      - Only orders with this name, be it the first or one of the others.
    type: str
  state:
    description:
      - Only orders in this state. V(published) is the only one that is documented; it means that the certificate is issued.
    type: str
  details:
    description:
      - Whether to look at each order in detail. That takes one request for each of them.
    type: bool
    default: false
seealso:
  - module: certfleet.reseller.sslmarket_order
  - module: certfleet.reseller.sslmarket_certificate
"""

EXAMPLES = r"""
- name: Look at an order
  certfleet.reseller.sslmarket_order_info:
    api_token: "{{ sslmarket_api_token }}"
    order_id: 123456
  delegate_to: localhost
  run_once: true

- name: Look for all orders with a name
  certfleet.reseller.sslmarket_order_info:
    api_token: "{{ sslmarket_api_token }}"
    domain: www.alpha.example
    details: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
orders:
  description: The orders, in SSLmarket's order.
  returned: success
  type: list
  elements: dict
  contains:
    order_id:
      description: The number of the order.
      type: int
      sample: 123456
    product_type:
      description: What was ordered.
      type: str
      sample: ssl_certificate
    product_code:
      description: The product.
      type: str
      sample: RAPIDSSL_RAPIDSSL
    domain:
      description: The first name, as an A-label.
      type: str
      sample: www.alpha.example
    names:
      description: All names, the first one and C(dns_names), as A-labels.
      type: list
      elements: str
      sample: [www.alpha.example]
    sans_order_count:
      description: How many further names are paid for.
      type: int
      sample: 0
    years:
      description: For how many years the order is paid. Its certificates live shorter, and are reissued within that time.
      type: int
      sample: 1
    inserted:
      description: When it was ordered.
      type: str
      sample: "2026-11-22 10:00:00"
    published:
      description: When it was issued.
      type: str
      sample: "2026-11-22 10:20:00"
    expired:
      description: When it ends.
      type: str
      sample: "2027-11-22"
    state:
      description: The state, in SSLmarket's word.
      type: str
      sample: published
    issued:
      description: Whether the state says that the certificate is issued.
      type: bool
      sample: true
    csr:
      description: The CSR of the order.
      type: str
      returned: in detail
      sample: "-----BEGIN CERTIFICATE REQUEST-----\nMII..."
    public_key:
      description: SHA-256 of the public key in the CSR (its SubjectPublicKeyInfo), in hex.
      type: str
      returned: in detail
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    serial:
      description: Serial number of the certificate, in hex.
      type: str
      returned: in detail
      sample: 4a1f03c2
    dv_auth_method:
      description: How the names are validated, V(Email), V(FILE) or V(DNS).
      type: str
      returned: in detail
      sample: DNS
    dv_auth_content:
      description: What to publish for the validation.
      type: str
      returned: in detail
      sample: 20261122100000xw7c
    days_remaining:
      description: How many days the certificate is still valid.
      type: int
      returned: in detail
      sample: 199
    auto_reissue:
      description: Whether the certificate is reissued by itself within the paid term.
      type: bool
      returned: in detail
      sample: false
    contacts:
      description: The contacts C(owner), C(auth) and C(tech), each with its fields. SSLmarket does not return C(invoice).
      type: dict
      returned: in detail
      sample: {"owner": {"name": "Alpha Ltd", "city": "London", "country": "GB"}}
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.info import OrderInfo


def main() -> None:
    engine.run_info(
        OrderInfo,
        argument_spec=dict(
            spec.API,
            **spec.SSLMARKET,
            order_id=dict(type="list", elements="int"),
            product_code=dict(type="str"),
            domain=dict(type="str"),
            state=dict(type="str"),
            details=dict(type="bool", default=False),
        ),
        mutually_exclusive=[("order_id", "product_code"), ("order_id", "domain"), ("order_id", "state")],
    )


if __name__ == "__main__":
    main()
