# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by ``hosts`` of a certificate (pure)."""

from __future__ import annotations

import re
from typing import Iterable, Mapping

from .._core import options
from .._core.errors import UsageError

_SUBSCRIPT = re.compile(r".+\[-?[0-9]*[:-]?-?[0-9]*\]")


class Hosts:
    """Who is meant by a pattern of hosts: names, groups, wildcards, ``~regex``, joined by ``:`` or ``,``; ``&`` and ``!`` as in Ansible."""

    def __init__(self, groups: Mapping[str, Iterable[str]]) -> None:
        self._groups = {str(name): [str(host) for host in groups[name]] for name in groups}
        self._all = self._groups.get("all", [])
        self._known = set(self._all)
        self._found: dict[str, list[str]] = {}

    def of(self, pattern: str) -> list[str]:
        if pattern not in self._found:
            self._found[pattern] = self._resolve(pattern)
        return self._found[pattern]

    def _resolve(self, pattern: str) -> list[str]:
        parts = [part.strip() for part in _split(pattern) if part.strip()]
        plain = [part for part in parts if part[0] not in "&!"] or ["all"]
        chosen = dict.fromkeys(host for part in plain for host in self._part(part))
        for part in (part for part in parts if part[0] == "&"):
            others = set(self._part(part[1:]))
            chosen = {host: None for host in chosen if host in others}
        for part in (part for part in parts if part[0] == "!"):
            others = set(self._part(part[1:], must_exist=False))
            chosen = {host: None for host in chosen if host not in others}
        return list(chosen)

    def _part(self, part: str, must_exist: bool = True) -> list[str]:
        """Who is excluded need not exist; who is meant must, or a typo would leave a certificate undeployed."""
        if part in self._groups:
            return self._groups[part]
        if part in self._known or part == "localhost":
            return [part]
        if part == "*":
            return self._all
        if _SUBSCRIPT.fullmatch(part) and not part.startswith("~"):
            raise UsageError("hosts %s picks hosts by number" % options.shown(part), hint="Make a group of them.")
        expression = part[1:] if part.startswith("~") else _glob(part)
        try:
            matcher = re.compile(expression)
        except re.error:
            raise UsageError(
                "hosts %s is not a pattern of hosts" % options.shown(part), hint='Write it like "web:!web3" or "web*".'
            ) from None
        groups = [host for name, hosts in self._groups.items() if matcher.match(name) for host in hosts]
        found = groups + [host for host in self._all if matcher.match(host)]
        if must_exist and not found and not any(character in part for character in "~*?["):
            names = [*self._groups, *self._all]
            raise UsageError(
                "hosts %s is neither a host nor a group%s" % (options.shown(part), options.did_you_mean(part, names)),
                hint="Correct hosts, or add it to the inventory.",
            )
        return found


def _split(pattern: str) -> list[str]:
    """At commas, else at colons outside brackets; an address of IPv6 has no place here."""
    return pattern.split(",") if "," in pattern else re.split(r":(?![^\[]*\])", pattern)


def _glob(part: str) -> str:
    import fnmatch

    return fnmatch.translate(part)
