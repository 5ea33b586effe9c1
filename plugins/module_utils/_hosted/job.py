# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate that this host renews by itself: what ``jobs/<file name>.json`` says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Mapping

from .._core import files, names
from .._core.errors import StateError, UsageError
from .._deploy.model import Command

VERSION = 1
LEGO, CERTBOT, EXTERNAL = "lego", "certbot", "external"
JOBS, CLIENTS, STATUS, SECRETS = "jobs", "clients", "status", "secrets"


@dataclass(frozen=True)
class Client:
    """The ACME client that renews. ``program`` is the command with which it starts; ``kind`` ``external``: somebody else runs one.

    ``webroot``, ``listen`` (address and port) or ``dns`` (the name of a provider) is how it proves names. ``variables`` are names of variables
    and values that are no secrets: paths of files with those. ``account`` tells one ACME account from another.
    """

    kind: str
    program: Command = ()
    server: str = ""
    email: str = ""
    key_type: str = "ecdsa"
    key_size: int = 256
    webroot: str | None = None
    listen: str | None = None
    dns: str | None = None
    profile: str | None = None
    preferred_chain: str | None = None
    ca_path: str | None = None
    timeout: float = 900.0
    arguments: Command = ()
    variables: tuple[tuple[str, str], ...] = ()
    account: str = ""


@dataclass(frozen=True)
class Job:
    """``adopt`` are pairs of paths, chain and key, of lineages that others have written. ``deploy`` are options of ``certificate_deploy``,
    ``certificate`` those of its list's only entry. ``path`` is the directory of all jobs and what belongs to them.
    """

    path: str
    name: str
    host: str
    domains: tuple[str, ...]
    client: Client
    renewal: Mapping[str, Any]
    certificate: Mapping[str, Any]
    deploy: Mapping[str, Any]
    adopt: tuple[tuple[str, str], ...] = ()
    on_failure: tuple[Command, ...] = ()

    @property
    def file_name(self) -> str:
        return names.file_name(self.name)

    @property
    def client_path(self) -> str:
        """Where the client keeps its account and what it is issued."""
        return os.path.join(self.path, CLIENTS, self.file_name)

    @property
    def status_path(self) -> str:
        return os.path.join(self.path, STATUS, self.file_name + ".json")


def known(path: str) -> list[str]:
    """The file names of all jobs."""
    directory = os.path.join(path, JOBS)
    if not os.path.isdir(directory):
        return []
    return sorted(entry[: -len(".json")] for entry in os.listdir(directory) if entry.endswith(".json"))


def load(path: str, file_name: str) -> Job:
    """The job of a set, by the name of its files."""
    source = os.path.join(path, JOBS, file_name + ".json")
    value = files.read_json(source) if file_name == os.path.basename(file_name) else None
    if value is None:
        have = ", ".join(known(path)) or "none"
        raise UsageError("there is no job %r below %s; there is: %s" % (file_name, path, have))
    try:
        if value["version"] != VERSION:
            raise ValueError
        job = _from_json(path, value)
    except (KeyError, TypeError, ValueError):
        raise StateError(
            "%s is no job of version %d" % (source, VERSION), hint="Run the playbook that writes it again."
        ) from None
    if job.file_name != file_name:
        raise StateError("%s has the job %r, whose file has another name" % (source, job.name))
    return job


def _from_json(path: str, value: Mapping[str, Any]) -> Job:
    client = {name: each for name, each in value["client"].items() if each is not None}
    for name in ("program", "arguments"):
        client[name] = tuple(client.get(name, ()))
    client["variables"] = tuple(sorted(client.get("variables", {}).items()))
    return Job(
        path=path,
        name=value["name"],
        host=value["host"],
        domains=tuple(value["domains"]),
        client=Client(**client),
        renewal=value["renewal"],
        certificate=value["certificate"],
        deploy=value["deploy"],
        adopt=tuple((each["certificate"], each["key"]) for each in value.get("adopt", ())),
        on_failure=tuple(tuple(command) for command in value.get("on_failure", ())),
    )
