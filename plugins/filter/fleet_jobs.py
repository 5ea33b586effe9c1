# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that a host renews by itself."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_jobs
author: The certfleet.reseller contributors (@certfleet)
short_description: Certificates that a host renews by itself
version_added: 1.0.0
description:
  - Picks the certificates of a host whose issuers have a C(client), and makes the jobs of M(certfleet.reseller.host_renewal) of them.
  - A wrong entry fails with a sentence that names it.
positional: _input, issuers
options:
  _input:
    description: C(certfleet_certificates).
    type: list
    elements: dict
    required: true
  issuers:
    description: C(certfleet_issuers).
    type: dict
    required: true
  host:
    description: Name of the host.
    type: str
    required: true
  groups:
    description: The variable C(groups) of Ansible.
    type: dict
    required: true
  renewal:
    description: C(certfleet_renewal).
    type: dict
  services:
    description: The services by name, with their commands.
    type: dict
    default: {}
  settings:
    description:
      - What holds for all jobs of the host, C(root), C(webroot), C(keep), C(proof_timeout), C(directory_mode), C(address) and C(on_failure).
      - By default as in the role C(host_renewal).
    type: dict
    default: {}
  accounts:
    description: For each issuer the path of its account key on the controller.
    type: dict
    default: {}
seealso:
  - plugin: certfleet.reseller.fleet_certificates
    plugin_type: filter
  - module: certfleet.reseller.host_renewal
"""

EXAMPLES = r"""
- name: What this host renews by itself
  ansible.builtin.debug:
    msg: "{{ certfleet_certificates | certfleet.reseller.fleet_jobs(certfleet_issuers, host=inventory_hostname, groups=groups) }}"
"""

RETURN = r"""
_value:
  description: The jobs. C(account) and C(client) say what account each of them needs.
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import hosted
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def fleet_jobs(
    value: Any,
    issuers: Any,
    host: str,
    groups: Any,
    renewal: Any = None,
    services: Any = None,
    settings: Any = None,
    accounts: Any = None,
) -> list[dict[str, Any]]:
    with as_filter_error():
        return hosted.jobs(value, issuers, host, groups, renewal, services, settings, accounts)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_jobs": fleet_jobs}
