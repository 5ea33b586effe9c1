# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side: reads certificate sets from the state directory and proves them before they travel.

Not for managed hosts: it needs ``_x509``.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Collection, Mapping

from .._core import files, names
from .._core.clock import iso
from .._core.errors import StateError
from . import glance, keystores, model
from .model import KEY, LINK

# What the host needs not know.
_SECRET = ("keystore_password", "keystore_password_path")


@dataclass(frozen=True)
class Loaded:
    """A proven set: its facts as suboptions of the module, and its files."""

    options: dict[str, Any]
    contents: dict[str, bytes]
    warnings: tuple[str, ...]


def load(sets_path: str, options: Mapping[str, Any], now: datetime, writing: bool = False) -> Loaded:
    """The live version of one set; ``VerifyError`` when its parts do not fit together or do not fit ``options``.

    Bundles that cannot be made twice are kept beside it if ``writing``.
    """
    from .._x509 import verify

    name, domains = options["name"], model.domains(options)
    version = _version(os.path.join(sets_path, names.file_name(name)), name)
    proven = verify.verify_set(
        key_pem=_read(version, KEY),
        fullchain_pem=_read(version, "fullchain.pem"),
        names=domains,
        now=now,
        source=os.path.join(version, "fullchain.pem"),
        extra=_added_by_ca(os.path.join(version, "meta.json")),
    )
    contents = {
        KEY: _read(version, KEY),
        "meta.json": _read(version, "meta.json"),
        "chain.pem": proven.chain_pem,
        "fullchain.pem": proven.fullchain_pem,
        "cert.pem": proven.cert_pem,
    }
    contents.update(keystores.bundles(version, options, contents, writing))
    facts = {
        **options,
        "domains": list(domains),
        "serial": proven.leaf.serial,
        "fingerprint": proven.leaf.fingerprint,
        "not_after": iso(proven.leaf.not_after),
        "names": list(proven.leaf.names),
    }
    return _loaded(facts, contents, proven.warnings)


def look(sets_path: str, options: Mapping[str, Any], now: datetime, writing: bool = False) -> Loaded:
    """The same for comparing only: without a proof, where that is enough."""
    name = options["name"]
    version = _version(os.path.join(sets_path, names.file_name(name)), name)
    contents = {file: files.read(os.path.join(version, file)) or b"" for file in model.FILES}
    facts = glance.facts(contents, options, now)
    if facts is None:
        return load(sets_path, options, now, writing)
    contents.update(keystores.bundles(version, options, contents, writing))
    return _loaded(facts, contents, ())


def _loaded(facts: dict[str, Any], contents: dict[str, bytes], warnings: tuple[str, ...]) -> Loaded:
    facts["digests"] = {file: model.sha256(contents[file]) for file in model.files(facts)}
    return Loaded({name: value for name, value in facts.items() if name not in _SECRET}, contents, warnings)


def _added_by_ca(path: str) -> list[str]:
    """Names that were not asked for, and taken when the certificate was issued."""
    found = (files.read_json(path) or {}).get("extra_names")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def arguments(loaded: list[Loaded], travelling: Collection[str]) -> dict[str, Any]:
    """The arguments of the module that replace those of the task: all facts, and the contents of those sets that travel."""
    return {
        "certificates": [given(each.options) for each in loaded],
        "contents": {
            each.options["name"]: {file: base64.b64encode(data).decode("ascii") for file, data in each.contents.items()}
            for each in loaded
            if each.options["name"] in travelling
        },
    }


def given(value: Any) -> Any:
    """Without options that are not set: of one with choices the module does not take an explicit null."""
    if isinstance(value, dict):
        return {key: given(each) for key, each in value.items() if each is not None}
    return [given(each) for each in value] if isinstance(value, list) else value


def exists(sets_path: str, name: str) -> bool:
    """Whether the set has a live version."""
    return _live(os.path.join(sets_path, names.file_name(name))) is not None


def predicted(result: Mapping[str, Any], certificates: list[dict[str, Any]], missing: list[str]) -> dict[str, Any]:
    """The module's result in check mode, with the sets that can be installed as soon as they are issued."""
    steps = [{"action": "install", "subject": "%s (once it is issued)" % name, "cost": "free"} for name in missing]
    known = {each["name"]: each for each in result["sets"]}
    after = dict.fromkeys(missing, "installed once it is issued")
    shown = {
        "changed": True,
        "sets": [known.get(each["name"]) or _unissued(each) for each in certificates],
        "steps": [*result["steps"], *steps],
        "reason": "%s; %d not issued yet" % (result["reason"], len(missing)),
    }
    if "diff" in result:
        before = dict.fromkeys(missing, "not issued yet")
        diff = result["diff"]
        shown["diff"] = {"before": {**diff["before"], **before}, "after": {**diff["after"], **after}}
    return shown


def _unissued(options: Mapping[str, Any]) -> dict[str, Any]:
    facts = ("serial", "fingerprint", "previous_serial", "current", "not_after", "path")
    names_wanted = sorted(model.domains(options))
    return {"name": options["name"], **dict.fromkeys(facts), "names": names_wanted, "changed": True, "endpoints": []}


def _live(path: str) -> str | None:
    target = files.read_link(os.path.join(path, LINK))
    return target if target is not None and os.path.isdir(os.path.join(path, target)) else None


def _version(path: str, name: str) -> str:
    target = _live(path)
    if target is None:
        raise StateError(
            "there is no certificate set %r yet (%s does not exist)" % (name, os.path.join(path, LINK)),
            hint="Issue it first: run the playbook certfleet.reseller.issue, or correct sets_path.",
        )
    return os.path.join(path, target)


def _read(version: str, file: str) -> bytes:
    path = os.path.join(version, file)
    content = files.read(path)
    if content is None:
        raise StateError(
            "%s does not exist, the certificate set is not complete" % path,
            hint="Restore it from a backup, or remove the set's link 'current' and issue the certificate again.",
        )
    return content
