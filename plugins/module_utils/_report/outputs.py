# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a report goes into, and whether they say something new."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, NamedTuple

from .._core import files
from .._core.errors import StateError
from . import junit, prometheus

LIMIT = 256 * 1024 * 1024
RENDERERS: dict[str, Callable[[Mapping[str, Any]], bytes]] = {
    "prometheus_path": prometheus.render,
    "junit_path": junit.render,
}


class Output(NamedTuple):
    """``changed``: the file is new, or was of another state of the fleet. Moments of looking do not count."""

    path: str
    content: bytes
    changed: bool


def output(path: str, content: bytes, digest: str) -> Output:
    """Each of our files has the report's digest in it; the page has the plan's, too."""
    try:
        before = files.read(path, LIMIT)
    except StateError:
        # writing it will say what is wrong with it
        before = None
    return Output(path, content, before is None or digest.encode("ascii") not in before)


def write(found: Output) -> None:
    """By one rename: whoever collects the file never sees half of it."""
    files.make_directory(os.path.dirname(os.path.abspath(found.path)), 0o755)
    files.write(found.path, found.content, files.PUBLIC)
