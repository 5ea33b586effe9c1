# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``reload-host``: tells a host to read its certificate sets again, and waits for the outcome."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from certfleet_sandbox.files import locked, read_json
from certfleet_sandbox.host import Place


def reload_host(root: Path, seconds: float = 10.0) -> str | None:
    """None when the host took the sets; otherwise why it did not."""
    place = Place(root.resolve())
    if not place.outcome.parent.is_dir():
        return f"{root} is not the root of a sandbox host"
    # One at a time: the outcome that is waited for has to be the one of this signal.
    with locked(place.root / "run" / "reload.lock"):
        before = read_json(place.outcome, {"counter": 0})["counter"]
        pid = place.pid_file.pid()
        if pid is None:
            return f"the host of {root} is not running"
        os.kill(pid, signal.SIGHUP)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            outcome = read_json(place.outcome)
            if outcome["counter"] > before:
                return None if outcome["ok"] else str(outcome["reason"])
            time.sleep(0.01)
    return f"no outcome within {seconds:g} seconds"
