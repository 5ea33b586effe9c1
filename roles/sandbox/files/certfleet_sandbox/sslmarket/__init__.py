# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSLmarket's REST API, simulated: service.py answers, market.py keeps the orders, ca.py issues, knobs.py says what can be turned."""
