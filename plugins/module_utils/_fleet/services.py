# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services by name, as options of ``certificate_deploy`` (pure)."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._core import options
from .._core.errors import UsageError
from .._core.options import Option

_COMMANDS = ("config_test", "reload", "recover")
_HINTS = ("owner", "group", "key_mode")


def _commands(value: Any) -> list[list[str]]:
    """One command as a list of words, or a list of commands."""
    if not isinstance(value, (list, tuple)):
        raise options.refuse("a command as a list of words, or a list of commands", value)
    several = value and isinstance(value[0], (list, tuple))
    found = [options.texts(command) for command in (value if several else [value] if value else [])]
    return [list(command) for command in found]


_SERVICE = {
    **{name: Option(_commands) for name in _COMMANDS},
    "without_systemd": Option(lambda value: options.entry(value, {name: Option(_commands) for name in _COMMANDS})),
    "bundles": Option(options.texts),
    "owner": Option(options.text),
    "group": Option(options.text),
    "key_mode": Option(options.mode),
}


def for_deploy(names: Iterable[str], known: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What the services of one certificate need, together. Whose the files are must not differ among them, unless ``own`` says it."""
    chosen = {name: _service(name, known) for name in names}
    found: dict[str, Any] = {}
    for option in _COMMANDS:
        commands = [command for each in chosen.values() for command in each.get(option, ())]
        if commands or option == "reload":
            found[option] = commands
        others = [each.get("without_systemd", {}) for each in chosen.values()]
        if any(option in other for other in others):
            instead = [
                command
                for each, other in zip(chosen.values(), others)
                for command in other.get(option, each.get(option, ()))
            ]
            found.setdefault("without_systemd", {})[option] = instead
    bundles = list(dict.fromkeys(bundle for each in chosen.values() for bundle in each.get("bundles", ())))
    if bundles and "bundles" not in own:
        found["bundles"] = bundles
    for option in _HINTS:
        values = {each[option] for each in chosen.values() if option in each}
        if option in own:
            continue
        if len(values) > 1:
            raise UsageError(
                "the services %s want different values of %s" % (", ".join(chosen), option),
                hint="Give %s for this certificate." % option,
            )
        if values:
            found[option] = values.pop()
    return found


def _service(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if name not in known:
        raise UsageError(
            "there is no service %s%s" % (options.shown(name), options.did_you_mean(name, known)),
            hint="Correct services, or describe it in certificate_deploy_services.",
        )
    try:
        return options.entry(known[name], _SERVICE)
    except UsageError as error:
        raise options.at("the service %s" % name, error) from None
