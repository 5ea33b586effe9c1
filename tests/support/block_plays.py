# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One play of all tasks in guides and EXAMPLES that can run against the sandbox, and the reasons why others cannot.

Those that cannot run are checked like all others: their options, and the syntax of their templates.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.support import ordering, pki
from tests.support.block_checks import flat
from tests.support.blocks import Block
from tests.support.sandbox import Sandbox
from tests.support.shelter import Shelter

# By the name of the task.
TASKS_NOT_RUN = {
    "A wildcard for two services, readable for a group": "needs an SMTP server and a group; tests/fleet has both",
    "An RSA and an ECDSA certificate of one server, that switch together": "needs a server with two keys; tests/fleet has one",
    "The host proves that its server has the certificate, and the controller that clients get it": "needs a name that the controller resolves",
    "A keystore for Java": "needs Tomcat; tests/fleet/test_fleet_services.py has it",
    "The old shop is gone": "the sandbox's hosts serve what was issued; tests/fleet has hosts that stop",
    "Watch servers of others, too": "needs the network",
    "Adopt an order that was placed by hand": "needs an order of another hand; tests/integration/test_sslmarket.py places one",
    "Take back a reissue": "needs a reissue under way; tests/integration/test_sslmarket_modules.py has one",
    "Send the validation e-mail again": "needs an order that is validated by e-mail; tests/integration/test_canary.py has one",
    "An ACME account of community.crypto, bound to the customer's credential": "tests/integration/test_community_crypto.py runs it",
    "Another ACME client uses it": "shows a credential; tests/integration/test_community_crypto.py looks it up",
    "Have TXT records": "needs community.general; tests/unit/test_nsupdate.py runs the collection's own tasks",
    "Have a challenge": "what a reader has before the migration",
    "Publish it": "what a reader has before the migration",
    "Show the end of a certificate": "needs facts of the host; tests/integration/test_report.py reads them",
}
# By the text that has the play. All are calls of roles.
PLAYS_NOT_RUN = {
    "roles/acme_client/README.md": "the playbook issue is this play",
    "roles/acme_eab/README.md": "the playbook provision_eab is this play",
    "roles/certificate_deploy/README.md": "the playbook deploy has this role",
    "roles/certificate_report/README.md": "the playbook report is this play",
    "roles/eab_config/README.md": "tests/integration/test_eab_config.py runs the role",
    "roles/host_renewal/README.md": "tests/integration/test_host_renewal.py runs the role",
    "roles/sandbox/README.md": "tests/unit/sandbox/test_role.py runs the role",
    "roles/sslcom_reseller_hook/README.md": "needs a host with systemd; tests/fleet/test_fleet_hook.py",
    "roles/sslmarket_client/README.md": "the playbook issue has this role",
    "docs/docsite/rst/reseller_hook.rst": "needs a host with systemd; tests/fleet/test_fleet_hook.py",
}
# In which order the texts follow each other: what makes something first.
FIRST = (
    *("README.md", "sslcom_acme_credential", "identrust_account", "acme_account", "certificate_request", "acme_order"),
    *("acme_http_challenge", "acme_finalize", "acme_renewal_info", "certificate_deploy", "certificate_status"),
    *(
        "sslmarket_product_info",
        "sslmarket_order.py",
        "sslmarket_certificate",
        "sslmarket_order_info",
        "plugins/modules",
    ),
)
PUBLISH = {
    "name": "Publish the TXT records of the order",
    "ansible.builtin.uri": {
        "url": "{{ quickstart_sandbox.control_url }}/dns/txt",
        "method": "PUT",
        "body_format": "json",
        "body": {"name": "{{ item.record }}", "value": "{{ item.value }}"},
    },
    "loop": "{{ ordered.orders[0].dcv.records }}",
    "delegate_to": "localhost",
}


def _place(block: Block) -> int:
    return next((number for number, start in enumerate(FIRST) if start in block.source), len(FIRST))


def tasks(blocks: list[Block]) -> list[dict[str, Any]]:
    """All that run, in an order in which they can."""
    found: list[dict[str, Any]] = []
    for block in sorted(blocks, key=_place):
        if block.kind == "tasks":
            found += flat(block.value)
        elif block.kind == "playbook" and block.source not in PLAYS_NOT_RUN:
            for each in block.value:
                if "tasks" not in each:
                    raise ValueError(
                        f"{block.place}: a play without tasks is not run, and has no reason in PLAYS_NOT_RUN"
                    )
                found += flat(each["tasks"])
    return [task for task in found if task["name"] not in TASKS_NOT_RUN]


