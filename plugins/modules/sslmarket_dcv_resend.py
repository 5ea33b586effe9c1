# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""E-mails for the domain control validation of orders at SSLmarket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslmarket_dcv_resend
short_description: Has SSLmarket send the e-mail for the domain control validation again
version_added: 1.0.0
description:
  - Has the e-mail sent again that asks the owner of a domain to approve an order.
  - Every run sends one, and reports a change. Nothing tells whether the last one has arrived.
  - An order that is issued, or that is validated by another way than e-mail, is an error, and nothing is sent.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_sslmarket
  - certfleet.reseller.sslmarket
attributes:
  idempotent:
    support: none
    details:
      - Every run sends an e-mail.
options:
  order_id:
    description:
      - The number of the order.
    type: int
    required: true
seealso:
  - module: certfleet.reseller.sslmarket_order
  - module: certfleet.reseller.sslmarket_order_info
"""

EXAMPLES = r"""
- name: Send the validation e-mail again
  certfleet.reseller.sslmarket_dcv_resend:
    api_token: "{{ sslmarket_api_token }}"
    order_id: 123456
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
order:
  description: The order.
  returned: success
  type: dict
  contains:
    order_id:
      description: Its number.
      type: int
      sample: 123456
    product_code:
      description: The product.
      type: str
      sample: RAPIDSSL_RAPIDSSL
    domain:
      description: The first name.
      type: str
      sample: www.alpha.example
    names:
      description: All names.
      type: list
      elements: str
      sample: [www.alpha.example]
    state:
      description: The state, in SSLmarket's word.
      type: str
      sample: waiting
    dv_auth_method:
      description: How the names are validated; V(null) if SSLmarket does not say.
      type: str
      sample: Email
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "resend", "subject": "validation e-mail of order 123456 (www.alpha.example)", "cost": "free"}]
reason:
  description: Why something was to do.
  returned: success
  type: str
  sample: an e-mail is sent in every run
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslmarket.resend import DcvResend


def main() -> None:
    engine.run(
        DcvResend,
        argument_spec=dict(
            spec.API,
            **spec.SSLMARKET,
            order_id=dict(type="int", required=True),
        ),
    )


if __name__ == "__main__":
    main()
