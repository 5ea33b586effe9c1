# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ACME orders to certificate sets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_finalize
short_description: Issue the certificates of a list of ACME orders
version_added: 1.0.0
description:
  - Tells the ACME server that the challenges are published, waits for its verdict, sends the CSR, fetches the certificate, and makes it the
    live version of its set; for all certificates at the same time.
  - A certificate that does not fit its key, its names or its chain never becomes live.
  - A certificate that fails does not hold up the others. An order that the CA turned down is given up, and the next run places a new one.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.acme
  - certfleet.reseller.acme.workers
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_acme
  - certfleet.reseller.certificates
options:
  wait_timeout:
    description:
      - How long to wait for the ACME server, in seconds, for all certificates together.
      - What is not done by then is kept, and the next run goes on with it.
    type: int
    default: 300
seealso:
  - module: certfleet.reseller.acme_order
  - module: certfleet.reseller.certificate_deploy
"""

EXAMPLES = r"""
- name: Issue what was ordered
  certfleet.reseller.acme_finalize:
    directory_url: https://acme.ssl.com/sslcom-dv-ecc
    account_key_path: ~/.certfleet/accounts/alpha.key
    sets_path: ~/.certfleet/sets
    certificates:
      - name: www.alpha.example
        domains: [www.alpha.example, alpha.example]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
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
    issued:
      description: Whether its certificate was issued in this run.
      type: bool
      sample: true
    path:
      description: The live version.
      type: str
      sample: /home/me/.certfleet/sets/www.alpha.example/current
    serial:
      description: Serial number of the live certificate, hex.
      type: str
      sample: 4a1f03c2
    names:
      description: Its names.
      type: list
      elements: str
      sample: [alpha.example, www.alpha.example]
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
      sample: "2027-02-20T10:00:00Z"
    fingerprint:
      description: SHA-256 of the certificate, hex.
      type: str
      sample: 5f2b7e...
    preferred_chain_found:
      description: Whether the CA offered the preferred chain; V(null) where none was asked for.
      type: bool
      sample: true
    renew_at:
      description: From when on it is to be renewed, ISO 8601, UTC.
      type: str
      sample: "2027-01-21T10:00:00Z"
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "issue", "subject": "www.alpha.example", "cost": "final"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: 1 to issue
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._acme.finalize import FinalizeResource
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec


def main() -> None:
    engine.run(
        FinalizeResource,
        argument_spec=dict(
            spec.API,
            **spec.ACME,
            **spec.CERTIFICATES,
            **spec.WORKERS,
            wait_timeout=dict(type="int", default=300),
        ),
    )


if __name__ == "__main__":
    main()
