# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts at an ACME server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_account
short_description: Account at an ACME server, with external account binding
version_added: 1.0.0
description:
  - Makes sure that there is an account key and that an ACME account is registered with it, bound to the credential of a customer where
    the server wants that.
  - Looks for an existing account first, so that a binding that can be used once is not wasted, and a run that was killed finds its account
    again. What is known of the account is kept beside its key; where that is in place, no request is sent.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.acme
  - certfleet.reseller.api
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action_group_acme
options:
  state:
    description:
      - V(present) has an account.
      - V(deactivated) deactivates it, for ever. Its certificates stay valid, and its key stays on the disk. Where no account is known there
        is nothing to do.
    type: str
    choices: [present, deactivated]
    default: present
  account_key_type:
    description:
      - Type of a new account key. It has nothing to do with the keys of certificates.
    type: str
    choices: [ecdsa, rsa]
    default: ecdsa
  eab_path:
    description:
      - The credential record, as M(certfleet.reseller.sslcom_acme_credential) and M(certfleet.reseller.identrust_account) write it.
      - SSL.com needs it although its directory says otherwise.
    type: path
  contact:
    description:
      - E-mail addresses for the CA. Always sent; several CAs fail late and unclearly without one.
      - Required if O(state=present).
    type: list
    elements: str
  terms_agreed:
    description:
      - Whether you agree to the CA's terms of service.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: An ACME account, bound to the customer's credential
  certfleet.reseller.acme_account:
    directory_url: https://acme.ssl.com/sslcom-dv-ecc
    account_key_path: ~/.certfleet/accounts/alpha.key
    eab_path: ~/.certfleet/eab/alpha.json
    contact: [tls@alpha.example]
    terms_agreed: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
account:
  description: The account.
  returned: success
  type: dict
  contains:
    url:
      description: Its URL. V(null) in check mode as long as it is not registered.
      type: str
      sample: https://acme.example/acct/42
    directory_url:
      description: The directory that it belongs to.
      type: str
      sample: https://acme.example/directory
    contact:
      description: Its contact.
      type: list
      elements: str
      sample: ["mailto:tls@alpha.example"]
    kid:
      description: The credential that it is bound to.
      type: str
      sample: 7b5d1c7ce1d4
    account_key_path:
      description: Its key.
      type: str
      sample: /home/me/.certfleet/accounts/alpha.key
    deactivated:
      description: When it was deactivated, if it was.
      type: str
      sample: null
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "register", "subject": "https://acme.example/directory", "cost": "free"}]
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: the account is registered
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._acme.account import AccountResource
from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine, spec


def main() -> None:
    engine.run(
        AccountResource,
        argument_spec=dict(
            spec.API,
            **spec.ACME,
            state=dict(type="str", choices=["present", "deactivated"], default="present"),
            account_key_type=dict(type="str", choices=["ecdsa", "rsa"], default="ecdsa", no_log=False),
            eab_path=dict(type="path"),
            contact=dict(type="list", elements="str"),
            terms_agreed=dict(type="bool", default=False),
        ),
        required_if=[("state", "present", ["contact"])],
    )


if __name__ == "__main__":
    main()
