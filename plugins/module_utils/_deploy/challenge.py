# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""http-01 challenges as files of a web root (RFC 8555 section 8.3)."""

from __future__ import annotations

import re
from typing import Any

from .._core.errors import UsageError
from .webfiles import Want, WebFiles, directory

_TOKEN = re.compile(r"\A[A-Za-z0-9_-]{1,128}\Z")
_THUMBPRINT = re.compile(r"\A[A-Za-z0-9_-]{43}\Z")  # SHA-256 in Base64url without padding (RFC 8555 section 8.1)


class HttpChallenges(WebFiles):
    """Files that an ACME server asks for."""

    def want(self, params: dict[str, Any]) -> Want:
        place = directory(params["webroot"], "acme-challenge")
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
        return Want(place, tuple(wanted.items()), present)


def _fits(token: str, content: str | None) -> bool:
    start = token + "."
    return content is not None and content.startswith(start) and bool(_THUMBPRINT.match(content[len(start) :]))