def play(blocks: list[Block], shelter: Shelter) -> list[dict[str, Any]]:
    """On web1: with the sandbox's addresses as defaults of the modules, and the variables that the examples take for granted."""
    sandbox = shelter.sandbox
    ca = {"ca_path": sandbox.ca_path}
    market = {**ca, "api_url": sandbox.sslmarket["api_url"]}
    local = {"allowed_networks": ["127.0.0.0/8"], "allowed_ports": [sandbox.revocation["port"]]}
    root = f"{sandbox.host('web1')['root']}/tls"
    defaults: dict[str, Any] = {
        "certificate_deploy": {"root": root},
        "sslcom_acme_credential": {**ca, "api_url": sandbox.sslcom["api_url"]},
        "identrust_account": {**ca, "api_url": sandbox.identrust["api_url"]},
        "ocsp_check": {**local, **market},
        "cert_decode": market,
        **dict.fromkeys(("acme_account", "acme_order", "acme_finalize", "acme_renewal_info"), ca),
        **{f"sslmarket_{name}": market for name in ("order", "certificate", "order_info", "product_info")},
    }
    steps = []
    for task in tasks(blocks):
        steps.append(_on_web1(shelter.replaced(task), sandbox))
        if task["name"] == "Order a certificate":
            steps.append(PUBLISH)
    identrust = {
        f"identrust_{name}": sandbox.identrust[name] for name in ("client_id", "client_secret", "token_url", "audience")
    }
    variables = {
        "sslcom_account_key": sandbox.sslcom["account_key"],
        "sslcom_secret_key": sandbox.sslcom["secret_key"],
        "identrust_api_key": sandbox.identrust["api_key"],
        "sslmarket_api_token": sandbox.sslmarket["api_token"],
        # what tasks of the reader's own have registered
        **dict.fromkeys(("accounts", "orders", "certificates"), {"changed": False}),
        "certificate_deploy_result": {"certificates": []},
        **identrust,
    }
    return [
        {
            "name": "Examples",
            "hosts": "web1",
            "gather_facts": False,
            "module_defaults": {f"certfleet.reseller.{name}": value for name, value in defaults.items()},
            "vars": variables,
            "tasks": steps,
            "handlers": [{"name": "Reload nginx", "ansible.builtin.command": {"argv": ["nginx", "-s", "reload"]}}],
        }
    ]


def _on_web1(task: dict[str, Any], sandbox: Sandbox) -> dict[str, Any]:
    """Endpoints of the modules are at 127.0.0.1 unless they say otherwise; the host has an address of its own. The order has a number."""
    for options in task.values():
        if isinstance(options, dict) and "order_id" in options:
            options["order_id"] = "{{ ordered.orders[0].order_id }}"
    for certificate in task.get("certfleet.reseller.certificate_deploy", {}).get("certificates", []):
        for endpoint in certificate.get("endpoints", []):
            endpoint.setdefault("address", sandbox.host("web1")["address"])
    return task


def prepare(shelter: Shelter) -> dict[str, str]:
    """Files that the examples speak of; the words for their places. The modules begin with a state directory of their own."""
    root = Path(shelter.sandbox.host("web1")["root"])
    live = shelter.home / ".certfleet" / "sets" / "www.alpha.example" / "current"
    authority, fleet = pki.authority("Intern"), shelter.work / "ssl" / "fleet" / "www.alpha.example"
    for place in (
        fleet.parent,
        shelter.work / "ssl" / "private",
        shelter.work / "pki" / "intern",
        shelter.work / "metrics",
    ):
        place.mkdir(parents=True)
    shutil.copytree(live.resolve(), fleet)
    (fleet / "current").symlink_to(".")
    shutil.copy(live / "fullchain.pem", shelter.work / "ssl" / "www.pem")
    shutil.copytree(shelter.home / ".certfleet" / "report", shelter.home / "examples" / "report")
    ordering.request(shelter.work / "ssl" / "request.csr", "www.alpha.example")
    shutil.copy(shelter.work / "ssl" / "request.key", shelter.work / "ssl" / "private" / "key.pem")
    (shelter.work / "pki" / "intern" / "a.pem").write_bytes(pki.server(["a.intern"], authority).pem)
    (shelter.work / "pki" / "intern-ca.pem").write_bytes(authority.pem)
    ordering.request(shelter.home / "tls" / "www.alpha.example.csr", "www.alpha.example")
    return {
        "~/.certfleet": "~/examples",
        "/var/www/html": f"{root}/www",
        "/etc/certfleet": f"{root}/tls",
        "/etc/ssl": str(shelter.work / "ssl"),
        "/etc/pki": str(shelter.work / "pki"),
        "/var/lib/prometheus/node-exporter": str(shelter.work / "metrics"),
        "https://acme.example/directory": shelter.sandbox.sslcom["directory_urls"]["ecc"],
        "example.com": "alpha.example",
    }
