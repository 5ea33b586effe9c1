# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything in a certificate or request, for templates."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cert_decode
author: The certfleet.reseller contributors (@certfleet)
short_description: Everything in a certificate or CSR
version_added: 1.0.0
description:
  - Decodes certificates, bundles, PKCS#7 and certificate signing requests, as M(certfleet.reseller.cert_decode) does with
    C(decoder=local).
  - What is no certificate or CSR fails with a sentence that says why.
positional: _input
options:
  _input:
    description: PEM, or the base64 of a file, such as C(content) of M(ansible.builtin.slurp).
    type: str
    required: true
  all:
    description:
      - V(false) gives the first certificate of the text, or the first CSR if there is no certificate. In a bundle as servers send it the
        first one is the server's. Anything that cannot be decoded is an error.
      - V(true) gives what the module gives, a dictionary with C(certificates), C(requests) and C(files). The only entry of C(files) has
        the chain, and what could not be decoded. It is an error if nothing could.
    type: bool
    default: false
  at:
    description:
      - The time that C(days_left), C(share_left) and C(expired) are about, in ISO 8601 with a zone. Without it, now.
    type: str
notes:
  - Needs C(cryptography) on the controller.
seealso:
  - module: certfleet.reseller.cert_decode
"""

EXAMPLES = r"""
- name: Renew in time
  ansible.builtin.debug:
    msg: Less than a third of its life is left.
  when: (lookup('ansible.builtin.file', '/etc/ssl/www.pem') | certfleet.reseller.cert_decode).share_left < 0.33

- name: The problems of a chain
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', '/etc/ssl/www.pem') | certfleet.reseller.cert_decode(all=true)).files[0].chain.problems }}"
"""

RETURN = r"""
_value:
  description: The certificate or CSR, with the keys of M(certfleet.reseller.cert_decode), or all of them.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.certfleet.reseller.plugins.module_utils._decode.text import decode_text
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def cert_decode(value: Any, all: bool = False, at: str | None = None) -> dict[str, Any]:
    with as_filter_error():
        try:
            return decode_text(value, all, at)
        except ImportError:
            raise AnsibleFilterError("cert_decode needs cryptography 42 or newer on the controller.") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cert_decode": cert_decode}
