# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Products of SSLmarket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslmarket_product_info
short_description: Products that SSLmarket sells
version_added: 1.0.0
description:
  - Lists the products that can be ordered from SSLmarket, with what M(certfleet.reseller.sslmarket_order) has to know of them.
  - SSLmarket sends numbers and booleans as texts; here they are numbers and booleans. What cannot be read is V(null), and members that
    the documentation does not have are passed on as they are.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes.info
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
options:
  product_code:
    description:
      - Only the product with this code.
    type: str
  product_type:
    description:
      - Only products of this type.
    type: str
  validate_type:
    description:
      - Only products with this kind of validation.
    type: str
seealso:
  - module: certfleet.reseller.sslmarket_order
"""

EXAMPLES = r"""
- name: Look at the products with domain validation
  certfleet.reseller.sslmarket_product_info:
    api_token: "{{ sslmarket_api_token }}"
    validate_type: dv
  delegate_to: localhost
  run_once: true
  register: products

- name: Show their codes
  ansible.builtin.debug:
    msg: "{{ products.products | map(attribute='product_code') }}"
"""

RETURN = r"""
products:
  description: The products, in SSLmarket's order.
  returned: success
  type: list
  elements: dict
  contains:
    product_code:
      description: The code that an order names.
      type: str
      sample: RAPIDSSL_RAPIDSSL
    title:
      description: The product's name.
      type: str
      sample: RapidSSL
    product_type:
      description: What it is, such as V(ssl_certificate).
      type: str
      sample: ssl_certificate
    type:
      description: Which names it is for, such as one, several, or a wildcard, in SSLmarket's words.
      type: str
      sample: standard
    validate_type:
      description: What the CA validates, such as V(dv), V(ov) or V(ev).
      type: str
      sample: dv
    csr_required:
      description: Whether an order has to bring a CSR.
      type: bool
      sample: true
    max_years:
      description: For how many years it can be paid at once.
      type: int
      sample: 3
    min_san_values:
      description: How many further names an order has at least.
      type: int
      sample: 0
    max_san_values:
      description: How many further names an order can have.
      type: int
      sample: 0
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.info import ProductInfo


def main() -> None:
    engine.run_info(
        ProductInfo,
        argument_spec=dict(
            spec.API,
            **spec.SSLMARKET,
            product_code=dict(type="str"),
            product_type=dict(type="str"),
            validate_type=dict(type="str"),
        ),
    )


if __name__ == "__main__":
    main()
