# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulation of renewals."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_plan
short_description: Simulate how a fleet renews its certificates in the years to come
version_added: 1.0.0
description:
  - Simulates run by run how the certificates of a fleet are replaced and deployed, with the very decisions that the real runs make, with lives that
    get shorter (100 days from 2027-03-15 and 47 days from 2029-03-15 on, CA/Browser Forum ballot SC-081v3), weekly limits, freezes, outages of providers,
    and hosts that are down.
  - Says how many orders there are in a week, when it gets tightest, and what expires first and why. If something expires, changes of the
    policy are tried, and the smallest of each kind that helps is named.
  - Reads the dates of the live certificates, and sends nothing.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes.info
  - certfleet.reseller.attributes.controller
options:
  certificates:
    description:
      - The certificates, as the filter P(certfleet.reseller.fleet_plan#filter) makes them of the inventory.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of its set.
        type: str
        required: true
      issuer:
        description: A name of O(issuers).
        type: str
        required: true
      hosts:
        description: The hosts that serve it. Without any it counts as served when it is issued.
        type: list
        elements: str
      renewal:
        description: When it is replaced, in what it differs from its issuer.
        type: dict
  issuers:
    description:
      - Who issues them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      public:
        description: Whether it keeps to the lives that public CAs may issue for.
        type: bool
        default: true
      lifetime_days:
        description:
          - How long its certificates live, if that is less than is allowed, or if the CA is private. By default as long as its latest live one.
        type: int
      renewal:
        description: When its certificates are replaced, with C(weekly_limit) and C(ca_weekly_limit), as in the guide on renewals.
        type: dict
  sets_path:
    description:
      - Directory of the certificate sets, for the dates of the live certificates. What is not there is issued by the first run.
    type: path
  start:
    description:
      - When the first run is, a date or a time in ISO 8601 with a zone. By default now.
    type: str
  end:
    description:
      - When the simulation ends. By default two years after its start.
    type: str
  interval:
    description:
      - How often the playbook runs.
    type: str
    default: 1d
  outages:
    description:
      - When issuers issue nothing.
    type: list
    elements: dict
    default: []
    suboptions:
      issuer:
        description: A name of O(issuers).
        type: str
        required: true
      start:
        description: When it begins, like O(start).
        type: str
        required: true
      days:
        description: How long it lasts.
        type: float
        required: true
  hosts_down:
    description:
      - The share of the hosts that is down at any time, by chance. A certificate gets to a host when that is up.
    type: float
    default: 0.0
  hosts_down_days:
    description:
      - How many days at a time a host is down, at least.
    type: int
    default: 1
  seed:
    description:
      - Another number brings other hosts down at other times. The same number gives the same plan.
    type: int
    default: 1
  advice:
    description:
      - Whether to look for changes of the policy if something expires. That takes longer.
    type: bool
    default: true
seealso:
  - module: certfleet.reseller.certificate_request
  - plugin: certfleet.reseller.fleet_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan the next three years
  certfleet.reseller.certificate_plan:
    sets_path: ~/.certfleet/sets
    certificates: "{{ fleet.certificates }}"
    issuers: "{{ fleet.issuers }}"
    end: "2029-12-31"
    hosts_down: 0.05
    outages:
      - issuer: alpha
        start: "2029-07-01"
        days: 5
  vars:
    fleet: "{{ certfleet_certificates | certfleet.reseller.fleet_plan(certfleet_issuers, groups, certfleet_renewal | default({})) }}"
  delegate_to: localhost
  run_once: true
  register: planned

- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ planned.lines }}"
"""

RETURN = r"""
lines:
  description: The plan for a terminal, with a chart of the orders per week.
  returned: success
  type: list
  elements: str
  sample:
    - "2 certificates on 2 hosts, from 2029-04-01 to 2030-04-01: 24 orders, nothing expires"
