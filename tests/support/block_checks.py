# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the options in a block: each function gives sentences, none where all is well.

Values with templates are unknown until a play runs; they count as given, and as right.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.certfleet.reseller.plugins.filter.fleet_certificates import fleet_certificates
from ansible_collections.certfleet.reseller.plugins.filter.fleet_issuers import fleet_issuers
from ansible_collections.certfleet.reseller.plugins.module_utils._core.errors import CollectionError
from ansible_collections.certfleet.reseller.plugins.module_utils._fleet.issuers import renewal
from jinja2 import Environment, TemplateSyntaxError

from tests.support.blocks import ROOT, is_variable, role_options

# Groups and hosts that the texts speak of.
GROUPS = {
    "all": ["web1", "web2", "web3", "mail1", "desk"],
    "webservers": ["web1", "web2"],
    "web": ["web1"],
    "loadbalancers": ["web3"],
    "mailservers": ["mail1"],
}
# A collection that the tests do not have: options of its modules are not known.
OTHERS = ("ansible.controller.",)
PLACEHOLDERS: dict[str, Any] = {"list": [], "dict": {}, "int": 1, "float": 1.0, "bool": True}
ROLE_CALLS = {f"ansible.builtin.{name}" for name in ("import_role", "include_role")}
NOT_MODULES = {f"ansible.builtin.{name}" for name in ("import_tasks", "include_tasks", "meta")}


def templates(value: Any) -> Iterator[str]:
    """All texts with a template in a value, whatever its depth."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from templates(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from templates(entry)


def template_faults(value: Any) -> list[str]:
    found = []
    for text in templates(value):
        try:
            Environment(autoescape=True).parse(text)
        except TemplateSyntaxError as error:
            found.append(f"{text}: {error.message}")
    return found


# --- options ----------------------------------------------------------------------------------------------------------


def known(options: Mapping[str, Any], value: Any) -> Any:
    """The value, with something that fits in the place of what a template will give."""
    if not isinstance(value, Mapping):
        return value
    return {name: _filled(options.get(name, {}), entry) for name, entry in value.items()}


def _filled(option: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, str) and any(templates(value)):
        return (
            next(iter(option["choices"]))
            if option.get("choices")
            else PLACEHOLDERS.get(str(option.get("type", "str")), value)
        )
    inside = option.get("options") or option.get("suboptions") or {}
    if isinstance(value, list):
        return [known(inside, entry) if isinstance(entry, Mapping) else entry for entry in value]
    return known(inside, value)


def spec(options: Mapping[str, Any]) -> dict[str, Any]:
    """The argument spec that documented options are."""
    kept = ("type", "elements", "choices", "required", "aliases")
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in kept if key in option}
        if "choices" in option:
            found[name]["choices"] = list(option["choices"])  # some are documented one by one, as a dictionary
        if inside := option.get("options") or option.get("suboptions"):
            found[name]["options"] = spec(inside)
    return found


def option_faults(options: Mapping[str, Any], given: Mapping[str, Any], whose: str) -> list[str]:
    result = ArgumentSpecValidator(spec(options)).validate(known(options, dict(given)))
    texts = [name for name in given if options.get(name, {}).get("type", "str") in ("str", "path")]
    faults = [f"{whose}: {name} is a text" for name in texts if isinstance(given[name], list | Mapping)]
    return faults + [f"{whose}: {message}" for message in result.error_messages]


@functools.cache
def module_options(name: str) -> dict[str, Any] | None:
    """As documented, which ansible-test compares with the argument spec; None for a module that is not there."""
    found = module_loader.find_plugin_with_context(name)
    if not found.resolved:
        return None
    documentation = get_docstring(found.plugin_resolved_path, fragment_loader)[0]
    options: dict[str, Any] = documentation["options"]
    return options


# --- tasks and plays --------------------------------------------------------------------------------------------------


def flat(tasks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks or []:
        inner = [part for part in ("block", "rescue", "always") if part in task]
        for part in inner:
            yield from flat(task[part])
        if not inner:
            yield task


def module_of(task: Mapping[str, Any]) -> str:
    """The name of a task's module, and a fault if that is not clear."""
    names = [name for name in task if name not in Task.fattributes and not name.startswith("with_")]
    if len(names) != 1:
        raise ValueError(f"{task.get('name')}: a module is missing, or there are several: {names}")
    return names[0]


