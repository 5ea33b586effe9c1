# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark measured beside what it is to reach, as a table. A figure that misses its target makes the run fail."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple


class Target(NamedTuple):
    """``sign`` is ``>=`` or ``<=``, how ``measured`` is to be to ``bound``; both are in ``unit``."""

    name: str
    measured: float
    sign: str
    bound: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.measured >= self.bound if self.sign == ">=" else self.measured <= self.bound


def show(targets: list[Target]) -> None:
    """Prints them, and ends the process with 1 if one of them is not reached. Where the machine has more to do than it can, plays
    take longer and what only waits does not: the load tells whether the figures mean anything.
    """
    print(f"  {'target':<58} {'measured':>10} {'wanted':>13}")
    for each in targets:
        measured, wanted = f"{each.measured:.2f} {each.unit}", f"{each.sign} {each.bound:g} {each.unit}"
        print(f"  {each.name:<58} {measured:>10} {wanted:>13}   {'ok' if each.reached else 'FAILED'}")
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if not all(each.reached for each in targets):
        sys.exit(1)
