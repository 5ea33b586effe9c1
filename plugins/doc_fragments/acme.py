# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that talk to an ACME server."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  directory_url:
    description:
      - URL of the ACME directory.
    type: str
    required: true
  account_key_path:
    description:
      - File with the key of the ACME account. What is known of the account lies beside it, in a file of the same name that ends in C(.json).
    type: path
    required: true
requirements:
  - acme (EFF's ACME library)
  - cryptography >= 42
"""

    WORKERS = r"""
options:
  workers:
    description:
      - How many certificates are worked on at the same time.
    type: int
    default: 10
"""
