# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names the DNS server knows."""

from __future__ import annotations

import threading
from typing import Any


def normal(name: str) -> str:
    return name.lower().rstrip(".")


class Names:
    """A and TXT records. Every name has an address: the one given for it, for a wildcard above it, or the default."""

    def __init__(self, addresses: dict[str, str], default_address: str) -> None:
        self._lock = threading.Lock()
        self._default = default_address
        self._addresses: dict[str, list[str]] = {normal(name): [address] for name, address in addresses.items()}
        self._texts: dict[str, list[str]] = {}

    def addresses(self, name: str) -> list[str]:
        name = normal(name)
        parents = name.split(".")
        with self._lock:
            for candidate in [name, *("*." + ".".join(parents[index:]) for index in range(1, len(parents)))]:
                if candidate in self._addresses:
                    return list(self._addresses[candidate])
        return [self._default]

    def texts(self, name: str) -> list[str]:
        with self._lock:
            return list(self._texts.get(normal(name), []))

    def set_addresses(self, name: str, addresses: list[str]) -> None:
        with self._lock:
            self._addresses[normal(name)] = list(addresses)

    def add_text(self, name: str, value: str) -> None:
        with self._lock:
            values = self._texts.setdefault(normal(name), [])
            if value not in values:
                values.append(value)

    def remove_text(self, name: str, value: str | None) -> None:
        """One value of the name, or all of them."""
        with self._lock:
            left = [] if value is None else [found for found in self._texts.get(normal(name), []) if found != value]
            self._texts.pop(normal(name), None)
            if left:
                self._texts[normal(name)] = left

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {"a": dict(self._addresses), "txt": dict(self._texts), "default_address": self._default}
