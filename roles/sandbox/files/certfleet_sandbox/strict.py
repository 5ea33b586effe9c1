# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict reading of JSON requests: what a simulator tolerates, no test would find."""

from __future__ import annotations

import json
from typing import Any

from certfleet_sandbox.web import Answer, Request


class Refused(Exception):
    """The request is wrong; `errors` names each wrong member."""

    def __init__(self, status: int, errors: dict[str, list[str]]) -> None:
        super().__init__(status, errors)
        self.status, self.errors = status, errors

    def answer(self) -> Answer:
        return errors(self.status, self.errors)


def errors(status: int, found: dict[str, list[str]]) -> Answer:
    return Answer.json(status, {"errors": found}, refused=found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _value in pairs}) < len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def post(request: Request) -> None:
    if request.method != "POST":
        raise Refused(405, {"method": [f"{request.method} is not allowed"]})
    if request.query:
        raise Refused(400, {"query": ["is not allowed"]})


def json_object(request: Request) -> dict[str, Any]:
    """The request's body, which has to be a JSON object."""
    content_type = request.headers.get("content-type", "").replace(" ", "").lower()
    if content_type not in ("application/json", "application/json;charset=utf-8"):
        raise Refused(415, {"content_type": ["must be application/json"]})
    try:
        value = json.loads(request.body.decode("utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        raise Refused(400, {"body": [f"is not JSON: {error.__class__.__name__}"]}) from None
    if not isinstance(value, dict):
        raise Refused(400, {"body": ["must be an object"]})
    return value


def members(request: Request, names: tuple[str, ...]) -> dict[str, str]:
    """The request's JSON object, which has exactly these members, each a string with something in it."""
    value = json_object(request)
    found: dict[str, list[str]] = {name: ["is unknown"] for name in value if name not in names}
    for name in names:
        if name not in value:
            found[name] = ["is missing"]
        elif not isinstance(value[name], str):
            found[name] = ["must be a string"]
        elif not value[name].strip():
            found[name] = ["must not be empty"]
    if found:
        raise Refused(400, found)
    return value
