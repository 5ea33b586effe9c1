# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON lines on standard error, for journald. Only what is given as ``facts`` is told; no path, no header, no body."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from pathlib import Path

from certfleet_hook import clock

encode = json.JSONEncoder(ensure_ascii=True).encode
logger = logging.getLogger("certfleet_hook")


def started(level: str, message: str) -> dict[str, object]:
    return {"at": clock.text(clock.now()), "level": level, "message": message}


def tell(message: str, **facts: object) -> None:
    """The line that ``logger.info`` would write, at a third of its cost: there is one for each answer."""
    if logger.isEnabledFor(logging.INFO):
        sys.stderr.write(encode(started("info", message) | facts) + "\n")


class Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = started(record.levelname.lower(), record.getMessage()) | getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0]:
            # the places, not the values: a message may quote what was sent
            frames = traceback.extract_tb(record.exc_info[2])[-4:]
            line["error"] = record.exc_info[0].__name__
            line["where"] = [f"{Path(each.filename).name}:{each.lineno}" for each in frames]
        return encode(line)


def set_up(level: str) -> None:
    # what no line tells is not looked up for each of them
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    # it speaks of each connection that sends something else than HTTP
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
