# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: `make bench`, or one of them by `python -m tests.bench.bench_acme` from the checkout."""

from __future__ import annotations

import importlib

importlib.import_module(
    "tests.conftest"
)  # it makes the collection importable, and keeps what runs here on this machine
