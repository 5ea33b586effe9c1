# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of hosts say about a rollout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.rollout import Seen


def seen(hostvars: Mapping[str, Any], hosts: Iterable[str], alive: Iterable[str]) -> dict[str, Seen]:
    """By host, in the order of ``hosts``; ``alive``: those that are still in the play."""
    still = set(alive)
    return {host: _seen(hostvars[host], host in still) for host in hosts}


def _seen(variables: Mapping[str, Any], alive: bool) -> Seen:
    """The names are those that the role registers and the playbook sets."""
    look, result, problem = (
        variables.get(name) for name in ("certificate_deploy_look", "certificate_deploy_result", "certfleet_problem")
    )
    return Seen(look or {}, result, problem, alive)
