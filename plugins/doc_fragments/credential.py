# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that keep an EAB credential record."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  path:
    description:
      - The credential record, a JSON file with mode V(0600). Where it is in place, no request is sent.
      - The directory is made if it is missing.
      - A record that belongs to another provider, customer or API is refused, never overwritten.
    type: path
    required: true
  return_hmac:
    description:
      - Whether to return the HMAC key, too. Set C(no_log=true) on the task then.
      - Usually the record, or the lookup plugin P(certfleet.reseller.eab_credential#lookup), serves better.
    type: bool
    default: false
notes:
  - The record holds a secret. Keep it out of version control, or encrypt it.
"""
