# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows as text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_table
author: The certfleet.reseller contributors (@certfleet)
short_description: Rows as the lines of a table
version_added: 1.0.0
description:
  - Makes an aligned table of plain text.
  - Control characters in values become spaces, and long values are cut.
positional: _input, columns
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description: Which keys to show, and in which order. All of them by default.
    type: list
    elements: str
seealso:
  - plugin: certfleet.reseller.fleet_summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What this host serves
  ansible.builtin.debug:
    msg: "{{ certfleet_certificates | certfleet.reseller.fleet_summary(results) | certfleet.reseller.fleet_table(['name', 'days_left']) }}"
  vars:
    results: "{{ {inventory_hostname: certificate_deploy_result} }}"
"""

RETURN = r"""
_value:
  description: The lines, the first one with the names of the columns.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet import table


def fleet_table(value: Any, columns: Any = None) -> list[str]:
    return table.lines(value, columns)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_table": fleet_table}
