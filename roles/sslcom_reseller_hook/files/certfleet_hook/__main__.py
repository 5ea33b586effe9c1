# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point of ``python -m certfleet_hook``."""

from __future__ import annotations

import sys

from certfleet_hook.cli import main

sys.exit(main())
