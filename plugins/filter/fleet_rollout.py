# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a rollout."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_rollout
author: The certfleet.reseller contributors (@certfleet)
short_description: Which hosts a rollout goes to, and in which order
version_added: 1.0.0
description:
  - Plans a rollout from what the role P(certfleet.reseller.certificate_deploy#role) saw on the hosts with its task file C(look).
  - Only hosts where something is to do are part of a rollout.
positional: _input, hosts
extends_documentation_fragment:
  - certfleet.reseller.rollout
options:
  groups:
    description: The variable C(groups) of Ansible.
    type: dict
    required: true
  owed:
    description: Hosts that an earlier rollout has not finished. They are part of this one even if all is in order.
    type: list
    elements: str
    default: []
  canary:
    description:
      - Hosts that come first and have to succeed, as a pattern or a list of patterns. V(false) for no canary.
      - By default, the first host where something is to do.
    type: raw
  serial:
    description: How many hosts come next at a time, as for the keyword of a play.
    type: raw
    default: 100%
seealso:
  - plugin: certfleet.reseller.fleet_progress
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan
  ansible.builtin.set_fact:
    rollout: "{{ hostvars | certfleet.reseller.fleet_rollout(ansible_play_hosts_all, ansible_play_hosts, groups, serial=[1, '20%']) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(hosts) in their order, C(canaries), the first of them, and C(serial), the sizes of the batches.
    - C(problem) says why nobody is deployed to, if that is so; then C(hosts) is empty. C(planned) are all hosts where something is to do.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import rollout
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.hosts import Hosts
from ansible_collections.certfleet.reseller.plugins.plugin_utils.errors import as_filter_error
from ansible_collections.certfleet.reseller.plugins.plugin_utils.rollout import seen


def fleet_rollout(
    value: Any,
    hosts: list[str],
    alive: list[str],
    groups: Any,
    owed: Any = (),
    canary: Any = None,
    serial: Any = "100%",
) -> dict[str, Any]:
    with as_filter_error():
        return rollout.plan(seen(value, hosts, alive), owed, canary, serial, Hosts(groups))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_rollout": fleet_rollout}
