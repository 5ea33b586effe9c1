# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: one JSON line for each request to any service, for tests that ask what really happened.

`operation` is what was asked, `effect` what was done (null when the request was refused or cut off before the work),
`status` what was sent (null for a connection that was reset). Secrets appear as a prefix of their SHA-256 only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

COLUMNS = ("at", "service", "method", "path", "status", "fault", "effect")


def fingerprint(secret: str) -> str:
    """Enough to tell two secrets apart, too little to use one."""
    return "sha256:" + hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:12]


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, **entry: Any) -> None:
        entry = {"at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), **entry}
        line = (json.dumps(entry, ensure_ascii=True) + "\n").encode()
        # Several processes write here. O_APPEND places the line, the lock keeps a long one in one piece.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            while line:
                line = line[os.write(descriptor, line) :]
        finally:
            os.close(descriptor)

    def entries(self) -> list[dict[str, Any]]:
        try:
            lines = self.path.read_text(encoding="ascii").split("\n")
        except FileNotFoundError:
            return []
        # What follows the last newline is a line that is just being written.
        return [json.loads(line) for line in lines[:-1]]


def table(entries: list[dict[str, Any]]) -> str:
    """The ledger for reading."""
    rows = [COLUMNS] + [
        tuple("-" if entry.get(column) is None else str(entry[column]) for column in COLUMNS) for entry in entries
    ]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def closing(entries: list[dict[str, Any]]) -> list[str]:
    """What was paid for, in a line; none when nothing was."""
    paid = [entry for entry in entries if entry["effect"] == "order_booked"]
    if not paid:
        return []
    spent = sum(round(entry["price"] * 100) for entry in paid) / 100
    return [f"sslmarket: {len(paid)} orders paid, {spent:.2f} {paid[0]['currency']} spent"]
