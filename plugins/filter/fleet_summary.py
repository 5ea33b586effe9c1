# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet serves."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_summary
author: The certfleet.reseller contributors (@certfleet)
short_description: What became of the certificates of a fleet, one row for each on each host
version_added: 1.0.0
description:
  - Makes rows for reports from the results of M(certfleet.reseller.certificate_deploy).
positional: _input, results
options:
  _input:
    description: C(certfleet_certificates).
    type: list
    elements: dict
    required: true
  results:
    description: The hosts by name, each with its result of M(certfleet.reseller.certificate_deploy), such as C(certificate_deploy_result).
    type: dict
    required: true
seealso:
  - plugin: certfleet.reseller.fleet_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What this host serves
  ansible.builtin.debug:
    msg: "{{ certfleet_certificates | certfleet.reseller.fleet_summary({inventory_hostname: certificate_deploy_result}) }}"
"""

RETURN = r"""
_value:
  description: The rows. Each has C(host), C(name), C(issuer), C(serial), C(days_left) and C(proof).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._core.clock import SYSTEM
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import table
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.certificates import certificates
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def fleet_summary(value: Any, results: Any) -> list[dict[str, Any]]:
    with as_filter_error():
        return table.rows(certificates(value, None), results, SYSTEM.now())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_summary": fleet_summary}
