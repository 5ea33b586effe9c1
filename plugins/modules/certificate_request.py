# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and certificate signing requests for a list of sets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_request
short_description: Keys and CSRs for the certificate sets that need a new certificate
version_added: 1.0.0
description:
  - Compares the live version of each certificate set with what is wanted - names, type of key, directory, profile, time left - and
    prepares a new private key and a CSR for those that need a new certificate.
  - A live key is never touched; the new key takes its place together with its certificate, when that is there.
  - Finishes what a run that was cut off left between two steps.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.controller
  - certfleet.reseller.certificates
options:
  directory_url:
    description:
      - The ACME directory that the certificates shall come from. A live version from another one is replaced.
    type: str
  counted:
    description:
      - Names of further sets of the same issuer, whose certificates count for C(weekly_limit) and C(ca_weekly_limit) of O(renewal).
      - Certificates that are due and beyond a limit wait; the most urgent ones come first. New and changed ones do not wait, but they count.
    type: list
    elements: str
seealso:
  - module: certfleet.reseller.acme_order
  - module: certfleet.reseller.acme_finalize
"""

EXAMPLES = r"""
- name: Keys and requests for all certificates that need one
  certfleet.reseller.certificate_request:
    sets_path: ~/.certfleet/sets
    directory_url: https://acme.ssl.com/sslcom-dv-ecc
    certificates:
      - name: www.alpha.example
        domains: [www.alpha.example, alpha.example]
      - name: wildcard.alpha.example
        domains: ["*.alpha.example"]
        challenge: dns-01
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
pending:
  description: The names of the sets whose certificate is still to be issued.
  returned: success
  type: list
  elements: str
  sample: [www.alpha.example]
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
    domains:
      description: The names wanted.
      type: list
      elements: str
      sample: [www.alpha.example, alpha.example]
    pending:
      description: Whether its certificate is still to be issued.
      type: bool
      sample: true
    reason:
      description: Why a new certificate is needed.
      type: str
      sample: there is no certificate yet
    key_type:
      description: Type of the key.
      type: str
      sample: ecdsa
    key_size:
      description: Size of the key in bits.
      type: int
      sample: 256
    path:
      description: The directory of the set.
      type: str
      sample: /home/me/.certfleet/sets/www.alpha.example
    csr_path:
      description: The CSR, of the pending version if there is one.
      type: str
      sample: /home/me/.certfleet/sets/www.alpha.example/pending/request.csr
    serial:
      description: Serial number of the live certificate, hex.
      type: str
      sample: 4a1f03c2
    not_after:
      description: End of life of the live certificate, ISO 8601, UTC.
      type: str
      sample: "2027-02-20T10:00:00Z"
    renew_at:
      description: From when on the live certificate is to be renewed, freezes considered, ISO 8601, UTC.
      type: str
      sample: "2027-01-21T10:00:00Z"
    held:
      description: Why a renewal that is due waits, for the end of a freeze or its turn within a weekly limit.
      type: str
      sample: "frozen until 2027-01-25T07:00:00Z: less than 33 % of its life is left (since 2027-01-21T10:00:00Z)"
deferred:
  description: The names of the sets that wait for their turn within a weekly limit. Leave them out of what is ordered in this run.
  returned: success
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "request", "subject": "www.alpha.example", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: "www.alpha.example: there is no certificate yet"
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sets.request import RequestResource


def main() -> None:
    engine.run(
        RequestResource,
        argument_spec=dict(
            spec.CERTIFICATES, directory_url=dict(type="str"), counted=dict(type="list", elements="str")
        ),
    )


if __name__ == "__main__":
    main()
