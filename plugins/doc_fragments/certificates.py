# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that work on a list of certificate sets."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sets_path:
    description:
      - Directory on the controller that holds a certificate set for each name, in a directory of its own. The link C(current) in it points
        to the live version.
    type: path
    required: true
  certificates:
    description:
      - What is wanted. Give the same list to all modules that work on sets; each finds out for itself what there is to do.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Names the set, and never changes. Usually the first domain.
        type: str
        required: true
      domains:
        description: The DNS names of the certificate. The first one becomes its common name.
        type: list
        elements: str
        required: true
      key_type:
        description:
          - Type of the key. The default is V(ecdsa), or what the directory is fixed to (those of SSL.com end in C(-rsa) and C(-ecc)).
        type: str
        choices: [ecdsa, rsa]
      key_size:
        description:
          - Size of the key in bits. The default is V(256) for V(ecdsa) and V(2048) for V(rsa).
        type: int
      challenge:
        description: How control over the domains is proven. Wildcards need V(dns-01).
        type: str
        choices: [http-01, dns-01]
        default: http-01
      profile:
        description: The profile to order, for servers that offer several.
        type: str
      preferred_chain:
        description:
          - Common name of the issuer at the top of the chain, for servers that offer several chains. Without a match their first one is taken.
        type: str
      renewal:
        description:
          - When this certificate is replaced because of its age. Overrides, key by key, what O(renewal) says.
          - C(remaining_share), C(remaining_days), C(splay), C(freezes), C(hard_stop_share) and C(hard_stop_days), as in the guide on renewals.
        type: dict
  remaining_share:
    description:
      - A certificate is renewed when less than this share of its life is left, unless the ACME server suggests a time itself.
      - A share fits certificates of every life; a number of days that is right for 200 days is not for 47.
    type: float
    default: 0.3333
  remaining_days:
    description:
      - Days instead of O(remaining_share). Where they are more than two thirds of the whole life, the share decides.
    type: int
  renewal:
    description:
      - When certificates are replaced because of their age. Overrides O(remaining_share) and O(remaining_days).
      - C(remaining_share), C(remaining_days), C(splay), C(freezes), C(hard_stop_share) and C(hard_stop_days), as in the guide on renewals.
        C(weekly_limit) and C(ca_weekly_limit) are for M(certfleet.reseller.certificate_request).
    type: dict
requirements:
  - cryptography >= 42
"""
