# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed among the results of tasks, as sentences (pure)."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping

SUPPRESSED = "failed_when_suppressed_exception"


def sentences(results: Any) -> list[str]:
    """``results``: registered variables, or a mapping of whom they are about. Each sentence once, in order."""
    if isinstance(results, Mapping):
        return list(dict.fromkeys(_failed(results.items())))
    return list(dict.fromkeys(_failed(("", each) for each in results)))


def _failed(named: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Modules give ``msg`` when they fail and at no other time; so does Ansible for one that broke down.

    ``failed`` says nothing: tasks that do not hold up the others have ``failed_when: false``.
    """
    for name, result in named:
        if "results" in result:
            yield from _failed((_item(each) or name, each) for each in result["results"])
            continue
        sentence = _sentence(result)
        if sentence is not None:
            yield "%s: %s" % (name, sentence) if name else sentence


def _sentence(result: Mapping[str, Any]) -> str | None:
    if result.get("skipped"):
        return None
    if "msg" in result:
        return str(result["msg"])
    # ansible-core 2.19 and later keep no message of a module that did not get to its end
    if SUPPRESSED in result:
        return "a module broke down without a word. ANSIBLE_DISPLAY_TRACEBACK=always shows why."
    return None


def _item(result: Mapping[str, Any]) -> str:
    """What the loop was at."""
    return str(result.get(result.get("ansible_loop_var", "item"), ""))
