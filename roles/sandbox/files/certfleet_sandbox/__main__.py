# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point, for ``python -m certfleet_sandbox`` and for ``python path/to/certfleet_sandbox``."""

from __future__ import annotations

import os
import sys

if not __package__:
    # Started by its path: Python put this directory itself on the path, where our modules would look like top-level ones.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from certfleet_sandbox.cli import main

sys.exit(main())
