# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public files below ``.well-known`` of a web root: read, compared, published and removed. What they are is for others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable

from .._core import files
from .._core.errors import StateError, UsageError
from .._core.plan import Plan, Step
from . import access
from .access import Access

_DIRECTORY_MODE = 0o755


@dataclass(frozen=True)
class Want:
    """Names in the directory and their contents. To be absent with a content means: with that content alone."""

    directory: str
    files: tuple[tuple[str, str | None], ...]
    present: bool


@dataclass(frozen=True)
class Have:
    content: bytes
    access: Access


def directory(webroot: str, *place: str) -> str:
    if not os.path.isabs(webroot):
        raise UsageError(
            "webroot is %r, not an absolute path" % webroot, hint='Write it from the root on, like "/var/www/html".'
        )
    return os.path.join(os.path.normpath(webroot), ".well-known", *place)


class WebFiles:
    """The resource without its ``want``. The files are public; nothing here is secret."""

    def read(self, want: Want) -> dict[str, Have]:
        found: dict[str, Have] = {}
        for name, _content in want.files:
            path = os.path.join(want.directory, name)
            try:
                content, given = files.read(path), access.of(path)
            except NotADirectoryError:
                raise StateError(
                    "%s is not a directory" % want.directory,
                    hint="Correct webroot, or move away the file in its place.",
                ) from None
            if content is not None and given is not None:
                found[name] = Have(content, given)
        return found

    def plan(self, want: Want, have: dict[str, Have]) -> Plan:
        steps: list[Step] = []
        before: dict[str, object] = {}
        after: dict[str, object] = {}
        for name, content in want.files:
            found, path = have.get(name), os.path.join(want.directory, name)
            if want.present and content is not None and not (found and _same(found, content)):
                steps.append(Step("publish", path, data=(path, content)))
                after[name] = {"content": content, "mode": "%04o" % files.PUBLIC}
            elif not want.present and found and content in (None, found.content.decode("utf-8", "replace")):
                steps.append(Step("remove", path, data=(path, None)))
                after[name] = None
            else:
                continue
            before[name] = _describe(found)
        return Plan(tuple(steps), before, after, reason="" if steps else "every file is as it should be")

    def apply(self, step: Step) -> None:
        actions: dict[str, Callable[..., None]] = {"publish": _publish, "remove": _remove}
        actions[step.action](*step.data)

    def show(self, want: Want, have: dict[str, Have], plan: Plan) -> dict[str, Any]:
        return {"paths": [os.path.join(want.directory, name) for name in dict(want.files)]}


def _same(found: Have, content: str) -> bool:
    return found.content == content.encode("ascii") and found.access.mode == files.PUBLIC


def _describe(found: Have | None) -> dict[str, str] | None:
    if found is None:
        return None
    return {"content": found.content[:200].decode("utf-8", "replace"), "mode": "%04o" % found.access.mode}


def _publish(path: str, content: str) -> None:
    access.make_directory(os.path.dirname(path), _DIRECTORY_MODE)
    files.write(path, content.encode("ascii"), files.PUBLIC)


def _remove(path: str, _content: None) -> None:
    files.remove(path)
