# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts at IdenTrust's reseller API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: identrust_account
short_description: Account of a customer at IdenTrust, with its ACME credentials
version_added: 1.0.0
description:
  - Makes sure that a customer of an IdenTrust reseller has an account, and keeps its C(kid) and C(hmacKey) for IdenTrust's ACME
    service in a credential record on the controller.
  - IdenTrust has one account per e-mail address and may never show its key again. So the place for the record is proven writable
    before the request, and a run that was cut off after the request is remembered.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_identrust
  - certfleet.reseller.credential
options:
  customer_email:
    description:
      - E-mail address of the customer; one address, one account.
    type: str
    required: true
  api_key:
    description:
      - API key, sent as it is in the C(Authorization) header.
      - None of the secrets is needed where the record is in place.
      - The environment variable E(IDENTRUST_API_KEY) is used if no way to sign in is given.
    type: str
  access_token:
    description:
      - A token that was obtained elsewhere, sent as C(Bearer).
    type: str
  client_id:
    description:
      - OAuth client; exchanged for a token at O(token_url).
    type: str
  client_secret:
    description:
      - Secret of O(client_id).
      - The environment variable E(IDENTRUST_CLIENT_SECRET) is used if this option is not given.
    type: str
  token_url:
    description:
      - Where the token comes from. IdenTrust tells it to its resellers.
    type: str
  audience:
    description:
      - The audience of the token. IdenTrust tells it to its resellers.
    type: str
  api_url:
    description:
      - Base URL of the reseller API. The default is the staging system, the only one that is documented in public.
    type: str
    default: https://reseller-cms-pte.identrust.com
  directory_urls:
    description:
      - The ACME directories that accept the credential. They are written into the record for those who use it.
    type: list
    elements: str
    default:
      - https://acme-cms-pte.identrust.com/acme/TLS-90d/directory
seealso:
  - plugin: certfleet.reseller.eab_credential
    plugin_type: lookup
  - name: IdenTrust ACME integration
    description: The request that the module sends.
    link: https://docs-cms-pte.identrust.com/acme-integration
  - name: IdenTrust authentication
    description: How to sign in.
    link: https://docs-cms-pte.identrust.com/authentication
"""

EXAMPLES = r"""
- name: The customer has an account at IdenTrust
  certfleet.reseller.identrust_account:
    api_key: "{{ identrust_api_key }}"
    customer_email: tls@beta.example
    path: ~/.certfleet/eab/beta.json
  delegate_to: localhost
  run_once: true

- name: The same with OAuth client credentials
  certfleet.reseller.identrust_account:
    client_id: "{{ identrust_client_id }}"
    client_secret: "{{ identrust_client_secret }}"
    token_url: "{{ identrust_token_url }}"
    audience: "{{ identrust_audience }}"
    customer_email: tls@beta.example
    path: ~/.certfleet/eab/beta.json
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
account:
  description: The account, without its key unless O(return_hmac=true).
  returned: success
  type: dict
  contains:
    provider:
      description: Always V(identrust).
      type: str
      returned: success
      sample: identrust
    id:
      description: Number of the account.
      type: int
      returned: when the record exists
      sample: 42
    email:
      description: The customer.
      type: str
      returned: when the record exists
      sample: tls@beta.example
    reseller_code:
      description: The reseller that the account belongs to.
      type: str
      returned: when the record exists
      sample: RSL1
    revoked:
      description: Whether the account was revoked when the record was made. Such accounts are refused.
      type: bool
      returned: when the record exists
      sample: false
    deleted:
      description: Whether the account was deleted when the record was made. Such accounts are refused.
      type: bool
      returned: when the record exists
      sample: false
    kid:
      description: The key identifier. V(null) in check mode as long as there is no record.
      type: str
      returned: success
      sample: 2f1c0f6e-6a4b-4c0e-9c39-5d1f4a2b7e10
    path:
      description: The credential record.
      type: str
      returned: success
      sample: /home/me/.certfleet/eab/beta.json
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
      sample: ["https://acme-cms-pte.identrust.com/acme/TLS-90d/directory"]
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
  sample: [{"action": "create", "subject": "account for tls@beta.example at identrust", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: the record is in place
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, provision, spec
from ansible_collections.certfleet.reseller.plugins.module_utils._identrust.account import IdentrustAccounts


def main() -> None:
    engine.run(
        lambda: provision.CredentialResource(IdentrustAccounts()),
        argument_spec=dict(
            spec.API,
            **spec.CREDENTIAL,
            customer_email=dict(type="str", required=True),
            api_key=spec.secret("IDENTRUST_API_KEY"),
            access_token=spec.secret(),
            client_id=dict(type="str"),
            client_secret=spec.secret("IDENTRUST_CLIENT_SECRET"),
            token_url=dict(type="str", no_log=False),
            audience=dict(type="str"),
            api_url=dict(type="str", default="https://reseller-cms-pte.identrust.com"),
            directory_urls=dict(
                type="list",
                elements="str",
                default=["https://acme-cms-pte.identrust.com/acme/TLS-90d/directory"],
            ),
        ),
    )


if __name__ == "__main__":
    main()
