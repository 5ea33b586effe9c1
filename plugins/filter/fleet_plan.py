# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet as the planner takes it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_plan
author: The certfleet.reseller contributors (@certfleet)
short_description: Make of the inventory what the planner takes
version_added: 1.0.0
description:
  - Checks C(certfleet_certificates) and C(certfleet_issuers), and leaves what M(certfleet.reseller.certificate_plan) takes of them.
  - Certificates that hosts renew by themselves are left out.
positional: _input, issuers, groups, renewal
options:
  _input:
    description: The certificates, C(certfleet_certificates).
    type: list
    elements: dict
    required: true
  issuers:
    description: C(certfleet_issuers).
    type: dict
    required: true
  groups:
    description: The variable C(groups) of Ansible.
    type: dict
    required: true
  renewal:
    description: C(certfleet_renewal).
    type: dict
seealso:
  - module: certfleet.reseller.certificate_plan
"""

EXAMPLES = r"""
- name: What the planner is told
  ansible.builtin.debug:
    msg: "{{ certfleet_certificates | certfleet.reseller.fleet_plan(certfleet_issuers, groups, certfleet_renewal | default({})) }}"
"""

RETURN = r"""
_value:
  description: The options C(certificates) and C(issuers) of the module.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import certificates as model
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import forms, hosted
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import issuers as checked_issuers
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error


def fleet_plan(value: Any, issuers: Any, groups: Any, renewal: Any = None) -> dict[str, Any]:
    with as_filter_error():
        known = checked_issuers(issuers, {} if renewal is None else renewal)
        found, places = model.certificates(value, known), Hosts(groups)
        model.check_hosts(found, places)
        # the controller has neither a set of theirs nor a part in their orders
        found = [each for each in found if not hosted.on_hosts(known[each["issuer"]])]
        used = {each["issuer"] for each in found}
        return {
            "certificates": [forms.for_plan(each, places) for each in found],
            "issuers": [forms.issuer_for_plan(name, known[name]) for name in known if name in used],
        }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_plan": fleet_plan}
