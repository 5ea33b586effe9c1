# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuers of a fleet, checked."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_issuers
author: The certfleet.reseller contributors (@certfleet)
short_description: Check and normalise the issuers of a fleet
version_added: 1.0.0
description:
  - Checks C(certfleet_issuers), the description of the issuers in the inventory, and fills in defaults.
  - A wrong entry fails with a sentence that names it.
  - Secrets are not part of the result, and are not looked at.
positional: _input, renewal
options:
  _input:
    description: The issuers by name.
    type: dict
    required: true
  renewal:
    description:
      - C(certfleet_renewal). With it each issuer has all that holds for its renewals in C(renewal).
    type: dict
seealso:
  - plugin: certfleet.reseller.fleet_certificates
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The directories in use
  ansible.builtin.debug:
    msg: "{{ issuers.values() | selectattr('directory_url', 'defined') | map(attribute='directory_url') | unique }}"
  vars:
    issuers: "{{ certfleet_issuers | certfleet.reseller.fleet_issuers }}"
"""

RETURN = r"""
_value:
  description: The issuers by name. Options that are not given and have no default are left out.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import issuers
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def fleet_issuers(value: Any, renewal: Any = None) -> dict[str, dict[str, Any]]:
    with as_filter_error():
        return issuers(value, renewal)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_issuers": fleet_issuers}
