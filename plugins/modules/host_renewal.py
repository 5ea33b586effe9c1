# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provisions hosts that renew by themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_renewal
short_description: Provisions a host that renews its certificates by itself
version_added: 1.0.0
description:
  - Puts onto a host what it needs to renew its certificates without the controller. That is a program, a job for each certificate,
    the ACME accounts in the form of the clients lego and certbot, and timers.
  - The accounts were registered before, by M(certfleet.reseller.acme_account) on the controller. So no HMAC key of an external account
    binding ever gets to a host.
  - The program is one file that needs the standard library of Python 3.8 alone. It runs the client when a certificate is due, and deploys what
    the client was issued in the way of M(certfleet.reseller.certificate_deploy).
  - Jobs and timers of certificates that are not in O(jobs) any more are removed, and so is what DNS providers wanted for them. What a client
    has stored for them stays.
  - The module enables no timer and issues nothing; the role C(host_renewal) does.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action
  - certfleet.reseller.attributes.host
options:
  path:
    description:
      - Directory on the host for the program, the jobs, the accounts and the status records, like C(/var/lib/certfleet).
    type: path
    required: true
  jobs:
    description:
      - The certificates that the host renews, as the filter P(certfleet.reseller.fleet_jobs#filter) makes them of the inventory.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the certificate set.
        type: str
        required: true
      file_name:
        description:
          - Name of its files.
        type: str
        required: true
      issuer:
        description:
          - Name of its issuer.
        type: str
        required: true
      client:
        description:
          - The client of the issuer.
        type: str
      account:
        description:
          - Whose account it is, V(host) or V(shared).
        type: str
      interval:
        description:
          - How often the host looks after it.
        type: str
        default: 12h
      account_key_path:
        description:
          - The key of the ACME account, a file on the controller. Clients other than V(external) need it.
        type: path
      ca_path:
        description:
          - A file on the controller with the root certificates for the ACME server, where it is a private one.
        type: path
      job:
        description:
          - What the program on the host is told.
        type: dict
        required: true
  dns_settings:
    description:
      - For each issuer what its DNS provider wants, by name. Each value becomes a file with the mode C(0600).
    type: dict
  python:
    description:
      - The Python that runs the program, 3.8 or newer.
    type: path
    default: /usr/bin/python3
  timers:
    description:
      - Who starts the program.
    type: str
    choices: [systemd, cron]
    default: systemd
  unit_path:
    description:
      - Directory of the unit files.
    type: path
    default: /etc/systemd/system
  cron_path:
    description:
      - Directory of cron's files. Without it there is no cron, and the module fails.
    type: path
    default: /etc/cron.d
  files:
    description:
      - Filled in by the action plugin. The files by path, each with its mode and its content in Base64.
    type: dict
notes:
  - Without pipelining Ansible keeps the module with its arguments, account keys among them, in its temporary directory on the host
    while the module runs. Only the user that runs the module can read it. Set C(ansible_pipelining=true) to avoid the file.
seealso:
  - module: certfleet.reseller.acme_account
  - module: certfleet.reseller.certificate_deploy
"""

EXAMPLES = r"""
- name: The host can renew by itself
  certfleet.reseller.host_renewal:
    path: /var/lib/certfleet
    jobs: "{{ certfleet_certificates | certfleet.reseller.fleet_jobs(certfleet_issuers, host=inventory_hostname, groups=groups) }}"
  register: renewal
"""

RETURN = r"""
timers:
  description: The timers that are to be enabled.
  returned: success
  type: list
  elements: str
  sample:
    - certfleet-renew@www.example.com.timer
pending:
  description: The names of the jobs whose certificate is not in order yet, or whose last run failed.
  returned: success
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(write) or V(remove).
      type: str
      sample: write
    subject:
      description: The file.
      type: str
      sample: /var/lib/certfleet/jobs/www.example.com.json
    cost:
      description: Always V(free).
      type: str
      sample: free
reason:
  description: Why something, or nothing, was to do.
  returned: success
  type: str
  sample: every file is in place
error:
  description: What failed.
  returned: failure
  type: dict
  sample:
    kind: usage
    status: null
    code: null
    detail: null
    hint: null
"""

from ..module_utils._core import engine
from ..module_utils._hosted.putting import HostFiles
from ..module_utils._hosted.spec import ARGUMENTS


def main() -> None:
    engine.run(HostFiles, argument_spec=ARGUMENTS)


if __name__ == "__main__":
    main()
