# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACME EAB credentials at SSL.com."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sslcom_acme_credential
short_description: ACME EAB credentials of a customer at SSL.com
version_added: 1.0.0
description:
  - Makes sure that a customer of an SSL.com reseller has external account binding (EAB) credentials for SSL.com's ACME service,
    and keeps them in a credential record on the controller.
  - SSL.com returns the same credential for the same O(description). So a run that was killed finds its credential again, and a
    rotation needs a new description.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_sslcom
  - certfleet.reseller.credential
options:
  account_key:
    description:
      - Account key of a user with the role C(account_admin). Not needed where the record is in place.
      - The environment variable E(SSLCOM_ACCOUNT_KEY) is used if this option is not given.
    type: str
  secret_key:
    description:
      - Secret key that belongs to O(account_key).
      - The environment variable E(SSLCOM_SECRET_KEY) is used if this option is not given.
    type: str
  description:
    description:
      - Names the customer at SSL.com. One description, one credential.
    type: str
    required: true
  api_url:
    description:
      - Base URL of the SWS API.
    type: str
    default: https://sws.sslpki.com
  directory_urls:
    description:
      - The ACME directories that accept the credential. They are written into the record for those who use it.
      - SSL.com has one for each type of key.
    type: list
    elements: str
    default:
      - https://acme.ssl.com/sslcom-dv-ecc
      - https://acme.ssl.com/sslcom-dv-rsa
seealso:
  - plugin: certfleet.reseller.eab_credential
    plugin_type: lookup
  - name: SSL.com SWS API
    description: The API that the module uses.
    link: https://www.ssl.com/guide/ssl-coms-sws-api-introduction/
"""

EXAMPLES = r"""
- name: The customer has EAB credentials at SSL.com
  certfleet.reseller.sslcom_acme_credential:
    account_key: "{{ sslcom_account_key }}"
    secret_key: "{{ sslcom_secret_key }}"
    description: Alpha Ltd
    path: ~/.certfleet/eab/alpha.json
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
credential:
  description: The credential, without its key unless O(return_hmac=true).
  returned: success
  type: dict
  contains:
    provider:
      description: Always V(sslcom).
      type: str
      returned: success
      sample: sslcom
    description:
      description: The customer.
      type: str
      returned: when the record exists
      sample: Alpha Ltd
    kid:
      description: The key identifier. V(null) in check mode as long as there is no record.
      type: str
      returned: success
      sample: 7b5d1c7ce1d4
    path:
      description: The credential record.
      type: str
      returned: success
      sample: /home/me/.certfleet/eab/alpha.json
    created:
      description: When the record was made, ISO 8601, UTC.
      type: str
      returned: when the record exists
      sample: "2026-11-22T10:00:00Z"
    directory_urls:
      description: The ACME directories that accept the credential.
      type: list
      elements: str
      returned: when the record exists
      sample: ["https://acme.ssl.com/sslcom-dv-ecc", "https://acme.ssl.com/sslcom-dv-rsa"]
    hmac_key:
      description: The HMAC key, unpadded base64url.
      type: str
      returned: when O(return_hmac=true) and the record exists
      sample: VALUE_SPECIFIED_IN_NO_LOG_PARAMETER
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "create", "subject": "EAB credential for Alpha Ltd at sslcom", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: the record is in place
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, provision, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._sslcom.acme_credential import SslcomCredentials


def main() -> None:
    engine.run(
        lambda: provision.CredentialResource(SslcomCredentials()),
        argument_spec=dict(
            spec.API,
            **spec.CREDENTIAL,
            account_key=spec.secret("SSLCOM_ACCOUNT_KEY"),
            secret_key=spec.secret("SSLCOM_SECRET_KEY"),
            description=dict(type="str", required=True),
            api_url=dict(type="str", default="https://sws.sslpki.com"),
            directory_urls=dict(
                type="list",
                elements="str",
                default=["https://acme.ssl.com/sslcom-dv-ecc", "https://acme.ssl.com/sslcom-dv-rsa"],
            ),
        ),
    )


if __name__ == "__main__":
    main()
