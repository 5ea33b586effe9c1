# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a CA looks for to validate control of a domain, ``/.well-known/pki-validation/`` of a web root.

The Baseline Requirements give the place (CA/Browser Forum, section 3.2.2.4.18), the CA gives name and content.
"""

from __future__ import annotations

import re
from typing import Any

from .._core.errors import UsageError
from .webfiles import Want, WebFiles, directory

_PLACE = "/.well-known/pki-validation/"
_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_CONTENT = re.compile(r"\A[\x20-\x7e\r\n\t]{1,4096}\Z")


class ValidationFiles(WebFiles):
    def want(self, params: dict[str, Any]) -> Want:
        place = directory(params["webroot"], "pki-validation")
        present = params["state"] == "present"
        wanted: list[tuple[str, str | None]] = []
        for file in params["files"]:
            path, content = file["path"], file["content"] or None
            name = path[len(_PLACE) :] if path.startswith(_PLACE) else ""
            # it comes from a provider: one name, and none that leads elsewhere
            if not _NAME.match(name):
                raise UsageError("the path %r is not %s and a plain file name" % (path[:150], _PLACE))
            if present and content is None:
                raise UsageError("the file %s has no content" % path)
            if content is not None and not _CONTENT.match(content):
                raise UsageError("the content of %s is not plain text of at most 4096 characters" % path)
            if present and dict(wanted).get(name, content) != content:
                raise UsageError(
                    "files has two contents for %s" % path,
                    hint="One host has one such file at a time; validate by a TXT record in its place.",
                )
            wanted.append((name, content))
        return Want(place, tuple(dict.fromkeys(wanted)), present)
