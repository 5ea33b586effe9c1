# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host gets that renews by itself, on the controller: the files of the program, the jobs, the accounts and the timers."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any, Mapping

from .._acme import account
from .._core import files
from .._core.errors import StateError, UsageError
from . import account_files, bundle, timers
from .job import CERTBOT, CLIENTS, EXTERNAL, JOBS, LEGO, SECRETS

PROGRAM = "certfleet-host.pyz"
AUTHORITIES = "ca"
_PROGRAM_MODE, _OPEN = 0o755, 0o644


def build(
    options: Mapping[str, Any], work: Mapping[str, Mapping[str, str]], predicting: bool = False
) -> dict[str, str]:
    """Absolute paths on the host, each with the mode in octal digits, a blank and the content in Base64.

    ``work`` has for each issuer the settings of its DNS provider. ``predicting``: an account may be one that is yet to be registered.
    """
    path = options["path"]
    program = os.path.join(path, PROGRAM)
    found = {program: _file(bundle.build(), _PROGRAM_MODE)} if options["jobs"] else {}
    for entry in options["jobs"]:
        own, client = _job(path, entry, work.get(entry["issuer"]) or {}, predicting)
        found.update(own)
        target = os.path.join(path, JOBS, entry["file_name"] + ".json")
        found[target] = _file(_json({**entry["job"], "client": client}))
        found.update(_timer(options, entry, program))
    if options["timers"] == "systemd" and options["jobs"]:
        longest = max(entry["job"]["client"].get("timeout") or 0 for entry in options["jobs"])
        service = timers.service(_command(options, program), longest)
        found[os.path.join(options["unit_path"], timers.service_name())] = _file(service.encode("utf-8"), _OPEN)
    return found


def _job(
    path: str, entry: Mapping[str, Any], settings: Mapping[str, str], predicting: bool
) -> tuple[dict[str, str], dict[str, Any]]:
    """The files of one job, and its client, which is told where they are."""
    client = dict(entry["job"]["client"])
    if client["kind"] == EXTERNAL:
        return {}, client
    known = _known(entry, client, predicting)
    found = {
        os.path.join(path, CLIENTS, entry["file_name"], name): _file(content)
        for name, content in (_account(known, client) if known else {}).items()
    }
    if entry.get("ca_path"):
        client["ca_path"] = os.path.join(path, AUTHORITIES, entry["issuer"] + ".pem")
        found[client["ca_path"]] = _file(_read(entry["ca_path"]), _OPEN)
    if client.get("dns"):
        place = os.path.join(path, SECRETS, entry["issuer"])
        if client["kind"] == LEGO:
            # lego reads a variable from the file that the same variable with _FILE names (platform/config/env)
            found.update({os.path.join(place, name): _file(_text(value)) for name, value in settings.items()})
            client["variables"] = {name + "_FILE": os.path.join(place, name) for name in sorted(settings)}
        elif client["kind"] == CERTBOT and settings:
            target = os.path.join(place, "certbot.ini")
            lines = ["%s = %s" % (name, _quoted(name, str(settings[name]))) for name in sorted(settings)]
            found[target] = _file(_text("\n".join(lines) + "\n"))
            option = "--dns-%s-credentials" % client["dns"]
            client["arguments"] = [*client.get("arguments", ()), option, target]
    return found, client


def _known(entry: Mapping[str, Any], client: dict[str, Any], predicting: bool) -> tuple[bytes, str] | None:
    """The key and the URL of the account, which the client is told, too."""
    key_path = entry.get("account_key_path")
    if not key_path:
        raise UsageError("the job %s has no account_key_path" % entry["name"])
    known, key = account.load(key_path), files.read(key_path)
    if known is None or key is None:
        if predicting:
            return None
        raise StateError(
            "there is no account with the key %s yet" % key_path,
            hint="Run acme_account first; the role host_renewal does.",
        )
    if known["directory_url"] != client["server"]:
        raise StateError("the account key %s belongs to the directory %s" % (key_path, known["directory_url"]))
    client["account"] = hashlib.sha256(known["url"].encode("utf-8")).hexdigest()[:16]
    return key, known["url"]


def _account(known: tuple[bytes, str], client: dict[str, Any]) -> dict[str, bytes]:
    found = account_files.build(client["kind"], *known, client["server"], client["email"])
    if client["kind"] == CERTBOT:
        # after a change of the account there are two, and certbot would ask which one
        name = os.path.basename(os.path.dirname(min(found)))
        client["arguments"] = [*client.get("arguments", ()), "--account", name]
    return found


def _timer(options: Mapping[str, Any], entry: Mapping[str, Any], program: str) -> dict[str, str]:
    host, name, file_name = entry["job"]["host"], entry["name"], entry["file_name"]
    if options["timers"] == "systemd":
        target = os.path.join(options["unit_path"], timers.timer_name(file_name))
        text = timers.timer(file_name, entry["interval"], host, name)
    else:
        target = os.path.join(options["cron_path"], timers.cron_name(file_name))
        text = timers.crontab(file_name, entry["interval"], host, name, _command(options, program))
    return {target: _file(text.encode("utf-8"), _OPEN)}


def _command(options: Mapping[str, Any], program: str) -> tuple[str, ...]:
    for word in (options["python"], program):
        if not word.isprintable():
            raise UsageError("%r cannot be in the command of a timer" % word)
    return options["python"], "-I", program


def _file(content: bytes, mode: int = files.SECRET) -> str:
    """One text, for the option is secret: Ansible takes each of its values out of the result, and a mode alone is in many a name."""
    return "%04o %s" % (mode, base64.b64encode(content).decode("ascii"))


def _quoted(name: str, value: str) -> str:
    """A value for certbot, which reads the file by ConfigObj: plain, a hash would end it and a comma make a list of it. Nothing can be escaped."""
    marks = ("'''", '"""') if "\n" in value else ('"', "'", "'''", '"""')
    mark = next((each for each in marks if each not in value), None)
    if mark is None or "%(" in value or not name.isprintable():
        # the value is secret
        raise UsageError("client_dns_settings: %r cannot be said in a file of certbot" % name)
    return mark + value + mark


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode("utf-8") + b"\n"


def _text(value: Any) -> bytes:
    return str(value).encode("utf-8")


def _read(path: str) -> bytes:
    content = files.read(os.path.expanduser(path))
    if content is None:
        raise StateError("%s does not exist" % path)
    return content
