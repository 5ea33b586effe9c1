# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ACME server suggests about a renewal (RFC 9773), asked by the host itself: not every lego and certbot can.

Two GETs without an account. A server without this service, no answer and a bad one are no failure: the share of the life decides then.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from datetime import timedelta
from http.client import HTTPException
from typing import Any

from .._core import files
from .._core.clock import Clock, iso, parse_iso
from .._core.errors import InvalidData, StateError, UsageError
from .._http.retry import retry_after
from .._http.urls import check_url
from .._renewal.decision import Window
from .._x509 import der
from .._x509.window import parse_window
from .job import EXTERNAL, Job
from .pair import Pair, leaf_der

FILE = "renewal.json"
_TIMEOUT = 10.0
_LIMIT = 64 * 1024
_USUAL, _SHORTEST, _LONGEST = 6 * 3600.0, 60.0, 24 * 3600.0
_AUTHORITY_KEY = "2.5.29.35"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        """Another place is an error, as everywhere."""


def window(job: Job, found: Pair, clock: Clock, ask: bool = True) -> Window | None:
    """The server's window for a certificate; what it said is kept for as long as it wants. Without ``ask`` that is all."""
    if job.client.kind == EXTERNAL:
        return None
    path = os.path.join(job.client_path, FILE)
    note = _note(path)
    known = note.get("serial") == found.serial
    if not known and not ask:
        return None
    if ask and (not known or _over(note, clock)):
        note = _ask(job, found, clock)
        files.make_directory(job.client_path)
        files.write_json(path, note)
    try:
        return Window(parse_iso(note["start"]), parse_iso(note["end"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def certificate_id(certificate: bytes) -> str | None:
    """RFC 9773 section 4.1, of DER; ``None`` for a certificate that does not name its issuer's key."""
    try:
        fields = der.children(certificate, der.children(certificate, der.element(certificate))[0])
        serial = next(each for each in fields if each.tag == der.INTEGER)
        key = _authority_key(certificate, next(each for each in fields if each.tag == der.CONTEXT_3))
    except (ValueError, IndexError, StopIteration):
        return None
    return None if not key else "%s.%s" % (_base64url(key), _base64url(der.content(certificate, serial)))


def _authority_key(certificate: bytes, extensions: der.Element) -> bytes | None:
    for extension in der.children(certificate, der.children(certificate, extensions)[0]):
        parts = der.children(certificate, extension)
        if der.dotted(der.content(certificate, parts[0])) == _AUTHORITY_KEY:
            value = der.content(certificate, parts[-1])
            identifiers = der.children(value, der.element(value))
            return next((der.content(value, each) for each in identifiers if each.tag == 0x80), None)
    return None


def _note(path: str) -> dict[str, Any]:
    try:
        return files.read_json(path) or {}
    except StateError:
        return {}


def _over(note: dict[str, Any], clock: Clock) -> bool:
    try:
        return parse_iso(note["ask_again"]) <= clock.now()
    except (KeyError, TypeError, ValueError, AttributeError):
        return True


def _ask(job: Job, found: Pair, clock: Clock) -> dict[str, Any]:
    note: dict[str, Any] = {"serial": found.serial, "problem": None}
    pause = _USUAL
    try:
        directory, _asked = _get(job, job.client.server, clock)
        base, identifier = directory.get("renewalInfo"), certificate_id(leaf_der(found))
        if not isinstance(base, str) or identifier is None:
            note["problem"], pause = "the directory has no renewalInfo, or the certificate no issuer's key", _LONGEST
        else:
            answer, asked = _get(job, base.rstrip("/") + "/" + identifier, clock)
            suggested = parse_window(answer)
            note.update(start=iso(suggested.start), end=iso(suggested.end))
            pause = _USUAL if asked is None else min(max(asked, _SHORTEST), _LONGEST)
    except (InvalidData, UsageError, OSError, HTTPException, ValueError) as error:
        note["problem"] = type(error).__name__
    return {**note, "ask_again": iso(clock.now() + timedelta(seconds=pause))}


def _get(job: Job, url: str, clock: Clock) -> tuple[dict[str, Any], float | None]:
    check_url(url)
    context = ssl.create_default_context(cafile=job.client.ca_path)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
    with opener.open(urllib.request.Request(url, headers={"Accept": "application/json"}), timeout=_TIMEOUT) as answer:
        value = json.loads(answer.read(_LIMIT).decode("utf-8"))
        if not isinstance(value, dict):
            raise InvalidData("the answer is not a JSON object")
        return value, retry_after(answer.headers.get("Retry-After"), clock.now())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
