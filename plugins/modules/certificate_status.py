# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What expires when, and whether what was issued is what is served."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_status
short_description: What expires when, and whether what was issued is what is served
version_added: 1.0.0
description:
  - On the controller (O(sets_path)) makes one record for each certificate set, out of the set itself, the journal of orders, handshakes with its
    endpoints, and what hosts said (O(observed)); and one for each server that is only watched (O(endpoints)).
  - On a host (O(root)) lists the sets that are deployed there, and shakes hands with its endpoints. This needs nothing but Python.
  - All handshakes run side by side, within one total time. A server that does not answer holds up nobody else.
  - Private keys are not read.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
options:
  sets_path:
    description:
      - Directory of the certificate sets on the controller.
    type: path
  certificates:
    description:
      - The certificates that there shall be, as the filter P(certfleet.reseller.fleet_certificates#filter) gives them with C(form=status).
      - Without it all sets in O(sets_path) are looked at.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the set.
        type: str
        required: true
      domains:
        description: The names that it shall have.
        type: list
        elements: str
      issuer:
        description: A key of C(certfleet_issuers). The journal of the issuer says until when reissues are paid for.
        type: str
      provider:
        description: The kind of the issuer.
        type: str
      client:
        description:
          - What the hosts renew it with, by themselves. There is no set on the controller then. Each host has a certificate of its own and gets a
            record of its own, if it said RV(renewals).
        type: str
      hosts:
        description: The hosts that shall have it. One that is missing in O(observed) does not have it.
        type: list
        elements: str
      renewal:
        description: When it is renewed, what differs from O(renewal).
        type: dict
      endpoints:
        description: Where it must be served, seen from where the module runs.
        type: list
        elements: dict
        default: []
        suboptions:
          address: &address
            description: Name or address of the server.
            type: str
            required: true
          port: &port
            description: Its port.
            type: int
            required: true
          server_name:
            description: The name to ask for (SNI); the first of O(certificates[].domains) if it is left out.
            type: str
          starttls: &starttls
            description: The protocol that is spoken before TLS. Without it the server speaks TLS at once.
            type: str
            choices: [smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp]
          host: &host
            description: The host that it belongs to, for people.
            type: str
  root:
    description:
      - Directory below which certificate sets are deployed on this host.
    type: path
  renewals_path:
    description:
      - Directory of what this host has noted of the certificates that it renews by itself, O(certfleet.reseller.host_renewal#module:path).
    type: path
  endpoints:
    description:
      - More servers to shake hands with. They are part of the report if there is O(sets_path).
    type: list
    elements: dict
    default: []
    suboptions:
      address: *address
      port: *port
      server_name:
        description: The name to ask for (SNI); O(endpoints[].address) if that is a name.
        type: str
      starttls: *starttls
      host: *host
      name:
        description: The set that must be served there. Without it the server is only watched, whatever its certificate is.
        type: str
  observed:
    description:
      - What hosts said, by their names. Results of this module with O(root), or of M(certfleet.reseller.certificate_deploy).
    type: dict
    default: {}
  revocation:
    description:
      - The RV(certfleet.reseller.ocsp_check#module:certificates) of M(certfleet.reseller.ocsp_check).
    type: list
    elements: dict
    default: []
  renewal:
    description:
      - When certificates are renewed, C(certfleet_renewal) of the inventory.
    type: dict
    default: {}
  journal_path:
    description:
      - The directory with the journals of orders, one for each issuer. It tells paid terms.
    type: path
  path:
    description:
      - Where to write the report, as JSON. The file is readable by all, its directory is made if it is missing.
      - It is written in each run, and RV(ignore:changed) says whether something in it changed but the moments of looking.
    type: path
  title:
    description: Title of the report.
    type: str
    default: Certificates
  records:
    description: Which records to return. Of thousands of certificates the report has enough with those that have problems.
    type: str
    choices: [all, problems, none]
    default: all
  summary_lines:
    description: How many certificates with problems RV(summary) names.
    type: int
    default: 20
  warn_days:
    description: A certificate with fewer days left gets a warning. Its renewal should have happened long before.
    type: int
    default: 14
  fail_days:
    description: A certificate with fewer days left counts as an error.
    type: int
    default: 7
  timeout:
    description: Total time for all handshakes, in seconds. Servers that were not asked by then are reported as such.
    type: float
    default: 120
  endpoint_timeout:
    description: How long to wait for one server, in seconds.
    type: float
    default: 5
  workers:
    description: With how many servers to speak at the same time.
    type: int
    default: 64
requirements:
  - On the controller Python 3.11 or newer, on hosts Python 3.8 or newer with nothing but its standard library
notes:
  - Handshakes trust nobody; a certificate is compared with the one that was issued. Of servers that are only watched the names and dates are
    judged, not who issued it.
seealso:
  - module: certfleet.reseller.certificate_report
  - module: certfleet.reseller.certificate_deploy
  - module: certfleet.reseller.ocsp_check
"""

EXAMPLES = r"""
- name: Look at all sets of the controller
  certfleet.reseller.certificate_status:
    sets_path: ~/.certfleet/sets
  delegate_to: localhost
  run_once: true
  register: status

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ status.summary }}"

- name: Watch servers of others, too
  certfleet.reseller.certificate_status:
    sets_path: ~/.certfleet/sets
    endpoints:
      - {address: mail.example.com, port: 25, starttls: smtp}
      - {address: db1.example.com, port: 5432, starttls: postgres}
    path: ~/.certfleet/report/report.json
    records: problems

- name: What is deployed on this host
  certfleet.reseller.certificate_status:
    root: /etc/certfleet
  register: deployed
"""

RETURN = r"""
looked_at:
  description: When the look began, ISO 8601, UTC.
  returned: success
  type: str
  sample: "2026-11-22T08:00:00Z"
sets:
  description: The sets on this host, in the words of M(certfleet.reseller.certificate_deploy).
  returned: with O(root), and without O(sets_path)
  type: list
  elements: dict
  sample: [{"name": "www.alpha.example", "serial": "4a1f03c2", "not_after": "2027-02-20T10:00:00Z", "endpoints": []}]
facts:
  description: The same without what changes from look to look, to be kept as C(ansible_local) facts.
  returned: with O(root), and without O(sets_path)
  type: dict
  sample: {"version": 1, "certificates": {"www.alpha.example": {"serial": "4a1f03c2", "not_after": "2027-02-20T10:00:00Z"}}}
renewals:
  description: What the host has noted of the certificates that it renews by itself.
  returned: with O(renewals_path)
  type: list
  elements: dict
  sample: [{"file_name": "www.alpha.example", "client": "lego", "ok": true, "ran_at": "2026-11-22T08:00:00Z", "errors": []}]
counts:
  description: How many certificates are in which state, and how many endpoints serve what they should.
  returned: with O(sets_path)
  type: dict
  sample: {"certificates": 200, "error": 1, "warning": 2, "ok": 197, "endpoints": 410, "served": 409}
summary:
  description: The report in a few lines, problems first.
  returned: with O(sets_path)
  type: list
  elements: str
  sample: ["ERROR    www.alpha.example [alpha]: web1, 192.0.2.1:443 serves 3b2e, not 4a1f03c2"]
certificates:
  description: The records; the report's schema says what is in them.
  returned: with O(sets_path)
  type: list
  elements: dict
  sample: []
report:
  description: The file of the report.
  returned: with O(sets_path)
  type: str
  sample: /home/me/.certfleet/report/report.json
steps:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{"action": "write", "subject": "/home/me/.certfleet/report/report.json", "cost": "free"}]
reason:
  description: Why the report counts as changed, or not.
  returned: success
  type: str
  sample: nothing changed since the last report
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._status import spec
from ansible_collections.certfleet.reseller.plugins.module_utils._status.resource import Status


def main() -> None:
    engine.run(
        Status,
        argument_spec=dict(
            sets_path=dict(type="path"),
            certificates=dict(type="list", elements="dict", options=spec.CERTIFICATE),
            root=dict(type="path"),
            renewals_path=dict(type="path"),
            endpoints=dict(type="list", elements="dict", default=[], options=spec.WATCHED),
            observed=dict(type="dict", default={}),
            revocation=dict(type="list", elements="dict", default=[]),
            renewal=dict(type="dict", default={}),
            journal_path=dict(type="path"),
            path=dict(type="path"),
            title=dict(type="str", default="Certificates"),
            records=dict(type="str", choices=["all", "problems", "none"], default="all"),
            summary_lines=dict(type="int", default=20),
            warn_days=dict(type="int", default=14),
            fail_days=dict(type="int", default=7),
            timeout=dict(type="float", default=120),
            endpoint_timeout=dict(type="float", default=5),
            workers=dict(type="int", default=64),
        ),
    )


if __name__ == "__main__":
    main()
