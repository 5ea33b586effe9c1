# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renewal windows of an ACME server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_renewal_info
short_description: When the ACME server wants certificates renewed
version_added: 1.0.0
description:
  - Asks the ACME server for the renewal window of each live certificate (ARI, RFC 9773), no more often than the server allows, and keeps
    the answer beside the set, where M(certfleet.reseller.certificate_request) finds it.
  - Servers without that service are no failure. The share of the lifetime decides then.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes.info
  - certfleet.reseller.attributes.action_group_all
  - certfleet.reseller.certificates
  - certfleet.reseller.acme.workers
options:
  directory_url:
    description:
      - URL of the ACME directory.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Renewal windows of all certificates
  certfleet.reseller.acme_renewal_info:
    sets_path: ~/.certfleet/sets
    directory_url: https://acme.example/directory
    certificates:
      - name: www.alpha.example
        domains: [www.alpha.example]
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
    serial:
      description: Serial number of the live certificate, hex.
      type: str
      sample: 4a1f03c2
    start:
      description: Start of the window that the server suggests, ISO 8601, UTC.
      type: str
      sample: "2027-01-20T10:00:00Z"
    end:
      description: End of the window.
      type: str
      sample: "2027-01-22T10:00:00Z"
    explanation_url:
      description: A page of the CA that says why, if there is one.
      type: str
      sample: https://ca.example/incident
    problem:
      description: Why there is no window.
      type: str
      sample: the directory has no renewalInfo
    ask_again:
      description: When the server may be asked again, ISO 8601, UTC.
      type: str
      sample: "2026-11-22T16:00:00Z"
    renew_at:
      description: From when on the certificate is to be renewed, all considered.
      type: str
      sample: "2027-01-21T03:12:45Z"
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._acme.renewal_info import RenewalInfo
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec


def main() -> None:
    engine.run_info(
        RenewalInfo,
        argument_spec=dict(
            spec.API,
            **spec.CERTIFICATES,
            **spec.WORKERS,
            directory_url=dict(type="str", required=True),
        ),
    )


if __name__ == "__main__":
    main()
