# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two endpoints that SSL.com calls before and after it issues for a reseller's customer."""

from __future__ import annotations

__version__ = "1.0.0"
