# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders at SSLmarket, placed once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslmarket_order
short_description: Have orders for certificates at SSLmarket, each of them once
version_added: 1.0.0
description:
  - Places a paid order for a certificate, unless there is one already. SSLmarket sends an invoice for each order.
  - An order is recognised by the key of its CSR and by the journal in O(journal_dir). After a crash, a lost answer or a broken connection it is found
    again; as long as its outcome is not known, nothing is ordered.
  - Before money moves, product, years, names, CSR and contacts are checked.
  - An order that is not issued yet is edited where it differs from what is wanted. Within the paid years a certificate is not ordered again but
    reissued, by M(certfleet.reseller.sslmarket_certificate).
  - Returns what the CA wants to see published to validate the domains.
  - Check mode says which orders would be placed.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
  - certfleet.reseller.sslmarket_items
options:
  allow_purchase:
    description:
      - Whether orders may be placed. With V(false) RV(would_buy) says what is missing, and everything else is done.
    type: bool
    default: true
  max_orders_per_day:
    description:
      - The most orders within 24 hours, of all runs with this journal. When more are needed, none is placed, and the module fails.
    type: int
    default: 10
  quiet_period:
    description:
      - Seconds for which an order with an unknown outcome is only looked for. It must be longer than SSLmarket takes to book and list an order,
        which is not documented.
    type: int
    default: 21600
  on_unknown:
    description:
      - What to do when the quiet period is over and two look-ups have found nothing. V(fail) leaves it to a person, V(resubmit) places the order
        again.
    type: str
    choices: [fail, resubmit]
    default: fail
  allow_unmatched:
    description:
      - Whether products without a CSR may be ordered. After a crash such an order cannot be found again; give O(order_id) then.
    type: bool
    default: false
  validate_product:
    description:
      - Whether to compare the order with the list of products first. The list does not say which products are for wildcards; their titles do.
    type: bool
    default: true
  update_invoice:
    description:
      - Whether to send O(invoice) to an open order that was adopted. SSLmarket does not give it back, so it cannot be compared.
    type: bool
    default: false
seealso:
  - module: certfleet.reseller.sslmarket_certificate
  - module: certfleet.reseller.sslmarket_product_info
  - module: certfleet.reseller.certificate_request
"""

EXAMPLES = r"""
- name: Order a certificate
  certfleet.reseller.sslmarket_order:
    api_token: "{{ sslmarket_api_token }}"
    journal_dir: ~/.certfleet/journal/sslmarket
    product_code: RAPIDSSL_RAPIDSSL
    domain: www.alpha.example
    csr_path: ~/tls/www.alpha.example.csr
    owner: {name: Alpha Ltd, street: High Street 1, city: London, zip: EC1A 1AA, country: GB, tel: "+44.2012345678"}
    auth: {title: CEO, firstname: Ada, lastname: Alpha, tel: "+44.2012345678", email: ada@alpha.example}
    tech: {title: Admin, firstname: Tom, lastname: Tech, tel: "+44.2012345678", email: tls@alpha.example}
    invoice: {name: Alpha Ltd, street: High Street 1, city: London, zip: EC1A 1AA, country: GB, email: billing@alpha.example}
  delegate_to: localhost
  run_once: true
  register: ordered

- name: Show the TXT records to publish
  ansible.builtin.debug:
    msg: "{{ ordered.orders[0].dcv.records }}"
  when: ordered.orders[0].dcv is truthy

- name: Adopt an order that was placed by hand
  certfleet.reseller.sslmarket_order:
    api_token: "{{ sslmarket_api_token }}"
    journal_dir: ~/.certfleet/journal/sslmarket
    product_code: RAPIDSSL_RAPIDSSL
    domain: shop.alpha.example
    csr_path: ~/tls/shop.alpha.example.csr
    order_id: 123456
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
orders:
  description: All certificates of the call and their orders.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The certificate.
      type: str
      sample: www.alpha.example
    names:
      description: Its names.
      type: list
      elements: str
      sample: [www.alpha.example]
    product_code:
      description: The product.
      type: str
      sample: RAPIDSSL_RAPIDSSL
    pending:
      description: Whether a certificate is needed.
      type: bool
      sample: true
    action:
      description: V(order), V(adopt), V(edit), V(look_up), or V(null) when nothing was to do.
      type: str
      sample: order
    reason:
      description: Why.
      type: str
      sample: order 123456 is in the state "waiting"
    order_id:
      description: Number of the order; V(null) if there is none.
      type: int
      sample: 123456
    state:
      description: SSLmarket's word for the state. V(published) means issued; the others are not documented.
      type: str
      sample: waiting
    issued:
      description: Whether the certificate of the order is issued.
      type: bool
      sample: false
    years:
      description: For how many years is paid.
      type: int
      sample: 1
    inserted:
      description: When the order was placed, as SSLmarket writes it, in an unknown time zone.
      type: str
      sample: "2026-11-22 10:00:00"
    published:
      description: When it was issued, likewise.
      type: str
      sample: "2026-11-22 10:05:00"
    expired:
      description: When it ends, likewise.
      type: str
      sample: "2027-11-22 10:05:00"
    days_remaining:
      description: Days until then, says SSLmarket. Only known when the order was looked at in detail.
      type: int
      sample: 365
    csr:
      description: CSR of the order. Only known when the order was looked at in detail.
      type: str
      sample: "-----BEGIN CERTIFICATE REQUEST-----..."
    dcv:
      description: What to publish; V(null) when nothing is to be.
      type: dict
      contains:
        method:
          description: V(DNS) or V(FILE).
          type: str
          sample: DNS
        records:
          description: TXT records, each with C(domain), C(record), C(type) and C(value).
          type: list
          elements: dict
          sample: [{"domain": "www.alpha.example", "record": "_dnsauth.www.alpha.example", "type": "TXT", "value": "20261122..."}]
        files:
          description: Files on the web servers, each with C(domain), C(path) and C(content).
          type: list
          elements: dict
          sample: []
    duplicates:
      description: Numbers of other orders that are paid for the same product, names and time.
      type: list
      elements: int
      sample: []
would_buy:
  description: What is not ordered because of O(allow_purchase=false). Each with C(name), C(product_code), C(years) and C(names).
  returned: always
  type: list
  elements: dict
  sample: []
steps:
  description: What was done, or would be done in check mode. Orders have the cost V(paid).
  returned: success
  type: list
  elements: dict
  sample: [{"action": "order", "subject": "www.alpha.example", "cost": "paid"}]
reason:
  description: What was to do and why, or that nothing was.
  returned: success
  type: str
  sample: "www.alpha.example: a paid order for RAPIDSSL_RAPIDSSL of www.alpha.example, 1 year (there is no certificate yet)"
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket import spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.order import OrderResource


def main() -> None:
    engine.run(
        OrderResource,
        argument_spec=dict(
            spec.arguments(spec.ENTRY),
            allow_purchase=dict(type="bool", default=True),
            max_orders_per_day=dict(type="int", default=10),
            quiet_period=dict(type="int", default=21600),
            on_unknown=dict(type="str", choices=["fail", "resubmit"], default="fail"),
            allow_unmatched=dict(type="bool", default=False),
            validate_product=dict(type="bool", default=True),
            update_invoice=dict(type="bool", default=False),
        ),
        **spec.together(spec.ENTRY),
    )


if __name__ == "__main__":
    main()
