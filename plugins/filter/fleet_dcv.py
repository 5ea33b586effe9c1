# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be published for the validation of domains."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_dcv
author: The certfleet.reseller contributors (@certfleet)
short_description: What is to be published, where, for a CA to validate the domains of a fleet
version_added: 1.0.0
description:
  - Takes what SSLmarket's orders want to see published to the hosts of their certificates, and says what of it is no longer needed.
  - A file on a host has one content. Of certificates that need different ones at the same time the first has it, and the others are
    refused.
positional: _input, certificates
options:
  _input:
    description:
      - Registered results of M(certfleet.reseller.sslmarket_order) and M(certfleet.reseller.sslmarket_certificate), of loops, too. What
        a later one says of a certificate counts.
    type: list
    elements: dict
    required: true
  certificates:
    description: C(certfleet_certificates).
    type: list
    elements: dict
    required: true
  groups:
    description: The variable C(groups) of Ansible.
    type: dict
    required: true
  before:
    description: RV(_value.published) of the time before.
    type: list
    elements: dict
    default: []
seealso:
  - module: certfleet.reseller.validation_file
"""

EXAMPLES = r"""
- name: TXT records to publish
  ansible.builtin.debug:
    msg: "{{ ([orders, certificates] | certfleet.reseller.fleet_dcv(certfleet_certificates, groups=groups)).records }}"
"""

RETURN = r"""
_value:
  description: What is to be done.
  type: dict
  contains:
    records:
      description: TXT records to publish, each with C(name) of the certificate, C(domain), C(record), C(type) and C(value).
      type: list
      elements: dict
    files:
      description: Files to publish by host, as M(certfleet.reseller.validation_file) takes them.
      type: dict
    refused:
      description: Sentences by certificate, for those whose files have no room.
      type: dict
    over:
      description: C(records) and C(files) that were published before and are not needed any more.
      type: dict
    published:
      description: What has to be remembered until it is over.
      type: list
      elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import dcv
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.certificates import certificates as checked
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def fleet_dcv(value: Any, certificates: Any, groups: Any, before: Any = None) -> dict[str, Any]:
    with as_filter_error():
        return dcv.publications(value, checked(certificates, None), Hosts(groups), before)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_dcv": fleet_dcv}
