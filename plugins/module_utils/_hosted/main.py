# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on the host: ``certfleet-host.pyz run|deploy NAME``, ``repair``, ``status``. Ends with 1 when something is not in order."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Sequence

from .._core.clock import SYSTEM, Clock
from .._core.errors import CollectionError
from . import course, job, record


def main(argv: Sequence[str] | None = None, clock: Clock = SYSTEM) -> int:
    """The exit code: 0, or 1."""
    options = _parser().parse_args(argv)
    path = os.path.abspath(options.path)
    try:
        if options.command == "status":
            return _status(path, options.name, clock)
        # the names of all jobs, not the jobs: one that is damaged does not hold up the others
        names = job.known(path) if options.command == "repair" else [options.name]
        given = {name: getattr(options, name, False) for name in ("force", "patient")}
        mode = course.Mode(issue=options.command == "run", **given)
        return max([_run(path, name, mode, clock) for name in names], default=0)
    except CollectionError as error:
        return _complain(error.sentence())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="certfleet-host", description="Renews and deploys certificates of this host.")
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    parser.add_argument("--path", default=here, help="directory of the jobs (default: that of this program)")
    words = parser.add_subparsers(dest="command", required=True, metavar="command")
    run = words.add_parser("run", help="renew a certificate if it is due, and deploy it")
    run.add_argument("--force", action="store_true", help="renew it though it is not due")
    run.add_argument("--patient", action="store_true", help="after failures of the client wait before it is run again")
    deploy = words.add_parser("deploy", help="deploy what there is, as a hook of another client")
    for each in (run, deploy):
        each.add_argument("name", help="name of the job's file, without .json")
    words.add_parser("repair", help="deploy what there is of all jobs; no client is run")
    words.add_parser("status", help="print the records as JSON").add_argument("name", nargs="?")
    return parser


def _run(path: str, name: str, mode: course.Mode, clock: Clock) -> int:
    try:
        outcome = course.run(job.load(path, name), mode, clock)
    except CollectionError as error:
        return _complain(error.sentence())
    for what, problem in outcome.problems:
        _complain("%s: %s: %s" % (name, what, problem.sentence()))
    for step in outcome.installed.done:
        sys.stdout.write("%s: %s %s\n" % (name, step.action, step.subject))
    if not outcome.problems:
        reason = outcome.decision.reason if outcome.decision else "no certificate"
        serial = outcome.pair.serial if outcome.pair else "none"
        sys.stdout.write("%s: in order, %s; renewal: %s\n" % (name, serial, reason))
    return 1 if outcome.problems else 0


def _status(path: str, name: str | None, clock: Clock) -> int:
    records = [each for each in record.load_all(path) if name in (None, each.get("name"))]
    ran = {each.get("name") for each in records}
    wanted = {each.name for each in (job.load(path, known) for known in job.known(path)) if name in (None, each.name)}
    states = [{"name": each["name"], "problem": record.state(each, clock.now())} for each in records]
    states += [{"name": each, "problem": "has not run yet"} for each in sorted(wanted - ran)]
    json.dump({"states": states, "records": records}, sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
    if name and not states:
        return _complain("there is no job %r below %s" % (name, path))
    return 1 if any(each["problem"] for each in states) else 0


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1
