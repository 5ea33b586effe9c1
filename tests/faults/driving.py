# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts runs of modules, and kills them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


class Driver:
    """The process that starts runs; see driver.py."""

    def __init__(self, log: Path) -> None:
        path = os.environ["ANSIBLE_COLLECTIONS_PATH"]
        environment = {**os.environ, "PYTHONPATH": path}
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("driver.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=environment,
                text=True,
            )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def run(self, plan: dict[str, Any], kill_after: float | None = None) -> int:
        """The exit code; negative for a signal."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()
        leader = int(self._line())
        if kill_after is not None:
            time.sleep(kill_after)  # drawn by the test: how far a run gets
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        return int(self._line())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout
        self._process.stdout.close()
