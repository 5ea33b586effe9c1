# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters about a rollout are told of its hosts."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  _input:
    description: The variable C(hostvars) of Ansible.
    type: dict
    required: true
  hosts:
    description: All hosts of the play, such as C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  alive:
    description: Those that could be reached so far, such as C(ansible_play_hosts).
    type: list
    elements: str
    required: true
"""
