# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox for certfleet.reseller: provider simulators, real ACME servers, a DNS server and small hosts.

It shares no code with the collection: a mistake in common would not be noticed by any test. Run it with
``python -m certfleet_sandbox``; cli.py has the commands, supervisor.py what is started.
"""

from __future__ import annotations

__version__ = "1"
