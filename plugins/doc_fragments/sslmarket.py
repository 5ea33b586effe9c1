# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that talk to SSLmarket."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_url:
    description:
      - Base URL of the API. Each country's SSLmarket has its own accounts, tokens and API, for example
        V(https://www.sslmarket.cz/api).
    type: str
    default: https://www.sslmarket.co.uk/api
  api_token:
    description:
      - Token of the customer account, sent in the header C(X-Auth-Token). It is made in the settings of the account, where access by
        API is switched on.
      - The environment variable E(SSLMARKET_API_TOKEN) is used if this option is not given.
    type: str
requirements:
  - cryptography >= 42
seealso:
  - name: SSLmarket's API
    description: The requests that the module sends.
    link: https://www.sslmarket.com/ssl/sslmarket-api-for-ordering-certificates
"""
