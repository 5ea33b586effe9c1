# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What failed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_failures
author: The certfleet.reseller contributors (@certfleet)
short_description: What failed among the results of tasks, a sentence for each
version_added: 1.0.0
description:
  - Collects the messages of what failed, from tasks with C(failed_when=false) too, which do not hold up the rest of a play.
  - Meant for modules of this collection, which give C(msg) only when they fail.
options:
  _input:
    description:
      - Registered variables. Results of loops are looked into, and named by the item of the loop.
      - Or a dictionary of them, with the names of the hosts for instance.
    type: raw
    required: true
seealso:
  - plugin: certfleet.reseller.fleet_summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Report the issuers that failed
  ansible.builtin.fail:
    msg: "{{ [accounts, orders] | certfleet.reseller.fleet_failures | join(' | ') }}"
  when: "[accounts, orders] | certfleet.reseller.fleet_failures | length > 0"
"""

RETURN = r"""
_value:
  description: The sentences, each with the name of what it is about in front. One that is there twice is given once.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import failures


def fleet_failures(value: Any) -> list[str]:
    return failures.sentences(value)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_failures": fleet_failures}