plan:
  description: The plan as plain data, for drawings and gates. Times are ISO 8601, UTC; days are numbers.
  returned: success
  type: dict
  contains:
    version:
      description: Of this form of the data.
      type: int
      sample: 1
    start:
      description: The first run.
      type: str
      sample: "2029-04-01T06:00:00Z"
    until:
      description: The end of the simulation.
      type: str
      sample: "2030-04-01T06:00:00Z"
    interval_hours:
      description: Hours between runs.
      type: float
      sample: 24.0
    certificates:
      description: How many certificates there are.
      type: int
      sample: 2
    hosts:
      description: How many hosts there are.
      type: int
      sample: 2
    runs:
      description: How many runs there were.
      type: int
      sample: 366
    orders:
      description: How many certificates were issued.
      type: int
      sample: 24
    over_limit:
      description: How many of them were beyond a C(weekly_limit), for a hard stop overrides it.
      type: int
      sample: 0
    missing:
      description: How many certificates had no live version at the start. They are issued whatever the limits.
      type: int
      sample: 0
    expired_before:
      description: How many live versions had expired before the start. They are not among RV(plan.expired), for no policy prevents it.
      type: int
      sample: 0
    never_issued:
      description: How many of these two kinds had nothing issued for them until the end.
      type: int
      sample: 0
    weeks:
      description: The weeks, in order.
      type: list
      elements: dict
      contains:
        start:
          description: Its Monday.
          type: str
          sample: "2029-04-02"
        orders:
          description: How many certificates were issued.
          type: int
          sample: 2
        by_issuer:
          description: The same for each issuer that issued any.
          type: dict
          sample: {"alpha": 2}
        least_days_left:
          description: The least days that a certificate had left when it was replaced on a host, null if none was.
          type: float
          sample: 15.0
        waiting:
          description: How many certificates an outage or a limit held up at once, at most.
          type: int
          sample: 0
        behind:
          description: How many certificates had not got to a host at once, at most.
          type: int
          sample: 0
    busiest:
      description: The week with the most orders.
      type: dict
      sample: {"start": "2029-04-02", "orders": 2}
    tightest:
      description: The certificate that had the least days left when it was replaced, like an entry of RV(plan.expired).
      type: dict
      sample: {"name": "www.alpha.example", "days_left": 15.0}
    expired_days:
      description: How many days expired certificates were served, in all.
      type: float
      sample: 0.0
    expired_count:
      description: How many times that happened, counted on each host.
      type: int
      sample: 0
    expired:
      description: The first fifty of them.
      type: list
      elements: dict
      contains:
        name:
          description: The certificate.
          type: str
          sample: www.alpha.example
        host:
          description: The host, null for a certificate without hosts.
          type: str
          sample: web1
        at:
          description: When it was replaced there, or the end of the simulation.
          type: str
          sample: "2029-08-01T06:00:00Z"
        days_left:
          description: What it had left then; less than nothing if it had expired.
          type: float
          sample: -1.0
        not_after:
          description: The end of its life.
          type: str
          sample: "2029-07-31T06:00:00Z"
        due:
          description: From when on its replacement was due.
          type: str
          sample: "2029-07-16T06:00:00Z"
        issued:
          description: When the replacement was issued.
          type: str
          sample: "2029-08-01T06:00:00Z"
        replaced:
          description: Whether it was replaced before the simulation ended.
          type: bool
          sample: true
        causes:
          description: What held it up, in order. C(kind) is C(freeze), C(outage), C(limit) or C(host).
          type: list
          elements: dict
          sample: [{"kind": "outage", "start": "2029-07-16T06:00:00Z", "end": "2029-08-01T06:00:00Z"}]
        why:
          description: The same in words.
          type: str
          sample: "due on 2029-07-16T06:00:00Z; alpha issued nothing from 2029-07-16T06:00:00Z to 2029-08-01T06:00:00Z"
    first_expired:
      description: The first of RV(plan.expired), null if there is none.
      type: dict
      sample: null
    advice:
      description:
        - Changes that would have prevented it, each alone. C(kind) is C(earlier), C(freezes), C(limit), C(hard_stop) or C(interval), and C(words) says what to
          change.
      type: list
      elements: dict
      sample: [{"kind": "earlier", "words": "renew earlier: remaining_share 0.38 instead of 0.33"}]
    steps:
      description: When public CAs have to issue for shorter lives, within the simulation, and for how many days at most.
      type: list
      elements: dict
      sample: [{"at": "2029-03-15T00:00:00Z", "days": 47}]
    outages:
      description: The outages.
      type: list
      elements: dict
      sample: []
    freezes:
      description: The windows of each set of freezes, and how many certificates have it.
      type: list
      elements: dict
      sample: [{"certificates": 2, "windows": [{"start": "2029-04-06T16:00:00Z", "end": "2029-04-09T06:00:00Z"}]}]
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._planner import spec
from ansible_collections.certfleet.reseller.plugins.module_utils._planner.resource import PlanInfo


def main() -> None:
    engine.run_info(PlanInfo, argument_spec=spec.PLAN)


if __name__ == "__main__":
    main()
