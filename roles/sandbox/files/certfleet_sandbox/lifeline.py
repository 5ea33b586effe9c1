# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children end with their supervisor, however it ends: each waits for the end of a pipe that only the supervisor can write to."""

from __future__ import annotations

import os
import threading


def end_with(descriptor: int) -> None:
    """Ends this process when the writing end of the pipe is closed, which the kernel does even after a SIGKILL."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