def task_faults(task: Mapping[str, Any]) -> list[str]:
    name = module_of(task)
    faults = template_faults(task)
    faults += [] if "name" in task else [f"{name}: the task has no name"]
    if name in ROLE_CALLS:
        return faults + role_faults(task[name]["name"], task.get("vars", {}))
    if name in NOT_MODULES or name.startswith(OTHERS):
        return faults
    options = module_options(name)
    if options is None:
        return [*faults, f"{name}: there is no such module"]
    given = task[name] if isinstance(task[name], Mapping) else {}
    if name == "ansible.builtin.set_fact":
        return faults
    return faults + option_faults(options, given, name)


def role_faults(name: str, variables: Mapping[str, Any]) -> list[str]:
    path = ROOT / "roles" / name.removeprefix("certfleet.reseller.")
    if not name.startswith("certfleet.reseller.") or not path.is_dir():
        return [f"{name}: there is no such role"]
    return variable_faults(variables)


def play_faults(play: Mapping[str, Any]) -> list[str]:
    if imported := play.get("ansible.builtin.import_playbook", play.get("import_playbook")):
        return [] if playbook(imported) else [f"{imported}: unknown"]
    faults = [f"{name}: no keyword of a play" for name in play if name not in Play.fattributes]
    for role in play.get("roles", []):
        faults += role_faults(role["role"], role.get("vars", {})) if isinstance(role, dict) else role_faults(role, {})
    for part in ("tasks", "pre_tasks", "post_tasks", "handlers"):
        for task in flat(play.get(part, [])):
            faults += task_faults(task)
    return faults + variable_faults(play.get("vars", {}))


def playbook(name: str) -> Path | None:
    path = ROOT / "playbooks" / f"{name.removeprefix('certfleet.reseller.')}.yml"
    return path if name.startswith("certfleet.reseller.") and path.exists() else None


# --- the inventory ----------------------------------------------------------------------------------------------------


@functools.cache
def read_from() -> dict[str, dict[str, Any]]:
    """The option of a role whose default a shared variable is, for its type."""
    found: dict[str, dict[str, Any]] = {}
    for path in ROOT.glob("roles/*/defaults/main.yml"):
        for name, default in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if isinstance(default, str) and default.startswith("{{ certfleet_"):
                found.setdefault(default.split()[1], role_options()[name])
    return found


def variable_faults(variables: Mapping[str, Any]) -> list[str]:
    """Unknown variables of ours, values of the wrong type, and what the collection itself says of issuers and certificates."""
    faults = template_faults(variables)
    prefixes = ("certfleet_", *(path.name + "_" for path in (ROOT / "roles").iterdir()))
    options = {}
    for name in variables:
        if name.startswith(prefixes) and not is_variable(name):
            faults.append(f"{name}: neither a role nor a playbook knows it")
        option = role_options().get(name) or read_from().get(name)
        options.update({name: {**option, "required": False}} if option else {})
    given = {name: variables[name] for name in options}
    return faults + option_faults(options, given, "variables") + fleet_faults(variables)


def fleet_faults(variables: Mapping[str, Any]) -> list[str]:
    """Issuers that the block leaves to others are there, of a kind that fits everything; without any, it is about deployment alone."""
    certificates = variables.get("certfleet_certificates", [])
    issuers = variables.get("certfleet_issuers")
    names = {entry["issuer"] for entry in certificates if "issuer" in entry}
    if issuers is None and names:
        usual = {"kind": "acme", "contact": "tls@a.example", "directory_url": "https://ca.example/directory"}
        issuers = dict.fromkeys(names, usual)
    try:
        renewal(variables.get("certfleet_renewal", {}))
        fleet_issuers(issuers or {})
        fleet_certificates(certificates, issuers, groups=GROUPS)
    except (AnsibleFilterError, CollectionError) as error:
        return [str(error)]
    return []
