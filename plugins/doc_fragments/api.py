# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of all modules that talk to a server."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  timeout:
    description:
      - Total time for one request, in seconds, from the start of the connection to the last byte of the answer. At least 1.
    type: int
    default: 30
  ca_path:
    description:
      - File with CA certificates (PEM) to trust instead of the usual ones, for servers with a private CA.
      - Without it the environment variable E(REQUESTS_CA_BUNDLE) and then the bundle of the C(certifi) library decide.
    type: path
requirements:
  - requests
notes:
  - Only C(https) is used; C(http) to loopback addresses alone. Redirects are not followed, and C(.netrc) is not read.
  - Proxies come from the environment (E(HTTPS_PROXY), E(NO_PROXY)); loopback addresses are never reached through one.
"""
