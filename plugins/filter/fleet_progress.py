# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the hosts of a rollout."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_progress
author: The certfleet.reseller contributors (@certfleet)
short_description: What became of the hosts of a rollout
version_added: 1.0.0
description:
  - Says of each host whether it was deployed to, is unchanged, failed, was rolled back, could not be reached, or was not tried.
  - A host whose only trouble are sets that are missing or were refused on the controller has failed, but is not counted against a limit of
    failures, for that says nothing about the next host.
positional: _input, hosts
extends_documentation_fragment:
  - certfleet.reseller.rollout
options:
  planned:
    description: The hosts that the rollout was to go to, from P(certfleet.reseller.fleet_rollout#filter).
    type: list
    elements: str
    default: []
  predicted:
    description: Whether the rollout ran in check mode.
    type: bool
    default: false
seealso:
  - plugin: certfleet.reseller.fleet_rollout
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say what became of the hosts
  ansible.builtin.debug:
    msg: "{{ (hostvars | certfleet.reseller.fleet_progress(ansible_play_hosts_all, ansible_play_hosts)).lines }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(lines) for people; the first one has the numbers.
    - C(failed), the hosts that failed, each with the reason, and C(counted), those of them that count against a limit.
    - C(finished), the hosts where nothing is left to do that another run could do.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import rollout
from ansible_collections.certfleet.reseller.plugins.plugin_utils.rollout import seen


def fleet_progress(
    value: Any, hosts: list[str], alive: list[str], planned: Any = (), predicted: bool = False
) -> dict[str, Any]:
    return rollout.progress(seen(value, hosts, alive), planned, predicted)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_progress": fleet_progress}
