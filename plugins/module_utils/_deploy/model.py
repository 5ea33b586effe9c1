# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted on a host: plain facts that can be made on the controller as well as on the host."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

from .._core import names
from .._core.errors import InvalidData, UsageError

KEY = "privkey.pem"
# Key first, certificate last: the order in which they are written. The request stays on the controller.
FILES = (KEY, "meta.json", "chain.pem", "fullchain.pem", "cert.pem")
# What services want that do not read separate files. They have the key in them, and its mode.
COMBINED, KEYSTORE = "combined.pem", "keystore.p12"
BUNDLES = (COMBINED, KEYSTORE)
LINK = "current"
# who asks an endpoint, and the address that it asks by default
HOST, CONTROLLER = "host", "controller"
_HERE = "127.0.0.1"

Command = Tuple[str, ...]
Seen = Tuple[Tuple[Optional[str], Optional[str]], ...]

SERIAL = re.compile(r"\A[0-9a-f]{1,64}\Z")
_SHA256 = re.compile(r"\A[0-9a-f]{64}\Z")
_MODE = re.compile(r"\A0[0-7]{3}\Z")


@dataclass(frozen=True)
class Endpoint:
    """Where a certificate must be served."""

    address: str
    port: int
    server_name: str
    starttls: str | None = None
    key_type: str | None = None
    proof_from: str = HOST

    def __str__(self) -> str:
        host = "[%s]" % self.address if ":" in self.address else self.address
        beyond = "from the controller" if self.proof_from == CONTROLLER else None
        return "%s:%d (%s)" % (
            host,
            self.port,
            ", ".join(filter(None, (self.server_name, self.starttls, self.key_type, beyond))),
        )

    def show(self) -> dict[str, object]:
        """For results."""
        return {
            "address": self.address,
            "port": self.port,
            "server_name": self.server_name,
            "starttls": self.starttls,
            "key_type": self.key_type,
            "proof_from": self.proof_from,
        }


@dataclass(frozen=True)
class Service:
    """What the services of a set are told: before a reload, for it, and when they do not serve after a way back."""

    config_test: tuple[Command, ...] = ()
    reload: tuple[Command, ...] = ()
    recover: tuple[Command, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.config_test or self.reload)


@dataclass(frozen=True)
class SetWant:
    """One certificate set. ``digests`` are pairs of file name and SHA-256.

    ``endpoints`` are asked from the host, ``remote`` ones from the controller, which only the action plugin can do.
    """

    name: str
    directory: str
    serial: str
    fingerprint: str
    not_after: str
    names: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]
    owner: str | None
    group: str | None
    key_mode: int
    mode: int
    service: Service
    endpoints: tuple[Endpoint, ...]
    remote: tuple[Endpoint, ...] = ()
    unit: str | None = None

    def mode_of(self, file: str) -> int:
        return self.key_mode if file == KEY or file in BUNDLES else self.mode

    @property
    def looked_after(self) -> bool:
        """Whether anything may follow a switch, of this set or of others of its unit: what was begun is remembered until that is done."""
        return bool(self.service or self.endpoints or self.remote or self.unit)


@dataclass(frozen=True)
class Want:
    """All sets of a host. ``contents`` (set name -> file name -> bytes) is only for those that must be written.

    ``seen`` is there when an earlier call has deployed the sets, and tells what the controller saw: per set, what each of its
    ``remote`` endpoints served and why it served nothing.
    """

    root: str
    directory_mode: int
    keep: int
    proof_timeout: float
    sets: tuple[SetWant, ...]
    contents: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, repr=False, compare=False)
    seen: Mapping[str, Seen] | None = None

    def path(self, wanted: SetWant, *parts: str) -> str:
        return os.path.join(self.root, wanted.directory, *parts)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def want(params: Mapping[str, Any], systemd: bool | None = None) -> Want:
    """The options of the module, normalised and checked.

    ``systemd`` says whether the host has it, and so which commands are meant; who does not know gets both.
    """
    directory_mode = _mode("directory_mode", params["directory_mode"])
    if directory_mode & 0o700 != 0o700:
        raise UsageError("directory_mode is %r: its owner could not work in it" % params["directory_mode"])
    if params["keep"] < 0:
        raise UsageError("keep is %d, less than 0" % params["keep"])
    if params["proof_timeout"] <= 0:
        raise UsageError("proof_timeout is %s, not more than 0" % params["proof_timeout"])
    sets = tuple(_set(options, systemd) for options in params["certificates"])
    refuse_twice("the certificate", [wanted.name for wanted in sets])
    refuse_twice("the endpoint", [str(endpoint) for wanted in sets for endpoint in wanted.endpoints])
    return Want(
        root(params),
        directory_mode,
        params["keep"],
        params["proof_timeout"],
        sets,
        _contents(params, sets),
        _seen(params, sets),
    )


def root(params: Mapping[str, Any]) -> str:
    """The directory below which the sets are."""
    path = os.path.normpath(str(params["root"]))
    if not os.path.isabs(path) or path == "/":
        raise UsageError("root is %r, which is not an absolute path of a directory" % params["root"])
    return path


