# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules one after the other, as a play does, in processes that can be killed at any moment.

    pytest  -  driver (imports once)  -  run (leader of a process group)  -  one process per module

A plan on standard input is one line of JSON: {"steps": [...], "control_url", "webroot", "report"}. A step is a module and its options; after
acme_order its challenges are published, and withdrawn after acme_finalize. The driver answers with the pid of the run, and with its exit
code when it has ended. Forking a process that has everything imported is what makes hundreds of kills affordable, and lets them
hit the modules' work instead of Python's start.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
import urllib.request
from pathlib import Path
from typing import Any

PACKAGE = "ansible_collections.certfleet.reseller.plugins.modules."
NAMES = (
    *("sslcom_acme_credential", "identrust_account", "acme_account", "acme_renewal_info", "certificate_request"),
    *("acme_order", "acme_http_challenge", "acme_finalize", "sslmarket_order", "sslmarket_certificate"),
)


class Failed(Exception):
    pass


def module(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Runs one module in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reader)
            os.dup2(writer, 1)
            main(name, options)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        output = stream.read()
    _pid, status = os.waitpid(child, 0)
    if status:
        raise Failed(f"{name}: {output.decode(errors='replace')}")
    found: dict[str, Any] = json.loads(output)
    return found


def main(name: str, options: dict[str, Any]) -> None:
    found = importlib.import_module(PACKAGE + name)
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # ansible-core 2.18
        from ansible.module_utils import basic

        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
        found.main()
    else:
        with patch_module_args(options):
            found.main()


def text(control_url: str, method: str, record: dict[str, Any]) -> None:
    body = json.dumps({"name": record["record"], "value": record["value"]}).encode()
    request = urllib.request.Request(
        control_url + "/dns/txt", body, {"Content-Type": "application/json"}, method=method
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()


def run(plan: dict[str, Any]) -> None:
    report: list[dict[str, Any]] = []
    published: dict[str, Any] = {"http_challenges": [], "dns_records": []}
    for name, options in plan["steps"]:
        result = module(name, options)
        report.append({"module": name, "changed": result["changed"], "reason": result.get("reason")})
        if plan.get("results"):
            report[-1]["result"] = result
        if name == "acme_order":
            published = result
        if name in ("acme_order", "acme_finalize"):
            here = name == "acme_order"
            if published["http_challenges"]:
                challenges = [
                    {"token": item["token"], "content": item["content"]} for item in published["http_challenges"]
                ]
                state = "present" if here else "absent"
                module("acme_http_challenge", {"webroot": plan["webroot"], "challenges": challenges, "state": state})
            for record in published["dns_records"]:
                text(plan["control_url"], "PUT" if here else "DELETE", record)
    Path(plan["report"]).write_text(json.dumps(report), encoding="utf-8")


def serve() -> None:
    for name in NAMES:
        importlib.import_module(PACKAGE + name)
    for name in ("acme.client", "acme.messages", "cryptography.x509", "josepy", "requests"):
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        plan = json.loads(line)
        leader = os.fork()
        if not leader:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            try:
                run(plan)
                os._exit(0)
            except Failed as error:
                Path(plan["report"]).write_text(str(error), encoding="utf-8")
            except BaseException:
                Path(plan["report"]).write_text(traceback.format_exc(), encoding="utf-8")
            finally:
                os._exit(1)
        os.setpgid(leader, leader)
        print(leader, flush=True)
        _pid, status = os.waitpid(leader, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
