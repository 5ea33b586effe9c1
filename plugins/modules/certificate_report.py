# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as files: a page for people, a text file for Prometheus, JUnit XML for CI."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_report
short_description: Files out of a report - a page for people, a text file for Prometheus, JUnit XML for CI
version_added: 1.0.0
description:
  - Reads the report that M(certfleet.reseller.certificate_status) wrote, and makes other files of it. All of this is done on the controller.
  - The page is one HTML file that loads nothing. It has the problems first, a timeline of the next 12 months, and a table of all certificates
    that sorts and filters.
author:
  - The certfleet.reseller contributors (@certfleet)
extends_documentation_fragment:
  - certfleet.reseller.attributes
  - certfleet.reseller.attributes.action
options:
  src:
    description:
      - The report.
    type: path
    required: true
  html_path:
    description:
      - Where to write the page.
    type: path
  prometheus_path:
    description:
      - Where to write the metrics; a name that ends in C(.prom), in the directory of the node exporter's textfile collector.
    type: path
  junit_path:
    description:
      - Where to write JUnit XML. Each error of the report is a failure in it.
    type: path
  plan_path:
    description:
      - RV(certfleet.reseller.certificate_plan#module:plan) of M(certfleet.reseller.certificate_plan) as JSON. The page draws it.
    type: path
  summary_lines:
    description: How many certificates with problems RV(summary) names.
    type: int
    default: 20
notes:
  - The files are written in each run, by one rename each, and are readable by all. The task counts as changed when something other than the
    moments of looking is new.
seealso:
  - module: certfleet.reseller.certificate_status
  - module: certfleet.reseller.certificate_plan
"""

EXAMPLES = r"""
- name: Write the page
  certfleet.reseller.certificate_report:
    src: ~/.certfleet/report/report.json
    html_path: ~/.certfleet/report/index.html
    prometheus_path: /var/lib/prometheus/node-exporter/certfleet.prom
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
files:
  description: The files.
  returned: success
  type: list
  elements: str
  sample: [/home/me/.certfleet/report/index.html]
counts:
  description: How many certificates are in which state, and how many endpoints serve what they should.
  returned: success
  type: dict
  sample: {"certificates": 200, "error": 1, "warning": 2, "ok": 197, "endpoints": 410, "served": 409}
summary:
  description: The report in a few lines, problems first.
  returned: success
  type: list
  elements: str
  sample: ["200 certificates: 0 with errors, 0 with warnings, 200 in order"]
"""

from ansible_collections.certfleet.reseller.plugins.module_utils._core import engine
from ansible_collections.certfleet.reseller.plugins.module_utils._report import spec


def main() -> None:
    engine.run_info(spec.Elsewhere, argument_spec=spec.ARGUMENTS)


if __name__ == "__main__":
    main()
