# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How lego and certbot are called, and where they leave what they were issued.

No call has a secret in it: the account was registered by the controller, and what a DNS provider wants is in files.
"""

from __future__ import annotations

import os
import re
from typing import Collection

from .._core.errors import CollectionError
from .._deploy.model import Command
from .job import CERTBOT, LEGO, Client, Job

# The only one whose options and files are known here (https://go-acme.github.io/lego/migration/cli/).
_LEGO = 4
_LIVE = "live"
_VERSION = re.compile(r"\bversion v?((\d+)\.[0-9.]+)")


class ClientError(CollectionError):
    """The ACME client failed. Its own words are in ``detail``."""

    kind = "client"


def check_version(said: str) -> None:
    """Refuses a lego with another command line, by what its ``--version`` said. Debian's builds say no number; they are taken for version 4."""
    found = _VERSION.search(said)
    if found and int(found.group(2)) > _LEGO:
        raise ClientError(
            "lego %s has other options than lego %d, and keeps accounts in other files" % (found.group(1), _LEGO),
            hint="Install lego %d, or set client: certbot in the issuer." % _LEGO,
        )


def sources(job: Job) -> list[tuple[str, str]]:
    """Chain and key: the client's own, then those to be taken over. Who goes back to another client goes on with what ours has left."""
    stem = os.path.join(job.client_path, "certificates", job.domains[0].replace("*", "_"))
    lego = [(stem + ".crt", stem + ".key")]
    certbot = [
        (os.path.join(live, "fullchain.pem"), os.path.join(live, "privkey.pem"))
        for live in (os.path.join(job.client_path, _LIVE, name) for name in _lineages(job))
    ]
    return [*(certbot + lego if job.client.kind == CERTBOT else lego + certbot), *job.adopt]


def command(job: Job, have: Collection[str] | None, source: str | None = None) -> Command:
    """What issues a certificate, now and whatever is there. ``have`` are the names of the client's own last one, ``source`` is where
    the chain of the present one is."""
    return _lego(job, have) if job.client.kind == LEGO else _certbot(job, source)


def variables(client: Client) -> dict[str, str]:
    """For its environment: names of files."""
    found = dict(client.variables)
    if client.ca_path:
        found["LEGO_CA_CERTIFICATES" if client.kind == LEGO else "REQUESTS_CA_BUNDLE"] = client.ca_path
    return found


def _lineages(job: Job) -> list[str]:
    """Of certbot, ours first. One that a killed run has left in pieces certbot leaves alone, and makes another one with a number."""
    live = os.path.join(job.client_path, _LIVE)
    found = sorted(os.listdir(live)) if os.path.isdir(live) else []
    return [job.file_name, *(name for name in found if re.fullmatch(re.escape(job.file_name) + r"-\d{4}", name))]


def _lego(job: Job, have: Collection[str] | None) -> Command:
    client = job.client
    argv = [*client.program, "--path", job.client_path, "--server", client.server, "--email", client.email]
    # --eab: without it lego ends where a directory requires a binding, though its account has one
    argv += ["--accept-tos", "--eab", "--key-type", _lego_key(client)]
    for domain in job.domains:
        argv += ["--domains", domain]
    if client.dns:
        argv += ["--dns", client.dns]
    elif client.webroot:
        argv += ["--http", "--http.webroot", client.webroot]
    else:
        argv += ["--http", "--http.port", client.listen or ":80"]
    argv += client.arguments
    # "renew" keeps names that are wanted no more, and tells the server what it replaces where it can
    renew = have is not None and set(have) == set(job.domains)
    argv += ["renew", "--days", "-1", "--no-random-sleep"] if renew else ["run"]
    if client.preferred_chain:
        argv += ["--preferred-chain", client.preferred_chain]
    if client.profile:
        argv += ["--profile", client.profile]
    return tuple(argv)


def _lego_key(client: Client) -> str:
    return "%s%d" % ("rsa" if client.key_type == "rsa" else "ec", client.key_size)


def _certbot(job: Job, source: str | None) -> Command:
    client = job.client
    own = {os.path.join(job.client_path, _LIVE, name, "fullchain.pem"): name for name in _lineages(job)}
    lineage = own.get(source or "", job.file_name)
    argv = [*client.program, "certonly", "--non-interactive", "--agree-tos", "--server", client.server]
    for option, directory in (("config", ""), ("work", "work"), ("logs", "logs")):
        argv += ["--%s-dir" % option, os.path.join(job.client_path, directory).rstrip("/")]
    argv += ["--cert-name", lineage, "--force-renewal", "--renew-with-new-domains", "--key-type", client.key_type]
    if client.key_type == "rsa":
        argv += ["--rsa-key-size", str(client.key_size)]
    else:
        argv += ["--elliptic-curve", "secp%dr1" % client.key_size]
    for domain in job.domains:
        argv += ["--domain", domain]
    if client.dns:
        argv += ["--authenticator", "dns-" + client.dns]
    elif client.webroot:
        argv += ["--webroot", "--webroot-path", client.webroot]
    else:
        address, _colon, port = (client.listen or ":80").rpartition(":")
        argv += ["--standalone", "--http-01-port", port]
        argv += ["--http-01-address", address.strip("[]")] if address else []
    if client.preferred_chain:
        argv += ["--preferred-chain", client.preferred_chain]
    if client.profile:
        argv += ["--preferred-profile", client.profile]
    return (*argv, *client.arguments)
