# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which URLs a request may go to (pure)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from .._core.errors import UsageError, clean

_USER = re.compile(r"//[^/]*@")
_ODD = re.compile(r"[\s\x00-\x20\x7f\\]")


def check_url(url: str, what: str = "URL") -> str:
    """The URL itself, if it is https, or http to a loopback address; without credentials. Else a ``UsageError``."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises ValueError for a bad port
    except ValueError:
        host = ""
    if _ODD.search(url) or not host:
        shown = clean(_USER.sub("//", url))
        raise UsageError("%s %r is not a valid URL" % (what, shown), hint='Write it like "https://host/path".')
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "%s for %s contains credentials" % (what, host),
            hint="Leave them out of the address, and give them by the options made for them.",
        )
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return url
    raise UsageError(
        "%s %s is not https" % (what, clean(url)),
        hint="Write it with https, or secrets would travel in clear (http is for loopback addresses alone).",
    )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> str:
    """``https://host:port``: what may be shown of a URL from outside."""
    parts = urlsplit(url)
    return "%s://%s" % (parts.scheme, parts.netloc.rpartition("@")[2])
