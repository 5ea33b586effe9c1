# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""These tests need a Chromium, which is large: `make page` runs them, `make test` has what needs none."""

from __future__ import annotations

import os

import pytest

from tests.support import browser


def pytest_runtest_setup() -> None:
    if browser.program() is None:
        reason = "no Chromium is installed (chromium-headless-shell)"
        if os.environ.get("CERTFLEET_NO_SKIP") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
