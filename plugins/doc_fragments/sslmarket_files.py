# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module that fetches certificates from SSLmarket has beside the options of ``sslmarket_items``, which come after these.

Fragments are merged option by option, and the first one wins: here ``certificates`` has more suboptions.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  certificates:
    description:
      - Several certificates instead of one. What they have in common can be given beside the list.
      - The whole list costs one look at the account's orders.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Names the certificate in results, and the set with O(sets_path). The default is the domain.
        type: str
      product_code:
        description:
          - What to buy, as in the list of M(certfleet.reseller.sslmarket_product_info).
        type: str
      domain:
        description:
          - The first name of the certificate. With a CSR it can be left out; then the names of the CSR are meant.
        type: str
      dns_names:
        description: Further names.
        type: list
        elements: str
      years:
        description:
          - For how many years to pay. A certificate lives at most 199 days today, whatever was paid for; within the years it is reissued.
          - The default is V(1).
        type: int
      csr:
        description:
          - The certificate signing request (PKCS #10, PEM). Its names must be the names of the order, all of them and no others.
          - Its key is what an order is recognised by after a crash. Make a new key for each order.
        type: str
      csr_path:
        description: File with the CSR.
        type: path
      order_id:
        description:
          - The order of this certificate. It is adopted, whoever placed it, and nothing is bought as long as it is given.
        type: int
      key_type:
        description: Type of the key of a set. The default is V(ecdsa).
        type: str
        choices: [ecdsa, rsa]
      key_size:
        description:
          - Size of the key of a set, in bits. The default is V(256) for V(ecdsa) and V(2048) for V(rsa).
        type: int
      dv_auth_method:
        description:
          - How control of the domains is proven. The default is V(DNS), which can be automated and covers wildcards. The API's own default is
            V(Email).
          - CAs must not accept e-mail to constructed addresses such as C(hostmaster@) from 2028-03-15 on (CA/Browser Forum, ballot SC-090).
        type: str
        choices: [DNS, FILE, Email]
      voucher:
        description: Code of a discount.
        type: str
      owner:
        description:
          - Who owns the domain. A dictionary with C(name), C(street), C(city), C(zip), C(country) and C(tel).
          - Countries are two letters (ISO 3166-1), telephone numbers are written like V(+44.123456789).
        type: dict
      auth:
        description:
          - Who may sign for the owner. C(title), C(firstname), C(lastname), C(tel) and C(email).
        type: dict
      tech:
        description:
          - Whom to ask about technical matters. C(title), C(firstname), C(lastname), C(email) and C(tel).
        type: dict
      invoice:
        description:
          - Who pays. C(name), C(street), C(city), C(zip), C(country) and C(email); C(ic) and C(dic) if there are such numbers.
          - SSLmarket does not give them back, so they cannot be compared. They are sent with the order, and with each change of it.
        type: dict
      renewal:
        description:
          - When this certificate is replaced because of its age. Overrides, key by key, what O(renewal) says.
          - C(remaining_share), C(remaining_days), C(splay), C(freezes), C(hard_stop_share) and C(hard_stop_days), as in the guide on renewals.
        type: dict
      path: &path
        description: File for the certificate alone (PEM).
        type: path
      fullchain_path: &fullchain_path
        description: File for the certificate with its intermediate certificates (PEM).
        type: path
      p7b_path: &p7b_path
        description: File for the certificate with its whole chain, the root included (PKCS #7, PEM).
        type: path
      serial_number: &serial_number
        description:
          - Serial number of the certificate to revoke, in hex. It must be the one that the order has. Needed with O(state=revoked).
        type: str
  path: *path
  fullchain_path: *fullchain_path
  p7b_path: *p7b_path
  serial_number: *serial_number
"""
