# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands in README and guides: those that tests/integration/test_guides.py runs, and the reasons why others are not run.

Each key is a regular expression for the beginning of a command.
"""

from __future__ import annotations

import re

RUN = (
    r"export ",
    r"ansible-playbook (-i inventory )?(--become )?certfleet\.reseller\.(site|report|deploy|plan|certificate_received)\b",
    r"ansible localhost -m certfleet\.reseller\.",
    r"(cd|ls|ln) ",
    r"nginx -t && systemctl reload nginx",
    r"openssl ",
    r"echo ",
    r"curl ",
    r"certfleet-hook (decisions|certificates|chain)\b",
    r"(digest=|install -D)",
)
NOT_RUN = {
    r"git clone ": "needs the network",
    r"ansible-galaxy collection install |pip install -r ~/\.ansible": "tools/stranger.py follows it, with a Galaxy of its own",
    r"make demo": "tests/integration/test_demo.py runs what it starts",
    r"semanage |restorecon ": "needs a host with SELinux",
    r"ansible-rulebook ": "needs ansible-rulebook, which needs Java; tests/integration/test_reseller_hook.py plays its part",
    r"ansible-playbook -i inventory desk\.yml": "needs a host with systemd; tests/fleet/test_fleet_hook.py runs the role on one",
    r"pip download ": "needs a package index",
    r"ansible-playbook certfleet\.reseller\.quickstart": "tools/stranger.py follows it; tests/integration/test_demo.py runs it",
    r"(ansible-galaxy collection verify|gh attestation verify|gpg) ": "needs a release, on Galaxy or GitHub",
    r"(certbot|acme\.sh) ": "other clients, which are not there",
    r"python3 /var/lib/certfleet/certfleet-host\.pyz ": "is on hosts that renew by themselves; test_hosted_program.py runs it",
    r"ansible-playbook certfleet\.reseller\.rotate_eab ": "needs lego or certbot; tests/integration/test_host_renewal.py runs it",
    r"systemctl disable --now certbot\.timer": "needs a host with systemd",
}

# Guides whose commands are run by a test of their own, because they need servers or programs of their own.
TESTS = {
    "docs/docsite/rst/secrets.rst": "tests/integration/test_secrets.py",
    "docs/docsite/rst/automation_platform.rst": "tests/unit/test_automation_platform.py",
}


def way(command: str) -> str:
    """ "run", "not run", or nothing for a command that neither table has; never both."""
    run = any(re.match(pattern, command) for pattern in RUN)
    told = any(re.match(pattern, command) for pattern in NOT_RUN)
    if run and told:
        raise ValueError(f"{command}: it is in both tables")
    return "run" if run else "not run" if told else ""
