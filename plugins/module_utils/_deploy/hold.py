# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time below a root."""

from __future__ import annotations

import contextlib
import os

from .._core import files
from .._core.clock import SYSTEM, Clock


class Hold:
    """The root's lock, once there is a root, until the process ends."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._stack = contextlib.ExitStack()
        self.taken = False

    def take(self, root: str) -> None:
        if not self.taken and os.path.isdir(root):
            self._stack.enter_context(files.lock(root, clock=self._clock))
            self.taken = True

    def close(self) -> None:
        """Lets other runs in."""
        self._stack.close()
        self.taken = False
