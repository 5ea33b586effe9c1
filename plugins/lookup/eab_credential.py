# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads credential records."""

from __future__ import annotations

DOCUMENTATION = r"""
name: eab_credential
author: The certfleet.reseller contributors (@certfleet)
short_description: Read an ACME EAB credential record
version_added: 1.0.0
description:
  - Reads credential records that M(certfleet.reseller.sslcom_acme_credential) or M(certfleet.reseller.identrust_account) wrote, for
    ACME clients of your own.
  - The HMAC key is unpadded base64url, the one form that C(lego), C(certbot), C(acme.sh), C(cert-manager) and
    C(community.crypto) all accept.
options:
  _terms:
    description: Paths of credential records on the controller.
    required: true
    type: list
    elements: path
notes:
  - The result holds a secret. Use it in tasks with C(no_log=true), and never in C(environment), which C(-vvv) prints despite it.
"""

EXAMPLES = r"""
- name: An ACME account of community.crypto, bound to the customer's credential
  community.crypto.acme_account:
    acme_directory: "{{ eab.directory_urls | first }}"
    acme_version: 2
    account_key_src: account.pem
    contact:
      - mailto:tls@alpha.example
    terms_agreed: true
    state: present
    external_account_binding:
      alg: HS256
      kid: "{{ eab.kid }}"
      key: "{{ eab.hmac_key }}"
  vars:
    eab: "{{ lookup('certfleet.reseller.eab_credential', '~/.certfleet/eab/alpha.json') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The records, one for each term.
  type: list
  elements: dict
  contains:
    provider:
      description: Who handed the credential out.
      type: str
    identity:
      description: What the provider knows the customer by.
      type: str
    kid:
      description: The key identifier.
      type: str
    hmac_key:
      description: The HMAC key, unpadded base64url. A secret.
      type: str
    directory_urls:
      description: The ACME directories that accept the credential.
      type: list
      elements: str
    created:
      description: When the record was made, ISO 8601, UTC.
      type: str
"""

import os
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.certfleet.reseller.plugins.module_utils._core import credential
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        return [_read(term) for term in terms]


def _read(term: object) -> dict[str, Any]:
    if not isinstance(term, str):
        raise AnsibleLookupError("%r is not a path" % (term,))
    path = os.path.abspath(os.path.expanduser(term))
    try:
        record = credential.load(path)
    except (CollectionError, OSError) as error:
        text = error.sentence() if isinstance(error, CollectionError) else "%s: %s" % (path, error.strerror)
        raise AnsibleLookupError(text) from None
    if record is None:
        raise AnsibleLookupError(
            "there is no credential record %s. Make it with sslcom_acme_credential or identrust_account first." % path
        )
    value = record.to_json()
    return {name: value[name] for name in ("provider", "identity", "kid", "hmac_key", "directory_urls", "created")}
