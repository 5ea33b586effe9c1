# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""http-01 challenges as files of a web root (RFC 8555 section 8.3)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Callable

from .._core import files
from .._core.errors import StateError, UsageError
from .._core.plan import Plan, Step
from . import access
from .access import Access

_TOKEN = re.compile(r"\A[A-Za-z0-9_-]{1,128}\Z")
_THUMBPRINT = re.compile(r"\A[A-Za-z0-9_-]{43}\Z")  # SHA-256 in Base64url without padding (RFC 8555 section 8.1)
_PLACE = os.path.join(".well-known", "acme-challenge")
_DIRECTORY_MODE = 0o755


@dataclass(frozen=True)
class Want:
    """Tokens and what their files hold; ``None``: no file."""

    directory: str
    files: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Have:
    content: bytes
    access: Access


class HttpChallenges:
    """Files that an ACME server asks for. They are public; nothing here is secret."""

    def want(self, params: dict[str, Any]) -> Want:
        if not os.path.isabs(params["webroot"]):
            raise UsageError("webroot is %r, not an absolute path" % params["webroot"])
        present = params["state"] == "present"
        wanted: dict[str, str | None] = {}
        for challenge in params["challenges"]:
            token, content = challenge["token"], challenge["content"]
            # The token comes from the ACME server and becomes a file name: only what the RFC allows (CVE-2026-40611).
            if not _TOKEN.match(token):
                raise UsageError("%r is not a token of an http-01 challenge" % token[:150])
            if present and not _fits(token, content):
                raise UsageError(
                    "the content for the token %s is not its key authorization" % token,
                    hint="It is the token, a dot and the account key's thumbprint.",
                )
            if wanted.setdefault(token, content if present else None) != (content if present else None):
                raise UsageError("challenges has two contents for the token %s" % token)
        return Want(os.path.join(os.path.normpath(params["webroot"]), _PLACE), tuple(wanted.items()))

    def read(self, want: Want) -> dict[str, Have]:
        found: dict[str, Have] = {}
        for token, _content in want.files:
            path = os.path.join(want.directory, token)
            try:
                content, given = files.read(path), access.of(path)
            except NotADirectoryError:
                raise StateError("%s is not a directory" % want.directory, hint="Move it away and run again.") from None
            if content is not None and given is not None:
                found[token] = Have(content, given)
        return found

    def plan(self, want: Want, have: dict[str, Have]) -> Plan:
        steps: list[Step] = []
        before: dict[str, object] = {}
        after: dict[str, object] = {}
        for token, content in want.files:
            found, path = have.get(token), os.path.join(want.directory, token)
            if content is None and found:
                steps.append(Step("remove", path, data=(path, None)))
            elif content is not None and not (found and _same(found, content)):
                steps.append(Step("publish", path, data=(path, content)))
            else:
                continue
            before[token] = _describe(found)
            after[token] = None if content is None else {"content": content, "mode": "%04o" % files.PUBLIC}
        return Plan(tuple(steps), before, after, reason="" if steps else "every file is as it should be")

    def apply(self, step: Step) -> None:
        actions: dict[str, Callable[..., None]] = {"publish": _publish, "remove": _remove}
        actions[step.action](*step.data)

    def show(self, want: Want, have: dict[str, Have], plan: Plan) -> dict[str, Any]:
        return {"paths": [os.path.join(want.directory, token) for token, _content in want.files]}


def _fits(token: str, content: str | None) -> bool:
    start = token + "."
    return content is not None and content.startswith(start) and bool(_THUMBPRINT.match(content[len(start) :]))


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
