# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands a pair over to the services of this host: the deployment of ``certificate_deploy``, without Ansible."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from .._core import steps
from .._core.clock import SYSTEM, Clock, iso
from .._core.errors import CollectionError, StateError
from .._core.plan import Step
from .._deploy import model
from .._deploy.deployment import Deployment
from .job import Job
from .pair import Pair

VERSION = 1
# What the module fills in for options that are not given.
_DEFAULTS: dict[str, Any] = {
    "owner": None,
    "group": None,
    "key_mode": "0600",
    "mode": "0644",
    "config_test": [],
    "reload": [],
    "recover": [],
    "without_systemd": None,
    "unit": None,
    "bundles": [],
    "endpoints": [],
}


@dataclass
class Installed:
    """What became of it. `shown` is the module's result, `done` the steps that were carried out."""

    done: list[Step] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    problem: CollectionError | None = None


def install(job: Job, pair: Pair, clock: Clock = SYSTEM) -> Installed:
    """Switches, tests, reloads and proves, as far as that is needed; goes back where services do not take it."""
    result = Installed()
    resource = Deployment(clock)
    try:
        want = resource.want(_options(job, pair))
        have = resource.read(want)
        plan = resource.plan(want, have)
        if plan.changed:
            steps.carry_out(resource, plan, result.done)
            have = resource.read(want)
        result.shown = resource.show(want, have, plan)["sets"][0]
        result.problem = _known(resource.problem)
    except (CollectionError, OSError) as error:
        result.problem = _known(error)
    finally:
        resource.close()
    return result


def _known(error: Exception | None) -> CollectionError | None:
    if error is None or isinstance(error, CollectionError):
        return error
    if isinstance(error, OSError):
        return StateError("%s: %s" % (error.filename or "file operation", error.strerror or type(error).__name__))
    raise error


def _options(job: Job, pair: Pair) -> dict[str, Any]:
    given = {**_DEFAULTS, **{name: value for name, value in job.certificate.items() if value is not None}}
    given["endpoints"] = [{"server_name": None, **endpoint} for endpoint in given["endpoints"]]
    contents = _contents(job, pair, given["bundles"])
    certificate = {
        **given,
        "name": job.name,
        "domains": list(job.domains),
        "serial": pair.serial,
        "fingerprint": pair.fingerprint,
        "not_after": iso(pair.not_after),
        "names": list(pair.names),
        "digests": {name: model.sha256(content) for name, content in contents.items()},
    }
    encoded = {name: base64.b64encode(content).decode("ascii") for name, content in contents.items()}
    return {**job.deploy, "certificates": [certificate], "contents": {job.name: encoded}}


def _contents(job: Job, pair: Pair, bundles: list[str]) -> dict[str, bytes]:
    """The files of the set. The same pair makes the same bytes, in each run."""
    meta = {
        "version": VERSION,
        "name": job.name,
        "serial": pair.serial,
        "fingerprint": pair.fingerprint,
        "names": list(pair.names),
        "not_before": iso(pair.not_before),
        "not_after": iso(pair.not_after),
        "client": job.client.kind,
    }
    fullchain = b"".join(pair.chain)
    key = pair.key.rstrip() + b"\n"
    found = {
        model.KEY: key,
        "meta.json": json.dumps(meta, indent=2, sort_keys=True).encode("utf-8") + b"\n",
        "chain.pem": b"".join(pair.chain[1:]),
        "fullchain.pem": fullchain,
        "cert.pem": pair.chain[0],
    }
    if model.COMBINED in bundles:
        found[model.COMBINED] = key + fullchain
    return found
