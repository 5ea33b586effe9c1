# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders at an ACME server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_order
short_description: ACME orders for a list of certificates, and the challenges to publish
version_added: 1.0.0
description:
  - Places an ACME order for each certificate set that has a pending request and no usable order, all at the same time, and returns the
    challenges that are to be published before M(certfleet.reseller.acme_finalize).
  - The URL of an order is on disk before anything else is done with it. A run that was cut off is resumed; an order that is still usable is
    never replaced.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.acme
  - certfleet.reseller.acme.workers
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_acme
  - certfleet.reseller.certificates
seealso:
  - module: certfleet.reseller.certificate_request
  - module: certfleet.reseller.acme_http_challenge
  - module: certfleet.reseller.acme_finalize
"""

EXAMPLES = r"""
- name: Orders for all certificates that need one
  certfleet.reseller.acme_order:
    directory_url: https://acme.ssl.com/sslcom-dv-ecc
    account_key_path: ~/.certfleet/accounts/alpha.key
    sets_path: ~/.certfleet/sets
    certificates:
      - name: www.alpha.example
        domains: [www.alpha.example, alpha.example]
  delegate_to: localhost
  run_once: true
  register: orders

- name: Answers to the challenges
  certfleet.reseller.acme_http_challenge:
    webroot: /var/www/html
    challenges: "{{ orders.http_challenges }}"
"""

RETURN = r"""
http_challenges:
  description: What to serve below C(/.well-known/acme-challenge/) (RFC 8555 section 8.3).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The set.
      type: str
      sample: www.alpha.example
    domain:
      description: The domain that is validated.
      type: str
      sample: www.alpha.example
    token:
      description: The file's name.
      type: str
      sample: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0
    content:
      description: The file's content.
      type: str
      sample: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI
dns_records:
  description: The TXT records to publish (RFC 8555 section 8.4). One name may need several values.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The set.
      type: str
      sample: wildcard.alpha.example
    domain:
      description: The domain that is validated, without the C(*.) of a wildcard.
      type: str
      sample: alpha.example
    record:
      description: The name of the record.
      type: str
      sample: _acme-challenge.alpha.example
    type:
      description: Its type.
      type: str
      sample: TXT
    value:
      description: Its value.
      type: str
      sample: gfj9Xq...Rg85nM
certificates:
  description: All sets of the list.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The set.
      type: str
      sample: www.alpha.example
    pending:
      description: Whether its certificate is still to be issued.
      type: bool
      sample: true
    reason:
      description: Why a new certificate is needed.
      type: str
      sample: there is no certificate yet
    order_url:
      description: The order.
      type: str
      sample: https://acme.example/order/7
    status:
      description: Its status.
      type: str
      sample: pending
    expires:
      description: When the server forgets it.
      type: str
      sample: "2026-11-29T10:00:00Z"
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "order", "subject": "www.alpha.example", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: 1 to order
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._acme.order import OrderResource
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec


def main() -> None:
    engine.run(
        OrderResource,
        argument_spec=dict(spec.API, **spec.ACME, **spec.CERTIFICATES, **spec.WORKERS),
    )


if __name__ == "__main__":
    main()