def domains(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that a certificate must carry."""
    return names.dns_names(list(options["domains"] or [options["name"]]))


def _set(options: Mapping[str, Any], systemd: bool | None) -> SetWant:
    name = options["name"]
    digests = options["digests"] or {}
    wanted = files(options)
    sound = (
        SERIAL.match(options["serial"] or "")
        and _SHA256.match(options["fingerprint"] or "")
        and set(digests) == set(wanted)
        and all(isinstance(digest, str) and _SHA256.match(digest) for digest in digests.values())
    )
    if not sound:
        raise UsageError(
            "the facts of the certificate set %r did not travel to the host" % name,
            hint="Run the module as a task: its action plugin reads the set on the controller.",
        )
    key_mode = _mode("key_mode of %r" % name, options["key_mode"])
    if key_mode & 0o037:
        raise UsageError(
            "key_mode of %r is %r: others could read the private key, or its group change it"
            % (name, options["key_mode"]),
            hint="Use '0600', or '0640' with a group.",
        )
    mode = _mode("mode of %r" % name, options["mode"])
    if mode & 0o002:
        raise UsageError("mode of %r is %r: everybody could change the certificate" % (name, options["mode"]))
    return SetWant(
        name=name,
        directory=names.file_name(name),
        serial=options["serial"],
        fingerprint=options["fingerprint"],
        not_after=options["not_after"],
        names=tuple(options["names"] or ()),
        digests=tuple((file, digests[file]) for file in wanted),
        owner=options["owner"],
        group=options["group"],
        key_mode=key_mode,
        mode=mode,
        service=_service(options, systemd),
        endpoints=endpoints(options),
        remote=endpoints(options, CONTROLLER),
        unit=options.get("unit") or None,
    )


def files(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of a set, in the order in which they are written."""
    return (*(bundle for bundle in BUNDLES if bundle in (options.get("bundles") or ())), *FILES)


def _service(options: Mapping[str, Any], systemd: bool | None) -> Service:
    own, other = options, options.get("without_systemd") or {}
    found = {}
    for option in ("config_test", "reload", "recover"):
        usual, instead = own.get(option) or [], other.get(option)
        lists = [usual] if systemd or instead is None else [instead] if systemd is False else [usual, instead]
        commands = tuple(tuple(str(word) for word in command) for each in lists for command in each)
        if not all(command and command[0] for command in commands):
            raise UsageError(
                "%s of %r has an empty command" % (option, options["name"]),
                hint="Write it like [[systemctl, reload, nginx]].",
            )
        found[option] = commands
    return Service(**found)


def endpoints(options: Mapping[str, Any], proof_from: str = HOST) -> tuple[Endpoint, ...]:
    """Where a set must be served, or must not be any more, as far as this side is to ask."""
    found = [_endpoint(options["name"], endpoint, domains(options)) for endpoint in options["endpoints"]]
    return tuple(endpoint for endpoint in found if endpoint.proof_from == proof_from)


def _endpoint(name: str, options: Mapping[str, Any], served: tuple[str, ...]) -> Endpoint:
    port = options["port"]
    if not 1 <= port <= 65535:
        raise UsageError("an endpoint of %r has the port %d" % (name, port))
    server_name = names.dns_name(options["server_name"] or served[0])
    if server_name.startswith("*."):
        # A client never asks for a wildcard; this label stands for any.
        server_name = "certfleet-probe." + server_name[2:]
    address = _HERE if options.get("address") is None else options["address"]
    return Endpoint(
        address, port, server_name, options.get("starttls"), options.get("key_type"), options.get("proof_from") or HOST
    )


def _seen(params: Mapping[str, Any], sets: tuple[SetWant, ...]) -> dict[str, Seen] | None:
    told = params.get("seen")
    if told is None:
        return None
    found = {name: tuple((served, reason) for served, reason in pairs) for name, pairs in told.items()}
    if {wanted.name: len(wanted.remote) for wanted in sets} != {name: len(pairs) for name, pairs in found.items()}:
        raise InvalidData("what the controller saw was damaged on its way to the host")
    return found


def _contents(params: Mapping[str, Any], sets: tuple[SetWant, ...]) -> dict[str, dict[str, bytes]]:
    digests = {wanted.name: dict(wanted.digests) for wanted in sets}
    result: dict[str, dict[str, bytes]] = {}
    for name, encoded in (params["contents"] or {}).items():
        try:
            content = {file: base64.b64decode(encoded[file], validate=True) for file in digests[name]}
            sound = all(sha256(data) == digests[name][file] for file, data in content.items())
        except (KeyError, TypeError, binascii.Error):
            sound = False
        if not sound:
            raise InvalidData("the content of the certificate set %r was damaged on its way to the host" % name)
        result[name] = content
    return result


def refuse_twice(what: str, values: list[str]) -> None:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise UsageError("certificates has %s %s twice" % (what, twice), hint="Remove one of the two.")


def _mode(what: str, text: str) -> int:
    if not _MODE.match(text):
        raise UsageError("%s is %r" % (what, text), hint="Write it as four octal digits in quotes, like '0644'.")
    return int(text, 8)
